/* tools/config_section.h - one section of the configuration while it is read: values with their
 * lines, and what is wrong with them. */
#ifndef ENVELOPE_TOOLS_CONFIG_SECTION_H
#define ENVELOPE_TOOLS_CONFIG_SECTION_H
#include "report.h"

struct ini_cfgobj;
struct section {
    struct report *report;
    const char *path;
    struct ini_cfgobj *ini;
    const char *name;
};

/* FILE:LINE: WHAT: WHY; END_USAGE. Line 0: that of the section. */
int section_wrong(const struct section *section, unsigned line, const char *what, const char *why);
/* "FILE:LINE" */
const char *section_where(const struct section *section, unsigned line);
/* The nth value of a key, from 0, with its line; NULL: there are fewer. */
const char *section_value(const struct section *section, const char *key, size_t n, unsigned *line);
/* A value that is empty, or that would not read back. */
int section_check_value(const struct section *section, const char *key, const char *value,
                        unsigned line);
/* A key that stands once; *out NULL: it is not there. */
int section_one(const struct section *section, const char *key, bool needed, const char **out,
                unsigned *line);
/* Only what known says (ends with NULL) may be there, in lower case; the first `once` of them no
 * more than once. */
int section_check_keys(const struct section *section, const char *const *known, size_t once);

/* May it stand in the file and mean the same when read back? */
bool config_value_fits(const char *value);
#endif
