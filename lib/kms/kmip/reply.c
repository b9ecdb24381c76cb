#include "base/error.h"
#include "kms/kmip/link.h"

static envelope_status too_long(size_t len, bool secret, uint32_t most, envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_LIMIT,
                    "the answer of %zu bytes is longer than the %u that %s (K-FRAME-03)", len, most,
                    secret ? "an answer with a key may have" : "max_response_bytes allows");
}

envelope_status env_kmip_reply_new(envelope_ctx *ctx, size_t len, bool secret,
                                   uint32_t max_response, struct env_kmip_reply *out,
                                   envelope_error *err)
{
    *out = (struct env_kmip_reply){0};
    /* one answer must not take the arena from all others */
    bool capped = secret && max_response > ENV_KMIP_SECRET_MAX;
    uint32_t most = capped ? ENV_KMIP_SECRET_MAX : max_response;
    if (len > most) {
        return too_long(len, capped, most, err);
    }
    uint8_t *bytes = NULL;
    envelope_status st = ENVELOPE_OK;
    if (secret) {
        st = env_secret_new(ctx, len, &bytes, err);
    } else {
        bytes = env_alloc(ctx, len ? len : 1);
        st = bytes ? ENVELOPE_OK : env_nomem(err);
    }
    if (!st) {
        *out = (struct env_kmip_reply){bytes, len, len, secret};
    }
    return st;
}

void env_kmip_reply_free(envelope_ctx *ctx, struct env_kmip_reply *reply)
{
    if (reply->bytes && reply->secret) {
        env_secret_free(ctx, reply->bytes, reply->cap);
    } else if (reply->bytes) {
        env_wipe(reply->bytes, reply->cap);
        env_free(ctx, reply->bytes);
    }
    *reply = (struct env_kmip_reply){0};
}
