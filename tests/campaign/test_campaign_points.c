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

START_TEST(headers)
{
    struct run r = begin((uint64_t)_i + 1);
    walk_headers(&r);
    run_end(&r);
}
END_TEST

START_TEST(behind)
{
    struct run r = begin((uint64_t)_i + 1);
    walk_payload(&r, _i ? 16 : 512);
    walk_tail(&r);
    walk_cuts(&r);
    run_end(&r);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("campaign_points");
    TCase *t = tcase_create("points");
    tcase_set_timeout(t, 36000);
    tcase_add_test(t, control);
    tcase_add_loop_test(t, headers, 0, POINTS);
    tcase_add_loop_test(t, behind, 0, POINTS);
    suite_add_tcase(s, t);
    return s;
}
