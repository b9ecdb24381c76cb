#include "oaep_block.h"
#include "crypto/context.h"
#include "crypto/rsa.h"
#include "crypto/rsa_key.h"
#include <check.h>
#include <openssl/rsa.h>
#include <string.h>

static void xor_mgf1(const EVP_MD *md, const uint8_t *seed, size_t seed_len, uint8_t *out,
                     size_t len)
{
    uint8_t in[ENV_RSA_BYTES_MAX + 4];
    uint8_t block[EVP_MAX_MD_SIZE];
    size_t hash = (size_t)EVP_MD_get_size(md);
    memcpy(in, seed, seed_len);
    for (size_t i = 0; i < len; i++) {
        if (i % hash == 0) {
            const uint8_t counter[4] = {0, 0, 0, (uint8_t)(i / hash)};
            memcpy(in + seed_len, counter, 4);
            ck_assert(EVP_Digest(in, seed_len + 4, block, NULL, md, NULL));
        }
        out[i] ^= block[i % hash];
    }
}

void oaep_block_compose(uint8_t *em, size_t k, const EVP_MD *md, size_t message_len)
{
    size_t hash = (size_t)EVP_MD_get_size(md);
    uint8_t *db = em + 1 + hash;
    size_t db_len = k - 1 - hash;
    memset(em, 0, k);
    memset(em + 1, 's', hash);
    ck_assert(EVP_Digest("", 0, db, NULL, md, NULL));
    memset(db + db_len - message_len, 'm', message_len);
    db[db_len - message_len - 1] = 1;
}

void oaep_block_mask(uint8_t *out, const uint8_t *em, size_t k, const EVP_MD *md)
{
    size_t hash = (size_t)EVP_MD_get_size(md);
    memcpy(out, em, k);
    uint8_t *seed = out + 1;
    uint8_t *db = seed + hash;
    size_t db_len = k - 1 - hash;
    xor_mgf1(md, seed, hash, db, db_len);
    xor_mgf1(md, db, db_len, seed, hash);
}

void oaep_block_encrypt(const struct env_rsa_public *key, const uint8_t *in, size_t k, uint8_t *c)
{
    size_t len = k;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(key->ctx->crypto->lib, key->pkey, NULL);
    ck_assert(EVP_PKEY_encrypt_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
              EVP_PKEY_encrypt(ctx, c, &len, in, k) > 0);
    EVP_PKEY_CTX_free(ctx);
}
