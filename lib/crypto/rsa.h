/* crypto/rsa.h - RSA keys and OAEP over a 32-byte message. Keys are immutable. Threads: share
 * freely. */
#ifndef ENV_CRYPTO_RSA_H
#define ENV_CRYPTO_RSA_H
#include "base/bytes.h"
#include "base/context.h"

enum {
    ENV_RSA_BITS = 4096, /* of keys made here */
    ENV_RSA_BITS_MIN = 2048,
    ENV_RSA_BITS_MAX = 8192,
    ENV_RSA_BYTES_MAX = 1024,
    ENV_SPKI_BYTES_MAX = 2048
};

struct env_rsa_public;
/* SubjectPublicKeyInfo, DER, nothing behind it. E_FORMAT: no such thing, not RSA (2048 to 8192
 * bits, odd exponent of 65537 or more and below 2^64). */
envelope_status env_rsa_public_from_der(envelope_ctx *ctx, const void *der, size_t len,
                                        struct env_rsa_public **out, envelope_error *err);
/* RSAPublicKey (PKCS#1) in DER, or modulus and exponent, big-endian; the same rules. */
envelope_status env_rsa_public_from_pkcs1(envelope_ctx *ctx, const void *der, size_t len,
                                          struct env_rsa_public **out, envelope_error *err);
envelope_status env_rsa_public_from_numbers(envelope_ctx *ctx, struct env_bytes modulus,
                                            struct env_bytes exponent, struct env_rsa_public **out,
                                            envelope_error *err);
/* PEM ("PUBLIC KEY") or DER of SubjectPublicKeyInfo. */
envelope_status env_rsa_public_parse(envelope_ctx *ctx, const void *data, size_t len,
                                     struct env_rsa_public **out, envelope_error *err);
/* SHA-256 of its SubjectPublicKeyInfo; 32 bytes, borrowed. */
const uint8_t *env_rsa_public_fingerprint(const struct env_rsa_public *key);
/* SubjectPublicKeyInfo in DER, borrowed. */
const uint8_t *env_rsa_public_spki(const struct env_rsa_public *key, size_t *len);
uint32_t env_rsa_public_bits(const struct env_rsa_public *key);
struct env_rsa_public *env_rsa_public_retain(struct env_rsa_public *key);
void env_rsa_public_free(struct env_rsa_public *key);

/* algorithm is ENVELOPE_RSA_OAEP_SHA256 or _SHA1. out gets the modulus's length, at most
 * ENV_RSA_BYTES_MAX. */
envelope_status env_oaep_wrap(const struct env_rsa_public *key, int32_t algorithm,
                              const uint8_t message[32], void *out, size_t cap, size_t *out_len,
                              envelope_error *err);

struct env_rsa_private;
/* A fresh RSA-4096 pair, e = 65537: 0.8 to 3 seconds. */
envelope_status env_rsa_private_generate(envelope_ctx *ctx, struct env_rsa_private **out,
                                         envelope_error *err);
/* PEM or DER; PKCS#8 plain or encrypted, or traditional. E_NO_KEY: a passphrase is needed or wrong.
 * E_FORMAT: not an RSA private key of 2048 to 8192 bits. */
envelope_status env_rsa_private_parse(envelope_ctx *ctx, const void *data, size_t len,
                                      const void *passphrase, size_t passphrase_len,
                                      struct env_rsa_private **out, envelope_error *err);
/* Its public half, borrowed. */
struct env_rsa_public *env_rsa_private_public(const struct env_rsa_private *key);
/* PKCS#8 DER, plain, into the caller's memory (the arena, at most ENV_PKCS8_BYTES_MAX). E_RANGE. */
enum { ENV_PKCS8_BYTES_MAX = 6144 };
envelope_status env_rsa_private_der(const struct env_rsa_private *key, void *out, size_t cap,
                                    size_t *out_len, envelope_error *err);
/* PEM PKCS#8; passphrase NULL: plain; else PBES2 with PBKDF2-HMAC-SHA-256 of 600,000 iterations and
 * AES-256-CBC. E_RANGE with *out_len; the caller wipes. */
envelope_status env_rsa_private_pem(const struct env_rsa_private *key, const void *passphrase,
                                    size_t passphrase_len, char *out, size_t cap, size_t *out_len,
                                    envelope_error *err);
envelope_status env_rsa_public_pem(const struct env_rsa_public *key, char *out, size_t cap,
                                   size_t *out_len, envelope_error *err);
/* Implicit rejection (crypto.md, W12): whatever is wrong with in, message gets 32 bytes that look
 * random and depend only on in and the context's secret. The status tells failures of OpenSSL for
 * reasons of its own, and nothing about in. message in the arena. */
envelope_status env_oaep_unwrap(const struct env_rsa_private *key, int32_t algorithm,
                                const void *in, size_t in_len, uint8_t message[32],
                                envelope_error *err);
void env_rsa_private_free(struct env_rsa_private *key);
#endif
