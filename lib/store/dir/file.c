#include "store/dir/file.h"
#include "base/error.h"
#include "store/dir/path.h"
#include "store/dir/temp.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static envelope_status not_regular(const char *name, envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_FORMAT, "%s is no regular file", name);
}

envelope_status env_dir_open_file(const struct env_dir *dir, const char *name, int flags, int *fd,
                                  struct stat *s, envelope_error *err)
{
    int folder = -1;
    *fd = -1;
    /* A write under way is seen by the name that in_progress tells, and by no other. */
    bool hidden =
        env_dir_is_tmp(name) && (flags != O_RDONLY || !env_temp_is_name(env_dir_leaf(name)));
    int number = hidden ? ENOENT : 0;
    number = number ? number : env_dir_folder(dir, name, env_dir_folder_len(name), false, &folder);
    if (number) {
        return env_dir_read_failed(err, number == ELOOP ? ENOENT : number, "opening", name);
    }
    /* NONBLOCK: a FIFO put there must not hold us */
    *fd =
        openat(folder, env_dir_leaf(name), flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    number = *fd < 0 || fstat(*fd, s) ? errno : 0;
    close(folder);
    if (!number && S_ISREG(s->st_mode)) {
        return ENVELOPE_OK;
    }
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    bool other =
        !number || number == ELOOP || number == ENXIO || number == ENODEV || number == EISDIR;
    return other ? not_regular(name, err) : env_dir_read_failed(err, number, "opening", name);
}

int env_dir_pread_all(int fd, uint64_t offset, void *buf, size_t len, size_t *got)
{
    uint8_t *to = buf;
    *got = 0;
    while (*got < len) {
        ssize_t n = pread(fd, to + *got, len - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno;
        }
        if (n == 0) {
            return 0;
        }
        *got += (size_t)n;
    }
    return 0;
}

int env_dir_pwrite_all(int fd, uint64_t offset, const void *buf, size_t len)
{
    const uint8_t *from = buf;
    while (len > 0) {
        ssize_t n = pwrite(fd, from, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EIO;
        }
        from += n;
        offset += (size_t)n;
        len -= (size_t)n;
    }
    return 0;
}
