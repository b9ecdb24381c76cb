/* tools/cmd_backup.c - one restore point from a file, a device or standard input. */
#include "json.h"
#include "point.h"
#include "progress.h"
#include "session.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 20 };

struct source {
    const char *path;
    int fd;
    uint64_t size; /* 0: not known */
};

static int source_failed(struct report *report, const struct source *source, const char *why)
{
    return report_error(report, END_FAILED, "%s: %s", text_printable(&report->pool, source->path),
                        why);
}

static int open_source(struct report *report, struct source *source)
{
    struct stat st;
    bool input = !strcmp(source->path, "-");
    source->fd = input ? STDIN_FILENO : open(source->path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0 || fstat(source->fd, &st)) {
        return source_failed(report, source, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return source_failed(report, source,
                             "is a directory; pack it: tar c DIR | envelope backup REPO -");
    }
    source->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    if (S_ISBLK(st.st_mode)) {
        off_t end = lseek(source->fd, 0, SEEK_END);
        source->size = end > 0 ? (uint64_t)end : 0;
        if (lseek(source->fd, 0, SEEK_SET) < 0) {
            return source_failed(report, source, strerror(errno));
        }
    }
    (void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return END_DONE;
}

/* A whole buffer, also from a pipe, so that the library seals whole runs of chunks. -1: errno. */
static ssize_t read_full(int fd, char *buffer, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, buffer + got, len - got);
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

static int copy(struct session *session, const struct source *source, envelope_writer *writer,
                struct progress *progress)
{
    struct report *report = session->report;
    envelope_error err = ENVELOPE_ERROR_INIT;
    char *buffer = malloc(BUFFER_BYTES);
    uint64_t done = 0;
    ssize_t n = buffer ? 1 : 0;
    int end = buffer ? END_DONE : report_error(report, END_FAILED, "no memory");
    while (!end && (n = read_full(source->fd, buffer, BUFFER_BYTES)) > 0) {
        envelope_status status = envelope_writer_write(writer, buffer, (size_t)n, &err);
        if (status) {
            progress_end(progress);
            end = report_failure(report, status, &err, "writing the point");
        }
        done += (uint64_t)n;
        progress_step(progress, done, source->size);
    }
    progress_end(progress);
    if (!end && n < 0) {
        end = source_failed(report, source, strerror(errno));
    }
    free(buffer);
    return end;
}

static int tell(struct session *session, uint64_t number)
{
    struct report *report = session->report;
    struct pool *pool = &report->pool;
    envelope_points *points = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_chain_points(session->chain, &points, &err);
    size_t count = status ? 0 : envelope_points_count(points);
    json_t *shown = NULL;
    for (size_t i = count; i > 0 && !shown; i--) {
        const envelope_point *p = envelope_points_at(points, i - 1);
        if (p->number == number) {
            shown = point_json(points, i - 1);
            report_say(report, "point %" PRIu64 ": %s, %s stored, sealed for %s", number,
                       text_size(pool, p->bytes), text_size(pool, p->stored_bytes),
                       point_keys(pool, points, i - 1));
        }
    }
    if (!shown) {
        report_say(report, "point %" PRIu64, number);
    }
    report_set(report, "number", json_of_count(number));
    report_set(report, "point", shown ? shown : json_null());
    envelope_points_free(points);
    return END_DONE;
}

static int back_up(struct session *session, const struct source *source, struct progress *progress)
{
    envelope_point_options options = {.size = sizeof options,
                                      .label = option_value(session->options, OPTION_LABEL)};
    envelope_writer *writer = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint64_t number = 0;
    envelope_status status = envelope_writer_new(session->chain, &options, &writer, &err);
    if (status) {
        return session_failed(session, status, &err, "beginning the point");
    }
    int end = copy(session, source, writer, progress);
    status = end ? ENVELOPE_OK : envelope_writer_commit(writer, &number, &err);
    envelope_writer_free(writer);
    if (status) {
        end = report_failure(session->report, status, &err, "committing the point");
    }
    return end ? end : tell(session, number);
}

static int run(struct report *report, const struct options *options)
{
    struct session session;
    struct progress progress;
    struct source source = {options->operand[1], -1, 0};
    int end = progress_begin(report, options, &progress);
    if (end) {
        return end;
    }
    end = open_source(report, &source);
    if (!end) {
        end = session_open(&session, report, options, SESSION_WRITE);
        end = end ? end : back_up(&session, &source, &progress);
        session_close(&session);
    }
    if (source.fd > STDIN_FILENO) {
        close(source.fd);
    }
    return end;
}

const struct command command_backup = {
    .name = "backup",
    .operands = "REPO SOURCE",
    .operand_count = 2,
    .summary = "Write one restore point from a file, a block device, or - for standard input.",
    .options = {OPTION_CHAIN, OPTION_LABEL, OPTION_KMS, OPTION_PASSPHRASE_FILE, OPTION_CONFIG,
                OPTION_STATE, OPTION_PROGRESS, OPTION_JSON, OPTION_HELP},
    .run = run,
};
