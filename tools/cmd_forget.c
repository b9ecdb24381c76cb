/* tools/cmd_forget.c - points that are not needed any more. What stays keeps what it stands on. */
#include "json.h"
#include "point.h"
#include "session.h"
#include "text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What becomes of each point of the list. */
enum fate { FATE_GO, FATE_STAY, FATE_NEEDED };
struct plan {
    struct report *report;
    const envelope_points *points;
    size_t count;
    enum fate *fate;
    uint64_t *needed_by; /* the youngest point that stays and stands on it */
};

static const envelope_point *at(const struct plan *p, size_t i)
{
    return envelope_points_at(p->points, i);
}

/* What is not one of the last that stay: whoever once had a key can make any number of points that
 * are not listed, or whose origin nothing proves, and what is not there restores nothing. */
static const uint32_t uncounted =
    ENVELOPE_POINT_UNLISTED | ENVELOPE_POINT_UNVERIFIED | ENVELOPE_POINT_UNREADABLE;

/* Not in the catalogue, so it cannot be forgotten. */
static bool is_unlisted(const envelope_point *point)
{
    return point->flags & ENVELOPE_POINT_UNLISTED;
}

/* -- what was asked for */

static int named(struct plan *p, const struct strings *numbers)
{
    for (size_t i = 0; i < p->count; i++) {
        p->fate[i] = FATE_STAY;
    }
    for (size_t i = 0; i < numbers->count; i++) {
        uint64_t number;
        if (!point_number(numbers->item[i], &number) || !number) {
            return report_error(p->report, END_USAGE, "--point is a number");
        }
        size_t k = point_find(p->points, number);
        if (k == p->count) {
            return report_error(p->report, END_FAILED, "there is no point %" PRIu64, number);
        }
        if (is_unlisted(at(p, k))) {
            return report_error(p->report, END_FAILED,
                                "point %" PRIu64 " is not in the catalogue: refresh lists it, if "
                                "it is of this chain's newest keys",
                                number);
        }
        p->fate[k] = FATE_GO;
    }
    return END_DONE;
}

static int by_age(struct plan *p, const struct options *options)
{
    uint64_t last = 0;
    uint64_t days = 0;
    const char *keep_last = option_value(options, OPTION_KEEP_LAST);
    const char *keep_days = option_value(options, OPTION_KEEP_DAYS);
    if (keep_last && (!text_number(keep_last, UINT32_MAX, &last) || !last)) {
        return report_error(p->report, END_USAGE, "--keep-last is a number, 1 or more");
    }
    if (keep_days && (!text_number(keep_days, 100000, &days) || !days)) {
        return report_error(p->report, END_USAGE, "--keep-days is a number, 1 or more");
    }
    int64_t since = ((int64_t)time(NULL) - (int64_t)days * 86400) * 1000;
    uint64_t behind = 0;
    for (size_t i = p->count; i > 0; i--) {
        const envelope_point *point = at(p, i - 1);
        bool stays = is_unlisted(point) || (keep_last && behind < last) ||
                     (keep_days && point->begun_ms >= since);
        behind += point->flags & uncounted ? 0 : 1;
        p->fate[i - 1] = stays ? FATE_STAY : FATE_GO;
    }
    return END_DONE;
}

/* Parents of what stays. Children have higher numbers, and stand behind. */
static void keep_ancestors(struct plan *p)
{
    for (size_t i = p->count; i > 0; i--) {
        uint64_t parent = at(p, i - 1)->parent;
        size_t k = parent && p->fate[i - 1] != FATE_GO ? point_find(p->points, parent) : p->count;
        if (k < p->count && p->fate[k] == FATE_GO) {
            p->fate[k] = FATE_NEEDED;
            p->needed_by[k] =
                p->fate[i - 1] == FATE_NEEDED ? p->needed_by[i - 1] : at(p, i - 1)->number;
        }
    }
}

static int make_plan(struct plan *p, const struct options *options)
{
    const struct strings *points = &options->value[OPTION_POINTS];
    bool ages = option_given(options, OPTION_KEEP_LAST) || option_given(options, OPTION_KEEP_DAYS);
    if ((points->count > 0) == ages) {
        return report_error(p->report, END_USAGE,
                            "name points by --point, or say by --keep-last or --keep-days which "
                            "ones stay");
    }
    int end = ages ? by_age(p, options) : named(p, points);
    if (!end) {
        keep_ancestors(p);
    }
    return end;
}

