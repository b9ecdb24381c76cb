/* One segment: what becomes of each block, and its index. */
#include "base/error.h"
#include "image/parts.h"
#include "image/write_parts.h"
#include <string.h>

enum { FILL = 4096 };

envelope_status env_image_align(struct env_image_writer *w, envelope_error *err)
{
    static const uint8_t zeros[FILL];
    uint64_t at = env_object_appended(w->plan.to);
    uint64_t left = env_part_aligned(at) - at;
    envelope_status st = ENVELOPE_OK;
    while (!st && left) {
        size_t part = left < FILL ? (size_t)left : FILL;
        st = env_object_append(w->plan.to, zeros, part, err);
        left -= part;
    }
    return st;
}

/* The parent's map of this segment. A damaged one is none: the blocks are stored, and somebody is
 * told. */
static envelope_status begin(struct env_image_writer *w, envelope_error *err)
{
    struct env_image_fault fault = {0};
    envelope_error why = ENVELOPE_ERROR_INIT;
    memset(w->segment, 0, sizeof *w->segment);
    w->stored = false;
    w->known = false;
    w->same = false;
    w->zero = true;
    if (!w->plan.parent || w->directory_count >= env_image_geometry(w->plan.parent)->segments) {
        return ENVELOPE_OK;
    }
    envelope_status st =
        env_image_segment(w->plan.parent, w->directory_count, w->parent, &fault, &why);
    bool damage = st == ENVELOPE_E_FORMAT || st == ENVELOPE_E_AUTH || st == ENVELOPE_E_NOT_FOUND;
    if (st && !damage) {
        return env_error_pass(err, st, &why);
    }
    if (st && w->plan.damaged) {
        w->plan.damaged(w->plan.user, &fault, st, why.message);
    }
    w->known = !st;
    w->same = !st;
    return ENVELOPE_OK;
}

static envelope_status begin_if_new(struct env_image_writer *w, envelope_error *err)
{
    return w->filled ? ENVELOPE_OK : begin(w, err);
}

/* The parent's block of the same number, NULL if it has none. */
static const struct env_location *parents(const struct env_image_writer *w)
{
    uint64_t block = ((uint64_t)w->directory_count << ENV_SEGMENT_LOG2) + w->filled;
    bool there = w->known && block < env_image_geometry(w->plan.parent)->blocks;
    return there ? &w->parent->location[w->filled] : NULL;
}

/* A location of the parent's map as one of this point's: its own blocks lie in the object table's
 * first entry, which is the parent, and those of its entry i in entry i + 1. */
static struct env_location inherited(const struct env_location *at)
{
    return at->kind == ENV_AT_ZERO ? *at
                                   : (struct env_location){ENV_AT_OBJECT, at->object, at->offset};
}

static envelope_status next(struct env_image_writer *w, envelope_error *err)
{
    w->filled++;
    return w->filled == ENV_SEGMENT_BLOCKS ? env_segment_end(w, err) : ENVELOPE_OK;
}

envelope_status env_segment_zero(struct env_image_writer *w, envelope_error *err)
{
    envelope_status st = begin_if_new(w, err);
    if (st) {
        return st;
    }
    const struct env_location *old = parents(w);
    w->same = w->same && old && old->kind == ENV_AT_ZERO;
    return next(w, err);
}

envelope_status env_segment_unchanged(struct env_image_writer *w, bool *done, envelope_error *err)
{
    envelope_status st = begin_if_new(w, err);
    const struct env_location *old = st ? NULL : parents(w);
    *done = old != NULL;
    if (!old) {
        return st;
    }
    w->segment->location[w->filled] = inherited(old);
    memcpy(w->segment->hash[w->filled], w->parent->hash[w->filled], ENV_BLOCK_HASH_BYTES);
    w->zero = w->zero && old->kind == ENV_AT_ZERO;
    return next(w, err);
}

/* Is it what the parent has there, by the hash under the parent's key? */
static envelope_status same_as_parent(struct env_image_writer *w, const void *block, uint32_t len,
                                      const uint8_t own[ENV_BLOCK_HASH_BYTES], bool *same,
                                      envelope_error *err)
{
    uint8_t hash[ENV_BLOCK_HASH_BYTES];
    const struct env_location *old = parents(w);
    envelope_status st = ENVELOPE_OK;
    *same = false;
    if (!old || old->kind == ENV_AT_ZERO) {
        return ENVELOPE_OK;
    }
    memcpy(hash, own, sizeof hash);
    if (w->parent_hash) {
        st = env_block_hash_of(w->parent_hash, block, len, w->block_bytes, hash, err);
    }
    *same = !st && env_equal_secret(hash, w->parent->hash[w->filled], sizeof hash);
    return st;
}

