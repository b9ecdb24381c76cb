/* Every bit and every length of the points of a small chain: what verify says equals the truth that
 * the flipper keeps, and no read gives wrong data. */
#include "walk.h"

static const char *serves(struct run *r, const struct truth *truth)
{
    return read_point(r->c, r->c->chain, r->t->point, truth);
}

static struct run begin(uint64_t point)
{
    struct run r = run_begin(0, serves);
    for (size_t i = 0; i < r.c->targets; i++) {
        r.t = r.c->target[i].point == point ? &r.c->target[i] : r.t;
    }
    ck_assert_uint_eq(r.t->point, point);
    return r;
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
    struct run r = begin((uint64_t)_i % 2 + 1);
    walk_headers(&r, _i / 2 % 3 + 1, _i / 6);
    run_end(&r, _i / 6 ? "header flips, CRC mended" : "header flips");
}
END_TEST

START_TEST(payloads)
{
    struct run r = begin((uint64_t)_i + 1);
    walk_payload(&r, _i ? 16 : 512);
    run_end(&r, "payload flips");
}
END_TEST

START_TEST(tails)
{
    struct run r = begin((uint64_t)_i % 2 + 1);
    walk_tail(&r, _i / 2);
    run_end(&r, _i / 2 ? "tail flips, CRC mended" : "tail flips");
}
END_TEST

START_TEST(cuts)
{
    struct run r = begin((uint64_t)_i + 1);
    walk_cuts(&r);
    run_end(&r, "lengths");
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