/* -- what becomes of it */

static size_t tell(struct plan *p, bool dry, json_t *list)
{
    size_t go = 0;
    for (size_t i = 0; i < p->count; i++) {
        const envelope_point *point = at(p, i);
        json_t *object = p->fate[i] == FATE_STAY ? NULL : json_object();
        if (p->fate[i] == FATE_GO) {
            go++;
            report_say(p->report, "point %" PRIu64 ": %s %s", point->number,
                       dry ? "would go, freeing" : "goes, freeing",
                       text_size(&p->report->pool, point->stored_bytes));
        }
        if (p->fate[i] == FATE_NEEDED) {
            report_say(p->report, "point %" PRIu64 ": waits for point %" PRIu64 ", which needs it",
                       point->number, p->needed_by[i]);
        }
        if (object) {
            bool waits = p->fate[i] == FATE_NEEDED;
            json_object_set_new(object, "number", json_of_count(point->number));
            json_object_set_new(object, "stored_bytes", json_of_count(point->stored_bytes));
            json_object_set_new(object, "waits_for",
                                waits ? json_of_count(p->needed_by[i]) : json_null());
            json_array_append_new(list, object);
        }
    }
    return go;
}

static int forget(struct session *session, struct plan *p, size_t go)
{
    struct report *report = session->report;
    uint64_t *numbers = pool_alloc(&report->pool, go * sizeof *numbers);
    uint64_t freed = 0;
    uint64_t waiting = 0;
    size_t n = 0;
    envelope_error err = ENVELOPE_ERROR_INIT;
    for (size_t i = 0; i < p->count; i++) {
        if (p->fate[i] == FATE_GO) {
            numbers[n++] = at(p, i)->number;
        }
    }
    envelope_status status =
        envelope_chain_forget(session->chain, numbers, n, &freed, &waiting, &err);
    if (status) {
        return session_failed(session, status, &err, "forgetting");
    }
    report_say(report, "%zu forgotten, %s freed", n, text_size(&report->pool, freed));
    if (waiting) {
        report_say(report, "%s wait for a backup under way: the next forget or refresh frees them",
                   text_size(&report->pool, waiting));
    }
    report_set(report, "freed_bytes", json_of_count(freed));
    report_set(report, "waiting_bytes", json_of_count(waiting));
    return END_DONE;
}

static int work(struct session *session, struct plan *p)
{
    bool dry = option_given(session->options, OPTION_DRY_RUN);
    json_t *list = json_array();
    int end = make_plan(p, session->options);
    size_t go = end ? 0 : tell(p, dry, list);
    report_set(session->report, "points", list);
    report_set(session->report, "dry_run", json_boolean(dry));
    if (!end && !go) {
        report_say(session->report, "nothing to forget");
    }
    return end || dry || !go ? end : forget(session, p, go);
}

static int run(struct report *report, const struct options *options)
{
    struct session session;
    struct plan plan = {.report = report};
    envelope_points *points = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    bool dry = option_given(options, OPTION_DRY_RUN);
    int end = session_open(&session, report, options, dry ? SESSION_READ : SESSION_WRITE);
    envelope_status status =
        end ? ENVELOPE_OK : envelope_chain_points(session.chain, &points, &err);
    if (status) {
        end = session_failed(&session, status, &err, "the points");
    }
    if (points) {
        plan.points = points;
        plan.count = envelope_points_count(points);
        plan.fate = pool_alloc(&report->pool, (plan.count + 1) * sizeof *plan.fate);
        plan.needed_by = pool_alloc(&report->pool, (plan.count + 1) * sizeof *plan.needed_by);
        end = work(&session, &plan);
    }
    envelope_points_free(points);
    session_close(&session);
    return end;
}

const struct command command_forget = {
    .name = "forget",
    .operands = "REPO",
    .operand_count = 1,
    .summary = "Forget points, by number or by age, and free what nothing else needs.",
    .options = {OPTION_CHAIN, OPTION_POINTS, OPTION_KEEP_LAST, OPTION_KEEP_DAYS, OPTION_DRY_RUN,
                OPTION_KMS, OPTION_PASSPHRASE_FILE, OPTION_CONFIG, OPTION_STATE, OPTION_JSON,
                OPTION_HELP},
    .run = run,
};
