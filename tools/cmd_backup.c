/* tools/cmd_backup.c - one restore point from a file, a device or standard input: a disk, or with
 * --stream plain bytes. The thread that reads also tests and hashes; another one seals and writes.
 */
#include "extents.h"
#include "json.h"
#include "point.h"
#include "progress.h"
#include "session.h"
#include "source.h"
#include "text.h"
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct backup {
    struct session *session;
    struct source *source;
    struct progress *progress;
    envelope_point_options point;
    const struct extents *changed; /* NULL: all of it */
    envelope_writer *writer;
    uint64_t done;
};

static int failed(struct backup *b, envelope_status status, const envelope_error *err)
{
    progress_end(b->progress);
    return report_failure(b->session->report, status, err, "writing the point");
}

static void step(struct backup *b, uint64_t len)
{
    b->done += len;
    progress_step(b->progress, b->done, b->source->size);
}

static int write_some(struct backup *b, const void *data, size_t len)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_writer_write(b->writer, data, len, &err);
    if (status) {
        return failed(b, status, &err);
    }
    step(b, len);
    return END_DONE;
}

/* Bytes as they come: standard input, or --stream. */
static int copy_stream(struct backup *b, void *buffer)
{
    ssize_t n = 1;
    int end = END_DONE;
    while (!end && (n = source_read(b->source, buffer, SOURCE_BUFFER)) > 0) {
        end = write_some(b, buffer, (size_t)n);
    }
    return !end && n < 0 ? source_failed(b->source, strerror(errno)) : end;
}

static int copy_data(struct backup *b, uint64_t offset, uint64_t len, void *buffer)
{
    int end = END_DONE;
    for (uint64_t at = 0; !end && at < len;) {
        size_t want = len - at < SOURCE_BUFFER ? (size_t)(len - at) : SOURCE_BUFFER;
        ssize_t n = source_pread(b->source, offset + at, buffer, want);
        if (n <= 0) {
            return source_failed(b->source,
                                 n ? strerror(errno) : "became shorter while it was read");
        }
        end = write_some(b, buffer, (size_t)n);
        at += (uint64_t)n;
    }
    return end;
}

/* What a file system says is nothing is not read. */
static int copy_range(struct backup *b, uint64_t offset, uint64_t len, void *buffer)
{
    int end = END_DONE;
    for (uint64_t at = 0; !end && at < len;) {
        bool hole;
        envelope_error err = ENVELOPE_ERROR_INIT;
        uint64_t n = source_extent(b->source, offset + at, &hole);
        n = n < len - at ? n : len - at;
        envelope_status status =
            hole ? envelope_writer_skip(b->writer, n, ENVELOPE_ZERO, &err) : ENVELOPE_OK;
        if (status) {
            return failed(b, status, &err);
        }
        if (hole) {
            step(b, n);
        }
        end = hole ? END_DONE : copy_data(b, offset + at, n, buffer);
        at += n;
    }
    return end;
}

/* Not read, if the parent has it: its end may lie before. */
static int skip_unchanged(struct backup *b, uint64_t offset, uint64_t len, void *buffer)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_writer_skip(b->writer, len, ENVELOPE_UNCHANGED, &err);
    if (status == ENVELOPE_E_RANGE || status == ENVELOPE_E_REFUSED) {
        return copy_range(b, offset, len, buffer);
    }
    if (status) {
        return failed(b, status, &err);
    }
    step(b, len);
    return END_DONE;
}

static int copy_changed(struct backup *b, void *buffer)
{
    int end = END_DONE;
    for (uint64_t at = 0; !end && at < b->source->size;) {
        bool changed;
        uint64_t n = extents_at(b->changed, at, b->source->size, &changed);
        end = changed ? copy_range(b, at, n, buffer) : skip_unchanged(b, at, n, buffer);
        at += n;
    }
    return end;
}

static int copy_disk(struct backup *b, void *buffer)
{
    bool all = !b->changed || envelope_writer_must_read(b->writer);
    if (b->changed && all) {
        report_note(b->session->report,
                    "the whole source is read: there is no point that unchanged "
                    "blocks could be taken over from");
    }
    return all ? copy_range(b, 0, b->source->size, buffer) : copy_changed(b, buffer);
}

static int copy(struct backup *b)
{
    void *buffer = source_buffer();
    if (!buffer) {
        return report_error(b->session->report, END_FAILED, "no memory");
    }
    bool disk = b->point.content == ENVELOPE_IMAGE && b->source->seekable;
    int end = disk ? copy_disk(b, buffer) : copy_stream(b, buffer);
    progress_end(b->progress);
    explicit_bzero(buffer, SOURCE_BUFFER);
    free(buffer);
    return end;
}

