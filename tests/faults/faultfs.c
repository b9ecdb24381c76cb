/* libfaultfs.so: stands between a program and the calls by which it changes files, for LD_PRELOAD.
 * All of them are counted together, in one sequence; each can be made to fail, or be the last.
 *
 *     FAULTFS_ROOT   only what lies below this folder is counted; without it nothing is
 *     FAULTFS_LOG    file that the journal is appended to
 *     FAULTFS_DATA   1: with the bytes that are written
 *     FAULTFS_PLAN   what goes wrong (plan.h)
 *     FAULTFS_ROOM   so many bytes more fit there (room.h)
 *     FAULTFS_GATE   descriptor of a socket on which each call is asked for (gate.h); reads and
 *                    looks at names, too, which are not counted
 *
 * What the C library does within itself (stdio, readdir) passes unseen. */
#include "gate.h"
#include "room.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *root;
static const char *log_file;
static const char *plan = "";
static bool with_data;
static int gate = -1;
static unsigned count;
static unsigned count_of[KINDS];

static void read_environment(void)
{
    root = getenv("FAULTFS_ROOT");
    log_file = getenv("FAULTFS_LOG");
    plan = getenv("FAULTFS_PLAN") ? getenv("FAULTFS_PLAN") : "";
    with_data = getenv("FAULTFS_DATA") != NULL;
    room_set(getenv("FAULTFS_ROOM"));
    gate = getenv("FAULTFS_GATE") ? atoi(getenv("FAULTFS_GATE")) : -1;
}

static bool watched(const char *path)
{
    pthread_once(&once, read_environment);
    return root && path_below(path, root);
}

static bool gated(void)
{
    pthread_once(&once, read_environment);
    return gate >= 0;
}

static ino_t inode_at(const char *path)
{
    struct stat s;
    return lstat(path, &s) ? 0 : s.st_ino;
}

static ino_t inode_of(int fd)
{
    struct stat s;
    return fstat(fd, &s) ? 0 : s.st_ino;
}

static ino_t folder_of(const char *path)
{
    char folder[PATH_SIZE];
    strcpy(folder, path);
    char *slash = strrchr(folder, '/');
    if (slash) {
        *slash = 0;
    }
    return inode_at(folder[0] ? folder : "/");
}

static bool on_fd(struct call *c, enum kind kind, const char *function, int fd)
{
    int before = errno;
    memset(c, 0, sizeof *c);
    c->kind = kind;
    c->function = function;
    path_of_fd(c->path, fd);
    c->ino = inode_of(fd);
    errno = before;
    return watched(c->path);
}

static bool on_path(struct call *c, enum kind kind, const char *function, int at, const char *path)
{
    int before = errno;
    memset(c, 0, sizeof *c);
    c->kind = kind;
    c->function = function;
    path_resolve(c->path, at, path);
    c->ino = inode_at(c->path);
    c->folder = folder_of(c->path);
    errno = before;
    return watched(c->path);
}

