#include "base/bytes.h"
#include "base/error.h"
#include "crypto/context.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "crypto/rsa_key.h"
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

envelope_status env_rsa_private_der(const struct env_rsa_private *key, void *out, size_t cap,
                                    size_t *out_len, envelope_error *err)
{
    *out_len = 0;
    env_crypto_mark();
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : 0;
    envelope_status st = ENVELOPE_OK;
    if (len <= 0) {
        st = env_crypto_failed(err, "encoding a private key");
    } else if ((size_t)len > cap) {
        st = env_fail(err, ENVELOPE_E_RANGE, "the private key takes %d bytes", len);
    } else {
        uint8_t *p = out;
        (void)i2d_PKCS8_PRIV_KEY_INFO(info, &p);
    }
    PKCS8_PRIV_KEY_INFO_free(info); /* wipes */
    env_crypto_unmark();
    *out_len = len > 0 ? (size_t)len : 0;
    return st;
}

/* OpenSSL's own default, 2,048 iterations, holds nobody off. */
static X509_ALGOR *pbes2(envelope_ctx *ctx, const EVP_CIPHER *cipher)
{
    enum { SALT_BYTES = 16 };
    uint8_t salt[SALT_BYTES];
    uint8_t iv[16];
    if (env_random(salt, sizeof salt, NULL) || env_random(iv, sizeof iv, NULL)) {
        return NULL;
    }
    return PKCS5_pbe2_set_iv_ex(cipher, ENV_PBKDF2_ITERATIONS, salt, sizeof salt, iv,
                                NID_hmacWithSHA256, ctx->crypto->lib);
}

static X509_SIG *encrypt(envelope_ctx *ctx, PKCS8_PRIV_KEY_INFO *info, const void *passphrase,
                         size_t len)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(ctx->crypto->lib, "AES-256-CBC", NULL);
    X509_ALGOR *pbe = cipher ? pbes2(ctx, cipher) : NULL;
    X509_SIG *sealed =
        pbe ? PKCS8_set0_pbe_ex(passphrase, (int)len, info, pbe, ctx->crypto->lib, NULL) : NULL;
    if (!sealed) {
        X509_ALGOR_free(pbe); /* else it belongs to sealed */
    }
    EVP_CIPHER_free(cipher);
    return sealed;
}

static bool write_private(const struct env_rsa_private *key, const void *passphrase, size_t len,
                          BIO *bio)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    bool ok = info != NULL;
    if (ok && passphrase) {
        X509_SIG *sealed = encrypt(key->ctx, info, passphrase, len);
        ok = sealed && PEM_write_bio_PKCS8(bio, sealed);
        X509_SIG_free(sealed);
    } else if (ok) {
        ok = PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info);
    }
    PKCS8_PRIV_KEY_INFO_free(info);
    return ok;
}

static envelope_status copy_out(BIO *bio, void *out, size_t cap, size_t *out_len,
                                envelope_error *err)
{
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    if (len <= 0) {
        return env_crypto_failed(err, "writing PEM");
    }
    *out_len = (size_t)len;
    if ((size_t)len > cap) {
        return env_fail(err, ENVELOPE_E_RANGE, "the PEM text takes %ld bytes", len);
    }
    memcpy(out, text, (size_t)len);
    return ENVELOPE_OK;
}

envelope_status env_rsa_private_pem(const struct env_rsa_private *key, const void *passphrase,
                                    size_t passphrase_len, char *out, size_t cap, size_t *out_len,
                                    envelope_error *err)
{
    *out_len = 0;
    if (passphrase && passphrase_len == 0) {
        return env_fail(err, ENVELOPE_E_INVALID, "an empty passphrase");
    }
    if (passphrase && passphrase_len > ENV_PASSPHRASE_BYTES_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "a passphrase of more than %d bytes",
                        ENV_PASSPHRASE_BYTES_MAX);
    }
    env_crypto_mark();
    BIO *bio = BIO_new(BIO_s_mem()); /* wiped when freed */
    envelope_status st = bio && write_private(key, passphrase, passphrase_len, bio)
                             ? copy_out(bio, out, cap, out_len, err)
                             : env_crypto_failed(err, "exporting a private key");
    BIO_free(bio);
    env_crypto_unmark();
    return st;
}

envelope_status env_rsa_public_pem(const struct env_rsa_public *key, char *out, size_t cap,
                                   size_t *out_len, envelope_error *err)
{
    *out_len = 0;
    env_crypto_mark();
    BIO *bio = BIO_new(BIO_s_mem());
    envelope_status st =
        bio && PEM_write_bio(bio, PEM_STRING_PUBLIC, "", key->spki, (long)key->spki_len) > 0
            ? copy_out(bio, out, cap, out_len, err)
            : env_crypto_failed(err, "exporting a public key");
    BIO_free(bio);
    env_crypto_unmark();
    return st;
}
