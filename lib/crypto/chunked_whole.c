#include "base/error.h"
#include "crypto/chunked.h"

uint64_t env_chunked_sealed_len(uint64_t plain_len)
{
    uint64_t chunks = plain_len / ENV_CHUNK_BYTES + 1;
    if (chunks > ENV_CHUNKS_MAX) {
        return UINT64_MAX;
    }
    return ENV_PREFIX_BYTES + plain_len + chunks * (ENV_SEALED_CHUNK_BYTES - ENV_CHUNK_BYTES);
}

bool env_chunked_plain_len(uint64_t sealed_len, uint64_t *plain_len)
{
    const uint64_t tag = ENV_SEALED_CHUNK_BYTES - ENV_CHUNK_BYTES;
    *plain_len = 0;
    if (sealed_len < ENV_PREFIX_BYTES) {
        return false;
    }
    uint64_t full = (sealed_len - ENV_PREFIX_BYTES) / ENV_SEALED_CHUNK_BYTES;
    uint64_t last = (sealed_len - ENV_PREFIX_BYTES) % ENV_SEALED_CHUNK_BYTES;
    if (last < tag || full >= ENV_CHUNKS_MAX) {
        return false;
    }
    *plain_len = full * ENV_CHUNK_BYTES + last - tag;
    return true;
}

/* The last chunk is the one that is not full, so a message of whole chunks ends with an empty one.
 */
static envelope_status seal_all(struct env_chunked *c, const uint8_t *in, size_t len, uint8_t *out,
                                envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    uint64_t number = 0;
    for (; !st && len >= ENV_CHUNK_BYTES; len -= ENV_CHUNK_BYTES) {
        st = env_chunked_seal(c, number++, in, ENV_CHUNK_BYTES, out, err);
        in += ENV_CHUNK_BYTES;
        out += ENV_SEALED_CHUNK_BYTES;
    }
    return st ? st : env_chunked_seal(c, number, in, len, out, err);
}

static envelope_status open_all(struct env_chunked *c, const uint8_t *in, size_t len, uint8_t *out,
                                envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    uint64_t number = 0;
    for (; !st && len >= ENV_SEALED_CHUNK_BYTES; len -= ENV_SEALED_CHUNK_BYTES) {
        st = env_chunked_open(c, number++, in, ENV_SEALED_CHUNK_BYTES, out, err);
        in += ENV_SEALED_CHUNK_BYTES;
        out += ENV_CHUNK_BYTES;
    }
    return st ? st : env_chunked_open(c, number, in, len, out, err);
}

envelope_status env_chunked_seal_whole(envelope_ctx *ctx, const uint8_t key[32],
                                       const char *purpose, const struct env_bytes *parts,
                                       size_t count, const void *in, size_t len, void *out,
                                       envelope_error *err)
{
    uint8_t *prefix = out;
    struct env_chunked *c;
    envelope_status st =
        env_chunked_seal_prefix(ctx, key, purpose, parts, count, prefix, 1, &c, err);
    st = st ? st : seal_all(c, in, len, prefix + ENV_PREFIX_BYTES, err);
    env_chunked_free(c);
    if (st) {
        env_wipe(out, (size_t)env_chunked_sealed_len(len));
    }
    return st;
}

envelope_status env_chunked_open_whole(envelope_ctx *ctx, const uint8_t key[32],
                                       const char *purpose, const struct env_bytes *parts,
                                       size_t count, const void *in, size_t in_len, void *out,
                                       envelope_error *err)
{
    uint64_t plain;
    if (!env_chunked_plain_len(in_len, &plain)) {
        return env_fail(err, ENVELOPE_E_AUTH, "sealed bytes do not verify");
    }
    const uint8_t *prefix = in;
    struct env_chunked *c;
    envelope_status st =
        env_chunked_open_prefix(ctx, key, purpose, parts, count, prefix, 1, &c, err);
    st = st ? st : open_all(c, prefix + ENV_PREFIX_BYTES, in_len - ENV_PREFIX_BYTES, out, err);
    env_chunked_free(c);
    if (st) {
        env_wipe(out, (size_t)plain);
    }
    return st;
}
