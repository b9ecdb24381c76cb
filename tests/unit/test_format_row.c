/* Row of a catalogue: each rule, and the bytes of ID that it knows. */
#include "check_main.h"
#include "parser.h"
#include "samples.h"
#include <string.h>

enum { PREVIOUS = 41, STRINGS = 35, KEY_SETS = 2 };

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    struct env_row row;
    (void)ctx;
    ck_assert_uint_eq(len, ENV_ROW_BYTES);
    envelope_status st = env_row_get(bytes, PREVIOUS, STRINGS, KEY_SETS, &row, err);
    ck_assert(!st || env_all_zero(&row, sizeof row));
    return st;
}

static void valid(uint8_t bytes[ENV_ROW_BYTES])
{
    struct env_row row;
    sample_row(&row);
    env_row_put(&row, bytes);
}

START_TEST(round_trip)
{
    struct env_row in;
    struct env_row out;
    uint8_t b[ENV_ROW_BYTES];
    uint8_t id[ENV_ID_SHORT_BYTES];
    uint8_t chain_id[ENV_CHAIN_ID_BYTES];
    struct env_id full;
    uint8_t full_bytes[ENV_ID_BYTES];
    sample_row(&in);
    env_row_put(&in, b);
    ck_assert_int_eq(env_row_get(b, PREVIOUS, STRINGS, KEY_SETS, &out, NULL), ENVELOPE_OK);
    ck_assert_mem_eq(&in, &out, sizeof in);
    sample_fill(chain_id, sizeof chain_id, 0x40);
    env_row_id(&out, chain_id, id);
    sample_id(&full, ENV_KIND_INCREMENT);
    env_id_put(&full, full_bytes);
    ck_assert_mem_eq(id, full_bytes, sizeof id);
}
END_TEST

struct rule {
    envelope_status expected;
    struct edit edit;
};
static const char zero_32[] = "0000000000000000000000000000000000000000000000000000000000000000";
static const struct rule rules[] = {
    {ENVELOPE_OK, {"as it is", 0, ""}},
    {ENVELOPE_E_FORMAT, {"number not above the last", 80, "0000000000000029"}},
    {ENVELOPE_E_FORMAT, {"number 2^48", 80, "0001000000000000"}},
    {ENVELOPE_OK, {"number 2^48 - 1", 80, "0000ffffffffffff"}},
    {ENVELOPE_E_FORMAT, {"its own parent", 88, "000000000000002a"}},
    {ENVELOPE_OK, {"parent not known", 88, "0000000000000000"}},
    {ENVELOPE_E_FORMAT, {"a full point with a parent", 173, "01"}},
    {ENVELOPE_E_FORMAT, {"metadata number 2^48", 96, "0001000000000000"}},
    {ENVELOPE_E_FORMAT, {"serial 2^48", 104, "0001000000000000"}},
    {ENVELOPE_E_FORMAT, {"revision 0", 112, "0000000000000000"}},
    {ENVELOPE_E_FORMAT, {"attested, generation 0", 152, "00000000"}},
    {ENVELOPE_E_FORMAT, {"generation 2^31", 152, "80000000"}},
    {ENVELOPE_E_FORMAT, {"key set out of range", 156, "00000002"}},
    {ENVELOPE_E_FORMAT, {"label beyond the strings", 160, "0000001a"}},
    {ENVELOPE_OK, {"label at the end", 160, "00000019"}},
    {ENVELOPE_E_FORMAT, {"label that wraps", 160, "ffffffff"}},
    {ENVELOPE_E_FORMAT, {"no label, yet a place", 168, "0000"}},
    {ENVELOPE_E_FORMAT, {"attributes beyond the strings", 164, "00000010"}},
    {ENVELOPE_E_FORMAT, {"no attributes, yet a place", 170, "0000"}},
    {ENVELOPE_E_FORMAT, {"format 2", 172, "02"}},
    {ENVELOPE_E_FORMAT, {"kind metadata", 173, "03"}},
    {ENVELOPE_E_FORMAT, {"kind 0", 173, "00"}},
    {ENVELOPE_E_FORMAT, {"a detached increment", 174, "01"}},
    {ENVELOPE_E_FORMAT, {"standing 2", 174, "02"}},
    {ENVELOPE_E_FORMAT, {"no content", 175, "00"}},
    {ENVELOPE_OK, {"content image", 175, "02"}},
    {ENVELOPE_E_FORMAT, {"content 3", 175, "03"}},
    {ENVELOPE_E_FORMAT, {"capacity 16384 x 16", 176, "04"}},
    {ENVELOPE_E_FORMAT, {"provenance 0", 177, "00"}},
    {ENVELOPE_OK, {"provenance 5", 177, "05"}},
    {ENVELOPE_E_FORMAT, {"provenance 6", 177, "06"}},
    {ENVELOPE_E_FORMAT, {"unknown flag", 178, "0004"}},
    {ENVELOPE_E_FORMAT, {"a DEK that is flagged unknown", 178, "0003"}},
    {ENVELOPE_E_FORMAT, {"no DEK, without the flag", 48, zero_32}},
    {ENVELOPE_E_FORMAT, {"zeros at 180", 180, "01"}},
    {ENVELOPE_E_FORMAT, {"zeros at 191", 191, "01"}},
};