static void on_second_path(struct call *c, int at, const char *path)
{
    path_resolve(c->to, at, path);
    c->to_folder = folder_of(c->to);
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

/* The inode of what the call has just made. */
static void look_again(struct call *c, long result)
{
    if (result >= 0 && (c->kind == KIND_OPEN || c->kind == KIND_MKDIR) && !c->ino) {
        c->created = true;
        c->ino = c->kind == KIND_OPEN ? inode_of((int)result) : inode_at(c->path);
    }
}

static long made(const struct fate *f, struct call *c, const long a[6])
{
    if (f->drop) {
        return c->kind == KIND_WRITE ? (long)c->len : 0;
    }
    /* a close that fails has closed */
    if (f->error && !f->lie && c->kind != KIND_CLOSE) {
        errno = f->error;
        return -1;
    }
    long len = f->half && c->kind == KIND_WRITE && a[3] > 1 ? a[3] / 2 : a[3];
    len = c->kind == KIND_WRITE ? room_for(c, (int)a[1], len) : len;
    if (c->kind == KIND_WRITE && len < 0) {
        errno = ENOSPC;
        return -1;
    }
    long held = room_held(c);
    long result = syscall(a[0], a[1], a[2], len, a[4], a[5]);
    room_after(c, result, held);
    look_again(c, result);
    return result;
}

/* a[0] is the number of the system call, the rest its arguments. */
static long perform(struct call *c, const long a[6])
{
    pthread_mutex_lock(&mutex);
    if (gate >= 0) {
        gate_wait(gate, kind_names[c->kind], c);
    }
    unsigned number = ++count;
    struct fate f = plan_fate(plan, c->kind, number, ++count_of[c->kind]);
    if (f.kill_before) {
        die();
    }
    /* a lock that is waited for may be held by a thread that wants our mutex */
    if (c->kind == KIND_LOCK) {
        pthread_mutex_unlock(&mutex);
    }
    long result = made(&f, c, a);
    int error = result < 0 ? errno : 0;
    if (c->kind == KIND_LOCK) {
        pthread_mutex_lock(&mutex);
    }
    bool failed = f.error && !f.drop;
    const char *note = f.drop ? "dropped" : failed ? (f.lie ? "lied" : "failed") : "";
    journal_call(log_file, with_data, number, c, result, failed ? f.error : error, note);
    if (f.kill_after) {
        die();
    }
    pthread_mutex_unlock(&mutex);
    /* a call that succeeds may leave anything there */
    errno = failed ? f.error : error ? error : EDOM;
    return failed ? -1 : result;
}

#define ARGS(...) ((const long[6]){__VA_ARGS__})

static int open_at(const char *function, int at, const char *path, int flags, mode_t mode)
{
    struct call c;
    bool ours = on_path(&c, KIND_OPEN, function, at, path);
    c.offset = flags;
    c.lists = !strcmp(path, ".");
    return (int)(ours ? perform(&c, ARGS(SYS_openat, at, (long)path, flags, mode))
                      : syscall(SYS_openat, at, path, flags, mode));
}

static mode_t mode_of(int flags, va_list ap)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
    SHOWN int name(const char *path, int flags, ...)                                               \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode_t mode = mode_of(flags, ap);                                                          \
        va_end(ap);                                                                                \
        return open_at(#name, AT_FDCWD, path, flags, mode);                                        \
    }
#define OPENAT(name)                                                                               \
    SHOWN int name(int at, const char *path, int flags, ...)                                       \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode_t mode = mode_of(flags, ap);                                                          \
        va_end(ap);                                                                                \
        return open_at(#name, at, path, flags, mode);                                              \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* What _FORTIFY_SOURCE makes of them. */
SHOWN int __open_2(const char *path, int flags);
SHOWN int __open_2(const char *path, int flags)
{
    return open_at("open", AT_FDCWD, path, flags, 0);
}

SHOWN int __open64_2(const char *path, int flags);
SHOWN int __open64_2(const char *path, int flags)
{
    return open_at("open", AT_FDCWD, path, flags, 0);
}

SHOWN int __openat_2(int at, const char *path, int flags);
SHOWN int __openat_2(int at, const char *path, int flags)
{
    return open_at("openat", at, path, flags, 0);
}

SHOWN int __openat64_2(int at, const char *path, int flags);
SHOWN int __openat64_2(int at, const char *path, int flags)
{
    return open_at("openat", at, path, flags, 0);
}

/* The C library's own opens its file within itself, unseen. */
static int make_temporary(char *template, int flags)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    char *end = template + strlen(template) - 6;
    for (int i = 0; i < 100; i++) {
        unsigned char drawn[6];
        if (getrandom(drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn) {
            return -1;
        }
        for (size_t k = 0; k < sizeof drawn; k++) {
            end[k] = letters[drawn[k] % 32];
        }
        int fd = open_at("mkostemp", AT_FDCWD, template, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
    }
    return -1;
}

SHOWN int mkostemp(char *template, int flags)
{
    return make_temporary(template, flags);
}

SHOWN int mkostemp64(char *template, int flags)
{
    return make_temporary(template, flags);
}

SHOWN int mkdirat(int at, const char *path, mode_t mode)
{
    struct call c;
    return (int)(on_path(&c, KIND_MKDIR, "mkdirat", at, path)
                     ? perform(&c, ARGS(SYS_mkdirat, at, (long)path, mode))
                     : syscall(SYS_mkdirat, at, path, mode));
}

SHOWN int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

SHOWN ssize_t write(int fd, const void *data, size_t len)
{
    struct call c;
    bool ours = on_fd(&c, KIND_WRITE, "write", fd);
    if (!ours && root && fd == STDOUT_FILENO) {
        journal_say(log_file, data, len);
    }
    c.offset = ours ? lseek(fd, 0, SEEK_CUR) : 0;
    c.data = data;
    c.len = len;
    return ours ? perform(&c, ARGS(SYS_write, fd, (long)data, (long)len))
                : syscall(SYS_write, fd, data, len);
}

SHOWN ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    struct call c;
    bool ours = on_fd(&c, KIND_WRITE, "pwrite", fd);
    c.offset = offset;
    c.data = data;
    c.len = len;
    return ours ? perform(&c, ARGS(SYS_pwrite64, fd, (long)data, (long)len, offset))
                : syscall(SYS_pwrite64, fd, data, len, offset);
}

SHOWN ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
    return pwrite(fd, data, len, offset);
}

static int simple(enum kind kind, const char *function, long number, int fd, long value)
{
    struct call c;
    bool ours = on_fd(&c, kind, function, fd);
    c.offset = value;
    return (int)(ours ? perform(&c, ARGS(number, fd, value)) : syscall(number, fd, value));
}

SHOWN int fsync(int fd)
{
    return simple(KIND_FSYNC, "fsync", SYS_fsync, fd, 0);
}

SHOWN int fdatasync(int fd)
{
    return simple(KIND_FDATASYNC, "fdatasync", SYS_fdatasync, fd, 0);
}

SHOWN int ftruncate(int fd, off_t length)
{
    return simple(KIND_TRUNCATE, "ftruncate", SYS_ftruncate, fd, length);
}

SHOWN int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}

