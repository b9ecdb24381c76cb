#include "base/error.h"
#include "image/write_parts.h"
#include <string.h>

static envelope_status check_parent(const struct env_image_plan *plan, envelope_error *err)
{
    if (!plan->parent) {
        return ENVELOPE_OK;
    }
    if (env_image_geometry(plan->parent)->block_log2 != plan->block_log2) {
        return env_fail(err, ENVELOPE_E_INVALID, "the parent has blocks of another size");
    }
    if (env_image_objects(plan->parent) >= ENV_ANCESTORS_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "more than %d ancestors: make a full point",
                        ENV_ANCESTORS_MAX);
    }
    return ENVELOPE_OK;
}

static envelope_status make_keys(struct env_image_writer *w, envelope_error *err)
{
    const struct env_image_plan *p = &w->plan;
    envelope_status st = env_block_hash_new(w->ctx, p->hash_key, 1, &w->hash, err);
    if (!st && p->parent && p->parent_hash_key) {
        st = env_block_hash_new(w->ctx, p->parent_hash_key, 1, &w->parent_hash, err);
    }
    w->plan.hash_key = NULL;
    w->plan.parent_hash_key = NULL;
    return st;
}

static envelope_status make_buffers(struct env_image_writer *w, envelope_error *err)
{
    w->carry = env_alloc(w->ctx, w->block_bytes);
    w->segment = env_alloc(w->ctx, sizeof *w->segment);
    w->parent = env_alloc(w->ctx, sizeof *w->parent);
    w->link = env_alloc(w->ctx, ENV_LINK_BYTES);
    if (!w->carry || !w->segment || !w->parent || !w->link) {
        return env_nomem(err);
    }
    if (w->plan.parent) {
        memcpy(w->link, w->plan.parent_link, ENV_LINK_BYTES);
    }
    w->plan.parent_link = NULL;
    return ENVELOPE_OK;
}

envelope_status env_image_writer_new(envelope_ctx *ctx, const struct env_image_plan *plan,
                                     struct env_image_writer **out, envelope_error *err)
{
    struct env_geometry g;
    *out = NULL;
    envelope_status st = env_geometry_of(0, plan->block_log2, &g, err);
    st = st ? st : check_parent(plan, err);
    if (st) {
        return st;
    }
    struct env_image_writer *w = env_alloc(ctx, sizeof *w);
    if (!w) {
        return env_nomem(err);
    }
    w->ctx = env_ctx_retain(ctx);
    w->plan = *plan;
    w->block_bytes = g.block_bytes;
    st = make_buffers(w, err);
    st = st ? st : make_keys(w, err);
    if (st) {
        env_image_writer_free(w);
        return st;
    }
    *out = w;
    return ENVELOPE_OK;
}

void env_image_writer_free(struct env_image_writer *w)
{
    if (!w) {
        return;
    }
    envelope_ctx *ctx = w->ctx;
    env_block_hash_free(w->hash);
    env_block_hash_free(w->parent_hash);
    if (w->carry) {
        env_wipe(w->carry, w->block_bytes);
    }
    env_free(ctx, w->carry);
    env_free(ctx, w->segment);
    env_free(ctx, w->parent);
    env_free(ctx, w->link);
    env_free(ctx, w->directory);
    env_free(ctx, w);
    env_ctx_release(ctx);
}

uint64_t env_image_written(const struct env_image_writer *w)
{
    return w->given;
}

/* memcmp of a block with itself, shifted, is as fast as memory is. */
static bool all_zero(const uint8_t *p, size_t len)
{
    static const uint8_t zeros[64];
    size_t head = len < sizeof zeros ? len : sizeof zeros;
    return !memcmp(p, zeros, head) && (len <= head || !memcmp(p, p + head, len - head));
}

static envelope_status put_block(struct env_image_writer *w, const uint8_t *block, uint32_t len,
                                 envelope_error *err)
{
    return all_zero(block, len) ? env_segment_zero(w, err) : env_segment_store(w, block, len, err);
}

