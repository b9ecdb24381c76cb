#include "base/error.h"
#include "kms/kmip/op_parts.h"
#include <string.h>

/* Both halves get the same name: it is how either is found. */
void env_kmip_put_create_pair(struct env_ttlv_out *o, const char *name, const char *group,
                              uint32_t bits)
{
    env_ttlv_open(o, ENV_TAG_COMMON_TEMPLATE_ATTRIBUTE);
    env_kmip_put_attribute_enum(o, "Cryptographic Algorithm", ENV_ALGORITHM_RSA);
    env_kmip_put_attribute_int(o, "Cryptographic Length", (int32_t)bits);
    env_kmip_put_selector(o, name, group);
    env_ttlv_close(o);
    env_ttlv_open(o, ENV_TAG_PRIVATE_KEY_TEMPLATE_ATTRIBUTE);
    env_kmip_put_attribute_int(o, "Cryptographic Usage Mask",
                               (int32_t)env_kmip_usage(ENV_OBJECT_PRIVATE));
    env_ttlv_close(o);
    env_ttlv_open(o, ENV_TAG_PUBLIC_KEY_TEMPLATE_ATTRIBUTE);
    env_kmip_put_attribute_int(o, "Cryptographic Usage Mask",
                               (int32_t)env_kmip_usage(ENV_OBJECT_PUBLIC));
    env_ttlv_close(o);
}

static envelope_status take_pair(struct env_ttlv payload, const char *what,
                                 struct env_kmip_pair *out, envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_PRIVATE_KEY_UNIQUE_IDENTIFIER, ENV_TTLV_TEXT, true, false},
        {ENV_TAG_PUBLIC_KEY_UNIQUE_IDENTIFIER, ENV_TTLV_TEXT, true, false},
    };
    struct env_ttlv_item got[2];
    memset(out, 0, sizeof *out);
    envelope_status st = env_ttlv_fields(payload, fields, 2, got, what, err);
    st = st ? st : env_kmip_take_text(&got[0], out->private_key, what, err);
    st = st ? st : env_kmip_take_text(&got[1], out->public_key, what, err);
    if (!st && !strcmp(out->private_key, out->public_key)) {
        st = env_fail(err, ENVELOPE_E_FORMAT, "%s: both keys have one identifier (K-OP-20)", what);
    }
    if (st) {
        memset(out, 0, sizeof *out);
    }
    return st;
}

envelope_status env_kmip_take_create_pair(struct env_ttlv payload, struct env_kmip_pair *out,
                                          envelope_error *err)
{
    return take_pair(payload, "Create Key Pair", out, err);
}

void env_kmip_put_rekey_pair(struct env_ttlv_out *o, const char *private_key)
{
    env_ttlv_put_text(o, ENV_TAG_PRIVATE_KEY_UNIQUE_IDENTIFIER, private_key);
}

envelope_status env_kmip_take_rekey_pair(struct env_ttlv payload, struct env_kmip_pair *out,
                                         envelope_error *err)
{
    return take_pair(payload, "Re-key Key Pair", out, err);
}
