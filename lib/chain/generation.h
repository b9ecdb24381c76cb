/* chain/generation.h - what root and GS_g give (docs/format.md, "Derivations"). */
#ifndef ENV_CHAIN_GENERATION_H
#define ENV_CHAIN_GENERATION_H
#include "base/context.h"
#include "format/id.h"

/* chain_id = X(root, "chain id", "") */
envelope_status env_chain_id_of(envelope_ctx *ctx, const uint8_t root[32],
                                uint8_t out[ENV_CHAIN_ID_BYTES], envelope_error *err);
/* X(GS_g, label, chain_id | u32 g); label "attest", "block hash" (out in the arena) or "pin"
 * (public). */
envelope_status env_generation_key(envelope_ctx *ctx, const uint8_t gs[32], const char *label,
                                   const uint8_t chain_id[ENV_CHAIN_ID_BYTES], uint32_t g,
                                   uint8_t out[32], envelope_error *err);
#endif
