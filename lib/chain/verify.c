/* Verification goes on after damage and tells every finding as an event whose message begins with
 * the part: "header copy A", "header copy B", "header copies A and B", "payload", "tail", "object".
 */
#include "base/error.h"
#include "chain/newest.h"
#include "chain/points.h"
#include "chain/verify_disk.h"
#include "format/tail.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STEP = 1 << 20, MESSAGE_MIN = 72 };

struct walk {
    envelope_chain *chain;
    struct env_listener events;
    const envelope_verify_options *how;
    struct env_view view;
    uint8_t *buf;          /* STEP */
    envelope_status worst; /* of what was found */
    envelope_error first;  /* the first finding of that status */
    uint64_t done;
    uint64_t total;
    uint32_t failures;
};

/* Altered before damaged before the rest. */
static int rank(envelope_status st)
{
    return st == ENVELOPE_E_AUTH ? 4 : st == ENVELOPE_E_FORMAT ? 3 : st == ENVELOPE_OK ? 0 : 2;
}

__attribute__((format(printf, 5, 6))) static void finding(struct walk *w,
                                                          const struct env_subject *subject,
                                                          envelope_status st, int32_t kind,
                                                          const char *format, ...)
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

static envelope_status progress(struct walk *w, uint64_t more, envelope_error *err)
{
    w->done += more;
    if (w->how->progress && w->how->progress(w->how->user, w->done, w->total)) {
        return env_fail(err, ENVELOPE_E_CANCELLED, "verification was stopped");
    }
    return ENVELOPE_OK;
}

/* A failure that says something about this process, not about what is verified. */
static bool is_final(envelope_status st)
{
    return st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_CRYPTO || st == ENVELOPE_E_CANCELLED ||
           st == ENVELOPE_E_INVALID;
}

/* -- parts */

static void report_copies(struct walk *w, const struct env_subject *subject, const int32_t copy[2],
                          const struct env_headers *headers)
{
    for (int i = 0; i < 2; i++) {
        if (copy[i] == ENV_COPY_DAMAGED) {
            finding(w, subject, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED,
                    "header copy %c: damaged%s%s", 'A' + i, headers ? ": " : "",
                    headers ? headers->damage[i] : "");
        } else if (copy[i] == ENV_COPY_ALTERED) {
            finding(w, subject, ENVELOPE_E_AUTH, ENVELOPE_EVENT_DAMAGED, "header copy %c: altered",
                    'A' + i);
        } else if (copy[i] == ENV_COPY_STALE) {
            /* format.md 8.3: reported, and no fault: a rewrap was cut off between the copies */
            finding(w, subject, ENVELOPE_OK, ENVELOPE_EVENT_ROLLBACK,
                    "header copy %c: of an older revision than its twin", 'A' + i);
        }
    }
}

static void check_tail(struct walk *w, const struct env_subject *subject,
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
        finding(w, &at, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED,
                "tail: the object ends at byte %llu, not %llu", (unsigned long long)file->bytes,
                (unsigned long long)(at.offset + ENV_TAIL_BYTES));
        return;
    }
    envelope_status st = env_store_read(file, at.offset, raw, sizeof raw, &why);
    st = st ? st : env_tail_get(raw, &tail, &why);
    if (st) {
        finding(w, &at, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED, "%.300s", why.message);
    } else if (memcmp(tail.object_id, object_id, ENV_OBJECT_ID_BYTES) != 0 ||
               memcmp(tail.link, link, ENV_TAIL_LINK_BYTES) != 0 ||
               tail.payload_bytes != place->bytes) {
        finding(w, &at, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED, "tail: another object's");
    }
}

static envelope_status check_payload(struct walk *w, const struct env_subject *subject,
                                     const struct env_source *s, envelope_error *err)
{
    uint64_t bytes = env_payload_reader_bytes(s->payload);
    for (uint64_t at = 0; at < bytes; at += STEP) {
        envelope_error why = ENVELOPE_ERROR_INIT;
        struct env_subject where = *subject;
        size_t n = bytes - at < STEP ? (size_t)(bytes - at) : STEP;
        envelope_status st = env_payload_read(s->payload, at, w->buf, n, &where.offset, &why);
        if (st && is_final(st)) {
            return env_error_pass(err, st, &why);
        }
        if (st) {
            finding(w, &where, st, ENVELOPE_EVENT_DAMAGED, "payload: byte %llu does not verify",
                    (unsigned long long)where.offset);
        }
        st = progress(w, n, err);
        if (st) {
            return st;
        }
    }
    return ENVELOPE_OK;
}

/* -- one point */

