/* Slots: the table of docs/format.md, member by member and kind by kind. */
#include "check_main.h"
#include "failing.h"
#include "parser.h"
#include "proto.h"
#include "samples.h"
#include <string.h>

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    struct env_slots *slots;
    envelope_status st = env_slots_decode(ctx, bytes, len, 0, &slots, err);
    ck_assert(!st == !!slots);
    ck_assert(!slots || !env_slots_check(slots, NULL));
    env_free(ctx, slots);
    return st;
}

/* What every field of each kind may be: 1 RSA, 2 KWP, 3 Argon2id, 4 PBKDF2, 5 escrow. */
static const struct proto_field kinds[][12] = {
    {{1, 1},
     {2, 1},
     {3, 0, "lab"},
     {4, 0, "vm"},
     {5, 0, "vm/7"},
     {6, 7},
     {7, 0, "*", 32},
     {8, 0, "*", 512},
     {0}},
    {{1, 1}, {2, 3}, {3, 0, "lab"}, {4, 0, "vm"}, {5, 0, "vm/7"}, {6, 7}, {8, 0, "*", 40}, {0}},
    {{1, 2}, {2, 4}, {4, 0, "ops"}, {8, 0, "*", 40}, {9, 0, "*", 16}, {10, 19456}, {11, 2}, {0}},
    {{1, 2}, {2, 5}, {4, 0, "ops"}, {8, 0, "*", 40}, {9, 0, "*", 16}, {11, 600000}, {0}},
    {{1, 3}, {2, 2}, {4, 0, "board"}, {7, 0, "*", 32}, {8, 0, "*", 256}, {0}},
};
enum { RSA, KWP, ARGON2ID, PBKDF2, ESCROW };

