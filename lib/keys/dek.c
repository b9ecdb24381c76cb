#include "keys/dek.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/random.h"
#include <string.h>

struct envelope_dek {
    atomic_uint refs;
    envelope_ctx *ctx; /* retained */
    uint8_t *key;      /* in the arena */
};

static envelope_status dek_new(envelope_ctx *ctx, envelope_dek **out, envelope_error *err)
{
    envelope_dek *dek = env_alloc(ctx, sizeof *dek);
    if (!dek) {
        return env_nomem(err);
    }
    envelope_status st = env_secret_new(ctx, ENVELOPE_DEK_BYTES, &dek->key, err);
    if (st) {
        env_free(ctx, dek);
        return st;
    }
    atomic_init(&dek->refs, 1);
    dek->ctx = env_ctx_retain(ctx);
    *out = dek;
    return ENVELOPE_OK;
}

envelope_status env_dek_from(envelope_ctx *ctx, const uint8_t key[32], envelope_dek **out,
                             envelope_error *err)
{
    *out = NULL;
    envelope_status st = dek_new(ctx, out, err);
    if (!st) {
        memcpy((*out)->key, key, ENVELOPE_DEK_BYTES);
    }
    return st;
}

envelope_dek *env_dek_retain(const envelope_dek *dek)
{
    envelope_dek *same = (envelope_dek *)dek;
    atomic_fetch_add_explicit(&same->refs, 1, memory_order_relaxed);
    return same;
}

const uint8_t *env_dek_key(const envelope_dek *dek)
{
    return dek->key;
}

envelope_ctx *env_dek_ctx(const envelope_dek *dek)
{
    return dek->ctx;
}

envelope_status envelope_dek_generate(envelope_ctx *ctx, envelope_dek **out, envelope_error *err)
{
    if (!out) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_dek_generate: out is NULL");
    }
    *out = NULL;
    envelope_dek *dek = NULL;
    envelope_status st = env_enter(ctx, err);
    st = st ? st : dek_new(ctx, &dek, err);
    if (st) {
        return st;
    }
    st = env_random(dek->key, ENVELOPE_DEK_BYTES, err);
    if (st) {
        envelope_dek_free(dek);
        return st;
    }
    *out = dek;
    return ENVELOPE_OK;
}

envelope_status envelope_dek_import(envelope_ctx *ctx, const void *key, size_t len,
                                    envelope_dek **out, envelope_error *err)
{
    if (!out) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_dek_import: out is NULL");
    }
    *out = NULL;
    envelope_status st = env_enter(ctx, err);
    if (st) {
        return st;
    }
    if (!key || len != ENVELOPE_DEK_BYTES) {
        return env_fail(err, ENVELOPE_E_INVALID, "a DEK has 32 bytes, not %zu", key ? len : 0);
    }
    return env_dek_from(ctx, key, out, err);
}

const uint8_t *envelope_dek_reveal(const envelope_dek *dek)
{
    return dek && !env_arena_lost(dek->ctx->arena) ? dek->key : NULL;
}

void envelope_dek_free(envelope_dek *dek)
{
    if (!dek || atomic_fetch_sub_explicit(&dek->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    envelope_ctx *ctx = dek->ctx;
    env_secret_free(ctx, dek->key, ENVELOPE_DEK_BYTES);
    env_free(ctx, dek);
    env_ctx_release(ctx);
}
