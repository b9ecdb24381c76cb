/* The pin: its frame, and what it may say. */
#include "check_main.h"
#include "failing.h"
#include "format/crc32c.h"
#include "parser.h"
#include "proto.h"
#include "samples.h"
#include <envelope/chain.h>
#include <string.h>

#define NO ENVELOPE_E_FORMAT
#define OK ENVELOPE_OK

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    struct env_pin pin;
    envelope_status st = env_pin_decode(ctx, bytes, len, &pin, err);
    ck_assert(!st || env_all_zero(&pin, sizeof pin));
    env_pin_free(ctx, &pin);
    return st;
}

static size_t encode(envelope_ctx *ctx, uint8_t **bytes)
{
    struct env_pin pin;
    size_t len;
    sample_pin(ctx, &pin);
    ck_assert_int_eq(env_pin_encode(ctx, &pin, bytes, &len, NULL), OK);
    env_pin_free(ctx, &pin);
    return len;
}

START_TEST(round_trip)
{
    envelope_ctx *ctx = test_ctx();
    struct env_pin out;
    struct env_pin copy;
    uint8_t *bytes;
    uint8_t *again;
    size_t again_len;
    size_t len = encode(ctx, &bytes);
    ck_assert_int_eq(env_pin_decode(ctx, bytes, len, &out, NULL), OK);
    ck_assert_uint_eq(out.generation, 2);
    ck_assert_uint_eq(out.number, 12);
    ck_assert_uint_eq(out.serial, 3);
    ck_assert_int_eq(out.kms_ms, 1776000000000);
    ck_assert_uint_eq(out.pending_count, 2);
    ck_assert_uint_eq(out.keys.item[1].spki_len, 100);
    ck_assert_uint_eq(out.keys.item[1].spki[99], 100);
    ck_assert_int_eq(env_pin_copy(ctx, &copy, &out, NULL), OK);
    env_pin_free(ctx, &out);
    ck_assert_int_eq(env_pin_encode(ctx, &copy, &again, &again_len, NULL), OK);
    ck_assert_uint_eq(again_len, len);
    ck_assert_mem_eq(bytes, again, len);
    env_pin_free(ctx, &copy);
    env_free(ctx, bytes);
    env_free(ctx, again);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(every_bit_and_every_prefix)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t *bytes;
    size_t len = encode(ctx, &bytes);
    expect_prefixes_refused(parse, bytes, len);
    for (size_t i = 0; i < 8 * len; i++) {
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        ck_assert_int_eq(parse(ctx, bytes, len, NULL), NO);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    env_free(ctx, bytes);
    envelope_ctx_free(ctx);
}
END_TEST

/* In its frame. */
static size_t frame(const struct proto *p, uint8_t *out, size_t cap)
{
    struct env_out o = env_out_over(out, cap);
    env_put_bytes(&o, "\x89\x45\x4e\x50\x0d\x0a\x1a\x0a", 8);
    env_put_u32(&o, (uint32_t)p->len);
    env_put_bytes(&o, p->bytes, p->len);
    env_put_u32(&o, env_crc32c(out, o.len));
    ck_assert(!o.full);
    return o.len;
}

static const struct proto_field fields[] = {{1, 0, "*", 32}, {2, 2}, {3, 0, "*", 32}, {4, 12},
                                            {5, 0, "*", 32}, {6, 3}, {9, 1},          {0}};
static const struct proto_field recipient[] = {{1, 2}, {3, 0, "ops"}, {0}};
static const struct proto_field key[] = {{1, 1}, {2, 0, "lab"},   {3, 0, "vm"},     {4, 0, "vm/1"},
                                         {5, 1}, {6, 0, "*", 32}, {8, 0, "*", 200}, {0}};
static const struct proto_field password_key[] = {{1, 2}, {3, 0, "ops"}, {0}};
static const struct proto_field pending[] = {{1, 0, "*", 16}, {2, 0, "*", 32}, {0}};
enum { OWN = 0, RECIPIENT = 7, KEY = 8, PASSWORD_KEY = 88, PENDING = 10 };

static void add(struct proto *p, uint32_t field, const struct proto_field *list,
                struct proto_field with)
{
    static struct proto inner;
    inner.len = 0;
    proto_fields(&inner, list, with);
    proto_message(p, field, &inner);
}

static struct proto_field only(int wanted, int where, struct proto_field with)
{
    return wanted == where ? with : (struct proto_field){0};
}

static void make(struct proto *p, int where, struct proto_field with)
{
    p->len = 0;
    proto_fields(p, fields, only(where, OWN, with));
    add(p, 7, recipient, only(where, RECIPIENT, with));
    add(p, 8, key, only(where, KEY, with));
    add(p, 8, password_key, only(where, PASSWORD_KEY, with));
    add(p, 10, pending, only(where, PENDING, with));
}

struct rule {
    const char *rule;
    int where;
    envelope_status expected;
    struct proto_field with;
};
static const struct rule rules[] = {
    {"as it is", OWN, OK, {0}},
    {"R-WIRE-02 an unknown field", OWN, NO, {11, 1}},
    {"R-PIN-04 no chain_id", OWN, NO, {1, 0, ""}},
    {"R-PIN-04 chain_id of 33", OWN, NO, {1, 0, "*", 33}},
    {"R-PIN-04 pin of 31", OWN, NO, {3, 0, "*", 31}},
    {"R-PIN-04 link of 31", OWN, NO, {5, 0, "*", 31}},
    {"R-PIN-05 generation 0", OWN, NO, {2, 0}},
    {"generation 2^31 - 1", OWN, OK, {2, 0x7fffffff}},
    {"R-PIN-05 generation 2^31", OWN, NO, {2, 0x80000000u}},
    {"R-PIN-06 number 0", OWN, NO, {4, 0}},
    {"R-PIN-06 number 2^48", OWN, NO, {4, 0x1000000000000}},
    {"R-PIN-06 serial 0", OWN, NO, {6, 0}},
    {"R-PIN-06 serial 2^48", OWN, NO, {6, 0x1000000000000}},
    {"generation 1", OWN, OK, {2, 1}},
    {"number 1", OWN, OK, {4, 1}},
    {"serial 1", OWN, OK, {6, 1}},
    {"no KMS yet", OWN, OK, {9, 0}},
    {"R-PIN-07 a recipient without a name", RECIPIENT, NO, {3, 0, ""}},
    {"R-PIN-08 a key without a version", KEY, NO, {5, 0}},
    {"no spki", KEY, OK, {8, 0, ""}},
    {"spki of 2,048", KEY, OK, {8, 0, "*", 2048}},
    {"R-PIN-08 spki of 2,049", KEY, NO, {8, 0, "*", 2049}},
    {"R-PIN-08 a password with an spki", PASSWORD_KEY, NO, {8, 0, "*", 100}},
    {"R-PIN-09 object id of 15", PENDING, NO, {1, 0, "*", 15}},
    {"R-PIN-09 link of 0", PENDING, NO, {2, 0, ""}},
};

START_TEST(each_rule)
{
    static struct proto p;
    static uint8_t bytes[PROTO_MAX];
    make(&p, rules[_i].where, rules[_i].with);
    expect_parse(parse, bytes, frame(&p, bytes, sizeof bytes), rules[_i].expected, rules[_i].rule);
}
END_TEST

START_TEST(counts)
{
    static struct proto p;
    static uint8_t bytes[PROTO_MAX];
    make(&p, -1, (struct proto_field){0});
    for (int i = 1; i < ENV_PENDING_LIMIT; i++) {
        add(&p, 10, pending, (struct proto_field){0});
    }
    expect_parse(parse, bytes, frame(&p, bytes, sizeof bytes), OK, "128 pending");
    add(&p, 10, pending, (struct proto_field){0});
    expect_parse(parse, bytes, frame(&p, bytes, sizeof bytes), NO, "R-PIN-09 129 pending");
    p.len = 0;
    proto_fields(&p, fields, (struct proto_field){0});
    expect_parse(parse, bytes, frame(&p, bytes, sizeof bytes), NO, "R-PIN-07 no recipient");
}
END_TEST

static const struct edit frames[] = {
    {"R-PIN-01 magic", 3, "4e"},
    {"R-PIN-02 length too small", 11, "00"},
    {"R-PIN-02 length too large", 8, "ff"},
};

START_TEST(frame_rules)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t *bytes;
    size_t len = encode(ctx, &bytes);
    apply_edit(&frames[_i], bytes, len);
    struct env_out o = env_out_over(bytes + len - 4, 4);
    env_put_u32(&o, env_crc32c(bytes, len - 4));
    expect_parse(parse, bytes, len, NO, frames[_i].rule);
    env_free(ctx, bytes);
    envelope_ctx_free(ctx);
}
END_TEST