struct rule {
    const char *rule;
    int kind;
    envelope_status expected;
    struct proto_field with;
};
#define NO ENVELOPE_E_FORMAT
#define OK ENVELOPE_OK
static const struct rule rules[] = {
    {"RSA", RSA, OK, {0}},
    {"KWP", KWP, OK, {0}},
    {"Argon2id", ARGON2ID, OK, {0}},
    {"PBKDF2", PBKDF2, OK, {0}},
    {"escrow", ESCROW, OK, {0}},
    {"R-SLOT-02 kind 0", RSA, NO, {1, 0}},
    {"R-SLOT-02 kind 4", RSA, NO, {1, 4}},
    {"R-SLOT-02 kind 2^31 + 1", RSA, NO, {1, 0x80000001u}},
    {"R-SLOT-03 KMS with algorithm 0", RSA, NO, {2, 0}},
    {"OAEP with SHA-1", RSA, OK, {2, 2}},
    {"R-SLOT-03 KMS with Argon2id", KWP, NO, {2, 4}},
    {"R-SLOT-03 KMS with algorithm 6", RSA, NO, {2, 6}},
    {"R-SLOT-03 password with KWP", ARGON2ID, NO, {2, 3}},
    {"R-SLOT-03 password with OAEP", ARGON2ID, NO, {2, 1}},
    {"R-SLOT-03 escrow with KWP", ESCROW, NO, {2, 3}},
    {"R-SLOT-04 no kms_id", RSA, NO, {3, 0, ""}},
    {"R-SLOT-04 kms_id with a slash", RSA, NO, {3, 0, "a/b"}},
    {"R-SLOT-04 kms_id beyond ASCII", KWP, NO, {3, 0, "\xc3\xa9"}},
    {"kms_id of 64", RSA, OK, {3, 0, "*", 64}},
    {"R-SLOT-04 kms_id of 65", RSA, NO, {3, 0, "*", 65}},
    {"R-SLOT-04 password with a kms_id", ARGON2ID, NO, {3, 0, "lab"}},
    {"R-SLOT-04 password with a kms_id of 65", ARGON2ID, NO, {3, 0, "*", 65}},
    {"R-SLOT-06 password with a key_id of 256", ARGON2ID, NO, {5, 0, "*", 256}},
    {"R-SLOT-04 escrow with a kms_id", ESCROW, NO, {3, 0, "lab"}},
    {"R-SLOT-05 no name", RSA, NO, {4, 0, ""}},
    {"R-SLOT-05 a password without a name", PBKDF2, NO, {4, 0, ""}},
    {"R-SLOT-05 an escrow key without a name", ESCROW, NO, {4, 0, ""}},
    {"name of 255", ESCROW, OK, {4, 0, "*", 255}},
    {"R-SLOT-05 name of 256", ESCROW, NO, {4, 0, "*", 256}},
    {"R-SLOT-06 no key_id", RSA, NO, {5, 0, ""}},
    {"key_id of 255", KWP, OK, {5, 0, "*", 255}},
    {"R-SLOT-06 key_id of 256", KWP, NO, {5, 0, "*", 256}},
    {"R-SLOT-06 password with a key_id", ARGON2ID, NO, {5, 0, "1"}},
    {"R-SLOT-06 escrow with a key_id", ESCROW, NO, {5, 0, "1"}},
    {"R-SLOT-07 version 0", RSA, NO, {6, 0}},
    {"version 2^32 - 1", RSA, OK, {6, 0xffffffffu}},
    {"R-SLOT-07 password with a version", ARGON2ID, NO, {6, 1}},
    {"R-SLOT-07 escrow with a version", ESCROW, NO, {6, 1}},
    {"R-SLOT-08 RSA without a fingerprint", RSA, NO, {7, 0, ""}},
    {"R-SLOT-08 fingerprint of 31", RSA, NO, {7, 0, "*", 31}},
    {"R-SLOT-08 fingerprint of 33", RSA, NO, {7, 0, "*", 33}},
    {"R-SLOT-08 KWP with a fingerprint", KWP, NO, {7, 0, "*", 32}},
    {"R-SLOT-08 password with a fingerprint", PBKDF2, NO, {7, 0, "*", 32}},
    {"R-SLOT-08 escrow without a fingerprint", ESCROW, NO, {7, 0, ""}},
    {"R-SLOT-09 RSA, nothing wrapped", RSA, NO, {8, 0, ""}},
    {"wrapped of 256", RSA, OK, {8, 0, "*", 256}},
    {"R-SLOT-09 wrapped of 255", RSA, NO, {8, 0, "*", 255}},
    {"wrapped of 1,024", ESCROW, OK, {8, 0, "*", 1024}},
    {"R-SLOT-09 wrapped of 1,025", ESCROW, NO, {8, 0, "*", 1025}},
    {"R-SLOT-09 KWP, wrapped of 39", KWP, NO, {8, 0, "*", 39}},
    {"R-SLOT-09 KWP, wrapped of 41", KWP, NO, {8, 0, "*", 41}},
    {"R-SLOT-09 password, wrapped of 256", ARGON2ID, NO, {8, 0, "*", 256}},
    {"R-SLOT-10 KMS with a salt", RSA, NO, {9, 0, "*", 16}},
    {"R-SLOT-10 no salt", ARGON2ID, NO, {9, 0, ""}},
    {"R-SLOT-10 salt of 15", PBKDF2, NO, {9, 0, "*", 15}},
    {"R-SLOT-10 salt of 17", ARGON2ID, NO, {9, 0, "*", 17}},
    {"R-SLOT-10 escrow with a salt", ESCROW, NO, {9, 0, "*", 16}},
    {"R-SLOT-10 KMS with memory", KWP, NO, {10, 1}},
    {"memory 8", ARGON2ID, OK, {10, 8}},
    {"R-SLOT-10 memory 7", ARGON2ID, NO, {10, 7}},
    {"memory 262,144", ARGON2ID, OK, {10, 262144}},
    {"R-SLOT-10 memory 262,145", ARGON2ID, NO, {10, 262145}},
    {"R-SLOT-10 PBKDF2 with memory", PBKDF2, NO, {10, 8}},
    {"R-SLOT-10 escrow with memory", ESCROW, NO, {10, 8}},
    {"R-SLOT-10 KMS with passes", RSA, NO, {11, 1}},
    {"R-SLOT-10 no passes", ARGON2ID, NO, {11, 0}},
    {"passes 1", ARGON2ID, OK, {11, 1}},
    {"iterations 1", PBKDF2, OK, {11, 1}},
    {"passes 16", ARGON2ID, OK, {11, 16}},
    {"R-SLOT-10 passes 17", ARGON2ID, NO, {11, 17}},
    {"R-SLOT-10 no iterations", PBKDF2, NO, {11, 0}},
    {"iterations 10,000,000", PBKDF2, OK, {11, 10000000}},
    {"R-SLOT-10 iterations 10,000,001", PBKDF2, NO, {11, 10000001}},
    {"R-SLOT-10 escrow with passes", ESCROW, NO, {11, 1}},
};

