#include "base/bytes.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/context.h"
#include <openssl/evp.h>
#include <string.h>

/* A lane is an EVP_CIPHER_CTX: the key is expanded once, a call sets only the nonce. */
static envelope_status lane_new(envelope_ctx *ctx, const uint8_t key[32], void **lane,
                                envelope_error *err)
{
    env_crypto_mark();
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    envelope_status st = ENVELOPE_OK;
    if (!c || !EVP_EncryptInit_ex2(c, ctx->crypto->aes_gcm, key, NULL, NULL)) {
        st = env_crypto_failed(err, "setting up AES-256-GCM");
        EVP_CIPHER_CTX_free(c);
        c = NULL;
    }
    env_crypto_unmark();
    *lane = c;
    return st;
}

static bool seal_with(EVP_CIPHER_CTX *c, const uint8_t *nonce, const void *in, size_t len,
                      uint8_t *out)
{
    int n = 0;
    return EVP_EncryptInit_ex2(c, NULL, NULL, nonce, NULL) &&
           (len == 0 || EVP_EncryptUpdate(c, out, &n, in, (int)len)) && n == (int)len &&
           EVP_EncryptFinal_ex(c, out + len, &n) &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, ENV_TAG_BYTES, out + len) > 0;
}

static envelope_status seal(void *lane, const uint8_t nonce[ENV_NONCE_BYTES], const void *in,
                            size_t len, void *out, envelope_error *err)
{
    env_crypto_mark();
    envelope_status st = ENVELOPE_OK;
    if (!seal_with(lane, nonce, in, len, out)) {
        st = env_crypto_failed(err, "AES-256-GCM");
        env_wipe(out, len + ENV_TAG_BYTES);
    }
    env_crypto_unmark();
    return st;
}

static bool decrypt(EVP_CIPHER_CTX *c, const uint8_t *nonce, const uint8_t *in, size_t len,
                    uint8_t *out)
{
    uint8_t tag[ENV_TAG_BYTES]; /* EVP wants it writable */
    memcpy(tag, in + len, sizeof tag);
    int n = 0;
    return EVP_DecryptInit_ex2(c, NULL, NULL, nonce, NULL) &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, ENV_TAG_BYTES, tag) > 0 &&
           (len == 0 || EVP_DecryptUpdate(c, out, &n, in, (int)len)) && n == (int)len;
}

static envelope_status open_lane(void *lane, const uint8_t nonce[ENV_NONCE_BYTES], const void *in,
                                 size_t len, void *out, envelope_error *err)
{
    size_t plain = len - ENV_TAG_BYTES;
    uint8_t rest[EVP_MAX_BLOCK_LENGTH]; /* GCM leaves nothing for the final call */
    int n = 0;
    env_crypto_mark();
    envelope_status st = ENVELOPE_OK;
    if (!decrypt(lane, nonce, in, plain, out)) {
        st = env_crypto_failed(err, "AES-256-GCM");
    } else if (EVP_DecryptFinal_ex(lane, rest, &n) <= 0) {
        st = env_fail(err, ENVELOPE_E_AUTH, "sealed bytes do not verify");
    }
    if (st) {
        env_wipe(out, plain);
    }
    env_crypto_unmark();
    return st;
}

static bool add(EVP_CIPHER_CTX *c, const void *data, size_t len)
{
    int n = 0;
    return len == 0 || EVP_EncryptUpdate(c, NULL, &n, data, (int)len);
}

static bool add_zeros(EVP_CIPHER_CTX *c, size_t len)
{
    static const uint8_t zeros[4096];
    bool ok = true;
    while (ok && len) {
        size_t part = len < sizeof zeros ? len : sizeof zeros;
        ok = add(c, zeros, part);
        len -= part;
    }
    return ok;
}

static bool mac_with(EVP_CIPHER_CTX *c, const uint8_t *nonce, const void *data, size_t len,
                     size_t pad, uint8_t *out)
{
    uint8_t rest[EVP_MAX_BLOCK_LENGTH]; /* GCM leaves nothing for the final call */
    int n = 0;
    return EVP_EncryptInit_ex2(c, NULL, NULL, nonce, NULL) && add(c, data, len) &&
           add_zeros(c, pad) && EVP_EncryptFinal_ex(c, rest, &n) &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, ENV_TAG_BYTES, out) > 0;
}

static envelope_status mac(void *lane, const uint8_t nonce[ENV_NONCE_BYTES], const void *data,
                           size_t len, size_t pad, uint8_t out[ENV_TAG_BYTES], envelope_error *err)
{
    env_crypto_mark();
    envelope_status st = ENVELOPE_OK;
    if (!mac_with(lane, nonce, data, len, pad, out)) {
        st = env_crypto_failed(err, "AES-256-GMAC");
        env_wipe(out, ENV_TAG_BYTES);
    }
    env_crypto_unmark();
    return st;
}

static void lane_free(envelope_ctx *ctx, void *lane)
{
    (void)ctx;
    EVP_CIPHER_CTX_free(lane);
}

const struct env_aead_engine env_aead_openssl = {
    .name = "openssl",
    .lane_new = lane_new,
    .seal = seal,
    .open = open_lane,
    .mac = mac,
    .lane_free = lane_free,
};
