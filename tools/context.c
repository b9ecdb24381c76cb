#include "context.h"

int context_new(struct report *report, envelope_ctx **out)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_ctx_options options = {
        .size = sizeof options, .log = report_log, .audit = report_event, .user = report};
    envelope_status status = envelope_ctx_new(&options, out, &err);
    return status ? report_failure(report, status, &err, "cannot begin") : END_DONE;
}
