/* The head of a catalogue, and the lists of recipients and keys. */
#include "check_main.h"
#include "failing.h"
#include "parser.h"
#include "proto.h"
#include "samples.h"
#include <stdlib.h>
#include <string.h>

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    struct env_head head;
    envelope_status st = env_head_decode(ctx, bytes, len, 0, &head, err);
    ck_assert(!st || env_all_zero(&head, sizeof head));
    env_head_free(ctx, &head);
    return st;
}

/* A head in which one submessage, or one of its own fields, is another than it should be. */
static const struct proto_field head_fields[] = {{1, 0, "web01"}, {2, 3}, {0}};
static const struct proto_field recipients[][5] = {
    {{1, 1}, {2, 0, "lab"}, {3, 0, "vm"}, {0}},
    {{1, 2}, {3, 0, "ops"}, {0}},
    {{1, 3}, {3, 0, "board"}, {4, 0, "*", 32}, {0}},
};
static const struct proto_field keys[][9] = {
    {{1, 1}, {2, 0, "lab"}, {3, 0, "vm"}, {4, 0, "vm/1"}, {5, 1}, {6, 0, "*", 32}, {7, 1}, {0}},
    {{1, 2}, {3, 0, "ops"}, {0}},
    {{1, 3}, {3, 0, "board"}, {6, 0, "*", 32}, {0}},
};
static const struct proto_field tombstone[] = {{1, 0, "0123456789abcdef"}, {2, 9}, {3, 1}, {0}};
static const struct proto_field past[] = {{1, 4}, {2, 0, "*", 32}, {0}};
enum { KMS, PASSWORD, ESCROW };
enum { OWN = 0, RECIPIENT = 3, KEY = 4, SET = 5, TOMBSTONE = 7, PAST = 9 };

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

/* where: the submessage that with goes into; kind: which of the recipients or keys */
static void make(struct proto *p, int where, int kind, struct proto_field with)
{
    p->len = 0;
    proto_fields(p, head_fields, only(where, OWN, with));
    for (int i = KMS; i <= ESCROW; i++) {
        bool here = i == kind;
        add(p, 3, recipients[i], only(where, here ? RECIPIENT : -1, with));
        add(p, 4, keys[i], only(where, here ? KEY : -1, with));
    }
    add(p, 7, tombstone, only(where, TOMBSTONE, with));
    add(p, 9, past, only(where, PAST, with));
}

