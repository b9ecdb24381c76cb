#include "source.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int source_failed(const struct source *source, const char *why)
{
    return report_error(source->report, END_FAILED, "%s: %s",
                        text_printable(&source->report->pool, source->path), why);
}

static int open_file(struct source *s, bool direct)
{
    s->fd = open(s->path, O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));
    s->direct = direct && s->fd >= 0;
    if (s->fd < 0 && direct && errno == EINVAL) {
        report_note(s->report, "%s cannot be read past the page cache",
                    text_printable(&s->report->pool, s->path));
        s->fd = open(s->path, O_RDONLY | O_CLOEXEC);
    }
    return s->fd;
}

static int measure(struct source *s, const struct stat *st)
{
    /* a file of no length may all the same have something to read: /proc */
    s->seekable = (S_ISREG(st->st_mode) && st->st_size > 0) || S_ISBLK(st->st_mode);
    s->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
    s->has_holes = S_ISREG(st->st_mode);
    if (S_ISBLK(st->st_mode)) {
        off_t end = lseek(s->fd, 0, SEEK_END);
        if (end < 0 || lseek(s->fd, 0, SEEK_SET) < 0) {
            return source_failed(s, strerror(errno));
        }
        s->size = (uint64_t)end;
    }
    return END_DONE;
}

int source_open(struct report *report, const char *path, bool direct, struct source *out)
{
    struct stat st;
    bool input = !strcmp(path, "-");
    *out = (struct source){.report = report, .path = path, .fd = STDIN_FILENO};
    if ((!input && open_file(out, direct) < 0) || fstat(out->fd, &st)) {
        return source_failed(out, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return source_failed(out, "is a directory; pack it: tar c DIR | envelope backup REPO -");
    }
    if (input) {
        out->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        return END_DONE;
    }
    (void)posix_fadvise(out->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return measure(out, &st);
}

void source_close(struct source *source)
{
    if (source->fd > STDIN_FILENO) {
        close(source->fd);
    }
    source->fd = -1;
}

void *source_buffer(void)
{
    void *buffer = NULL;
    return posix_memalign(&buffer, SOURCE_ALIGN, SOURCE_BUFFER) ? NULL : buffer;
}

ssize_t source_read(struct source *source, void *buffer, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(source->fd, (char *)buffer + got, len - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    return (ssize_t)got;
}

ssize_t source_pread(struct source *source, uint64_t offset, void *buffer, size_t len)
{
    size_t got = 0;
    while (got < len) {
        size_t want = len - got;
        if (source->direct) { /* also behind the end of the file, where it ends in a part */
            size_t aligned = (want + SOURCE_ALIGN - 1) / SOURCE_ALIGN * SOURCE_ALIGN;
            want = aligned <= SOURCE_BUFFER - got ? aligned : want; /* after a short read */
        }
        ssize_t n = pread(source->fd, (char *)buffer + got, want, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            return 0;
        }
        got += (size_t)n < len - got ? (size_t)n : len - got;
    }
    return (ssize_t)got;
}

uint64_t source_extent(struct source *s, uint64_t offset, bool *hole)
{
    uint64_t rest = s->size - offset;
    *hole = false;
    if (!s->has_holes) {
        return rest;
    }
    off_t data = lseek(s->fd, (off_t)offset, SEEK_DATA);
    if (data < 0 && errno != ENXIO) {
        s->has_holes = false; /* this file system does not tell */
        return rest;
    }
    if (data < 0 && lseek(s->fd, 0, SEEK_END) < (off_t)s->size) {
        s->has_holes = false; /* cut meanwhile: that is no hole, and reading finds it out */
        return rest;
    }
    uint64_t at = data < 0 ? s->size : (uint64_t)data;
    if (at > offset) {
        *hole = true;
        return at < s->size ? at - offset : rest;
    }
    off_t end = lseek(s->fd, (off_t)offset, SEEK_HOLE);
    uint64_t len = end > (off_t)offset ? (uint64_t)end - offset : rest;
    return len < rest ? len : rest;
}
