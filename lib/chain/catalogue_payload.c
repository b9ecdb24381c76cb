/* The catalogue as a payload: read and written in one place (docs/format.md, "Metadata payload").
 */
#include "base/error.h"
#include "chain/catalogue_parts.h"
#include "chain/generation.h"
#include "crypto/ctr.h"
#include "format/secrets.h"
#include <string.h>

enum { ROWS_AT_ONCE = 32 };

/* Where the parts lie. */
struct layout {
    uint64_t secrets_len;
    uint64_t head_at;
    uint64_t head_len;
    uint64_t end; /* of the plaintext, without the footer */
    struct env_footer footer;
};

static envelope_status bad(envelope_error *err, const char *what)
{
    return env_fail(err, ENVELOPE_E_FORMAT, "metadata payload: %s", what);
}

static envelope_status read_u32(const struct env_payload_reader *r, uint64_t at, uint64_t *value,
                                envelope_error *err)
{
    uint8_t raw[4];
    envelope_status st = env_payload_read(r, at, raw, sizeof raw, NULL, err);
    struct env_cursor c = env_cursor_over(raw, sizeof raw);
    *value = env_get_u32(&c);
    return st;
}

/* The parts follow each other without gaps, in this order. */
static envelope_status check_gaps(const struct layout *l, envelope_error *err)
{
    const struct env_footer *f = &l->footer;
    uint64_t at = l->head_at + l->head_len;
    if (f->attributes_len || f->bytes || f->begun_ms != f->ended_ms) {
        return bad(err, "the footer is not a catalogue's");
    }
    if (f->table_count > ENV_ROWS_LIMIT || f->second_count > UINT32_MAX) {
        return bad(err, "too many rows, or strings too long");
    }
    if (f->table_at != (f->table_count ? at : 0)) {
        return bad(err, "rows do not follow the head");
    }
    at += f->table_count * ENV_ROW_BYTES;
    if (f->second_at != (f->second_count ? at : 0)) {
        return bad(err, "strings do not follow the rows");
    }
    return at + f->second_count == l->end ? ENVELOPE_OK : bad(err, "bytes before the footer");
}

static envelope_status read_layout(const struct env_payload_reader *r, struct layout *l,
                                   envelope_error *err)
{
    envelope_status st = env_payload_footer(r, ENV_CONTENT_NONE, &l->footer, err);
    if (st) {
        return st;
    }
    l->end = env_payload_reader_bytes(r) - ENV_FOOTER_BYTES;
    if (l->end < 8) {
        return bad(err, "too short");
    }
    st = read_u32(r, 0, &l->secrets_len, err);
    if (st) {
        return st;
    }
    if (l->secrets_len > ENV_HEAD_MAX || l->secrets_len + 8 > l->end) {
        return bad(err, "length of SECRETS");
    }
    st = read_u32(r, 4 + l->secrets_len, &l->head_len, err);
    if (st) {
        return st;
    }
    l->head_at = l->secrets_len + 8;
    if (l->secrets_len + l->head_len > ENV_HEAD_MAX || l->head_at + l->head_len > l->end) {
        return bad(err, "length of the head");
    }
    return check_gaps(l, err);
}

static envelope_status load_secrets(struct env_catalogue *c, const struct env_payload_reader *r,
                                    const struct layout *l, envelope_error *err)
{
    if (l->secrets_len > ENV_ROOT_BYTES + ENV_GENERATIONS_LIMIT * ENV_SECRET_ENTRY_BYTES) {
        return bad(err, "length of SECRETS");
    }
    uint8_t *secrets;
    size_t len = (size_t)l->secrets_len;
    envelope_status st = env_secret_new(c->ctx, len, &secrets, err);
    if (st) {
        return st;
    }
    st = env_payload_read(r, 4, secrets, len, NULL, err);
    st = st ? st : env_catalogue_set_secrets(c, secrets, len, err);
    env_secret_free(c->ctx, secrets, len);
    return st;
}

/* crypto.md 4.6: before anything else of the payload is believed. */
static envelope_status prove(const struct env_catalogue *c, const struct env_object *object,
                             envelope_error *err)
{
    const struct env_id *id = &object->copy->id;
    uint8_t *key;
    uint8_t chain_id[ENV_CHAIN_ID_BYTES];
    bool yes = false;
    envelope_status st = env_secret_new(c->ctx, 32, &key, err);
    if (st) {
        return st;
    }
    st = env_catalogue_root(c, key, err);
    st = st ? st : env_chain_id_of(c->ctx, key, chain_id, err);
    if (!st && (c->generation != id->generation || memcmp(chain_id, id->chain_id, 32) != 0)) {
        st = ENVELOPE_E_AUTH;
    }
    st = st ? st
            : env_catalogue_generation_key(c, id->generation, "attest", chain_id, key, &yes, err);
    st = st ? st : env_object_attested(object->headers, key, &yes, err);
    env_secret_free(c->ctx, key, 32);
    if (st == ENVELOPE_E_AUTH || (!st && !yes)) {
        return env_fail(err, ENVELOPE_E_AUTH,
                        "metadata: not made by somebody who knows the chain's secrets");
    }
    return st;
}

