/* Tail: every flipped bit is seen, and each rule behind the CRC as well. */
#include "check_main.h"
#include "format/crc32c.h"
#include "parser.h"
#include "samples.h"
#include <string.h>

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    struct env_tail tail;
    (void)ctx;
    ck_assert_uint_eq(len, ENV_TAIL_BYTES);
    envelope_status st = env_tail_get(bytes, &tail, err);
    ck_assert(!st || env_all_zero(&tail, sizeof tail));
    return st;
}

static void valid(uint8_t bytes[ENV_TAIL_BYTES])
{
    struct env_tail tail;
    sample_tail(&tail);
    env_tail_put(&tail, bytes);
}

START_TEST(round_trip)
{
    struct env_tail in;
    struct env_tail out;
    uint8_t b[ENV_TAIL_BYTES];
    sample_tail(&in);
    env_tail_put(&in, b);
    ck_assert_int_eq(env_tail_get(b, &out, NULL), ENVELOPE_OK);
    ck_assert_mem_eq(&in, &out, sizeof in);
    ck_assert_mem_eq(b, "\x89\x45\x4e\x44\x0d\x0a\x1a\x0a\x00\x01\x00\x00\x00\x00\x00\x00", 16);
    ck_assert_mem_eq(b + 32, "\x00\x00\x00\x00\x00\x00\x42\x68", 8);
}
END_TEST

START_TEST(every_bit)
{
    uint8_t b[ENV_TAIL_BYTES];
    valid(b);
    for (size_t i = 0; i < 8 * sizeof b; i++) {
        b[i / 8] ^= (uint8_t)(1 << i % 8);
        expect_parse(parse, b, sizeof b, ENVELOPE_E_FORMAT, "a flipped bit");
        b[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}
END_TEST

static const struct edit edits[] = {
    {"magic", 0, "00"},        {"version 2", 8, "0002"},  {"version 0", 8, "0000"},
    {"flags", 10, "0001"},     {"zeros at 12", 12, "01"}, {"zeros at 15", 15, "01"},
    {"zeros at 56", 56, "01"}, {"zeros at 59", 59, "01"},
};

/* With the CRC made right: the rules themselves, not the CRC, must refuse. */
START_TEST(each_rule)
{
    uint8_t b[ENV_TAIL_BYTES];
    valid(b);
    apply_edit(&edits[_i], b, sizeof b);
    struct env_out crc = env_out_over(b + 60, 4);
    env_put_u32(&crc, env_crc32c(b, 60));
    expect_parse(parse, b, sizeof b, ENVELOPE_E_FORMAT, edits[_i].rule);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/tail");
    TCase *t = tcase_create("tail");
    tcase_add_test(t, round_trip);
    tcase_add_test(t, every_bit);
    tcase_add_loop_test(t, each_rule, 0, sizeof edits / sizeof edits[0]);
    suite_add_tcase(s, t);
    return s;
}