struct rule {
    const char *rule;
    int where;
    int kind;
    envelope_status expected;
    struct proto_field with;
};
#define NO ENVELOPE_E_FORMAT
#define OK ENVELOPE_OK
static const struct rule rules[] = {
    {"as it is", OWN, KMS, OK, {0}},
    {"R-HEAD-01 no name", OWN, KMS, NO, {1, 0, ""}},
    {"R-HEAD-01 upper case", OWN, KMS, NO, {1, 0, "Web"}},
    {"R-HEAD-01 a dot in front", OWN, KMS, NO, {1, 0, ".web"}},
    {"a name of 64", OWN, KMS, OK, {1, 0, "*", 64}},
    {"R-HEAD-01 a name of 65", OWN, KMS, NO, {1, 0, "*", 65}},
    {"R-HEAD-02 serial 0", OWN, KMS, NO, {2, 0}},
    {"serial 1", OWN, KMS, OK, {2, 1}},
    {"serial 2^48 - 1", OWN, KMS, OK, {2, 0xffffffffffff}},
    {"R-HEAD-02 serial 2^48", OWN, KMS, NO, {2, 0x1000000000000}},
    {"R-HEAD-04 kind 0", RECIPIENT, KMS, NO, {1, 0}},
    {"R-HEAD-04 kind 4", RECIPIENT, KMS, NO, {1, 4}},
    {"R-HEAD-04 KMS without kms_id", RECIPIENT, KMS, NO, {2, 0, ""}},
    {"R-HEAD-04 kms_id of 65", RECIPIENT, KMS, NO, {2, 0, "*", 65}},
    {"R-HEAD-04 KMS without a name", RECIPIENT, KMS, NO, {3, 0, ""}},
    {"R-HEAD-04 name of 256", RECIPIENT, KMS, NO, {3, 0, "*", 256}},
    {"R-HEAD-04 KMS with a fingerprint", RECIPIENT, KMS, NO, {4, 0, "*", 32}},
    {"R-HEAD-04 password with a kms_id", RECIPIENT, PASSWORD, NO, {2, 0, "lab"}},
    {"R-HEAD-04 password with a kms_id of 65", RECIPIENT, PASSWORD, NO, {2, 0, "*", 65}},
    {"R-HEAD-04 password without a name", RECIPIENT, PASSWORD, NO, {3, 0, ""}},
    {"R-HEAD-04 password with a fingerprint", RECIPIENT, PASSWORD, NO, {4, 0, "*", 32}},
    {"R-HEAD-04 escrow with a kms_id", RECIPIENT, ESCROW, NO, {2, 0, "lab"}},
    {"R-HEAD-04 escrow without a name", RECIPIENT, ESCROW, NO, {3, 0, ""}},
    {"R-HEAD-04 escrow without a fingerprint", RECIPIENT, ESCROW, NO, {4, 0, ""}},
    {"R-HEAD-04 fingerprint of 31", RECIPIENT, ESCROW, NO, {4, 0, "*", 31}},
    {"R-HEAD-07 kind 0", KEY, KMS, NO, {1, 0}},
    {"R-HEAD-07 kind 4", KEY, KMS, NO, {1, 4}},
    {"R-HEAD-07 KMS without kms_id", KEY, KMS, NO, {2, 0, ""}},
    {"R-HEAD-07 KMS without a name", KEY, KMS, NO, {3, 0, ""}},
    {"R-HEAD-07 name of 256", KEY, KMS, NO, {3, 0, "*", 256}},
    {"R-HEAD-07 KMS without key_id", KEY, KMS, NO, {4, 0, ""}},
    {"R-HEAD-07 version 0", KEY, KMS, NO, {5, 0}},
    {"a symmetric key", KEY, KMS, OK, {6, 0, ""}},
    {"R-HEAD-07 fingerprint of 33", KEY, KMS, NO, {6, 0, "*", 33}},
    {"R-HEAD-07 an spki", KEY, KMS, NO, {8, 0, "*", 100}},
    {"R-HEAD-07 password with a kms_id", KEY, PASSWORD, NO, {2, 0, "lab"}},
    {"R-HEAD-07 password with a key_id", KEY, PASSWORD, NO, {4, 0, "1"}},
    {"R-HEAD-07 password with a version", KEY, PASSWORD, NO, {5, 1}},
    {"R-HEAD-07 password with a fingerprint", KEY, PASSWORD, NO, {6, 0, "*", 32}},
    {"a superseded password", KEY, PASSWORD, OK, {7, 1}},
    {"R-HEAD-07 escrow without a fingerprint", KEY, ESCROW, NO, {6, 0, ""}},
    {"R-HEAD-07 escrow with a version", KEY, ESCROW, NO, {5, 1}},
    {"R-HEAD-07 escrow with an spki", KEY, ESCROW, NO, {8, 0, "*", 100}},
    {"R-HEAD-09 no object id", TOMBSTONE, KMS, NO, {1, 0, ""}},
    {"R-HEAD-09 object id of 17", TOMBSTONE, KMS, NO, {1, 0, "*", 17}},
    {"a tombstone without a number", TOMBSTONE, KMS, OK, {2, 0}},
    {"R-HEAD-09 number 2^48", TOMBSTONE, KMS, NO, {2, 0x1000000000000}},
    {"time before 1970", TOMBSTONE, KMS, OK, {3, 0xffffffffffffffff}},
    {"R-HEAD-10 no link", PAST, KMS, NO, {2, 0, ""}},
    {"R-HEAD-10 link of 33", PAST, KMS, NO, {2, 0, "*", 33}},
    {"R-HEAD-10 number 0", PAST, KMS, NO, {1, 0}},
    {"R-HEAD-10 number 2^48", PAST, KMS, NO, {1, 0x1000000000000}},
};

START_TEST(each_rule)
{
    static struct proto p;
    const struct rule *r = &rules[_i];
    make(&p, r->where, r->kind, r->with);
    expect_parse(parse, p.bytes, p.len, r->expected, r->rule);
}
END_TEST

