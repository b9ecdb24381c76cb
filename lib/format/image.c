#include "format/image.h"
#include "base/error.h"
#include <string.h>

enum { KIND_SHIFT = 62, OBJECT_SHIFT = 48, OBJECT_MASK = (1 << 14) - 1 };
static const uint64_t offset_mask = ((uint64_t)1 << OBJECT_SHIFT) - 1;

/* What a location may say, wherever it stands; align is what offsets are multiples of. */
static bool possible(const struct env_location *at, uint64_t objects, uint64_t align)
{
    switch (at->kind) {
    case ENV_AT_ZERO:
        return at->object == 0 && at->offset == 0;
    case ENV_AT_HERE:
        return at->object == 0 && at->offset % align == 0;
    case ENV_AT_OBJECT:
        return at->object < objects && at->offset % align == 0;
    default:
        return false;
    }
}

void env_location_put(const struct env_location *at, uint8_t out[ENV_LOCATION_BYTES])
{
    struct env_out o = env_out_over(out, ENV_LOCATION_BYTES);
    env_put_u64(&o, (uint64_t)at->kind << KIND_SHIFT | (uint64_t)at->object << OBJECT_SHIFT |
                        at->offset / ENV_LOCATION_UNIT);
}

bool env_location_get(const uint8_t in[ENV_LOCATION_BYTES], uint64_t objects,
                      struct env_location *out)
{
    struct env_cursor c = env_cursor_over(in, ENV_LOCATION_BYTES);
    uint64_t v = env_get_u64(&c);
    out->kind = (uint8_t)(v >> KIND_SHIFT);
    out->object = (uint16_t)(v >> OBJECT_SHIFT & OBJECT_MASK);
    out->offset = (v & offset_mask) * ENV_LOCATION_UNIT;
    return possible(out, objects, ENV_LOCATION_UNIT);
}

void env_directory_put(const struct env_location *at, uint8_t out[ENV_DIRECTORY_BYTES])
{
    struct env_out o = env_out_over(out, ENV_DIRECTORY_BYTES);
    env_put_u8(&o, at->kind);
    env_put_u8(&o, 0);
    env_put_u16(&o, at->object);
    env_put_u32(&o, 0);
    env_put_u64(&o, at->offset);
}

bool env_directory_get(const uint8_t in[ENV_DIRECTORY_BYTES], uint64_t objects,
                       struct env_location *out)
{
    struct env_cursor c = env_cursor_over(in, ENV_DIRECTORY_BYTES);
    out->kind = env_get_u8(&c);
    bool zero = env_get_u8(&c) == 0;
    out->object = env_get_u16(&c);
    zero = env_get_u32(&c) == 0 && zero;
    out->offset = env_get_u64(&c);
    return zero && possible(out, objects, ENV_PART_ALIGN);
}

envelope_status env_geometry_of(uint64_t bytes, uint8_t block_log2, struct env_geometry *out,
                                envelope_error *err)
{
    memset(out, 0, sizeof *out);
    if (bytes > ENV_IMAGE_BYTES_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "an image of %llu bytes: the most is 128 TiB",
                        (unsigned long long)bytes);
    }
    if (block_log2 < ENV_BLOCK_LOG2_MIN || block_log2 > ENV_BLOCK_LOG2_MAX) {
        return env_fail(err, ENVELOPE_E_INVALID, "blocks of 2^%u bytes: 4 KiB to 1 MiB",
                        (unsigned)block_log2);
    }
    out->bytes = bytes;
    out->block_log2 = block_log2;
    out->block_bytes = (uint32_t)1 << block_log2;
    out->blocks = (bytes + out->block_bytes - 1) >> block_log2;
    out->segments = (out->blocks + ENV_SEGMENT_BLOCKS - 1) >> ENV_SEGMENT_LOG2;
    return ENVELOPE_OK;
}

uint64_t env_part_aligned(uint64_t offset)
{
    return (offset + ENV_PART_ALIGN - 1) / ENV_PART_ALIGN * ENV_PART_ALIGN;
}

uint32_t env_geometry_block(const struct env_geometry *g, uint64_t block)
{
    uint64_t left = g->bytes - (block << g->block_log2);
    return left < g->block_bytes ? (uint32_t)left : g->block_bytes;
}