/* Stored at full length: the last block of a disk is followed by zeros. */
static envelope_status append(struct env_image_writer *w, const void *block, uint32_t len,
                              struct env_location *at, envelope_error *err)
{
    static const uint8_t zeros[FILL];
    envelope_status st = w->stored ? ENVELOPE_OK : env_image_align(w, err);
    *at = (struct env_location){ENV_AT_HERE, 0, env_object_appended(w->plan.to)};
    st = st ? st : env_object_append(w->plan.to, block, len, err);
    for (uint32_t left = w->block_bytes - len; !st && left;) {
        uint32_t part = left < FILL ? left : FILL;
        st = env_object_append(w->plan.to, zeros, part, err);
        left -= part;
    }
    w->stored = true;
    w->stored_blocks++;
    return st;
}

envelope_status env_segment_store(struct env_image_writer *w, const void *block, uint32_t len,
                                  envelope_error *err)
{
    bool same = false;
    envelope_status st = begin_if_new(w, err);
    if (st) {
        return st;
    }
    uint8_t *own = w->segment->hash[w->filled];
    struct env_location *at = &w->segment->location[w->filled];
    st = env_block_hash_of(w->hash, block, len, w->block_bytes, own, err);
    st = st ? st : same_as_parent(w, block, len, own, &same, err);
    if (st) {
        return st;
    }
    w->zero = false;
    if (same) {
        *at = inherited(parents(w));
        return next(w, err);
    }
    w->same = false;
    st = append(w, block, len, at, err);
    return st ? st : next(w, err);
}

static envelope_status add_entry(struct env_image_writer *w, const struct env_location *at,
                                 envelope_error *err)
{
    if (w->directory_count == w->directory_room) {
        size_t room = w->directory_room ? 2 * w->directory_room : 64;
        uint8_t *grown = env_alloc_array(w->ctx, room, ENV_DIRECTORY_BYTES);
        if (!grown) {
            return env_nomem(err);
        }
        if (w->directory_count) {
            memcpy(grown, w->directory, w->directory_count * ENV_DIRECTORY_BYTES);
        }
        env_free(w->ctx, w->directory);
        w->directory = grown;
        w->directory_room = room;
    }
    env_directory_put(at, w->directory + w->directory_count++ * ENV_DIRECTORY_BYTES);
    return ENVELOPE_OK;
}

envelope_status env_segment_all_zero(struct env_image_writer *w, envelope_error *err)
{
    const struct env_location nowhere = {ENV_AT_ZERO, 0, 0};
    return add_entry(w, &nowhere, err);
}

/* Damage of the parent's directory shows itself again, and is told, when blocks are looked at one
 * by one. */
envelope_status env_segment_all_unchanged(struct env_image_writer *w, bool *done,
                                          envelope_error *err)
{
    struct env_place_at at;
    struct env_image_fault fault;
    uint64_t after = ((uint64_t)w->directory_count + 1) << ENV_SEGMENT_LOG2;
    *done = false;
    if (after > env_image_geometry(w->plan.parent)->blocks ||
        env_image_directory(w->plan.parent, w->directory_count, &at, &fault, NULL)) {
        return ENVELOPE_OK;
    }
    const struct env_location parents_own = {at.kind, (uint16_t)at.object, at.offset};
    const struct env_location entry = inherited(&parents_own);
    *done = true;
    return add_entry(w, &entry, err);
}

static envelope_status append_index(struct env_image_writer *w, struct env_location *at,
                                    envelope_error *err)
{
    uint8_t locations[ENV_INDEX_LOCATIONS];
    envelope_status st = env_image_align(w, err);
    *at = (struct env_location){ENV_AT_HERE, 0, env_object_appended(w->plan.to)};
    for (size_t i = 0; i < ENV_SEGMENT_BLOCKS; i++) {
        env_location_put(&w->segment->location[i], locations + i * ENV_LOCATION_BYTES);
    }
    st = st ? st : env_object_append(w->plan.to, locations, sizeof locations, err);
    return st ? st : env_object_append(w->plan.to, w->segment->hash, sizeof w->segment->hash, err);
}

envelope_status env_segment_end(struct env_image_writer *w, envelope_error *err)
{
    struct env_location at = {0};
    envelope_status st = ENVELOPE_OK;
    uint64_t whole = ((uint64_t)w->directory_count + 1) << ENV_SEGMENT_LOG2;
    /* The parent's index also speaks of blocks that this disk no longer has. */
    bool as_long =
        w->same && (w->filled == ENV_SEGMENT_BLOCKS || env_image_geometry(w->plan.parent)->blocks ==
                                                           whole - ENV_SEGMENT_BLOCKS + w->filled);
    bool parents_index = as_long && !w->plan.must_read && w->parent->directory.kind == ENV_AT_HERE;
    if (!w->zero && parents_index) {
        at = inherited(&w->parent->directory);
    } else if (!w->zero) {
        st = append_index(w, &at, err);
    }
    st = st ? st : add_entry(w, &at, err);
    w->filled = 0;
    return st;
}
