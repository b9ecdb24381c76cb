/* crypto/password.h - a KEK from a password. */
#ifndef ENV_CRYPTO_PASSWORD_H
#define ENV_CRYPTO_PASSWORD_H
#include "base/context.h"
#include <stdbool.h>

enum {
    ENV_PASSWORD_SALT_BYTES = 16,
    ENV_ARGON2_MEMORY_KIB = 19456, /* of new slots */
    ENV_ARGON2_PASSES = 2,
    ENV_ARGON2_MEMORY_KIB_MIN = 8,
    ENV_ARGON2_MEMORY_KIB_MAX = 262144, /* of slots that are opened */
    ENV_ARGON2_PASSES_MAX = 16,
    ENV_PBKDF2_ITERATIONS = 600000,
    ENV_PBKDF2_ITERATIONS_MAX = 10000000
};

/* Argon2id, version 1.3, p = 1. E_LIMIT outside the limits above, E_NOMEM. out in the arena. */
envelope_status env_argon2id(envelope_ctx *ctx, const void *password, size_t len,
                             const uint8_t salt[ENV_PASSWORD_SALT_BYTES], uint32_t memory_kib,
                             uint32_t passes, uint8_t out[32], envelope_error *err);
/* PBKDF2-HMAC-SHA-256; salt_len and out_len from 1 for the test vectors. */
envelope_status env_pbkdf2(envelope_ctx *ctx, const void *password, size_t len, const void *salt,
                           size_t salt_len, uint32_t iterations, void *out, size_t out_len,
                           envelope_error *err);
#endif
