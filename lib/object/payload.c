#include "base/bytes.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/chunked.h"
#include "crypto/digest.h"
#include "keys/dek.h"
#include "object/header.h"
#include "object/tag.h"
#include "object/window.h"
#include <string.h>

_Static_assert(ENVELOPE_PREFIX == ENV_PREFIX_BYTES && ENVELOPE_CHUNK == ENV_CHUNK_BYTES &&
                   ENVELOPE_SEALED_CHUNK == ENV_SEALED_CHUNK_BYTES,
               "the public constants are the format's");

struct envelope_payload {
    envelope_ctx *ctx;
    struct env_chunked *chunked;
    struct env_window *window; /* sealing only */
};

/* K_pay, and the context that binds a foreign payload: ID[0..55] | u64 stream | caller's context */
struct binding {
    uint8_t *key;
    uint8_t stream[8];
    struct env_bytes part[3];
};

static envelope_status bind_to(const envelope_header *header, const envelope_dek *dek,
                               uint64_t stream, struct binding *b, envelope_error *err)
{
    envelope_ctx *ctx = env_header_ctx(header);
    const struct env_copy *copy = env_header_copy(header);
    struct env_out o = env_out_over(b->stream, sizeof b->stream);
    env_put_u64(&o, stream);
    b->part[0] = ENV_BYTES(copy->id_bytes, ENV_ID_SHORT_BYTES);
    b->part[1] = ENV_BYTES(b->stream, sizeof b->stream);
    b->part[2] = copy->context;
    envelope_status st = env_secret_new(ctx, ENV_KEY_BYTES, &b->key, err);
    return st ? st : env_key_payload(ctx, env_dek_key(dek), b->key, err);
}

static envelope_status enter_new(const envelope_header *header, const envelope_dek *dek,
                                 const uint8_t *prefix, envelope_payload **out, envelope_error *err)
{
    if (!out) {
        return env_fail(err, ENVELOPE_E_INVALID, "out is NULL");
    }
    *out = NULL;
    if (!header || !dek || !prefix) {
        return env_fail(err, ENVELOPE_E_INVALID, "header, dek and prefix are needed");
    }
    return env_enter(env_header_ctx(header), err);
}

static envelope_status make_payload(envelope_ctx *ctx, envelope_payload **out, envelope_error *err)
{
    *out = env_alloc(ctx, sizeof **out);
    if (!*out) {
        return env_nomem(err);
    }
    (*out)->ctx = env_ctx_retain(ctx);
    return ENVELOPE_OK;
}

/* The one way out of both constructors. */
static envelope_status done(envelope_ctx *ctx, struct binding *b, envelope_status st,
                            envelope_payload *payload, envelope_payload **out)
{
    env_secret_free(ctx, b->key, ENV_KEY_BYTES);
    if (st) {
        envelope_payload_free(payload);
        return st;
    }
    *out = payload;
    return ENVELOPE_OK;
}

envelope_status envelope_payload_seal_new(const envelope_header *header, const envelope_dek *dek,
                                          uint64_t stream, uint8_t *prefix, envelope_payload **out,
                                          envelope_error *err)
{
    envelope_status st = enter_new(header, dek, prefix, out, err);
    if (st) {
        return st;
    }
    envelope_ctx *ctx = env_header_ctx(header);
    envelope_payload *p = NULL;
    struct binding b = {.key = NULL};
    st = make_payload(ctx, &p, err);
    st = st ? st : env_window_new(ctx, &p->window, err);
    st = st ? st : bind_to(header, dek, stream, &b, err);
    st = st ? st
            : env_chunked_seal_prefix(ctx, b.key, "payload", b.part, 3, prefix, ENV_AEAD_LANES,
                                      &p->chunked, err);
    if (st) {
        env_wipe(prefix, ENV_PREFIX_BYTES);
    }
    return done(ctx, &b, st, p, out);
}

