#include "base/error.h"
#include "store/dir/file.h"
#include "store/dir/path.h"
#include "store/dir/publish.h"
#include "store/dir/temp.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* So that the last fsync of a large object finds little to do. */
static const uint64_t sync_every = 256u << 20;

struct writing {
    int fd;
    int tmp;
    int folder;
    bool failed; /* what was written is not known: nothing but abort is left */
    uint64_t written;
    uint64_t unsynced;
    uint64_t limit; /* of the process; going beyond would raise SIGXFSZ */
    char temp[ENV_TEMP_NAME_MAX + 1];
    char name[ENV_STORE_NAME_MAX + 1];
};

static void end(const struct env_dir *dir, struct writing *w)
{
    if (w->fd >= 0) {
        /* before the lock goes: the name is still ours */
        (void)unlinkat(w->tmp, w->temp, 0);
        close(w->fd);
    }
    if (w->tmp >= 0) {
        close(w->tmp);
    }
    if (w->folder >= 0) {
        close(w->folder);
    }
    env_free(dir->ctx, w);
}

static envelope_status folder_failed(int number, const char *name, envelope_error *err)
{
    if (number == ENOTDIR || number == ELOOP) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "creating %s: a folder on the way is none, or a symbolic link", name);
    }
    return env_dir_failed(err, number, "making the folders of", name);
}

/* tmp/ itself need not be durable: nothing in it is. */
static envelope_status open_folders(const struct env_dir *dir, struct writing *w,
                                    envelope_error *err)
{
    int place = -1;
    int number = env_dir_folder(dir, w->name, env_dir_folder_len(w->name), true, &w->folder);
    number = number ? number : env_dir_folder(dir, w->name, env_temp_place(w->name), false, &place);
    number = number ? number : env_dir_enter(place, env_dir_tmp, true, &w->tmp);
    if (place >= 0) {
        close(place);
    }
    number = number ? number : env_temp_clean(dir, w->tmp, NULL, NULL);
    return number ? folder_failed(number, w->name, err) : ENVELOPE_OK;
}

static envelope_status check_space(const struct writing *w, uint64_t hint, envelope_error *err)
{
    struct statvfs v;
    if (!hint || fstatvfs(w->tmp, &v) || !v.f_blocks) {
        return ENVELOPE_OK;
    }
    uint64_t free_bytes;
    if (__builtin_mul_overflow((uint64_t)v.f_bavail, (uint64_t)v.f_frsize, &free_bytes) ||
        hint <= free_bytes) {
        return ENVELOPE_OK;
    }
    return env_fail(err, ENVELOPE_E_NO_SPACE, "%s needs %llu bytes, %llu are free", w->name,
                    (unsigned long long)hint, (unsigned long long)free_bytes);
}

/* Seeking is refused beyond the longest file of the file system, and costs nothing. */
static envelope_status check_limit(struct writing *w, uint64_t hint, envelope_error *err)
{
    struct rlimit r;
    bool known = getrlimit(RLIMIT_FSIZE, &r) == 0 && r.rlim_cur != RLIM_INFINITY;
    w->limit = known && r.rlim_cur < INT64_MAX ? (uint64_t)r.rlim_cur : INT64_MAX;
    if (hint <= w->limit && lseek(w->fd, (off_t)hint, SEEK_SET) >= 0) {
        return ENVELOPE_OK;
    }
    return env_fail(err, ENVELOPE_E_LIMIT, "%s: no file of %llu bytes is possible there", w->name,
                    (unsigned long long)hint);
}

static envelope_status open_temp(const struct env_dir *dir, struct writing *w, envelope_error *err)
{
    envelope_status st = env_temp_name(dir, w->name, w->temp, err);
    int number = st ? 0 : env_temp_create(w->tmp, w->temp, &w->fd);
    if (number == EEXIST) {
        return env_fail(err, ENVELOPE_E_BUSY, "%s is being written already", w->name);
    }
    return number ? env_dir_failed(err, number, "creating", w->name) : st;
}

envelope_status env_dir_create(void *self, const char *name, uint64_t size_hint, void **file,
                               envelope_error *err)
{
    const struct env_dir *dir = self;
    if (env_dir_is_tmp(name)) {
        return env_fail(err, ENVELOPE_E_INVALID, "%s: `tmp` holds no objects", name);
    }
    struct writing *w = env_alloc(dir->ctx, sizeof *w);
    if (!w) {
        return env_nomem(err);
    }
    w->fd = w->tmp = w->folder = -1;
    memcpy(w->name, name, strlen(name) + 1);
    envelope_status st = open_folders(dir, w, err);
    st = st ? st : check_space(w, size_hint, err);
    st = st ? st : open_temp(dir, w, err);
    st = st ? st : check_limit(w, size_hint, err);
    if (st) {
        end(dir, w);
        return st;
    }
    *file = w;
    return ENVELOPE_OK;
}

static int append(struct writing *w, const void *data, size_t len)
{
    if (w->failed) {
        return EIO;
    }
    if (len > w->limit - w->written) {
        return EFBIG;
    }
    int number = env_dir_pwrite_all(w->fd, w->written, data, len);
    if (number) {
        return number;
    }
    w->written += len;
    w->unsynced += len;
    if (w->unsynced < sync_every) {
        return 0;
    }
    w->unsynced = 0;
    return fdatasync(w->fd) ? errno : 0;
}

/* Of a full disk the message says how far it went. */
static envelope_status not_written(const struct writing *w, int number, envelope_error *err)
{
    struct stat s;
    if ((number != ENOSPC && number != EDQUOT) || fstat(w->fd, &s)) {
        return env_dir_failed(err, number, "writing", w->name);
    }
    return env_fail_errno(err, ENVELOPE_E_NO_SPACE, number,
                          "writing %s: there was room for %llu bytes of it", w->name,
                          (unsigned long long)s.st_size);
}

envelope_status env_dir_write(void *self, void *file, const void *data, size_t len,
                              envelope_error *err)
{
    (void)self;
    struct writing *w = file;
    int number = append(w, data, len);
    w->failed = w->failed || number;
    return number ? not_written(w, number, err) : ENVELOPE_OK;
}

envelope_status env_dir_reread(void *self, void *file, uint64_t offset, void *buf, size_t len,
                               envelope_error *err)
{
    size_t got;
    struct writing *w = file;
    (void)self;
    int number = env_dir_pread_all(w->fd, offset, buf, len, &got);
    number = !number && got < len ? EIO : number;
    return number ? env_dir_read_failed(err, number, "reading back", w->name) : ENVELOPE_OK;
}

/* Some file systems tell of a failed write at close only. Closing a second descriptor asks, and
 * keeps the lock. */
static int settle(const struct writing *w)
{
    if (w->failed) {
        return EIO;
    }
    if (fsync(w->fd)) {
        return errno;
    }
    int twin = fcntl(w->fd, F_DUPFD_CLOEXEC, 0);
    return twin < 0 || close(twin) ? errno : 0;
}

envelope_status env_dir_finish(void *self, void *file, envelope_error *err)
{
    const struct env_dir *dir = self;
    struct writing *w = file;
    const struct env_publish p = {
        .tmp = w->tmp, .temp = w->temp, .fd = w->fd, .folder = w->folder, .name = w->name};
    int number = settle(w);
    envelope_status st =
        number ? env_dir_failed(err, number, "making durable", w->name) : env_publish(&p, err);
    end(dir, w);
    return st;
}

void env_dir_abort(void *self, void *file)
{
    end(self, file);
}
