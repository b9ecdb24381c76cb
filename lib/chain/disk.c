#include "chain/disk.h"
#include "base/error.h"
#include "base/text.h"
#include "chain/scan.h"
#include "crypto/digest.h"
#include <string.h>

struct env_disk {
    envelope_chain *chain; /* retained */
    struct env_catalogue *catalogue;
    struct env_row row;
    envelope_dek *dek;
    const struct env_source *source;
    struct env_image *image;
    struct env_object *object; /* the point's header, where it was needed and opens */
};

/* -- the point's own box */

static envelope_status load_box(struct env_disk *d, envelope_error *err)
{
    struct env_headers *headers;
    struct env_store_file *file = (struct env_store_file *)(uintptr_t)&d->source->file;
    envelope_status st =
        env_headers_read(d->chain->ctx, env_store_read, file, file->bytes, &headers, err);
    return st ? st : env_object_unlock_with(headers, d->dek, &d->object, err);
}

/* The DEK of an object that the box names; out in the arena. E_NOT_FOUND. */
static envelope_status boxed_dek(const struct env_disk *d, const uint8_t link[ENV_LINK_BYTES],
                                 envelope_dek **out, envelope_error *err)
{
    for (uint32_t i = 0; d->object && i < d->object->box.count; i++) {
        const uint8_t *pair = d->object->box.pairs + (size_t)i * ENV_PAIR_BYTES;
        if (!memcmp(pair, link, ENV_LINK_BYTES)) {
            return env_dek_from(d->chain->ctx, pair + ENV_LINK_BYTES, out, err);
        }
    }
    return env_fail(err, ENVELOPE_E_NOT_FOUND,
                    "neither the catalogue nor the point's own header knows the key of an object "
                    "that it inherits from");
}

envelope_status env_disk_hash_key(struct env_disk *d, uint8_t out[32], envelope_error *err)
{
    bool found = false;
    if (d->row.standing != ENV_ATTESTED) {
        return env_derive(d->chain->ctx, env_dek_key(d->dek), "block hash", NULL, 0, out, err);
    }
    if (d->catalogue) {
        envelope_status st = env_catalogue_generation_key(
            d->catalogue, d->row.generation, "block hash", d->chain->chain_id, out, &found, err);
        if (st || found) {
            return st;
        }
    }
    envelope_status st = d->object ? ENVELOPE_OK : load_box(d, err);
    if (st) {
        env_error_prefix(err, "no metadata has the key of the point's block hashes, and its header "
                              "does not open");
        return st;
    }
    memcpy(out, d->object->box.block_hash, 32);
    return ENVELOPE_OK;
}

/* -- other objects */

static size_t listed(const struct env_catalogue *c, const uint8_t link[ENV_LINK_BYTES])
{
    size_t i = c ? env_catalogue_find_link(c, link) : SIZE_MAX;
    return i == SIZE_MAX || c->rows[i].flags & ENV_ROW_DEK_UNKNOWN ? SIZE_MAX : i;
}

/* Without the catalogue: whichever file's header has this LINK. */
static envelope_status find_file(struct env_disk *d, const uint8_t link[ENV_LINK_BYTES],
                                 char name[ENV_NAME_MAX + 1], envelope_error *err)
{
    const struct env_listener quiet = ENV_LISTENER(d->chain->ctx);
    struct env_seen_list seen = {.ctx = d->chain->ctx};
    bool found = false;
    envelope_status st = env_scan_points(d->chain, NULL, &quiet, NULL, &seen, err);
    for (size_t i = 0; !st && !found && i < seen.count; i++) {
        found = !seen.item[i].status && !memcmp(seen.item[i].link, link, ENV_LINK_BYTES);
        if (found) {
            env_text_copy(name, ENV_NAME_MAX + 1, seen.item[i].name);
        }
    }
    env_seen_free(&seen);
    return st || found ? st
                       : env_fail(err, ENVELOPE_E_NOT_FOUND,
                                  "an object that the point inherits blocks from is not in %s",
                                  d->chain->folder);
}

static envelope_status describe(struct env_disk *d, const char *name, const envelope_dek *dek,
                                struct env_extra *extra, envelope_error *err)
{
    struct env_opened opened;
    struct env_object *object = NULL;
    envelope_status st = env_headers_open(d->chain->store, name, &opened, err);
    if (st) {
        return st;
    }
    st = env_object_unlock_with(opened.headers, dek, &object, err);
    opened.headers = NULL;
    st = st ? st : env_extra_describe(object, &opened.file, name, extra, err);
    env_object_free(object);
    env_opened_close(&opened);
    return st;
}

static envelope_status open_boxed(struct env_disk *d, const uint8_t link[ENV_LINK_BYTES],
                                  struct env_source *source, struct env_row *row,
                                  envelope_error *err)
{
    char name[ENV_NAME_MAX + 1];
    struct env_extra extra = {0};
    envelope_dek *dek = NULL;
    envelope_status st = boxed_dek(d, link, &dek, err);
    st = st ? st : find_file(d, link, name, err);
    st = st ? st : describe(d, name, dek, &extra, err);
    /* The file may have become another one since it was found: whoever has this DEK can make a
     * header that says any generation, and be believed without the block hash. */
    if (!st && memcmp(extra.row.link, link, ENV_LINK_BYTES) != 0) {
        st = env_fail(err, ENVELOPE_E_AUTH, "%s is not the object that blocks are inherited from",
                      name);
    }
    st = st ? st : env_source_extra(d->chain, &extra, dek, source, err);
    *row = extra.row;
    env_extra_free(d->chain->ctx, &extra);
    envelope_dek_free(dek);
    return st;
}

