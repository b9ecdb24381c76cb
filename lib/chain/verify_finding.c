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

static void tell_copies(struct env_verifying *w, const struct env_verify_object *o)
{
    for (int i = 0; i < 2; i++) {
        if (o->copy[i] == ENV_COPY_DAMAGED) {
            env_verify_finding(w, o->subject, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED,
                               "header copy %c: damaged%s%s", 'A' + i, o->headers ? ": " : "",
                               o->headers ? o->headers->damage[i] : "");
        } else if (o->copy[i] == ENV_COPY_ALTERED) {
            env_verify_finding(w, o->subject, ENVELOPE_E_AUTH, ENVELOPE_EVENT_DAMAGED,
                               "header copy %c: altered", 'A' + i);
        } else if (o->copy[i] == ENV_COPY_STALE) {
            /* format.md 8.3: reported, and no fault: a rewrap was cut off between the copies */
            env_verify_finding(w, o->subject, ENVELOPE_OK, ENVELOPE_EVENT_ROLLBACK,
                               "header copy %c: of an older revision than its twin", 'A' + i);
        }
    }
}

envelope_status env_verify_copies(struct env_verifying *w, const struct env_verify_object *o,
                                  envelope_error *err)
{
    bool mended = o->copy[0] == ENV_COPY_GOOD && o->copy[1] == ENV_COPY_GOOD;
    envelope_status st = ENVELOPE_OK;
    if (!mended && w->repair && o->dek) {
        st = env_verify_mend_header(w, o->subject, o->dek, o->link, &mended, err);
    }
    if (!st && !mended) {
        tell_copies(w, o);
    }
    return st;
}

/* NULL: the tail is what it must be. */
static const char *wrong_with_tail(struct env_store_file *file, uint64_t offset,
                                   const struct env_tail *wanted, envelope_error *why)
{
    uint8_t raw[ENV_TAIL_BYTES];
    struct env_tail tail;
    envelope_status st = env_store_read(file, offset, raw, sizeof raw, why);
    st = st ? st : env_tail_get(raw, &tail, why);
    if (st) {
        return why->message;
    }
    bool same = !memcmp(tail.object_id, wanted->object_id, sizeof tail.object_id) &&
                !memcmp(tail.link, wanted->link, sizeof tail.link) &&
                tail.payload_bytes == wanted->payload_bytes;
    return same ? NULL : "tail: another object's";
}

envelope_status env_verify_tail(struct env_verifying *w, const struct env_verify_object *o,
                                struct env_store_file *file, const struct env_payload_place *place,
                                envelope_error *err)
{
    envelope_error why = ENVELOPE_ERROR_INIT;
    struct env_subject at = *o->subject;
    struct env_tail tail = {.payload_bytes = place->bytes};
    uint8_t raw[ENV_TAIL_BYTES];
    bool mended = false;
    at.offset = place->offset + place->bytes;
    if (file->bytes != at.offset + ENV_TAIL_BYTES) {
        env_verify_finding(w, &at, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED,
                           "tail: the object ends at byte %llu, not %llu",
                           (unsigned long long)file->bytes,
                           (unsigned long long)(at.offset + ENV_TAIL_BYTES));
        return ENVELOPE_OK;
    }
    memcpy(tail.object_id, o->object_id, sizeof tail.object_id);
    memcpy(tail.link, o->link, sizeof tail.link);
    const char *wrong = wrong_with_tail(file, at.offset, &tail, &why);
    envelope_status st = ENVELOPE_OK;
    if (wrong && w->repair && o->length_proven) {
        env_tail_put(&tail, raw);
        st = env_verify_mend_tail(w, &at, raw, &mended, err);
    }
    if (!st && wrong && !mended) {
        env_verify_finding(w, &at, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED, "%.300s", wrong);
    }
    return st;
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
