/* What protobuf-c would take and we do not: rules R-WIRE of docs/format.md, shown on Head, which
 * has every type that we use. */
#include "check_main.h"
#include "failing.h"
#include "parser.h"
#include "proto.h"
#include "samples.h"
#include <string.h>

static uint8_t minor;

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    struct env_head head;
    envelope_status st = env_head_decode(ctx, bytes, len, minor, &head, err);
    ck_assert(!st || env_all_zero(&head, sizeof head));
    env_head_free(ctx, &head);
    return st;
}

/* name, serial, one recipient: the least that a head needs */
static void least(struct proto *p)
{
    static const struct proto_field recipient[] = {{1, 2}, {3, 0, "ops"}, {0}};
    struct proto inner = {0};
    p->len = 0;
    proto_bytes(p, 1, "web01", 5);
    proto_number(p, 2, 3);
    proto_fields(&inner, recipient, (struct proto_field){0});
    proto_message(p, 3, &inner);
}

struct rule {
    const char *rule;
    envelope_status expected;
    const char *bytes; /* put behind the least head */
    size_t len;
};
#define BYTES(text) (text), sizeof(text) - 1
static const struct rule rules[] = {
    {"nothing more", ENVELOPE_OK, BYTES("")},
    {"a default written out", ENVELOPE_OK, BYTES("\x30\0")},
    {"a long varint", ENVELOPE_OK, BYTES("\x30\x81\x80\x80\x80\x80\x80\x80\x80\x80\0")},
    {"a tag in two bytes", ENVELOPE_OK, BYTES("\xb0\0\1")},
    {"R-WIRE-01 varint of 11 bytes", ENVELOPE_E_FORMAT,
     BYTES("\x30\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\0")},
    {"R-WIRE-01 varint of 65 bits", ENVELOPE_E_FORMAT,
     BYTES("\x30\x81\x80\x80\x80\x80\x80\x80\x80\x80\2")},
    {"R-WIRE-01 tag of 6 bytes", ENVELOPE_E_FORMAT, BYTES("\xb0\x80\x80\x80\x80\0\1")},
    {"R-WIRE-01 tag of 2^32", ENVELOPE_E_FORMAT, BYTES("\xb0\x80\x80\x80\x10\1")},
    {"R-WIRE-01 field 0", ENVELOPE_E_FORMAT, BYTES("\0\1")},
    {"R-WIRE-01 cut in a tag", ENVELOPE_E_FORMAT, BYTES("\xb0")},
    {"R-WIRE-01 cut before a number", ENVELOPE_E_FORMAT, BYTES("\x30")},
    {"R-WIRE-01 cut in a number", ENVELOPE_E_FORMAT, BYTES("\x30\x81")},
    {"R-WIRE-01 length beyond the end", ENVELOPE_E_FORMAT, BYTES("\x3a\5\x0a\3")},
    {"R-WIRE-01 length of 6 bytes", ENVELOPE_E_FORMAT, BYTES("\x22\x80\x80\x80\x80\x80\0")},
    {"R-WIRE-01 length of 2^32 - 1", ENVELOPE_E_FORMAT, BYTES("\x22\xff\xff\xff\xff\x0f")},
    {"R-WIRE-02 reserved field 8", ENVELOPE_E_FORMAT, BYTES("\x40\1")},
    {"R-WIRE-02 field 10", ENVELOPE_E_FORMAT, BYTES("\x50\1")},
    {"R-WIRE-02 field 2^29 - 1", ENVELOPE_E_FORMAT, BYTES("\xf8\xff\xff\xff\x0f\1")},
    {"R-WIRE-02 in a submessage", ENVELOPE_E_FORMAT, BYTES("\x3a\2\x28\1")},
    {"R-WIRE-04 number as bytes", ENVELOPE_E_FORMAT, BYTES("\x32\1\1")},
    {"R-WIRE-04 number as fixed64", ENVELOPE_E_FORMAT, BYTES("\x31\1\0\0\0\0\0\0\0")},
    {"R-WIRE-04 number as fixed32", ENVELOPE_E_FORMAT, BYTES("\x35\1\0\0\0")},
    {"R-WIRE-04 number as a group", ENVELOPE_E_FORMAT, BYTES("\x33\x34")},
    {"R-WIRE-04 message as a number", ENVELOPE_E_FORMAT, BYTES("\x38\1")},
    {"R-WIRE-05 serial twice", ENVELOPE_E_FORMAT, BYTES("\x10\3")},
    {"R-WIRE-05 name twice", ENVELOPE_E_FORMAT, BYTES("\x0a\5web01")},
    {"R-WIRE-05 rebuilt twice", ENVELOPE_E_FORMAT, BYTES("\x30\0\x30\0")},
    {"R-WIRE-06 a bool of 2", ENVELOPE_E_FORMAT, BYTES("\x30\2")},
    {"R-WIRE-06 a kind of 2^32", ENVELOPE_E_FORMAT,
     BYTES("\x22\x0b\x08\x82\x80\x80\x80\x10\x1a\3old")},
    {"a key", ENVELOPE_OK, BYTES("\x22\x07\x08\2\x1a\3old")},
    {"R-WIRE-07 not UTF-8", ENVELOPE_E_FORMAT, BYTES("\x22\x07\x08\2\x1a\3ol\xc3")},
    {"R-WIRE-07 U+0000", ENVELOPE_E_FORMAT, BYTES("\x22\x07\x08\2\x1a\3o\0d")},
    {"a key set, packed", ENVELOPE_OK, BYTES("\x22\x07\x08\2\x1a\3old\x2a\3\x0a\1\0")},
    {"a key set, not packed", ENVELOPE_OK, BYTES("\x22\x07\x08\2\x1a\3old\x2a\2\x08\0")},
    {"a key set, in pieces", ENVELOPE_OK,
     BYTES("\x22\x07\x08\2\x1a\3old\x22\x07\x08\2\x1a\3new\x2a\6\x0a\0\x08\0\x08\1")},
    {"R-WIRE-01 cut in a packed number", ENVELOPE_E_FORMAT,
     BYTES("\x22\x07\x08\2\x1a\3old\x2a\3\x0a\1\x80")},
    {"R-WIRE-06 a packed 2^32", ENVELOPE_E_FORMAT,
     BYTES("\x22\x07\x08\2\x1a\3old\x2a\7\x0a\5\x80\x80\x80\x80\x10")},
};

