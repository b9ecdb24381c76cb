/* base/event.h - events to the audit callback, and to whoever else listens in one call. */
#ifndef ENV_BASE_EVENT_H
#define ENV_BASE_EVENT_H
#include "base/context.h"

/* Where events of one call go: the context's audit callback, and fn if any. ctx NULL: nowhere. */
struct env_listener {
    envelope_ctx *ctx;
    envelope_event_fn fn; /* may be NULL */
    void *user;
};
#define ENV_LISTENER(context) ((struct env_listener){(context), NULL, NULL})

/* What an event is about; all members may be zero. slot counts from 1 here, 0 is none. */
struct env_subject {
    const char *object;
    uint64_t point;
    uint64_t offset;
    uint32_t slot;
    const struct envelope_key_ref *key;
    const struct envelope_key_ref *old_key;
};

/* subject NULL: nothing. The line is for people and follows env_fail's rules. */
__attribute__((format(printf, 5, 6))) void env_emit(const struct env_listener *to, int32_t kind,
                                                    envelope_status status,
                                                    const struct env_subject *subject,
                                                    const char *format, ...);
#endif
