#include "base/error.h"
#include "crypto/tls_parts.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CERTIFICATES_BYTES_MAX = 4 << 20, KEY_BYTES_MAX = 65536 };

void env_tls_forget(struct env_tls_file *file)
{
    if (file->secret) {
        env_secret_free(file->ctx, file->bytes, file->len);
    } else {
        env_free(file->ctx, file->bytes);
    }
    file->bytes = NULL;
}

static envelope_status take_room(struct env_tls_file *file, envelope_error *err)
{
    if (file->secret) {
        return env_secret_new(file->ctx, file->len, &file->bytes, err);
    }
    file->bytes = env_alloc(file->ctx, file->len);
    return file->bytes ? ENVELOPE_OK : env_nomem(err);
}

static envelope_status fill(struct env_tls_file *file, int fd, envelope_error *err)
{
    size_t have = 0;
    while (have < file->len) {
        ssize_t n = read(fd, file->bytes + have, file->len - have);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return env_fail_errno(err, ENVELOPE_E_IO, errno, "reading %s", file->name);
        }
        if (n == 0) {
            return env_fail(err, ENVELOPE_E_IO, "%s became shorter while it was read", file->name);
        }
        have += (size_t)n;
    }
    return ENVELOPE_OK;
}

/* Of the open file, not of its name: it cannot be another by then. */
static envelope_status check(const struct env_tls_file *file, const struct stat *s,
                             envelope_error *err)
{
    if (!S_ISREG(s->st_mode)) {
        return env_fail(err, ENVELOPE_E_INVALID, "%s is not a regular file", file->name);
    }
    if (file->secret && (s->st_mode & (S_IRWXG | S_IRWXO))) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "%s holds a private key and is open to others (mode %03o): chmod 600 it, "
                        "and replace the key if somebody may have read it",
                        file->name, (unsigned)(s->st_mode & 0777));
    }
    off_t max = file->secret ? KEY_BYTES_MAX : CERTIFICATES_BYTES_MAX;
    if (s->st_size > max) {
        return env_fail(err, ENVELOPE_E_LIMIT, "%s has more than %lld bytes", file->name,
                        (long long)max);
    }
    if (s->st_size == 0) {
        return env_fail(err, ENVELOPE_E_FORMAT, "%s is empty", file->name);
    }
    return ENVELOPE_OK;
}

static envelope_status read_open(struct env_tls_file *file, int fd, envelope_error *err)
{
    struct stat s;
    if (fstat(fd, &s)) {
        return env_fail_errno(err, ENVELOPE_E_IO, errno, "reading %s", file->name);
    }
    envelope_status st = check(file, &s, err);
    if (st) {
        return st;
    }
    file->len = (size_t)s.st_size;
    st = take_room(file, err);
    st = st ? st : fill(file, fd, err);
    if (st) {
        env_tls_forget(file);
    }
    return st;
}

envelope_status env_tls_load(envelope_ctx *ctx, const char *path, bool secret,
                             struct env_tls_file *file, envelope_error *err)
{
    *file = (struct env_tls_file){.ctx = ctx, .secret = secret};
    env_printable(file->name, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return env_fail_errno(err, ENVELOPE_E_IO, errno, "opening %s", file->name);
    }
    envelope_status st = read_open(file, fd, err);
    close(fd);
    return st;
}
