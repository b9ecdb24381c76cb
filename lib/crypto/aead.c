#include "crypto/aead.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/context.h"
#include <pthread.h>
#include <string.h>

/* EVP takes an int, and GCM itself ends at 2^36 - 32 bytes. */
static const size_t message_max = (size_t)1 << 30;

struct env_aead {
    envelope_ctx *ctx;
    const struct env_aead_engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    size_t lanes;
    size_t idle_count;
    void *lane[ENV_AEAD_LANES];
    void *idle[ENV_AEAD_LANES];
};

envelope_status env_aead_new(envelope_ctx *ctx, const uint8_t key[32], size_t lanes,
                             struct env_aead **out, envelope_error *err)
{
    *out = NULL;
    if (lanes == 0 || lanes > ENV_AEAD_LANES) {
        return env_fail(err, ENVELOPE_E_INVALID, "aead: %zu lanes", lanes);
    }
    struct env_aead *aead = env_alloc(ctx, sizeof *aead);
    if (!aead) {
        return env_nomem(err);
    }
    aead->ctx = ctx;
    aead->engine = ctx->crypto->engine;
    pthread_mutex_init(&aead->lock, NULL);
    pthread_cond_init(&aead->freed, NULL);
    envelope_status st = ENVELOPE_OK;
    while (!st && aead->lanes < lanes) {
        st = aead->engine->lane_new(ctx, key, &aead->lane[aead->lanes], err);
        aead->lanes += st ? 0 : 1;
    }
    if (st) {
        env_aead_free(aead);
        return st;
    }
    memcpy(aead->idle, aead->lane, sizeof aead->idle);
    aead->idle_count = lanes;
    *out = aead;
    return ENVELOPE_OK;
}

void env_aead_free(struct env_aead *aead)
{
    if (!aead) {
        return;
    }
    for (size_t i = 0; i < aead->lanes; i++) {
        aead->engine->lane_free(aead->ctx, aead->lane[i]);
    }
    pthread_cond_destroy(&aead->freed);
    pthread_mutex_destroy(&aead->lock);
    env_free(aead->ctx, aead);
}

static void *take(struct env_aead *aead)
{
    pthread_mutex_lock(&aead->lock);
    while (aead->idle_count == 0) {
        pthread_cond_wait(&aead->freed, &aead->lock);
    }
    void *lane = aead->idle[--aead->idle_count];
    pthread_mutex_unlock(&aead->lock);
    return lane;
}

static void give(struct env_aead *aead, void *lane)
{
    pthread_mutex_lock(&aead->lock);
    aead->idle[aead->idle_count++] = lane;
    pthread_cond_signal(&aead->freed);
    pthread_mutex_unlock(&aead->lock);
}

envelope_status env_aead_seal(struct env_aead *aead, const uint8_t nonce[ENV_NONCE_BYTES],
                              const void *in, size_t len, void *out, envelope_error *err)
{
    if (len > message_max) {
        return env_fail(err, ENVELOPE_E_LIMIT, "a message of %zu bytes is too long to seal", len);
    }
    void *lane = take(aead);
    envelope_status st = aead->engine->seal(lane, nonce, in, len, out, err);
    give(aead, lane);
    return st;
}

envelope_status env_aead_open(struct env_aead *aead, const uint8_t nonce[ENV_NONCE_BYTES],
                              const void *in, size_t len, void *out, envelope_error *err)
{
    if (len < ENV_TAG_BYTES || len > message_max) {
        return env_fail(err, ENVELOPE_E_AUTH, "sealed bytes do not verify");
    }
    void *lane = take(aead);
    envelope_status st = aead->engine->open(lane, nonce, in, len, out, err);
    give(aead, lane);
    return st;
}

struct env_block_hash {
    struct env_aead *aead;
};

envelope_status env_block_hash_new(envelope_ctx *ctx, const uint8_t key[32], size_t lanes,
                                   struct env_block_hash **out, envelope_error *err)
{
    *out = NULL;
    struct env_block_hash *hash = env_alloc(ctx, sizeof *hash);
    if (!hash) {
        return env_nomem(err);
    }
    envelope_status st = env_aead_new(ctx, key, lanes, &hash->aead, err);
    if (st) {
        env_free(ctx, hash);
        return st;
    }
    *out = hash;
    return ENVELOPE_OK;
}

envelope_status env_block_hash_of(struct env_block_hash *hash, const void *data, size_t len,
                                  size_t block_bytes, uint8_t out[ENV_TAG_BYTES],
                                  envelope_error *err)
{
    static const uint8_t nonce[ENV_NONCE_BYTES];
    if (len > block_bytes || block_bytes > message_max) {
        return env_fail(err, ENVELOPE_E_INVALID, "a block of %zu bytes, in %zu", len, block_bytes);
    }
    struct env_aead *aead = hash->aead;
    void *lane = take(aead);
    envelope_status st = aead->engine->mac(lane, nonce, data, len, block_bytes - len, out, err);
    give(aead, lane);
    return st;
}

void env_block_hash_free(struct env_block_hash *hash)
{
    if (hash) {
        envelope_ctx *ctx = hash->aead->ctx;
        env_aead_free(hash->aead);
        env_free(ctx, hash);
    }
}
