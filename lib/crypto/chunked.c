#include "crypto/chunked.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include <string.h>

enum { PARTS_MAX = 4, KEY_BYTES = 32 };

struct env_chunked {
    envelope_ctx *ctx;
    struct env_aead *aead;
    uint8_t nonce[ENV_NONCE_BYTES]; /* of chunk 0; no secret */
};

/* What HKDF gives, in this order. Lies in the arena. */
struct derived {
    uint8_t key[KEY_BYTES];
    uint8_t nonce[ENV_NONCE_BYTES];
    uint8_t commitment[ENV_COMMITMENT_BYTES];
};
_Static_assert(sizeof(struct derived) == 76, "no padding");

/* info = suite | 00 | salt | context */
static envelope_status derive(envelope_ctx *ctx, const uint8_t *key, const char *purpose,
                              const struct env_bytes *parts, size_t count, const uint8_t *salt,
                              struct derived *out, envelope_error *err)
{
    static const char suite[] = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM";
    static const char prefix[] = "libenvelope/1 ";
    if (count > PARTS_MAX) {
        return env_fail(err, ENVELOPE_E_INVALID, "a context of too many parts");
    }
    struct env_bytes info[PARTS_MAX + 4];
    size_t n = 0;
    info[n++] = ENV_BYTES(suite, sizeof suite);
    info[n++] = ENV_BYTES(salt, ENV_SALT_BYTES);
    if (purpose) {
        info[n++] = ENV_BYTES(prefix, sizeof prefix - 1);
        info[n++] = ENV_BYTES(purpose, strlen(purpose) + 1);
    }
    for (size_t i = 0; i < count; i++) {
        info[n++] = parts[i];
    }
    return env_hkdf_expand(ctx, key, KEY_BYTES, info, n, out, sizeof *out, err);
}

static envelope_status make(envelope_ctx *ctx, const struct derived *d, size_t lanes,
                            struct env_chunked **out, envelope_error *err)
{
    struct env_chunked *c = env_alloc(ctx, sizeof *c);
    if (!c) {
        return env_nomem(err);
    }
    c->ctx = ctx;
    memcpy(c->nonce, d->nonce, sizeof c->nonce);
    envelope_status st = env_aead_new(ctx, d->key, lanes, &c->aead, err);
    if (st) {
        env_free(ctx, c);
        return st;
    }
    *out = c;
    return ENVELOPE_OK;
}

/* expected NULL: the commitment is given out; else it is compared, before anything is set up. */
static envelope_status start(envelope_ctx *ctx, const uint8_t *key, const char *purpose,
                             const struct env_bytes *parts, size_t count, const uint8_t *salt,
                             size_t lanes, const uint8_t *expected, uint8_t *commitment,
                             struct env_chunked **out, envelope_error *err)
{
    *out = NULL;
    struct derived *d;
    envelope_status st = env_secret_new(ctx, sizeof *d, &d, err);
    if (st) {
        return st;
    }
    st = derive(ctx, key, purpose, parts, count, salt, d, err);
    if (!st && expected && !env_equal_secret(d->commitment, expected, sizeof d->commitment)) {
        st = env_fail(err, ENVELOPE_E_AUTH, "sealed bytes do not verify");
    }
    st = st ? st : make(ctx, d, lanes, out, err);
    if (!st && commitment) {
        memcpy(commitment, d->commitment, sizeof d->commitment);
    }
    env_secret_free(ctx, d, sizeof *d);
    return st;
}

envelope_status env_chunked_new(envelope_ctx *ctx, const uint8_t key[32], const char *purpose,
                                const struct env_bytes *parts, size_t count,
                                const uint8_t salt[ENV_SALT_BYTES], size_t lanes,
                                uint8_t commitment[ENV_COMMITMENT_BYTES], struct env_chunked **out,
                                envelope_error *err)
{
    return start(ctx, key, purpose, parts, count, salt, lanes, NULL, commitment, out, err);
}

envelope_status env_chunked_open_prefix(envelope_ctx *ctx, const uint8_t key[32],
                                        const char *purpose, const struct env_bytes *parts,
                                        size_t count, const uint8_t prefix[ENV_PREFIX_BYTES],
                                        size_t lanes, struct env_chunked **out, envelope_error *err)
{
    return start(ctx, key, purpose, parts, count, prefix, lanes, prefix + ENV_SALT_BYTES, NULL, out,
                 err);
}

envelope_status env_chunked_seal_prefix(envelope_ctx *ctx, const uint8_t key[32],
                                        const char *purpose, const struct env_bytes *parts,
                                        size_t count, uint8_t prefix[ENV_PREFIX_BYTES],
                                        size_t lanes, struct env_chunked **out, envelope_error *err)
{
    *out = NULL;
    envelope_status st = env_random(prefix, ENV_SALT_BYTES, err);
    st = st ? st
            : start(ctx, key, purpose, parts, count, prefix, lanes, NULL, prefix + ENV_SALT_BYTES,
                    out, err);
    if (st) {
        env_wipe(prefix, ENV_PREFIX_BYTES);
    }
    return st;
}

/* nonce XOR number, the number big-endian in the last 8 bytes */
static void nonce_of(const struct env_chunked *c, uint64_t number, uint8_t nonce[ENV_NONCE_BYTES])
{
    memcpy(nonce, c->nonce, ENV_NONCE_BYTES);
    for (size_t i = ENV_NONCE_BYTES; number != 0; number >>= 8) {
        nonce[--i] ^= (uint8_t)number;
    }
}

envelope_status env_chunked_seal(struct env_chunked *chunked, uint64_t number, const void *in,
                                 size_t len, void *out, envelope_error *err)
{
    if (number >= ENV_CHUNKS_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "a sealed message ends at 2^38 chunks");
    }
    if (len > ENV_CHUNK_BYTES) {
        return env_fail(err, ENVELOPE_E_INVALID, "a chunk of %zu bytes", len);
    }
    uint8_t nonce[ENV_NONCE_BYTES];
    nonce_of(chunked, number, nonce);
    return env_aead_seal(chunked->aead, nonce, in, len, out, err);
}

envelope_status env_chunked_open(struct env_chunked *chunked, uint64_t number, const void *in,
                                 size_t len, void *out, envelope_error *err)
{
    if (number >= ENV_CHUNKS_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "a sealed message ends at 2^38 chunks");
    }
    if (len > ENV_SEALED_CHUNK_BYTES) {
        return env_fail(err, ENVELOPE_E_AUTH, "sealed bytes do not verify");
    }
    uint8_t nonce[ENV_NONCE_BYTES];
    nonce_of(chunked, number, nonce);
    return env_aead_open(chunked->aead, nonce, in, len, out, err);
}

void env_chunked_free(struct env_chunked *chunked)
{
    if (!chunked) {
        return;
    }
    env_aead_free(chunked->aead);
    env_free(chunked->ctx, chunked);
}
