#include "chain/source.h"
#include "base/error.h"
#include "chain/points.h"
#include "object/tag.h"
#include <stdio.h>
#include <string.h>

void env_source_close(struct env_source *s)
{
    env_payload_reader_free(s->payload);
    s->payload = NULL;
    if (s->file.file) {
        env_store_close(&s->file);
        s->file.file = NULL;
    }
    if (s->name) {
        env_free(s->ctx, s->name);
        s->name = NULL;
    }
}

static envelope_status open_found(envelope_chain *chain, const struct env_row *row,
                                  const struct env_files *files, char name[ENV_NAME_MAX + 1],
                                  struct env_source *s, envelope_error *err)
{
    const struct env_name *found = env_files_find(files, row->object_id);
    envelope_status st = found ? env_store_open(chain->store, found->name, &s->file, err)
                               : env_fail(err, ENVELOPE_E_NOT_FOUND,
                                          "point %llu: its object %s is not in the repository",
                                          (unsigned long long)row->number, name);
    if (!st) {
        snprintf(name, ENV_NAME_MAX + 1, "%s", found->name);
    }
    return st;
}

/* The name that the writer gave it, else whatever file bears the object id. */
static envelope_status open_file(envelope_chain *chain, const struct env_row *row,
                                 const struct env_files *known, struct env_source *s,
                                 envelope_error *err)
{
    char name[ENV_NAME_MAX + 1];
    struct env_files files;
    env_row_name(chain, row, name);
    envelope_status st = env_store_open(chain->store, name, &s->file, err);
    if (st == ENVELOPE_E_NOT_FOUND && known) {
        st = open_found(chain, row, known, name, s, err);
    } else if (st == ENVELOPE_E_NOT_FOUND) {
        st = env_files_list(chain, &files, err);
        st = st ? st : open_found(chain, row, &files, name, s, err);
        env_files_free(chain, &files);
    }
    if (st) {
        return st;
    }
    s->name = env_strdup(chain->ctx, name);
    return s->name ? ENVELOPE_OK : env_nomem(err);
}

static bool is_damage(envelope_status st)
{
    return st == ENVELOPE_E_FORMAT || st == ENVELOPE_E_AUTH || st == ENVELOPE_E_UNSUPPORTED;
}

/* Does a copy verify under this DEK, whatever its box holds? */
static envelope_status tag_holds(const struct env_headers *headers, const envelope_dek *dek,
                                 bool *yes, envelope_error *err)
{
    uint8_t *key;
    *yes = false;
    envelope_status st = env_secret_new(headers->ctx, 32, &key, err);
    if (st) {
        return st;
    }
    st = env_key_header(headers->ctx, env_dek_key(dek), key, err);
    for (int i = 0; !st && i < 2; i++) {
        *yes = *yes ||
               (headers->whole[i] && !env_tag_check(headers->ctx, key, &headers->copy[i], NULL));
    }
    env_secret_free(headers->ctx, key, 32);
    return st;
}

/* crypto.md 4.2, LINK must match. A whole header under this DEK that is not the listed one was put
 * there by somebody who has the DEK: what lies behind it is his, and the catalogue must not serve
 * it either. */
static envelope_status check_link(struct env_source *s, const struct env_headers *headers,
                                  const envelope_dek *dek, const uint8_t link[ENV_LINK_BYTES],
                                  envelope_error *err)
{
    if (!memcmp(headers->link, link, ENV_LINK_BYTES)) {
        return ENVELOPE_OK;
    }
    envelope_status st = tag_holds(headers, dek, &s->replaced, err);
    return st ? st
              : env_fail(err, ENVELOPE_E_AUTH,
                         "the header is not the one that the catalogue lists");
}

/* What of the headers can be used with this DEK; *prefix is P when one copy verified. */
static envelope_status use_headers(struct env_source *s, const envelope_dek *dek,
                                   const uint8_t link[ENV_LINK_BYTES], uint8_t prefix[56],
                                   envelope_error *err)
{
    struct env_headers *headers;
    struct env_object *object = NULL;
    envelope_status st =
        env_headers_read(s->ctx, env_store_read, &s->file, s->file.bytes, &headers, err);
    if (st) {
        return st;
    }
    st = check_link(s, headers, dek, link, err);
    if (st) {
        env_headers_free(headers);
        return st;
    }
    st = env_object_unlock_with(headers, dek, &object, err);
    if (!st) {
        memcpy(s->copy, object->state, sizeof s->copy);
        memcpy(prefix, object->copy->prefix, ENV_PAYLOAD_PREFIX_BYTES);
        for (int i = 0; i < 2; i++) {
            /* a stale one is no fault: a rewrap was cut off between the copies (format.md 8.3) */
            if (s->copy[i] == ENV_COPY_DAMAGED || s->copy[i] == ENV_COPY_ALTERED) {
                s->headers = s->copy[i] == ENV_COPY_DAMAGED ? ENVELOPE_E_FORMAT : ENVELOPE_E_AUTH;
                snprintf(s->why, sizeof s->why, "header copy %c is %s", 'A' + i,
                         s->copy[i] == ENV_COPY_DAMAGED ? "damaged" : "altered");
            }
        }
    }
    env_object_free(object);
    return st;
}

static envelope_status open_payload(struct env_source *s, const envelope_dek *dek,
                                    const uint8_t id_short[ENV_ID_SHORT_BYTES],
                                    const uint8_t *prefix, uint8_t content, envelope_error *err)
{
    envelope_status st = env_payload_reader_new(s->ctx, dek, id_short, prefix, s->place,
                                                env_store_read, &s->file, false, &s->payload, err);
    return st ? st : env_payload_footer(s->payload, content, &s->footer, err);
}

