/* Public keys as key servers hand them out: PKCS#1, or two numbers. Both are put into a
 * SubjectPublicKeyInfo and read as one, so that there is one reader, one check, one fingerprint. */
#include "base/error.h"
#include "crypto/rsa.h"

enum { DER_INTEGER = 2, DER_BITS = 3, DER_SEQUENCE = 0x30 };

static const uint8_t rsa_encryption[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

static size_t head_size(size_t len)
{
    if (len < 0x80) {
        return 2;
    }
    return len < 0x100 ? 3 : 4;
}

/* len below 65,536: the writer's buffer is smaller. */
static void put_head(struct env_out *o, uint8_t tag, size_t len)
{
    env_put_u8(o, tag);
    if (len >= 0x100) {
        env_put_u8(o, 0x82);
        env_put_u16(o, (uint16_t)len);
        return;
    }
    if (len >= 0x80) {
        env_put_u8(o, 0x81);
    }
    env_put_u8(o, (uint8_t)len);
}

static envelope_status no_key(envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_FORMAT, "not an RSA public key");
}

envelope_status env_rsa_public_from_pkcs1(envelope_ctx *ctx, const void *der, size_t len,
                                          struct env_rsa_public **out, envelope_error *err)
{
    uint8_t spki[ENV_SPKI_BYTES_MAX];
    struct env_out o = env_out_over(spki, sizeof spki);
    *out = NULL;
    if (len == 0 || len > sizeof spki) {
        return no_key(err);
    }
    size_t bits = 1 + len;
    size_t inner = sizeof rsa_encryption + head_size(bits) + bits;
    put_head(&o, DER_SEQUENCE, inner);
    env_put_bytes(&o, rsa_encryption, sizeof rsa_encryption);
    put_head(&o, DER_BITS, bits);
    env_put_u8(&o, 0); /* no unused bits */
    env_put_bytes(&o, der, len);
    return o.full ? no_key(err) : env_rsa_public_from_der(ctx, spki, o.len, out, err);
}

/* Without zeros in front. */
static struct env_bytes trimmed(struct env_bytes number)
{
    const uint8_t *p = number.p;
    size_t len = number.len;
    while (len && *p == 0) {
        p++;
        len--;
    }
    return ENV_BYTES(p, len);
}

/* DER integers are signed: a number whose top bit is set gets a zero in front. */
static size_t integer_size(struct env_bytes number)
{
    return number.len + (*(const uint8_t *)number.p >> 7);
}

static void put_integer(struct env_out *o, struct env_bytes number)
{
    size_t len = integer_size(number);
    put_head(o, DER_INTEGER, len);
    env_put_zeros(o, len - number.len);
    env_put_bytes(o, number.p, number.len);
}

envelope_status env_rsa_public_from_numbers(envelope_ctx *ctx, struct env_bytes modulus,
                                            struct env_bytes exponent, struct env_rsa_public **out,
                                            envelope_error *err)
{
    uint8_t pkcs1[ENV_SPKI_BYTES_MAX];
    struct env_out o = env_out_over(pkcs1, sizeof pkcs1);
    struct env_bytes n = trimmed(modulus);
    struct env_bytes e = trimmed(exponent);
    *out = NULL;
    if (!n.len || !e.len || n.len > ENV_RSA_BYTES_MAX || e.len > ENV_RSA_BYTES_MAX) {
        return no_key(err);
    }
    size_t n_size = integer_size(n);
    size_t e_size = integer_size(e);
    put_head(&o, DER_SEQUENCE, head_size(n_size) + n_size + head_size(e_size) + e_size);
    put_integer(&o, n);
    put_integer(&o, e);
    return o.full ? no_key(err) : env_rsa_public_from_pkcs1(ctx, pkcs1, o.len, out, err);
}
