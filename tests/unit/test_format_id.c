/* ID: what goes in comes out, and each rule refuses what it is there for. */
#include "check_main.h"
#include "parser.h"
#include "samples.h"
#include <string.h>

static envelope_status parse(envelope_ctx *ctx, const void *bytes, size_t len, envelope_error *err)
{
    struct env_id id;
    (void)ctx;
    ck_assert_uint_eq(len, ENV_ID_BYTES);
    envelope_status st = env_id_get(bytes, &id, err);
    ck_assert(!st || env_all_zero(&id, sizeof id));
    return st;
}

START_TEST(round_trip)
{
    for (uint8_t kind = ENV_KIND_FULL; kind <= ENV_KIND_FOREIGN; kind++) {
        struct env_id in;
        struct env_id out;
        uint8_t bytes[ENV_ID_BYTES];
        uint8_t again[ENV_ID_BYTES];
        sample_id(&in, kind);
        env_id_put(&in, bytes);
        ck_assert_int_eq(env_id_get(bytes, &out, NULL), ENVELOPE_OK);
        env_id_put(&out, again);
        ck_assert_mem_eq(bytes, again, sizeof bytes);
        ck_assert_uint_eq(out.kind, kind);
        ck_assert_uint_eq(out.number, in.number);
        ck_assert_mem_eq(out.parent, in.parent, sizeof in.parent);
    }
}
END_TEST

START_TEST(known_bytes)
{
    struct env_id id;
    uint8_t b[ENV_ID_BYTES];
    sample_id(&id, ENV_KIND_INCREMENT);
    env_id_put(&id, b);
    ck_assert_mem_eq(b, "\x01\x02\x00\x01\x40\x41", 6);
    ck_assert_mem_eq(b + 36, "\x10\x11", 2);
    ck_assert_mem_eq(b + 52, "\x00\x00\x00\x02", 4);
    ck_assert_mem_eq(b + 56, "\x00\x00\x00\x00\x00\x00\x00\x03", 8);
    ck_assert_mem_eq(b + 64, "\x00\x00\x00\x00\x00\x00\x00\x0c\x80\x81", 10);
}
END_TEST

struct rule {
    uint8_t kind;
    envelope_status expected;
    struct edit edit;
};

static const char zero_32[] = "0000000000000000000000000000000000000000000000000000000000000000";
static const struct rule rules[] = {
    {1, ENVELOPE_E_UNSUPPORTED, {"another format", 0, "02"}},
    {1, ENVELOPE_E_FORMAT, {"kind 0", 1, "00"}},
    {1, ENVELOPE_E_FORMAT, {"kind 5", 1, "05"}},
    {1, ENVELOPE_E_FORMAT, {"standing 2", 2, "02"}},
    {1, ENVELOPE_E_FORMAT, {"a point without content", 3, "00"}},
    {1, ENVELOPE_E_FORMAT, {"content 3", 3, "03"}},
    {1, ENVELOPE_OK, {"content image", 3, "02"}},
    {1, ENVELOPE_E_FORMAT, {"full with a parent", 72, "01"}},
    {2, ENVELOPE_E_FORMAT, {"increment without a parent", 72, zero_32}},
    {1, ENVELOPE_E_FORMAT, {"attested, generation 0", 52, "00000000"}},
    {1, ENVELOPE_E_FORMAT, {"generation 2^31", 52, "80000000"}},
    {1, ENVELOPE_OK, {"generation 2^31 - 1", 52, "7fffffff"}},
    {1, ENVELOPE_E_FORMAT, {"serial 2^48", 56, "0001000000000000"}},
    {1, ENVELOPE_OK, {"serial 2^48 - 1", 56, "0000ffffffffffff"}},
    {1, ENVELOPE_E_FORMAT, {"number 2^48", 64, "0001000000000000"}},
    {1, ENVELOPE_E_FORMAT, {"detached with a generation", 2, "01"}},
    {2, ENVELOPE_E_FORMAT, {"a detached increment", 2, "01"}},
    {3, ENVELOPE_E_FORMAT, {"metadata with content", 3, "01"}},
    {3, ENVELOPE_E_FORMAT, {"detached metadata", 2, "01"}},
    {3, ENVELOPE_E_FORMAT, {"metadata, generation 0", 52, "00000000"}},
    {3, ENVELOPE_E_FORMAT, {"metadata, number 0", 64, "0000000000000000"}},
    {3, ENVELOPE_E_FORMAT, {"the first metadata with a parent", 64, "0000000000000001"}},
    {3, ENVELOPE_OK, {"a rebuild's metadata", 72, zero_32}},
    {4, ENVELOPE_E_FORMAT, {"foreign with a standing", 2, "01"}},
    {4, ENVELOPE_E_FORMAT, {"foreign with content", 3, "01"}},
    {4, ENVELOPE_E_FORMAT, {"foreign with a chain id", 4, "01"}},
    {4, ENVELOPE_E_FORMAT, {"foreign with a generation", 52, "00000001"}},
    {4, ENVELOPE_E_FORMAT, {"foreign with a serial", 63, "01"}},
    {4, ENVELOPE_E_FORMAT, {"foreign with a number", 71, "01"}},
    {4, ENVELOPE_E_FORMAT, {"foreign with a parent", 103, "01"}},
    {4, ENVELOPE_OK, {"foreign, any object id", 36, "ff"}},
};

START_TEST(each_rule)
{
    const struct rule *rule = &rules[_i];
    struct env_id id;
    uint8_t bytes[ENV_ID_BYTES];
    sample_id(&id, rule->kind);
    env_id_put(&id, bytes);
    apply_edit(&rule->edit, bytes, sizeof bytes);
    expect_parse(parse, bytes, sizeof bytes, rule->expected, rule->edit.rule);
}
END_TEST

START_TEST(detached)
{
    struct env_id id;
    uint8_t bytes[ENV_ID_BYTES];
    sample_id(&id, ENV_KIND_FULL);
    id.standing = ENV_DETACHED;
    id.generation = 0;
    env_id_put(&id, bytes);
    expect_parse(parse, bytes, sizeof bytes, ENVELOPE_OK, "a detached full point");
    bytes[2] = 2;
    expect_parse(parse, bytes, sizeof bytes, ENVELOPE_E_FORMAT, "standing 2, generation 0");
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/id");
    TCase *t = tcase_create("id");
    tcase_add_test(t, round_trip);
    tcase_add_test(t, known_bytes);
    tcase_add_test(t, detached);
    tcase_add_loop_test(t, each_rule, 0, sizeof rules / sizeof rules[0]);
    suite_add_tcase(s, t);
    return s;
}