envelope_status envelope_payload_open_new(const envelope_header *header, const envelope_dek *dek,
                                          uint64_t stream, const uint8_t *prefix,
                                          envelope_payload **out, envelope_error *err)
{
    envelope_status st = enter_new(header, dek, prefix, out, err);
    if (st) {
        return st;
    }
    envelope_ctx *ctx = env_header_ctx(header);
    envelope_payload *p = NULL;
    struct binding b = {.key = NULL};
    st = make_payload(ctx, &p, err);
    st = st ? st : bind_to(header, dek, stream, &b, err);
    st = st ? st
            : env_chunked_open_prefix(ctx, b.key, "payload", b.part, 3, prefix, ENV_AEAD_LANES,
                                      &p->chunked, err);
    if (st == ENVELOPE_E_AUTH) {
        st = env_fail(err, st,
                      "the payload was not sealed with this key, under this header, as this "
                      "stream, or its prefix was altered");
    }
    return done(ctx, &b, st, p, out);
}

void envelope_payload_free(envelope_payload *payload)
{
    if (!payload) {
        return;
    }
    envelope_ctx *ctx = payload->ctx;
    env_chunked_free(payload->chunked);
    env_window_free(payload->window);
    env_free(ctx, payload);
    env_ctx_release(ctx);
}

/* What one call is about; lengths decide what the last chunk is. */
struct span {
    uint64_t first;
    const uint8_t *in;
    uint8_t *out;
    size_t full; /* full chunks */
    size_t rest; /* plaintext of the short one behind them */
    bool ends;   /* there is a short one */
};

static bool overlap(const void *a, size_t a_len, const void *b, size_t b_len)
{
    uintptr_t x = (uintptr_t)a;
    uintptr_t y = (uintptr_t)b;
    return x < y + b_len && y < x + a_len;
}

static envelope_status enter_span(const envelope_payload *payload, const void *in, size_t len,
                                  const void *out, size_t cap, const size_t *out_len,
                                  envelope_error *err)
{
    if (!payload || !out_len || (len && !in) || (cap && !out)) {
        return env_fail(err, ENVELOPE_E_INVALID, "payload, in, out and out_len are needed");
    }
    return env_enter(payload->ctx, err);
}

static envelope_status give_room(size_t need, size_t cap, size_t *out_len, envelope_error *err)
{
    if (need > cap) {
        *out_len = need;
        return env_fail(err, ENVELOPE_E_RANGE, "out has %zu bytes, %zu are needed", cap, need);
    }
    return ENVELOPE_OK;
}

static envelope_status plan_seal(const void *in, size_t len, uint32_t flags, struct span *s,
                                 size_t *need, envelope_error *err)
{
    if (flags & ~(uint32_t)ENVELOPE_LAST) {
        return env_fail(err, ENVELOPE_E_INVALID, "an unknown flag");
    }
    s->in = in;
    s->ends = flags & ENVELOPE_LAST;
    s->full = len / ENV_CHUNK_BYTES;
    s->rest = len % ENV_CHUNK_BYTES;
    if (s->rest && !s->ends) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "%zu bytes are not whole chunks, and this is not the end", len);
    }
    size_t tail = s->ends ? s->rest + ENV_TAG_BYTES : 0;
    if (__builtin_mul_overflow(s->full, (size_t)ENV_SEALED_CHUNK_BYTES, need) ||
        __builtin_add_overflow(*need, tail, need)) {
        return env_fail(err, ENVELOPE_E_LIMIT, "%zu bytes are too many for one call", len);
    }
    return ENVELOPE_OK;
}

static envelope_status seal_span(struct env_chunked *chunked, const struct span *s,
                                 envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < s->full + s->ends; i++) {
        st = env_chunked_seal(chunked, s->first + i, s->in + i * ENV_CHUNK_BYTES,
                              i < s->full ? ENV_CHUNK_BYTES : s->rest,
                              s->out + i * ENV_SEALED_CHUNK_BYTES, err);
    }
    return st;
}