static envelope_status load_head(struct env_catalogue *c, const struct env_payload_reader *r,
                                 const struct layout *l, uint8_t minor, envelope_error *err)
{
    size_t len = (size_t)l->head_len;
    uint8_t *raw = env_alloc(c->ctx, len);
    if (!raw) {
        return env_nomem(err);
    }
    envelope_status st = env_payload_read(r, l->head_at, raw, len, NULL, err);
    st = st ? st : env_head_decode(c->ctx, raw, len, minor, &c->head, err);
    env_free(c->ctx, raw);
    return st;
}

/* The plain DEK goes through the arena only: row lies there, and comes out encrypted. */
static envelope_status load_row(struct env_catalogue *c, const uint8_t *raw, const struct layout *l,
                                struct env_row *row, envelope_error *err)
{
    uint64_t previous = c->row_count ? c->rows[c->row_count - 1].number : 0;
    envelope_status st = env_row_get(raw, previous, l->footer.second_count,
                                     (uint32_t)c->head.key_set_count, row, err);
    if (!st && !(row->flags & ENV_ROW_DEK_UNKNOWN)) {
        st = env_ctr_xor(c->ctx, c->key, c->row_count, row->dek, err);
    }
    if (st) {
        return st;
    }
    c->rows[c->row_count++] = *row;
    return ENVELOPE_OK;
}

/* In the arena. */
struct row_work {
    uint8_t raw[ROWS_AT_ONCE * ENV_ROW_BYTES];
    struct env_row row;
};

static envelope_status load_rows(struct env_catalogue *c, const struct env_payload_reader *r,
                                 const struct layout *l, envelope_error *err)
{
    uint64_t count = l->footer.table_count;
    struct row_work *work;
    c->row_room = (size_t)count + 1;
    c->rows = env_alloc_array(c->ctx, c->row_room, sizeof *c->rows);
    if (!c->rows) {
        return env_nomem(err);
    }
    envelope_status st = env_secret_new(c->ctx, sizeof *work, &work, err);
    for (uint64_t i = 0; !st && i < count; i += ROWS_AT_ONCE) {
        uint64_t n = count - i < ROWS_AT_ONCE ? count - i : ROWS_AT_ONCE;
        st = env_payload_read(r, l->footer.table_at + i * ENV_ROW_BYTES, work->raw,
                              (size_t)n * ENV_ROW_BYTES, NULL, err);
        for (uint64_t k = 0; !st && k < n; k++) {
            st = load_row(c, work->raw + k * ENV_ROW_BYTES, l, &work->row, err);
        }
    }
    env_secret_free(c->ctx, work, sizeof *work);
    return st ? st : env_catalogue_index(c, err);
}

static envelope_status load_strings(struct env_catalogue *c, const struct env_payload_reader *r,
                                    const struct layout *l, envelope_error *err)
{
    c->strings_len = (size_t)l->footer.second_count;
    c->strings_room = c->strings_len + 1;
    c->strings = env_alloc(c->ctx, c->strings_room);
    if (!c->strings) {
        return env_nomem(err);
    }
    return env_payload_read(r, l->footer.second_at, c->strings, c->strings_len, NULL, err);
}

static envelope_status load_parts(struct env_catalogue *c, const struct env_object *object,
                                  const struct env_payload_reader *r, envelope_error *err)
{
    struct layout l;
    envelope_status st = read_layout(r, &l, err);
    st = st ? st : load_secrets(c, r, &l, err);
    st = st ? st : prove(c, object, err);
    st = st ? st : load_head(c, r, &l, object->copy->minor, err);
    st = st ? st : load_rows(c, r, &l, err);
    st = st ? st : load_strings(c, r, &l, err);
    if (st) {
        return st;
    }
    c->sealed_ms = l.footer.begun_ms;
    return c->head.serial == object->copy->id.serial
               ? ENVELOPE_OK
               : bad(err, "serial of the head is not that of the header");
}