struct more {
    const char *rule;
    int where;
    int kind;
    envelope_status expected;
    struct proto_field with; /* of one more submessage */
};
static const struct more more[] = {
    {"R-HEAD-05 the same KMS key", RECIPIENT, KMS, NO, {0}},
    {"another KMS key", RECIPIENT, KMS, OK, {3, 0, "vm2"}},
    {"R-HEAD-05 the same password", RECIPIENT, PASSWORD, NO, {0}},
    {"another password", RECIPIENT, PASSWORD, OK, {3, 0, "ops2"}},
    {"R-HEAD-05 the same escrow key by another name", RECIPIENT, ESCROW, NO, {3, 0, "b"}},
    {"another escrow key", RECIPIENT, ESCROW, OK, {4, 0, "0123456789abcdef0123456789abcdef"}},
    {"R-HEAD-09 two tombstones of an object", TOMBSTONE, 0, NO, {2, 10}},
    {"two tombstones", TOMBSTONE, 0, OK, {1, 0, "0123456789abcdee"}},
    {"R-HEAD-10 past twice", PAST, 0, NO, {0}},
    {"R-HEAD-10 past that falls", PAST, 0, NO, {1, 3}},
    {"past that rises", PAST, 0, OK, {1, 5}},
};

START_TEST(one_more)
{
    static struct proto p;
    const struct more *m = &more[_i];
    make(&p, -1, 0, (struct proto_field){0});
    const struct proto_field *list = m->where == RECIPIENT   ? recipients[m->kind]
                                     : m->where == TOMBSTONE ? tombstone
                                                             : past;
    add(&p, (uint32_t)m->where, list, m->with);
    expect_parse(parse, p.bytes, p.len, m->expected, m->rule);
}
END_TEST

START_TEST(recipient_counts)
{
    static struct proto p;
    p.len = 0;
    proto_fields(&p, head_fields, (struct proto_field){0});
    expect_parse(parse, p.bytes, p.len, NO, "R-HEAD-03 none");
    for (int i = 0; i < 17; i++) {
        char name[2] = {(char)('a' + i), 0};
        add(&p, 3, recipients[PASSWORD], (struct proto_field){3, 0, name});
        expect_parse(parse, p.bytes, p.len, i < 16 ? OK : NO, "R-HEAD-03 1 to 16");
    }
}
END_TEST

struct set {
    const char *rule;
    envelope_status expected;
    const char *bytes; /* of field 1, packed */
    size_t len;
};
static const struct set sets[] = {
    {"one", OK, "\2", 1},
    {"all", OK, "\0\1\2", 3},
    {"R-HEAD-08 empty", NO, "", 0},
    {"R-HEAD-08 out of range", NO, "\3", 1},
    {"R-HEAD-08 twice", NO, "\1\1", 2},
    {"R-HEAD-08 falling", NO, "\2\1", 2},
};

START_TEST(key_sets)
{
    static struct proto p;
    static struct proto inner;
    make(&p, -1, 0, (struct proto_field){0});
    inner.len = 0;
    proto_bytes(&inner, 1, sets[_i].bytes, sets[_i].len);
    proto_message(&p, 5, &inner);
    expect_parse(parse, p.bytes, p.len, sets[_i].expected, sets[_i].rule);
}
END_TEST

static void expect_count(struct env_head *head, envelope_ctx *ctx, envelope_status expected)
{
    uint8_t *bytes;
    size_t len;
    ck_assert_int_eq(env_head_encode(ctx, head, &bytes, &len, NULL), expected);
    env_free(ctx, bytes);
}

START_TEST(past_is_limited)
{
    envelope_ctx *ctx = test_ctx();
    static struct proto p;
    struct env_head head;
    sample_head(ctx, &head);
    env_free(ctx, head.past);
    head.past = env_alloc_array(ctx, ENV_PAST_LIMIT + 1, sizeof *head.past);
    ck_assert_ptr_nonnull(head.past);
    for (uint64_t i = 0; i <= ENV_PAST_LIMIT; i++) {
        head.past[i].number = i + 1;
    }
    head.past_count = ENV_PAST_LIMIT + 1;
    expect_count(&head, ctx, ENVELOPE_E_INVALID);
    head.past_count = ENV_PAST_LIMIT;
    uint8_t *bytes;
    size_t len;
    ck_assert_int_eq(env_head_encode(ctx, &head, &bytes, &len, NULL), OK);
    expect_parse(parse, bytes, len, OK, "1,024 past");
    memcpy(p.bytes, bytes, len);
    p.len = len;
    add(&p, 9, past, (struct proto_field){1, 5000});
    expect_parse(parse, p.bytes, p.len, NO, "R-HEAD-06 1,025 past");
    env_free(ctx, bytes);
    env_head_free(ctx, &head);
    envelope_ctx_free(ctx);
}
END_TEST

