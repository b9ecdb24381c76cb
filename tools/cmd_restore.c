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

static int copy(struct session *session, envelope_reader *reader, struct output *output,
                struct progress *progress)
{
    struct report *report = session->report;
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint64_t total = envelope_reader_bytes(reader);
    uint64_t done = 0;
    size_t got = 1;
    char *buffer = malloc(BUFFER_BYTES);
    int end = buffer ? output_begin(output, total) : report_error(report, END_FAILED, "no memory");
    /* To the end and once more: got 0 is the library's word that there is no more. */
    while (!end && got) {
        envelope_status status =
            envelope_reader_pread(reader, done, buffer, BUFFER_BYTES, &got, &err);
        if (status) {
            progress_end(progress);
            end = report_failure(report, status, &err, "after %" PRIu64 " of %" PRIu64 " bytes",
                                 done, total);
        }
        end = end || !got ? end : output_write(output, buffer, got);
        done += end ? 0 : got;
        progress_step(progress, done, total);
    }
    progress_end(progress);
    if (!end && done != total) {
        end = report_error(report, END_DAMAGED,
                           "the point ends at %" PRIu64 " of %" PRIu64 " bytes", done, total);
    }
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

static int restore(struct session *session, uint64_t number, struct output *output,
                   struct progress *progress)
{
    envelope_reader *reader = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_reader_new(session->chain, number, &reader, &err);
    if (status) {
        return no_reader(session, number, status, &err);
    }
    uint64_t bytes = envelope_reader_bytes(reader);
    int end = copy(session, reader, output, progress);
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
    .options = {OPTION_CHAIN, OPTION_POINT, OPTION_OUTPUT, OPTION_FORCE, OPTION_KMS,
                OPTION_PASSPHRASE_FILE, OPTION_KEY_FILE, OPTION_PASSWORD_FILE, OPTION_CONFIG,
                OPTION_STATE, OPTION_PROGRESS, OPTION_JSON, OPTION_HELP},
    .needed = {OPTION_OUTPUT},
    .run = run,
};
