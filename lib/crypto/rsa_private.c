#include "base/bytes.h"
#include "base/error.h"
#include "crypto/context.h"
#include "crypto/rsa_key.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

static envelope_status keep_public(struct env_rsa_private *key, envelope_error *err)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key->pkey, &der);
    if (len <= 0) {
        return env_crypto_failed(err, "encoding a public key");
    }
    envelope_status st =
        env_rsa_public_from_der(key->ctx, der, (size_t)len, &key->public_half, err);
    OPENSSL_free(der);
    return st;
}

static envelope_status keep_modulus(struct env_rsa_private *key, envelope_error *err)
{
    key->modulus_len = (env_rsa_public_bits(key->public_half) + 7) / 8;
    key->modulus = env_alloc(key->ctx, key->modulus_len);
    if (!key->modulus) {
        return env_nomem(err);
    }
    BIGNUM *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_N, &n) &&
              BN_bn2binpad(n, key->modulus, (int)key->modulus_len) > 0;
    BN_free(n);
    return ok ? ENVELOPE_OK : env_crypto_failed(err, "reading an RSA modulus");
}

envelope_status env_rsa_private_of(envelope_ctx *ctx, EVP_PKEY *pkey, struct env_rsa_private **out,
                                   envelope_error *err)
{
    *out = NULL;
    struct env_rsa_private *key = env_alloc(ctx, sizeof *key);
    if (!key) {
        EVP_PKEY_free(pkey);
        return env_nomem(err);
    }
    key->ctx = env_ctx_retain(ctx);
    key->pkey = pkey;
    envelope_status st = keep_public(key, err);
    st = st ? st : keep_modulus(key, err);
    if (st) {
        env_rsa_private_free(key);
        return st;
    }
    *out = key;
    return ENVELOPE_OK;
}

static EVP_PKEY *generate(envelope_ctx *ctx)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(ctx->crypto->lib, "RSA", NULL);
    if (c && EVP_PKEY_keygen_init(c) > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(c, ENV_RSA_BITS) > 0) {
        (void)EVP_PKEY_generate(c, &pkey);
    }
    EVP_PKEY_CTX_free(c);
    return pkey;
}

envelope_status env_rsa_private_generate(envelope_ctx *ctx, struct env_rsa_private **out,
                                         envelope_error *err)
{
    *out = NULL;
    env_crypto_mark();
    EVP_PKEY *pkey = generate(ctx);
    envelope_status st = pkey ? env_rsa_private_of(ctx, pkey, out, err)
                              : env_crypto_failed(err, "making an RSA key");
    env_crypto_unmark();
    return st;
}

struct passphrase {
    const void *text;
    size_t len;
    bool asked;
};

static int give_passphrase(char *buf, size_t cap, size_t *len, const OSSL_PARAM params[],
                           void *user)
{
    (void)params;
    struct passphrase *pass = user;
    pass->asked = true;
    *len = 0;
    if (!pass->text || pass->len > cap) {
        return 0;
    }
    memcpy(buf, pass->text, pass->len);
    *len = pass->len;
    return 1;
}

/* Knows PEM and DER, PKCS#8 plain and encrypted, and the traditional forms. */
static EVP_PKEY *decode(envelope_ctx *ctx, const void *data, size_t len, struct passphrase *pass)
{
    EVP_PKEY *pkey = NULL;
    OSSL_DECODER_CTX *c = OSSL_DECODER_CTX_new_for_pkey(&pkey, NULL, NULL, "RSA", EVP_PKEY_KEYPAIR,
                                                        ctx->crypto->lib, NULL);
    const unsigned char *p = data;
    bool ok = c && OSSL_DECODER_CTX_set_passphrase_cb(c, give_passphrase, pass) &&
              OSSL_DECODER_from_data(c, &p, &len);
    OSSL_DECODER_CTX_free(c);
    if (!ok) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return pkey;
}

static envelope_status not_read(const struct passphrase *pass, envelope_error *err)
{
    if (!pass->asked) {
        return env_fail(err, ENVELOPE_E_FORMAT, "not an RSA private key in PEM or DER");
    }
    return env_fail(err, ENVELOPE_E_NO_KEY, "%s",
                    pass->text ? "the passphrase does not open this private key"
                               : "this private key needs a passphrase");
}

envelope_status env_rsa_private_parse(envelope_ctx *ctx, const void *data, size_t len,
                                      const void *passphrase, size_t passphrase_len,
                                      struct env_rsa_private **out, envelope_error *err)
{
    enum { TEXT_MAX = 65536 };
    *out = NULL;
    if (len == 0 || len > TEXT_MAX) {
        return env_fail(err, ENVELOPE_E_FORMAT, "a private key of %zu bytes", len);
    }
    if (passphrase_len > ENV_PASSPHRASE_BYTES_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "a passphrase of more than %d bytes",
                        ENV_PASSPHRASE_BYTES_MAX);
    }
    struct passphrase pass = {passphrase, passphrase_len, false};
    env_crypto_mark();
    EVP_PKEY *pkey = decode(ctx, data, len, &pass);
    envelope_status st = pkey ? env_rsa_private_of(ctx, pkey, out, err) : not_read(&pass, err);
    env_crypto_unmark();
    return st;
}

struct env_rsa_public *env_rsa_private_public(const struct env_rsa_private *key)
{
    return key->public_half;
}

void env_rsa_private_free(struct env_rsa_private *key)
{
    if (!key) {
        return;
    }
    envelope_ctx *ctx = key->ctx;
    EVP_PKEY_free(key->pkey);
    env_rsa_public_free(key->public_half);
    env_free(ctx, key->modulus);
    env_free(ctx, key);
    env_ctx_release(ctx);
}
