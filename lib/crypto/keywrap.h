/* crypto/keywrap.h - AES-256-KWP (RFC 5649, SP 800-38F). */
#ifndef ENV_CRYPTO_KEYWRAP_H
#define ENV_CRYPTO_KEYWRAP_H
#include "base/context.h"

/* A wrapped 32-byte key. */
enum { ENV_KWP_BYTES = 40 };

/* out gets ((len + 7) / 8 + 1) * 8 bytes, *out_len says how many; len from 1. */
envelope_status env_kwp_wrap(envelope_ctx *ctx, const uint8_t kek[32], const void *in, size_t len,
                             void *out, size_t cap, size_t *out_len, envelope_error *err);
/* E_AUTH: then out is wiped. cap must be at least in_len. */
envelope_status env_kwp_unwrap(envelope_ctx *ctx, const uint8_t kek[32], const void *in,
                               size_t in_len, void *out, size_t cap, size_t *out_len,
                               envelope_error *err);
#endif
