/* Footer: its parts fill the payload without gaps, and what a content does not use is zero. */
#include "check_main.h"
#include "format/attributes.h"
#include "parser.h"
#include "samples.h"
#include <string.h>

struct rule {
    uint8_t content;
    int64_t longer; /* payload, than the sample's */
    envelope_status expected;
    struct edit edit;
};

static const struct rule rules[] = {
    {1, 0, ENVELOPE_OK, {"as it is", 0, ""}},
    {0, 0, ENVELOPE_OK, {"as it is", 0, ""}},
    {1, 0, ENVELOPE_E_FORMAT, {"version 0", 0, "00"}},
    {1, 0, ENVELOPE_E_FORMAT, {"version 2", 0, "02"}},
    {1, 0, ENVELOPE_E_FORMAT, {"another content than ID's", 1, "00"}},
    {1, 0, ENVELOPE_E_FORMAT, {"codec", 2, "01"}},
    {1, 0, ENVELOPE_E_FORMAT, {"block log2", 3, "10"}},
    {1, 0, ENVELOPE_E_FORMAT, {"segment log2", 4, "0b"}},
    {1, 0, ENVELOPE_E_FORMAT, {"zeros at 5", 5, "01"}},
    {1, 0, ENVELOPE_E_FORMAT, {"zeros at 88", 88, "01"}},
    {1, 0, ENVELOPE_E_FORMAT, {"zeros at 127", 127, "01"}},
    {1, 1, ENVELOPE_E_FORMAT, {"a gap before the footer", 0, ""}},
    {1, -1, ENVELOPE_E_FORMAT, {"a part in the footer", 0, ""}},
    {1, 0, ENVELOPE_E_FORMAT, {"data shorter than told", 8, "00000000000003e7"}},
    {1,
     0,
     ENVELOPE_E_FORMAT,
     {"data up to the footer, attributes elsewhere", 8, "0000000000000410"}},
    {1, 0, ENVELOPE_E_FORMAT, {"data longer than all", 8, "ffffffffffffffff"}},
    {1, 0, ENVELOPE_E_FORMAT, {"attributes elsewhere", 16, "00000000000003e7"}},
    {1, 0, ENVELOPE_E_FORMAT, {"attributes longer", 24, "0000000000000029"}},
    {1, 0, ENVELOPE_E_FORMAT, {"attributes that wrap", 24, "ffffffffffffffd8"}},
    {1, -40, ENVELOPE_E_FORMAT, {"no attributes, yet a place", 24, "0000000000000000"}},
    {1, -40, ENVELOPE_OK, {"no attributes", 16, "00000000000000000000000000000000"}},
    {1, 0, ENVELOPE_E_FORMAT, {"table", 32, "0000000000000001"}},
    {1, 0, ENVELOPE_E_FORMAT, {"table count", 40, "0000000000000001"}},
    {1, 0, ENVELOPE_E_FORMAT, {"second", 48, "0000000000000001"}},
    {1, 0, ENVELOPE_E_FORMAT, {"second count", 56, "0000000000000001"}},
    {1, 0, ENVELOPE_E_FORMAT, {"stored blocks", 64, "0000000000000001"}},
    {0, 0, ENVELOPE_E_FORMAT, {"metadata of a size", 8, "0000000000000001"}},
    {0, 0, ENVELOPE_E_FORMAT, {"metadata with final attributes", 24, "0000000000000001"}},
    {0, 0, ENVELOPE_E_FORMAT, {"metadata with a place of them", 16, "0000000000000001"}},
    {0, 0, ENVELOPE_E_FORMAT, {"rows elsewhere", 32, "0000000000000191"}},
    {0, 0, ENVELOPE_E_FORMAT, {"too many rows", 40, "0000000000100001"}},
    {0, 0, ENVELOPE_E_FORMAT, {"rows that wrap", 40, "0155555555555557"}},
    {0, 0, ENVELOPE_E_FORMAT, {"a row less", 40, "0000000000000001"}},
    {0, 0, ENVELOPE_E_FORMAT, {"no rows, yet a place", 40, "0000000000000000"}},
    {0, 0, ENVELOPE_OK, {"no rows", 32, "00000000000000000000000000000000"}},
    {0, 0, ENVELOPE_E_FORMAT, {"strings elsewhere", 48, "0000000000000311"}},
    {0, 0, ENVELOPE_E_FORMAT, {"strings shorter", 56, "000000000000001d"}},
    {0, 0, ENVELOPE_E_FORMAT, {"strings of 2^32", 56, "0000000100000000"}},
    {0, -30, ENVELOPE_OK, {"no strings", 48, "00000000000000000000000000000000"}},
    {0, 0, ENVELOPE_E_FORMAT, {"strings without an end", 48, "00000000000000000000000000000000"}},
    {0,
     0,
     ENVELOPE_OK,
     {"neither", 32, "0000000000000000000000000000000000000000000000000000000000000000"}},
    {0, 0, ENVELOPE_E_FORMAT, {"metadata that took time", 80, "0000000000000001"}},
    {0, 0, ENVELOPE_E_FORMAT, {"metadata with blocks", 64, "0000000000000001"}},
    {2, 0, ENVELOPE_OK, {"as it is", 0, ""}},
    {2, 0, ENVELOPE_E_FORMAT, {"blocks of 2 KiB", 3, "0b"}},
    {2, 0, ENVELOPE_E_FORMAT, {"blocks of 2 MiB", 3, "15"}},
    {2, 0, ENVELOPE_OK, {"blocks of 1 MiB, none stored", 64, "0000000000000000"}},
    {2, 0, ENVELOPE_E_FORMAT, {"segments of another length", 4, "0c"}},
    {2, 0, ENVELOPE_E_FORMAT, {"a disk of another segment", 8, "0000000010000001"}},
    {2, 0, ENVELOPE_E_FORMAT, {"a disk of no segment", 8, "0000000000000000"}},
    {2, 0, ENVELOPE_E_FORMAT, {"above 2^47", 8, "0000800000000001"}},
    {2, 0, ENVELOPE_E_FORMAT, {"an entry more", 40, "0000000000000002"}},
    {2, 0, ENVELOPE_E_FORMAT, {"entries that wrap", 40, "1000000000000001"}},
    {2, 0, ENVELOPE_E_FORMAT, {"more stored than there are", 64, "0000000000000005"}},
    {2, 0, ENVELOPE_E_FORMAT, {"the directory among the blocks", 64, "0000000000000003"}},
    {2, 0, ENVELOPE_E_FORMAT, {"the directory not aligned", 32, "000000000002c010"}},
    {2, 0, ENVELOPE_E_FORMAT, {"the table not aligned", 48, "0000000000030010"}},
    {2, 0, ENVELOPE_E_FORMAT, {"the table a chunk later", 48, "0000000000034000"}},
    {2, 0, ENVELOPE_E_FORMAT, {"the table before the directory", 48, "0000000000028000"}},
    {2, 0, ENVELOPE_E_FORMAT, {"no table, yet a place", 56, "0000000000000000"}},
    {2, 0, ENVELOPE_E_FORMAT, {"1,001 objects", 56, "00000000000003e9"}},
    {2, 0, ENVELOPE_E_FORMAT, {"attributes elsewhere", 16, "0000000000030041"}},
    {2, 0, ENVELOPE_E_FORMAT, {"attributes longer", 24, "0000000000000029"}},
    {2, 1, ENVELOPE_E_FORMAT, {"a gap before the footer", 0, ""}},
};

