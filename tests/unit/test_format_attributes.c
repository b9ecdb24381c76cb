/* Attributes: order, names, our own values, the limit of 8,192 bytes. */
#include "base/bytes.h"
#include "check_main.h"
#include "format/attributes.h"
#include "parser.h"
#include "samples.h"
#include <string.h>

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    (void)ctx;
    return env_attributes_check(ENV_BYTES(bytes, len), err);
}

START_TEST(sorted_however_they_come)
{
    uint8_t a[SAMPLE_ATTRIBUTES_MAX];
    size_t len = sample_attributes(a);
    struct env_bytes v;
    expect_parse(parse, a, len, ENVELOPE_OK, "the sample");
    ck_assert_mem_eq(a, "\x06.begun\x00\x08", 9);
    ck_assert(env_attributes_find(ENV_BYTES(a, len), ENV_ATTRIBUTE_LABEL, &v));
    ck_assert_uint_eq(v.len, 15);
    ck_assert_mem_eq(v.p, "before the move", 15);
    ck_assert(env_attributes_find(ENV_BYTES(a, len), "empty", &v));
    ck_assert_uint_eq(v.len, 0);
    ck_assert(!env_attributes_find(ENV_BYTES(a, len), "vendor", &v));
    ck_assert_ptr_null(v.p);
}
END_TEST

START_TEST(replaced_in_place)
{
    static const char *const values[] = {"a much longer job's name", "", "short"};
    uint8_t a[SAMPLE_ATTRIBUTES_MAX];
    size_t len = sample_attributes(a);
    size_t before = len - 7;
    for (size_t i = 0; i < 3; i++) {
        struct env_bytes v;
        size_t n = strlen(values[i]);
        ck_assert_int_eq(env_attributes_set(a, sizeof a, &len, "vendor.job", values[i], n, NULL),
                         ENVELOPE_OK);
        ck_assert_uint_eq(len, before + n);
        expect_parse(parse, a, len, ENVELOPE_OK, "replaced");
        ck_assert(env_attributes_find(ENV_BYTES(a, len), "vendor.job", &v));
        ck_assert_uint_eq(v.len, n);
        ck_assert(n == 0 || !memcmp(v.p, values[i], n));
        ck_assert(env_attributes_find(ENV_BYTES(a, len), ENV_ATTRIBUTE_NUMBER, &v));
    }
}
END_TEST

struct rule {
    const char *rule;
    envelope_status expected;
    const char *bytes;
    size_t len;
};
#define BYTES(text) (text), sizeof(text) - 1
static const struct rule rules[] = {
    {"none", ENVELOPE_OK, BYTES("")},
    {"one", ENVELOPE_OK, BYTES("\1a\0\1v")},
    {"two", ENVELOPE_OK, BYTES("\1a\0\0\2aa\0\0")},
    {"each end of the alphabets", ENVELOPE_OK, BYTES("\7-.09_az\0\0")},
    {"number 1", ENVELOPE_OK, BYTES("\7.number\0\x8\0\0\0\0\0\0\0\1")},
    {"an empty name", ENVELOPE_E_FORMAT, BYTES("\0\0\0")},
    {"upper case", ENVELOPE_E_FORMAT, BYTES("\1A\0\0")},
    {"a slash", ENVELOPE_E_FORMAT, BYTES("\1/\0\0")},
    {"U+0000 in a name", ENVELOPE_E_FORMAT, BYTES("\1\0\0\0")},
    {"twice", ENVELOPE_E_FORMAT, BYTES("\1a\0\0\1a\0\0")},
    {"falling", ENVELOPE_E_FORMAT, BYTES("\1b\0\0\1a\0\0")},
    {"a prefix behind", ENVELOPE_E_FORMAT, BYTES("\2aa\0\0\1a\0\0")},
    {"cut in a name", ENVELOPE_E_FORMAT, BYTES("\2a")},
    {"cut in a length", ENVELOPE_E_FORMAT, BYTES("\1a\0")},
    {"cut in a value", ENVELOPE_E_FORMAT, BYTES("\1a\0\2v")},
    {"a label", ENVELOPE_OK, BYTES("\6.label\0\2\xc3\xa9")},
    {"a label that is not UTF-8", ENVELOPE_E_FORMAT, BYTES("\6.label\0\1\xc3")},
    {"U+0000 in a label", ENVELOPE_E_FORMAT, BYTES("\6.label\0\1\0")},
    {"a number", ENVELOPE_OK, BYTES("\7.number\0\x8\0\0\xff\xff\xff\xff\xff\xff")},
    {"a number of 2^48", ENVELOPE_E_FORMAT, BYTES("\7.number\0\x8\0\1\0\0\0\0\0\0")},
    {"number 0", ENVELOPE_E_FORMAT, BYTES("\7.number\0\x8\0\0\0\0\0\0\0\0")},
    {"a short number", ENVELOPE_E_FORMAT, BYTES("\7.number\0\7\0\0\0\0\0\0\1")},
    {"a long number", ENVELOPE_E_FORMAT, BYTES("\7.number\0\x9\0\0\0\0\0\0\0\1\0")},
    {"begun", ENVELOPE_OK, BYTES("\6.begun\0\x8\xff\0\0\0\0\0\0\0")},
    {"a short begun", ENVELOPE_E_FORMAT, BYTES("\6.begun\0\7\0\0\0\0\0\0\1")},
};