START_TEST(each_rule)
{
    uint8_t b[ENV_ROW_BYTES];
    valid(b);
    apply_edit(&rules[_i].edit, b, sizeof b);
    expect_parse(parse, b, sizeof b, rules[_i].expected, rules[_i].edit.rule);
}
END_TEST

static void expect_row(const struct env_row *row, uint64_t strings, envelope_status expected)
{
    struct env_row out;
    uint8_t b[ENV_ROW_BYTES];
    env_row_put(row, b);
    ck_assert_int_eq(env_row_get(b, PREVIOUS, strings, KEY_SETS, &out, NULL), expected);
}

START_TEST(rules_of_two_members)
{
    struct env_row row;
    sample_row(&row);
    memset(row.dek, 0, sizeof row.dek);
    row.flags = ENV_ROW_DEK_UNKNOWN;
    expect_row(&row, STRINGS, ENVELOPE_OK);

    sample_row(&row);
    row.number = PREVIOUS;
    row.parent = 0;
    expect_row(&row, STRINGS, ENVELOPE_E_FORMAT);

    sample_row(&row);
    row.generation = 1;
    expect_row(&row, STRINGS, ENVELOPE_OK);

    sample_row(&row);
    row.kind = ENV_KIND_FULL;
    row.parent = 0;
    expect_row(&row, STRINGS, ENVELOPE_OK);
    row.standing = ENV_DETACHED;
    expect_row(&row, STRINGS, ENVELOPE_E_FORMAT);
    row.generation = 0;
    expect_row(&row, STRINGS, ENVELOPE_OK);

    sample_row(&row);
    row.label_len = 255;
    expect_row(&row, 1000, ENVELOPE_OK);
    row.label_len = 256;
    expect_row(&row, 1000, ENVELOPE_E_FORMAT);

    sample_row(&row);
    row.attributes_len = 8192;
    expect_row(&row, 10000, ENVELOPE_OK);
    row.attributes_len = 8193;
    expect_row(&row, 10000, ENVELOPE_E_FORMAT);

    sample_row(&row);
    row.label_at = row.label_len = 0;
    row.attributes_at = row.attributes_len = 0;
    expect_row(&row, 0, ENVELOPE_OK);
}
END_TEST

START_TEST(garbage)
{
    uint64_t state = test_seed("row");
    for (int i = 0; i < 20000; i++) {
        uint8_t b[ENV_ROW_BYTES];
        uint8_t again[ENV_ROW_BYTES];
        struct env_row row;
        valid(b);
        b[80 + next_random(&state) % 112] = (uint8_t)next_random(&state);
        if (!env_row_get(b, PREVIOUS, STRINGS, KEY_SETS, &row, NULL)) {
            env_row_put(&row, again);
            ck_assert_mem_eq(b, again, sizeof b);
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/row");
    TCase *t = tcase_create("row");
    tcase_add_test(t, round_trip);
    tcase_add_test(t, rules_of_two_members);
    tcase_add_test(t, garbage);
    tcase_add_loop_test(t, each_rule, 0, sizeof rules / sizeof rules[0]);
    suite_add_tcase(s, t);
    return s;
}
