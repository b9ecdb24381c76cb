/* Every bit and every length of the points of a small chain: what verify says equals the truth that
 * the flipper keeps, and no read gives wrong data. */
#include "campaign_kit.h"
#include <stdlib.h>

struct run {
    struct campaign *c;
    struct target *t;
    struct plan plan;
    unsigned long by[4]; /* served by header, twin, catalogue, nothing */
};

static struct run begin(uint64_t point)
{
    struct run r = {.c = campaign_begin(), .plan = plan_new()};
    for (size_t i = 0; i < r.c->targets; i++) {
        r.t = r.c->target[i].point == point ? &r.c->target[i] : r.t;
    }
    ck_assert_ptr_nonnull(r.t);
    return r;
}

static void end(struct run *r, const char *what)
{
    tap_note("%s of point %d: %lu tried; served by header %lu, twin %lu, catalogue %lu, not %lu",
             what, (int)r->t->point, (unsigned long)r->plan.done, r->by[BY_HEADER], r->by[BY_TWIN],
             r->by[BY_CATALOGUE], r->by[BY_NOTHING]);
    ck_assert_uint_gt(r->plan.done, 0);
    ck_assert_msg(!memcmp(r->t->file->data, r->t->saved, r->t->layout.len), "not mended");
    campaign_verify(r->c, 0); /* the control: nothing is left over */
    ck_assert_int_eq(r->c->verdict, ENVELOPE_OK);
    campaign_end(r->c);
}

/* The rules of Slots are not repeated here: the copies may also be damaged. */
static const char *judge_open(const struct run *r, struct truth *truth, const struct flip *f)
{
    const char *wrong = judge(r->c, r->t, truth);
    if (wrong && truth->open_question) {
        struct flip plain = *f;
        plain.mend = false;
        *truth = truth_of(&r->t->layout, &plain, true);
        return judge(r->c, r->t, truth) ? wrong : NULL;
    }
    return wrong;
}

static void try(struct run *r, const struct flip *f)
{
    trying(r->t, f);
    struct truth truth = truth_of(&r->t->layout, f, true);
    damage(r->t, f);
    campaign_verify(r->c, r->t->point);
    const char *wrong = judge_open(r, &truth, f);
    wrong = wrong ? wrong : read_point(r->c, r->c->chain, r->t->point, &truth);
    mend(r->t, f);
    ck_assert_msg(!wrong, "%s: %s", tried(), wrong);
    r->by[truth.served]++;
}

/* How many are passed over in a sample: none where each byte has a meaning of its own. */
static uint64_t stride(enum region region)
{
    switch (region) {
    case IN_PRE:
    case IN_ID:
    case IN_BOX_LENGTH:
    case IN_REVISION:
    case IN_SLOTS_LENGTH:
    case IN_CRC:
        return 1;
    case IN_ATT:
    case IN_TAG:
    case IN_P:
        return 4;
    case IN_BOX:
    case IN_SLOTS:
        return 16;
    case IN_ZEROS:
        break;
    }
    return 256;
}

static void flip_headers(uint64_t point, int copies, bool mend_it)
{
    struct run r = begin(point);
    const struct layout *l = &r.t->layout;
    for (size_t at = 0; at < l->capacity; at++) {
        enum region region = region_of(l, at);
        if (mend_it && region == IN_CRC) { /* would be no flip */
            continue;
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            const struct flip f = {HEADER, copies, mend_it, at, bit};
            if (plan_takes(&r.plan, 8 * at + bit, stride(region))) {
                try(&r, &f);
            }
        }
    }
    end(&r, mend_it ? "header flips, CRC mended," : "header flips");
}

START_TEST(control)
{
    struct campaign *c = campaign_begin();
    const struct truth whole = {.served = BY_HEADER, .bad_chunk = SIZE_MAX};
    for (uint64_t point = 0; point <= POINTS; point++) {
        campaign_verify(c, point);
        ck_assert_msg(!c->verdict, "%s", c->why.message);
        ck_assert_uint_eq(c->findings, 0);
        const char *wrong = point ? read_point(c, c->chain, point, &whole) : NULL;
        ck_assert_msg(!wrong, "%s", wrong);
    }
    campaign_end(c);
}
END_TEST

/* _i: point, copies, CRC */
START_TEST(headers)
{
    flip_headers((uint64_t)_i % 2 + 1, _i / 2 % 3 + 1, _i / 6);
}
END_TEST

START_TEST(payloads)
{
    struct run r = begin((uint64_t)_i + 1);
    const struct layout *l = &r.t->layout;
    for (size_t at = l->payload; at < l->payload + l->payload_len; at++) {
        bool prefix = chunk_of(l, at) == SIZE_MAX;
        for (unsigned bit = 0; bit < 8; bit++) {
            const struct flip f = {.what = PAYLOAD, .at = at, .bit = bit};
            if (plan_takes(&r.plan, 8 * at + bit, prefix ? 1 : _i ? 16 : 512)) {
                try(&r, &f);
            }
        }
    }
    end(&r, "payload flips");
}
END_TEST

START_TEST(tails)
{
    struct run r = begin((uint64_t)_i % 2 + 1);
    const struct layout *l = &r.t->layout;
    bool mend_it = _i / 2;
    for (size_t at = l->len - TAIL; at < l->len - (mend_it ? 4 : 0); at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            const struct flip f = {.what = IN_TAIL, .mend = mend_it, .at = at, .bit = bit};
            if (plan_takes(&r.plan, at, 1)) {
                try(&r, &f);
            }
        }
    }
    end(&r, mend_it ? "tail flips, CRC mended," : "tail flips");
}
END_TEST

/* Lengths near to where something begins or ends. */
static bool near_boundary(const struct layout *l, size_t len)
{
    const size_t at[] = {0,
                         32,
                         l->capacity,
                         l->payload,
                         l->len,
                         l->payload + PREFIX,
                         l->payload + TAIL,
                         l->payload + l->payload_len};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        if (len + 20 >= at[i] && len <= at[i] + 20) {
            return true;
        }
    }
    size_t in = len > l->payload + PREFIX ? (len - l->payload - PREFIX) % SEALED_CHUNK : 100;
    return len >= l->len - TAIL || in < 20 || in > SEALED_CHUNK - 20;
}

START_TEST(cuts)
{
    struct run r = begin((uint64_t)_i + 1);
    const struct layout *l = &r.t->layout;
    for (size_t len = 0; len < l->len; len++) {
        const struct flip f = {.what = CUT, .at = len};
        if (plan_takes(&r.plan, len, near_boundary(l, len) ? 1 : 64)) {
            try(&r, &f);
        }
    }
    end(&r, "lengths");
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("campaign_points");
    TCase *t = tcase_create("points");
    tcase_set_timeout(t, 36000);
    tcase_add_test(t, control);
    tcase_add_loop_test(t, headers, 0, 12);
    tcase_add_loop_test(t, payloads, 0, 2);
    tcase_add_loop_test(t, tails, 0, 4);
    tcase_add_loop_test(t, cuts, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
