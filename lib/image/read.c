#include "base/error.h"
#include "image/parts.h"
#include <string.h>

/* A piece of one block. */
struct piece {
    uint64_t block;
    uint32_t from;
    uint32_t len;
    uint32_t block_len; /* of this block in the image */
    uint8_t *out;
};

static struct piece piece_at(const struct env_image *image, uint64_t offset, void *buf, size_t len)
{
    const struct env_geometry *g = &image->geometry;
    struct piece p = {.block = offset >> g->block_log2, .out = buf};
    p.block_len = env_geometry_block(g, p.block);
    p.from = (uint32_t)(offset & (g->block_bytes - 1));
    uint32_t left = p.block_len - p.from;
    p.len = len < left ? (uint32_t)len : left;
    return p;
}

static envelope_status compare(struct env_image *image, const struct env_place_at *index,
                               const struct piece *p, const void *whole,
                               struct env_image_fault *fault, envelope_error *err)
{
    uint8_t want[ENV_BLOCK_HASH_BYTES];
    uint8_t have[ENV_BLOCK_HASH_BYTES];
    size_t object = fault->object;
    envelope_status st = env_image_hash(image, index, p->block, want, fault, err);
    st = st ? st
            : env_block_hash_of(image->hash, whole, p->block_len, image->geometry.block_bytes, have,
                                err);
    if (st) {
        return st;
    }
    fault->object = object;
    return env_equal_secret(want, have, sizeof want)
               ? ENVELOPE_OK
               : env_fail(err, ENVELOPE_E_AUTH,
                          "image: the block at byte %llu is not the one that this point recorded",
                          (unsigned long long)fault->offset);
}

/* A part of a block, of which all has to be looked at. */
static envelope_status read_through(struct env_image *image, const struct env_place_at *index,
                                    const struct env_place_at *at, struct env_image_object *o,
                                    const struct piece *p, struct env_image_fault *fault,
                                    envelope_error *err)
{
    uint8_t *whole = env_alloc(image->ctx, p->block_len);
    if (!whole) {
        return env_nomem(err);
    }
    envelope_status st =
        env_payload_read(o->source.payload, at->offset, whole, p->block_len, NULL, err);
    st = st ? st : compare(image, index, p, whole, fault, err);
    if (!st) {
        memcpy(p->out, whole + p->from, p->len);
    }
    env_wipe(whole, p->block_len);
    env_free(image->ctx, whole);
    return st;
}

static envelope_status read_piece(struct env_image *image, const struct env_place_at *index,
                                  const struct piece *p, struct env_image_fault *fault,
                                  envelope_error *err)
{
    struct env_place_at at;
    struct env_image_object *o;
    envelope_status st = env_image_location(image, index, p->block, &at, fault, err);
    if (st) {
        return st;
    }
    if (at.kind == ENV_AT_ZERO) {
        memset(p->out, 0, p->len);
        return ENVELOPE_OK;
    }
    fault->object = at.object;
    st = env_image_object(image, at.object, &o, err);
    if (st) {
        return st;
    }
    if (!env_image_within(o, at.offset, image->geometry.block_bytes)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "image: the block at byte %llu lies nowhere",
                        (unsigned long long)fault->offset);
    }
    bool whole = p->from == 0 && p->len == p->block_len;
    if (!whole && (at.object == 0 || o->source.same_generation)) {
        return env_payload_read(o->source.payload, at.offset + p->from, p->out, p->len, NULL, err);
    }
    if (!whole) {
        return read_through(image, index, &at, o, p, fault, err);
    }
    st = env_payload_read(o->source.payload, at.offset, p->out, p->len, NULL, err);
    return st ? st : compare(image, index, p, p->out, fault, err);
}

envelope_status env_image_pread(struct env_image *image, uint64_t offset, void *buf, size_t len,
                                struct env_image_fault *fault, envelope_error *err)
{
    uint8_t *out = buf;
    size_t done = 0;
    envelope_status st = ENVELOPE_OK;
    struct env_place_at index = {0};
    uint64_t loaded = UINT64_MAX;
    if (offset > image->geometry.bytes || len > image->geometry.bytes - offset) {
        return env_fail(err, ENVELOPE_E_RANGE, "image: outside");
    }
    while (!st && done < len) {
        struct piece p = piece_at(image, offset + done, out + done, len - done);
        uint64_t segment = p.block >> ENV_SEGMENT_LOG2;
        st = segment == loaded ? ENVELOPE_OK
                               : env_image_directory(image, segment, &index, fault, err);
        loaded = segment;
        st = st ? st : read_piece(image, &index, &p, fault, err);
        done += p.len;
    }
    if (st) {
        env_wipe(buf, len);
    }
    return st;
}

/* Is the block at this number zeros that lie nowhere? *blocks: for how many it is known, since a
 * segment without an index is all zeros. */
static envelope_status state_of(struct env_image *image, uint64_t block, bool *zero,
                                uint64_t *blocks, struct env_image_fault *fault,
                                envelope_error *err)
{
    struct env_place_at index;
    struct env_place_at at;
    *blocks = 1;
    envelope_status st = env_image_directory(image, block >> ENV_SEGMENT_LOG2, &index, fault, err);
    st = st ? st : env_image_location(image, &index, block, &at, fault, err);
    if (st) {
        return st;
    }
    *zero = at.kind == ENV_AT_ZERO;
    if (index.kind == ENV_AT_ZERO) {
        *blocks = ENV_SEGMENT_BLOCKS - block % ENV_SEGMENT_BLOCKS;
    }
    return ENVELOPE_OK;
}

envelope_status env_image_extent(struct env_image *image, uint64_t offset, uint64_t *len,
                                 bool *zero, struct env_image_fault *fault, envelope_error *err)
{
    const struct env_geometry *g = &image->geometry;
    *len = 0;
    *zero = false;
    if (offset >= g->bytes) {
        return ENVELOPE_OK;
    }
    uint64_t block = offset >> g->block_log2;
    uint64_t known = 0;
    envelope_status st = state_of(image, block, zero, &known, fault, err);
    uint64_t next = block + known;
    /* Up to the next segment with an index, whose entries are another call's: one alone stays
     * short, whatever somebody wrote. Zeros go on as far as there is none. */
    for (bool same = true; !st && same && next < g->blocks;) {
        bool other = false;
        st = state_of(image, next, &other, &known, fault, err);
        bool begins = next % ENV_SEGMENT_BLOCKS == 0 && known == 1;
        same = other == *zero && !begins;
        next += same && !st ? known : 0;
    }
    if (st) {
        return st;
    }
    uint64_t end = next >= g->blocks ? g->bytes : next << g->block_log2;
    *len = end - offset;
    return ENVELOPE_OK;
}