/* A whole block straight from the caller's memory, or what fills the carry up. */
static envelope_status step(struct env_image_writer *w, const uint8_t *data, size_t len,
                            size_t *used, envelope_error *err)
{
    if (w->carry_len == 0 && len >= w->block_bytes) {
        *used = w->block_bytes;
        return put_block(w, data, w->block_bytes, err);
    }
    size_t room = w->block_bytes - w->carry_len;
    *used = len < room ? len : room;
    memcpy(w->carry + w->carry_len, data, *used);
    w->carry_len += (uint32_t)*used;
    if (w->carry_len < w->block_bytes) {
        return ENVELOPE_OK;
    }
    w->carry_len = 0;
    return put_block(w, w->carry, w->block_bytes, err);
}

static envelope_status within(struct env_image_writer *w, uint64_t len, envelope_error *err)
{
    if (w->failed) {
        return env_fail(err, ENVELOPE_E_INVALID, "the image has failed, or is finished");
    }
    if (len > ENV_IMAGE_BYTES_MAX - w->given) {
        return env_fail(err, ENVELOPE_E_LIMIT, "a disk has 128 TiB at most");
    }
    return ENVELOPE_OK;
}

envelope_status env_image_write(struct env_image_writer *w, const void *data, size_t len,
                                envelope_error *err)
{
    const uint8_t *p = data;
    envelope_status st = within(w, len, err);
    if (st) {
        return st;
    }
    for (size_t used = 0; !st && len; p += used, len -= used) {
        st = step(w, p, len, &used, err);
        w->given += used;
    }
    w->failed = st != ENVELOPE_OK;
    return st;
}

/* Zeros that do not fill a block go through the carry. */
static envelope_status write_zeros(struct env_image_writer *w, uint64_t len, envelope_error *err)
{
    static const uint8_t zeros[4096];
    envelope_status st = ENVELOPE_OK;
    while (!st && len) {
        size_t part = len < sizeof zeros ? (size_t)len : sizeof zeros;
        st = env_image_write(w, zeros, part, err);
        len -= part;
    }
    return st;
}

static uint64_t to_block(const struct env_image_writer *w, uint64_t len)
{
    uint64_t part = w->carry_len ? w->block_bytes - w->carry_len : 0;
    return part < len ? part : len;
}

static bool whole_segment(const struct env_image_writer *w, uint64_t len)
{
    return w->filled == 0 && len >> ENV_SEGMENT_LOG2 >= w->block_bytes;
}

/* The largest step that can be made at once, and how long it is. */
static envelope_status zero_step(struct env_image_writer *w, uint64_t len, uint64_t *used,
                                 envelope_error *err)
{
    bool whole = whole_segment(w, len);
    *used = whole ? (uint64_t)w->block_bytes << ENV_SEGMENT_LOG2 : w->block_bytes;
    return whole ? env_segment_all_zero(w, err) : env_segment_zero(w, err);
}

envelope_status env_image_skip_zero(struct env_image_writer *w, uint64_t len, envelope_error *err)
{
    envelope_status st = within(w, len, err);
    uint64_t first = st ? 0 : to_block(w, len);
    st = st ? st : write_zeros(w, first, err);
    len -= first;
    for (uint64_t used = 0; !st && len >= w->block_bytes; len -= used) {
        st = zero_step(w, len, &used, err);
        w->given += used;
    }
    st = st ? st : write_zeros(w, len, err);
    w->failed = st != ENVELOPE_OK;
    return st;
}

/* The parent's bytes, read and given, where no whole block can be taken over. */
static envelope_status write_parents(struct env_image_writer *w, uint64_t len, envelope_error *err)
{
    struct env_image_fault fault;
    uint8_t *buf = env_alloc(w->ctx, w->block_bytes);
    envelope_status st = buf ? ENVELOPE_OK : env_nomem(err);
    while (!st && len) {
        size_t part = len < w->block_bytes ? (size_t)len : w->block_bytes;
        st = env_image_pread(w->plan.parent, w->given, buf, part, &fault, err);
        st = st ? st : env_image_write(w, buf, part, err);
        len -= part;
    }
    if (buf) {
        env_wipe(buf, w->block_bytes);
    }
    env_free(w->ctx, buf);
    return st;
}

