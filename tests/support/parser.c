#include "parser.h"
#include "base/text.h"
#include "check_main.h"
#include "failing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GARBAGE_ROUNDS = 2000, GARBAGE_MAX = 512, CHANGES_MAX = 4 };

static envelope_status parse_in(envelope_ctx *ctx, parse_fn fn, const void *bytes, size_t len,
                                envelope_error *err)
{
    uint8_t *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    if (len) {
        memcpy(copy, bytes, len);
    }
    envelope_status st = fn(ctx, copy, len, err);
    free(copy);
    return st;
}

envelope_status parse_exact(parse_fn fn, const void *bytes, size_t len, envelope_error *err)
{
    envelope_ctx *ctx = test_ctx();
    envelope_status st = parse_in(ctx, fn, bytes, len, err);
    envelope_ctx_free(ctx);
    return st;
}

void expect_parse(parse_fn fn, const void *bytes, size_t len, envelope_status expected,
                  const char *rule)
{
    envelope_ctx *ctx = test_ctx();
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status st = parse_in(ctx, fn, bytes, len, &err);
    ck_assert_msg(st == expected, "%s: %s, not %s (%s)", rule, envelope_status_name(st),
                  envelope_status_name(expected), err.message);
    ck_assert_msg(!st || (err.status == st && err.message[0]), "%s: no message", rule);
    ck_assert_int_eq(parse_in(ctx, fn, bytes, len, NULL), expected);
    envelope_ctx_free(ctx);
}

void expect_prefixes_refused(parse_fn fn, const void *bytes, size_t len)
{
    envelope_ctx *ctx = test_ctx();
    for (size_t n = 0; n < len; n++) {
        envelope_status st = parse_in(ctx, fn, bytes, n, NULL);
        ck_assert_msg(st == ENVELOPE_E_FORMAT, "the first %zu of %zu bytes: %s", n, len,
                      envelope_status_name(st));
    }
    ck_assert_int_eq(parse_in(ctx, fn, bytes, len, NULL), ENVELOPE_OK);
    envelope_ctx_free(ctx);
}

uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t test_seed(const char *what)
{
    const char *given = getenv("TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    printf("# %s: TEST_SEED=%llu\n", what, (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

static size_t garbage(uint64_t *state, const uint8_t *valid, size_t len, uint8_t *out)
{
    if (next_random(state) % 4 == 0) {
        size_t n = next_random(state) % GARBAGE_MAX;
        for (size_t i = 0; i < n; i++) {
            out[i] = (uint8_t)next_random(state);
        }
        return n;
    }
    memcpy(out, valid, len);
    size_t changes = 1 + next_random(state) % CHANGES_MAX;
    for (size_t i = 0; i < changes; i++) {
        out[next_random(state) % len] = (uint8_t)next_random(state);
    }
    return next_random(state) % 8 ? len : next_random(state) % len;
}

void expect_garbage_survived(parse_fn fn, const void *valid, size_t len)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t *buf = malloc(len + GARBAGE_MAX);
    ck_assert_ptr_nonnull(buf);
    uint64_t state = test_seed("garbage");
    size_t refused = 0;
    for (int i = 0; i < GARBAGE_ROUNDS; i++) {
        envelope_status st = parse_in(ctx, fn, buf, garbage(&state, valid, len, buf), NULL);
        bool ok = !st || st == ENVELOPE_E_FORMAT || st == ENVELOPE_E_UNSUPPORTED;
        ck_assert_msg(ok, "round %d: %s", i, envelope_status_name(st));
        refused += st != ENVELOPE_OK;
    }
    ck_assert_uint_ge(refused, GARBAGE_ROUNDS / 5);
    free(buf);
    envelope_ctx_free(ctx);
}

/* How the parse goes when allocation number at fails; *calls says how many there are. */
static envelope_status parse_failing(parse_fn fn, const void *bytes, size_t len, long at,
                                     long *calls)
{
    struct failing f = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    long made = f.calls;
    long live = f.live;
    f.fail_at = at ? made + at : 0;
    envelope_status st = parse_in(ctx, fn, bytes, len, NULL);
    *calls = f.calls - made;
    ck_assert_int_eq(f.live, live);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
    return st;
}

void expect_no_memory_survived(parse_fn fn, const void *valid, size_t len)
{
    long calls;
    long ignored;
    ck_assert_int_eq(parse_failing(fn, valid, len, 0, &calls), ENVELOPE_OK);
    ck_assert_int_gt(calls, 0);
    for (long at = 1; at <= calls; at++) {
        envelope_status st = parse_failing(fn, valid, len, at, &ignored);
        ck_assert_msg(st == ENVELOPE_E_NOMEM, "allocation %ld of %ld: %s", at, calls,
                      envelope_status_name(st));
    }
}

void apply_edit(const struct edit *edit, void *bytes, size_t len)
{
    size_t n = strlen(edit->hex) / 2;
    ck_assert_uint_le(edit->at + n, len);
    ck_assert(env_unhex((uint8_t *)bytes + edit->at, n, edit->hex));
}