/* What goes wrong there is told to the other thread as well. */
static void *seal(void *user)
{
    envelope_writer *writer = user;
    if (envelope_writer_lend(writer, NULL)) {
        return writer;
    }
    return NULL;
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
            report_say(report, "point %" PRIu64 ": %s, %s, %s stored, sealed for %s", number,
                       point_kind(p->kind), text_size(pool, p->bytes),
                       text_size(pool, p->stored_bytes), point_keys(pool, points, i - 1));
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

static int commit(struct backup *b, uint64_t *number)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_writer_commit(b->writer, number, &err);
    return status ? report_failure(b->session->report, status, &err, "committing the point")
                  : END_DONE;
}

static int back_up(struct backup *b)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint64_t number = 0;
    pthread_t sealer;
    envelope_status status = envelope_writer_new(b->session->chain, &b->point, &b->writer, &err);
    if (status) {
        return session_failed(b->session, status, &err, "beginning the point");
    }
    int error = pthread_create(&sealer, NULL, seal, b->writer);
    int end = error ? report_error(b->session->report, END_FAILED, "no thread: %s", strerror(error))
                    : copy(b);
    end = end ? end : commit(b, &number);
    if (!error) {
        envelope_writer_cancel(b->writer);
        pthread_join(sealer, NULL);
    }
    envelope_writer_free(b->writer);
    return end ? end : tell(b->session, number);
}

/* -- the command line */

static int take_kind(struct report *report, const struct options *options,
                     envelope_point_options *point)
{
    uint64_t every = 0;
    const char *text = option_value(options, OPTION_FULL_EVERY);
    bool stream = option_given(options, OPTION_STREAM);
    if (text && (!text_number(text, 1000, &every) || !every)) {
        return report_error(report, END_USAGE, "--full-every is a number from 1 to 1000");
    }
    if (stream && (text || option_given(options, OPTION_CHANGED_EXTENTS) ||
                   option_given(options, OPTION_FULL))) {
        return report_error(report, END_USAGE,
                            "--stream makes full points of plain bytes: --full, --full-every and "
                            "--changed-extents are for disks");
    }
    point->content = stream ? ENVELOPE_STREAM : ENVELOPE_IMAGE;
    point->kind = option_given(options, OPTION_FULL) ? ENVELOPE_FULL : ENVELOPE_AUTO;
    point->full_every = (uint32_t)every;
    return END_DONE;
}

static int take_extents(struct report *report, const struct options *options,
                        const struct source *source, struct extents *extents)
{
    const char *path = option_value(options, OPTION_CHANGED_EXTENTS);
    if (!source->seekable) {
        return report_error(report, END_USAGE,
                            "--changed-extents needs a file or a block device as source");
    }
    return extents_load(report, path, SOURCE_ALIGN, extents);
}

static int run(struct report *report, const struct options *options)
{
    struct session session;
    struct progress progress;
    struct source source = {.fd = -1};
    struct extents extents;
    struct backup backup = {
        .session = &session,
        .source = &source,
        .progress = &progress,
        .point = {.size = sizeof backup.point,
                  .label = option_value(options, OPTION_LABEL),
                  .flags = ENVELOPE_POINT_LENT},
    };
    bool changed = option_given(options, OPTION_CHANGED_EXTENTS);
    int end = progress_begin(report, options, &progress);
    end = end ? end : take_kind(report, options, &backup.point);
    end = end ? end
              : source_open(report, options->operand[1], option_given(options, OPTION_DIRECT),
                            &source);
    end = end || !changed ? end : take_extents(report, options, &source, &extents);
    backup.changed = changed ? &extents : NULL;
    if (!end) {
        end = session_open(&session, report, options, SESSION_WRITE);
        end = end ? end : back_up(&backup);
        session_close(&session);
    }
    source_close(&source);
    return end;
}

const struct command command_backup = {
    .name = "backup",
    .operands = "REPO SOURCE",
    .operand_count = 2,
    .summary = "Write one restore point from a file, a block device, or - for standard input.",
    .options = {OPTION_CHAIN, OPTION_LABEL, OPTION_STREAM, OPTION_FULL, OPTION_FULL_EVERY,
                OPTION_CHANGED_EXTENTS, OPTION_DIRECT, OPTION_BESIDE, OPTION_KMS,
                OPTION_PASSPHRASE_FILE, OPTION_CONFIG, OPTION_STATE, OPTION_PROGRESS, OPTION_JSON,
                OPTION_HELP},
    .run = run,
};
