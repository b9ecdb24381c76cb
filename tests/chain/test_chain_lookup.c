/* lib/chain/lookup.h: finds what was added, the first of equals, and nothing else, at the cost of
 * one whatever ids are chosen. */
#include "chain/lookup.h"
#include "check_main.h"
#include "failing.h"
#include "steps.h"
#include <string.h>

enum { MANY = 5000 };

static uint8_t ids[MANY][ENV_LOOKUP_KEY_BYTES];

static const uint8_t *key(const void *items, size_t i)
{
    return ((const uint8_t(*)[ENV_LOOKUP_KEY_BYTES])items)[i];
}

/* Numbers in these bytes, and zeros elsewhere: what somebody would choose to do harm. */
static void choose(int first_byte)
{
    memset(ids, 0, sizeof ids);
    for (size_t i = 0; i < MANY; i++) {
        ids[i][first_byte] = (uint8_t)i;
        ids[i][first_byte + 1] = (uint8_t)(i >> 8);
    }
}

static uint64_t fill_and_find(envelope_ctx *ctx, size_t count)
{
    struct env_lookup l = {0};
    uint64_t from = steps_taken();
    for (size_t i = 0; i < count; i++) {
        ck_assert(!env_lookup_extend(ctx, &l, ids, i + 1, key, NULL));
    }
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(env_lookup_find(&l, ids, key, ids[i]), i);
    }
    uint64_t steps = steps_taken() - from;
    env_lookup_free(ctx, &l);
    return steps;
}

/* Few are looked at for each, wherever in the id the difference lies. */
START_TEST(chosen_ids)
{
    envelope_ctx *ctx = test_ctx();
    choose(_i);
    uint64_t steps = fill_and_find(ctx, MANY);
    tap_note("bytes %d and %d: %.1f steps each", _i, _i + 1, (double)steps / MANY);
    ck_assert_uint_lt(steps, 100 * MANY);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(absent_and_equal)
{
    envelope_ctx *ctx = test_ctx();
    struct env_lookup l = {0};
    choose(0);
    memcpy(ids[70], ids[3], sizeof ids[70]);
    ck_assert_uint_eq(env_lookup_find(&l, ids, key, ids[0]), SIZE_MAX);
    ck_assert(!env_lookup_extend(ctx, &l, ids, 0, key, NULL));
    ck_assert_uint_eq(env_lookup_find(&l, ids, key, ids[0]), SIZE_MAX);
    ck_assert(!env_lookup_extend(ctx, &l, ids, 100, key, NULL));
    ck_assert_uint_eq(env_lookup_find(&l, ids, key, ids[3]), 3);
    ck_assert_uint_eq(env_lookup_find(&l, ids, key, ids[99]), 99);
    ck_assert_uint_eq(env_lookup_find(&l, ids, key, ids[100]), SIZE_MAX);
    env_lookup_free(ctx, &l);
    envelope_ctx_free(ctx);
}
END_TEST

/* What was in it before is in it still. */
START_TEST(no_memory)
{
    struct failing alloc = {0};
    envelope_ctx_options o = failing_options(&alloc);
    envelope_ctx *ctx;
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_lookup l = {0};
    choose(0);
    ck_assert(!envelope_ctx_new(&o, &ctx, &err));
    ck_assert(!env_lookup_extend(ctx, &l, ids, 20, key, &err));
    alloc.fail_at = alloc.calls + 1;
    ck_assert_int_eq(env_lookup_extend(ctx, &l, ids, MANY, key, &err), ENVELOPE_E_NOMEM);
    ck_assert_uint_eq(env_lookup_find(&l, ids, key, ids[19]), 19);
    ck_assert_uint_eq(env_lookup_find(&l, ids, key, ids[20]), SIZE_MAX);
    ck_assert(!env_lookup_extend(ctx, &l, ids, MANY, key, &err));
    ck_assert_uint_eq(env_lookup_find(&l, ids, key, ids[MANY - 1]), MANY - 1);
    env_lookup_free(ctx, &l);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(alloc.live, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_lookup");
    TCase *t = tcase_create("lookup");
    tcase_add_loop_test(t, chosen_ids, 0, ENV_LOOKUP_KEY_BYTES - 1);
    tcase_add_test(t, absent_and_equal);
    tcase_add_test(t, no_memory);
    suite_add_tcase(s, t);
    return s;
}
