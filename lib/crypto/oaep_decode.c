#include "base/bytes.h"
#include "crypto/context.h"
#include "crypto/rsa_key.h"

enum { MESSAGE_BYTES = 32, HASH_BYTES_MAX = 32 };

/* target XOR MGF1(seed), RFC 8017, B.2.1 */
static bool mgf1_xor(EVP_MD_CTX *c, const EVP_MD *md, const uint8_t *seed, size_t seed_len,
                     uint8_t *target, size_t len, uint8_t *block)
{
    const size_t hash = (size_t)EVP_MD_get_size(md);
    uint8_t counter[4] = {0, 0, 0, 0}; /* 1,024 bytes end below 256 blocks */
    for (size_t at = 0; at < len; at += hash, counter[3]++) {
        if (!EVP_DigestInit_ex2(c, md, NULL) || !EVP_DigestUpdate(c, seed, seed_len) ||
            !EVP_DigestUpdate(c, counter, sizeof counter) || !EVP_DigestFinal_ex(c, block, NULL)) {
            return false;
        }
        for (size_t i = 0; i < hash && at + i < len; i++) {
            target[at + i] ^= block[i];
        }
    }
    return true;
}

/* The compiler must not find out that mask has two values only, or it may branch on it. */
static uint8_t opaque(uint8_t mask)
{
    __asm__ volatile("" : "+r"(mask));
    return mask;
}

/* 0xff for nonzero, 0 for zero */
static uint8_t mask_of(uint8_t bad)
{
    uint32_t wide = bad;
    return opaque((uint8_t)((wide - 1) >> 8 ^ 0xff));
}

/* DB = lHash | 00 ... | 01 | message, as a message of 32 bytes has it and no other way */
static uint8_t db_bad(const uint8_t *db, size_t len, const uint8_t *label_hash, size_t hash)
{
    const size_t one = len - MESSAGE_BYTES - 1;
    uint8_t bad = 0;
    for (size_t i = 0; i < hash; i++) {
        bad |= (uint8_t)(db[i] ^ label_hash[i]);
    }
    for (size_t i = hash; i < one; i++) {
        bad |= db[i];
    }
    return (uint8_t)(bad | (db[one] ^ 1));
}

static bool unmask(EVP_MD_CTX *c, const EVP_MD *md, uint8_t *em, size_t k, uint8_t *scratch)
{
    const size_t hash = (size_t)EVP_MD_get_size(md);
    uint8_t *seed = em + 1;
    uint8_t *db = seed + hash;
    const size_t db_len = k - hash - 1;
    uint8_t *label_hash = scratch + HASH_BYTES_MAX;
    return mgf1_xor(c, md, db, db_len, seed, hash, scratch) &&
           mgf1_xor(c, md, seed, hash, db, db_len, scratch) && EVP_DigestInit_ex2(c, md, NULL) &&
           EVP_DigestFinal_ex(c, label_hash, NULL);
}

envelope_status env_oaep_decode(const EVP_MD *md, uint8_t *em, size_t k, const uint8_t reject[32],
                                uint8_t *scratch, uint8_t message[32], envelope_error *err)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool done = c && unmask(c, md, em, k, scratch);
    EVP_MD_CTX_free(c);
    if (!done) {
        return env_crypto_failed(err, "RSA-OAEP");
    }
    const size_t hash = (size_t)EVP_MD_get_size(md);
    const uint8_t *db = em + 1 + hash;
    const size_t db_len = k - hash - 1;
    uint8_t bad = (uint8_t)(em[0] | db_bad(db, db_len, scratch + HASH_BYTES_MAX, hash));
    uint8_t mask = mask_of(bad);
    const uint8_t *found = db + db_len - MESSAGE_BYTES;
    for (size_t i = 0; i < MESSAGE_BYTES; i++) {
        message[i] = (uint8_t)((found[i] & (uint8_t)~mask) | (reject[i] & mask));
    }
    return ENVELOPE_OK;
}
