#include "format/row.h"
#include "base/error.h"
#include "format/attributes.h"
#include <envelope/key.h>
#include <string.h>

enum { REST_BYTES = 12, CAPACITY_LOG2_MAX = 3 };

void env_row_put(const struct env_row *row, uint8_t out[ENV_ROW_BYTES])
{
    struct env_out o = env_out_over(out, ENV_ROW_BYTES);
    env_put_bytes(&o, row->object_id, sizeof row->object_id);
    env_put_bytes(&o, row->link, sizeof row->link);
    env_put_bytes(&o, row->dek, sizeof row->dek);
    env_put_u64(&o, row->number);
    env_put_u64(&o, row->parent);
    env_put_u64(&o, row->metadata_number);
    env_put_u64(&o, row->serial);
    env_put_u64(&o, row->revision);
    env_put_i64(&o, row->begun_ms);
    env_put_i64(&o, row->ended_ms);
    env_put_u64(&o, row->bytes);
    env_put_u64(&o, row->stored_bytes);
    env_put_u32(&o, row->generation);
    env_put_u32(&o, row->key_set);
    env_put_u32(&o, row->label_at);
    env_put_u32(&o, row->attributes_at);
    env_put_u16(&o, row->label_len);
    env_put_u16(&o, row->attributes_len);
    env_put_u8(&o, row->format);
    env_put_u8(&o, row->kind);
    env_put_u8(&o, row->standing);
    env_put_u8(&o, row->content);
    env_put_u8(&o, row->capacity_log2);
    env_put_u8(&o, row->provenance);
    env_put_u16(&o, row->flags);
    env_put_zeros(&o, REST_BYTES);
}

static bool get(const uint8_t in[ENV_ROW_BYTES], struct env_row *row)
{
    struct env_cursor c = env_cursor_over(in, ENV_ROW_BYTES);
    env_get_copy(&c, row->object_id, sizeof row->object_id);
    env_get_copy(&c, row->link, sizeof row->link);
    env_get_copy(&c, row->dek, sizeof row->dek);
    row->number = env_get_u64(&c);
    row->parent = env_get_u64(&c);
    row->metadata_number = env_get_u64(&c);
    row->serial = env_get_u64(&c);
    row->revision = env_get_u64(&c);
    row->begun_ms = env_get_i64(&c);
    row->ended_ms = env_get_i64(&c);
    row->bytes = env_get_u64(&c);
    row->stored_bytes = env_get_u64(&c);
    row->generation = env_get_u32(&c);
    row->key_set = env_get_u32(&c);
    row->label_at = env_get_u32(&c);
    row->attributes_at = env_get_u32(&c);
    row->label_len = env_get_u16(&c);
    row->attributes_len = env_get_u16(&c);
    row->format = env_get_u8(&c);
    row->kind = env_get_u8(&c);
    row->standing = env_get_u8(&c);
    row->content = env_get_u8(&c);
    row->capacity_log2 = env_get_u8(&c);
    row->provenance = env_get_u8(&c);
    row->flags = env_get_u16(&c);
    env_get_zeros(&c, REST_BYTES);
    return env_cursor_done(&c);
}

static bool in_strings(uint32_t at, uint16_t len, uint64_t strings_len)
{
    return len ? (uint64_t)at + len <= strings_len : at == 0;
}

/* The same rules as ID's, as far as a row has its members. */
static bool id_possible(const struct env_row *row)
{
    bool full = row->kind == ENV_KIND_FULL;
    bool kind = full || row->kind == ENV_KIND_INCREMENT;
    bool content = row->content == ENV_CONTENT_STREAM || row->content == ENV_CONTENT_IMAGE;
    bool standing = row->standing == ENV_ATTESTED
                        ? row->generation >= 1
                        : row->standing == ENV_DETACHED && row->generation == 0 && full;
    return row->format == ENV_FORMAT_MAJOR && kind && content && standing &&
           row->generation < ENV_GENERATION_LIMIT && row->metadata_number < ENV_NUMBER_LIMIT &&
           row->serial < ENV_NUMBER_LIMIT && (!full || row->parent == 0);
}

static const char *fault(const struct env_row *row, uint64_t previous_number, uint64_t strings_len,
                         uint32_t key_sets)
{
    if (row->number <= previous_number || row->number >= ENV_NUMBER_LIMIT ||
        row->parent >= row->number) {
        return "numbers do not rise";
    }
    if (!id_possible(row)) {
        return "no such object is possible";
    }
    if (row->label_len > ENVELOPE_KEY_NAME_MAX || row->attributes_len > ENV_ATTRIBUTES_MAX ||
        !in_strings(row->label_at, row->label_len, strings_len) ||
        !in_strings(row->attributes_at, row->attributes_len, strings_len) ||
        row->key_set >= key_sets) {
        return "it points outside the catalogue";
    }
    if (row->revision == 0 || row->capacity_log2 > CAPACITY_LOG2_MAX ||
        row->provenance < ENV_FROM_OWN || row->provenance > ENV_FROM_REBUILD ||
        row->flags & ~(ENV_ROW_DEK_UNKNOWN | ENV_ROW_LATE)) {
        return "a value that is not known";
    }
    bool unknown = row->flags & ENV_ROW_DEK_UNKNOWN;
    return unknown != env_all_zero(row->dek, sizeof row->dek) ? "DEK and its flag do not agree"
                                                              : NULL;
}

envelope_status env_row_get(const uint8_t in[ENV_ROW_BYTES], uint64_t previous_number,
                            uint64_t strings_len, uint32_t key_sets, struct env_row *out,
                            envelope_error *err)
{
    memset(out, 0, sizeof *out);
    const char *why = get(in, out) ? fault(out, previous_number, strings_len, key_sets)
                                   : "what must be zero is not";
    if (why) {
        uint64_t number = out->number;
        env_wipe(out, sizeof *out);
        return env_fail(err, ENVELOPE_E_FORMAT, "row of point %llu: %s", (unsigned long long)number,
                        why);
    }
    return ENVELOPE_OK;
}

void env_row_id(const struct env_row *row, const uint8_t chain_id[ENV_CHAIN_ID_BYTES],
                uint8_t out[ENV_ID_SHORT_BYTES])
{
    struct env_out o = env_out_over(out, ENV_ID_SHORT_BYTES);
    env_put_u8(&o, row->format);
    env_put_u8(&o, row->kind);
    env_put_u8(&o, row->standing);
    env_put_u8(&o, row->content);
    env_put_bytes(&o, chain_id, ENV_CHAIN_ID_BYTES);
    env_put_bytes(&o, row->object_id, sizeof row->object_id);
    env_put_u32(&o, row->generation);
}
