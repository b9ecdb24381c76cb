#include "crypto/password.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/context.h"
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sodium.h>

_Static_assert(ENV_PASSWORD_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "Argon2id's salt");

envelope_status env_argon2id(envelope_ctx *ctx, const void *password, size_t len,
                             const uint8_t salt[ENV_PASSWORD_SALT_BYTES], uint32_t memory_kib,
                             uint32_t passes, uint8_t out[32], envelope_error *err)
{
    (void)ctx;
    if (memory_kib < ENV_ARGON2_MEMORY_KIB_MIN || memory_kib > ENV_ARGON2_MEMORY_KIB_MAX ||
        passes < 1 || passes > ENV_ARGON2_PASSES_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "Argon2id of %u KiB and %u passes", memory_kib,
                        passes);
    }
    if (crypto_pwhash_argon2id(out, 32, password, len, salt, passes, (size_t)memory_kib * 1024,
                               crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0) {
        return ENVELOPE_OK;
    }
    int number = errno;
    env_wipe(out, 32);
    if (number == ENOMEM) {
        return env_fail(err, ENVELOPE_E_NOMEM, "out of memory: Argon2id takes %u KiB", memory_kib);
    }
    return env_fail_errno(err, ENVELOPE_E_CRYPTO, number, "Argon2id failed");
}

envelope_status env_pbkdf2(envelope_ctx *ctx, const void *password, size_t len, const void *salt,
                           size_t salt_len, uint32_t iterations, void *out, size_t out_len,
                           envelope_error *err)
{
    if (iterations < 1 || iterations > ENV_PBKDF2_ITERATIONS_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "PBKDF2 of %u iterations", iterations);
    }
    char digest[] = "SHA256";
    uint64_t count = iterations;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)(uintptr_t)password,
                                          len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, salt_len),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &count),
        OSSL_PARAM_construct_end(),
    };
    env_crypto_mark();
    EVP_KDF_CTX *c = EVP_KDF_CTX_new(ctx->crypto->pbkdf2);
    bool ok = c && EVP_KDF_derive(c, out, out_len, params) > 0;
    envelope_status st = ok ? ENVELOPE_OK : env_crypto_failed(err, "PBKDF2-HMAC-SHA-256");
    EVP_KDF_CTX_free(c);
    env_crypto_unmark();
    if (st) {
        env_wipe(out, out_len);
    }
    return st;
}