static void headers_finding(struct walk *w, const struct env_subject *subject,
                            const struct env_source *s)
{
    if (s->served == ENV_SERVED_CATALOGUE) {
        finding(w, subject, s->headers, ENVELOPE_EVENT_DAMAGED, "header copies A and B: %s",
                s->why);
        return;
    }
    report_copies(w, subject, s->copy, NULL);
}

/* A disk that is walked, and the point that it is. */
struct disk_walk {
    struct walk *w;
    uint64_t point;
};

static void on_block(void *user, const char *object, uint64_t offset, envelope_status status,
                     const char *why)
{
    struct disk_walk *d = user;
    const struct env_subject subject = {.object = object, .point = d->point, .offset = offset};
    finding(d->w, &subject, status == ENVELOPE_E_NOT_FOUND ? ENVELOPE_E_FORMAT : status,
            ENVELOPE_EVENT_DAMAGED, "block: byte %llu of the disk of point %llu: %.250s",
            (unsigned long long)offset, (unsigned long long)d->point, why);
}

static envelope_status on_step(void *user, uint64_t more, envelope_error *err)
{
    struct disk_walk *d = user;
    return progress(d->w, more, err);
}

/* Blocks that lie in other points, too. */
static envelope_status check_disk(struct walk *w, size_t i, const struct env_source *s,
                                  envelope_error *err)
{
    struct env_disk *disk = NULL;
    struct disk_walk d = {w, w->view.at[i].number};
    const struct env_subject subject = {.object = s->name, .point = d.point};
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status st = env_disk_of_view(w->chain, &w->view, i, s, &disk, &why);
    if (st && is_final(st)) {
        return env_error_pass(err, st, &why);
    }
    if (st) {
        finding(w, &subject, st, ENVELOPE_EVENT_DAMAGED, "payload: %.300s", why.message);
        return ENVELOPE_OK;
    }
    st = env_verify_disk(disk, on_block, on_step, &d, err);
    env_disk_close(disk);
    return st;
}

static envelope_status check_source(struct walk *w, size_t i, const struct env_subject *subject,
                                    struct env_source *s, envelope_error *err)
{
    const struct env_row *row = env_view_row(&w->view, i);
    headers_finding(w, subject, s);
    check_tail(w, subject, &s->file, &s->place, row->object_id, row->link);
    if (w->how->flags & ENVELOPE_VERIFY_HEADERS_ONLY) {
        return ENVELOPE_OK;
    }
    envelope_status st = check_payload(w, subject, s, err);
    return st || row->content != ENV_CONTENT_IMAGE ? st : check_disk(w, i, s, err);
}

static const char *guess_name(struct walk *w, const struct env_row *row, char *out)
{
    env_name_point(out, w->chain->folder, row->begun_ms,
                   row->kind == ENV_KIND_FULL ? "full" : "incr", row->object_id);
    return out;
}

static envelope_status check_point(struct walk *w, size_t i, envelope_error *err)
{
    const struct env_point_at *at = &w->view.at[i];
    const struct env_row *row = env_view_row(&w->view, i);
    struct env_source s;
    envelope_error why = ENVELOPE_ERROR_INIT;
    char name[ENV_NAME_MAX + 1];
    envelope_status st =
        at->row != SIZE_MAX
            ? env_source_listed(w->chain, w->view.catalogue, at->row, &s, &why)
            : env_source_extra(w->chain, &w->view.extras->item[at->extra], &s, &why);
    if (st && is_final(st)) {
        return env_error_pass(err, st, &why);
    }
    struct env_subject subject = {.object = st ? guess_name(w, row, name) : s.name,
                                  .point = at->number};
    if (st) {
        bool gone = st == ENVELOPE_E_NOT_FOUND;
        finding(w, &subject, gone ? ENVELOPE_E_FORMAT : st, ENVELOPE_EVENT_DAMAGED, "%s: %.300s",
                gone ? "object" : s.part, gone ? "missing" : why.message);
        return progress(w, row->bytes, err);
    }
    st = check_source(w, i, &subject, &s, err);
    env_source_close(&s);
    return st;
}

/* -- metadata */

/* Its slots did not open it. Metadata of former keys stays for a while, so a missing key is told
 * and is no fault; this handle's own was opened before. */
static void tell_closed(struct walk *w, const struct env_subject *subject,
                        const uint8_t link[ENV_LINK_BYTES], envelope_status st,
                        const envelope_error *why)
{
    const struct env_catalogue *c = w->view.catalogue;
    bool own = c && !memcmp(c->link, link, ENV_LINK_BYTES);
    if ((st == ENVELOPE_E_NO_KEY || st == ENVELOPE_E_REFUSED) && !own) {
        env_emit(&w->events, ENVELOPE_EVENT_UNWRAP, st, subject, "header copies A and B: %.300s",
                 why->message);
        return;
    }
    finding(w, subject, st, ENVELOPE_EVENT_DAMAGED, "header copies A and B: %.300s", why->message);
}

