#include "base/error.h"
#include "chain/verify_disk.h"
#include "chain/verifying.h"
#include <string.h>

static envelope_status check_payload(struct env_verifying *w, const struct env_subject *subject,
                                     const struct env_source *s, envelope_error *err)
{
    uint64_t bytes = env_payload_reader_bytes(s->payload);
    for (uint64_t at = 0; at < bytes; at += ENV_VERIFY_STEP) {
        envelope_error why = ENVELOPE_ERROR_INIT;
        struct env_subject where = *subject;
        size_t n = bytes - at < ENV_VERIFY_STEP ? (size_t)(bytes - at) : ENV_VERIFY_STEP;
        envelope_status st = env_payload_read(s->payload, at, w->buf, n, &where.offset, &why);
        if (st && env_verify_final(st)) {
            return env_error_pass(err, st, &why);
        }
        if (st) {
            env_verify_finding(w, &where, st, ENVELOPE_EVENT_DAMAGED,
                               "payload: byte %llu does not verify",
                               (unsigned long long)where.offset);
        }
        st = env_verify_progress(w, n, err);
        if (st) {
            return st;
        }
    }
    return ENVELOPE_OK;
}

/* Also where the two disagree, for the DEK of the row says which is right. */
static envelope_status check_headers(struct env_verifying *w, const struct env_verify_object *o,
                                     const struct env_source *s, envelope_error *err)
{
    bool mended = false;
    if (s->served != ENV_SERVED_CATALOGUE) {
        return env_verify_copies(w, o, err);
    }
    envelope_status st = ENVELOPE_OK;
    if (w->repair) {
        st = env_verify_mend_header(w, o->subject, o->dek, o->link, &mended, err);
    }
    if (!st && !mended) {
        env_verify_finding(w, o->subject, s->headers, ENVELOPE_EVENT_DAMAGED,
                           "header copies A and B: %s", s->why);
    }
    return st;
}

/* A disk that is walked, and the point that it is. */
struct disk_walk {
    struct env_verifying *w;
    uint64_t point;
};

static void on_block(void *user, const char *object, uint64_t offset, envelope_status status,
                     const char *why)
{
    struct disk_walk *d = user;
    const struct env_subject subject = {.object = object, .point = d->point, .offset = offset};
    env_verify_finding(d->w, &subject, status == ENVELOPE_E_NOT_FOUND ? ENVELOPE_E_FORMAT : status,
                       ENVELOPE_EVENT_DAMAGED, "block: byte %llu of the disk of point %llu: %.250s",
                       (unsigned long long)offset, (unsigned long long)d->point, why);
}

static envelope_status on_step(void *user, uint64_t more, envelope_error *err)
{
    struct disk_walk *d = user;
    return env_verify_progress(d->w, more, err);
}

/* Blocks that lie in other points, too. */
static envelope_status check_disk(struct env_verifying *w, size_t i, const struct env_source *s,
                                  envelope_error *err)
{
    struct env_disk *disk = NULL;
    struct disk_walk d = {w, w->view.at[i].number};
    const struct env_subject subject = {.object = s->name, .point = d.point};
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status st = env_disk_of_view(w->chain, &w->view, i, s, &disk, &why);
    if (st && env_verify_final(st)) {
        return env_error_pass(err, st, &why);
    }
    if (st) {
        env_verify_finding(w, &subject, st, ENVELOPE_EVENT_DAMAGED, "payload: %.300s", why.message);
        return ENVELOPE_OK;
    }
    st = env_verify_disk(disk, on_block, on_step, &d, err);
    env_disk_close(disk);
    return st;
}

static envelope_status check_around(struct env_verifying *w, size_t i,
                                    const struct env_subject *subject, struct env_source *s,
                                    envelope_error *err)
{
    const struct env_row *row = env_view_row(&w->view, i);
    bool listed = w->view.at[i].row != SIZE_MAX;
    envelope_dek *dek = NULL;
    envelope_status st =
        listed ? env_row_dek(w->view.catalogue, w->view.at[i].row, &dek, err) : ENVELOPE_OK;
    const struct env_verify_object o = {
        .subject = subject,
        .copy = s->copy,
        .dek = listed ? dek : w->view.extras->item[w->view.at[i].extra].dek,
        .object_id = row->object_id,
        .link = row->link,
        .length_proven = listed};
    st = st ? st : check_headers(w, &o, s, err);
    st = st ? st : env_verify_tail(w, &o, &s->file, &s->place, err);
    envelope_dek_free(dek);
    return st;
}

static envelope_status check_source(struct env_verifying *w, size_t i,
                                    const struct env_subject *subject, struct env_source *s,
                                    envelope_error *err)
{
    const struct env_row *row = env_view_row(&w->view, i);
    envelope_status st = check_around(w, i, subject, s, err);
    if (st || (w->how->flags & ENVELOPE_VERIFY_HEADERS_ONLY)) {
        return st;
    }
    st = check_payload(w, subject, s, err);
    return st || row->content != ENV_CONTENT_IMAGE ? st : check_disk(w, i, s, err);
}

static const char *guess_name(struct env_verifying *w, const struct env_row *row, char *out)
{
    env_row_name(w->chain, row, out);
    return out;
}

envelope_status env_verify_point(struct env_verifying *w, size_t i, envelope_error *err)
{
    const struct env_point_at *at = &w->view.at[i];
    const struct env_row *row = env_view_row(&w->view, i);
    struct env_source s;
    envelope_error why = ENVELOPE_ERROR_INIT;
    char name[ENV_NAME_MAX + 1];
    envelope_status st = env_source_of_view(w->chain, &w->view, i, &w->files, &s, &why);
    if (st && env_verify_final(st)) {
        return env_error_pass(err, st, &why);
    }
    struct env_subject subject = {.object = st ? guess_name(w, row, name) : s.name,
                                  .point = at->number};
    if (st) {
        bool gone = st == ENVELOPE_E_NOT_FOUND;
        env_verify_finding(w, &subject, gone ? ENVELOPE_E_FORMAT : st, ENVELOPE_EVENT_DAMAGED,
                           "%s: %.300s", gone ? "object" : s.part, gone ? "missing" : why.message);
        return env_verify_progress(w, row->bytes, err);
    }
    st = check_source(w, i, &subject, &s, err);
    env_source_close(&s);
    return st;
}
