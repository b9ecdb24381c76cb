/* What is to go wrong, and when. Text from the environment, rules divided by blanks:
 *
 *     ACTION@WHEN    ACTION  an errno's name: the call is not made, and fails with it
 *                            lie:NAME   the call is made, and fails with it all the same
 *                            drop       the call is not made, and succeeds
 *                            half       half of a write is made
 *                            kill-before, kill-after     SIGKILL
 *                    WHEN    17         the 17th call of any kind
 *                            link:2     the second of a kind
 *                            link:2+    that one and all that follow */
#ifndef FAULTFS_PLAN_H
#define FAULTFS_PLAN_H
#include <stdbool.h>

enum kind {
    KIND_OPEN,
    KIND_MKDIR,
    KIND_WRITE,
    KIND_FSYNC,
    KIND_FDATASYNC,
    KIND_LINK,
    KIND_RENAME,
    KIND_UNLINK,
    KIND_TRUNCATE,
    KIND_CHMOD,
    KIND_LOCK,
    KIND_CLOSE,
    KINDS
};
extern const char *const kind_names[KINDS];

struct fate {
    int error; /* 0: none */
    bool lie;
    bool drop;
    bool half;
    bool kill_before;
    bool kill_after;
};

/* number counts all calls, nth those of the kind; a rule that makes no sense ends the process. */
struct fate plan_fate(const char *plan, enum kind kind, unsigned number, unsigned nth);
#endif
