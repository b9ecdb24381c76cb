/* kms/keystore/dir.h - the keystore's directory: the file `keystore` (0600), replaced as a whole,
 * and `lock`, held for a change. What others could read or write is refused. */
#ifndef ENV_KMS_KEYSTORE_DIR_H
#define ENV_KMS_KEYSTORE_DIR_H
#include "base/context.h"
#include <stdbool.h>

/* Tells whether the file was replaced since. */
struct env_ks_identity {
    uint64_t device;
    uint64_t inode;
    int64_t size;
    int64_t seconds;
    int64_t nanoseconds;
};

/* Close fd. E_NOT_FOUND, E_REFUSED, E_IO. */
envelope_status env_ks_dir_open(const char *dir, int *fd, envelope_error *err);
/* E_EXISTS is no failure here: *made tells. The new directory is 0700 and on disk. */
envelope_status env_ks_dir_make(const char *dir, bool *made, envelope_error *err);
/* Takes back a directory that was just made, with all that a keystore puts into it. */
void env_ks_dir_unmake(const char *dir);
/* E_NOT_FOUND, E_REFUSED, E_IO. */
envelope_status env_ks_identify(int dir_fd, struct env_ks_identity *out, envelope_error *err);
bool env_ks_same_identity(const struct env_ks_identity *a, const struct env_ks_identity *b);
/* *out env_alloc'ed; the identity is that of what was read. */
envelope_status env_ks_read(envelope_ctx *ctx, int dir_fd, uint8_t **out, size_t *len,
                            struct env_ks_identity *identity, envelope_error *err);
/* What stands there may not vanish in a power cut because whoever changed the file died before the
 * folder was synced: before something is built on it. E_IO. */
envelope_status env_ks_settle(int dir_fd, envelope_error *err);
/* Waits a few seconds, then E_BUSY. close() gives it back. */
envelope_status env_ks_lock(int dir_fd, int *lock_fd, envelope_error *err);
/* Under the lock: all of it or nothing, on disk when it returns. E_IO, E_NO_SPACE. */
envelope_status env_ks_replace(int dir_fd, const void *bytes, size_t len, envelope_error *err);
#endif
