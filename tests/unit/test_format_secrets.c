/* SECRETS: lengths, and generations that rise. */
#include "check_main.h"
#include "parser.h"
#include "samples.h"
#include <string.h>

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    size_t count;
    (void)ctx;
    envelope_status st = env_secrets_check(bytes, len, &count, err);
    ck_assert_uint_eq(count, st ? 0 : (len - ENV_ROOT_BYTES) / ENV_SECRET_ENTRY_BYTES);
    return st;
}

START_TEST(read)
{
    uint8_t s[SAMPLE_SECRETS_BYTES];
    size_t count;
    sample_secrets(s);
    ck_assert_int_eq(env_secrets_check(s, sizeof s, &count, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(env_secrets_generation(s, 0), 1);
    ck_assert_uint_eq(env_secrets_generation(s, 1), 5);
    ck_assert_ptr_eq(env_secrets_gs(s, 0), s + 36);
    ck_assert_ptr_eq(env_secrets_gs(s, 1), s + 72);
}
END_TEST

static const struct edit edits[] = {
    {"generation 0", 32, "00000000"},
    {"falling", 68, "00000000"},
    {"twice", 68, "00000001"},
    {"generation 2^31", 68, "80000000"},
};

START_TEST(each_rule)
{
    uint8_t s[SAMPLE_SECRETS_BYTES];
    sample_secrets(s);
    apply_edit(&edits[_i], s, sizeof s);
    expect_parse(parse, s, sizeof s, ENVELOPE_E_FORMAT, edits[_i].rule);
}
END_TEST

/* Only root and whole entries, at least one. */
START_TEST(lengths)
{
    uint8_t s[SAMPLE_SECRETS_BYTES + 1] = {0};
    sample_secrets(s);
    for (size_t n = 0; n <= sizeof s; n++) {
        bool ok = n == 68 || n == 104;
        expect_parse(parse, s, n, ok ? ENVELOPE_OK : ENVELOPE_E_FORMAT, "a length");
    }
}
END_TEST

START_TEST(most_generations)
{
    static uint8_t s[ENV_ROOT_BYTES + (ENV_GENERATIONS_LIMIT + 1) * ENV_SECRET_ENTRY_BYTES];
    for (uint32_t i = 0; i <= ENV_GENERATIONS_LIMIT; i++) {
        struct env_out o = env_out_over(s + ENV_ROOT_BYTES + i * ENV_SECRET_ENTRY_BYTES, 4);
        env_put_u32(&o, i + 1);
    }
    expect_parse(parse, s, sizeof s - ENV_SECRET_ENTRY_BYTES, ENVELOPE_OK, "4,096 generations");
    expect_parse(parse, s, sizeof s, ENVELOPE_E_FORMAT, "4,097 generations");
}
END_TEST

START_TEST(garbage)
{
    uint8_t s[SAMPLE_SECRETS_BYTES];
    sample_secrets(s);
    /* most bytes are secrets, and all of these are allowed: spoil one entry for good */
    s[32] = 0xff;
    s[68] = 0xff;
    expect_garbage_survived(parse, s, sizeof s);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/secrets");
    TCase *t = tcase_create("secrets");
    tcase_add_test(t, read);
    tcase_add_test(t, lengths);
    tcase_add_test(t, most_generations);
    tcase_add_test(t, garbage);
    tcase_add_loop_test(t, each_rule, 0, sizeof edits / sizeof edits[0]);
    suite_add_tcase(s, t);
    return s;
}
