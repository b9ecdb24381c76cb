/* Box: the plaintext that an object's box holds. */
#include "check_main.h"
#include "format/attributes.h"
#include "parser.h"
#include "samples.h"
#include <string.h>

static envelope_status get(bool foreign, const void *bytes, size_t len, envelope_error *err)
{
    struct env_box box;
    envelope_status st = env_box_get(bytes, len, foreign, &box, err);
    ck_assert(!st || env_all_zero(&box, sizeof box));
    return st;
}

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    (void)ctx;
    return get(false, bytes, len, err);
}

static envelope_status parse_foreign(envelope_ctx *ctx, const void *bytes, size_t len,
                                     envelope_error *err)
{
    (void)ctx;
    return get(true, bytes, len, err);
}

START_TEST(round_trip)
{
    uint8_t b[SAMPLE_BOX_BYTES];
    uint8_t again[SAMPLE_BOX_BYTES];
    struct env_box box;
    sample_box(b);
    ck_assert_int_eq(env_box_get(b, sizeof b, false, &box, NULL), ENVELOPE_OK);
    ck_assert_ptr_eq(box.root, b);
    ck_assert_ptr_eq(box.block_hash, b + 32);
    ck_assert_uint_eq(box.count, 1);
    ck_assert_uint_eq(box.pairs[0], 0x70);
    ck_assert_uint_eq(env_box_bytes(&box), sizeof b);
    env_box_put(&box, again, sizeof again);
    ck_assert_mem_eq(b, again, sizeof b);
}
END_TEST

START_TEST(empty)
{
    const struct env_box none = {0};
    uint8_t b[256];
    memset(b, 1, sizeof b);
    ck_assert_uint_eq(env_box_bytes(&none), sizeof b);
    env_box_put(&none, b, sizeof b);
    ck_assert(env_all_zero(b, sizeof b));
    expect_parse(parse, b, sizeof b, ENVELOPE_OK, "empty");
    expect_parse(parse_foreign, b, sizeof b, ENVELOPE_OK, "empty, foreign");
}
END_TEST

/* In the sample: attributes at 68, their length 87, n at 155, one pair, zeros from 223. */
static const struct edit edits[] = {
    {"attributes out of order", 69, "7a"},
    {"attributes beyond the end", 64, "00000100"},
    {"attributes beyond 8,192", 64, "00002001"},
    {"attributes of 2^32 - 1", 64, "ffffffff"},
    {"pairs beyond the end", 155, "00000003"},
    {"1,001 pairs", 155, "000003e9"},
    {"2^32 - 1 pairs", 155, "ffffffff"},
    {"zeros at 223", 223, "01"},
    {"zeros at 255", 255, "01"},
};

START_TEST(each_rule)
{
    uint8_t b[SAMPLE_BOX_BYTES];
    sample_box(b);
    apply_edit(&edits[_i], b, sizeof b);
    expect_parse(parse, b, sizeof b, ENVELOPE_E_FORMAT, edits[_i].rule);
}
END_TEST

START_TEST(lengths)
{
    uint8_t b[2 * SAMPLE_BOX_BYTES] = {0};
    sample_box(b);
    expect_parse(parse, b, sizeof b, ENVELOPE_E_FORMAT, "longer than it must be");
    expect_parse(parse, b, SAMPLE_BOX_BYTES + 1, ENVELOPE_E_FORMAT, "no multiple of 256");
    expect_prefixes_refused(parse, b, SAMPLE_BOX_BYTES);
}
END_TEST

static const struct edit foreign_edits[] = {
    {"root", 0, "01"},
    {"block hash", 63, "01"},
    {"a pair", 68 + 9, "00000001"},
};

START_TEST(foreign_rules)
{
    const struct env_box box = {.attributes = {"\xff\x00 any", 6}};
    const struct env_box nine = {.attributes = {"\xff\x00 bytes.", 9}};
    uint8_t b[256];
    env_box_put(&box, b, sizeof b);
    expect_parse(parse_foreign, b, sizeof b, ENVELOPE_OK, "the caller's bytes");
    expect_parse(parse, b, sizeof b, ENVELOPE_E_FORMAT, "which are no attributes");
    env_box_put(&nine, b, sizeof b);
    apply_edit(&foreign_edits[_i], b, sizeof b);
    expect_parse(parse_foreign, b, sizeof b, ENVELOPE_E_FORMAT, foreign_edits[_i].rule);
}
END_TEST

static void expect_foreign(size_t sealed, size_t len, envelope_status expected, const char *rule)
{
    static uint8_t bytes[ENV_ATTRIBUTES_MAX + 1];
    static uint8_t b[9216];
    const struct env_box box = {.attributes = {bytes, sealed}};
    env_box_put(&box, b, len);
    expect_parse(parse_foreign, b, len, expected, rule);
}

START_TEST(sealed_lengths)
{
    expect_foreign(184, 256, ENVELOPE_OK, "no filling");
    expect_foreign(184, 512, ENVELOPE_E_FORMAT, "R-BOX-04 256 zeros");
    expect_foreign(185, 512, ENVELOPE_OK, "255 zeros");
    expect_foreign(ENV_ATTRIBUTES_MAX, 8448, ENVELOPE_OK, "8,192 bytes");
    expect_foreign(ENV_ATTRIBUTES_MAX + 1, 8448, ENVELOPE_E_FORMAT, "R-BOX-03 8,193 bytes");
}
END_TEST

START_TEST(largest)
{
    static uint8_t pairs[(ENV_ANCESTORS_MAX + 1) * ENV_PAIR_BYTES];
    static uint8_t b[80000];
    uint8_t attributes[SAMPLE_ATTRIBUTES_MAX];
    struct env_box box = {.attributes = {attributes, sample_attributes(attributes)},
                          .count = ENV_ANCESTORS_MAX,
                          .pairs = pairs};
    size_t len = env_box_bytes(&box);
    env_box_put(&box, b, len);
    expect_parse(parse, b, len, ENVELOPE_OK, "1,000 ancestors");
    box.count++;
    len = env_box_bytes(&box);
    env_box_put(&box, b, len);
    expect_parse(parse, b, len, ENVELOPE_E_FORMAT, "R-BOX-03 1,001 ancestors");
}
END_TEST

START_TEST(garbage)
{
    uint8_t b[SAMPLE_BOX_BYTES];
    sample_box(b);
    expect_garbage_survived(parse, b, sizeof b);
    expect_garbage_survived(parse_foreign, b, sizeof b);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/box");
    TCase *t = tcase_create("box");
    tcase_add_test(t, round_trip);
    tcase_add_test(t, empty);
    tcase_add_test(t, lengths);
    tcase_add_test(t, largest);
    tcase_add_test(t, sealed_lengths);
    tcase_add_test(t, garbage);
    tcase_add_loop_test(t, each_rule, 0, sizeof edits / sizeof edits[0]);
    tcase_add_loop_test(t, foreign_rules, 0, sizeof foreign_edits / sizeof foreign_edits[0]);
    suite_add_tcase(s, t);
    return s;
}
