#include "base/event.h"
#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>

void env_emit(const struct env_listener *to, int32_t kind, envelope_status status,
              const struct env_subject *subject, const char *format, ...)
{
    const envelope_ctx *ctx = to->ctx;
    if (!ctx || (!ctx->options.audit && !to->fn)) {
        return;
    }
    char line[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    line[env_utf8_prefix(line, sizeof line - 1)] = 0;
    static const struct env_subject nothing;
    const struct env_subject *s = subject ? subject : &nothing;
    envelope_event event = {
        .size = sizeof event,
        .kind = kind,
        .status = status,
        .time_ms = env_now_ms(),
        .object = s->object,
        .point = s->point,
        .offset = s->offset,
        .slot = (int32_t)s->slot - 1,
        .key = s->key,
        .old_key = s->old_key,
        .message = line,
    };
    if (ctx->options.audit) {
        ctx->options.audit(ctx->options.user, &event);
    }
    if (to->fn) {
        to->fn(to->user, &event);
    }
}