static void add_slot(struct proto *p, int kind, struct proto_field with)
{
    static struct proto inner;
    inner.len = 0;
    proto_fields(&inner, kinds[kind], with);
    proto_message(p, 1, &inner);
}

START_TEST(each_rule)
{
    static struct proto p;
    p.len = 0;
    add_slot(&p, rules[_i].kind, rules[_i].with);
    expect_parse(parse, p.bytes, p.len, rules[_i].expected, rules[_i].rule);
}
END_TEST

/* A slot with its wrapped bytes, and one member more, of its own. */
static void add_other(struct proto *p, int kind, char mark, struct proto_field with)
{
    static struct proto inner;
    static char wrapped[512];
    memset(wrapped, mark, sizeof wrapped);
    size_t len = kind == RSA ? 512 : kind == ESCROW ? 256 : 40;
    struct proto_field list[12];
    memcpy(list, kinds[kind], sizeof list);
    for (size_t i = 0; list[i].field; i++) {
        if (list[i].field == 8) {
            list[i] = (struct proto_field){8, 0, wrapped, len};
        }
    }
    inner.len = 0;
    proto_fields(&inner, list, with);
    proto_message(p, 1, &inner);
}

struct pair {
    const char *rule;
    int kind;
    envelope_status expected;
    struct proto_field with;
};
static const struct pair pairs[] = {
    {"R-SLOT-12 same kms_id and key_id", RSA, NO, {4, 0, "another name"}},
    {"another key_id", RSA, OK, {5, 0, "vm/8"}},
    {"another kms_id", RSA, OK, {3, 0, "lab2"}},
    {"R-SLOT-12 same password", ARGON2ID, NO, {11, 3}},
    {"another password", PBKDF2, OK, {4, 0, "second"}},
    {"R-SLOT-12 same escrow key", ESCROW, NO, {4, 0, "another name"}},
    {"another escrow key", ESCROW, OK, {7, 0, "0123456789abcdef0123456789abcdef"}},
};

START_TEST(two_slots_for_one_key)
{
    static struct proto p;
    p.len = 0;
    add_slot(&p, pairs[_i].kind, (struct proto_field){0});
    add_other(&p, pairs[_i].kind, 'y', pairs[_i].with);
    expect_parse(parse, p.bytes, p.len, pairs[_i].expected, pairs[_i].rule);
    p.len = 0;
    add_slot(&p, pairs[_i].kind, (struct proto_field){0});
    add_other(&p, pairs[_i].kind, 'x', pairs[_i].with);
    expect_parse(parse, p.bytes, p.len, NO, "R-SLOT-13 equal wrapped bytes");
}
END_TEST

START_TEST(kinds_do_not_clash)
{
    static struct proto p;
    p.len = 0;
    add_other(&p, ARGON2ID, 'a', (struct proto_field){4, 0, "vm"});
    add_other(&p, KWP, 'b', (struct proto_field){0});
    add_other(&p, ESCROW, 'c', (struct proto_field){4, 0, "vm"});
    add_other(&p, RSA, 'd', (struct proto_field){5, 0, "vm/8"});
    expect_parse(parse, p.bytes, p.len, OK, "one name, several kinds");
}
END_TEST

static void add_numbered(struct proto *p, int kind, uint32_t field, int i)
{
    char text[8] = {(char)('a' + i), 0};
    add_other(p, kind, (char)('a' + i), (struct proto_field){field, 0, text});
}

START_TEST(counts)
{
    static struct proto p;
    p.len = 0;
    expect_parse(parse, p.bytes, 0, NO, "R-SLOT-01 none");
    for (int i = 0; i < 16; i++) {
        add_numbered(&p, KWP, 5, i);
    }
    expect_parse(parse, p.bytes, p.len, OK, "16 slots");
    add_numbered(&p, KWP, 5, 16);
    expect_parse(parse, p.bytes, p.len, NO, "R-SLOT-01 17 slots");
    p.len = 0;
    for (int i = 0; i < 4; i++) {
        add_numbered(&p, PBKDF2, 4, i);
    }
    expect_parse(parse, p.bytes, p.len, OK, "4 passwords");
    add_numbered(&p, PBKDF2, 4, 4);
    expect_parse(parse, p.bytes, p.len, NO, "R-SLOT-11 5 passwords");
}
END_TEST

