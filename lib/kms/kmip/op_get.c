#include "base/error.h"
#include "kms/kmip/op_parts.h"
#include <string.h>

void env_kmip_put_get(struct env_ttlv_out *o, const char *uid)
{
    env_ttlv_put_text(o, ENV_TAG_UNIQUE_IDENTIFIER, uid);
}

/* What key material looks like, by object and format. */
static const struct shape {
    uint32_t object_type;
    uint32_t format;
    uint8_t type; /* of Key Material */
} shapes[] = {
    {ENV_OBJECT_SYMMETRIC, ENV_FORMAT_RAW, ENV_TTLV_BYTES},
    {ENV_OBJECT_SYMMETRIC, ENV_FORMAT_TRANSPARENT_SYMMETRIC, ENV_TTLV_STRUCTURE},
    {ENV_OBJECT_PUBLIC, ENV_FORMAT_PKCS1, ENV_TTLV_BYTES},
    {ENV_OBJECT_PUBLIC, ENV_FORMAT_X509, ENV_TTLV_BYTES},
    {ENV_OBJECT_PUBLIC, ENV_FORMAT_TRANSPARENT_RSA_PUBLIC, ENV_TTLV_STRUCTURE},
    {ENV_OBJECT_PRIVATE, ENV_FORMAT_PKCS1, ENV_TTLV_BYTES},
    {ENV_OBJECT_PRIVATE, ENV_FORMAT_PKCS8, ENV_TTLV_BYTES},
};

/* Big Integers are signed and padded in front. */
static envelope_status take_positive(const struct env_ttlv_item *item, struct env_bytes *out,
                                     envelope_error *err)
{
    const uint8_t *p = item->value;
    size_t len = item->len;
    bool negative = len && (p[0] & 0x80);
    while (len && !*p) {
        p++;
        len--;
    }
    if (negative || !len) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "Get: modulus or exponent that is not positive (K-OP-12)");
    }
    *out = ENV_BYTES(p, len);
    return ENVELOPE_OK;
}

static envelope_status take_rsa(const struct env_ttlv_item *material, struct env_kmip_key *out,
                                envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_MODULUS, ENV_TTLV_BIG, true, false},
        {ENV_TAG_PUBLIC_EXPONENT, ENV_TTLV_BIG, true, false},
    };
    struct env_ttlv_item got[2];
    envelope_status st =
        env_ttlv_fields(env_ttlv_inside(material), fields, 2, got, "Get, RSA key", err);
    st = st ? st : take_positive(&got[0], &out->modulus, err);
    return st ? st : take_positive(&got[1], &out->exponent, err);
}

static envelope_status take_bytes(const struct env_ttlv_item *item, struct env_kmip_key *out,
                                  envelope_error *err)
{
    if (!item->len) {
        return env_fail(err, ENVELOPE_E_FORMAT, "Get: empty key material (K-OP-12)");
    }
    out->material = ENV_BYTES(item->value, item->len);
    return ENVELOPE_OK;
}

static envelope_status take_transparent(const struct env_ttlv_item *material,
                                        struct env_kmip_key *out, envelope_error *err)
{
    static const struct env_ttlv_field field = {ENV_TAG_KEY, ENV_TTLV_BYTES, true, false};
    struct env_ttlv_item got;
    if (out->format == ENV_FORMAT_TRANSPARENT_RSA_PUBLIC) {
        return take_rsa(material, out, err);
    }
    envelope_status st =
        env_ttlv_fields(env_ttlv_inside(material), &field, 1, &got, "Get, key", err);
    return st ? st : take_bytes(&got, out, err);
}

static const struct shape *shape_of(const struct env_kmip_key *key)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (shapes[i].object_type == key->object_type && shapes[i].format == key->format) {
            return &shapes[i];
        }
    }
    return NULL;
}

/* Some servers put attributes behind the material: passed over, as all that is not asked for. */
static envelope_status take_value(const struct env_ttlv_item *value, struct env_kmip_key *out,
                                  envelope_error *err)
{
    static const struct env_ttlv_field field = {ENV_TAG_KEY_MATERIAL, 0, true, false};
    struct env_ttlv_item material;
    const struct shape *shape = shape_of(out);
    if (!shape) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "Get: object type %u in key format %u is not understood (K-OP-10)",
                        out->object_type, out->format);
    }
    if (value->type != ENV_TTLV_STRUCTURE) {
        return env_fail(err, ENVELOPE_E_FORMAT, "Get: a key value that is no structure (K-OP-11)");
    }
    envelope_status st =
        env_ttlv_fields(env_ttlv_inside(value), &field, 1, &material, "Get, key value", err);
    if (st) {
        return st;
    }
    if (material.type != shape->type) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "Get: key material of another type than its format (K-OP-11)");
    }
    return shape->type == ENV_TTLV_BYTES ? take_bytes(&material, out, err)
                                         : take_transparent(&material, out, err);
}