START_TEST(each_rule)
{
    static struct proto p;
    least(&p);
    memcpy(p.bytes + p.len, rules[_i].bytes, rules[_i].len);
    minor = 0;
    expect_parse(parse, p.bytes, p.len + rules[_i].len, rules[_i].expected, rules[_i].rule);
}
END_TEST

static const struct rule newer_rules[] = {
    {"unknown number", ENVELOPE_OK, BYTES("\x50\x96\1")},
    {"unknown fixed64", ENVELOPE_OK, BYTES("\x51\1\2\3\4\5\6\7\x8")},
    {"unknown bytes", ENVELOPE_OK, BYTES("\x52\3abc")},
    {"unknown fixed32", ENVELOPE_OK, BYTES("\x55\1\2\3\4")},
    {"the same twice", ENVELOPE_OK, BYTES("\x50\1\x50\1")},
    {"in a submessage", ENVELOPE_OK, BYTES("\x22\x0a\x08\2\x1a\3old\x48\x96\1")},
    {"the largest number", ENVELOPE_OK, BYTES("\x50\xff\xff\xff\xff\xff\xff\xff\xff\xff\1")},
    {"the largest field", ENVELOPE_OK, BYTES("\xf8\xff\xff\xff\x0f\1")},
    {"R-WIRE-01 tag of 2^32", ENVELOPE_E_FORMAT, BYTES("\x80\x80\x80\x80\x10\1")},
    {"R-WIRE-01 a group", ENVELOPE_E_FORMAT, BYTES("\x53\x54")},
    {"R-WIRE-01 wire type 7", ENVELOPE_E_FORMAT, BYTES("\x57\1")},
    {"R-WIRE-01 unknown bytes, cut", ENVELOPE_E_FORMAT, BYTES("\x52\4abc")},
    {"R-WIRE-01 unknown fixed64, cut", ENVELOPE_E_FORMAT, BYTES("\x51\1\2\3\4\5\6\7")},
    {"R-WIRE-05 is as strict as ever", ENVELOPE_E_FORMAT, BYTES("\x10\3")},
};

START_TEST(newer)
{
    static struct proto p;
    least(&p);
    memcpy(p.bytes + p.len, newer_rules[_i].bytes, newer_rules[_i].len);
    minor = 1;
    expect_parse(parse, p.bytes, p.len + newer_rules[_i].len, newer_rules[_i].expected,
                 newer_rules[_i].rule);
}
END_TEST

START_TEST(unknown_fields_are_counted)
{
    static struct proto p;
    minor = 1;
    least(&p);
    for (int i = 0; i < 1024; i++) {
        proto_number(&p, 10, 1);
    }
    expect_parse(parse, p.bytes, p.len, ENVELOPE_OK, "1,024 unknown fields");
    proto_number(&p, 11, 1);
    expect_parse(parse, p.bytes, p.len, ENVELOPE_E_FORMAT, "R-WIRE-03");
}
END_TEST

/* A megabyte of empty submessages must not take fifty. */
START_TEST(memory_is_bounded)
{
    static uint8_t bytes[1 << 20];
    static const uint8_t tags[] = {0x1a, 0x22, 0x2a, 0x3a, 0x4a};
    for (size_t t = 0; t < sizeof tags; t++) {
        for (size_t i = 0; i < sizeof bytes; i += 2) {
            bytes[i] = tags[t];
            bytes[i + 1] = 0;
        }
        minor = 0;
        expect_parse(parse, bytes, sizeof bytes, ENVELOPE_E_FORMAT, "empty submessages");
    }
}
END_TEST

START_TEST(deepest)
{
    static struct proto p;
    static struct proto inner;
    minor = 1;
    least(&p);
    inner.len = 0;
    for (int i = 0; i < 20; i++) { /* unknown, so its depth does not count: it is not entered */
        static struct proto outer;
        outer.len = 0;
        proto_message(&outer, 12, &inner);
        inner = outer;
    }
    proto_message(&p, 12, &inner);
    expect_parse(parse, p.bytes, p.len, ENVELOPE_OK, "a deep unknown field");
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/wire");
    TCase *t = tcase_create("wire");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, each_rule, 0, sizeof rules / sizeof rules[0]);
    tcase_add_loop_test(t, newer, 0, sizeof newer_rules / sizeof newer_rules[0]);
    tcase_add_test(t, unknown_fields_are_counted);
    tcase_add_test(t, memory_is_bounded);
    tcase_add_test(t, deepest);
    suite_add_tcase(s, t);
    return s;
}
