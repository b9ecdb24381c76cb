/* tools/cmd_restore.c - a restore point back into a file, a device or standard output. */
#include "json.h"
#include "missing.h"
#include "output.h"
#include "point.h"
#include "progress.h"
#include "session.h"
#include "text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_BYTES = 1 << 20 };

struct restoring {
    struct session *session;
    envelope_reader *reader;
    struct output *output;
    struct progress *progress;
    uint64_t from;
    uint64_t end;
    uint64_t done; /* where it is, between the two */
};

static int failed(struct restoring *r, envelope_status status, const envelope_error *err)
{
    progress_end(r->progress);
    return report_failure(r->session->report, status, err, "after %" PRIu64 " of %" PRIu64 " bytes",
                          r->done - r->from, r->end - r->from);
}

static int copy_data(struct restoring *r, uint64_t len, char *buffer)
{
    int end = END_DONE;
    uint64_t stop = r->done + len;
    while (!end && r->done < stop) {
        envelope_error err = ENVELOPE_ERROR_INIT;
        size_t got = 0;
        size_t want = stop - r->done < BUFFER_BYTES ? (size_t)(stop - r->done) : BUFFER_BYTES;
        envelope_status status =
            envelope_reader_pread(r->reader, r->done, buffer, want, &got, &err);
        if (status) {
            return failed(r, status, &err);
        }
        if (!got) {
            return report_error(r->session->report, END_DAMAGED,
                                "the point ends at %" PRIu64 " of %" PRIu64 " bytes", r->done,
                                r->end);
        }
        end = output_write(r->output, buffer, got);
        r->done += end ? 0 : got;
        progress_step(r->progress, r->done - r->from, r->end - r->from);
    }
    return end;
}

/* What lies nowhere is zeros: not read, and not written where nothing is yet. */
static int copy_extent(struct restoring *r, char *buffer)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint64_t len = 0;
    int32_t zero = 0;
    envelope_status status = envelope_reader_extent(r->reader, r->done, &len, &zero, &err);
    if (status) {
        return failed(r, status, &err);
    }
    uint64_t n = len < r->end - r->done ? len : r->end - r->done;
    if (!zero) {
        return copy_data(r, n, buffer);
    }
    int end = output_zeros(r->output, n);
    r->done += end ? 0 : n;
    progress_step(r->progress, r->done - r->from, r->end - r->from);
    return end;
}

static int copy(struct restoring *r)
{
    struct report *report = r->session->report;
    char *buffer = malloc(BUFFER_BYTES);
    int end = buffer ? output_begin(r->output, r->end - r->from)
                     : report_error(report, END_FAILED, "no memory");
    while (!end && r->done < r->end) {
        end = copy_extent(r, buffer);
    }
    progress_end(r->progress);
    if (buffer) {
        explicit_bzero(buffer, BUFFER_BYTES);
    }
    free(buffer);
    return end;
}

/* Without metadata a point's number is known only once the point opens: it may be one of those that
 * do not. */
static int no_reader(struct session *session, uint64_t number, envelope_status status,
                     const envelope_error *err)
{
    struct report *report = session->report;
    const char *what =
        number ? pool_format(&report->pool, "point %" PRIu64, number) : "the newest point";
    int end = session_failed(session, status, err, what);
    if (status == ENVELOPE_E_NOT_FOUND &&
        missing_tell(report, session->store, session->keyring,
                     option_value(session->options, OPTION_CHAIN))) {
        end = report_end_of(report, ENVELOPE_E_NO_KEY);
    }
    return end;
}

/* OFF:LEN, within the point. */
static int take_range(struct session *session, struct restoring *r)
{
    const char *text = option_value(session->options, OPTION_RANGE);
    const char *colon = text ? strchr(text, ':') : NULL;
    uint64_t from;
    uint64_t len;
    if (!text) {
        return END_DONE;
    }
    if (!colon ||
        !text_number(pool_format(&session->report->pool, "%.*s", (int)(colon - text), text),
                     INT64_MAX, &from) ||
        !text_number(colon + 1, INT64_MAX, &len)) {
        return report_error(session->report, END_USAGE, "--range is OFF:LEN, two numbers of bytes");
    }
    if (from > r->end || len > r->end - from) {
        return report_error(session->report, END_USAGE,
                            "--range %s: the point has %" PRIu64 " bytes", text, r->end);
    }
    r->from = r->done = from;
    r->end = from + len;
    return END_DONE;
}

static int restore(struct session *session, uint64_t number, struct output *output,
                   struct progress *progress)
{
    envelope_reader *reader = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_reader_new(session->chain, number, &reader, &err);
    if (status) {
        return no_reader(session, number, status, &err);
    }
    struct restoring restoring = {.session = session,
                                  .reader = reader,
                                  .output = output,
                                  .progress = progress,
                                  .end = envelope_reader_bytes(reader)};
    int end = take_range(session, &restoring);
    end = end ? end : copy(&restoring);
    uint64_t bytes = restoring.end - restoring.from;
    envelope_reader_free(reader);
    end = end ? end : output_finish(output);
    report_set(session->report, "bytes", json_of_count(bytes));
    if (!end && strcmp(output->path, "-") != 0) {
        report_say(session->report, "restored %s to %s", text_size(&session->report->pool, bytes),
                   text_printable(&session->report->pool, output->path));
    }
    return end;
}

static int run(struct report *report, const struct options *options)
{
    struct session session;
    struct progress progress;
    struct output output;
    uint64_t number;
    const char *path = option_value(options, OPTION_OUTPUT);
    if (!point_number(option_value(options, OPTION_POINT), &number)) {
        return report_error(report, END_USAGE, "--point is a number, or latest");
    }
    if (!strcmp(path, "-") && report->json) {
        return report_error(report, END_USAGE, "--json and -o - would share standard output");
    }
    int end = progress_begin(report, options, &progress);
    end = end ? end : output_open(report, path, option_given(options, OPTION_FORCE), &output);
    if (end) {
        return end;
    }
    report_set(report, "output", json_of_text(path));
    report_set(report, "point", number ? json_of_count(number) : json_null());
    end = session_open(&session, report, options, SESSION_READ);
    end = end ? end : restore(&session, number, &output, &progress);
    session_close(&session);
    output_drop(&output);
    return end;
}

const struct command command_restore = {
    .name = "restore",
    .operands = "REPO",
    .operand_count = 1,
    .summary = "Write a restore point (the newest, unless --point) to a file, a device or -.",
    .options = {OPTION_CHAIN, OPTION_POINT, OPTION_RANGE, OPTION_OUTPUT, OPTION_FORCE, OPTION_KMS,
                OPTION_PASSPHRASE_FILE, OPTION_KEY_FILE, OPTION_PASSWORD_FILE, OPTION_CONFIG,
                OPTION_STATE, OPTION_PROGRESS, OPTION_JSON, OPTION_HELP},
    .needed = {OPTION_OUTPUT},
    .run = run,
};