static envelope_status may_skip(const struct env_image_writer *w, uint64_t len, envelope_error *err)
{
    if (!w->plan.parent || w->plan.must_read) {
        return env_fail(
            err, ENVELOPE_E_REFUSED, "unchanged blocks cannot be taken over: %s; give every block",
            w->plan.parent ? "the parent is of another generation" : "this point has no parent");
    }
    uint64_t bytes = env_image_geometry(w->plan.parent)->bytes;
    if (w->given > bytes || len > bytes - w->given) {
        return env_fail(err, ENVELOPE_E_RANGE, "the parent ends at byte %llu",
                        (unsigned long long)bytes);
    }
    return ENVELOPE_OK;
}

/* A segment by its entry in the directory, a block by its place in the map, or the bytes where the
 * map is damaged. */
static envelope_status unchanged_step(struct env_image_writer *w, uint64_t len, uint64_t *used,
                                      envelope_error *err)
{
    bool done = false;
    envelope_status st = ENVELOPE_OK;
    *used = (uint64_t)w->block_bytes << ENV_SEGMENT_LOG2;
    if (whole_segment(w, len)) {
        st = env_segment_all_unchanged(w, &done, err);
    }
    if (!st && !done) {
        *used = w->block_bytes;
        st = env_segment_unchanged(w, &done, err);
    }
    if (st || done) {
        w->given += st ? 0 : *used;
        return st;
    }
    return write_parents(w, *used, err);
}

envelope_status env_image_skip_unchanged(struct env_image_writer *w, uint64_t len,
                                         envelope_error *err)
{
    envelope_status st = within(w, len, err);
    st = st ? st : may_skip(w, len, err);
    if (st) {
        return st;
    }
    uint64_t first = to_block(w, len);
    st = write_parents(w, first, err);
    len -= first;
    for (uint64_t used = 0; !st && len >= w->block_bytes; len -= used) {
        st = unchanged_step(w, len, &used, err);
    }
    st = st ? st : write_parents(w, len, err);
    w->failed = st != ENVELOPE_OK;
    return st;
}

static envelope_status append_table(struct env_image_writer *w, struct env_footer *f,
                                    envelope_error *err)
{
    if (!w->plan.parent) {
        return ENVELOPE_OK;
    }
    size_t count = env_image_objects(w->plan.parent) + 1;
    envelope_status st = env_image_align(w, err);
    f->second_at = env_object_appended(w->plan.to);
    f->second_count = count;
    st = st ? st : env_object_append(w->plan.to, w->link, ENV_LINK_BYTES, err);
    for (size_t i = 0; !st && i + 1 < count; i++) {
        st = env_object_append(w->plan.to, env_image_link(w->plan.parent, i), ENV_LINK_BYTES, err);
    }
    return st;
}

static envelope_status append_directory(struct env_image_writer *w, struct env_footer *f,
                                        envelope_error *err)
{
    f->table_count = w->directory_count;
    if (!w->directory_count) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_image_align(w, err);
    f->table_at = env_object_appended(w->plan.to);
    return st ? st
              : env_object_append(w->plan.to, w->directory,
                                  w->directory_count * ENV_DIRECTORY_BYTES, err);
}

envelope_status env_image_finish(struct env_image_writer *w, struct env_footer *f,
                                 envelope_error *err)
{
    envelope_status st = within(w, 0, err);
    if (!st && w->carry_len) {
        st = put_block(w, w->carry, w->carry_len, err);
        w->carry_len = 0;
    }
    st = st || !w->filled ? st : env_segment_end(w, err);
    f->bytes = w->given;
    f->block_log2 = w->plan.block_log2;
    f->segment_log2 = ENV_SEGMENT_LOG2;
    st = st ? st : append_directory(w, f, err);
    st = st ? st : append_table(w, f, err);
    f->stored_blocks = w->stored_blocks;
    w->failed = true;
    return st;
}
