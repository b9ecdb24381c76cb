/* freedom.h - where a changed response may still be read, and what may then read differently: what
 * KMIP leaves free. */
#ifndef TESTS_FREEDOM_H
#define TESTS_FREEDOM_H
#include "mutate.h"

/* NULL, or why the reading after the mutation is not allowed. `before` and `after` are views. */
const char *freedom_judge(const struct tree *message, const struct part *parts, int count,
                          const struct mutation *m, const char *before, const char *after);
#endif
