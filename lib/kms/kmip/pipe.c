/* The pipe may be the caller's, in a language where a callback that raised returns 0: what it says
 * is checked before it is believed. */
#include "base/error.h"
#include "base/text.h"
#include "kms/kmip/connection.h"

static uint32_t left(int64_t until)
{
    int64_t ms = until ? until - env_kmip_clock_ms() : 0;
    if (ms <= 0) {
        return 0;
    }
    return ms > INT32_MAX ? INT32_MAX : (uint32_t)ms;
}

/* false: the time is over. 0 milliseconds with true: do not wait. */
static bool time_for(int64_t until, uint32_t *ms)
{
    *ms = left(until);
    return !until || *ms;
}

static envelope_status failed(envelope_status st, const char *call, const envelope_error *said,
                              envelope_error *err)
{
    char text[ENV_PRINTABLE_MAX];
    envelope_error whole = *said;
    whole.message[sizeof whole.message - 1] = 0;
    env_printable(text, whole.message);
    if (!whole.message[0]) {
        return env_fail(err, st, "`%s` of the pipe failed and gave no reason", call);
    }
    env_fail(err, st, "%s", text);
    env_error_origin(err, whole.origin, whole.native);
    return st;
}

static envelope_status status_of(envelope_status st)
{
    return st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_AGAIN ? st : ENVELOPE_E_KMS_UNREACHED;
}

static envelope_status no_deed(const char *call, const char *what, envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_CALLBACK, "`%s` of the pipe returned OK and %s", call, what);
}

envelope_status env_kmip_pipe_open(const struct env_kmip_pipe *pipe,
                                   const struct env_kmip_endpoint *to, int64_t until, void **out,
                                   envelope_error *err)
{
    uint32_t ms;
    *out = NULL;
    if (!time_for(until, &ms)) {
        return env_fail(err, ENVELOPE_E_AGAIN, "the time is over");
    }
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_status st = pipe->ops.open(pipe->self, to->host, to->port, ms, out, &said);
    if (st) {
        *out = NULL;
        return failed(status_of(st), "open", &said, err);
    }
    return *out ? ENVELOPE_OK : no_deed("open", "gave no connection", err);
}

envelope_status env_kmip_pipe_write(const struct env_kmip_pipe *pipe, void *connection,
                                    const void *data, size_t len, size_t *done, int64_t until,
                                    envelope_error *err)
{
    uint32_t ms;
    *done = 0;
    if (!time_for(until, &ms)) {
        return env_fail(err, ENVELOPE_E_AGAIN, "the time is over");
    }
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_status st = pipe->ops.write(connection, data, len, done, ms, &said);
    if (st) {
        return failed(status_of(st), "write", &said, err);
    }
    if (*done > len) {
        return no_deed("write", "wrote more than it was given", err);
    }
    if (!*done) {
        return time_for(until, &ms) ? no_deed("write", "wrote nothing", err)
                                    : env_fail(err, ENVELOPE_E_AGAIN, "the time is over");
    }
    return ENVELOPE_OK;
}

envelope_status env_kmip_pipe_read(const struct env_kmip_pipe *pipe, void *connection, void *buf,
                                   size_t cap, size_t *done, int64_t until, envelope_error *err)
{
    uint32_t ms;
    *done = 0;
    if (!time_for(until, &ms)) {
        return env_fail(err, ENVELOPE_E_AGAIN, "the time is over");
    }
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_status st = pipe->ops.read(connection, buf, cap, done, ms, &said);
    if (st) {
        return failed(status_of(st), "read", &said, err);
    }
    return *done <= cap ? ENVELOPE_OK : no_deed("read", "read more than there was room for", err);
}
