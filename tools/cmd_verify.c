/* tools/cmd_verify.c - read everything, and say what is not as it was written. */
#include "json.h"
#include "point.h"
#include "progress.h"
#include "session.h"
#include "text.h"
#include <inttypes.h>

static void summary(struct session *session, bool headers_only, uint64_t point)
{
    struct report *report = session->report;
    envelope_points *points = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_chain_points(session->chain, &points, &err);
    size_t count = status ? 0 : point ? 1 : envelope_points_count(points);
    const char *what = headers_only ? ", headers only" : "";
    const char *repaired =
        report->repaired ? pool_format(&report->pool, ", %zu repaired", report->repaired) : "";
    envelope_points_free(points);
    report_set(report, "points", json_of_count(count));
    report_set(report, "headers_only", json_boolean(headers_only));
    report_set(report, "repaired", json_of_count(report->repaired));
    if (!report->damage) {
        report_say(report, "verified %zu point%s%s: nothing wrong%s%s", count, text_plural(count),
                   what, report->repaired ? " any more" : "", repaired);
        return;
    }
    report_say(report, "verified %zu point%s%s: %zu finding%s%s", count, text_plural(count), what,
               report->damage, text_plural(report->damage), repaired);
    if (report->served.count && !option_given(session->options, OPTION_REPAIR)) {
        report_say(report, "a header copy can be written anew from the other: verify --repair");
    }
}

static int verify(struct session *session, uint64_t point, struct progress *progress)
{
    struct report *report = session->report;
    bool headers_only = option_given(session->options, OPTION_HEADERS_ONLY);
    bool repair = option_given(session->options, OPTION_REPAIR);
    envelope_verify_options options = {
        .size = sizeof options,
        .flags = (headers_only ? ENVELOPE_VERIFY_HEADERS_ONLY : 0u) |
                 (repair ? ENVELOPE_VERIFY_REPAIR : 0u),
        .point = point,
        .progress = progress_fn,
        .user = progress,
    };
    envelope_error err = ENVELOPE_ERROR_INIT;
    /* What it finds comes to the context's listener, which speaks for opening too. */
    envelope_status status = envelope_chain_verify(session->chain, &options, &err);
    progress_end(progress);
    int end = report_end_of(report, status);
    /* What was found was said; the status only says it again. */
    if (status && (end != END_DAMAGED || !report->damage)) {
        session_failed(session, status, &err, "verify");
    }
    if (end != END_USAGE && status != ENVELOPE_E_NOT_FOUND) {
        summary(session, headers_only, point);
    }
    return report_worse(end, report->damage ? END_DAMAGED : END_DONE);
}

static int run(struct report *report, const struct options *options)
{
    struct session session;
    struct progress progress;
    uint64_t point = 0;
    if (!point_number(option_value(options, OPTION_POINT), &point)) {
        return report_error(report, END_USAGE, "--point is a number");
    }
    int end = progress_begin(report, options, &progress);
    if (end) {
        return end;
    }
    report->findings_are_the_answer = true;
    report_set(report, "findings", json_incref(report->findings));
    bool repair = option_given(options, OPTION_REPAIR);
    end = session_open(&session, report, options, repair ? SESSION_REPAIR : SESSION_READ);
    end = end ? end : verify(&session, point, &progress);
    session_close(&session);
    return end;
}

const struct command command_verify = {
    .name = "verify",
    .operands = "REPO",
    .operand_count = 1,
    .summary = "Read all of a chain and name everything that is damaged, altered or old.",
    .options = {OPTION_CHAIN, OPTION_POINT, OPTION_HEADERS_ONLY, OPTION_REPAIR, OPTION_KMS,
                OPTION_PASSPHRASE_FILE, OPTION_KEY_FILE, OPTION_PASSWORD_FILE, OPTION_CONFIG,
                OPTION_STATE, OPTION_PROGRESS, OPTION_JSON, OPTION_HELP},
    .run = run,
};