/* A head with count times the same few bytes behind it. */
static void expect_many(const char *rule, const void *bytes, size_t len, size_t count,
                        envelope_status expected)
{
    static struct proto p;
    make(&p, -1, 0, (struct proto_field){0});
    uint8_t *all = malloc(p.len + count * len);
    ck_assert_ptr_nonnull(all);
    memcpy(all, p.bytes, p.len);
    for (size_t i = 0; i < count; i++) {
        memcpy(all + p.len + i * len, bytes, len);
    }
    expect_parse(parse, all, p.len + count * len, expected, rule);
    free(all);
}

START_TEST(keys_and_sets_are_limited)
{
    static const char key[] = "\x22\5\x08\2\x1a\1k";
    static const char set[] = "\x2a\2\x08\0";
    size_t key_len = sizeof key - 1;
    size_t set_len = sizeof set - 1;
    expect_many("65,536 keys", key, key_len, ENV_KEYS_LIMIT - 3, OK);
    expect_many("R-HEAD-06 65,537 keys", key, key_len, ENV_KEYS_LIMIT - 2, NO);
    expect_many("65,536 key sets", set, set_len, ENV_KEY_SETS_LIMIT, OK);
    expect_many("R-HEAD-06 65,537 key sets", set, set_len, ENV_KEY_SETS_LIMIT + 1, NO);
}
END_TEST

START_TEST(longest)
{
    static uint8_t bytes[ENV_HEAD_MAX + 1];
    expect_parse(parse, bytes, sizeof bytes, NO, "R-META-01 more than 16 MiB");
}
END_TEST

/* Many tombstones: no quadratic search, and none lost. */
START_TEST(many_tombstones)
{
    enum { MANY = 100000 };
    envelope_ctx *ctx = test_ctx();
    struct env_head head;
    struct env_head out;
    uint8_t *bytes;
    size_t len;
    sample_head(ctx, &head);
    env_free(ctx, head.tombstones);
    head.tombstones = env_alloc_array(ctx, MANY, sizeof *head.tombstones);
    ck_assert_ptr_nonnull(head.tombstones);
    head.tombstone_count = MANY;
    uint64_t state = 1;
    for (uint32_t i = 0; i < MANY; i++) {
        uint64_t r = next_random(&state);
        memcpy(head.tombstones[i].object_id, &r, sizeof r);
        memcpy(head.tombstones[i].object_id + 8, &i, sizeof i);
        head.tombstones[i].number = i;
    }
    ck_assert_int_eq(env_head_encode(ctx, &head, &bytes, &len, NULL), OK);
    ck_assert_int_eq(env_head_decode(ctx, bytes, len, 0, &out, NULL), OK);
    ck_assert_uint_eq(out.tombstone_count, MANY);
    ck_assert_mem_eq(out.tombstones, head.tombstones, MANY * sizeof *out.tombstones);
    env_free(ctx, bytes);
    env_head_free(ctx, &out);
    head.tombstones[MANY - 1] = head.tombstones[0];
    expect_count(&head, ctx, ENVELOPE_E_INVALID);
    env_head_free(ctx, &head);
    envelope_ctx_free(ctx);
}
END_TEST

static void expect_same(envelope_ctx *ctx, const struct env_head *a, const struct env_head *b)
{
    uint8_t *x;
    uint8_t *y;
    size_t x_len;
    size_t y_len;
    ck_assert_int_eq(env_head_encode(ctx, a, &x, &x_len, NULL), OK);
    ck_assert_int_eq(env_head_encode(ctx, b, &y, &y_len, NULL), OK);
    ck_assert_uint_eq(x_len, y_len);
    ck_assert_mem_eq(x, y, x_len);
    env_free(ctx, x);
    env_free(ctx, y);
}

