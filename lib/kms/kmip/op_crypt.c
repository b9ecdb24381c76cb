#include "kms/kmip/op_parts.h"

static void put_parameters(struct env_ttlv_out *o, const struct env_kmip_oaep *oaep)
{
    env_ttlv_open(o, ENV_TAG_CRYPTOGRAPHIC_PARAMETERS);
    env_ttlv_put_enum(o, ENV_TAG_PADDING_METHOD, ENV_PADDING_OAEP);
    env_ttlv_put_enum(o, ENV_TAG_HASHING_ALGORITHM, oaep->hash);
    env_ttlv_put_enum(o, ENV_TAG_CRYPTOGRAPHIC_ALGORITHM, ENV_ALGORITHM_RSA);
    if (oaep->with_mask) {
        /* Unsaid, the mask's hash is SHA-1 by the specification, whatever the other hash. */
        env_ttlv_put_enum(o, ENV_TAG_MASK_GENERATOR, ENV_MASK_MGF1);
        env_ttlv_put_enum(o, ENV_TAG_MASK_GENERATOR_HASHING_ALGORITHM, oaep->hash);
    }
    env_ttlv_close(o);
}

static void put_crypt(struct env_ttlv_out *o, const char *uid, const struct env_kmip_oaep *oaep,
                      struct env_bytes data)
{
    env_ttlv_put_text(o, ENV_TAG_UNIQUE_IDENTIFIER, uid);
    if (!oaep->unsaid) {
        put_parameters(o, oaep);
    }
    env_ttlv_put_bytes(o, ENV_TAG_DATA, data.p, data.len);
}

void env_kmip_put_encrypt(struct env_ttlv_out *o, const char *uid, const struct env_kmip_oaep *oaep,
                          struct env_bytes data)
{
    put_crypt(o, uid, oaep, data);
}

void env_kmip_put_decrypt(struct env_ttlv_out *o, const char *uid, const struct env_kmip_oaep *oaep,
                          struct env_bytes data)
{
    put_crypt(o, uid, oaep, data);
}

envelope_status env_kmip_take_data(struct env_ttlv payload, const char *uid, struct env_bytes *out,
                                   envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_UNIQUE_IDENTIFIER, ENV_TTLV_TEXT, true, false},
        {ENV_TAG_DATA, ENV_TTLV_BYTES, true, false},
    };
    struct env_ttlv_item got[2];
    *out = ENV_BYTES(NULL, 0);
    envelope_status st = env_ttlv_fields(payload, fields, 2, got, "Encrypt or Decrypt", err);
    st = st ? st : env_kmip_same_uid(&got[0], uid, "Encrypt or Decrypt", err);
    if (!st) {
        *out = ENV_BYTES(got[1].value, got[1].len);
    }
    return st;
}
