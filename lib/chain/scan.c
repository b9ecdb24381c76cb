#include "chain/scan.h"
#include "base/error.h"
#include <string.h>

void env_seen_free(struct env_seen_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        env_free(list->ctx, list->item[i].name);
    }
    env_free(list->ctx, list->item);
    *list = (struct env_seen_list){.ctx = list->ctx};
}

static envelope_status add(struct env_seen_list *list, const struct env_seen *seen,
                           envelope_error *err)
{
    envelope_ctx *ctx = list->ctx;
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        struct env_seen *grown = env_alloc_array(ctx, room, sizeof *grown);
        if (!grown) {
            return env_nomem(err);
        }
        if (list->count) {
            memcpy(grown, list->item, list->count * sizeof *grown);
        }
        env_free(ctx, list->item);
        list->item = grown;
        list->room = room;
    }
    struct env_seen *to = &list->item[list->count];
    *to = *seen;
    to->name = env_strdup(ctx, seen->name);
    if (!to->name) {
        return env_nomem(err);
    }
    list->count++;
    return ENVELOPE_OK;
}

envelope_status env_headers_open(envelope_store *store, const char *name, struct env_opened *out,
                                 envelope_error *err)
{
    memset(out, 0, sizeof *out);
    envelope_status st = env_store_open(store, name, &out->file, err);
    if (st) {
        return st;
    }
    st = env_headers_read(env_store_ctx(store), env_store_read, &out->file, out->file.bytes,
                          &out->headers, err);
    if (st) {
        env_opened_close(out);
    }
    return st;
}

void env_opened_close(struct env_opened *opened)
{
    env_headers_free(opened->headers);
    opened->headers = NULL;
    if (opened->file.file) {
        env_store_close(&opened->file);
        opened->file.file = NULL;
    }
}

/* Failures that say something about the object, not about this process. */
static bool about_object(envelope_status st)
{
    return st == ENVELOPE_E_FORMAT || st == ENVELOPE_E_AUTH || st == ENVELOPE_E_UNSUPPORTED ||
           st == ENVELOPE_E_IO || st == ENVELOPE_E_LIMIT || st == ENVELOPE_E_REFUSED;
}

static envelope_status look(envelope_chain *chain, const struct env_listener *events,
                            const struct env_name *entry, bool in_meta, struct env_seen_list *out,
                            envelope_error *err)
{
    struct env_opened opened;
    envelope_error why = ENVELOPE_ERROR_INIT;
    struct env_seen seen = {.name = entry->name, .bytes = entry->bytes, .in_meta = in_meta};
    const struct env_subject subject = {.object = entry->name};
    seen.status = env_headers_open(chain->store, entry->name, &opened, &why);
    if (seen.status == ENVELOPE_E_NOT_FOUND) {
        return ENVELOPE_OK; /* removed meanwhile */
    }
    if (seen.status && !about_object(seen.status)) {
        return env_error_pass(err, seen.status, &why);
    }
    if (seen.status) {
        env_emit(events, ENVELOPE_EVENT_DAMAGED, seen.status, &subject, "%s: %s", entry->name,
                 why.message);
        return add(out, &seen, err);
    }
    seen.id = *env_headers_id(opened.headers);
    memcpy(seen.link, opened.headers->link, ENV_LINK_BYTES);
    env_opened_close(&opened);
    if (memcmp(seen.id.chain_id, chain->chain_id, ENV_CHAIN_ID_BYTES) != 0) {
        env_emit(events, ENVELOPE_EVENT_MISPLACED, ENVELOPE_E_AUTH, &subject,
                 "%s: the header claims another chain", entry->name);
        return ENVELOPE_OK;
    }
    return add(out, &seen, err);
}

static envelope_status list(envelope_chain *chain, const char *below, struct env_names *names,
                            envelope_error *err)
{
    char prefix[2 * ENV_NAME_MAX];
    size_t n = strlen(chain->folder);
    memcpy(prefix, chain->folder, n);
    memcpy(prefix + n, below, strlen(below) + 1);
    return env_store_list(chain->store, prefix, names, err);
}

static envelope_status scan_folder(envelope_chain *chain, const struct env_listener *events,
                                   const char *below, bool in_meta, struct env_seen_list *out,
                                   envelope_error *err)
{
    struct env_names names;
    envelope_status st = list(chain, below, &names, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; !st && i < names.count; i++) {
        const char *rest = names.item[i].name + strlen(chain->folder);
        if (env_name_is_object(rest) && (in_meta || env_name_is_keys_copy(rest))) {
            st = look(chain, events, &names.item[i], in_meta, out, err);
        }
    }
    env_names_free(&names);
    return st;
}

/* The copies first: a copy is made when its metadata has its name, so the metadata of what shows
 * there shows in meta/ too, also while others write. The other way round a copy made in between
 * would be the newest, and meta/ seem to have lost its own. */
envelope_status env_scan_metadata(envelope_chain *chain, const struct env_listener *events,
                                  struct env_seen_list *out, envelope_error *err)
{
    *out = (struct env_seen_list){.ctx = chain->ctx};
    envelope_status st = scan_folder(chain, events, "points/", false, out, err);
    st = st ? st : scan_folder(chain, events, "meta/", true, out, err);
    if (st) {
        env_seen_free(out);
    }
    return st;
}

/* The row of a name that carries a listed object id, SIZE_MAX otherwise. */
static size_t listed(const struct env_catalogue *catalogue, const char *rest)
{
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    if (!catalogue || !env_name_object_id(rest, object_id)) {
        return SIZE_MAX;
    }
    return env_catalogue_find_object(catalogue, object_id);
}

envelope_status env_scan_points(envelope_chain *chain, const struct env_catalogue *catalogue,
                                const struct env_listener *events, uint8_t *present,
                                struct env_seen_list *out, envelope_error *err)
{
    struct env_names names;
    *out = (struct env_seen_list){.ctx = chain->ctx};
    envelope_status st = list(chain, "points/", &names, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; !st && i < names.count; i++) {
        const char *rest = names.item[i].name + strlen(chain->folder);
        if (!env_name_is_object(rest) || env_name_is_keys_copy(rest)) {
            continue;
        }
        size_t row = listed(catalogue, rest);
        if (row == SIZE_MAX) {
            st = look(chain, events, &names.item[i], false, out, err);
        } else if (present) {
            present[row] = names.item[i].bytes == catalogue->rows[row].stored_bytes ? 1 : 2;
        }
    }
    env_names_free(&names);
    if (st) {
        env_seen_free(out);
    }
    return st;
}
