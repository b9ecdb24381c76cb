#include "kms/kmip/op_parts.h"

void env_kmip_put_activate(struct env_ttlv_out *o, const char *uid)
{
    env_ttlv_put_text(o, ENV_TAG_UNIQUE_IDENTIFIER, uid);
}

void env_kmip_put_revoke(struct env_ttlv_out *o, const char *uid, uint32_t reason,
                         const char *message)
{
    env_ttlv_put_text(o, ENV_TAG_UNIQUE_IDENTIFIER, uid);
    env_ttlv_open(o, ENV_TAG_REVOCATION_REASON);
    env_ttlv_put_enum(o, ENV_TAG_REVOCATION_REASON_CODE, reason);
    if (message) {
        env_ttlv_put_text(o, ENV_TAG_REVOCATION_MESSAGE, message);
    }
    env_ttlv_close(o);
}

envelope_status env_kmip_take_done(struct env_ttlv payload, const char *uid, envelope_error *err)
{
    static const struct env_ttlv_field field = {ENV_TAG_UNIQUE_IDENTIFIER, ENV_TTLV_TEXT, true,
                                                false};
    struct env_ttlv_item got;
    envelope_status st = env_ttlv_fields(payload, &field, 1, &got, "Activate or Revoke", err);
    return st ? st : env_kmip_same_uid(&got, uid, "Activate or Revoke", err);
}