envelope_status envelope_payload_seal(envelope_payload *payload, uint64_t first_chunk,
                                      const void *in, size_t len, uint32_t flags, void *out,
                                      size_t cap, size_t *out_len, envelope_error *err)
{
    envelope_status st = enter_span(payload, in, len, out, cap, out_len, err);
    if (st) {
        return st;
    }
    *out_len = 0;
    if (!payload->window) {
        return env_fail(err, ENVELOPE_E_INVALID, "this payload was opened, not begun");
    }
    struct span s = {.first = first_chunk, .out = out};
    size_t need = 0;
    st = plan_seal(in, len, flags, &s, &need, err);
    st = st ? st : give_room(need, cap, out_len, err);
    if (st || need == 0) {
        return st;
    }
    if (overlap(in, len, out, need)) {
        return env_fail(err, ENVELOPE_E_INVALID, "in and out overlap");
    }
    /* Marked before anything is sealed: should sealing fail, the numbers stay used. */
    st = env_window_take(payload->window, first_chunk, s.full + s.ends, s.ends, err);
    if (st) {
        return st;
    }
    st = seal_span(payload->chunked, &s, err);
    if (st) {
        env_wipe(out, need);
        return st;
    }
    *out_len = need;
    return ENVELOPE_OK;
}

static envelope_status plan_open(const void *in, size_t len, struct span *s, size_t *need,
                                 envelope_error *err)
{
    size_t rest = len % ENV_SEALED_CHUNK_BYTES;
    if (rest && rest < ENV_TAG_BYTES) {
        return env_fail(err, ENVELOPE_E_FORMAT, "cut short: no chunk has %zu bytes", rest);
    }
    s->in = in;
    s->full = len / ENV_SEALED_CHUNK_BYTES;
    s->ends = rest != 0;
    s->rest = s->ends ? rest - ENV_TAG_BYTES : 0;
    *need = s->full * ENV_CHUNK_BYTES + s->rest;
    if (s->first >= ENV_CHUNKS_MAX || s->full + s->ends > ENV_CHUNKS_MAX - s->first) {
        return env_fail(err, ENVELOPE_E_LIMIT, "a payload ends at 2^38 chunks");
    }
    return ENVELOPE_OK;
}

/* In place: a sealed chunk is moved to where its plaintext belongs first, so that the cipher never
 * meets two buffers that overlap in part. What it is moved over was opened before. */
static const uint8_t *settle(const struct span *s, size_t i, size_t sealed_len)
{
    const uint8_t *from = s->in + i * ENV_SEALED_CHUNK_BYTES;
    uint8_t *to = s->out + i * ENV_CHUNK_BYTES;
    if (s->in != s->out) {
        return from;
    }
    memmove(to, from, sealed_len);
    return to;
}

static envelope_status open_span(struct env_chunked *chunked, const struct span *s,
                                 envelope_error *err)
{
    for (size_t i = 0; i < s->full + s->ends; i++) {
        size_t sealed_len = (i < s->full ? ENV_CHUNK_BYTES : s->rest) + ENV_TAG_BYTES;
        envelope_status st = env_chunked_open(chunked, s->first + i, settle(s, i, sealed_len),
                                              sealed_len, s->out + i * ENV_CHUNK_BYTES, err);
        if (st == ENVELOPE_E_AUTH) {
            return env_fail(err, st, "chunk %llu is damaged or altered, or is another chunk",
                            (unsigned long long)(s->first + i));
        }
        if (st) {
            return st;
        }
    }
    return ENVELOPE_OK;
}

envelope_status envelope_payload_open(const envelope_payload *payload, uint64_t first_chunk,
                                      const void *in, size_t len, void *out, size_t cap,
                                      size_t *out_len, int32_t *last, envelope_error *err)
{
    envelope_status st = enter_span(payload, in, len, out, cap, out_len, err);
    if (st) {
        return st;
    }
    *out_len = 0;
    if (!last) {
        return env_fail(err, ENVELOPE_E_INVALID, "last is needed: without it the end is not known");
    }
    *last = 0;
    struct span s = {.first = first_chunk, .out = out};
    size_t need = 0;
    st = plan_open(in, len, &s, &need, err);
    st = st ? st : give_room(need, cap, out_len, err);
    if (st || len == 0) {
        return st;
    }
    if (in != out && overlap(in, len, out, need)) {
        return env_fail(err, ENVELOPE_E_INVALID, "in and out overlap in part");
    }
    st = open_span(payload->chunked, &s, err);
    if (st) {
        env_wipe(out, in == out ? len : need);
        return st;
    }
    *out_len = need;
    *last = s.ends;
    return ENVELOPE_OK;
}
