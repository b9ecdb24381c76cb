#include "secretfile.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool secret_new(struct secret *secret, size_t room)
{
    void *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        memset(secret, 0, sizeof *secret);
        return false;
    }
    (void)mlock(p, room); /* RLIMIT_MEMLOCK may be 0: better an unlocked passphrase than none */
    (void)madvise(p, room, MADV_DONTDUMP);
    *secret = (struct secret){p, 0, room};
    return true;
}

void secret_free(struct secret *secret)
{
    if (secret->bytes) {
        explicit_bzero(secret->bytes, secret->room);
        munmap(secret->bytes, secret->room);
    }
    memset(secret, 0, sizeof *secret);
}

static int refuse(struct report *report, const char *path, const char *where, const char *why)
{
    path = text_printable(&report->pool, path);
    if (where) {
        return report_error(report, END_USAGE, "%s: %s: %s", where, path, why);
    }
    return report_error(report, END_USAGE, "%s: %s", path, why);
}

/* Only the owner may read it, and the owner is this user or root. Pipes (a shell's <(...)) have
 * such modes too. */
static const char *not_private(int fd)
{
    struct stat st;
    if (fstat(fd, &st)) {
        return strerror(errno);
    }
    if (S_ISDIR(st.st_mode)) {
        return "is a directory";
    }
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        return "belongs to another user, so it is not used";
    }
    if (!S_ISCHR(st.st_mode) && (st.st_mode & 077)) {
        return "others can read or write it, so it is not used: chmod 600";
    }
    return NULL;
}

/* Reads until the end, or until stop (0: none) was read. NULL, or what went wrong. */
static const char *read_some(int fd, struct secret *into, char stop)
{
    while (into->len < into->room) {
        ssize_t n = read(fd, into->bytes + into->len, into->room - into->len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return strerror(errno);
        }
        if (n == 0) {
            return NULL;
        }
        bool found = stop && memchr(into->bytes + into->len, stop, (size_t)n);
        into->len += (size_t)n;
        if (found) {
            return NULL;
        }
    }
    return "is too long";
}

static const char *read_secret(int fd, size_t room, char stop, struct secret *out)
{
    const char *why = not_private(fd);
    if (!why && !secret_new(out, room)) {
        why = "no memory";
    }
    return why ? why : read_some(fd, out, stop);
}

static const char *first_line(struct secret *secret)
{
    char *end = memchr(secret->bytes, '\n', secret->len);
    secret->len = end ? (size_t)(end - secret->bytes) : secret->len;
    if (secret->len && secret->bytes[secret->len - 1] == '\r') {
        secret->len--;
    }
    return secret->len ? NULL : "its first line is empty";
}

int secret_read_line(struct report *report, const char *path, const char *where, struct secret *out)
{
    memset(out, 0, sizeof *out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return refuse(report, path, where, strerror(errno));
    }
    const char *why = read_secret(fd, SECRET_LINE_MAX, '\n', out);
    why = why ? why : first_line(out);
    close(fd);
    if (why) {
        secret_free(out);
        return refuse(report, path, where, why);
    }
    return END_DONE;
}

int secret_read_file(struct report *report, const char *path, struct secret *out)
{
    memset(out, 0, sizeof *out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return refuse(report, path, NULL, strerror(errno));
    }
    const char *why = read_secret(fd, SECRET_KEY_MAX, 0, out);
    close(fd);
    if (why) {
        secret_free(out);
        return refuse(report, path, NULL, why);
    }
    return END_DONE;
}

int secret_check_file(struct report *report, const char *path, const char *where, bool private)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return refuse(report, path, where, strerror(errno));
    }
    const char *why = private ? not_private(fd) : NULL;
    if (!why && (fstat(fd, &st) || S_ISDIR(st.st_mode))) {
        why = "is a directory";
    }
    close(fd);
    return why ? refuse(report, path, where, why) : END_DONE;
}

int plain_read_file(struct report *report, const char *path, const char *where, size_t room,
                    const char **out, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return refuse(report, path, where, strerror(errno));
    }
    struct secret all = {pool_alloc(&report->pool, room + 1), 0, room + 1};
    const char *why = read_some(fd, &all, 0);
    close(fd);
    *out = all.bytes;
    *len = all.len;
    return why ? refuse(report, path, where, why) : END_DONE;
}
