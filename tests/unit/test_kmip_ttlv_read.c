/* TTLV read: each rule of docs/kmip.md, each type, each limit, every prefix, garbage. */
#include "base/error.h"
#include "check_main.h"
#include "kms/kmip/ttlv.h"
#include "parser.h"
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 1024, T = 0x420020 };

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    const char *why = NULL;
    (void)ctx;
    if (env_ttlv_whole(bytes, len, &why)) {
        ck_assert_ptr_null(why);
        return ENVELOPE_OK;
    }
    ck_assert(!env_ttlv_whole(bytes, len, NULL));
    return env_fail(err, ENVELOPE_E_FORMAT, "%s", why);
}

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; *hex; hex += 2) {
        hex += *hex == ' ';
        char pair[3] = {hex[0], hex[1], 0};
        ck_assert_uint_lt(n, MESSAGE_MAX);
        out[n++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

struct one {
    const char *rule; /* "": accepted */
    const char *hex;
};
static const struct one ones[] = {
    {"", "420020 02 00000004 0000002a 00000000"},
    {"", "420020 02 00000004 0000002a ffffffff"},
    {"", "420020 03 00000008 0000000000000001"},
    {"", "420020 04 00000008 00000000000000ff"},
    {"", "420020 04 00000010 00000000000000ff 00000000000000ff"},
    {"", "420020 05 00000004 00000003 00000000"},
    {"", "420020 06 00000008 0000000000000000"},
    {"", "420020 06 00000008 0000000000000001"},
    {"", "420020 07 00000000"},
    {"", "420020 07 00000003 c3a965 0102030405"},
    {"", "420020 07 00000008 6162636465666768"},
    {"", "420020 08 00000000"},
    {"", "420020 08 00000001 00 00000000000000"},
    {"", "420020 09 00000008 0000000047da67f8"},
    {"", "420020 0a 00000004 000d2f00 00000000"},
    {"", "420020 01 00000000"},
    {"", "420020 01 00000010 420021 02 00000004 00000001 00000000"},
    {"", "420001 08 00000000"},
    {"", "42ffff 08 00000000"},
    {"", "540000 08 00000000"},
    {"", "54ffff 08 00000000"},
    {"K-TTLV-01", ""},
    {"K-TTLV-01", "420020 08 000000"},
    {"K-TTLV-06", "420020 01 00000008 420021 08 000000"},
    {"K-TTLV-02", "000000 08 00000000"},
    {"K-TTLV-02", "420000 08 00000000"},
    {"K-TTLV-02", "41ffff 08 00000000"},
    {"K-TTLV-02", "430000 08 00000000"},
    {"K-TTLV-02", "53ffff 08 00000000"},
    {"K-TTLV-02", "550000 08 00000000"},
    {"K-TTLV-02", "ffffff 08 00000000"},
    {"K-TTLV-03", "420020 00 00000000"},
    {"K-TTLV-03", "420020 0b 00000008 0000000000000001"},
    {"K-TTLV-03", "420020 81 00000000"},
    {"K-TTLV-03", "420020 ff 00000000"},
    {"K-TTLV-04", "420020 02 00000000"},
    {"K-TTLV-04", "420020 02 00000001 00 00000000000000"},
    {"K-TTLV-04", "420020 02 00000003 000000 0000000000"},
    {"K-TTLV-04", "420020 02 00000005 0000000000 000000"},
    {"K-TTLV-04", "420020 02 00000008 0000000000000001"},
    {"K-TTLV-04", "420020 05 00000007 00000000000000 00"},
    {"K-TTLV-04", "420020 05 00000008 0000000000000001"},
    {"K-TTLV-04", "420020 0a 00000008 0000000000000001"},
    {"K-TTLV-04", "420020 0a 00000000"},
    {"K-TTLV-04", "420020 03 00000004 00000001 00000000"},
    {"K-TTLV-04", "420020 03 00000007 00000000000000 00"},
    {"K-TTLV-04", "420020 06 00000000"},
    {"K-TTLV-04", "420020 06 00000001 01 00000000000000"},
    {"K-TTLV-04", "420020 06 00000004 00000001 00000000"},
    {"K-TTLV-04", "420020 09 00000004 00000001 00000000"},
    {"K-TTLV-04", "420020 09 00000010 0000000000000001 0000000000000001"},
    {"K-TTLV-05", "420020 04 00000000"},
    {"K-TTLV-05", "420020 04 00000001 01 00000000000000"},
    {"K-TTLV-05", "420020 04 00000007 00000000000001 00"},
    {"K-TTLV-05", "420020 04 00000009 000000000000000001 00000000000000"},
    {"K-TTLV-05", "420020 01 00000001 00 00000000000000"},
    {"K-TTLV-05", "420020 01 0000000c 420021 02 00000004 00000001 00000000"},
    {"K-TTLV-06", "420020 02 00000004 000000"},
    {"K-TTLV-06", "420020 02 00000004 00000001 000000"},
    {"K-TTLV-06", "420020 08 00000001 00 000000000000"},
    {"K-TTLV-06", "420020 07 00000009 6161616161616161 61"},
    {"K-TTLV-06", "420020 08 ffffffff 0000000000000000"},
    {"K-TTLV-06", "420020 07 ffffffff 0000000000000000"},
    {"K-TTLV-06", "420020 08 fffffff9 0000000000000000"},
    {"K-TTLV-06", "420020 08 80000000 0000000000000000"},
    {"K-TTLV-06", "420020 01 fffffff8 0000000000000000"},
    {"K-TTLV-06", "420020 04 fffffff8 0000000000000000"},
    {"K-TTLV-06", "420020 01 00000010 420021 08 00000001 00"},
    /* the child would fit into the message, but not into its parent */
    {"K-TTLV-06", "420020 01 00000018 420021 01 00000008 420022 08 00000008 0000000000000000"},
    {"K-TTLV-08", "420020 06 00000008 0000000000000002"},
    {"K-TTLV-08", "420020 06 00000008 0100000000000000"},
    {"K-TTLV-08", "420020 06 00000008 0000000000000100"},
    {"K-TTLV-08", "420020 06 00000008 ffffffffffffffff"},
    {"K-TTLV-09", "420020 07 00000001 00 00000000000000"},
    {"K-TTLV-09", "420020 07 00000003 610061 0000000000"},
    {"K-TTLV-09", "420020 07 00000002 6100 000000000000"},
    {"K-TTLV-09", "420020 07 00000001 80 00000000000000"},
    {"K-TTLV-09", "420020 07 00000002 c080 000000000000"},
    {"K-TTLV-09", "420020 07 00000003 eda080 0000000000"},
    {"K-TTLV-09", "420020 07 00000004 f4908080 00000000"},
    /* a character whose rest stands in the padding */
    {"K-TTLV-09", "420020 07 00000001 c3 a9000000000000"},
    {"K-TTLV-10", "420020 08 00000000 00"},
    {"K-TTLV-10", "420020 08 00000000 0000000000000000"},
    {"K-TTLV-10", "420020 01 00000000 420021 08 00000000"},
};

START_TEST(rules)
{
    uint8_t b[MESSAGE_MAX];
    const struct one *one = &ones[_i];
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status st = parse_exact(parse, b, from_hex(one->hex, b), &err);
    ck_assert_msg(st == (*one->rule ? ENVELOPE_E_FORMAT : ENVELOPE_OK), "%s: %s", one->hex,
                  err.message);
    ck_assert_msg(!strncmp(err.message, one->rule, strlen(one->rule)), "%s: %s", one->hex,
                  err.message);
}
END_TEST

/* `levels` structures within each other, and an empty text in the innermost. */
static size_t nested(unsigned levels, uint8_t *out)
{
    struct env_out o = env_out_over(out, MESSAGE_MAX);
    for (unsigned i = 0; i < levels; i++) {
        env_put_u32(&o, T << 8 | ENV_TTLV_STRUCTURE);
        env_put_u32(&o, 8 * (levels - i));
    }
    env_put_u32(&o, T << 8 | ENV_TTLV_TEXT);
    env_put_u32(&o, 0);
    return o.len;
}

START_TEST(depth)
{
    uint8_t b[MESSAGE_MAX];
    envelope_error err = ENVELOPE_ERROR_INIT;
    for (unsigned levels = 0; levels <= 20; levels++) {
        envelope_status st = parse_exact(parse, b, nested(levels, b), &err);
        ck_assert_int_eq(st, levels <= ENV_TTLV_DEPTH ? ENVELOPE_OK : ENVELOPE_E_FORMAT);
    }
    ck_assert_msg(!strncmp(err.message, "K-TTLV-07", 9), "%s", err.message);
    /* empty ones count as well; side by side they do not add up */
    size_t len = nested(ENV_TTLV_DEPTH, b);
    b[len - 5] = ENV_TTLV_STRUCTURE;
    ck_assert_int_eq(parse_exact(parse, b, len, NULL), ENVELOPE_E_FORMAT);
    struct env_out o = env_out_over(b, sizeof b);
    env_put_u32(&o, T << 8 | ENV_TTLV_STRUCTURE);
    env_put_u32(&o, 40 * 8);
    for (int i = 0; i < 40; i++) {
        env_put_u32(&o, T << 8 | ENV_TTLV_STRUCTURE);
        env_put_u32(&o, 0);
    }
    ck_assert_int_eq(parse_exact(parse, b, o.len, NULL), ENVELOPE_OK);
}
END_TEST

/* All ten types, two deep. */
static size_t all_types(uint8_t *out)
{
    return from_hex("420078 01 000000a0"
                    "420069 01 00000020"
                    "42006a 02 00000004 fffffffe 00000000"
                    "42006b 05 00000004 80000001 00000000"
                    "420001 03 00000008 8000000000000000"
                    "420052 04 00000008 ffffffffffffff01"
                    "420009 06 00000008 0000000000000001"
                    "420094 07 00000003 c3a965 0000000000"
                    "4200c2 08 00000005 0001020304 000000"
                    "420092 09 00000008 ffffffffffffffff"
                    "540001 0a 00000004 ffffffff 00000000"
                    "420093 08 00000000",
                    out);
}

START_TEST(cut_and_garbled)
{
    uint8_t b[MESSAGE_MAX];
    size_t len = all_types(b);
    expect_prefixes_refused(parse, b, len);
    expect_garbage_survived(parse, b, len);
}
END_TEST

START_TEST(each_value)
{
    uint8_t b[MESSAGE_MAX];
    char text[16];
    struct env_ttlv_item message;
    struct env_ttlv_item i;
    struct env_ttlv c = env_ttlv_over(b, all_types(b));
    ck_assert(env_ttlv_next(&c, &message) && message.tag == 0x420078 && c.left == 0);
    ck_assert(!env_ttlv_next(&c, &i) && i.tag == 0 && !i.value);
    c = env_ttlv_inside(&message);
    ck_assert(env_ttlv_next(&c, &i) && i.tag == 0x420069);
    struct env_ttlv inner = env_ttlv_inside(&i);
    ck_assert(env_ttlv_next(&inner, &i) && i.tag == 0x42006a && env_ttlv_int(&i) == -2);
    ck_assert(env_ttlv_next(&inner, &i) && env_ttlv_enum(&i) == 0x80000001);
    ck_assert(env_ttlv_inside(&i).left == 0);
    ck_assert(!env_ttlv_next(&inner, &i));
    ck_assert(env_ttlv_next(&c, &i) && env_ttlv_long(&i) == INT64_MIN);
    ck_assert(env_ttlv_next(&c, &i) && i.type == ENV_TTLV_BIG && i.len == 8 && i.value[7] == 1);
    ck_assert(env_ttlv_next(&c, &i) && env_ttlv_bool(&i));
    ck_assert(env_ttlv_next(&c, &i) && env_ttlv_text(&i, text, 4));
    ck_assert_str_eq(text, "\xc3\xa9"
                           "e");
    ck_assert(!env_ttlv_text(&i, text, 3) && !*text);
    ck_assert(env_ttlv_text_is(&i, "\xc3\xa9"
                                   "e") &&
              !env_ttlv_text_is(&i, "\xc3\xa9"));
    ck_assert(!env_ttlv_text_is(&i, "\xc3\xa9"
                                    "f") &&
              !env_ttlv_text_is(&i, "\xc3\xa9"
                                    "ee"));
    ck_assert(env_ttlv_next(&c, &i) && i.type == ENV_TTLV_BYTES && i.len == 5 && i.value[4] == 4);
    ck_assert(env_ttlv_next(&c, &i) && i.type == ENV_TTLV_DATE && env_ttlv_long(&i) == -1);
    ck_assert(env_ttlv_next(&c, &i) && i.tag == 0x540001 && env_ttlv_enum(&i) == UINT32_MAX);
    ck_assert(env_ttlv_next(&c, &i) && i.tag == 0x420093 && i.len == 0);
    ck_assert(!env_ttlv_next(&c, &i));
}
END_TEST

/* What is not there reads as nothing, and is no text, not even the empty one. */
START_TEST(absent)
{
    struct env_ttlv_item none = {0};
    char text[4] = "abc";
    ck_assert(!env_ttlv_int(&none) && !env_ttlv_long(&none) && !env_ttlv_enum(&none));
    ck_assert(!env_ttlv_bool(&none) && !env_ttlv_text_is(&none, ""));
    ck_assert(env_ttlv_text(&none, text, sizeof text) && !*text);
    ck_assert_uint_eq(env_ttlv_inside(&none).left, 0);
}
END_TEST

/* The cursor over bytes that nobody approved stays in its slice. */
START_TEST(cursor_unapproved)
{
    uint8_t b[MESSAGE_MAX];
    struct env_ttlv_item i;
    size_t len = from_hex("420020 08 00000009 0000000000000000 00000000000000", b);
    struct env_ttlv c = env_ttlv_over(b, len);
    ck_assert(!env_ttlv_next(&c, &i) && i.tag == 0);
    memset(b + 4, 0xff, 4);
    ck_assert(!env_ttlv_next(&c, &i));
    c = env_ttlv_over(b, 7);
    ck_assert(!env_ttlv_next(&c, &i));
}
END_TEST

enum { A = 0x42000a, B = 0x42000b, C = 0x42000c };
static const struct env_ttlv_field three[] = {
    {A, ENV_TTLV_INTEGER, .required = true},
    {B, 0, .repeated = true},
    {C, ENV_TTLV_ENUM},
};
#define ITEM_A  "42000a 02 00000004 00000001 00000000"
#define ITEM_B  "42000b 08 00000001 62 00000000000000"
#define ITEM_C  "42000c 05 00000004 00000003 00000000"
#define UNKNOWN "540001 08 00000000"
static const struct one structures[] = {
    {"", ITEM_A},
    {"", ITEM_A ITEM_B ITEM_C},
    {"", ITEM_A ITEM_B ITEM_B ITEM_B},
    {"", UNKNOWN ITEM_A UNKNOWN ITEM_B UNKNOWN ITEM_B ITEM_C UNKNOWN},
    {"", ITEM_A "42000b 02 00000004 00000001 00000000"},
    {"tag 42000A is missing", ""},
    {"tag 42000A is missing", ITEM_B},
    {"tag 42000A is missing", UNKNOWN},
    {"tag 42000A is there twice", ITEM_A ITEM_A},
    {"tag 42000A is there twice", ITEM_A UNKNOWN ITEM_A},
    {"tag 42000C is there twice", ITEM_A ITEM_C ITEM_C},
    {"tag 42000A stands in the wrong place", ITEM_B ITEM_A},
    {"tag 42000A stands in the wrong place", ITEM_A ITEM_B ITEM_A},
    {"tag 42000B stands in the wrong place", ITEM_A ITEM_C ITEM_B},
    {"tag 42000B stands in the wrong place", ITEM_A ITEM_B ITEM_C ITEM_B},
    {"tag 42000A has another type", "42000a 05 00000004 00000001 00000000"},
    {"tag 42000C has another type", ITEM_A "42000c 02 00000004 00000001 00000000"},
};

START_TEST(fields)
{
    uint8_t b[MESSAGE_MAX];
    const struct one *one = &structures[_i];
    struct env_ttlv_item items[3];
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_ttlv c = env_ttlv_over(b, from_hex(one->hex, b));
    envelope_status st = env_ttlv_fields(c, three, 3, items, "Sample", &err);
    ck_assert_msg(st == (*one->rule ? ENVELOPE_E_FORMAT : ENVELOPE_OK), "%s: %s", one->hex,
                  err.message);
    ck_assert_int_eq(env_ttlv_fields(c, three, 3, items, "Sample", NULL), st);
    if (st) {
        ck_assert_msg(strstr(err.message, one->rule) && !strncmp(err.message, "Sample: ", 8), "%s",
                      err.message);
        ck_assert(!items[0].tag && !items[1].tag && !items[2].tag);
        return;
    }
    ck_assert(env_ttlv_int(&items[0]) == 1);
    ck_assert(!items[1].tag || items[1].tag == B);
}
END_TEST

START_TEST(again)
{
    uint8_t b[MESSAGE_MAX];
    struct env_ttlv_item items[3];
    struct env_ttlv c = env_ttlv_over(
        b, from_hex(ITEM_A ITEM_B UNKNOWN "42000b 08 00000002 6363 000000000000" ITEM_B ITEM_C, b));
    ck_assert_int_eq(env_ttlv_fields(c, three, 3, items, "Sample", NULL), ENVELOPE_OK);
    ck_assert_uint_eq(items[1].len, 1);
    ck_assert(env_ttlv_again(c, &items[1]) && items[1].len == 2 && items[1].value[0] == 'c');
    ck_assert(env_ttlv_again(c, &items[1]) && items[1].len == 1);
    struct env_ttlv_item last = items[1];
    ck_assert(!env_ttlv_again(c, &items[1]) && items[1].value == last.value);
    ck_assert(!env_ttlv_again(c, &items[2]));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kmip/ttlv_read");
    TCase *t = tcase_create("ttlv_read");
    tcase_add_loop_test(t, rules, 0, sizeof ones / sizeof ones[0]);
    tcase_add_test(t, depth);
    tcase_add_test(t, cut_and_garbled);
    tcase_add_test(t, each_value);
    tcase_add_test(t, absent);
    tcase_add_test(t, cursor_unapproved);
    tcase_add_loop_test(t, fields, 0, sizeof structures / sizeof structures[0]);
    tcase_add_test(t, again);
    suite_add_tcase(s, t);
    return s;
}
