#include "extents.h"
#include "text.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char **p, uint64_t *out)
{
    char *end;
    *p += strspn(*p, " \t");
    if (**p < '0' || **p > '9') {
        return false;
    }
    errno = 0;
    *out = strtoull(*p, &end, 10);
    *p = end;
    return errno == 0;
}

/* false: it is none. An empty line gives a length of 0. */
static bool parse(const char *line, struct extent *out)
{
    uint64_t len = 0;
    *out = (struct extent){0, 0};
    const char *p = line + strspn(line, " \t\r\n");
    if (*p == '#' || !*p) {
        return true;
    }
    if (!number(&p, &out->offset) || !number(&p, &len) || out->offset + len < out->offset) {
        return false;
    }
    out->end = out->offset + len;
    p += strspn(p, " \t\r\n");
    return *p == '#' || !*p;
}

static int by_offset(const void *a, const void *b)
{
    const struct extent *x = a;
    const struct extent *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static void settle(struct extents *e, uint64_t align)
{
    size_t n = 0;
    for (size_t i = 0; i < e->count; i++) {
        e->item[i].offset = e->item[i].offset / align * align;
        e->item[i].end = e->item[i].end > UINT64_MAX - align
                             ? UINT64_MAX
                             : (e->item[i].end + align - 1) / align * align;
    }
    if (e->count) {
        qsort(e->item, e->count, sizeof *e->item, by_offset);
    }
    for (size_t i = 0; i < e->count; i++) {
        if (n && e->item[i].offset <= e->item[n - 1].end) {
            uint64_t end = e->item[i].end;
            e->item[n - 1].end = end > e->item[n - 1].end ? end : e->item[n - 1].end;
            continue;
        }
        e->item[n++] = e->item[i];
    }
    e->count = n;
}

int extents_load(struct report *report, const char *path, uint64_t align, struct extents *out)
{
    const char *shown = text_printable(&report->pool, path);
    char line[256];
    unsigned at = 0;
    int end = END_DONE;
    *out = (struct extents){0, NULL};
    FILE *file = fopen(path, "re");
    if (!file) {
        return report_error(report, END_USAGE, "%s: %s", shown, strerror(errno));
    }
    while (!end && fgets(line, sizeof line, file)) {
        struct extent e;
        at++;
        if (!strchr(line, '\n') && !feof(file)) {
            end = report_error(report, END_USAGE, "%s:%u: the line is too long", shown, at);
        } else if (!parse(line, &e)) {
            end = report_error(report, END_USAGE, "%s:%u: not an offset and a length in bytes",
                               shown, at);
        } else if (e.end > e.offset) {
            out->item = pool_grow(&report->pool, out->item, out->count, sizeof e);
            out->item[out->count++] = e;
        }
    }
    if (!end && ferror(file)) {
        end = report_error(report, END_USAGE, "%s: %s", shown, strerror(errno));
    }
    fclose(file);
    settle(out, align);
    return end;
}

uint64_t extents_at(const struct extents *e, uint64_t offset, uint64_t size, bool *changed)
{
    size_t lo = 0;
    for (size_t hi = e->count; lo < hi;) { /* the first that ends behind offset */
        size_t mid = lo + (hi - lo) / 2;
        lo = e->item[mid].end <= offset ? mid + 1 : lo;
        hi = e->item[mid].end <= offset ? hi : mid;
    }
    *changed = lo < e->count && e->item[lo].offset <= offset;
    uint64_t stop = lo == e->count ? size : *changed ? e->item[lo].end : e->item[lo].offset;
    return (stop < size ? stop : size) - offset;
}
