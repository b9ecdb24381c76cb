#include "crypto/context.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/random.h"
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <sodium.h>
#include <stdio.h>

enum { REJECTION_SECRET_BYTES = 32 };

envelope_status env_crypto_failed(envelope_error *err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    env_fail(err, ENVELOPE_E_CRYPTO, "%s failed in OpenSSL: %s", what,
             reason ? reason : "no reason given");
    env_error_origin(err, ENVELOPE_ORIGIN_OPENSSL, (int64_t)code);
    return ENVELOPE_E_CRYPTO;
}

void env_crypto_mark(void)
{
    ERR_set_mark();
}

void env_crypto_unmark(void)
{
    ERR_pop_to_mark();
}

/* A library context of our own: the host's providers, configuration and default properties do not
 * reach it, and ours do not reach the host. The default provider comes by itself where the
 * configuration activates none. */
static envelope_status open_library(struct env_crypto *crypto, const envelope_ctx_options *o,
                                    envelope_error *err)
{
    crypto->lib = OSSL_LIB_CTX_new();
    if (!crypto->lib) {
        return env_crypto_failed(err, "making a library context");
    }
    if (o->openssl_config && !OSSL_LIB_CTX_load_config(crypto->lib, o->openssl_config)) {
        return env_crypto_failed(err, "reading the file of ctx_options.openssl_config");
    }
    /* As the default of this library context it holds for OpenSSL's own inner fetches too. */
    if (o->openssl_propq && !EVP_set_default_properties(crypto->lib, o->openssl_propq)) {
        return env_crypto_failed(err, "setting ctx_options.openssl_propq");
    }
    return ENVELOPE_OK;
}

/* Stops at the first that is missing: OpenSSL's error queue has 16 places, and every error of ours
 * may push out one of the host's. */
static bool fetch_all(struct env_crypto *c)
{
    return (c->sha256 = EVP_MD_fetch(c->lib, "SHA256", NULL)) != NULL &&
           (c->sha1 = EVP_MD_fetch(c->lib, "SHA1", NULL)) != NULL &&
           (c->aes_gcm = EVP_CIPHER_fetch(c->lib, "AES-256-GCM", NULL)) != NULL &&
           (c->aes_ctr = EVP_CIPHER_fetch(c->lib, "AES-256-CTR", NULL)) != NULL &&
           (c->aes_kwp = EVP_CIPHER_fetch(c->lib, "AES-256-WRAP-PAD", NULL)) != NULL &&
           (c->hmac = EVP_MAC_fetch(c->lib, "HMAC", NULL)) != NULL &&
           (c->hkdf = EVP_KDF_fetch(c->lib, "HKDF", NULL)) != NULL &&
           (c->pbkdf2 = EVP_KDF_fetch(c->lib, "PBKDF2", NULL)) != NULL;
}

static envelope_status fetch(struct env_crypto *crypto, envelope_error *err)
{
    return fetch_all(crypto) ? ENVELOPE_OK : env_crypto_failed(err, "fetching the algorithms");
}

static void crypto_free(envelope_ctx *ctx)
{
    struct env_crypto *crypto = ctx->crypto;
    if (!crypto) {
        return;
    }
    EVP_MD_free(crypto->sha256);
    EVP_MD_free(crypto->sha1);
    EVP_CIPHER_free(crypto->aes_gcm);
    EVP_CIPHER_free(crypto->aes_ctr);
    EVP_CIPHER_free(crypto->aes_kwp);
    EVP_MAC_free(crypto->hmac);
    EVP_KDF_free(crypto->hkdf);
    EVP_KDF_free(crypto->pbkdf2);
    OSSL_LIB_CTX_free(crypto->lib);
    env_secret_free(ctx, crypto->rejection_secret, REJECTION_SECRET_BYTES);
    env_free(ctx, crypto);
    ctx->crypto = NULL;
}

static envelope_status fill(envelope_ctx *ctx, envelope_error *err)
{
    struct env_crypto *crypto = ctx->crypto;
    if (sodium_init() < 0) {
        return env_fail(err, ENVELOPE_E_CRYPTO, "libsodium cannot be initialised");
    }
    envelope_status st =
        env_secret_new(ctx, REJECTION_SECRET_BYTES, &crypto->rejection_secret, err);
    st = st ? st : env_random(crypto->rejection_secret, REJECTION_SECRET_BYTES, err);
    st = st ? st : open_library(crypto, &ctx->options, err);
    st = st ? st : fetch(crypto, err);
    st = st ? st : env_aead_choose(ctx, ctx->options.engine, &crypto->engine, err);
    if (st) {
        return st;
    }
    snprintf(crypto->openssl_version, sizeof crypto->openssl_version, "%s",
             OpenSSL_version(OPENSSL_VERSION_STRING));
    ctx->info.engine = crypto->engine->name;
    ctx->info.openssl = crypto->openssl_version;
    /* The caller's text is used up: nothing may look at it later. */
    ctx->options.engine = NULL;
    ctx->options.openssl_propq = NULL;
    ctx->options.openssl_config = NULL;
    return ENVELOPE_OK;
}

envelope_status envelope_ctx_new(const envelope_ctx_options *options, envelope_ctx **out,
                                 envelope_error *err)
{
    if (!out) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_ctx_new: out is NULL");
    }
    *out = NULL;
    envelope_ctx *ctx;
    envelope_status st = env_ctx_make(options, &ctx, err);
    if (st) {
        return st;
    }
    ctx->crypto = env_alloc(ctx, sizeof *ctx->crypto);
    env_crypto_mark();
    st = ctx->crypto ? fill(ctx, err) : env_nomem(err);
    if (st) {
        crypto_free(ctx);
        env_ctx_unmake(ctx);
    }
    env_crypto_unmark();
    *out = st ? NULL : ctx;
    return st;
}

void env_ctx_release(envelope_ctx *ctx)
{
    /* acq_rel: what other threads did with the context comes before its end */
    if (!ctx || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    env_crypto_mark();
    crypto_free(ctx);
    env_crypto_unmark();
    env_ctx_unmake(ctx);
}

void envelope_ctx_free(envelope_ctx *ctx)
{
    env_ctx_release(ctx);
}