envelope_status env_catalogue_load(const struct env_object *object, env_read_fn read, void *user,
                                   struct env_catalogue **out, envelope_error *err)
{
    const struct env_headers *h = object->headers;
    struct env_payload_place place = {2 * (uint64_t)h->capacity, 0};
    struct env_payload_reader *r = NULL;
    struct env_catalogue *c = NULL;
    *out = NULL;
    if (h->object_bytes < place.offset + 64) {
        return bad(err, "the object is too short");
    }
    place.bytes = h->object_bytes - place.offset - 64;
    envelope_status st = env_catalogue_make(object->ctx, &c, err);
    st = st ? st
            : env_payload_reader_new(object->ctx, object->dek, object->copy->id_bytes,
                                     object->copy->prefix, place, read, user, true, &r, err);
    st = st ? st : load_parts(c, object, r, err);
    env_payload_reader_free(r);
    if (!st) {
        c->slots = env_alloc(object->ctx, sizeof *c->slots);
        st = c->slots ? ENVELOPE_OK : env_nomem(err);
    }
    if (st) {
        env_catalogue_release(c);
        return st;
    }
    *c->slots = *object->slots;
    c->id = object->copy->id;
    memcpy(c->link, h->link, ENV_LINK_BYTES);
    c->dek = env_dek_retain(object->dek);
    *out = c;
    return ENVELOPE_OK;
}

static envelope_status put_u32(struct env_object_writer *w, size_t value, envelope_error *err)
{
    uint8_t raw[4];
    struct env_out o = env_out_over(raw, sizeof raw);
    env_put_u32(&o, (uint32_t)value);
    return env_object_append(w, raw, sizeof raw, err);
}

static envelope_status write_secrets(const struct env_catalogue *c, struct env_object_writer *w,
                                     envelope_error *err)
{
    uint8_t *secrets;
    envelope_status st = env_catalogue_secrets(c, &secrets, err);
    if (st) {
        return st;
    }
    st = put_u32(w, c->secrets_len, err);
    st = st ? st : env_object_append(w, secrets, c->secrets_len, err);
    env_secret_free(c->ctx, secrets, c->secrets_len);
    return st;
}

static envelope_status write_head(const struct env_catalogue *c, struct env_object_writer *w,
                                  envelope_error *err)
{
    uint8_t *raw;
    size_t len;
    envelope_status st = env_head_encode(c->ctx, &c->head, &raw, &len, err);
    if (st) {
        return st;
    }
    if (c->secrets_len + len > ENV_HEAD_MAX) {
        st = env_fail(err, ENVELOPE_E_LIMIT, "the head of the catalogue is too large: %zu bytes",
                      len);
    }
    st = st ? st : put_u32(w, len, err);
    st = st ? st : env_object_append(w, raw, len, err);
    env_free(c->ctx, raw);
    return st;
}

static envelope_status write_rows(const struct env_catalogue *c, struct env_object_writer *w,
                                  envelope_error *err)
{
    uint8_t *raw;
    envelope_status st = env_secret_new(c->ctx, ENV_ROW_BYTES, &raw, err);
    for (size_t i = 0; !st && i < c->row_count; i++) {
        env_row_put(&c->rows[i], raw);
        if (!(c->rows[i].flags & ENV_ROW_DEK_UNKNOWN)) {
            st = env_catalogue_dek(c, i, raw + ENV_ROW_DEK_AT, err);
        }
        st = st ? st : env_object_append(w, raw, ENV_ROW_BYTES, err);
    }
    env_secret_free(c->ctx, raw, ENV_ROW_BYTES);
    return st;
}

envelope_status env_catalogue_write(const struct env_catalogue *c, int64_t sealed_ms,
                                    struct env_object_writer *w, envelope_error *err)
{
    struct env_footer f = {.begun_ms = sealed_ms, .ended_ms = sealed_ms};
    uint8_t raw[ENV_FOOTER_BYTES];
    envelope_status st = write_secrets(c, w, err);
    st = st ? st : write_head(c, w, err);
    f.table_count = c->row_count;
    f.table_at = c->row_count ? env_object_appended(w) : 0;
    st = st ? st : write_rows(c, w, err);
    f.second_count = c->strings_len;
    f.second_at = c->strings_len ? env_object_appended(w) : 0;
    st = st ? st : env_object_append(w, c->strings, c->strings_len, err);
    if (st) {
        return st;
    }
    env_footer_put(&f, raw);
    return env_object_append(w, raw, sizeof raw, err);
}

envelope_status env_catalogue_bytes(const struct env_catalogue *c, uint64_t *bytes,
                                    envelope_error *err)
{
    uint8_t *raw;
    size_t len;
    envelope_status st = env_head_encode(c->ctx, &c->head, &raw, &len, err);
    if (st) {
        return st;
    }
    env_free(c->ctx, raw);
    *bytes = 4 + c->secrets_len + 4 + len + (uint64_t)c->row_count * ENV_ROW_BYTES +
             c->strings_len + ENV_FOOTER_BYTES;
    return ENVELOPE_OK;
}
