/* tools/cmd_list.c - the restore points of a chain. */
#include "json.h"
#include "point.h"
#include "session.h"
#include "text.h"
#include <inttypes.h>

static void row(struct report *report, const envelope_points *points, size_t i)
{
    struct pool *pool = &report->pool;
    const envelope_point *p = envelope_points_at(points, i);
    const char *label = p->label ? text_printable(pool, p->label) : "";
    const char *notes = point_notes(pool, p->flags);
    report_say(report, "%5" PRIu64 "  %-20s  %-9s %11s %11s  %s%s%s%s", p->number,
               text_time(pool, p->begun_ms), point_kind(p->kind), text_size(pool, p->bytes),
               text_size(pool, p->stored_bytes), point_keys(pool, points, i), notes,
               *label ? "  " : "", label);
}

static void show(struct report *report, const envelope_points *points)
{
    json_t *list = json_array();
    size_t count = envelope_points_count(points);
    if (count) {
        report_say(report, "%5s  %-20s  %-9s %11s %11s  %s", "POINT", "TIME", "KIND", "SIZE",
                   "STORED", "KEYS, LABEL");
    }
    if (!count) {
        report_say(report, "no restore points yet");
    }
    for (size_t i = 0; i < count; i++) {
        row(report, points, i);
        if (report->json) {
            json_array_append_new(list, point_json(points, i));
        }
    }
    report_set(report, "points", list);
}

static int run(struct report *report, const struct options *options)
{
    struct session session;
    envelope_points *points = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    int end = session_open(&session, report, options, SESSION_READ);
    envelope_status status =
        end ? ENVELOPE_OK : envelope_chain_points(session.chain, &points, &err);
    if (status) {
        end = session_failed(&session, status, &err, "the points");
    }
    if (points) {
        show(report, points);
    }
    envelope_points_free(points);
    session_close(&session);
    return end;
}

const struct command command_list = {
    .name = "list",
    .operands = "REPO",
    .operand_count = 1,
    .summary = "Show the restore points of a chain.",
    .options = {OPTION_CHAIN, OPTION_KMS, OPTION_PASSPHRASE_FILE, OPTION_KEY_FILE,
                OPTION_PASSWORD_FILE, OPTION_CONFIG, OPTION_STATE, OPTION_JSON, OPTION_HELP},
    .run = run,
};