static envelope_status open_listed(envelope_chain *chain, const struct env_row *row,
                                   const envelope_dek *dek, struct env_source *s,
                                   envelope_error *err)
{
    envelope_error why = ENVELOPE_ERROR_INIT;
    uint8_t id_short[ENV_ID_SHORT_BYTES];
    uint8_t prefix[ENV_PAYLOAD_PREFIX_BYTES];
    uint64_t capacity = (uint64_t)ENV_CAPACITY_MIN << row->capacity_log2;
    /* The catalogue knows the length, so bytes behind it or a lost tail do no harm. */
    s->place = (struct env_payload_place){2 * capacity, row->stored_bytes - 2 * capacity - 64};
    if (row->stored_bytes < 2 * capacity + 64 || s->file.bytes < s->place.offset + s->place.bytes) {
        s->part = "object";
        return env_fail(err, ENVELOPE_E_FORMAT, "cut: there are %llu of %llu bytes",
                        (unsigned long long)s->file.bytes, (unsigned long long)row->stored_bytes);
    }
    envelope_status st = use_headers(s, dek, row->link, prefix, &why);
    if (st && (s->replaced || !is_damage(st))) {
        s->part = s->replaced ? "header copies A and B" : s->part;
        return env_error_pass(err, st, &why);
    }
    s->served = st                          ? ENV_SERVED_CATALOGUE
                : s->headers != ENVELOPE_OK ? ENV_SERVED_TWIN
                                            : ENV_SERVED_WHOLE;
    if (st) {
        s->headers = st;
        s->copy[0] = s->copy[1] = ENV_COPY_DAMAGED;
        snprintf(s->why, sizeof s->why, "%.190s", why.message);
    }
    env_row_id(row, chain->chain_id, id_short);
    return open_payload(s, dek, id_short, st ? NULL : prefix, row->content, err);
}

static void tell(envelope_chain *chain, const struct env_source *s, uint64_t point)
{
    const struct env_listener events = ENV_LISTENER(chain->ctx);
    const struct env_subject subject = {.object = s->name, .point = point};
    if (s->served == ENV_SERVED_WHOLE) {
        return;
    }
    env_emit(&events, ENVELOPE_EVENT_REPAIRED, s->headers, &subject, "%s: served %s: %s", s->name,
             s->served == ENV_SERVED_TWIN ? "from the other copy of the header"
                                          : "by the catalogue alone",
             s->why);
}

envelope_status env_source_listed(envelope_chain *chain, const struct env_catalogue *c, size_t row,
                                  const struct env_files *files, struct env_source *s,
                                  envelope_error *err)
{
    const struct env_row *r = &c->rows[row];
    envelope_dek *dek = NULL;
    memset(s, 0, sizeof *s);
    s->ctx = chain->ctx;
    s->part = "payload";
    envelope_status st = env_row_dek(c, row, &dek, err);
    st = st ? st : open_file(chain, r, files, s, err);
    st = st ? st : open_listed(chain, r, dek, s, err);
    envelope_dek_free(dek);
    if (st && s->name) {
        env_error_prefix(err, "point %llu (%s)", (unsigned long long)r->number, s->name);
    }
    if (st) {
        env_source_close(s);
        return st;
    }
    if (s->footer.bytes != r->bytes) {
        env_source_close(s);
        return env_fail(err, ENVELOPE_E_AUTH, "point %llu is not the one that the catalogue lists",
                        (unsigned long long)r->number);
    }
    tell(chain, s, r->number);
    return ENVELOPE_OK;
}

envelope_status env_source_extra(envelope_chain *chain, const struct env_extra *extra,
                                 const envelope_dek *dek, struct env_source *s, envelope_error *err)
{
    uint8_t prefix[ENV_PAYLOAD_PREFIX_BYTES];
    uint8_t id_short[ENV_ID_SHORT_BYTES];
    uint64_t capacity = (uint64_t)ENV_CAPACITY_MIN << extra->row.capacity_log2;
    memset(s, 0, sizeof *s);
    s->ctx = chain->ctx;
    s->part = "header copies A and B";
    envelope_status st = env_store_open(chain->store, extra->name, &s->file, err);
    if (st) {
        return st;
    }
    s->name = env_strdup(chain->ctx, extra->name);
    st = s->name ? ENVELOPE_OK : env_nomem(err);
    st = st ? st : use_headers(s, dek, extra->row.link, prefix, err);
    if (!st && s->file.bytes < 2 * capacity + 64) {
        s->part = "object";
        st = env_fail(err, ENVELOPE_E_FORMAT, "%s is too short", s->name);
    }
    if (!st) {
        s->part = "payload";
        s->served = s->headers ? ENV_SERVED_TWIN : ENV_SERVED_WHOLE;
        s->place = (struct env_payload_place){2 * capacity, s->file.bytes - 2 * capacity - 64};
        env_row_id(&extra->row, chain->chain_id, id_short);
        st = open_payload(s, dek, id_short, prefix, extra->row.content, err);
    }
    if (st) {
        env_source_close(s);
        return st;
    }
    tell(chain, s, extra->row.number);
    return ENVELOPE_OK;
}

envelope_status env_source_of_view(envelope_chain *chain, const struct env_view *view, size_t i,
                                   const struct env_files *files, struct env_source *out,
                                   envelope_error *err)
{
    const struct env_point_at *at = &view->at[i];
    envelope_dek *dek = NULL;
    if (at->row != SIZE_MAX) {
        return env_source_listed(chain, view->catalogue, at->row, files, out, err);
    }
    envelope_status st = env_extras_dek(view->extras, at->extra, &dek, err);
    st = st ? st : env_source_extra(chain, &view->extras->item[at->extra], dek, out, err);
    envelope_dek_free(dek);
    return st;
}
