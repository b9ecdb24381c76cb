/* keys/dek.h - envelope_dek from inside. */
#ifndef ENV_KEYS_DEK_H
#define ENV_KEYS_DEK_H
#include "base/context.h"
#include <envelope/key.h>

/* A copy of key. */
envelope_status env_dek_from(envelope_ctx *ctx, const uint8_t key[32], envelope_dek **out,
                             envelope_error *err);
envelope_dek *env_dek_retain(const envelope_dek *dek);
/* 32 bytes in the arena, borrowed. */
const uint8_t *env_dek_key(const envelope_dek *dek);
envelope_ctx *env_dek_ctx(const envelope_dek *dek);
#endif
