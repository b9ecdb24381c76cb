/* tools/point.h - a restore point for people and for --json. */
#ifndef ENVELOPE_TOOLS_POINT_H
#define ENVELOPE_TOOLS_POINT_H
#include "report.h"
#include <envelope/chain.h>

json_t *point_json(const envelope_points *points, size_t i);
const char *point_kind(int32_t kind);
/* "lab/vm version 2, password ops" */
const char *point_keys(struct pool *pool, const envelope_points *points, size_t i);
/* "  [unreadable]  [not listed]", or "". */
const char *point_notes(struct pool *pool, uint32_t flags);
/* "latest" and NULL are 0. false: neither that nor a number. */
bool point_number(const char *text, uint64_t *out);
/* Its place in the list; the count: there is none. */
size_t point_find(const envelope_points *points, uint64_t number);
#endif