static envelope_status check_catalogue(struct walk *w, const struct env_subject *subject,
                                       struct env_store_file *file, struct env_object *object,
                                       envelope_error *why)
{
    struct env_catalogue *c = NULL;
    const struct env_headers *headers = object->headers;
    uint64_t front = 2 * (uint64_t)headers->capacity;
    envelope_status st = ENVELOPE_OK;
    report_copies(w, subject, object->state, headers);
    if (file->bytes < front + MESSAGE_MIN + ENV_TAIL_BYTES) { /* R-TAIL-01 */
        finding(w, subject, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED,
                "object: cut: there are %llu bytes", (unsigned long long)file->bytes);
        return ENVELOPE_OK;
    }
    const struct env_payload_place place = {front, file->bytes - front - ENV_TAIL_BYTES};
    check_tail(w, subject, file, &place, object->copy->id.object_id, headers->link);
    st = env_catalogue_load(object, env_store_read, file, &c, why);
    env_catalogue_release(c);
    if (st == ENVELOPE_E_AUTH || st == ENVELOPE_E_FORMAT) {
        finding(w, subject, st, ENVELOPE_EVENT_DAMAGED, "payload: %.300s", why->message);
        return ENVELOPE_OK;
    }
    return st;
}

static envelope_status open_metadata(struct walk *w, const struct env_subject *subject,
                                     struct env_opened *opened, envelope_error *why)
{
    struct env_opening opening = env_opening_begin(w->chain->keyring, &w->events);
    struct env_object *object = NULL;
    uint8_t link[ENV_LINK_BYTES];
    opening.object = subject->object;
    opening.chain_id = w->chain->chain_id;
    memcpy(link, opened->headers->link, sizeof link);
    envelope_status st =
        env_object_unlock(opened->headers, w->chain->keyring, &opening, &object, why);
    opened->headers = NULL; /* taken over */
    if (st && !is_final(st)) {
        tell_closed(w, subject, link, st, why);
        return ENVELOPE_OK;
    }
    st = st ? st : check_catalogue(w, subject, &opened->file, object, why);
    env_object_free(object);
    return st;
}

static envelope_status check_metadata(struct walk *w, const struct env_seen *seen,
                                      envelope_error *err)
{
    const struct env_subject subject = {.object = seen->name};
    struct env_opened opened;
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status st = env_headers_open(w->chain->store, seen->name, &opened, &why);
    if (st == ENVELOPE_E_NOT_FOUND) {
        return ENVELOPE_OK; /* pruned meanwhile */
    }
    st = st ? st : open_metadata(w, &subject, &opened, &why);
    env_opened_close(&opened);
    if (st && is_final(st)) {
        return env_error_pass(err, st, &why);
    }
    if (st) {
        finding(w, &subject, st, ENVELOPE_EVENT_DAMAGED, "object: %.300s", why.message);
    }
    return ENVELOPE_OK;
}

/* What a scan meets on the way is a finding too. Its messages begin with the name. */
static void on_scan(void *user, const envelope_event *event)
{
    struct walk *w = user;
    const struct env_subject subject = {.object = event->object};
    if (event->kind == ENVELOPE_EVENT_DAMAGED) {
        finding(w, &subject, event->status, event->kind, "header copies A and B: %.300s",
                event->message + strlen(event->object) + 2);
    }
    if (event->kind == ENVELOPE_EVENT_MISPLACED) {
        finding(w, &subject, ENVELOPE_E_FORMAT, event->kind,
                "object: its header claims another chain");
    }
}

/* Everything that an asking KMS is to answer is asked before the first finding, so that the call
 * which is repeated reads the points once and tells nothing twice. */
static envelope_status ask_one(struct walk *w, const char *name, envelope_error *err)
{
    static const struct env_listener nobody;
    struct env_opened opened;
    struct env_object *object = NULL;
    struct env_opening opening = env_opening_begin(w->chain->keyring, &nobody);
    envelope_status st = env_headers_open(w->chain->store, name, &opened, NULL);
    if (!st) {
        opening.object = name;
        opening.chain_id = w->chain->chain_id;
        st = env_object_unlock(opened.headers, w->chain->keyring, &opening, &object, err);
        opened.headers = NULL; /* taken over */
    }
    env_object_free(object);
    env_opened_close(&opened);
    return st == ENVELOPE_E_AGAIN ? st : ENVELOPE_OK;
}

