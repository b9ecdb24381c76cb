#include "subject.h"
#include "check_main.h"
#include "freedom.h"
#include "kms/kmip/link.h"
#include "view.h"
#include <stdlib.h>
#include <string.h>

/* For Locate: 1,024 identifiers of 256 bytes. */
enum { ALLOCATED_MAX = 1024 * 256, MOST_FRAMED = 128 << 10 };

/* -- an allocator that knows the largest it was asked for */

static size_t largest;
static size_t highest; /* of all */
static long live;

static void *measured(void *user, size_t size)
{
    (void)user;
    largest = size > largest ? size : largest;
    highest = largest > highest ? largest : highest;
    live++;
    return malloc(size);
}

static void released(void *user, void *p)
{
    (void)user;
    live -= p != NULL;
    free(p);
}

envelope_ctx *subject_ctx(void)
{
    envelope_ctx *ctx;
    const envelope_ctx_options options = {
        .size = sizeof options, .alloc = measured, .release = released};
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    highest = 0;
    return ctx;
}

/* The same bytes as they come over a connection: what their first 8 say is no reason to allocate
 * more than the largest answer allowed. */
static void framed(struct subject *s, const struct mutation *m)
{
    struct env_kmip_frame frame;
    struct env_kmip_reply reply = {0};
    const uint32_t most = MOST_FRAMED;
    bool done = false;
    size_t used = 0;
    env_kmip_frame_begin(&frame, false, most);
    for (size_t at = 0; at < m->bytes.len && !done; at += used) {
        if (env_kmip_frame_feed(s->ctx, &frame, m->bytes.p + at, m->bytes.len - at, &used, &done,
                                &reply, NULL)) {
            break;
        }
    }
    if (done) {
        ck_assert_uint_le(reply.len, m->bytes.len);
        ck_assert_int_eq(memcmp(reply.bytes, m->bytes.p, reply.len), 0);
        env_kmip_reply_free(s->ctx, &reply);
    }
    env_kmip_frame_end(s->ctx, &frame);
    ck_assert_uint_le(largest, most);
}

static void one(void *user, const struct mutation *m)
{
    struct subject *s = user;
    const long before = live;
    largest = 0;
    char *view = view_of(s->ctx, s->operation, s->uid, m->bytes.p, m->bytes.len);
    const char *why = freedom_judge(&s->message, s->part, s->parts, m, s->view, view);
    char name[48] = "message";
    if (m->part >= 0) {
        tree_name(s->part[m->part].tag, name);
    }
    ck_assert_msg(!why, "%s: %s, %s, %zu: %s\nbefore: %s\nafter: %s", s->name, mutate_name[m->kind],
                  name, m->detail, why, s->view, view);
    ck_assert_uint_le(largest, ALLOCATED_MAX);
    framed(s, m);
    ck_assert_int_eq(live, before);
    s->counts->tried[m->kind]++;
    s->counts->refused[m->kind] += !strncmp(view, "E_", 2);
    s->counts->same[m->kind] += strncmp(view, "E_", 2) != 0 && !strcmp(view, s->view);
    free(view);
}

void subject_campaign(struct subject *s, size_t flips)
{
    s->parts = parts_of(&s->message, s->part);
    s->view = view_of(s->ctx, s->operation, s->uid, s->message.p, s->message.len);
    s->counts->subjects++;
    mutate_all(&s->message, flips, one, s);
    free(s->view);
}

void subject_report(const char *what, const struct counts *c)
{
    tap_note("%s: %ld responses, nothing above %zu bytes allocated", what, c->subjects, highest);
    for (int k = 0; k < MUTATE_KINDS; k++) {
        tap_note("%s, %s: %ld tried, %ld refused, %ld read the same, %ld read as what they now say",
                 what, mutate_name[k], c->tried[k], c->refused[k], c->same[k],
                 c->tried[k] - c->refused[k] - c->same[k]);
        ck_assert_int_gt(c->refused[k], 0);
    }
    ck_assert_int_eq(c->refused[MUTATE_CUT_OFF], c->tried[MUTATE_CUT_OFF]);
}
