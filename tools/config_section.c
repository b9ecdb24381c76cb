#include "config_section.h"
#include "text.h"
#include <ini_configobj.h>
#include <stdio.h>
#include <string.h>

/* Line of "[name]", which libini does not tell; 1: not found. */
static unsigned line_of_section(const char *path, const char *name)
{
    char line[1024];
    unsigned n = 0;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        const char *p = line + strspn(line, " \t");
        n++;
        if (*p == '[' && !strncmp(p + 1, name, strlen(name)) && p[1 + strlen(name)] == ']') {
            fclose(file);
            return n;
        }
    }
    if (file) {
        fclose(file);
    }
    return 1;
}

int section_wrong(const struct section *s, unsigned line, const char *what, const char *why)
{
    struct pool *pool = &s->report->pool;
    return report_error(s->report, END_USAGE, "%s:%u: %s: %s", text_printable(pool, s->path),
                        line ? line : line_of_section(s->path, s->name), text_printable(pool, what),
                        why);
}

const char *section_where(const struct section *s, unsigned line)
{
    return pool_format(&s->report->pool, "%s:%u", text_printable(&s->report->pool, s->path),
                       line ? line : line_of_section(s->path, s->name));
}

/* libini keeps repeated keys. */
const char *section_value(const struct section *s, const char *key, size_t n, unsigned *line)
{
    struct value_obj *value = NULL;
    for (size_t i = 0; i <= n; i++) {
        int mode = i ? INI_GET_NEXT_VALUE : INI_GET_FIRST_VALUE;
        if (ini_get_config_valueobj(s->name, key, s->ini, mode, &value) || !value) {
            return NULL;
        }
    }
    int error = 0;
    uint32_t at = 0;
    value_get_line(value, &at);
    *line = at;
    const char *text = ini_get_const_string_config_value(value, &error);
    return pool_text(&s->report->pool, error || !text ? "" : text);
}

bool config_value_fits(const char *value)
{
    size_t len = strlen(value);
    bool blank = len && (strchr(" \t", value[0]) || strchr(" \t", value[len - 1]));
    return !blank && !strpbrk(value, "\r\n") && !strstr(value, " ;") && !strstr(value, "\t;") &&
           !strstr(value, " #") && !strstr(value, "\t#");
}

/* A comment behind a value would become part of it. */
int section_check_value(const struct section *s, const char *key, const char *value, unsigned line)
{
    if (!*value) {
        return section_wrong(s, line, key, "has no value");
    }
    if (!config_value_fits(value)) {
        return section_wrong(s, line, key, "a comment stands on a line of its own");
    }
    return END_DONE;
}

int section_one(const struct section *s, const char *key, bool needed, const char **out,
                unsigned *line)
{
    *out = section_value(s, key, 0, line);
    if (*out) {
        return section_check_value(s, key, *out, *line);
    }
    return needed ? section_wrong(s, 0, s->name, pool_format(&s->report->pool, "needs '%s'", key))
                  : END_DONE;
}

int section_check_keys(const struct section *s, const char *const *known, size_t once)
{
    int count = 0;
    int error = 0;
    int end = END_DONE;
    char **list = ini_get_attribute_list(s->ini, s->name, &count, &error);
    for (int i = 0; list && i < count && !end; i++) {
        unsigned line = 0;
        size_t k = 0;
        while (known[k] && strcmp(known[k], list[i])) {
            k++;
        }
        if (!known[k]) {
            section_value(s, list[i], 0, &line);
            end = section_wrong(s, line, list[i], "unknown key");
        }
        if (!end && k < once && section_value(s, list[i], 1, &line)) {
            end = section_wrong(s, line, list[i], "given twice in one section");
        }
    }
    ini_free_attribute_list(list);
    return end;
}
