#include "crypto/ctr.h"
#include "base/bytes.h"
#include "crypto/context.h"
#include <openssl/evp.h>

envelope_status env_ctr_xor(envelope_ctx *ctx, const uint8_t key[32], uint64_t index,
                            uint8_t data[32], envelope_error *err)
{
    /* An entry is two blocks: the counter starts at twice the index. */
    uint8_t counter[16];
    struct env_out o = env_out_over(counter, sizeof counter);
    env_put_u64(&o, index >> 63);
    env_put_u64(&o, index << 1);
    int n = 0;
    env_crypto_mark();
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c && EVP_EncryptInit_ex2(c, ctx->crypto->aes_ctr, key, counter, NULL) &&
              EVP_EncryptUpdate(c, data, &n, data, 32) && n == 32;
    envelope_status st = ok ? ENVELOPE_OK : env_crypto_failed(err, "AES-256-CTR");
    EVP_CIPHER_CTX_free(c);
    env_crypto_unmark();
    return st;
}
