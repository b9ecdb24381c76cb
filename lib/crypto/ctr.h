/* crypto/ctr.h - AES-256-CTR over 32-byte blocks of a table in memory: keeps a loaded catalogue's
 * DEKs out of plain memory. Not used for anything that is stored. */
#ifndef ENV_CRYPTO_CTR_H
#define ENV_CRYPTO_CTR_H
#include "base/context.h"

/* data (32 bytes, in place) XOR the key stream of entry number index under key (in the arena). */
envelope_status env_ctr_xor(envelope_ctx *ctx, const uint8_t key[32], uint64_t index,
                            uint8_t data[32], envelope_error *err);
#endif
