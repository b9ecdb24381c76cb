#include "point.h"
#include "json.h"
#include "text.h"
#include <string.h>

struct note {
    uint32_t flag;
    const char *json;
    const char *words;
};
static const struct note notes[] = {
    {ENVELOPE_POINT_DETACHED, "detached", "detached"},
    {ENVELOPE_POINT_UNREADABLE, "unreadable", "unreadable"},
    {ENVELOPE_POINT_UNLISTED, "unlisted", "not listed"},
    {ENVELOPE_POINT_LATE, "late", "late"},
    {ENVELOPE_POINT_UNVERIFIED, "unverified", "unverified origin"},
};

const char *point_kind(int32_t kind)
{
    switch (kind) {
    case ENVELOPE_FULL:
        return "full";
    case ENVELOPE_INCREMENT:
        return "increment";
    default:
        return "unknown";
    }
}

const char *point_keys(struct pool *pool, const envelope_points *points, size_t i)
{
    const char *line = "";
    for (size_t k = 0; k < envelope_points_key_count(points, i); k++) {
        line = pool_format(pool, "%s%s%s", line, k ? ", " : "",
                           text_key(pool, envelope_points_key(points, i, k)));
    }
    return line;
}

const char *point_notes(struct pool *pool, uint32_t flags)
{
    const char *line = "";
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        if (flags & notes[i].flag) {
            line = pool_format(pool, "%s  [%s]", line, notes[i].words);
        }
    }
    return line;
}

static json_t *flags_json(uint32_t flags)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        if (flags & notes[i].flag) {
            json_array_append_new(list, json_string(notes[i].json));
        }
    }
    return list;
}

json_t *point_json(const envelope_points *points, size_t i)
{
    const envelope_point *p = envelope_points_at(points, i);
    json_t *object = json_object();
    json_t *keys = json_array();
    for (size_t k = 0; k < envelope_points_key_count(points, i); k++) {
        json_array_append_new(keys, json_of_key(envelope_points_key(points, i, k)));
    }
    json_object_set_new(object, "number", json_of_count(p->number));
    json_object_set_new(object, "parent", p->parent ? json_of_count(p->parent) : json_null());
    json_object_set_new(object, "kind", json_string(point_kind(p->kind)));
    json_object_set_new(object, "content",
                        json_string(p->content == ENVELOPE_IMAGE ? "image" : "stream"));
    json_object_set_new(object, "begun", json_of_time(p->begun_ms));
    json_object_set_new(object, "ended", json_of_time(p->ended_ms));
    json_object_set_new(object, "bytes", json_of_count(p->bytes));
    json_object_set_new(object, "stored_bytes", json_of_count(p->stored_bytes));
    json_object_set_new(object, "label", json_of_text(p->label && *p->label ? p->label : NULL));
    json_object_set_new(object, "object", json_of_text(p->object));
    json_object_set_new(object, "flags", flags_json(p->flags));
    json_object_set_new(object, "keys", keys);
    return object;
}

bool point_number(const char *text, uint64_t *out)
{
    *out = 0;
    if (!text || !strcmp(text, "latest")) {
        return true;
    }
    return text_number(text, (UINT64_C(1) << 48) - 1, out) && *out;
}

/* Numbers rise. */
size_t point_find(const envelope_points *points, uint64_t number)
{
    size_t count = envelope_points_count(points);
    size_t lo = 0;
    for (size_t hi = count; lo < hi;) {
        size_t mid = lo + (hi - lo) / 2;
        bool before = envelope_points_at(points, mid)->number < number;
        lo = before ? mid + 1 : lo;
        hi = before ? hi : mid;
    }
    return lo < count && envelope_points_at(points, lo)->number == number ? lo : count;
}
