#include "object/seal.h"
#include "base/error.h"
#include "crypto/chunked.h"
#include "crypto/digest.h"
#include "object/tag.h"
#include <string.h>

typedef envelope_status (*derive_fn)(envelope_ctx *ctx, const uint8_t dek[32], uint8_t out[32],
                                     envelope_error *err);

/* A derived key in the arena, for env_secret_free. */
static envelope_status derived(envelope_ctx *ctx, const envelope_dek *dek, derive_fn derive,
                               uint8_t **key, envelope_error *err)
{
    envelope_status st = env_secret_new(ctx, ENV_KEY_BYTES, key, err);
    if (st) {
        return st;
    }
    st = derive(ctx, env_dek_key(dek), *key, err);
    if (st) {
        env_secret_free(ctx, *key, ENV_KEY_BYTES);
        *key = NULL;
    }
    return st;
}

static envelope_status seal_plain(envelope_ctx *ctx, const envelope_dek *dek, const uint8_t *id,
                                  const void *plain, size_t len, uint8_t *out, envelope_error *err)
{
    const struct env_bytes context = ENV_BYTES(id, ENV_ID_BYTES);
    uint8_t *key;
    envelope_status st = derived(ctx, dek, env_key_box, &key, err);
    if (st) {
        return st;
    }
    st = env_chunked_seal_whole(ctx, key, "box", &context, 1, plain, len, out, err);
    env_secret_free(ctx, key, ENV_KEY_BYTES);
    return st;
}

envelope_status env_box_seal(envelope_ctx *ctx, const envelope_dek *dek,
                             const uint8_t id[ENV_ID_BYTES], const struct env_box *box,
                             uint8_t **out, size_t *len, envelope_error *err)
{
    *out = NULL;
    *len = 0;
    size_t plain_len = env_box_bytes(box);
    size_t sealed_len = (size_t)env_chunked_sealed_len(plain_len);
    uint8_t *plain;
    envelope_status st = env_secret_new(ctx, plain_len, &plain, err);
    if (st) {
        return st;
    }
    uint8_t *sealed = env_alloc(ctx, sealed_len);
    env_box_put(box, plain, plain_len);
    st = sealed ? seal_plain(ctx, dek, id, plain, plain_len, sealed, err) : env_nomem(err);
    env_secret_free(ctx, plain, plain_len);
    if (st) {
        env_free(ctx, sealed);
        return st;
    }
    *out = sealed;
    *len = sealed_len;
    return ENVELOPE_OK;
}

static envelope_status open_plain(envelope_ctx *ctx, const envelope_dek *dek,
                                  const struct env_copy *copy, uint8_t *plain, envelope_error *err)
{
    const struct env_bytes context = ENV_BYTES(copy->id_bytes, ENV_ID_BYTES);
    uint8_t *key;
    envelope_status st = derived(ctx, dek, env_key_box, &key, err);
    if (st) {
        return st;
    }
    st = env_chunked_open_whole(ctx, key, "box", &context, 1, copy->box.p, copy->box.len, plain,
                                err);
    env_secret_free(ctx, key, ENV_KEY_BYTES);
    return st;
}

envelope_status env_box_open(envelope_ctx *ctx, const envelope_dek *dek,
                             const struct env_copy *copy, bool foreign, uint8_t **out, size_t *len,
                             struct env_box *box, envelope_error *err)
{
    *out = NULL;
    *len = 0;
    uint64_t plain_len;
    if (!env_chunked_plain_len(copy->box.len, &plain_len)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "the box has a length that no box has");
    }
    uint8_t *plain;
    envelope_status st = env_secret_new(ctx, (size_t)plain_len, &plain, err);
    if (st) {
        return st;
    }
    st = open_plain(ctx, dek, copy, plain, err);
    st = st ? st : env_box_get(plain, (size_t)plain_len, foreign, box, err);
    if (st) {
        env_secret_free(ctx, plain, (size_t)plain_len);
        return st;
    }
    *out = plain;
    *len = (size_t)plain_len;
    return ENVELOPE_OK;
}

envelope_status env_core_make(envelope_ctx *ctx, const uint8_t id[ENV_ID_BYTES],
                              const uint8_t prefix[ENV_PAYLOAD_PREFIX_BYTES], struct env_bytes box,
                              const struct env_bytes *context, uint8_t **out, size_t *len,
                              envelope_error *err)
{
    enum { LENGTH = 4 };
    *len = 0;
    size_t cap = (size_t)ENV_ID_BYTES + ENV_PAYLOAD_PREFIX_BYTES + LENGTH + box.len +
                 (context ? LENGTH + context->len : 0);
    *out = env_alloc(ctx, cap);
    if (!*out) {
        return env_nomem(err);
    }
    *len = env_core_put(id, prefix, box, context, *out, cap);
    if (*len == 0) {
        env_free(ctx, *out);
        *out = NULL;
        return env_fail(err, ENVELOPE_E_LIMIT, "the header does not hold that much");
    }
    return ENVELOPE_OK;
}

envelope_status env_copy_seal(envelope_ctx *ctx, const envelope_dek *dek,
                              const struct env_copy_parts *parts, uint8_t role, uint32_t capacity,
                              void *out, envelope_error *err)
{
    uint8_t *key;
    envelope_status st = derived(ctx, dek, env_key_header, &key, err);
    if (st) {
        return st;
    }
    uint8_t tag[ENV_TAG_MAC_BYTES];
    env_copy_put(parts, role, capacity, out);
    st = env_tag_make(ctx, key, out, capacity, tag, err);
    env_secret_free(ctx, key, ENV_KEY_BYTES);
    if (!st) {
        env_copy_finish(out, capacity, tag);
    }
    return st;
}
