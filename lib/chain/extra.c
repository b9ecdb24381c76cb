#include "chain/extra.h"
#include "base/error.h"
#include "crypto/ctr.h"
#include "crypto/random.h"
#include "format/attributes.h"
#include "object/reader.h"
#include <stddef.h>
#include <string.h>

struct env_extras *env_extras_retain(struct env_extras *extras)
{
    if (extras) {
        atomic_fetch_add_explicit(&extras->refs, 1, memory_order_relaxed);
    }
    return extras;
}

void env_extra_free(envelope_ctx *ctx, struct env_extra *extra)
{
    env_free(ctx, extra->name);
    env_free(ctx, extra->slots);
    env_free(ctx, extra->label);
    env_free(ctx, extra->attributes);
    envelope_dek_free(extra->dek);
    memset(extra, 0, sizeof *extra);
}

void env_extras_release(struct env_extras *extras)
{
    if (!extras || atomic_fetch_sub_explicit(&extras->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    envelope_ctx *ctx = extras->ctx;
    for (size_t i = 0; i < extras->count; i++) {
        env_extra_free(ctx, &extras->item[i]);
    }
    env_free(ctx, extras->item);
    env_lookup_free(ctx, &extras->by_link);
    env_secret_free(ctx, extras->key, 32);
    env_free(ctx, extras);
    env_ctx_release(ctx);
}

envelope_status env_extras_new(envelope_ctx *ctx, struct env_extras **out, envelope_error *err)
{
    struct env_extras *e = env_alloc(ctx, sizeof *e);
    if (!e) {
        return env_nomem(err);
    }
    atomic_init(&e->refs, 1);
    e->ctx = env_ctx_retain(ctx);
    envelope_status st = env_secret_new(ctx, 32, &e->key, err);
    st = st ? st : env_random(e->key, 32, err);
    if (st) {
        env_extras_release(e);
        return st;
    }
    *out = e;
    return ENVELOPE_OK;
}

static const uint8_t *link_of(const void *items, size_t i)
{
    return ((const struct env_extra *)items)[i].row.link;
}

static envelope_status grow(struct env_extras *e, envelope_error *err)
{
    if (e->count < e->room) {
        return ENVELOPE_OK;
    }
    size_t room = e->room ? 2 * e->room : 8;
    struct env_extra *grown = env_alloc_array(e->ctx, room, sizeof *grown);
    if (!grown) {
        return env_nomem(err);
    }
    if (e->count) {
        memcpy(grown, e->item, e->count * sizeof *grown);
    }
    env_free(e->ctx, e->item);
    e->item = grown;
    e->room = room;
    return ENVELOPE_OK;
}

/* The key stream first, the DEK into it: it never lies here in plain. */
static envelope_status seal_dek(const struct env_extras *e, struct env_extra *extra,
                                envelope_error *err)
{
    extra->sealed_at = e->count;
    memset(extra->sealed_dek, 0, sizeof extra->sealed_dek);
    envelope_status st = env_ctr_xor(e->ctx, e->key, extra->sealed_at, extra->sealed_dek, err);
    const uint8_t *dek = env_dek_key(extra->dek);
    for (size_t i = 0; !st && i < sizeof extra->sealed_dek; i++) {
        extra->sealed_dek[i] ^= dek[i];
    }
    envelope_dek_free(extra->dek);
    extra->dek = NULL;
    return st;
}

envelope_status env_extras_add(struct env_extras *e, struct env_extra *extra, envelope_error *err)
{
    envelope_status st = grow(e, err);
    st = st ? st : seal_dek(e, extra, err);
    if (!st) {
        e->item[e->count] = *extra;
        st = env_lookup_extend(e->ctx, &e->by_link, e->item, e->count + 1, link_of, err);
    }
    if (st) {
        env_extra_free(e->ctx, extra);
        return st;
    }
    e->count++;
    return ENVELOPE_OK;
}

envelope_status env_extras_dek(const struct env_extras *e, size_t i, envelope_dek **out,
                               envelope_error *err)
{
    uint8_t *dek;
    envelope_status st = env_secret_new(e->ctx, 32, &dek, err);
    if (st) {
        return st;
    }
    memcpy(dek, e->item[i].sealed_dek, 32);
    st = env_ctr_xor(e->ctx, e->key, e->item[i].sealed_at, dek, err);
    st = st ? st : env_dek_from(e->ctx, dek, out, err);
    env_secret_free(e->ctx, dek, 32);
    return st;
}

size_t env_extras_find(const struct env_extras *e, const uint8_t link[ENV_LINK_BYTES])
{
    size_t i = e ? env_lookup_find(&e->by_link, e->item, link_of, link) : SIZE_MAX;
    return i == SIZE_MAX || memcmp(e->item[i].row.link, link, ENV_LINK_BYTES) != 0 ? SIZE_MAX : i;
}

envelope_status env_extras_arrange(struct env_extras *e, const size_t *order, size_t count,
                                   envelope_error *err)
{
    struct env_lookup by_link = {0};
    struct env_extra *item = env_alloc_array(e->ctx, e->room, sizeof *item);
    if (!item) {
        return env_nomem(err);
    }
    for (size_t i = 0; i < count; i++) {
        item[i] = e->item[order[i]];
    }
    envelope_status st = env_lookup_extend(e->ctx, &by_link, item, count, link_of, err);
    if (st) {
        env_free(e->ctx, item);
        return st;
    }
    for (size_t i = 0; i < count; i++) {
        memset(&e->item[order[i]], 0, sizeof e->item[0]);
    }
    for (size_t i = 0; i < e->count; i++) {
        env_extra_free(e->ctx, &e->item[i]);
    }
    env_free(e->ctx, e->item);
    env_lookup_free(e->ctx, &e->by_link);
    e->item = item;
    e->by_link = by_link;
    e->count = count;
    return ENVELOPE_OK;
}

/* -- one point described */

static uint64_t attribute_u64(struct env_bytes attributes, const char *name)
{
    struct env_bytes v;
    if (!env_attributes_find(attributes, name, &v)) {
        return 0;
    }
    struct env_cursor c = env_cursor_over(v.p, v.len);
    uint64_t value = env_get_u64(&c);
    return env_cursor_done(&c) ? value : 0;
}

static uint8_t capacity_log2(uint32_t capacity)
{
    uint8_t k = 0;
    while (((uint32_t)ENV_CAPACITY_MIN << k) < capacity) {
        k++;
    }
    return k;
}

static void fill_row(const struct env_object *object, const struct env_footer *f,
                     uint64_t stored_bytes, struct env_row *row)
{
    const struct env_id *id = &object->copy->id;
    *row = (struct env_row){
        .number = attribute_u64(object->box.attributes, ENV_ATTRIBUTE_NUMBER),
        .metadata_number = id->number,
        .serial = id->serial,
        .revision = object->copy->revision,
        .begun_ms = f->begun_ms,
        .ended_ms = f->ended_ms,
        .bytes = f->bytes,
        .stored_bytes = stored_bytes,
        .generation = id->generation,
        .format = id->format,
        .kind = id->kind,
        .standing = id->standing,
        .content = id->content,
        .capacity_log2 = capacity_log2(object->headers->capacity),
    };
    memcpy(row->object_id, id->object_id, ENV_OBJECT_ID_BYTES);
    memcpy(row->link, object->headers->link, ENV_LINK_BYTES);
}

static envelope_status copy_bytes(envelope_ctx *ctx, const void *p, size_t len, uint8_t **out,
                                  envelope_error *err)
{
    *out = env_alloc(ctx, len);
    if (!*out) {
        return env_nomem(err);
    }
    if (len) {
        memcpy(*out, p, len);
    }
    return ENVELOPE_OK;
}

static envelope_status read_final(envelope_ctx *ctx, const struct env_payload_reader *r,
                                  const struct env_footer *f, struct env_extra *out,
                                  envelope_error *err)
{
    if (f->attributes_len > ENV_ATTRIBUTES_MAX) {
        return env_fail(err, ENVELOPE_E_FORMAT, "final attributes are too long");
    }
    size_t len = (size_t)f->attributes_len;
    out->attributes = env_alloc(ctx, len);
    if (!out->attributes) {
        return env_nomem(err);
    }
    envelope_status st = env_payload_read(r, f->attributes_at, out->attributes, len, NULL, err);
    out->row.attributes_len = (uint16_t)len;
    return st ? st : env_attributes_check(ENV_BYTES(out->attributes, len), err);
}

static envelope_status describe(const struct env_object *object, const char *name,
                                uint64_t stored_bytes, const struct env_payload_reader *r,
                                struct env_extra *out, envelope_error *err)
{
    envelope_ctx *ctx = object->ctx;
    struct env_footer f;
    struct env_bytes label = {NULL, 0};
    envelope_status st = env_payload_footer(r, object->copy->id.content, &f, err);
    st = st ? st : env_attributes_check(object->box.attributes, err);
    if (st) {
        return st;
    }
    fill_row(object, &f, stored_bytes, &out->row);
    memcpy(out->parent, object->copy->id.parent, ENV_LINK_BYTES);
    (void)env_attributes_find(object->box.attributes, ENV_ATTRIBUTE_LABEL, &label);
    st = copy_bytes(ctx, label.p, label.len, &out->label, err);
    out->row.label_len = (uint16_t)label.len;
    st = st ? st : read_final(ctx, r, &f, out, err);
    if (st) {
        return st;
    }
    size_t slots =
        offsetof(struct env_slots, slot) + object->slots->count * sizeof(struct env_slot);
    out->name = env_strdup(ctx, name);
    out->slots = env_alloc(ctx, slots);
    if (!out->name || !out->slots) {
        return env_nomem(err);
    }
    memcpy(out->slots, object->slots, slots);
    out->dek = env_dek_retain(object->dek);
    return ENVELOPE_OK;
}

envelope_status env_extra_describe(const struct env_object *object, struct env_store_file *file,
                                   const char *name, struct env_extra *out, envelope_error *err)
{
    struct env_payload_reader *r = NULL;
    struct env_payload_place place = {2 * (uint64_t)object->headers->capacity, 0};
    memset(out, 0, sizeof *out);
    if (file->bytes < place.offset + 64) {
        return env_fail(err, ENVELOPE_E_FORMAT, "%s is too short", name);
    }
    place.bytes = file->bytes - place.offset - 64;
    envelope_status st =
        env_payload_reader_new(object->ctx, object->dek, object->copy->id_bytes,
                               object->copy->prefix, place, env_store_read, file, false, &r, err);
    st = st ? st : describe(object, name, file->bytes, r, out, err);
    env_payload_reader_free(r);
    if (st) {
        env_extra_free(object->ctx, out);
    }
    return st;
}
