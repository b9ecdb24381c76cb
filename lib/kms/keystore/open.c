/* Opening and making a keystore. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "kms/keystore/keystore.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PASSPHRASE_MAX = 1024 };

static void destroy(void *self)
{
    struct env_ks *ks = self;
    envelope_ctx *ctx = ks->ctx;
    env_ks_state_release(ks, ks->state);
    env_secret_free(ctx, ks->keys, ENV_KS_KEYS_BYTES);
    pthread_mutex_destroy(&ks->lock);
    env_free(ctx, ks->dir);
    env_free(ctx, ks);
}

/* The process may have changed its directory when the keystore is read again. */
static envelope_status absolute(envelope_ctx *ctx, const char *dir, char **out, envelope_error *err)
{
    char safe[ENV_PRINTABLE_MAX];
    char *path = env_alloc(ctx, PATH_MAX);
    if (!path) {
        return env_nomem(err);
    }
    if (!realpath(dir, path)) {
        int number = errno;
        bool gone = number == ENOENT || number == ENOTDIR;
        env_free(ctx, path);
        return env_fail_errno(err, gone ? ENVELOPE_E_NOT_FOUND : ENVELOPE_E_IO, number,
                              "opening keystore %s", env_printable(safe, dir));
    }
    *out = path;
    return ENVELOPE_OK;
}

static envelope_status ks_new(envelope_ctx *ctx, const char *dir, struct env_ks **out,
                              envelope_error *err)
{
    struct env_ks *ks = env_alloc(ctx, sizeof *ks);
    if (!ks) {
        return env_nomem(err);
    }
    ks->ctx = ctx;
    envelope_status st = absolute(ctx, dir, &ks->dir, err);
    if (st) {
        env_free(ctx, ks);
        return st;
    }
    pthread_mutex_init(&ks->lock, NULL);
    *out = ks;
    return ENVELOPE_OK;
}

static envelope_status create_locked(struct env_ks *ks, int dir_fd,
                                     const struct env_ks_passphrase *passphrase,
                                     envelope_error *err)
{
    char safe[ENV_PRINTABLE_MAX];
    struct env_ks_identity there;
    struct env_keystore_file file = {.revision = 1};
    envelope_status st = env_ks_identify(dir_fd, &there, err);
    if (!st) {
        st = env_ks_settle(dir_fd, err);
        return st ? st
                  : env_fail(err, ENVELOPE_E_EXISTS, "there is a keystore in %s already",
                             env_printable(safe, ks->dir));
    }
    if (st != ENVELOPE_E_NOT_FOUND) {
        return st;
    }
    st = env_ks_new_keys(ks, passphrase, &file, err);
    return st ? st : env_ks_write(ks, dir_fd, &file, err);
}

static envelope_status create(struct env_ks *ks, int dir_fd,
                              const struct env_ks_passphrase *passphrase, envelope_error *err)
{
    int lock_fd;
    envelope_status st = env_ks_lock(dir_fd, &lock_fd, err);
    if (st) {
        return st;
    }
    st = create_locked(ks, dir_fd, passphrase, err);
    close(lock_fd);
    return st;
}

static envelope_status unlock(struct env_ks *ks, const struct env_ks_passphrase *passphrase,
                              bool make, envelope_error *err)
{
    int dir_fd;
    struct env_ks_state *state = NULL;
    envelope_status st = env_ks_dir_open(ks->dir, &dir_fd, err);
    if (st) {
        return st;
    }
    /* one that was just made is read by the first call: what is on disk is not to fail any more */
    st = make ? create(ks, dir_fd, passphrase, err)
              : env_ks_current(ks, dir_fd, passphrase, &state, err);
    env_ks_state_release(ks, state);
    close(dir_fd);
    return st;
}

static envelope_status check_args(const char *dir, const void *passphrase, size_t len,
                                  uint32_t flags, envelope_error *err)
{
    if (!dir || !*dir || (flags & ~(uint32_t)ENVELOPE_KEYSTORE_CREATE)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "envelope_keystore_open: no directory, or an unknown flag");
    }
    if (!passphrase || !len) {
        return env_fail(err, ENVELOPE_E_INVALID, "a keystore's passphrase must not be empty");
    }
    if (len > PASSPHRASE_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "a passphrase of more than %d bytes",
                        PASSPHRASE_MAX);
    }
    return ENVELOPE_OK;
}

static envelope_status open_at(envelope_ctx *ctx, const char *dir,
                               const struct env_ks_passphrase *passphrase, bool make,
                               envelope_kms **out, envelope_error *err)
{
    struct env_ks *ks = NULL;
    envelope_status st = ks_new(ctx, dir, &ks, err);
    if (st) {
        return st;
    }
    st = unlock(ks, passphrase, make, err);
    if (st) {
        destroy(ks);
        return st;
    }
    envelope_kms_ops ops = env_ks_ops;
    ops.destroy = destroy;
    return env_kms_new_builtin(ctx, &ops, &env_ks_admin_ops, true, ks, out, err);
}

envelope_status envelope_keystore_open(envelope_ctx *ctx, const char *dir, const void *passphrase,
                                       size_t passphrase_len, uint32_t flags, envelope_kms **out,
                                       envelope_error *err)
{
    if (!out) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_keystore_open: out is NULL");
    }
    *out = NULL;
    bool make = flags & ENVELOPE_KEYSTORE_CREATE;
    bool made = false;
    const struct env_ks_passphrase pass = {passphrase, passphrase_len};
    envelope_status st = env_enter(ctx, err);
    st = st ? st : check_args(dir, passphrase, passphrase_len, flags, err);
    st = st || !make ? st : env_ks_dir_make(dir, &made, err);
    st = st ? st : open_at(ctx, dir, &pass, make, out, err);
    if (st && made && st != ENVELOPE_E_EXISTS && st != ENVELOPE_E_BUSY) {
        env_ks_dir_unmake(dir); /* as it was; those two mean that somebody else was quicker */
    }
    return st;
}
