#include "output.h"
#include "paths.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const struct output *o, const char *what)
{
    return report_error(o->report, END_FAILED, "%s: %s: %s",
                        text_printable(&o->report->pool, o->path), what, strerror(errno));
}

static int refuse(const struct output *o, int end, const char *why)
{
    return report_error(o->report, end, "%s: %s", text_printable(&o->report->pool, o->path), why);
}

/* O_EXCL on a block device: not while it is mounted. */
static int open_in_place(struct output *o, bool block)
{
    if (block && !o->force) {
        return refuse(o, END_FAILED, "is a disk: --force writes over what is on it");
    }
    o->fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | (block ? O_EXCL : 0));
    return o->fd < 0 ? failed(o, "cannot be opened") : END_DONE;
}

static int check_existing(struct output *o, bool *in_place)
{
    struct stat st, target;
    *in_place = false;
    if (lstat(o->path, &st)) {
        return errno == ENOENT ? END_DONE : failed(o, "cannot be looked at");
    }
    if (stat(o->path, &target) == 0) {
        st = target;
    }
    if (S_ISDIR(st.st_mode)) {
        return refuse(o, END_USAGE, "is a directory");
    }
    if (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)) {
        *in_place = true;
        return open_in_place(o, S_ISBLK(st.st_mode));
    }
    return o->force ? END_DONE : refuse(o, END_FAILED, "is there already: --force replaces it");
}

/* Early, so that a wrong OUT is not found after hours. */
int output_open(struct report *report, const char *path, bool force, struct output *out)
{
    *out = (struct output){.report = report, .path = path, .fd = -1, .force = force};
    if (!strcmp(path, "-")) {
        out->fd = STDOUT_FILENO;
        return END_DONE;
    }
    bool in_place;
    int end = check_existing(out, &in_place);
    if (end || in_place) {
        return end;
    }
    const char *partial = pool_format(&report->pool, "%s.partial", path);
    struct stat st;
    if (lstat(partial, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
        return refuse(out, END_FAILED, "beside it is a .partial that is not a file");
    }
    unlink(partial);
    out->fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out->fd < 0) {
        return failed(out, "its .partial cannot be made");
    }
    out->partial = partial;
    return END_DONE;
}

int output_begin(struct output *o, uint64_t size)
{
    struct stat st;
    if (fstat(o->fd, &st) || !S_ISBLK(st.st_mode)) {
        return END_DONE;
    }
    o->block = true;
    off_t room = lseek(o->fd, 0, SEEK_END);
    if (room < 0 || lseek(o->fd, 0, SEEK_SET) < 0) {
        return failed(o, "its size cannot be told");
    }
    if ((uint64_t)room < size) {
        return report_error(o->report, END_FAILED,
                            "%s: has %" PRIu64 " bytes, the point needs %" PRIu64,
                            text_printable(&o->report->pool, o->path), (uint64_t)room, size);
    }
    return END_DONE;
}

int output_write(struct output *o, const void *data, size_t len)
{
    o->size += len;
    return write_all(o->fd, data, len) ? failed(o, "cannot be written") : END_DONE;
}

static int write_zeros(struct output *o, uint64_t len)
{
    static const char zeros[1 << 16];
    int end = END_DONE;
    while (!end && len) {
        size_t n = len < sizeof zeros ? (size_t)len : sizeof zeros;
        end = output_write(o, zeros, n);
        len -= n;
    }
    return end;
}

/* The device does it by itself, where it can: BLKZEROOUT leaves nothing of what was there. */
static bool zero_device(const struct output *o, uint64_t len)
{
    uint64_t range[2] = {o->size, len};
    return !(o->size % 4096) && !(len % 4096) && ioctl(o->fd, BLKZEROOUT, range) == 0;
}

int output_zeros(struct output *o, uint64_t len)
{
    if (!o->partial && !(o->block && zero_device(o, len))) {
        return write_zeros(o, len);
    }
    if (lseek(o->fd, (off_t)len, SEEK_CUR) < 0) {
        return failed(o, "cannot be written");
    }
    o->size += len;
    return END_DONE;
}

/* Without --force nothing is replaced, also what came meanwhile. */
static int settle(const struct output *o)
{
    if (o->force) {
        return rename(o->partial, o->path);
    }
    if (renameat2(AT_FDCWD, o->partial, AT_FDCWD, o->path, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    return link(o->partial, o->path) || unlink(o->partial) ? -1 : 0;
}

int output_finish(struct output *o)
{
    if (o->partial && ftruncate(o->fd, (off_t)o->size)) { /* zeros at its end were left out */
        return failed(o, "cannot be brought to its length");
    }
    /* Pipes and terminals have no fsync: EINVAL, EROFS. */
    if (fsync(o->fd) && errno != EINVAL && errno != EROFS && errno != ENOTSUP) {
        return failed(o, "cannot be made durable");
    }
    int fd = o->fd;
    o->fd = -1;
    if (fd != STDOUT_FILENO && close(fd)) {
        return failed(o, "cannot be closed");
    }
    if (!o->partial) {
        return END_DONE;
    }
    if (settle(o)) {
        return failed(o, "its .partial cannot take its name");
    }
    o->partial = NULL;
    return path_sync_folder(&o->report->pool, o->path)
               ? failed(o, "its name may not be on disk yet")
               : END_DONE;
}

void output_drop(struct output *o)
{
    if (o->fd >= 0 && o->fd != STDOUT_FILENO) {
        close(o->fd);
    }
    if (o->partial) {
        unlink(o->partial);
    }
    o->fd = -1;
    o->partial = NULL;
}
