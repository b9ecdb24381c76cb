/* store/dir/temp.h - tmp/: files being written, each locked by its writer for as long as it lives.
 * Their names say whose they are: <32 hex digits>.<host>-<pid>. */
#ifndef ENV_STORE_DIR_TEMP_H
#define ENV_STORE_DIR_TEMP_H
#include "store/dir/dir.h"

enum { ENV_TEMP_NAME_MAX = 32 + 1 + ENV_DIR_HOST_DIGITS + 1 + 10 };

/* The first 8 hex digits of SHA-256 of the machine's id, or of the host's name where it has none.
 */
envelope_status env_temp_host(envelope_ctx *ctx, char host[ENV_DIR_HOST_DIGITS + 1],
                              envelope_error *err);
/* Bytes of name that its tmp/ lies below: "chains/X" or nothing. */
size_t env_temp_place(const char *name);
/* The id is the last 32 hex digits that stand together in the object's name, or else random. */
envelope_status env_temp_name(const struct env_dir *dir, const char *object,
                              char out[ENV_TEMP_NAME_MAX + 1], envelope_error *err);
/* Is it of the form that env_temp_name gives? */
bool env_temp_is_name(const char *name);
/* A new file, 0600, locked. 0 or errno; EEXIST: the same object is being written. */
int env_temp_create(int tmp, const char *name, int *fd);

/* Removes what dead writers left in tmp/: of this host, when its lock is free; of another, when the
 * lock is free and it was not written to for a day. All else stays. What stays and is a write under
 * way by its name is told to kept (may be NULL). 0, or what kept or the system returned. */
typedef int (*env_temp_kept_fn)(void *user, const char *name, uint64_t bytes);
int env_temp_clean(const struct env_dir *dir, int tmp, env_temp_kept_fn kept, void *user);
#endif