static envelope_status ask_first(struct walk *w, envelope_error *err)
{
    static const struct env_listener nobody;
    struct env_seen_list seen;
    envelope_status again = ENVELOPE_OK;
    if (!env_keyring_asks(w->chain->keyring)) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_scan_metadata(w->chain, &nobody, &seen, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; i < seen.count; i++) {
        st = seen.item[i].status ? ENVELOPE_OK : ask_one(w, seen.item[i].name, err);
        again = st ? st : again;
    }
    env_seen_free(&seen);
    return again;
}

static envelope_status check_all_metadata(struct walk *w, envelope_error *err)
{
    struct env_seen_list seen;
    const struct env_listener scan = {w->chain->ctx, on_scan, w};
    envelope_status st = env_scan_metadata(w->chain, &scan, &seen, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; !st && i < seen.count; i++) {
        st = seen.item[i].status ? ENVELOPE_OK : check_metadata(w, &seen.item[i], err);
    }
    env_seen_free(&seen);
    return st;
}

/* Objects in points/ that neither the catalogue nor the view has: damaged, forged, or of nobody we
 * know. */
static envelope_status check_strangers(struct walk *w, envelope_error *err)
{
    struct env_seen_list seen;
    const struct env_listener scan = {w->chain->ctx, on_scan, w};
    envelope_status st = env_scan_points(w->chain, w->view.catalogue, &scan, NULL, &seen, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; i < seen.count; i++) {
        const struct env_seen *s = &seen.item[i];
        const struct env_subject subject = {.object = s->name};
        bool shown = false;
        for (size_t k = 0; w->view.extras && k < w->view.extras->count; k++) {
            shown = shown || !strcmp(w->view.extras->item[k].name, s->name);
        }
        if (!s->status && !shown) {
            finding(w, &subject, ENVELOPE_E_AUTH, ENVELOPE_EVENT_FORGED,
                    "object: not listed, and not shown to be of this chain");
        }
    }
    env_seen_free(&seen);
    return ENVELOPE_OK;
}

/* -- all */

/* What progress counts: a disk's own bytes as they lie, and then all of the disk. */
static uint64_t work_of(const struct env_row *row)
{
    return row->content == ENV_CONTENT_IMAGE ? row->bytes + row->stored_bytes : row->bytes;
}

static envelope_status walk_all(struct walk *w, envelope_error *err)
{
    uint64_t only = w->how->point;
    size_t found = 0;
    for (size_t i = 0; i < w->view.count; i++) {
        if (!only || w->view.at[i].number == only) {
            w->total += work_of(env_view_row(&w->view, i));
            found++;
        }
    }
    if (only && !found) {
        return env_fail(err, ENVELOPE_E_NOT_FOUND, "there is no point %llu in this chain",
                        (unsigned long long)only);
    }
    envelope_status st = only ? ENVELOPE_OK : ask_first(w, err);
    for (size_t i = 0; !st && i < w->view.count; i++) {
        if (!only || w->view.at[i].number == only) {
            st = check_point(w, i, err);
        }
    }
    if (st || only) {
        return st;
    }
    st = check_all_metadata(w, err);
    return st ? st : check_strangers(w, err);
}

envelope_status envelope_chain_verify(envelope_chain *chain, const envelope_verify_options *options,
                                      envelope_error *err)
{
    envelope_verify_options o;
    envelope_status st = env_enter(chain ? chain->ctx : NULL, err);
    st = st ? st : env_options(options, &o, sizeof o, "verify_options", err);
    if (st) {
        return st;
    }
    if (o.flags & ENVELOPE_VERIFY_REPAIR) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED, "repair is not built yet");
    }
    if (o.flags & ~(uint32_t)ENVELOPE_VERIFY_HEADERS_ONLY) {
        return env_fail(err, ENVELOPE_E_INVALID, "verify_options.flags: unknown bit");
    }
    struct walk w = {.chain = chain, .how = &o, .events = {chain->ctx, o.event, o.user}};
    w.first.size = sizeof w.first;
    w.buf = env_alloc(chain->ctx, STEP);
    st = w.buf ? env_view_new(chain, &w.view, err) : env_nomem(err);
    if (!st) {
        struct env_call call;
        env_call_begin(chain->ctx, &call);
        st = env_keyring_end(chain->keyring, &call, walk_all(&w, err));
        env_view_free(&w.view);
    }
    env_free(chain->ctx, w.buf);
    return st || !w.worst ? st : env_error_pass(err, w.worst, &w.first);
}
