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

/* The points as a tree: places in the list, `count` for none. */
struct tree {
    const envelope_points *points;
    size_t count;
    size_t *parent;
    size_t *child; /* the first */
    size_t *next;  /* of the same parent */
};

/* Parents have lower numbers, and stand before. */
static size_t parent_of(const struct tree *t, size_t i)
{
    uint64_t number = envelope_points_at(t->points, i)->parent;
    size_t parent = number ? point_find(t->points, number) : t->count;
    return parent < i ? parent : t->count;
}

static void grow(struct tree *t, struct pool *pool)
{
    t->parent = pool_alloc(pool, (t->count + 1) * sizeof *t->parent);
    t->child = pool_alloc(pool, (t->count + 1) * sizeof *t->child);
    t->next = pool_alloc(pool, (t->count + 1) * sizeof *t->next);
    for (size_t i = 0; i <= t->count; i++) {
        t->child[i] = t->count;
    }
    for (size_t i = t->count; i-- > 0;) { /* so that the first comes to stand in front */
        size_t parent = parent_of(t, i);
        t->parent[i] = parent;
        t->next[i] = t->child[parent];
        t->child[parent] = i;
    }
}

static void branch(struct report *report, const envelope_points *points, size_t i, unsigned depth)
{
    struct pool *pool = &report->pool;
    const envelope_point *p = envelope_points_at(points, i);
    const char *label = p->label ? text_printable(pool, p->label) : "";
    int indent = 2 * (int)(depth < 30 ? depth : 30);
    report_say(report, "%*s%s%" PRIu64 "  %s  %s, %s stored%s%s%s", indent, "", depth ? "+ " : "",
               p->number, text_time(pool, p->begun_ms), point_kind(p->kind),
               text_size(pool, p->stored_bytes), point_notes(pool, p->flags), *label ? "  " : "",
               label);
}

/* Children below their parents, each chain of increments together. */
static void show_tree(struct report *report, const envelope_points *points)
{
    struct tree t = {.points = points, .count = envelope_points_count(points)};
    unsigned depth = 0;
    grow(&t, &report->pool);
    for (size_t i = t.child[t.count]; i < t.count;) {
        branch(report, points, i, depth);
        if (t.child[i] < t.count) {
            i = t.child[i];
            depth++;
            continue;
        }
        while (t.next[i] == t.count && t.parent[i] < t.count) {
            i = t.parent[i];
            depth--;
        }
        i = t.next[i];
    }
}

static void show(struct report *report, const envelope_points *points, bool as_tree)
{
    json_t *list = json_array();
    size_t count = envelope_points_count(points);
    if (count && !as_tree) {
        report_say(report, "%5s  %-20s  %-9s %11s %11s  %s", "POINT", "TIME", "KIND", "SIZE",
                   "STORED", "KEYS, LABEL");
    }
    if (!count) {
        report_say(report, "no restore points yet");
    }
    if (as_tree) {
        show_tree(report, points);
    }
    for (size_t i = 0; i < count; i++) {
        if (!as_tree) {
            row(report, points, i);
        }
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
        show(report, points, option_given(options, OPTION_TREE));
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
    .options = {OPTION_CHAIN, OPTION_TREE, OPTION_KMS, OPTION_PASSPHRASE_FILE, OPTION_KEY_FILE,
                OPTION_PASSWORD_FILE, OPTION_CONFIG, OPTION_STATE, OPTION_JSON, OPTION_HELP},
    .run = run,
};
