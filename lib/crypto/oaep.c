#include "base/bytes.h"
#include "base/error.h"
#include "crypto/context.h"
#include "crypto/rsa_key.h"
#include <envelope/key.h>
#include <openssl/rsa.h>
#include <string.h>

static const EVP_MD *hash_of(const envelope_ctx *ctx, int32_t algorithm, envelope_error *err)
{
    switch (algorithm) {
    case ENVELOPE_RSA_OAEP_SHA256:
        return ctx->crypto->sha256;
    case ENVELOPE_RSA_OAEP_SHA1:
        return ctx->crypto->sha1;
    default:
        env_fail(err, ENVELOPE_E_UNSUPPORTED, "wrapping algorithm %d is not RSA-OAEP", algorithm);
        return NULL;
    }
}

static bool encrypt(EVP_PKEY_CTX *c, const char *hash, const uint8_t *message, void *out,
                    size_t *len)
{
    return c && EVP_PKEY_encrypt_init(c) > 0 &&
           EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md_name(c, hash, NULL) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(c, hash, NULL) > 0 &&
           EVP_PKEY_encrypt(c, out, len, message, 32) > 0;
}

envelope_status env_oaep_wrap(const struct env_rsa_public *key, int32_t algorithm,
                              const uint8_t message[32], void *out, size_t cap, size_t *out_len,
                              envelope_error *err)
{
    *out_len = 0;
    const EVP_MD *md = hash_of(key->ctx, algorithm, err);
    if (!md) {
        return ENVELOPE_E_UNSUPPORTED;
    }
    size_t len = (key->bits + 7) / 8;
    if (cap < len) {
        *out_len = len;
        return env_fail(err, ENVELOPE_E_RANGE, "the wrapped key takes %zu bytes", len);
    }
    env_crypto_mark();
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(key->ctx->crypto->lib, key->pkey, NULL);
    envelope_status st = encrypt(c, EVP_MD_get0_name(md), message, out, &len)
                             ? ENVELOPE_OK
                             : env_crypto_failed(err, "RSA-OAEP");
    EVP_PKEY_CTX_free(c);
    env_crypto_unmark();
    *out_len = st ? 0 : len;
    return st;
}

/* Everything secret that one unwrapping makes; lies in the arena. */
struct work {
    uint8_t em[ENV_RSA_BYTES_MAX];
    uint8_t reject[ENV_HASH_BYTES];
    uint8_t scratch[ENV_OAEP_SCRATCH_BYTES];
};

/* RSADP without padding. OpenSSL blinds, and pads the result to k bytes in constant time; a failure
 * has nothing to do with in, which is below the modulus. */
static envelope_status raw(const struct env_rsa_private *key, const void *in, uint8_t *em,
                           envelope_error *err)
{
    size_t k = key->modulus_len;
    size_t len = k;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(key->ctx->crypto->lib, key->pkey, NULL);
    bool ok = c && EVP_PKEY_decrypt_init(c) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(c, RSA_NO_PADDING) > 0 &&
              EVP_PKEY_decrypt(c, em, &len, in, k) > 0 && len == k;
    EVP_PKEY_CTX_free(c);
    return ok ? ENVELOPE_OK : env_crypto_failed(err, "the RSA private operation");
}

static envelope_status unwrap(const struct env_rsa_private *key, const EVP_MD *md, const void *in,
                              size_t in_len, struct work *w, uint8_t *message, envelope_error *err)
{
    struct env_bytes all = ENV_BYTES(in, in_len);
    envelope_status st = env_hmac_sha256(key->ctx, key->ctx->crypto->rejection_secret,
                                         ENV_KEY_BYTES, &all, 1, w->reject, err);
    if (st) {
        return st;
    }
    /* Length and range are public, so that branch tells nothing. */
    if (in_len != key->modulus_len || memcmp(in, key->modulus, in_len) >= 0) {
        memcpy(message, w->reject, ENV_HASH_BYTES);
        return ENVELOPE_OK;
    }
    st = raw(key, in, w->em, err);
    return st ? st : env_oaep_decode(md, w->em, in_len, w->reject, w->scratch, message, err);
}

envelope_status env_oaep_unwrap(const struct env_rsa_private *key, int32_t algorithm,
                                const void *in, size_t in_len, uint8_t message[32],
                                envelope_error *err)
{
    const EVP_MD *md = hash_of(key->ctx, algorithm, err);
    if (!md) {
        env_wipe(message, ENV_KEY_BYTES);
        return ENVELOPE_E_UNSUPPORTED;
    }
    struct work *w;
    envelope_status st = env_secret_new(key->ctx, sizeof *w, &w, err);
    if (!st) {
        env_crypto_mark();
        st = unwrap(key, md, in, in_len, w, message, err);
        env_crypto_unmark();
    }
    env_secret_free(key->ctx, w, sizeof *w);
    if (st) {
        env_wipe(message, ENV_KEY_BYTES);
    }
    return st;
}