static uint64_t plain_len(uint8_t content)
{
    static const uint64_t len[] = {SAMPLE_METADATA_BYTES, SAMPLE_STREAM_BYTES, SAMPLE_IMAGE_BYTES};
    return len[content];
}

START_TEST(each_rule)
{
    const struct rule *rule = &rules[_i];
    struct env_footer footer;
    struct env_footer out;
    uint8_t b[ENV_FOOTER_BYTES];
    envelope_error err = ENVELOPE_ERROR_INIT;
    sample_footer(&footer, rule->content);
    env_footer_put(&footer, b);
    apply_edit(&rule->edit, b, sizeof b);
    int64_t len = (int64_t)plain_len(rule->content) + rule->longer;
    envelope_status st = env_footer_get(b, rule->content, (uint64_t)len, &out, &err);
    ck_assert_msg(st == rule->expected, "%s: %s %s", rule->edit.rule, envelope_status_name(st),
                  err.message);
    ck_assert(!st || (env_all_zero(&out, sizeof out) && err.message[0]));
}
END_TEST

START_TEST(round_trip)
{
    for (uint8_t content = 0; content < 3; content++) {
        struct env_footer in;
        struct env_footer out;
        uint8_t b[ENV_FOOTER_BYTES];
        uint64_t len = plain_len(content);
        sample_footer(&in, content);
        env_footer_put(&in, b);
        ck_assert_int_eq(env_footer_get(b, content, len, &out, NULL), ENVELOPE_OK);
        ck_assert_mem_eq(&in, &out, sizeof in);
    }
}
END_TEST

