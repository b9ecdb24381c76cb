/* Header copies: every flipped bit, every prefix, and each rule with the CRC made right. */
#include "check_main.h"
#include "failing.h"
#include "format/crc32c.h"
#include "parser.h"
#include "samples.h"
#include <string.h>

static envelope_status parse_role(uint8_t role, const void *bytes, size_t len, envelope_error *err)
{
    struct env_copy copy;
    envelope_status st = env_copy_parse(bytes, len, role, &copy, err);
    ck_assert(!st || env_all_zero(&copy, sizeof copy));
    return st;
}

static envelope_status parse_a(envelope_ctx *ctx, const void *bytes, size_t len,
                               envelope_error *err)
{
    (void)ctx;
    return parse_role(ENV_ROLE_A, bytes, len, err);
}

static envelope_status parse_foreign(envelope_ctx *ctx, const void *bytes, size_t len,
                                     envelope_error *err)
{
    (void)ctx;
    return parse_role(ENV_ROLE_FOREIGN, bytes, len, err);
}

static uint8_t copy_bytes[ENV_CAPACITY_MAX + 1];

static size_t make(uint8_t kind, uint8_t role)
{
    envelope_ctx *ctx = test_ctx();
    size_t len = sample_copy(ctx, kind, role, copy_bytes);
    envelope_ctx_free(ctx);
    return len;
}

static void mend_crc(size_t len)
{
    struct env_out o = env_out_over(copy_bytes + len - 4, 4);
    env_put_u32(&o, env_crc32c(copy_bytes, len - 4));
}

START_TEST(round_trip)
{
    struct env_copy c;
    size_t len = make(ENV_KIND_INCREMENT, ENV_ROLE_B);
    ck_assert_uint_eq(len, ENV_CAPACITY_MIN);
    ck_assert_int_eq(env_copy_parse(copy_bytes, sizeof copy_bytes, ENV_ROLE_B, &c, NULL),
                     ENVELOPE_OK);
    ck_assert_uint_eq(c.capacity, len);
    ck_assert_uint_eq(c.whole.len, len);
    ck_assert_ptr_eq(c.core.p, copy_bytes + 32);
    ck_assert_uint_eq(c.core.len, 104 + 56 + 4 + 328);
    ck_assert_ptr_eq(c.id_bytes, copy_bytes + 32);
    ck_assert_ptr_eq(c.prefix, copy_bytes + 32 + 104);
    ck_assert_uint_eq(c.box.len, 328);
    ck_assert_uint_eq(c.id.kind, ENV_KIND_INCREMENT);
    ck_assert_ptr_eq(c.att, copy_bytes + 32 + c.core.len);
    ck_assert_ptr_eq(c.mut.p, c.att + 32);
    ck_assert_uint_eq(c.revision, 1);
    ck_assert_uint_eq(c.slots.len, c.mut.len - 12);
    ck_assert_ptr_eq(c.tag, copy_bytes + len - 36);
    ck_assert_uint_eq(c.tag[0], 0x99);
    ck_assert_ptr_null(c.context.p);
}
END_TEST

