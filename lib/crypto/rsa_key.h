/* crypto/rsa_key.h - what the files of this room know about an RSA key; everybody else has rsa.h.
 */
#ifndef ENV_CRYPTO_RSA_KEY_H
#define ENV_CRYPTO_RSA_KEY_H
#include "crypto/digest.h"
#include "crypto/rsa.h"
#include <openssl/evp.h>
#include <stdatomic.h>

struct env_rsa_public {
    envelope_ctx *ctx; /* retained: keys are shared and may outlive who made them */
    atomic_uint refs;
    uint32_t bits;
    EVP_PKEY *pkey;
    uint8_t fingerprint[ENV_HASH_BYTES];
    uint8_t *spki;
    size_t spki_len;
};

struct env_rsa_private {
    envelope_ctx *ctx; /* retained */
    EVP_PKEY *pkey;
    struct env_rsa_public *public_half;
    uint8_t *modulus; /* big-endian */
    size_t modulus_len;
};

/* Takes pkey over, also when it fails. E_FORMAT: not RSA, or not of the allowed sizes. */
envelope_status env_rsa_private_of(envelope_ctx *ctx, EVP_PKEY *pkey, struct env_rsa_private **out,
                                   envelope_error *err);

/* PEM_read_bio's passphrase callback that never has one: the default one asks on a terminal. */
int env_pem_no_passphrase(char *buf, int size, int rwflag, void *user);

/* Our code hands no longer text to OpenSSL, which takes 1,024 bytes at most when it reads. */
enum { ENV_PASSPHRASE_BYTES_MAX = 1024 };

/* The decoding of RFC 8017, 7.1.2, step 3, for a message of 32 bytes and an empty label, in one
 * pass without a branch on anything secret: message is what em holds, or reject .
 * em is k bytes and is destroyed; em, reject and scratch (ENV_OAEP_SCRATCH_BYTES) lie in the arena.
 */
enum { ENV_OAEP_SCRATCH_BYTES = 64 };
envelope_status env_oaep_decode(const EVP_MD *md, uint8_t *em, size_t k, const uint8_t reject[32],
                                uint8_t *scratch, uint8_t message[32], envelope_error *err);
#endif
