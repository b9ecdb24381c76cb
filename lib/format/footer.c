#include "format/footer.h"
#include "base/error.h"
#include "format/attributes.h"
#include "format/box.h"
#include "format/id.h"
#include "format/image.h"
#include "format/row.h"
#include <string.h>

enum { VERSION = 1, REST_BYTES = 40 };

void env_footer_put(const struct env_footer *footer, uint8_t out[ENV_FOOTER_BYTES])
{
    struct env_out o = env_out_over(out, ENV_FOOTER_BYTES);
    env_put_u8(&o, VERSION);
    env_put_u8(&o, footer->content);
    env_put_u8(&o, 0);
    env_put_u8(&o, footer->block_log2);
    env_put_u8(&o, footer->segment_log2);
    env_put_zeros(&o, 3);
    env_put_u64(&o, footer->bytes);
    env_put_u64(&o, footer->attributes_at);
    env_put_u64(&o, footer->attributes_len);
    env_put_u64(&o, footer->table_at);
    env_put_u64(&o, footer->table_count);
    env_put_u64(&o, footer->second_at);
    env_put_u64(&o, footer->second_count);
    env_put_u64(&o, footer->stored_blocks);
    env_put_i64(&o, footer->begun_ms);
    env_put_i64(&o, footer->ended_ms);
    env_put_zeros(&o, REST_BYTES);
}

static bool get(const uint8_t in[ENV_FOOTER_BYTES], uint8_t content, struct env_footer *f)
{
    struct env_cursor c = env_cursor_over(in, ENV_FOOTER_BYTES);
    bool known = env_get_u8(&c) == VERSION;
    f->content = env_get_u8(&c);
    bool plain = env_get_u8(&c) == 0; /* codec */
    f->block_log2 = env_get_u8(&c);
    f->segment_log2 = env_get_u8(&c);
    env_get_copy(&c, f->reserved, 3);
    f->bytes = env_get_u64(&c);
    f->attributes_at = env_get_u64(&c);
    f->attributes_len = env_get_u64(&c);
    f->table_at = env_get_u64(&c);
    f->table_count = env_get_u64(&c);
    f->second_at = env_get_u64(&c);
    f->second_count = env_get_u64(&c);
    f->stored_blocks = env_get_u64(&c);
    f->begun_ms = env_get_i64(&c);
    f->ended_ms = env_get_i64(&c);
    env_get_zeros(&c, REST_BYTES);
    return known && plain && f->content == content && env_cursor_done(&c) &&
           env_all_zero(f->reserved, sizeof f->reserved);
}

/* A part that begins at *end, which moves on; an empty one is nowhere, at 0. */
static bool follows(uint64_t at, uint64_t len, uint64_t limit, uint64_t *end)
{
    if (len == 0) {
        return at == 0;
    }
    if (at != *end || len > limit - *end) {
        return false;
    }
    *end += len;
    return true;
}

static bool no_image(const struct env_footer *f)
{
    return f->block_log2 == 0 && f->segment_log2 == 0 && f->stored_blocks == 0;
}

/* data | final attributes | footer */
static bool stream_fits(const struct env_footer *f, uint64_t limit)
{
    uint64_t end = f->bytes;
    return no_image(f) && f->table_at == 0 && f->table_count == 0 && f->second_at == 0 &&
           f->second_count == 0 && end <= limit && f->attributes_len <= ENV_ATTRIBUTES_MAX &&
           follows(f->attributes_at, f->attributes_len, limit, &end) && end == limit;
}

/* u32 | SECRETS | u32 | head | rows | strings | footer; where the head ends its reader knows */
static bool metadata_fits(const struct env_footer *f, uint64_t limit)
{
    bool parts = f->table_count || f->second_count;
    uint64_t end = f->table_count ? f->table_at : f->second_at;
    return no_image(f) && f->bytes == 0 && f->attributes_at == 0 && f->attributes_len == 0 &&
           f->begun_ms == f->ended_ms && f->table_count <= ENV_ROWS_LIMIT &&
           f->second_count <= UINT32_MAX && end <= limit &&
           follows(f->table_at, f->table_count * ENV_ROW_BYTES, limit, &end) &&
           follows(f->second_at, f->second_count, limit, &end) && (!parts || end == limit);
}

/* A table of count entries that begins at a multiple of ENV_PART_ALIGN, at or behind *end. */
static bool table_fits(uint64_t at, uint64_t count, uint64_t entry, uint64_t limit, uint64_t *end)
{
    if (count == 0) {
        return at == 0;
    }
    if (at % ENV_PART_ALIGN || at < *end || at > limit || count > (limit - at) / entry) {
        return false;
    }
    *end = at + count * entry;
    return true;
}

/* segments with their indexes | directory | object table | final attributes | footer. The directory
 * says where the first lie; the two tables stand where they have to, with nothing but zeros up to
 * the next multiple of 16 KiB between, and the attributes follow without a gap. */
static bool image_fits(const struct env_footer *f, uint64_t limit)
{
    struct env_geometry g;
    uint64_t end = 0;
    if (f->segment_log2 != ENV_SEGMENT_LOG2 || env_geometry_of(f->bytes, f->block_log2, &g, NULL) ||
        f->table_count != g.segments || f->second_count > ENV_ANCESTORS_MAX ||
        f->stored_blocks > g.blocks || f->attributes_len > ENV_ATTRIBUTES_MAX) {
        return false;
    }
    uint64_t data = f->stored_blocks << f->block_log2;
    if (!table_fits(f->table_at, f->table_count, ENV_DIRECTORY_BYTES, limit, &end) ||
        (f->table_count && f->table_at < data)) {
        return false;
    }
    uint64_t directory_end = end;
    if (!table_fits(f->second_at, f->second_count, ENV_LINK_BYTES, limit, &end) ||
        (f->second_count && f->second_at != env_part_aligned(directory_end))) {
        return false;
    }
    return follows(f->attributes_at, f->attributes_len, limit, &end) && end == limit;
}

envelope_status env_footer_get(const uint8_t in[ENV_FOOTER_BYTES], uint8_t content,
                               uint64_t plain_len, struct env_footer *out, envelope_error *err)
{
    struct env_footer footer = {0};
    memset(out, 0, sizeof *out);
    if (plain_len < ENV_FOOTER_BYTES || !get(in, content, &footer)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "footer: malformed, or of another content");
    }
    uint64_t limit = plain_len - ENV_FOOTER_BYTES;
    bool fits = content == ENV_CONTENT_STREAM  ? stream_fits(&footer, limit)
                : content == ENV_CONTENT_IMAGE ? image_fits(&footer, limit)
                                               : metadata_fits(&footer, limit);
    if (!fits) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "footer: its parts do not fill the payload of %llu bytes",
                        (unsigned long long)plain_len);
    }
    *out = footer;
    return ENVELOPE_OK;
}
