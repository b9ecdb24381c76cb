#include "base/error.h"
#include "kms/kms.h"

envelope_status envelope_kms_new_asking(envelope_ctx *ctx, const char *kind, envelope_kms **out,
                                        envelope_error *err)
{
    (void)ctx;
    (void)kind;
    if (out) {
        *out = NULL;
    }
    return env_fail(err, ENVELOPE_E_UNSUPPORTED, "an asking KMS is not built yet");
}

const envelope_question *envelope_kms_next_question(envelope_kms *kms)
{
    (void)kms;
    return NULL;
}

envelope_status envelope_kms_answer(envelope_kms *kms, uint64_t id, envelope_status status,
                                    const char *message, const envelope_key_ref *key, int32_t state,
                                    const void *bytes, size_t len, envelope_error *err)
{
    (void)kms;
    (void)id;
    (void)status;
    (void)message;
    (void)key;
    (void)state;
    (void)bytes;
    (void)len;
    return env_fail(err, ENVELOPE_E_INVALID, "this KMS asks nothing");
}
