#include "plan.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const kind_names[KINDS] = {"open",      "mkdir", "write",  "fsync",
                                       "fdatasync", "link",  "rename", "unlink",
                                       "truncate",  "chmod", "lock",   "close"};

static const struct {
    const char *name;
    int number;
} errors[] = {
    {"EIO", EIO},       {"EINTR", EINTR},   {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},
    {"EFBIG", EFBIG},   {"EEXIST", EEXIST}, {"EPERM", EPERM},   {"EACCES", EACCES},
    {"EINVAL", EINVAL}, {"ENOSYS", ENOSYS}, {"EROFS", EROFS},   {"EOPNOTSUPP", EOPNOTSUPP},
    {"ENOENT", ENOENT}, {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}, {"ENOLCK", ENOLCK},
};

static void refuse(const char *rule)
{
    fprintf(stderr, "faultfs: no such rule: %s\n", rule);
    abort();
}

static int error_number(const char *name, const char *rule)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (!strcmp(errors[i].name, name)) {
            return errors[i].number;
        }
    }
    refuse(rule);
    return 0;
}

static void act(struct fate *f, const char *action, const char *rule)
{
    bool known = true;
    if (!strcmp(action, "drop")) {
        f->drop = true;
    } else if (!strcmp(action, "half")) {
        f->half = true;
    } else if (!strcmp(action, "kill-before")) {
        f->kill_before = true;
    } else if (!strcmp(action, "kill-after")) {
        f->kill_after = true;
    } else {
        known = false;
    }
    if (!known) {
        f->lie = !strncmp(action, "lie:", 4);
        f->error = error_number(f->lie ? action + 4 : action, rule);
    }
}

static bool kind_known(const char *name)
{
    for (unsigned i = 0; i < KINDS; i++) {
        if (!strcmp(kind_names[i], name)) {
            return true;
        }
    }
    return false;
}

static bool due(const char *when, const char *rule, enum kind kind, unsigned number, unsigned nth)
{
    char name[16];
    unsigned wanted;
    char plus = 0;
    if (sscanf(when, "%u%c", &wanted, &plus) >= 1) {
        return plus == '+' ? number >= wanted : number == wanted;
    }
    if (sscanf(when, "%15[a-z]:%u%c", name, &wanted, &plus) < 2 || !kind_known(name)) {
        refuse(rule);
    }
    return !strcmp(name, kind_names[kind]) && (plus == '+' ? nth >= wanted : nth == wanted);
}

struct fate plan_fate(const char *plan, enum kind kind, unsigned number, unsigned nth)
{
    struct fate f = {0};
    char rule[64];
    int used = 0;
    while (sscanf(plan, " %63s%n", rule, &used) == 1) {
        char whole[64];
        strcpy(whole, rule);
        plan += used;
        char *at = strchr(rule, '@');
        if (!at) {
            refuse(whole);
        }
        *at = 0;
        if (due(at + 1, whole, kind, number, nth)) {
            act(&f, rule, whole);
        }
    }
    return f;
}
