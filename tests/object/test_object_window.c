/* A chunk number is taken once: the window beside a model that remembers everything. */
#include "check_main.h"
#include "crypto/chunked.h"
#include "failing.h"
#include "object/window.h"
#include <stdlib.h>
#include <string.h>

static struct env_window *begin(envelope_ctx **ctx)
{
    struct env_window *w;
    *ctx = test_ctx();
    ck_assert_int_eq(env_window_new(*ctx, &w, NULL), ENVELOPE_OK);
    return w;
}

static void end(envelope_ctx *ctx, struct env_window *w)
{
    env_window_free(w);
    envelope_ctx_free(ctx);
}

static void expect(struct env_window *w, uint64_t first, uint64_t count, bool last,
                   envelope_status expected)
{
    envelope_status st = env_window_take(w, first, count, last, NULL);
    ck_assert_msg(st == expected, "%llu, %llu: %d instead of %d", (unsigned long long)first,
                  (unsigned long long)count, st, expected);
}

static const uint64_t window = ENV_WINDOW_CHUNKS;

START_TEST(twice)
{
    envelope_ctx *ctx;
    struct env_window *w = begin(&ctx);
    expect(w, 5, 1, false, ENVELOPE_OK);
    expect(w, 5, 1, false, ENVELOPE_E_INVALID);
    expect(w, 0, 6, false, ENVELOPE_E_INVALID); /* all or none: */
    expect(w, 0, 5, false, ENVELOPE_OK);
    expect(w, 4, 3, false, ENVELOPE_E_INVALID);
    expect(w, 6, 1, false, ENVELOPE_OK);
    for (uint64_t n = 0; n < 7; n++) {
        expect(w, n, 1, false, ENVELOPE_E_INVALID);
    }
    end(ctx, w);
}
END_TEST

/* 2^20 below the highest, not one more. */
START_TEST(limits)
{
    envelope_ctx *ctx;
    struct env_window *w = begin(&ctx);
    expect(w, window, 1, false, ENVELOPE_OK);
    expect(w, 0, 1, false, ENVELOPE_OK);
    expect(w, 0, 1, false, ENVELOPE_E_INVALID);
    expect(w, window + 1, 1, false, ENVELOPE_OK);
    expect(w, 0, 1, false, ENVELOPE_E_LIMIT);
    expect(w, 1, 1, false, ENVELOPE_OK);
    expect(w, window, 1, false, ENVELOPE_E_INVALID);
    expect(w, 3 * window, 1, false, ENVELOPE_OK); /* a jump over the whole window */
    expect(w, 2 * window - 1, 1, false, ENVELOPE_E_LIMIT);
    expect(w, 2 * window, 1, false, ENVELOPE_OK);
    expect(w, window + 1, 1, false, ENVELOPE_E_LIMIT);
    expect(w, 3 * window - 1, 1, false, ENVELOPE_OK);
    expect(w, 2 * window - 1, 2, false, ENVELOPE_E_LIMIT);
    end(ctx, w);
}
END_TEST

START_TEST(far)
{
    envelope_ctx *ctx;
    struct env_window *w = begin(&ctx);
    expect(w, ENV_CHUNKS_MAX, 1, false, ENVELOPE_E_LIMIT);
    expect(w, UINT64_MAX, 1, false, ENVELOPE_E_LIMIT);
    expect(w, 1, UINT64_MAX, false, ENVELOPE_E_LIMIT);
    expect(w, ENV_CHUNKS_MAX - 1, 2, false, ENVELOPE_E_LIMIT);
    expect(w, 0, 3 * window, false, ENVELOPE_OK); /* more at once than the window holds */
    expect(w, 3 * window - 1, 1, false, ENVELOPE_E_INVALID);
    expect(w, 2 * window, 1, false, ENVELOPE_E_INVALID);
    expect(w, 2 * window - 1, 1, false, ENVELOPE_E_INVALID);
    expect(w, 2 * window - 2, 1, false, ENVELOPE_E_LIMIT);
    expect(w, ENV_CHUNKS_MAX - 1, 1, true, ENVELOPE_OK);
    end(ctx, w);
}
END_TEST

START_TEST(last)
{
    envelope_ctx *ctx;
    struct env_window *w = begin(&ctx);
    expect(w, 10, 1, false, ENVELOPE_OK);
    expect(w, 8, 1, true, ENVELOPE_E_INVALID); /* below one that was given */
    expect(w, 10, 1, true, ENVELOPE_E_INVALID);
    expect(w, 8, 1, false, ENVELOPE_OK); /* and that took nothing */
    expect(w, 11, 3, true, ENVELOPE_OK);
    expect(w, 13, 1, false, ENVELOPE_E_INVALID);
    expect(w, 14, 1, false, ENVELOPE_E_INVALID);
    expect(w, 14, 1, true, ENVELOPE_E_INVALID);
    expect(w, 9, 1, true, ENVELOPE_E_INVALID);
    expect(w, 9, 1, false, ENVELOPE_OK);
    expect(w, 9, 1, false, ENVELOPE_E_INVALID);
    end(ctx, w);
}
END_TEST

/* Everything that was ever taken, without a window. */
enum { MODEL = 1 << 26 };

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static envelope_status model_take(const uint8_t *taken, uint64_t highest, bool any, uint64_t first,
                                  uint64_t count)
{
    for (uint64_t n = first; n < first + count; n++) {
        if (any && n < highest && highest - n > window) {
            return ENVELOPE_E_LIMIT;
        }
        if (taken[n]) {
            return ENVELOPE_E_INVALID;
        }
    }
    return ENVELOPE_OK;
}

START_TEST(model)
{
    envelope_ctx *ctx;
    struct env_window *w = begin(&ctx);
    uint8_t *taken = calloc(MODEL, 1);
    ck_assert_ptr_nonnull(taken);
    uint64_t highest = 0;
    bool any = false;
    uint64_t x = (uint64_t)_i + 1;
    long seen[3] = {0, 0, 0};
    for (int i = 0; i < 20000 && highest < MODEL - 3 * window; i++) {
        uint64_t jump = i % 500 ? next(&x) % 40 : next(&x) % (window + window / 4);
        uint64_t back = next(&x) % (i % 7 ? 60 : window + window / 8);
        uint64_t count = 1 + next(&x) % 16;
        uint64_t first = highest + jump > back ? highest + jump - back : 0;
        envelope_status expected = model_take(taken, highest, any, first, count);
        expect(w, first, count, false, expected);
        seen[expected == ENVELOPE_OK ? 0 : expected == ENVELOPE_E_LIMIT ? 1 : 2]++;
        if (expected == ENVELOPE_OK) {
            memset(taken + first, 1, count);
            any = true;
            highest = first + count - 1 > highest ? first + count - 1 : highest;
        }
    }
    ck_assert_msg(seen[0] > 100 && seen[1] > 100 && seen[2] > 100, "%ld %ld %ld", seen[0], seen[1],
                  seen[2]);
    free(taken);
    end(ctx, w);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("object_window");
    TCase *t = tcase_create("window");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, twice);
    tcase_add_test(t, limits);
    tcase_add_test(t, far);
    tcase_add_test(t, last);
    tcase_add_loop_test(t, model, 0, 4);
    suite_add_tcase(s, t);
    return s;
}
