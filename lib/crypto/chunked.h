/* crypto/chunked.h - C2SP chunked-encryption, Cobblestone-256
 * (https://c2sp.org/chunked-encryption): salt 24 | commitment 32 | chunks of 16384 + 16, the last
 * one shorter and possibly empty. Which chunk is the last, and that no number is sealed twice, is
 * the caller's (object/payload.h). */
#ifndef ENV_CRYPTO_CHUNKED_H
#define ENV_CRYPTO_CHUNKED_H
#include "base/bytes.h"
#include "base/context.h"
#include <stdbool.h>

enum {
    ENV_SALT_BYTES = 24,
    ENV_COMMITMENT_BYTES = 32,
    ENV_PREFIX_BYTES = 56,
    ENV_CHUNK_BYTES = 16384,
    ENV_SEALED_CHUNK_BYTES = 16400
};
#define ENV_CHUNKS_MAX ((uint64_t)1 << 38)

/* Keys of one message. Threads: share it freely. */
struct env_chunked;

/* The key is derived from key, salt and the context "libenvelope/1 " | purpose | 00 | parts
 * (purpose NULL: the context is the parts alone, for test vectors; parts at most 4). commitment
 * gets 32 bytes: to be stored when sealing, to be compared (env_chunked_check) when opening. lanes
 * as in aead.h. */
envelope_status env_chunked_new(envelope_ctx *ctx, const uint8_t key[32], const char *purpose,
                                const struct env_bytes *parts, size_t count,
                                const uint8_t salt[ENV_SALT_BYTES], size_t lanes,
                                uint8_t commitment[ENV_COMMITMENT_BYTES], struct env_chunked **out,
                                envelope_error *err);
/* env_chunked_new with prefix's salt, E_AUTH unless prefix's commitment is the one. */
envelope_status env_chunked_open_prefix(envelope_ctx *ctx, const uint8_t key[32],
                                        const char *purpose, const struct env_bytes *parts,
                                        size_t count, const uint8_t prefix[ENV_PREFIX_BYTES],
                                        size_t lanes, struct env_chunked **out,
                                        envelope_error *err);
/* With a fresh salt; prefix gets salt and commitment. */
envelope_status env_chunked_seal_prefix(envelope_ctx *ctx, const uint8_t key[32],
                                        const char *purpose, const struct env_bytes *parts,
                                        size_t count, uint8_t prefix[ENV_PREFIX_BYTES],
                                        size_t lanes, struct env_chunked **out,
                                        envelope_error *err);
/* One chunk; len at most ENV_CHUNK_BYTES, out gets len + 16. E_LIMIT for number >= 2^38. */
envelope_status env_chunked_seal(struct env_chunked *chunked, uint64_t number, const void *in,
                                 size_t len, void *out, envelope_error *err);
/* len includes the tag; out gets len - 16, in may equal out. E_AUTH, out wiped. */
envelope_status env_chunked_open(struct env_chunked *chunked, uint64_t number, const void *in,
                                 size_t len, void *out, envelope_error *err);
void env_chunked_free(struct env_chunked *chunked);

/* A whole short message (boxes, keystore entries): out gets env_chunked_sealed_len(len) bytes. */
envelope_status env_chunked_seal_whole(envelope_ctx *ctx, const uint8_t key[32],
                                       const char *purpose, const struct env_bytes *parts,
                                       size_t count, const void *in, size_t len, void *out,
                                       envelope_error *err);
/* E_AUTH; out (len of the plaintext: env_chunked_plain_len(in_len)) is wiped then. */
envelope_status env_chunked_open_whole(envelope_ctx *ctx, const uint8_t key[32],
                                       const char *purpose, const struct env_bytes *parts,
                                       size_t count, const void *in, size_t in_len, void *out,
                                       envelope_error *err);
uint64_t env_chunked_sealed_len(uint64_t plain_len);
/* false: no message has this length. */
bool env_chunked_plain_len(uint64_t sealed_len, uint64_t *plain_len);
#endif
