#include "base/error.h"
#include "store/dir/file.h"
#include "store/dir/path.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

envelope_status env_dir_remove(void *self, const char *name, envelope_error *err)
{
    const struct env_dir *dir = self;
    int folder = -1;
    int number = env_dir_is_tmp(name) ? ENOENT : 0;
    number = number ? number : env_dir_folder(dir, name, env_dir_folder_len(name), false, &folder);
    if (!number && unlinkat(folder, env_dir_leaf(name), 0)) {
        number = errno;
    }
    number = number ? number : env_dir_sync(folder);
    if (folder >= 0) {
        close(folder);
    }
    return number ? env_dir_failed(err, number, "removing", name) : ENVELOPE_OK;
}

static int overwrite(int fd, uint64_t offset, const void *data, size_t len)
{
    int number = env_dir_pwrite_all(fd, offset, data, len);
    return !number && fdatasync(fd) ? errno : number;
}

static envelope_status change(int fd, const char *name, uint64_t offset, const void *data,
                              size_t len, envelope_error *err)
{
    struct stat s;
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        return errno == EWOULDBLOCK
                   ? env_fail(err, ENVELOPE_E_BUSY, "%s is being changed by another process", name)
                   : env_dir_failed(err, errno, "locking", name);
    }
    if (fstat(fd, &s)) {
        return env_dir_failed(err, errno, "looking at", name);
    }
    uint64_t size = (uint64_t)s.st_size;
    if (offset > size || len > size - offset) {
        return env_fail(err, ENVELOPE_E_RANGE, "%s has %llu bytes: it does not grow", name,
                        (unsigned long long)size);
    }
    int number = overwrite(fd, offset, data, len);
    return number ? env_dir_failed(err, number, "overwriting", name) : ENVELOPE_OK;
}

envelope_status env_dir_overwrite(void *self, const char *name, uint64_t offset, const void *data,
                                  size_t len, envelope_error *err)
{
    int fd;
    struct stat s;
    envelope_status st = env_dir_open_file(self, name, O_RDWR, &fd, &s, err);
    if (st) {
        return st;
    }
    st = change(fd, name, offset, data, len, err);
    if (close(fd) && !st) {
        st = env_dir_failed(err, errno, "overwriting", name);
    }
    return st;
}
