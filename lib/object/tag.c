#include "object/tag.h"
#include "base/error.h"
#include "crypto/digest.h"
#include <string.h>

envelope_status env_key_payload(envelope_ctx *ctx, const uint8_t dek[32], uint8_t out[32],
                                envelope_error *err)
{
    return env_derive(ctx, dek, "payload", NULL, 0, out, err);
}

envelope_status env_key_box(envelope_ctx *ctx, const uint8_t dek[32], uint8_t out[32],
                            envelope_error *err)
{
    return env_derive(ctx, dek, "box", NULL, 0, out, err);
}

envelope_status env_key_header(envelope_ctx *ctx, const uint8_t dek[32], uint8_t out[32],
                               envelope_error *err)
{
    return env_derive(ctx, dek, "header", NULL, 0, out, err);
}

envelope_status env_attest(envelope_ctx *ctx, const uint8_t ak[32], struct env_bytes core,
                           uint8_t out[32], envelope_error *err)
{
    return env_mac(ctx, ak, "attest", &core, 1, out, err);
}

envelope_status env_link(envelope_ctx *ctx, struct env_bytes core, const uint8_t att[32],
                         uint8_t out[32], envelope_error *err)
{
    const struct env_bytes parts[] = {core, ENV_BYTES(att, ENV_ATT_BYTES)};
    return env_hash(ctx, "link", parts, 2, out, err);
}

envelope_status env_tag_make(envelope_ctx *ctx, const uint8_t header_key[32], const void *copy,
                             uint32_t capacity, uint8_t out[ENV_TAG_MAC_BYTES], envelope_error *err)
{
    const struct env_bytes covered = ENV_BYTES(copy, capacity - ENV_COPY_END_BYTES);
    return env_mac(ctx, header_key, "header", &covered, 1, out, err);
}

envelope_status env_tag_check(envelope_ctx *ctx, const uint8_t header_key[32],
                              const struct env_copy *copy, envelope_error *err)
{
    uint8_t tag[ENV_TAG_MAC_BYTES];
    envelope_status st = env_tag_make(ctx, header_key, copy->whole.p, copy->capacity, tag, err);
    if (!st && !env_equal_secret(tag, copy->tag, sizeof tag)) {
        st = env_fail(err, ENVELOPE_E_AUTH, "the header does not verify under this key");
    }
    env_wipe(tag, sizeof tag);
    return st;
}
