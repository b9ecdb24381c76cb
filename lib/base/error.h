/* base/error.h - filling the caller's envelope_error. */
#ifndef ENV_BASE_ERROR_H
#define ENV_BASE_ERROR_H
#include <envelope/base.h>

/* Fills err, if any, with a line made by printf's rules and cut at a character; returns status, so
 * a function ends with `return env_fail(err, ...)`. Text that came from outside goes through
 * env_printable first. */
__attribute__((format(printf, 3, 4))) envelope_status
env_fail(envelope_error *err, envelope_status status, const char *format, ...);

/* The same with errno's text behind the line; native becomes number. */
__attribute__((format(printf, 4, 5))) envelope_status
env_fail_errno(envelope_error *err, envelope_status status, int number, const char *format, ...);

/* What envelope_error.native means: one of ENVELOPE_ORIGIN_*. */
void env_error_origin(envelope_error *err, int32_t origin, int64_t native);

/* Hands on what another call said with its failure, all but the size; returns status. */
envelope_status env_error_pass(envelope_error *err, envelope_status status,
                               const envelope_error *said);

/* Puts "prefix: " before the line that is already there. */
__attribute__((format(printf, 2, 3))) void
env_error_prefix(envelope_error *err, const char *format,
                 ...); /* Puts ": suffix" behind it: what to do now. */
__attribute__((format(printf, 2, 3))) void env_error_suffix(envelope_error *err, const char *format,
                                                            ...);
#endif
