#include "base/error.h"
#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* strerror_r of glibc: locale-free enough, and without a static buffer. */
static const char *errno_text(int number, char *buf, size_t len)
{
    return strerror_r(number, buf, len);
}

/* Only the line; cut at a character. */
static void put_line(envelope_error *err, const char *line)
{
    size_t n = env_utf8_prefix(line, sizeof err->message - 1);
    memcpy(err->message, line, n);
    err->message[n] = 0;
}

static void fill(envelope_error *err, envelope_status status, const char *format, va_list ap)
{
    char line[1024];
    vsnprintf(line, sizeof line, format, ap);
    put_line(err, line);
    err->status = status;
    err->origin = ENVELOPE_ORIGIN_NONE;
    err->native = 0;
}

envelope_status env_fail(envelope_error *err, envelope_status status, const char *format, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, format);
        fill(err, status, format, ap);
        va_end(ap);
    }
    return status;
}

envelope_status env_fail_errno(envelope_error *err, envelope_status status, int number,
                               const char *format, ...)
{
    if (err) {
        char buf[128];
        va_list ap;
        va_start(ap, format);
        fill(err, status, format, ap);
        va_end(ap);
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof err->message - used, ": %s",
                 errno_text(number, buf, sizeof buf));
        env_error_origin(err, ENVELOPE_ORIGIN_ERRNO, number);
    }
    return status;
}

void env_error_origin(envelope_error *err, int32_t origin, int64_t native)
{
    if (err) {
        err->origin = origin;
        err->native = native;
    }
}

envelope_status env_error_pass(envelope_error *err, envelope_status status,
                               const envelope_error *said)
{
    env_fail(err, status, "%s", said->message);
    env_error_origin(err, said->origin, said->native);
    return status;
}

void env_error_prefix(envelope_error *err, const char *format, ...)
{
    if (!err) {
        return;
    }
    char line[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, 400, format, ap);
    va_end(ap);
    size_t used = strlen(line);
    snprintf(line + used, sizeof line - used, ": %s", err->message);
    put_line(err, line);
}

void env_error_suffix(envelope_error *err, const char *format, ...)
{
    if (!err) {
        return;
    }
    char more[400];
    char line[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(more, sizeof more, format, ap);
    va_end(ap);
    snprintf(line, sizeof line, "%s: %s", err->message, more);
    put_line(err, line);
}

envelope_status envelope_error_set(envelope_error *err, envelope_status status, int64_t native,
                                   const char *message)
{
    char safe[ENV_PRINTABLE_MAX];
    env_fail(err, status, "%s", env_printable(safe, message));
    env_error_origin(err, ENVELOPE_ORIGIN_CALLER, native);
    return status;
}

const char *envelope_status_name(envelope_status status)
{
    static const char *const names[] = {
        "OK",          "E_INVALID",  "E_NOMEM",       "E_RANGE",     "E_LIMIT",   "E_FORMAT",
        "E_AUTH",      "E_ROLLBACK", "E_UNSUPPORTED", "E_NO_KEY",    "E_REFUSED", "E_KMS_UNREACHED",
        "E_AGAIN",     "E_BUSY",     "E_EXISTS",      "E_NOT_FOUND", "E_IO",      "E_CRYPTO",
        "E_CANCELLED", "E_CALLBACK", "E_NO_SPACE",
    };
    const int32_t count = (int32_t)(sizeof names / sizeof names[0]);
    return status <= 0 && status > -count ? names[-status] : "E_UNKNOWN";
}
