/* object/window.h - which chunk numbers of a payload were given to the sealer: none is sealed twice
 * (crypto.md, W11), since two messages under one nonce give GCM's key away. */
#ifndef ENV_OBJECT_WINDOW_H
#define ENV_OBJECT_WINDOW_H
#include "base/context.h"
#include <stdbool.h>

/* Numbers that may still come below the highest one given. */
#define ENV_WINDOW_CHUNKS ((uint64_t)1 << 20)

struct env_window;
/* 128 KiB; nothing is allocated afterwards. Threads: share it freely. */
envelope_status env_window_new(envelope_ctx *ctx, struct env_window **out, envelope_error *err);
/* Takes count (at least 1) numbers from first, all or none; they stay taken. last: the final one of
 * them ends the payload. E_INVALID: one was taken before, or lies at or above the end, or the end
 * would lie below a taken one. E_LIMIT: below the window, or beyond ENV_CHUNKS_MAX. */
envelope_status env_window_take(struct env_window *window, uint64_t first, uint64_t count,
                                bool last, envelope_error *err);
void env_window_free(struct env_window *window);
#endif