static envelope_status open_object(struct env_disk *d, const uint8_t link[ENV_LINK_BYTES],
                                   struct env_source *source, struct env_row *row,
                                   envelope_error *err)
{
    size_t i = listed(d->catalogue, link);
    if (i == SIZE_MAX) {
        return open_boxed(d, link, source, row, err);
    }
    *row = d->catalogue->rows[i];
    return env_source_listed(d->chain, d->catalogue, i, NULL, source, err);
}

static envelope_status open_link(void *user, const uint8_t link[ENV_LINK_BYTES],
                                 struct env_image_source *out, envelope_error *err)
{
    struct env_disk *d = user;
    struct env_row row;
    memset(out, 0, sizeof *out);
    struct env_source *source = env_alloc(d->chain->ctx, sizeof *source);
    if (!source) {
        return env_nomem(err);
    }
    envelope_status st = open_object(d, link, source, &row, err);
    if (st) {
        env_free(d->chain->ctx, source);
        return st;
    }
    *out = (struct env_image_source){
        .payload = source->payload,
        .footer = source->footer,
        .same_generation = row.standing == ENV_ATTESTED && d->row.standing == ENV_ATTESTED &&
                           row.generation == d->row.generation,
        .opened = source,
    };
    return ENVELOPE_OK;
}

static void close_link(void *user, struct env_image_source *source)
{
    struct env_disk *d = user;
    env_source_close(source->opened);
    env_free(d->chain->ctx, source->opened);
}

/* -- open */

static envelope_status open_image(struct env_disk *d, envelope_error *err)
{
    const struct env_image_opener opener = {d, open_link, close_link};
    const struct env_image_source own = {
        .payload = d->source->payload, .footer = d->source->footer, .same_generation = true};
    uint8_t *key;
    envelope_status st = env_secret_new(d->chain->ctx, 32, &key, err);
    if (st) {
        return st;
    }
    st = env_disk_hash_key(d, key, err);
    st = st ? st : env_image_open(d->chain->ctx, &own, key, &opener, &d->image, err);
    env_secret_free(d->chain->ctx, key, 32);
    return st;
}

/* Before any thread reads: is there an object that only the point's own box can open? What then
 * does not open is told when a block of it is wanted. */
static void prepare(struct env_disk *d)
{
    bool all = true;
    for (size_t i = 0; all && i < env_image_objects(d->image); i++) {
        all = listed(d->catalogue, env_image_link(d->image, i)) != SIZE_MAX;
    }
    if (!all && !d->object) {
        (void)load_box(d, NULL);
    }
}

envelope_status env_disk_open(envelope_chain *chain, const struct env_disk_point *point,
                              struct env_disk **out, envelope_error *err)
{
    *out = NULL;
    struct env_disk *d = env_alloc(chain->ctx, sizeof *d);
    if (!d) {
        return env_nomem(err);
    }
    d->chain = env_chain_retain(chain);
    d->catalogue = point->catalogue ? env_catalogue_retain(point->catalogue) : NULL;
    d->row = *point->row;
    d->dek = env_dek_retain(point->dek);
    d->source = point->source;
    envelope_status st = open_image(d, err);
    if (st) {
        env_disk_close(d);
        return st;
    }
    prepare(d);
    *out = d;
    return ENVELOPE_OK;
}

envelope_status env_disk_of_view(envelope_chain *chain, const struct env_view *view, size_t i,
                                 const struct env_source *source, struct env_disk **out,
                                 envelope_error *err)
{
    const struct env_point_at *at = &view->at[i];
    envelope_dek *dek = NULL;
    *out = NULL;
    envelope_status st = at->row != SIZE_MAX ? env_row_dek(view->catalogue, at->row, &dek, err)
                                             : env_extras_dek(view->extras, at->extra, &dek, err);
    const struct env_disk_point point = {view->catalogue, env_view_row(view, i), dek, source};
    st = st ? st : env_disk_open(chain, &point, out, err);
    envelope_dek_free(dek);
    return st;
}

struct env_image *env_disk_image(const struct env_disk *disk)
{
    return disk->image;
}

const char *env_disk_object_name(const struct env_disk *d, size_t object,
                                 char out[ENV_NAME_MAX + 1])
{
    if (object == 0) {
        return d->source->name;
    }
    const uint8_t *link = env_image_link(d->image, object - 1);
    size_t i = listed(d->catalogue, link);
    if (i == SIZE_MAX) {
        return env_hex(out, link, ENV_LINK_BYTES);
    }
    env_row_name(d->chain, &d->catalogue->rows[i], out);
    return out;
}

void env_disk_close(struct env_disk *d)
{
    if (!d) {
        return;
    }
    envelope_chain *chain = d->chain;
    env_image_close(d->image);
    env_object_free(d->object);
    envelope_dek_free(d->dek);
    env_catalogue_release(d->catalogue);
    env_wipe(&d->row, sizeof d->row);
    env_free(chain->ctx, d);
    envelope_chain_free(chain);
}
