/* tools/event.c - what the library tells while it works: a warning, a finding of verify, or
 * nothing. */
#include "json.h"
#include "report.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

enum { SEEN_MAX = 1000 };

static bool speaks_of_damage(int32_t kind)
{
    switch (kind) {
    case ENVELOPE_EVENT_DAMAGED:
    case ENVELOPE_EVENT_REPAIRED:
    case ENVELOPE_EVENT_ROLLBACK:
    case ENVELOPE_EVENT_MISPLACED:
    case ENVELOPE_EVENT_FORGED:
    case ENVELOPE_EVENT_FORK:
        return true;
    default:
        return false;
    }
}

static bool worth_a_line(const struct report *report, int32_t kind)
{
    return kind != ENVELOPE_EVENT_WRAP && kind != ENVELOPE_EVENT_UNWRAP &&
           (kind != ENVELOPE_EVENT_EXPORT || report->tell_exports);
}

/* News, not a finding. */
static bool is_news(int32_t kind)
{
    return kind == ENVELOPE_EVENT_ROTATED || kind == ENVELOPE_EVENT_EXPORT;
}

/* The library tells the context's listener and verify's own, and opening meets again what verify
 * finds: each thing is said once. */
static bool seen_before(struct report *report, const char *line)
{
    for (size_t i = 0; i < report->seen.count; i++) {
        if (!strcmp(report->seen.item[i], line)) {
            return true;
        }
    }
    if (report->seen.count < SEEN_MAX) {
        strings_add(&report->pool, &report->seen, pool_text(&report->pool, line));
    }
    return false;
}

/* OBJECT: KIND: MESSAGE. Many messages begin with the object already. */
static const char *line_of(struct pool *pool, const envelope_event *event)
{
    const char *message = event->message ? event->message : "no details";
    size_t len = event->object ? strlen(event->object) : 0;
    if (len && !strncmp(message, event->object, len) && !strncmp(message + len, ": ", 2)) {
        message += len + 2;
    }
    message = text_printable(pool, message);
    if (is_news(event->kind)) {
        return message;
    }
    const char *object = len ? pool_format(pool, "%s: ", text_printable(pool, event->object)) : "";
    if (event->kind == ENVELOPE_EVENT_REPAIRED && event->status) { /* as it lies there, it is not */
        return pool_format(pool, "%s%s", object, message);
    }
    return pool_format(pool, "%s%s: %s", object, json_event_kind(event->kind), message);
}

static void remember_wrap(struct report *report, const envelope_event *event)
{
    if (!event->key) {
        return;
    }
    json_t *key = json_of_key(event->key);
    size_t i;
    json_t *known;
    json_array_foreach(report->sealed_for, i, known)
    {
        if (json_equal(known, key)) {
            json_decref(key);
            return;
        }
    }
    json_array_append_new(report->sealed_for, key);
}

/* Only of a slot that was tried: that a whole object did not open may be our own policy. */
static void remember_unwrap(struct report *report, const envelope_event *event)
{
    if (event->slot >= 0) {
        bool refused = report->kms_refused || event->status == ENVELOPE_E_REFUSED;
        report->kms_refused = event->status && refused;
    }
}

/* That the other copy served was told when it was read, and is no damage any more. */
static void count_repaired(struct report *report, const char *object)
{
    struct strings *served = &report->served;
    report->repaired++;
    for (size_t i = 0; i < served->count; i++) {
        if (!strcmp(served->item[i], object)) {
            served->item[i] = "";
            report->damage--;
        }
    }
}

/* Does it count as damage? */
static bool count(struct report *report, const envelope_event *event)
{
    bool of_object = event->kind == ENVELOPE_EVENT_REPAIRED && event->object;
    if (of_object && !event->status) {
        count_repaired(report, event->object);
        return true;
    }
    if (of_object) {
        strings_add(&report->pool, &report->served, pool_text(&report->pool, event->object));
    }
    report->damage += speaks_of_damage(event->kind);
    return speaks_of_damage(event->kind);
}

static void put_finding(struct report *report, const envelope_event *event, const char *line)
{
    report_say(report, "%s", line);
    json_array_append_new(report->findings, json_of_event(event));
}

static void put_warning(struct report *report, const envelope_event *event, const char *line)
{
    fflush(stdout);
    fprintf(stderr, "envelope %s: %s%s\n", report->command,
            is_news(event->kind) ? "note: " : "warning: ", line);
    json_array_append_new(report->warnings, json_of_event(event));
}

static void put(struct report *report, const envelope_event *event, const char *line)
{
    if (seen_before(report, line)) {
        return;
    }
    if (count(report, event) && report->findings_are_the_answer) {
        put_finding(report, event, line);
        return;
    }
    put_warning(report, event, line);
}

static void take(struct report *report, const envelope_event *event)
{
    if (event->kind == ENVELOPE_EVENT_WRAP) {
        remember_wrap(report, event);
    }
    if (event->kind == ENVELOPE_EVENT_UNWRAP) {
        remember_unwrap(report, event);
    }
    bool forgotten = event->kind == ENVELOPE_EVENT_FORGOTTEN && !event->status;
    if (!worth_a_line(report, event->kind) || forgotten) { /* what was asked for is no warning */
        return;
    }
    struct pool scratch = {0}; /* a server may meet the same thing for months */
    put(report, event, line_of(&scratch, event));
    pool_free(&scratch);
}

void report_event(void *user, const envelope_event *event)
{
    struct report *report = user;
    pthread_mutex_lock(&report->lock);
    take(report, event);
    pthread_mutex_unlock(&report->lock);
}

void report_log(void *user, int32_t level, const char *line)
{
    struct report *report = user;
    pthread_mutex_lock(&report->lock);
    if (level <= 4) {
        report_warn(report, "%s", line);
    }
    pthread_mutex_unlock(&report->lock);
}
