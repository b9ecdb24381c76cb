/* format/secrets.h - SECRETS = root[32] | (u32 g | GS_g[32])..., g strictly rising from 1 or more,
 * at least one. Stands first in a metadata payload behind its u32 length (u32 length counts SECRETS
 * only; the head follows behind a u32 length of its own). Lies in the arena. */
#ifndef ENV_FORMAT_SECRETS_H
#define ENV_FORMAT_SECRETS_H
#include "base/bytes.h"
#include <envelope/base.h>

enum { ENV_ROOT_BYTES = 32, ENV_SECRET_ENTRY_BYTES = 36, ENV_GENERATIONS_LIMIT = 4096 };
/* Checks lengths and order; *count gets how many generations. E_FORMAT. */
envelope_status env_secrets_check(const void *secrets, size_t len, size_t *count,
                                  envelope_error *err);
uint32_t env_secrets_generation(const uint8_t *secrets, size_t i);
const uint8_t *env_secrets_gs(const uint8_t *secrets, size_t i); /* GS_g, borrowed */
#endif
