/* format/box.h - plaintext of a box: root | BK_g | u32 | attributes | u32 n | n x (LINK | DEK) |
 * zeros to a multiple of 256. It holds secrets: the bytes lie in the arena. Foreign: the caller's
 * sealed bytes, framed in the same way (docs/format.md). */
#ifndef ENV_FORMAT_BOX_H
#define ENV_FORMAT_BOX_H
#include "base/bytes.h"
#include "format/id.h"
#include <stdbool.h>

enum { ENV_BOX_STEP = 256, ENV_ANCESTORS_MAX = 1000, ENV_PAIR_BYTES = 64 };

struct env_box {
    const uint8_t *root;         /* 32, zeros unless attested point */
    const uint8_t *block_hash;   /* BK_g, 32, likewise */
    struct env_bytes attributes; /* foreign: the caller's sealed bytes, at most 8192, not checked */
    uint32_t count;              /* ancestors */
    uint32_t reserved;
    const uint8_t *pairs; /* count x (LINK 32 | DEK 32), nearest ancestor first */
};
size_t env_box_bytes(const struct env_box *box);
/* out gets env_box_bytes. */
void env_box_put(const struct env_box *box, void *out, size_t len);
/* Borrowed from plain. foreign: attributes are taken as they are. E_FORMAT. */
envelope_status env_box_get(const void *plain, size_t len, bool foreign, struct env_box *out,
                            envelope_error *err);
#endif
