/* base/arena.h - locked memory for secrets: one mapping per context, between guard pages, kept out
 * of core dumps, zeroed in a child of fork. */
#ifndef ENV_BASE_ARENA_H
#define ENV_BASE_ARENA_H
#include <envelope/base.h>
#include <stdbool.h>

struct env_arena;

/* locked is false where mlock was refused and require is not set. E_NOMEM. */
envelope_status env_arena_new(size_t bytes, bool require_lock, struct env_arena **out, bool *locked,
                              envelope_error *err);
/* Wipes all of it. NULL is allowed. */
void env_arena_free(struct env_arena *arena);
/* Zeroed, 64-aligned; NULL when full. Any thread. */
void *env_arena_take(struct env_arena *arena, size_t len);
/* Wiped at once. len as taken; NULL is allowed. Any thread. */
void env_arena_give(struct env_arena *arena, void *p, size_t len);
/* true in a child of the process that made it: the secrets are gone. */
bool env_arena_lost(const struct env_arena *arena);
#endif