/* 65,536 bytes are the most, read and written. */
START_TEST(too_long)
{
    envelope_ctx *ctx = test_ctx();
    static struct proto p;
    static uint8_t bytes[PROTO_MAX];
    struct env_pin pin;
    uint8_t *out;
    size_t len;
    make(&p, -1, (struct proto_field){0});
    while (p.len < ENVELOPE_PIN_MAX) {
        add(&p, 8, key, (struct proto_field){8, 0, "*", 2000});
    }
    expect_parse(parse, bytes, frame(&p, bytes, sizeof bytes), NO, "R-PIN-01 too long");
    make(&p, -1, (struct proto_field){0});
    while (p.len + 16 < ENVELOPE_PIN_MAX - 2100) {
        add(&p, 8, key, (struct proto_field){8, 0, "*", 2000});
    }
    size_t before = p.len;
    add(&p, 8, key, (struct proto_field){8, 0, "*", 1000});
    size_t rest = ENVELOPE_PIN_MAX - 16 - p.len;
    for (size_t more = 0; more < 2; more++) {
        p.len = before;
        add(&p, 8, key, (struct proto_field){8, 0, "*", 1000 + rest + more});
        len = frame(&p, bytes, sizeof bytes);
        ck_assert_uint_eq(len, ENVELOPE_PIN_MAX + more);
        expect_parse(parse, bytes, len, more ? NO : OK, "R-PIN-01 65,536 bytes");
    }
    sample_pin(ctx, &pin);
    for (int i = 0; i < 500; i++) {
        ck_assert_int_eq(env_keys_add(ctx, &pin.keys, &pin.keys.item[1], NULL), OK);
    }
    ck_assert_int_eq(env_pin_encode(ctx, &pin, &out, &len, NULL), ENVELOPE_E_LIMIT);
    ck_assert_ptr_null(out);
    env_pin_free(ctx, &pin);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(encode_refuses_what_decode_would)
{
    envelope_ctx *ctx = test_ctx();
    struct env_pin pin;
    uint8_t *out;
    size_t len;
    sample_pin(ctx, &pin);
    pin.generation = 0;
    ck_assert_int_eq(env_pin_encode(ctx, &pin, &out, &len, NULL), ENVELOPE_E_INVALID);
    pin.generation = 1;
    pin.pending_count = ENV_PENDING_LIMIT + 1;
    ck_assert_int_eq(env_pin_encode(ctx, &pin, &out, &len, NULL), ENVELOPE_E_INVALID);
    ck_assert_ptr_null(out);
    env_pin_free(ctx, &pin);
    envelope_ctx_free(ctx);
}
END_TEST

static envelope_status parse_copy_encode(envelope_ctx *ctx, const void *bytes, size_t len,
                                         envelope_error *err)
{
    struct env_pin pin;
    struct env_pin copy = {0};
    uint8_t *again = NULL;
    size_t again_len;
    envelope_status st = env_pin_decode(ctx, bytes, len, &pin, err);
    st = st ? st : env_pin_copy(ctx, &copy, &pin, err);
    st = st ? st : env_pin_encode(ctx, &copy, &again, &again_len, err);
    env_free(ctx, again);
    env_pin_free(ctx, &copy);
    env_pin_free(ctx, &pin);
    return st;
}

/* Behind the CRC too, or random changes would only ever meet that. */
static envelope_status parse_mended(envelope_ctx *ctx, const void *bytes, size_t len,
                                    envelope_error *err)
{
    static struct proto p;
    static uint8_t framed[PROTO_MAX];
    p.len = len > 16 ? len - 16 : 0;
    memcpy(p.bytes, (const uint8_t *)bytes + (len > 16 ? 12 : 0), p.len);
    return parse(ctx, framed, frame(&p, framed, sizeof framed), err);
}

START_TEST(garbage_and_memory)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t *bytes;
    size_t len = encode(ctx, &bytes);
    expect_garbage_survived(parse, bytes, len);
    expect_garbage_survived(parse_mended, bytes, len);
    expect_no_memory_survived(parse_copy_encode, bytes, len);
    env_free(ctx, bytes);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/pin");
    TCase *t = tcase_create("pin");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, round_trip);
    tcase_add_test(t, every_bit_and_every_prefix);
    tcase_add_test(t, counts);
    tcase_add_test(t, too_long);
    tcase_add_test(t, encode_refuses_what_decode_would);
    tcase_add_test(t, garbage_and_memory);
    tcase_add_loop_test(t, each_rule, 0, sizeof rules / sizeof rules[0]);
    tcase_add_loop_test(t, frame_rules, 0, sizeof frames / sizeof frames[0]);
    suite_add_tcase(s, t);
    return s;
}
