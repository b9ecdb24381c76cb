#include "base/error.h"
#include "chain/verifying.h"
#include "format/tail.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Altered before damaged before the rest. */
static int rank(envelope_status st)
{
    return st == ENVELOPE_E_AUTH ? 4 : st == ENVELOPE_E_FORMAT ? 3 : st == ENVELOPE_OK ? 0 : 2;
}

void env_verify_finding(struct env_verifying *w, const struct env_subject *subject,
                        envelope_status st, int32_t kind, const char *format, ...)
{
    char line[400];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    env_emit(&w->events, kind, st, subject, "%s", line);
    if (rank(st) > rank(w->worst)) {
        w->worst = st;
        env_fail(&w->first, st, "%s: %s", subject->object ? subject->object : w->chain->folder,
                 line);
    }
}

envelope_status env_verify_progress(struct env_verifying *w, uint64_t more, envelope_error *err)
{
    w->done += more;
    if (w->how->progress && w->how->progress(w->how->user, w->done, w->total)) {
        return env_fail(err, ENVELOPE_E_CANCELLED, "verification was stopped");
    }
    return ENVELOPE_OK;
}

bool env_verify_final(envelope_status st)
{
    return st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_CRYPTO || st == ENVELOPE_E_CANCELLED ||
           st == ENVELOPE_E_INVALID;
}

void env_verify_copies(struct env_verifying *w, const struct env_subject *subject,
                       const int32_t copy[2], const struct env_headers *headers)
{
    for (int i = 0; i < 2; i++) {
        if (copy[i] == ENV_COPY_DAMAGED) {
            env_verify_finding(w, subject, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED,
                               "header copy %c: damaged%s%s", 'A' + i, headers ? ": " : "",
                               headers ? headers->damage[i] : "");
        } else if (copy[i] == ENV_COPY_ALTERED) {
            env_verify_finding(w, subject, ENVELOPE_E_AUTH, ENVELOPE_EVENT_DAMAGED,
                               "header copy %c: altered", 'A' + i);
        } else if (copy[i] == ENV_COPY_STALE) {
            /* format.md 8.3: reported, and no fault: a rewrap was cut off between the copies */
            env_verify_finding(w, subject, ENVELOPE_OK, ENVELOPE_EVENT_ROLLBACK,
                               "header copy %c: of an older revision than its twin", 'A' + i);
        }
    }
}

void env_verify_tail(struct env_verifying *w, const struct env_subject *subject,
                     struct env_store_file *file, const struct env_payload_place *place,
                     const uint8_t object_id[ENV_OBJECT_ID_BYTES],
                     const uint8_t link[ENV_LINK_BYTES])
{
    uint8_t raw[ENV_TAIL_BYTES];
    struct env_tail tail;
    envelope_error why = ENVELOPE_ERROR_INIT;
    struct env_subject at = *subject;
    at.offset = place->offset + place->bytes;
    if (file->bytes != at.offset + ENV_TAIL_BYTES) {
        env_verify_finding(w, &at, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED,
                           "tail: the object ends at byte %llu, not %llu",
                           (unsigned long long)file->bytes,
                           (unsigned long long)(at.offset + ENV_TAIL_BYTES));
        return;
    }
    envelope_status st = env_store_read(file, at.offset, raw, sizeof raw, &why);
    st = st ? st : env_tail_get(raw, &tail, &why);
    if (st) {
        env_verify_finding(w, &at, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED, "%.300s",
                           why.message);
    } else if (memcmp(tail.object_id, object_id, ENV_OBJECT_ID_BYTES) != 0 ||
               memcmp(tail.link, link, ENV_TAIL_LINK_BYTES) != 0 ||
               tail.payload_bytes != place->bytes) {
        env_verify_finding(w, &at, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED,
                           "tail: another object's");
    }
}

/* What a scan meets on the way is a finding too. Its messages begin with the name. */
void env_verify_on_scan(void *user, const envelope_event *event)
{
    struct env_verifying *w = user;
    const struct env_subject subject = {.object = event->object};
    if (event->kind == ENVELOPE_EVENT_DAMAGED) {
        env_verify_finding(w, &subject, event->status, event->kind, "header copies A and B: %.300s",
                           event->message + strlen(event->object) + 2);
    }
    if (event->kind == ENVELOPE_EVENT_MISPLACED) {
        env_verify_finding(w, &subject, ENVELOPE_E_FORMAT, event->kind,
                           "object: its header claims another chain");
    }
}
