#include "kms/keystore/dir.h"
#include "base/error.h"
#include "base/text.h"
#include "format/keystore.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char file_name[] = "keystore";
static const char lock_name[] = "lock";
/* One name is enough, and needs no search for leftovers: it is written under the lock only. */
static const char new_name[] = "keystore.new";

enum { LOCK_TRIES = 200, LOCK_PAUSE_NS = 50000000 }; /* ten seconds */

static envelope_status failed(int number, const char *what, envelope_error *err)
{
    if (number == ENOENT || number == ENOTDIR) {
        return env_fail_errno(err, ENVELOPE_E_NOT_FOUND, number, "%s", what);
    }
    if (number == ELOOP) {
        return env_fail(err, ENVELOPE_E_REFUSED, "%s: it is a symbolic link", what);
    }
    bool full = number == ENOSPC || number == EDQUOT;
    return env_fail_errno(err, full ? ENVELOPE_E_NO_SPACE : ENVELOPE_E_IO, number, "%s", what);
}

/* As for a private key of ssh: ours, or root's; root may use anybody's. */
static bool owner_ok(const struct stat *s)
{
    uid_t me = geteuid();
    return me == 0 || s->st_uid == me || s->st_uid == 0;
}

static envelope_status check_dir(int fd, const char *dir, envelope_error *err)
{
    struct stat s;
    char safe[ENV_PRINTABLE_MAX];
    if (fstat(fd, &s)) {
        return failed(errno, "looking at the keystore's directory", err);
    }
    if ((s.st_mode & (S_IWGRP | S_IWOTH)) || !owner_ok(&s)) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "others can write the keystore's directory %s: make it yours, mode 0700",
                        env_printable(safe, dir));
    }
    return ENVELOPE_OK;
}

static envelope_status check_file(const struct stat *s, const char *name, envelope_error *err)
{
    if (!S_ISREG(s->st_mode)) {
        return env_fail(err, ENVELOPE_E_REFUSED, "the keystore's file `%s` is no regular file",
                        name);
    }
    if ((s->st_mode & (S_IRWXG | S_IRWXO)) || !owner_ok(s)) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "others can read or write the keystore's file `%s`: make it yours, mode "
                        "0600",
                        name);
    }
    return ENVELOPE_OK;
}

envelope_status env_ks_dir_open(const char *dir, int *fd, envelope_error *err)
{
    char what[ENV_PRINTABLE_MAX + 32];
    char safe[ENV_PRINTABLE_MAX];
    *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0) {
        int number = errno;
        snprintf(what, sizeof what, "opening keystore %s", env_printable(safe, dir));
        return failed(number, what, err);
    }
    envelope_status st = check_dir(*fd, dir, err);
    if (st) {
        close(*fd);
        *fd = -1;
    }
    return st;
}

static bool sync_dir(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL; /* some file systems know no such thing */
}

/* The folder above is synced also when this one was there: who made it may have died before that.
 * Then, but only then, it need not be one that we may read. */
static envelope_status settle_dir(int fd, bool made, envelope_error *err)
{
    int above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0 && !made) {
        return ENVELOPE_OK;
    }
    bool ok = above >= 0 && (!made || fchmod(fd, S_IRWXU) == 0) && sync_dir(above);
    int number = errno;
    if (above >= 0) {
        close(above);
    }
    return ok ? ENVELOPE_OK : failed(number, "making the keystore's directory", err);
}

envelope_status env_ks_dir_make(const char *dir, bool *made, envelope_error *err)
{
    *made = mkdir(dir, S_IRWXU) == 0;
    if (!*made && errno != EEXIST) {
        return failed(errno, "making the keystore's directory", err);
    }
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (*made ? O_NOFOLLOW : 0));
    if (fd < 0 && !*made) {
        return ENVELOPE_OK; /* whoever opens it says what it is */
    }
    if (fd < 0) {
        return failed(errno, "making the keystore's directory", err);
    }
    envelope_status st = settle_dir(fd, *made, err);
    close(fd);
    return st;
}

void env_ks_dir_unmake(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        (void)unlinkat(fd, new_name, 0);
        (void)unlinkat(fd, file_name, 0);
        (void)unlinkat(fd, lock_name, 0);
        close(fd);
    }
    (void)rmdir(dir);
}

static struct env_ks_identity identity_of(const struct stat *s)
{
    return (struct env_ks_identity){.device = s->st_dev,
                                    .inode = s->st_ino,
                                    .size = s->st_size,
                                    .seconds = s->st_mtim.tv_sec,
                                    .nanoseconds = s->st_mtim.tv_nsec};
}