static envelope_status check_length(const struct env_kmip_key *key, envelope_error *err)
{
    bool wrong = key->object_type == ENV_OBJECT_SYMMETRIC && key->bits &&
                 (key->bits % 8 || key->bits / 8 != key->material.len);
    return wrong ? env_fail(err, ENVELOPE_E_FORMAT, "Get: %u bits of key in %zu bytes (K-OP-13)",
                            key->bits, key->material.len)
                 : ENVELOPE_OK;
}

static envelope_status take_block(const struct env_ttlv_item *block, struct env_kmip_key *out,
                                  envelope_error *err)
{
    enum { FORMAT, VALUE, ALGORITHM, BITS, WRAPPING, FIELDS };
    static const struct env_ttlv_field fields[FIELDS] = {
        {ENV_TAG_KEY_FORMAT_TYPE, ENV_TTLV_ENUM, true, false},
        {ENV_TAG_KEY_VALUE, 0, true, false},
        {ENV_TAG_CRYPTOGRAPHIC_ALGORITHM, ENV_TTLV_ENUM, false, false},
        {ENV_TAG_CRYPTOGRAPHIC_LENGTH, ENV_TTLV_INTEGER, false, false},
        {ENV_TAG_KEY_WRAPPING_DATA, ENV_TTLV_STRUCTURE, false, false},
    };
    struct env_ttlv_item got[FIELDS];
    envelope_status st =
        env_ttlv_fields(env_ttlv_inside(block), fields, FIELDS, got, "Get, key block", err);
    if (st) {
        return st;
    }
    if (got[WRAPPING].tag) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "Get: the KMS gives the key out wrapped by another key only (K-OP-09)");
    }
    out->format = env_ttlv_enum(&got[FORMAT]);
    out->algorithm = got[ALGORITHM].tag ? env_ttlv_enum(&got[ALGORITHM]) : 0;
    st = env_kmip_take_count(&got[BITS], &out->bits, "Get, length", err);
    st = st ? st : take_value(&got[VALUE], out, err);
    return st ? st : check_length(out, err);
}

/* Exactly one object, under the tag of its type. */
static envelope_status take_object(const struct env_ttlv_item object[3], struct env_kmip_key *out,
                                   envelope_error *err)
{
    static const struct env_ttlv_field field = {ENV_TAG_KEY_BLOCK, ENV_TTLV_STRUCTURE, true, false};
    struct env_ttlv_item block;
    uint32_t at = out->object_type - ENV_OBJECT_SYMMETRIC;
    if (at > 2) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "Get: object type %u is no key that is used (K-OP-07)", out->object_type);
    }
    if (!object[at].tag || object[(at + 1) % 3].tag || object[(at + 2) % 3].tag) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "Get: not one object of the type that is said (K-OP-08)");
    }
    envelope_status st =
        env_ttlv_fields(env_ttlv_inside(&object[at]), &field, 1, &block, "Get, object", err);
    return st ? st : take_block(&block, out, err);
}

envelope_status env_kmip_take_get(struct env_ttlv payload, struct env_kmip_key *out,
                                  envelope_error *err)
{
    enum { TYPE, UID, OBJECT, FIELDS = OBJECT + 3 };
    static const struct env_ttlv_field fields[FIELDS] = {
        {ENV_TAG_OBJECT_TYPE, ENV_TTLV_ENUM, true, false},
        {ENV_TAG_UNIQUE_IDENTIFIER, ENV_TTLV_TEXT, true, false},
        {ENV_TAG_SYMMETRIC_KEY, ENV_TTLV_STRUCTURE, false, false},
        {ENV_TAG_PUBLIC_KEY, ENV_TTLV_STRUCTURE, false, false},
        {ENV_TAG_PRIVATE_KEY, ENV_TTLV_STRUCTURE, false, false},
    };
    struct env_ttlv_item got[FIELDS];
    memset(out, 0, sizeof *out);
    envelope_status st = env_ttlv_fields(payload, fields, FIELDS, got, "Get", err);
    if (st) {
        return st;
    }
    out->object_type = env_ttlv_enum(&got[TYPE]);
    st = env_kmip_take_text(&got[UID], out->uid, "Get", err);
    st = st ? st : take_object(&got[OBJECT], out, err);
    if (st) {
        memset(out, 0, sizeof *out);
    }
    return st;
}
