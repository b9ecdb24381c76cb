#include "kms/kmip/op_parts.h"
#include <string.h>

static const struct kind {
    uint32_t object_type;
    uint32_t tag;
    uint32_t format;
    uint32_t algorithm;
} kinds[] = {
    {ENV_OBJECT_SYMMETRIC, ENV_TAG_SYMMETRIC_KEY, ENV_FORMAT_RAW, ENV_ALGORITHM_AES},
    {ENV_OBJECT_PUBLIC, ENV_TAG_PUBLIC_KEY, ENV_FORMAT_X509, ENV_ALGORITHM_RSA},
    {ENV_OBJECT_PRIVATE, ENV_TAG_PRIVATE_KEY, ENV_FORMAT_PKCS8, ENV_ALGORITHM_RSA},
};

static void put_key(struct env_ttlv_out *o, const struct kind *kind, uint32_t bits,
                    struct env_bytes material)
{
    env_ttlv_open(o, kind->tag);
    env_ttlv_open(o, ENV_TAG_KEY_BLOCK);
    env_ttlv_put_enum(o, ENV_TAG_KEY_FORMAT_TYPE, kind->format);
    env_ttlv_open(o, ENV_TAG_KEY_VALUE);
    env_ttlv_put_bytes(o, ENV_TAG_KEY_MATERIAL, material.p, material.len);
    env_ttlv_close(o);
    env_ttlv_put_enum(o, ENV_TAG_CRYPTOGRAPHIC_ALGORITHM, kind->algorithm);
    env_ttlv_put_int(o, ENV_TAG_CRYPTOGRAPHIC_LENGTH, (int32_t)bits);
    env_ttlv_close(o);
    env_ttlv_close(o);
}

void env_kmip_put_register(struct env_ttlv_out *o, uint32_t object_type, const char *name,
                           const char *group, uint32_t bits, struct env_bytes material)
{
    uint32_t at = object_type - ENV_OBJECT_SYMMETRIC;
    if (at >= sizeof kinds / sizeof kinds[0]) {
        o->bad = true;
        return;
    }
    env_ttlv_put_enum(o, ENV_TAG_OBJECT_TYPE, object_type);
    env_ttlv_open(o, ENV_TAG_TEMPLATE_ATTRIBUTE);
    env_kmip_put_attribute_int(o, "Cryptographic Usage Mask", (int32_t)env_kmip_usage(object_type));
    env_kmip_put_selector(o, name, group);
    env_ttlv_close(o);
    put_key(o, &kinds[at], bits, material);
}

envelope_status env_kmip_take_register(struct env_ttlv payload, env_kmip_text uid,
                                       envelope_error *err)
{
    static const struct env_ttlv_field field = {ENV_TAG_UNIQUE_IDENTIFIER, ENV_TTLV_TEXT, true,
                                                false};
    struct env_ttlv_item got;
    *uid = 0;
    envelope_status st = env_ttlv_fields(payload, &field, 1, &got, "Register", err);
    return st ? st : env_kmip_take_text(&got, uid, "Register", err);
}
