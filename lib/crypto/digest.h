/* crypto/digest.h - SHA-256, HMAC-SHA-256, and the derivations of docs/format.md: H, MAC, X. A
 * label is ASCII without NUL; what is hashed is "libenvelope/1 " | label | 00 | parts. E_CRYPTO. */
#ifndef ENV_CRYPTO_DIGEST_H
#define ENV_CRYPTO_DIGEST_H
#include "base/bytes.h"
#include "base/context.h"

enum { ENV_HASH_BYTES = 32, ENV_KEY_BYTES = 32 };

envelope_status env_sha256(envelope_ctx *ctx, const struct env_bytes *parts, size_t count,
                           uint8_t out[ENV_HASH_BYTES], envelope_error *err);
/* Plain HMAC-SHA-256, any key length from 1. */
envelope_status env_hmac_sha256(envelope_ctx *ctx, const void *key, size_t key_len,
                                const struct env_bytes *parts, size_t count,
                                uint8_t out[ENV_HASH_BYTES], envelope_error *err);
/* HKDF-Expand-SHA-512; len at most 255 * 64. */
envelope_status env_hkdf_expand(envelope_ctx *ctx, const void *prk, size_t prk_len,
                                const struct env_bytes *info, size_t count, void *out, size_t len,
                                envelope_error *err);

/* H(label, parts) */
envelope_status env_hash(envelope_ctx *ctx, const char *label, const struct env_bytes *parts,
                         size_t count, uint8_t out[ENV_HASH_BYTES], envelope_error *err);
/* MAC(key, label, parts); parts at most 4 */
envelope_status env_mac(envelope_ctx *ctx, const uint8_t key[ENV_KEY_BYTES], const char *label,
                        const struct env_bytes *parts, size_t count, uint8_t out[ENV_HASH_BYTES],
                        envelope_error *err);
/* X(key, label, parts); out lies in the arena when it is a secret; parts at most 4 */
envelope_status env_derive(envelope_ctx *ctx, const uint8_t key[ENV_KEY_BYTES], const char *label,
                           const struct env_bytes *parts, size_t count, uint8_t out[ENV_KEY_BYTES],
                           envelope_error *err);
#endif