START_TEST(round_trip)
{
    envelope_ctx *ctx = test_ctx();
    struct env_head in;
    struct env_head out;
    struct env_head copy;
    uint8_t *bytes;
    size_t len;
    sample_head(ctx, &in);
    ck_assert_int_eq(env_head_encode(ctx, &in, &bytes, &len, NULL), OK);
    ck_assert_int_eq(env_head_decode(ctx, bytes, len, 0, &out, NULL), OK);
    ck_assert_str_eq(out.chain_name, "web01");
    ck_assert_uint_eq(out.serial, 3);
    ck_assert(out.rebuilt);
    ck_assert(env_recipients_equal(&in.recipients, &out.recipients));
    ck_assert_uint_eq(out.keys.count, 4);
    ck_assert_str_eq(out.keys.item[1].key_id, "vm/2");
    ck_assert(out.keys.item[0].superseded);
    ck_assert(!out.keys.item[1].superseded);
    ck_assert_uint_eq(out.key_set_count, 2);
    ck_assert_uint_eq(out.key_sets[1].count, 3);
    ck_assert_uint_eq(out.key_sets[1].key[0], 1);
    ck_assert_uint_eq(out.tombstone_count, 2);
    ck_assert_mem_eq(&out.tombstones[1], &in.tombstones[1], sizeof in.tombstones[1]);
    ck_assert_uint_eq(out.past_count, 2);
    ck_assert_mem_eq(&out.past[1], &in.past[1], sizeof in.past[1]);
    ck_assert_int_eq(env_head_copy(ctx, &copy, &out, NULL), OK);
    env_head_free(ctx, &out);
    expect_same(ctx, &in, &copy);
    env_head_free(ctx, &copy);
    env_head_free(ctx, &in);
    env_free(ctx, bytes);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(set_of_keys_is_found_or_added)
{
    envelope_ctx *ctx = test_ctx();
    struct env_head head;
    uint32_t i;
    const uint32_t old[] = {1, 2, 3};
    const uint32_t fresh[] = {1, 2};
    sample_head(ctx, &head);
    ck_assert_int_eq(env_head_key_set(ctx, &head, old, 3, &i, NULL), OK);
    ck_assert_uint_eq(i, 1);
    ck_assert_int_eq(env_head_key_set(ctx, &head, fresh, 2, &i, NULL), OK);
    ck_assert_uint_eq(i, 2);
    ck_assert_int_eq(env_head_key_set(ctx, &head, fresh, 2, &i, NULL), OK);
    ck_assert_uint_eq(i, 2);
    ck_assert_uint_eq(head.key_set_count, 3);
    env_head_free(ctx, &head);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(recipients_are_sets)
{
    struct env_recipients a;
    struct env_recipients b;
    sample_recipients(&a);
    sample_recipients(&b);
    struct env_recipient first = b.item[0];
    b.item[0] = b.item[2];
    b.item[2] = first;
    ck_assert(env_recipients_equal(&a, &b));
    memcpy(b.item[0].name, "renamed", 8); /* escrow: by fingerprint */
    ck_assert(env_recipients_equal(&a, &b));
    b.item[0].fingerprint[31] ^= 1;
    ck_assert(!env_recipients_equal(&a, &b));
    sample_recipients(&b);
    memcpy(b.item[1].name, "opt", 4);
    ck_assert(!env_recipients_equal(&a, &b));
    sample_recipients(&b);
    memcpy(b.item[0].kms_id, "lac", 4);
    ck_assert(!env_recipients_equal(&a, &b));
    sample_recipients(&b);
    b.count--;
    ck_assert(!env_recipients_equal(&a, &b));
    b.count++;
    b.item[2] = b.item[1]; /* not a set: equal to none in either direction */
    ck_assert(!env_recipients_equal(&a, &b));
    ck_assert(!env_recipients_equal(&b, &a));
}
END_TEST

START_TEST(keys_are_found)
{
    envelope_ctx *ctx = test_ctx();
    struct env_head head;
    sample_head(ctx, &head);
    for (size_t i = 0; i < head.keys.count; i++) {
        ck_assert_uint_eq(env_keys_find(&head.keys, &head.keys.item[i]), i);
    }
    struct env_key key = head.keys.item[0];
    char other[] = "other id";
    key.kms_id = other; /* equal keys of two KMSs never cross */
    ck_assert_uint_eq(env_keys_find(&head.keys, &key), SIZE_MAX);
    key = head.keys.item[0];
    key.name = other;
    ck_assert_uint_eq(env_keys_find(&head.keys, &key), SIZE_MAX);
    key = head.keys.item[3];
    key.kind = ENV_SLOT_KMS;
    ck_assert_uint_eq(env_keys_find(&head.keys, &key), SIZE_MAX);
    key = head.keys.item[0];
    key.key_id = other; /* the fingerprint decides */
    ck_assert_uint_eq(env_keys_find(&head.keys, &key), 0);
    key.fingerprint[0] ^= 0x80;
    ck_assert_uint_eq(env_keys_find(&head.keys, &key), SIZE_MAX);
    key.has_fingerprint = false;
    ck_assert_uint_eq(env_keys_find(&head.keys, &key), SIZE_MAX);
    ck_assert_int_eq(env_keys_add(ctx, &head.keys, &key, NULL), OK);
    ck_assert_uint_eq(env_keys_find(&head.keys, &key), 4);
    envelope_key_ref ref = env_key_as_ref(&head.keys.item[2]);
    ck_assert_ptr_null(ref.kms_id);
    ck_assert_ptr_null(ref.key_id);
    ck_assert_str_eq(ref.key_name, "ops");
    ref = env_key_as_ref(&head.keys.item[1]);
    ck_assert_str_eq(ref.key_id, "vm/2");
    ck_assert_uint_eq(ref.version, 2);
    for (int i = 0; i < 20; i++) { /* also of an item of the list itself, which moves */
        ck_assert_int_eq(env_keys_add(ctx, &head.keys, &head.keys.item[0], NULL), OK);
    }
    ck_assert_str_eq(head.keys.item[24].key_id, "vm/1");
    env_head_free(ctx, &head);
    envelope_ctx_free(ctx);
}
END_TEST

static envelope_status copy_and_grow(envelope_ctx *ctx, const void *bytes, size_t len,
                                     envelope_error *err)
{
    struct env_head head;
    struct env_head copy = {0};
    uint8_t *again = NULL;
    size_t again_len;
    uint32_t index;
    const uint32_t set[] = {0, 1};
    envelope_status st = env_head_decode(ctx, bytes, len, 0, &head, err);
    st = st ? st : env_head_copy(ctx, &copy, &head, err);
    st = st ? st : env_head_key_set(ctx, &copy, set, 2, &index, err);
    st = st ? st : env_head_encode(ctx, &copy, &again, &again_len, err);
    env_free(ctx, again);
    env_head_free(ctx, &copy);
    env_head_free(ctx, &head);
    return st;
}

START_TEST(garbage_and_memory)
{
    envelope_ctx *ctx = test_ctx();
    struct env_head head;
    uint8_t *bytes;
    size_t len;
    sample_head(ctx, &head);
    ck_assert_int_eq(env_head_encode(ctx, &head, &bytes, &len, NULL), OK);
    expect_garbage_survived(parse, bytes, len);
    expect_no_memory_survived(copy_and_grow, bytes, len);
    env_free(ctx, bytes);
    env_head_free(ctx, &head);
    envelope_ctx_free(ctx);
}
END_TEST

/* A prefix is whole only where a field of Head ends, with a recipient in it: 4 of the sample's keys
 * stand behind its 3 recipients, then 2 sets, rebuilt, 2 tombstones, 2 past; a set needs its keys.
 */
START_TEST(prefixes)
{
    envelope_ctx *ctx = test_ctx();
    struct env_head head;
    uint8_t *bytes;
    size_t len;
    sample_head(ctx, &head);
    ck_assert_int_eq(env_head_encode(ctx, &head, &bytes, &len, NULL), OK);
    size_t accepted = 0;
    for (size_t n = 0; n <= len; n++) {
        envelope_status st = parse_exact(parse, bytes, n, NULL);
        ck_assert(!st || st == NO);
        accepted += !st;
    }
    ck_assert_uint_eq(accepted, 3 + 4 + 2 + 1 + 2 + 2);
    env_free(ctx, bytes);
    env_head_free(ctx, &head);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/head");
    TCase *t = tcase_create("head");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, round_trip);
    tcase_add_test(t, recipient_counts);
    tcase_add_test(t, past_is_limited);
    tcase_add_test(t, keys_and_sets_are_limited);
    tcase_add_test(t, longest);
    tcase_add_test(t, many_tombstones);
    tcase_add_test(t, set_of_keys_is_found_or_added);
    tcase_add_test(t, recipients_are_sets);
    tcase_add_test(t, keys_are_found);
    tcase_add_test(t, prefixes);
    tcase_add_test(t, garbage_and_memory);
    tcase_add_loop_test(t, each_rule, 0, sizeof rules / sizeof rules[0]);
    tcase_add_loop_test(t, one_more, 0, sizeof more / sizeof more[0]);
    tcase_add_loop_test(t, key_sets, 0, sizeof sets / sizeof sets[0]);
    suite_add_tcase(s, t);
    return s;
}