START_TEST(each_rule)
{
    const struct rule *r = &rules[_i];
    expect_parse(parse, r->bytes, r->len, r->expected, r->rule);
}
END_TEST

/* A name of 64, a label of 255, 8,192 bytes in all: the last that is allowed, and one more. */
START_TEST(limits)
{
    uint8_t a[ENV_ATTRIBUTES_MAX + 4];
    char name[66];
    uint8_t value[300];
    size_t len = 0;
    memset(name, 'n', sizeof name);
    memset(value, 'v', sizeof value);
    name[65] = 0;
    ck_assert_int_eq(env_attributes_set(a, sizeof a, &len, name, NULL, 0, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert(!env_attribute_name_valid(name));
    name[64] = 0;
    ck_assert(env_attribute_name_valid(name));
    ck_assert_int_eq(env_attributes_set(a, sizeof a, &len, name, NULL, 0, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_attributes_set(a, sizeof a, &len, ENV_ATTRIBUTE_LABEL, value, 256, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_attributes_set(a, sizeof a, &len, ENV_ATTRIBUTE_LABEL, value, 255, NULL),
                     ENVELOPE_OK);
    static uint8_t big[70000];
    size_t rest = ENV_ATTRIBUTES_MAX - len - 4;
    ck_assert_int_eq(env_attributes_set(a, sizeof a, &len, "z", big, rest + 1, NULL),
                     ENVELOPE_E_LIMIT);
    ck_assert_int_eq(env_attributes_set(a, sizeof a, &len, "z", big, 65536, NULL),
                     ENVELOPE_E_LIMIT);
    ck_assert_int_eq(env_attributes_set(a, sizeof a, &len, "z", big, rest, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(len, ENV_ATTRIBUTES_MAX);
    expect_parse(parse, a, len, ENVELOPE_OK, "8,192 bytes");
    memset(a + len, 0, 4);
    expect_parse(parse, a, len + 1, ENVELOPE_E_FORMAT, "8,193 bytes");
}
END_TEST

START_TEST(callers_buffer_is_the_limit)
{
    uint8_t a[16];
    size_t len = 0;
    ck_assert_int_eq(env_attributes_set(a, 10, &len, "job", "12345", 5, NULL), ENVELOPE_E_LIMIT);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(env_attributes_set(a, 10, &len, "job", "1234", 4, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_attributes_set(a, 10, &len, "job", "12345", 5, NULL), ENVELOPE_E_LIMIT);
    ck_assert_int_eq(env_attributes_set(a, 10, &len, "a", NULL, 0, NULL), ENVELOPE_E_LIMIT);
    ck_assert_int_eq(env_attributes_set(a, 10, &len, "job", "5678", 4, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(len, 10);
    ck_assert_mem_eq(a, "\3job\0\0045678", 10);
}
END_TEST

START_TEST(long_name_refused)
{
    uint8_t a[1 + 65 + 2];
    memset(a, 'n', sizeof a);
    a[0] = 65;
    a[66] = a[67] = 0;
    expect_parse(parse, a, sizeof a, ENVELOPE_E_FORMAT, "a name of 65");
}
END_TEST

START_TEST(callers_names)
{
    ck_assert(env_attribute_name_valid("job-1_x.y"));
    ck_assert(!env_attribute_name_valid(""));
    ck_assert(!env_attribute_name_valid(NULL));
    ck_assert(!env_attribute_name_valid(".label"));
    ck_assert(!env_attribute_name_valid("Job"));
    ck_assert(!env_attribute_name_valid("job 1"));
}
END_TEST

/* A prefix is valid exactly where an attribute ends. */
START_TEST(prefixes)
{
    uint8_t a[SAMPLE_ATTRIBUTES_MAX];
    size_t len = sample_attributes(a);
    size_t accepted = 0;
    for (size_t n = 0; n <= len; n++) {
        envelope_status st = parse_exact(parse, a, n, NULL);
        ck_assert(!st || st == ENVELOPE_E_FORMAT);
        accepted += !st;
    }
    ck_assert_uint_eq(accepted, 6);
}
END_TEST

START_TEST(garbage)
{
    uint8_t a[SAMPLE_ATTRIBUTES_MAX];
    size_t len = sample_attributes(a);
    expect_garbage_survived(parse, a, len);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/attributes");
    TCase *t = tcase_create("attributes");
    tcase_add_test(t, sorted_however_they_come);
    tcase_add_test(t, replaced_in_place);
    tcase_add_test(t, limits);
    tcase_add_test(t, callers_buffer_is_the_limit);
    tcase_add_test(t, long_name_refused);
    tcase_add_test(t, callers_names);
    tcase_add_test(t, prefixes);
    tcase_add_test(t, garbage);
    tcase_add_loop_test(t, each_rule, 0, sizeof rules / sizeof rules[0]);
    suite_add_tcase(s, t);
    return s;
}
