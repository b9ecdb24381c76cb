/* crypto/aead.h - AES-256-GCM with a 12-byte nonce, a 16-byte tag and no associated data, and GMAC,
 * which is GCM over associated data alone, through one small table of engines. An env_aead is one
 * key; it may be used by several threads at once and allocates nothing after env_aead_new: it holds
 * ENV_AEAD_LANES contexts, and a call that finds all of them in use waits for one. */
#ifndef ENV_CRYPTO_AEAD_H
#define ENV_CRYPTO_AEAD_H
#include "base/context.h"

enum { ENV_NONCE_BYTES = 12, ENV_TAG_BYTES = 16, ENV_AEAD_LANES = 8 };

/* One lane of one key. seal writes len + 16 bytes; open takes len including the tag, writes len -
 * 16, and wipes out when the tag fails. in may equal out. */
struct env_aead_engine {
    const char *name;
    envelope_status (*lane_new)(envelope_ctx *ctx, const uint8_t key[32], void **lane,
                                envelope_error *err);
    envelope_status (*seal)(void *lane, const uint8_t nonce[ENV_NONCE_BYTES], const void *in,
                            size_t len, void *out, envelope_error *err);
    envelope_status (*open)(void *lane, const uint8_t nonce[ENV_NONCE_BYTES], const void *in,
                            size_t len, void *out, envelope_error *err);
    /* GMAC over data followed by pad zero bytes. */
    envelope_status (*mac)(void *lane, const uint8_t nonce[ENV_NONCE_BYTES], const void *data,
                           size_t len, size_t pad, uint8_t out[ENV_TAG_BYTES], envelope_error *err);
    void (*lane_free)(envelope_ctx *ctx, void *lane);
};
extern const struct env_aead_engine env_aead_openssl;

/* The engine for ctx_options.engine; E_UNSUPPORTED for a name that is not built in, E_CRYPTO when
 * its self-test (a known answer) fails. */
envelope_status env_aead_choose(envelope_ctx *ctx, const char *name,
                                const struct env_aead_engine **out, envelope_error *err);

struct env_aead;
/* lanes: 1 for what one thread uses, else ENV_AEAD_LANES. */
envelope_status env_aead_new(envelope_ctx *ctx, const uint8_t key[32], size_t lanes,
                             struct env_aead **out, envelope_error *err);
/* out gets len + 16 bytes. */
envelope_status env_aead_seal(struct env_aead *aead, const uint8_t nonce[ENV_NONCE_BYTES],
                              const void *in, size_t len, void *out, envelope_error *err);
/* E_AUTH when the tag fails or len < 16: then out is wiped. */
envelope_status env_aead_open(struct env_aead *aead, const uint8_t nonce[ENV_NONCE_BYTES],
                              const void *in, size_t len, void *out, envelope_error *err);
void env_aead_free(struct env_aead *aead);

/* The block hash (docs/format.md 1.3): GMAC with a nonce of zeros, under a key that is used for
 * nothing else: a key that also seals would give itself away. */
struct env_block_hash;
envelope_status env_block_hash_new(envelope_ctx *ctx, const uint8_t key[32], size_t lanes,
                                   struct env_block_hash **out, envelope_error *err);
/* len bytes, taken as followed by zeros up to block_bytes. */
envelope_status env_block_hash_of(struct env_block_hash *hash, const void *data, size_t len,
                                  size_t block_bytes, uint8_t out[ENV_TAG_BYTES],
                                  envelope_error *err);
void env_block_hash_free(struct env_block_hash *hash);
#endif
