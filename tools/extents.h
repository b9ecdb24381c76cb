/* tools/extents.h - which parts of a disk changed, as somebody else's tracking says: a text file
 * with lines "offset length" in bytes; '#' begins a comment. */
#ifndef ENVELOPE_TOOLS_EXTENTS_H
#define ENVELOPE_TOOLS_EXTENTS_H
#include "report.h"
#include <stdint.h>

struct extent {
    uint64_t offset;
    uint64_t end;
};
struct extents {
    size_t count;
    struct extent *item; /* rising, none touches another; from the report's pool */
};
/* Widened to multiples of `align`. Wrong lines are said with file and line: END_USAGE. */
int extents_load(struct report *report, const char *path, uint64_t align, struct extents *out);
/* From offset on: how far it is changed, or not (*changed). */
uint64_t extents_at(const struct extents *extents, uint64_t offset, uint64_t size, bool *changed);
#endif