SHOWN int fchmod(int fd, mode_t mode)
{
    return simple(KIND_CHMOD, "fchmod", SYS_fchmod, fd, (long)mode);
}

SHOWN int flock(int fd, int operation)
{
    return simple(KIND_LOCK, "flock", SYS_flock, fd, operation);
}

/* What changes nothing is seen by the gate alone. */
SHOWN ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
    struct call c;
    if (gated() && on_fd(&c, KINDS, "pread", fd)) {
        c.offset = offset;
        gate_wait(gate, "read", &c);
    }
    return syscall(SYS_pread64, fd, buf, len, offset);
}

SHOWN ssize_t pread64(int fd, void *buf, size_t len, off64_t offset)
{
    return pread(fd, buf, len, offset);
}

SHOWN int fstatat(int at, const char *path, struct stat *out, int flags)
{
    struct call c;
    if (gated() && on_path(&c, KINDS, "fstatat", at, path)) {
        gate_wait(gate, "look", &c);
    }
    return (int)syscall(SYS_newfstatat, at, path, out, flags);
}

SHOWN int fstatat64(int at, const char *path, struct stat64 *out, int flags)
{
    return fstatat(at, path, (struct stat *)out, flags);
}

SHOWN int close(int fd)
{
    return simple(KIND_CLOSE, "close", SYS_close, fd, 0);
}

SHOWN int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    struct call c;
    if (!on_path(&c, KIND_LINK, "linkat", from_at, from)) {
        return (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
    }
    on_second_path(&c, to_at, to);
    return (int)perform(&c, ARGS(SYS_linkat, from_at, (long)from, to_at, (long)to, flags));
}

SHOWN int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int rename_at(const char *function, int from_at, const char *from, int to_at, const char *to,
                     unsigned flags)
{
    struct call c;
    if (!on_path(&c, KIND_RENAME, function, from_at, from)) {
        return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    }
    on_second_path(&c, to_at, to);
    return (int)perform(&c, ARGS(SYS_renameat2, from_at, (long)from, to_at, (long)to, flags));
}

SHOWN int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    return rename_at("renameat2", from_at, from, to_at, to, flags);
}

SHOWN int renameat(int from_at, const char *from, int to_at, const char *to)
{
    return rename_at("renameat", from_at, from, to_at, to, 0);
}

SHOWN int rename(const char *from, const char *to)
{
    return rename_at("rename", AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int unlink_at(const char *function, int at, const char *path, int flags)
{
    struct call c;
    return (int)(on_path(&c, KIND_UNLINK, function, at, path)
                     ? perform(&c, ARGS(SYS_unlinkat, at, (long)path, flags))
                     : syscall(SYS_unlinkat, at, path, flags));
}

SHOWN int unlinkat(int at, const char *path, int flags)
{
    return unlink_at("unlinkat", at, path, flags);
}

SHOWN int unlink(const char *path)
{
    return unlink_at("unlink", AT_FDCWD, path, 0);
}

SHOWN int rmdir(const char *path)
{
    return unlink_at("rmdir", AT_FDCWD, path, AT_REMOVEDIR);
}