START_TEST(foreign)
{
    struct env_copy c;
    size_t len = make(ENV_KIND_FOREIGN, ENV_ROLE_FOREIGN);
    ck_assert_int_eq(env_copy_parse(copy_bytes, len, ENV_ROLE_FOREIGN, &c, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(c.context.len, 15);
    ck_assert_mem_eq(c.context.p, "disk 1 of web01", 15);
    ck_assert_uint_eq(c.capacity, len);
}
END_TEST

START_TEST(every_bit)
{
    size_t len = make(ENV_KIND_FULL, ENV_ROLE_A);
    for (size_t i = 0; i < 8 * len; i += i < 8 * 4096 ? 1 : 97) {
        copy_bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        envelope_status st = parse_role(ENV_ROLE_A, copy_bytes, len, NULL);
        ck_assert_msg(st == ENVELOPE_E_FORMAT, "bit %zu: %s", i, envelope_status_name(st));
        copy_bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    ck_assert_int_eq(parse_role(ENV_ROLE_A, copy_bytes, len, NULL), ENVELOPE_OK);
}
END_TEST

START_TEST(prefixes)
{
    size_t len = make(ENV_KIND_FOREIGN, ENV_ROLE_FOREIGN);
    expect_prefixes_refused(parse_foreign, copy_bytes, len);
    len = make(ENV_KIND_FULL, ENV_ROLE_A);
    for (size_t n = 0; n < len; n += n < 64 ? 1 : 511) {
        expect_parse(parse_a, copy_bytes, n, ENVELOPE_E_FORMAT, "a prefix");
    }
}
END_TEST

struct rule {
    uint8_t kind; /* of the sample; foreign: role 0, else role A */
    envelope_status expected;
    struct edit edit;
};
/* In the samples of points: ID 32, P 136, box's length 192, ATT 524, MUT 556, slots' length 564. */
static const struct rule rules[] = {
    {1, ENVELOPE_OK, {"as it is", 0, ""}},
    {4, ENVELOPE_OK, {"as it is", 0, ""}},
    {1, ENVELOPE_E_FORMAT, {"magic", 7, "0b"}},
    {1, ENVELOPE_E_UNSUPPORTED, {"major 2", 8, "02"}},
    {1, ENVELOPE_E_UNSUPPORTED, {"major 0", 8, "00"}},
    {1, ENVELOPE_OK, {"minor 1", 9, "01"}},
    {1, ENVELOPE_E_FORMAT, {"copy B in the place of A", 10, "02"}},
    {1, ENVELOPE_E_FORMAT, {"foreign in the place of A", 10, "00"}},
    {1, ENVELOPE_E_FORMAT, {"byte 11", 11, "01"}},
    {1, ENVELOPE_E_UNSUPPORTED, {"an incompat bit", 12, "80000000"}},
    {1, ENVELOPE_E_UNSUPPORTED, {"another incompat bit", 15, "01"}},
    {1, ENVELOPE_OK, {"a ro-compat bit", 19, "01"}},
    {1, ENVELOPE_E_FORMAT, {"CORE longer than all", 24, "ffffffff"}},
    {1, ENVELOPE_E_FORMAT, {"CORE longer", 24, "000001ed"}},
    {1, ENVELOPE_E_FORMAT, {"CORE shorter", 24, "000001eb"}},
    {1, ENVELOPE_E_FORMAT, {"MUT longer than all", 28, "ffffffff"}},
    {1, ENVELOPE_E_FORMAT, {"MUT of 0", 28, "00000000"}},
    {1, ENVELOPE_E_FORMAT, {"box beyond CORE", 192, "00000149"}},
    {1, ENVELOPE_E_FORMAT, {"box before CORE's end", 192, "00000147"}},
    {1, ENVELOPE_E_FORMAT, {"box of 2^32 - 1", 192, "ffffffff"}},
    {1, ENVELOPE_E_UNSUPPORTED, {"ID of another format", 32, "02"}},
    {1, ENVELOPE_E_FORMAT, {"ID of an unknown kind", 33, "09"}},
    {1, ENVELOPE_E_FORMAT, {"revision 0", 556, "0000000000000000"}},
    {1, ENVELOPE_OK, {"revision 2", 556, "0000000000000002"}},
    {1, ENVELOPE_E_FORMAT, {"slots beyond MUT", 564, "00010000"}},
    {1, ENVELOPE_E_FORMAT, {"slots before MUT's end", 564, "00000001"}},
    {1, ENVELOPE_E_FORMAT, {"a byte before TAG", 16384 - 37, "01"}},
    {1, ENVELOPE_OK, {"another TAG", 16384 - 36, "01"}},
    {4, ENVELOPE_E_FORMAT, {"role A in the place of a foreign one", 10, "01"}},
    {4, ENVELOPE_E_FORMAT, {"kind full in a foreign header", 33, "01"}},
    {4, ENVELOPE_E_FORMAT, {"P of a foreign header", 136, "01"}},
    {4, ENVELOPE_E_FORMAT, {"ATT of a foreign header", 524 + 19, "01"}},
    {4, ENVELOPE_E_FORMAT, {"context beyond CORE", 524, "00000010"}},
    {4, ENVELOPE_E_FORMAT, {"context before CORE's end", 524, "0000000e"}},
    {4, ENVELOPE_E_FORMAT, {"a chain id in a foreign header", 36, "01"}},
};

START_TEST(each_rule)
{
    const struct rule *r = &rules[_i];
    bool is_foreign = r->kind == ENV_KIND_FOREIGN;
    size_t len = make(r->kind, is_foreign ? ENV_ROLE_FOREIGN : ENV_ROLE_A);
    apply_edit(&r->edit, copy_bytes, len);
    mend_crc(len);
    expect_parse(is_foreign ? parse_foreign : parse_a, copy_bytes, len, r->expected, r->edit.rule);
}
END_TEST

/* A newer version is a claim that only a whole copy may make. */
START_TEST(newer_but_damaged)
{
    size_t len = make(ENV_KIND_FULL, ENV_ROLE_A);
    copy_bytes[8] = 2;
    ck_assert_int_eq(parse_role(ENV_ROLE_A, copy_bytes, len, NULL), ENVELOPE_E_FORMAT);
}
END_TEST

START_TEST(detached_has_no_att)
{
    size_t len = make(ENV_KIND_FULL, ENV_ROLE_A);
    copy_bytes[34] = ENV_DETACHED;
    memset(copy_bytes + 32 + 52, 0, 4);
    mend_crc(len);
    expect_parse(parse_a, copy_bytes, len, ENVELOPE_E_FORMAT, "detached with ATT");
    memset(copy_bytes + 524, 0, 32);
    mend_crc(len);
    expect_parse(parse_a, copy_bytes, len, ENVELOPE_OK, "detached without");
}
END_TEST

/* 24 and 0 are possible lengths, but no capacities. */
START_TEST(capacities)
{
    static const struct {
        uint32_t capacity;
        envelope_status expected;
    } cases[] = {
        {0, ENVELOPE_E_FORMAT},
        {35, ENVELOPE_E_FORMAT},
        {36, ENVELOPE_E_FORMAT},
        {16383, ENVELOPE_E_FORMAT},
        {16384, ENVELOPE_OK},
        {16385, ENVELOPE_E_FORMAT},
        {32768, ENVELOPE_OK},
        {49152, ENVELOPE_E_FORMAT},
        {65536, ENVELOPE_OK},
        {131072, ENVELOPE_OK},
        {131073, ENVELOPE_E_FORMAT},
        {262144, ENVELOPE_E_FORMAT},
        {0xffffffffu, ENVELOPE_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(copy_bytes, 0, sizeof copy_bytes);
        size_t len = make(ENV_KIND_FULL, ENV_ROLE_A);
        memset(copy_bytes + len - 36, 0, 36);
        struct env_out o = env_out_over(copy_bytes + 20, 4);
        env_put_u32(&o, cases[i].capacity);
        size_t capacity = cases[i].capacity;
        if (capacity >= 36 && capacity <= sizeof copy_bytes) {
            mend_crc(capacity);
        }
        expect_parse(parse_a, copy_bytes, sizeof copy_bytes, cases[i].expected, "a capacity");
    }
}
END_TEST

/* storage.md's table of sizes: half full at most, except the largest. */
START_TEST(capacity_for_a_need)
{
    static const uint8_t nothing[ENV_CAPACITY_MAX];
    static const struct {
        size_t need;
        uint32_t capacity;
    } cases[] = {{1226, 16384},   {8192, 16384},    {8193, 32768},   {16384, 32768},
                 {16385, 65536},  {32768, 65536},   {32769, 131072}, {65274, 131072},
                 {99356, 131072}, {131072, 131072}, {131073, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct env_copy_parts parts = {.core = {nothing, cases[i].need - 112}};
        ck_assert_uint_eq(env_copy_need(&parts), cases[i].need);
        ck_assert_uint_eq(env_copy_capacity(&parts), cases[i].capacity);
        parts.foreign = true;
        ck_assert_uint_eq(env_copy_capacity(&parts), cases[i].capacity ? cases[i].need : 0);
    }
}
END_TEST

/* The last byte before TAG is used: nothing is left for zeros. */
START_TEST(filled_to_the_end)
{
    static uint8_t core[ENV_CAPACITY_MIN];
    struct env_id id;
    uint8_t id_bytes[ENV_ID_BYTES];
    const uint8_t prefix[ENV_PAYLOAD_PREFIX_BYTES] = {1};
    const uint8_t zeros[ENV_TAG_MAC_BYTES] = {0};
    sample_id(&id, ENV_KIND_FULL);
    env_id_put(&id, id_bytes);
    for (size_t more = 0; more < 2; more++) {
        size_t box = ENV_CAPACITY_MIN - 112 - 164 + more;
        struct env_out o = env_out_over(core, sizeof core);
        env_put_bytes(&o, id_bytes, sizeof id_bytes);
        env_put_bytes(&o, prefix, sizeof prefix);
        env_put_u32(&o, (uint32_t)box);
        env_put_zeros(&o, box);
        struct env_copy_parts parts = {{core, o.len}, zeros, 1, {"", 0}, false};
        ck_assert_uint_eq(env_copy_need(&parts), ENV_CAPACITY_MIN + more);
        env_copy_put(&parts, ENV_ROLE_A, 2 * ENV_CAPACITY_MIN, copy_bytes);
        memset(copy_bytes + 20, 0, 4);
        copy_bytes[22] = ENV_CAPACITY_MIN >> 8;
        mend_crc(ENV_CAPACITY_MIN);
        expect_parse(parse_a, copy_bytes, ENV_CAPACITY_MIN, more ? ENVELOPE_E_FORMAT : ENVELOPE_OK,
                     "R-PRE-12");
    }
}
END_TEST

START_TEST(magic)
{
    make(ENV_KIND_FULL, ENV_ROLE_A);
    ck_assert(env_copy_magic(copy_bytes, 8));
    ck_assert(!env_copy_magic(copy_bytes, 7));
    ck_assert(!env_copy_magic(copy_bytes, 0));
    copy_bytes[7] ^= 1;
    ck_assert(!env_copy_magic(copy_bytes, 8));
}
END_TEST

START_TEST(core_that_does_not_fit)
{
    uint8_t id[ENV_ID_BYTES] = {0};
    uint8_t prefix[ENV_PAYLOAD_PREFIX_BYTES] = {0};
    uint8_t out[200];
    static const uint8_t long_context[ENV_FOREIGN_CONTEXT_MAX + 1];
    const struct env_bytes context = {long_context, sizeof long_context};
    ck_assert_uint_eq(env_core_put(id, prefix, ENV_BYTES("x", 1), NULL, out, 165), 165);
    ck_assert_uint_eq(env_core_put(id, prefix, ENV_BYTES("x", 1), NULL, out, 164), 0);
    ck_assert_uint_eq(env_core_put(id, prefix, ENV_BYTES("x", 1), &context, out, sizeof out), 0);
    static uint8_t large[2 * ENV_CAPACITY_MAX];
    ck_assert_uint_eq(env_core_put(id, prefix, ENV_BYTES("x", 1), &context, large, sizeof large),
                      0);
    const struct env_bytes box = {copy_bytes, ENV_CAPACITY_MAX + 1};
    ck_assert_uint_eq(env_core_put(id, prefix, box, NULL, large, sizeof large), 0);
}
END_TEST

START_TEST(longest_context)
{
    static uint8_t context[ENV_FOREIGN_CONTEXT_MAX + 1];
    static uint8_t core[4096];
    struct env_id id;
    uint8_t id_bytes[ENV_ID_BYTES];
    const uint8_t zeros[ENV_PAYLOAD_PREFIX_BYTES] = {0};
    sample_id(&id, ENV_KIND_FOREIGN);
    env_id_put(&id, id_bytes);
    for (size_t n = ENV_FOREIGN_CONTEXT_MAX; n <= ENV_FOREIGN_CONTEXT_MAX + 1; n++) {
        struct env_out o = env_out_over(core, sizeof core);
        env_put_bytes(&o, id_bytes, sizeof id_bytes);
        env_put_bytes(&o, zeros, sizeof zeros);
        env_put_u32(&o, 0);
        env_put_u32(&o, (uint32_t)n);
        env_put_bytes(&o, context, n);
        struct env_copy_parts parts = {{core, o.len}, zeros, 1, {"", 0}, true};
        uint32_t capacity = env_copy_capacity(&parts);
        env_copy_put(&parts, ENV_ROLE_FOREIGN, capacity, copy_bytes);
        env_copy_finish(copy_bytes, capacity, zeros);
        expect_parse(parse_foreign, copy_bytes, capacity,
                     n > ENV_FOREIGN_CONTEXT_MAX ? ENVELOPE_E_FORMAT : ENVELOPE_OK, "a context");
    }
}
END_TEST

/* Random changes with the CRC made right, so that the rules behind it are reached. */
START_TEST(garbage)
{
    uint64_t state = test_seed("header");
    size_t accepted = 0;
    size_t len = make(ENV_KIND_FOREIGN, ENV_ROLE_FOREIGN);
    static uint8_t saved[4096];
    memcpy(saved, copy_bytes, len);
    for (int i = 0; i < 20000; i++) {
        memcpy(copy_bytes, saved, len);
        copy_bytes[next_random(&state) % 560] = (uint8_t)next_random(&state);
        copy_bytes[next_random(&state) % len] = (uint8_t)next_random(&state);
        mend_crc(len);
        accepted += !parse_role(ENV_ROLE_FOREIGN, copy_bytes, len, NULL);
    }
    ck_assert_uint_gt(accepted, 0);
    ck_assert_uint_lt(accepted, 20000);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/header");
    TCase *t = tcase_create("header");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, round_trip);
    tcase_add_test(t, foreign);
    tcase_add_test(t, every_bit);
    tcase_add_test(t, prefixes);
    tcase_add_test(t, newer_but_damaged);
    tcase_add_test(t, detached_has_no_att);
    tcase_add_test(t, capacities);
    tcase_add_test(t, capacity_for_a_need);
    tcase_add_test(t, core_that_does_not_fit);
    tcase_add_test(t, filled_to_the_end);
    tcase_add_test(t, magic);
    tcase_add_test(t, longest_context);
    tcase_add_test(t, garbage);
    tcase_add_loop_test(t, each_rule, 0, sizeof rules / sizeof rules[0]);
    suite_add_tcase(s, t);
    return s;
}
