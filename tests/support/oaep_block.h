/* oaep_block.h - encoded blocks of OAEP (RFC 8017, 7.1.1) laid open, so that each part can be
 * spoiled on its own: 00 | seed | lHash | zeros | 01 | message. */
#ifndef TESTS_OAEP_BLOCK_H
#define TESTS_OAEP_BLOCK_H
#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

struct env_rsa_public;

/* Unmasked, k bytes, the message 'm' message_len times; any length, so that others than 32 can be
 * tried. */
void oaep_block_compose(uint8_t *em, size_t k, const EVP_MD *md, size_t message_len);
/* out = em with its masks on. */
void oaep_block_mask(uint8_t *out, const uint8_t *em, size_t k, const EVP_MD *md);
/* c = in^e, without padding. in is below the modulus. */
void oaep_block_encrypt(const struct env_rsa_public *key, const uint8_t *in, size_t k, uint8_t *c);
#endif
