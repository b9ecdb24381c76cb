#include "chain/generation.h"
#include "crypto/digest.h"

envelope_status env_chain_id_of(envelope_ctx *ctx, const uint8_t root[32],
                                uint8_t out[ENV_CHAIN_ID_BYTES], envelope_error *err)
{
    return env_derive(ctx, root, "chain id", NULL, 0, out, err);
}

envelope_status env_generation_key(envelope_ctx *ctx, const uint8_t gs[32], const char *label,
                                   const uint8_t chain_id[ENV_CHAIN_ID_BYTES], uint32_t g,
                                   uint8_t out[32], envelope_error *err)
{
    uint8_t number[4];
    struct env_out o = env_out_over(number, sizeof number);
    env_put_u32(&o, g);
    const struct env_bytes data[] = {{chain_id, ENV_CHAIN_ID_BYTES}, {number, sizeof number}};
    return env_derive(ctx, gs, label, data, 2, out, err);
}
