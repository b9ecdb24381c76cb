/* object/twin.h - a header copy made anew from the other one. Both copies hold the same bytes but
 * for the role, TAG and CRC, which follow from the DEK; so what is made is bit for bit what was
 * lost. */
#ifndef ENV_OBJECT_TWIN_H
#define ENV_OBJECT_TWIN_H
#include "keys/dek.h"
#include "object/headers.h"

enum { ENV_TWINS_GOOD = -1 };

struct env_twin {
    int which;         /* the copy that is not what it must be: 0 A, 1 B, or ENV_TWINS_GOOD */
    uint32_t capacity; /* it lies at which * capacity, and has as many bytes */
    uint8_t *bytes;    /* env_alloc'ed; NULL where both are good */
};
/* Of two copies the right one is that which verifies under the DEK and has this LINK, at the higher
 * revision: what a copy says without that counts for nothing, so it makes no difference whether the
 * other is damaged, altered or older. E_FORMAT: neither is right; E_UNSUPPORTED: of a newer
 * version, which this library may only read; E_IO. */
envelope_status env_twin_read(envelope_ctx *ctx, const envelope_dek *dek,
                              const uint8_t link[ENV_LINK_BYTES], env_read_fn read, void *user,
                              uint64_t object_bytes, struct env_twin *out, envelope_error *err);
void env_twin_free(envelope_ctx *ctx, struct env_twin *twin);
#endif
