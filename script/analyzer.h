/* Read before each file that is analysed (script/analyze): the analyzer sees one file at a time,
 * and would believe that the functions that make an error may return OK. */
#include "base/context.h"
#include "base/error.h"
#define env_fail(err, status, ...) (env_fail((err), (status), __VA_ARGS__), (status))
#define env_fail_errno(err, status, number, ...)                                                   \
    (env_fail_errno((err), (status), (number), __VA_ARGS__), (status))
#define env_nomem(err)      (env_nomem((err)), ENVELOPE_E_NOMEM)
#define env_enter(ctx, err) ((ctx) ? env_enter((ctx), (err)) : ENVELOPE_E_INVALID)
