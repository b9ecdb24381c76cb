#include "crypto/digest.h"
#include "base/error.h"
#include "crypto/context.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

static envelope_status sha256(EVP_MD_CTX *c, const EVP_MD *md, const struct env_bytes *parts,
                              size_t count, uint8_t *out, envelope_error *err)
{
    bool ok = c && EVP_DigestInit_ex2(c, md, NULL);
    for (size_t i = 0; ok && i < count; i++) {
        ok = EVP_DigestUpdate(c, parts[i].p, parts[i].len);
    }
    ok = ok && EVP_DigestFinal_ex(c, out, NULL);
    return ok ? ENVELOPE_OK : env_crypto_failed(err, "SHA-256");
}

envelope_status env_sha256(envelope_ctx *ctx, const struct env_bytes *parts, size_t count,
                           uint8_t out[ENV_HASH_BYTES], envelope_error *err)
{
    env_crypto_mark();
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    envelope_status st = sha256(c, ctx->crypto->sha256, parts, count, out, err);
    EVP_MD_CTX_free(c);
    env_crypto_unmark();
    return st;
}

static envelope_status hmac(EVP_MAC_CTX *c, const void *key, size_t key_len,
                            const struct env_bytes *parts, size_t count, uint8_t *out,
                            envelope_error *err)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    size_t len = 0;
    bool ok = c && EVP_MAC_init(c, key, key_len, params);
    for (size_t i = 0; ok && i < count; i++) {
        ok = EVP_MAC_update(c, parts[i].p, parts[i].len);
    }
    ok = ok && EVP_MAC_final(c, out, &len, ENV_HASH_BYTES) && len == ENV_HASH_BYTES;
    return ok ? ENVELOPE_OK : env_crypto_failed(err, "HMAC-SHA-256");
}

envelope_status env_hmac_sha256(envelope_ctx *ctx, const void *key, size_t key_len,
                                const struct env_bytes *parts, size_t count,
                                uint8_t out[ENV_HASH_BYTES], envelope_error *err)
{
    if (key_len == 0) {
        return env_fail(err, ENVELOPE_E_INVALID, "HMAC with an empty key");
    }
    env_crypto_mark();
    EVP_MAC_CTX *c = EVP_MAC_CTX_new(ctx->crypto->hmac);
    envelope_status st = hmac(c, key, key_len, parts, count, out, err);
    EVP_MAC_CTX_free(c);
    env_crypto_unmark();
    if (st) {
        env_wipe(out, ENV_HASH_BYTES);
    }
    return st;
}
