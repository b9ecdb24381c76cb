/* Every bit and every length of the metadata objects and keys copies of a small chain: what verify
 * says equals the truth that the flipper keeps; the chain opens all the same, by the twin, by a
 * keys copy or by older metadata, and every point reads back. */
#include "walk.h"

enum {
    FILES = 7,           /* metadata 1 to 4; keys copies of 2 to 4 */
    OBJECTS = FILES + 1, /* the newest metadata once more, its keys copy gone */
    SOMETIMES = 16
};

static const struct truth as_it_was = {.served = BY_HEADER, .bad_chunk = SIZE_MAX};

static bool is_metadata(const struct target *t)
{
    return t->point == 0;
}

static void hide_copy(struct campaign *c)
{
    size_t hidden = 0;
    for (size_t i = 0; i < c->targets; i++) {
        if (c->target[i].held && !c->target[i].newest) {
            c->target[i].file->hidden = true;
            hidden++;
        }
    }
    ck_assert_uint_eq(hidden, 1);
    c->copy_gone = true;
}

/* The n-th of them. */
static struct run begin(int n, const char *(*serves)(struct run *, const struct truth *))
{
    struct run r = run_begin(0, serves);
    int seen = 0;
    for (size_t i = 0; i < r.c->targets; i++) {
        if (is_metadata(&r.c->target[i]) &&
            (seen++ == n || (n == FILES && r.c->target[i].newest))) {
            r.t = &r.c->target[i];
        }
    }
    ck_assert_int_eq(seen, FILES);
    r.c->thin = r.t->newest ? 6 : 24; /* of the sample: each of these opens the whole chain */
    if (n == FILES) {
        hide_copy(r.c);
    }
    return r;
}

static bool is_listed(envelope_chain *chain, uint64_t number)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_points *points;
    bool listed = false;
    MUST(envelope_chain_points(chain, &points, &err));
    ck_assert_uint_eq(envelope_points_count(points), POINTS);
    for (size_t i = 0; i < POINTS; i++) {
        const envelope_point *p = envelope_points_at(points, i);
        listed = listed || (p->number == number && !(p->flags & ENVELOPE_POINT_UNLISTED));
    }
    envelope_points_free(points);
    return listed;
}

/* Was the damaged object named when the chain was opened? */
static bool named(const struct host *h, const struct target *t)
{
    for (size_t i = 0; i < h->events; i++) {
        if (!strcmp(h->event[i].object, t->file->name) && h->event[i].status) {
            return true;
        }
    }
    return false;
}

static const char *opens(struct run *r, const struct truth *truth, bool with_pin)
{
    struct host *h = &r->c->host;
    envelope_status st;
    h->keeps = with_pin;
    h->events = 0;
    envelope_chain *chain = host_open(h, &r->c->mem, &st);
    h->keeps = true;
    if (!chain) {
        return envelope_status_name(st);
    }
    const char *wrong = NULL;
    bool lost = truth->served == BY_NOTHING && r->t->newest;
    if (is_listed(chain, POINTS) == (lost && r->c->copy_gone)) {
        wrong = "the newest metadata was taken, or not taken, against the truth";
    }
    if (!wrong && lost && !named(h, r->t)) {
        wrong = "opening the chain does not name the damaged object";
    }
    /* the small point each time, the other one sometimes */
    uint64_t first = r->plan.done % SOMETIMES ? 2 : 1;
    for (uint64_t point = first; !wrong && point <= POINTS; point++) {
        wrong = read_point(r->c, chain, point, &as_it_was);
    }
    envelope_chain_free(chain);
    return wrong;
}

static const char *serves(struct run *r, const struct truth *truth)
{
    bool sometimes = r->plan.done % SOMETIMES == 0;
    if (r->in_zeros &&
        !sometimes) { /* verify has said that these zeros are damage like the others */
        return NULL;
    }
    const char *wrong = opens(r, truth, true);
    return wrong || !sometimes ? wrong : opens(r, truth, false);
}

START_TEST(control)
{
    struct run r = begin(0, serves);
    ck_assert_ptr_null(serves(&r, &as_it_was));
    run_end(&r);
}
END_TEST

START_TEST(headers)
{
    struct run r = begin(_i, serves);
    walk_headers(&r);
    run_end(&r);
}
END_TEST

START_TEST(behind)
{
    struct run r = begin(_i, serves);
    walk_payload(&r, 16);
    walk_tail(&r);
    walk_cuts(&r);
    run_end(&r);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("campaign_metadata");
    TCase *t = tcase_create("metadata");
    tcase_set_timeout(t, 36000);
    tcase_add_test(t, control);
    tcase_add_loop_test(t, headers, 0, OBJECTS);
    tcase_add_loop_test(t, behind, 0, OBJECTS);
    suite_add_tcase(s, t);
    return s;
}
