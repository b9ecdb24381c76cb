#include "base/bytes.h"
#include "base/error.h"
#include "crypto/context.h"
#include "crypto/rsa_key.h"
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

static bool modulus_is_odd(const EVP_PKEY *pkey)
{
    BIGNUM *n = NULL;
    bool odd = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) && BN_is_odd(n);
    BN_free(n);
    return odd;
}

static bool exponent_allowed(const EVP_PKEY *pkey)
{
    BIGNUM *e = NULL;
    bool ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) && BN_is_odd(e) &&
              BN_num_bits(e) >= 17 && BN_num_bits(e) <= 64;
    BN_free(e);
    return ok;
}

static envelope_status check(const EVP_PKEY *pkey, envelope_error *err)
{
    if (!EVP_PKEY_is_a(pkey, "RSA")) {
        return env_fail(err, ENVELOPE_E_FORMAT, "not an RSA key");
    }
    int bits = EVP_PKEY_get_bits(pkey);
    if (bits < ENV_RSA_BITS_MIN || bits > ENV_RSA_BITS_MAX) {
        return env_fail(err, ENVELOPE_E_FORMAT, "an RSA key of %d bits; %d to %d are allowed", bits,
                        ENV_RSA_BITS_MIN, ENV_RSA_BITS_MAX);
    }
    if (!modulus_is_odd(pkey) || !exponent_allowed(pkey)) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "an RSA key whose modulus is even, or whose exponent is even, below 65537 "
                        "or above 64 bits");
    }
    return ENVELOPE_OK;
}

/* One key has one encoding, else it would have several fingerprints: the bytes must be what
 * OpenSSL writes for it. */
static envelope_status keep_spki(struct env_rsa_public *key, const void *der, size_t len,
                                 envelope_error *err)
{
    uint8_t *own = NULL;
    int own_len = i2d_PUBKEY(key->pkey, &own);
    bool same = own_len > 0 && (size_t)own_len == len && memcmp(own, der, len) == 0;
    OPENSSL_free(own);
    if (own_len <= 0) {
        return env_crypto_failed(err, "encoding a public key");
    }
    if (!same) {
        return env_fail(err, ENVELOPE_E_FORMAT, "a public key that is not in DER");
    }
    key->spki = env_alloc(key->ctx, len);
    if (!key->spki) {
        return env_nomem(err);
    }
    memcpy(key->spki, der, len);
    key->spki_len = len;
    struct env_bytes all = ENV_BYTES(der, len);
    return env_sha256(key->ctx, &all, 1, key->fingerprint, err);
}

static envelope_status read_key(struct env_rsa_public *key, const void *der, size_t len,
                                envelope_error *err)
{
    const uint8_t *p = der;
    key->pkey = d2i_PUBKEY_ex(NULL, &p, (long)len, key->ctx->crypto->lib, NULL);
    if (!key->pkey) {
        return env_fail(err, ENVELOPE_E_FORMAT, "not a public key (SubjectPublicKeyInfo)");
    }
    envelope_status st = check(key->pkey, err);
    st = st ? st : keep_spki(key, der, len, err);
    key->bits = st ? 0 : (uint32_t)EVP_PKEY_get_bits(key->pkey);
    return st;
}

envelope_status env_rsa_public_from_der(envelope_ctx *ctx, const void *der, size_t len,
                                        struct env_rsa_public **out, envelope_error *err)
{
    *out = NULL;
    if (len == 0 || len > ENV_SPKI_BYTES_MAX) {
        return env_fail(err, ENVELOPE_E_FORMAT, "a public key of %zu bytes", len);
    }
    struct env_rsa_public *key = env_alloc(ctx, sizeof *key);
    if (!key) {
        return env_nomem(err);
    }
    key->ctx = env_ctx_retain(ctx);
    atomic_init(&key->refs, 1);
    env_crypto_mark();
    envelope_status st = read_key(key, der, len, err);
    env_crypto_unmark();
    if (st) {
        env_rsa_public_free(key);
        return st;
    }
    *out = key;
    return ENVELOPE_OK;
}

int env_pem_no_passphrase(char *buf, int size, int rwflag, void *user)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)user;
    return -1;
}

static envelope_status from_pem(envelope_ctx *ctx, const void *data, size_t len,
                                struct env_rsa_public **out, envelope_error *err)
{
    uint8_t *der = NULL;
    long der_len = 0;
    env_crypto_mark();
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    bool found = bio && PEM_bytes_read_bio(&der, &der_len, NULL, PEM_STRING_PUBLIC, bio,
                                           env_pem_no_passphrase, NULL);
    envelope_status st =
        found ? env_rsa_public_from_der(ctx, der, (size_t)der_len, out, err)
              : env_fail(err, ENVELOPE_E_FORMAT, "no \"BEGIN PUBLIC KEY\" in it, and not DER");
    OPENSSL_free(der);
    BIO_free(bio);
    env_crypto_unmark();
    return st;
}

envelope_status env_rsa_public_parse(envelope_ctx *ctx, const void *data, size_t len,
                                     struct env_rsa_public **out, envelope_error *err)
{
    enum { TEXT_MAX = 65536, SEQUENCE = 0x30 };
    *out = NULL;
    if (len == 0 || len > TEXT_MAX) {
        return env_fail(err, ENVELOPE_E_FORMAT, "a public key of %zu bytes", len);
    }
    bool der = *(const uint8_t *)data == SEQUENCE;
    return der ? env_rsa_public_from_der(ctx, data, len, out, err)
               : from_pem(ctx, data, len, out, err);
}

const uint8_t *env_rsa_public_fingerprint(const struct env_rsa_public *key)
{
    return key->fingerprint;
}

const uint8_t *env_rsa_public_spki(const struct env_rsa_public *key, size_t *len)
{
    *len = key->spki_len;
    return key->spki;
}

uint32_t env_rsa_public_bits(const struct env_rsa_public *key)
{
    return key->bits;
}

struct env_rsa_public *env_rsa_public_retain(struct env_rsa_public *key)
{
    atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
    return key;
}

void env_rsa_public_free(struct env_rsa_public *key)
{
    if (!key || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    envelope_ctx *ctx = key->ctx;
    EVP_PKEY_free(key->pkey);
    env_free(ctx, key->spki);
    env_free(ctx, key);
    env_ctx_release(ctx);
}
