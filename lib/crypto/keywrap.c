#include "crypto/keywrap.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/context.h"
#include <openssl/evp.h>

enum { WRAPPED_BYTES_MIN = 16, WRAPPED_BYTES_MAX = 65536 };

static EVP_CIPHER_CTX *start(envelope_ctx *ctx, const uint8_t *kek, int encrypt)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (!c) {
        return NULL;
    }
    EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (!EVP_CipherInit_ex2(c, ctx->crypto->aes_kwp, kek, NULL, encrypt, NULL)) {
        EVP_CIPHER_CTX_free(c);
        return NULL;
    }
    return c;
}

envelope_status env_kwp_wrap(envelope_ctx *ctx, const uint8_t kek[32], const void *in, size_t len,
                             void *out, size_t cap, size_t *out_len, envelope_error *err)
{
    *out_len = 0;
    if (len == 0 || len > WRAPPED_BYTES_MAX - 16) {
        return env_fail(err, ENVELOPE_E_INVALID, "%zu bytes cannot be wrapped", len);
    }
    size_t want = ((len + 7) / 8 + 1) * 8;
    if (cap < want) {
        *out_len = want;
        return env_fail(err, ENVELOPE_E_RANGE, "the wrapped key takes %zu bytes", want);
    }
    int n = 0;
    env_crypto_mark();
    EVP_CIPHER_CTX *c = start(ctx, kek, 1);
    bool ok = c && EVP_EncryptUpdate(c, out, &n, in, (int)len) && n == (int)want;
    envelope_status st = ok ? ENVELOPE_OK : env_crypto_failed(err, "AES-256-KWP");
    EVP_CIPHER_CTX_free(c);
    env_crypto_unmark();
    *out_len = st ? 0 : want;
    return st;
}

envelope_status env_kwp_unwrap(envelope_ctx *ctx, const uint8_t kek[32], const void *in,
                               size_t in_len, void *out, size_t cap, size_t *out_len,
                               envelope_error *err)
{
    *out_len = 0;
    if (in_len < WRAPPED_BYTES_MIN || in_len > WRAPPED_BYTES_MAX || in_len % 8 != 0) {
        env_wipe(out, cap);
        return env_fail(err, ENVELOPE_E_AUTH, "the wrapped key does not verify");
    }
    if (cap < in_len) {
        *out_len = in_len;
        return env_fail(err, ENVELOPE_E_RANGE, "unwrapping takes a buffer of %zu bytes", in_len);
    }
    int n = 0;
    env_crypto_mark();
    EVP_CIPHER_CTX *c = start(ctx, kek, 0);
    envelope_status st = ENVELOPE_OK;
    if (!c) {
        st = env_crypto_failed(err, "AES-256-KWP");
    } else if (EVP_DecryptUpdate(c, out, &n, in, (int)in_len) <= 0 || n <= 0) {
        st = env_fail(err, ENVELOPE_E_AUTH, "the wrapped key does not verify");
    }
    EVP_CIPHER_CTX_free(c);
    env_crypto_unmark();
    if (st) {
        env_wipe(out, cap);
        return st;
    }
    *out_len = (size_t)n;
    return ENVELOPE_OK;
}
