#include "base/error.h"
#include "kms/kmip/op_parts.h"
#include <string.h>

enum { AES_BITS = 256 };

void env_kmip_put_create(struct env_ttlv_out *o, const char *name, const char *group)
{
    env_ttlv_put_enum(o, ENV_TAG_OBJECT_TYPE, ENV_OBJECT_SYMMETRIC);
    env_ttlv_open(o, ENV_TAG_TEMPLATE_ATTRIBUTE);
    env_kmip_put_attribute_enum(o, "Cryptographic Algorithm", ENV_ALGORITHM_AES);
    env_kmip_put_attribute_int(o, "Cryptographic Length", AES_BITS);
    env_kmip_put_attribute_int(o, "Cryptographic Usage Mask",
                               (int32_t)env_kmip_usage(ENV_OBJECT_SYMMETRIC));
    env_kmip_put_selector(o, name, group);
    env_ttlv_close(o);
}

envelope_status env_kmip_take_create(struct env_ttlv payload, env_kmip_text uid,
                                     envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_OBJECT_TYPE, ENV_TTLV_ENUM, true, false},
        {ENV_TAG_UNIQUE_IDENTIFIER, ENV_TTLV_TEXT, true, false},
    };
    struct env_ttlv_item got[2];
    *uid = 0;
    envelope_status st = env_ttlv_fields(payload, fields, 2, got, "Create", err);
    if (!st && env_ttlv_enum(&got[0]) != ENV_OBJECT_SYMMETRIC) {
        st = env_fail(err, ENVELOPE_E_FORMAT, "Create: object type %u was made (K-OP-21)",
                      env_ttlv_enum(&got[0]));
    }
    return st ? st : env_kmip_take_text(&got[1], uid, "Create", err);
}