START_TEST(limits)
{
    struct env_footer f;
    struct env_footer out;
    uint8_t b[ENV_FOOTER_BYTES];
    sample_footer(&f, ENV_CONTENT_STREAM);
    for (uint64_t n = ENV_ATTRIBUTES_MAX; n <= ENV_ATTRIBUTES_MAX + 1; n++) {
        f.attributes_len = n;
        env_footer_put(&f, b);
        envelope_status st = env_footer_get(b, ENV_CONTENT_STREAM, 1000 + n + 128, &out, NULL);
        ck_assert_int_eq(st, n > ENV_ATTRIBUTES_MAX ? ENVELOPE_E_FORMAT : ENVELOPE_OK);
    }
    memset(&f, 0, sizeof f);
    f.content = ENV_CONTENT_STREAM;
    env_footer_put(&f, b);
    ck_assert_int_eq(env_footer_get(b, ENV_CONTENT_STREAM, 128, &out, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_footer_get(b, ENV_CONTENT_STREAM, 127, &out, NULL), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(env_footer_get(b, ENV_CONTENT_STREAM, 0, &out, NULL), ENVELOPE_E_FORMAT);
}
END_TEST

START_TEST(most_of_metadata)
{
    struct env_footer f = {.table_at = 400, .table_count = ENV_ROWS_LIMIT};
    struct env_footer out;
    uint8_t b[ENV_FOOTER_BYTES];
    uint64_t rows = 400 + (uint64_t)ENV_ROWS_LIMIT * ENV_ROW_BYTES;
    env_footer_put(&f, b);
    ck_assert_int_eq(env_footer_get(b, 0, rows + 128, &out, NULL), ENVELOPE_OK);
    f.table_count++;
    env_footer_put(&f, b);
    ck_assert_int_eq(env_footer_get(b, 0, rows + ENV_ROW_BYTES + 128, &out, NULL),
                     ENVELOPE_E_FORMAT);
    f = (struct env_footer){.second_at = 400, .second_count = UINT32_MAX};
    env_footer_put(&f, b);
    ck_assert_int_eq(env_footer_get(b, 0, 400 + f.second_count + 128, &out, NULL), ENVELOPE_OK);
    f.second_count++;
    env_footer_put(&f, b);
    ck_assert_int_eq(env_footer_get(b, 0, 400 + f.second_count + 128, &out, NULL),
                     ENVELOPE_E_FORMAT);
}
END_TEST

/* Random changes: what is accepted describes exactly the payload's length. */
START_TEST(garbage)
{
    uint64_t state = test_seed("footer");
    for (int i = 0; i < 20000; i++) {
        struct env_footer f;
        struct env_footer out;
        uint8_t b[ENV_FOOTER_BYTES];
        sample_footer(&f, ENV_CONTENT_STREAM);
        env_footer_put(&f, b);
        b[next_random(&state) % 88] = (uint8_t)next_random(&state);
        if (!env_footer_get(b, ENV_CONTENT_STREAM, SAMPLE_STREAM_BYTES, &out, NULL)) {
            ck_assert_uint_eq(out.bytes + out.attributes_len + ENV_FOOTER_BYTES,
                              SAMPLE_STREAM_BYTES);
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/footer");
    TCase *t = tcase_create("footer");
    tcase_add_test(t, round_trip);
    tcase_add_test(t, limits);
    tcase_add_test(t, most_of_metadata);
    tcase_add_test(t, garbage);
    tcase_add_loop_test(t, each_rule, 0, sizeof rules / sizeof rules[0]);
    suite_add_tcase(s, t);
    return s;
}