bool env_ks_same_identity(const struct env_ks_identity *a, const struct env_ks_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

envelope_status env_ks_identify(int dir_fd, struct env_ks_identity *out, envelope_error *err)
{
    struct stat s;
    if (fstatat(dir_fd, file_name, &s, AT_SYMLINK_NOFOLLOW)) {
        return failed(errno, "looking for the keystore's file", err);
    }
    *out = identity_of(&s);
    return check_file(&s, file_name, err);
}

static bool read_all(int fd, uint8_t *to, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, to, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n < 0 ? errno : EIO;
            return false;
        }
        to += n;
        len -= (size_t)n;
    }
    return true;
}

static envelope_status read_file(envelope_ctx *ctx, int fd, uint8_t **out, size_t *len,
                                 struct env_ks_identity *identity, envelope_error *err)
{
    struct stat s;
    if (fstat(fd, &s)) {
        return failed(errno, "reading the keystore's file", err);
    }
    envelope_status st = check_file(&s, file_name, err);
    if (st) {
        return st;
    }
    if (s.st_size < 0 || s.st_size > ENV_KEYSTORE_BYTES_LIMIT) {
        return env_fail(err, ENVELOPE_E_FORMAT, "the keystore's file has %lld bytes",
                        (long long)s.st_size);
    }
    *len = (size_t)s.st_size;
    *out = env_alloc(ctx, *len);
    if (!*out) {
        return env_nomem(err);
    }
    *identity = identity_of(&s);
    return read_all(fd, *out, *len) ? ENVELOPE_OK
                                    : failed(errno, "reading the keystore's file", err);
}

envelope_status env_ks_read(envelope_ctx *ctx, int dir_fd, uint8_t **out, size_t *len,
                            struct env_ks_identity *identity, envelope_error *err)
{
    *out = NULL;
    *len = 0;
    /* NONBLOCK: a FIFO put there must not hold us */
    int fd = openat(dir_fd, file_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return failed(errno, "opening the keystore's file", err);
    }
    envelope_status st = read_file(ctx, fd, out, len, identity, err);
    close(fd);
    if (st) {
        env_free(ctx, *out);
        *out = NULL;
    }
    return st;
}

static envelope_status wait_lock(int fd, envelope_error *err)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return ENVELOPE_OK;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return failed(errno, "locking the keystore", err);
        }
        struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
        nanosleep(&pause, NULL);
    }
    return env_fail(err, ENVELOPE_E_BUSY, "another process is changing the keystore: try again");
}

envelope_status env_ks_lock(int dir_fd, int *lock_fd, envelope_error *err)
{
    struct stat s;
    int fd = openat(dir_fd, lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                    S_IRUSR | S_IWUSR);
    *lock_fd = -1;
    if (fd < 0) {
        return failed(errno, "opening the keystore's lock", err);
    }
    envelope_status st = fstat(fd, &s) ? failed(errno, "opening the keystore's lock", err)
                                       : check_file(&s, lock_name, err);
    st = st ? st : wait_lock(fd, err);
    if (st) {
        close(fd);
        return st;
    }
    *lock_fd = fd;
    return ENVELOPE_OK;
}

static bool write_all(int fd, const uint8_t *from, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, from, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        from += n;
        len -= (size_t)n;
    }
    return true;
}

/* 0 or errno. */
static int write_new(int dir_fd, const void *bytes, size_t len)
{
    if (unlinkat(dir_fd, new_name, 0) && errno != ENOENT) {
        return errno;
    }
    int fd = openat(dir_fd, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return errno;
    }
    bool ok = fchmod(fd, S_IRUSR | S_IWUSR) == 0 && write_all(fd, bytes, len) && fsync(fd) == 0;
    int number = ok ? 0 : errno;
    if (close(fd) && !number) {
        number = errno;
    }
    return number;
}

envelope_status env_ks_settle(int dir_fd, envelope_error *err)
{
    return sync_dir(dir_fd) || errno == EROFS
               ? ENVELOPE_OK
               : failed(errno, "making the keystore's file durable", err);
}

envelope_status env_ks_replace(int dir_fd, const void *bytes, size_t len, envelope_error *err)
{
    int number = write_new(dir_fd, bytes, len);
    if (!number && renameat(dir_fd, new_name, dir_fd, file_name)) {
        number = errno;
    }
    if (number) {
        (void)unlinkat(dir_fd, new_name, 0);
        return failed(number, "writing the keystore: it is as it was", err);
    }
    if (!sync_dir(dir_fd)) {
        return failed(errno, "the keystore was changed, but may not be on disk yet", err);
    }
    return ENVELOPE_OK;
}