START_TEST(unknown_fields)
{
    envelope_ctx *ctx = test_ctx();
    static struct proto p;
    struct env_slots *slots;
    p.len = 0;
    add_slot(&p, RSA, (struct proto_field){12, 1});
    ck_assert_int_eq(env_slots_decode(ctx, p.bytes, p.len, 0, &slots, NULL), NO);
    ck_assert_int_eq(env_slots_decode(ctx, p.bytes, p.len, 1, &slots, NULL), OK);
    ck_assert_uint_eq(slots->count, 1);
    env_free(ctx, slots);
    envelope_ctx_free(ctx);
}
END_TEST

static size_t encode(envelope_ctx *ctx, uint8_t **bytes)
{
    struct env_slots slots;
    size_t len;
    sample_slots(&slots);
    ck_assert_int_eq(env_slots_encode(ctx, &slots, bytes, &len, NULL), ENVELOPE_OK);
    return len;
}

START_TEST(round_trip)
{
    envelope_ctx *ctx = test_ctx();
    struct env_slots in;
    struct env_slots *out;
    uint8_t *bytes;
    uint8_t *again;
    size_t again_len;
    sample_slots(&in);
    size_t len = encode(ctx, &bytes);
    ck_assert_int_eq(env_slots_decode(ctx, bytes, len, 0, &out, NULL), ENVELOPE_OK);
    ck_assert_mem_eq(&in, out, sizeof in);
    ck_assert_int_eq(env_slots_encode(ctx, out, &again, &again_len, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(again_len, len);
    ck_assert_mem_eq(bytes, again, len);
    env_free(ctx, again);
    env_free(ctx, bytes);
    env_free(ctx, out);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(as_key_ref)
{
    struct env_slots slots;
    sample_slots(&slots);
    envelope_key_ref kms = env_slot_ref(&slots.slot[0]);
    ck_assert_uint_eq(kms.size, sizeof kms);
    ck_assert_str_eq(kms.kms_id, "lab");
    ck_assert_str_eq(kms.key_name, "vm");
    ck_assert_str_eq(kms.key_id, "vm/7");
    ck_assert_uint_eq(kms.version, 7);
    ck_assert_int_eq(kms.has_fingerprint, 1);
    ck_assert_mem_eq(kms.fingerprint, slots.slot[0].fingerprint, 32);
    envelope_key_ref password = env_slot_ref(&slots.slot[2]);
    ck_assert_ptr_null(password.kms_id);
    ck_assert_ptr_null(password.key_id);
    ck_assert_str_eq(password.key_name, "ops");
    ck_assert_int_eq(password.has_fingerprint, 0);
}
END_TEST

START_TEST(encode_refuses_what_decode_would)
{
    envelope_ctx *ctx = test_ctx();
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_slots slots;
    uint8_t *bytes;
    size_t len;
    sample_slots(&slots);
    slots.slot[1].version = 0;
    ck_assert_int_eq(env_slots_check(&slots, &err), ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_slots_encode(ctx, &slots, &bytes, &len, &err), ENVELOPE_E_INVALID);
    ck_assert_ptr_null(bytes);
    ck_assert_uint_eq(len, 0);
    envelope_ctx_free(ctx);
}
END_TEST

/* Cut at the end of a slot what is left is whole; everywhere else it is not. */
START_TEST(prefixes)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t *bytes;
    size_t len = encode(ctx, &bytes);
    size_t accepted = 0;
    for (size_t n = 0; n <= len; n++) {
        envelope_status st = parse_exact(parse, bytes, n, NULL);
        ck_assert(!st || st == NO);
        accepted += !st;
    }
    ck_assert_uint_eq(accepted, 5);
    env_free(ctx, bytes);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(garbage_and_memory)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t *bytes;
    size_t len = encode(ctx, &bytes);
    expect_garbage_survived(parse, bytes, len);
    expect_no_memory_survived(parse, bytes, len);
    env_free(ctx, bytes);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/slots");
    TCase *t = tcase_create("slots");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, round_trip);
    tcase_add_test(t, as_key_ref);
    tcase_add_test(t, encode_refuses_what_decode_would);
    tcase_add_test(t, kinds_do_not_clash);
    tcase_add_test(t, counts);
    tcase_add_test(t, unknown_fields);
    tcase_add_test(t, prefixes);
    tcase_add_test(t, garbage_and_memory);
    tcase_add_loop_test(t, each_rule, 0, sizeof rules / sizeof rules[0]);
    tcase_add_loop_test(t, two_slots_for_one_key, 0, sizeof pairs / sizeof pairs[0]);
    suite_add_tcase(s, t);
    return s;
}
