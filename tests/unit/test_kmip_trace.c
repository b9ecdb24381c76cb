/* The trace shows how a message is built, and nothing of a key, of data, or of a credential, under
 * whatever tag they stand. */
#include "check_main.h"
#include "failing.h"
#include "kms/kmip/link.h"
#include <stdlib.h>
#include <string.h>

enum { CAP = 2048, OTHER = 0x540001 };
static const char secret[] = "k3y-M4TERIAL+k3y-M4TERIAL+k3y-32"; /* 32 bytes */
static const char said[] = "said aloud";

struct seen {
    int calls;
    int32_t outgoing;
    size_t len;
    uint8_t bytes[CAP];
};
static void note(void *user, int32_t outgoing, const void *ttlv, size_t len)
{
    struct seen *seen = user;
    seen->calls++;
    seen->outgoing = outgoing;
    seen->len = len;
    ck_assert_uint_le(len, CAP);
    memcpy(seen->bytes, ttlv, len);
}

static struct seen traced(const uint8_t *bytes, size_t len)
{
    envelope_ctx *ctx = test_ctx();
    static struct seen seen;
    const struct env_kmip_tracer tracer = {note, &seen};
    uint8_t *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    memset(&seen, 0, sizeof seen);
    env_kmip_trace(ctx, &tracer, true, copy, len);
    free(copy);
    envelope_ctx_free(ctx);
    return seen;
}

/* Any 4 bytes of the secret in a row. */
static bool leaks(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 4 <= sizeof secret - 1; i++) {
        if (memmem(bytes, len, secret + i, 4)) {
            return true;
        }
    }
    return false;
}

static void number_out_of(struct env_ttlv_out *o, uint32_t tag, uint8_t type)
{
    uint8_t padded[8];
    struct env_ttlv_item item = {tag, type, 8, padded};
    memcpy(padded, secret, 8);
    item.len = type == ENV_TTLV_LONG || type == ENV_TTLV_DATE ? 8 : 4;
    env_ttlv_put_item(o, &item);
}

/* The secret in every type that can hold some of it. */
static void hide(struct env_ttlv_out *o, uint32_t tag)
{
    env_ttlv_put_bytes(o, tag, secret, sizeof secret - 1);
    env_ttlv_put_text(o, tag, secret);
    env_ttlv_put_big(o, tag, secret, sizeof secret - 1);
}

static void hide_in_numbers(struct env_ttlv_out *o, uint32_t tag)
{
    number_out_of(o, tag, ENV_TTLV_LONG);
    number_out_of(o, tag, ENV_TTLV_DATE);
    number_out_of(o, tag, ENV_TTLV_INTEGER);
    number_out_of(o, tag, ENV_TTLV_ENUM);
    number_out_of(o, tag, ENV_TTLV_INTERVAL);
}

/* Structures in which nothing of a value may be seen, whatever stands in them. */
static const uint32_t secret_structures[] = {
    ENV_TAG_AUTHENTICATION, ENV_TAG_CREDENTIAL, ENV_TAG_CREDENTIAL_VALUE, ENV_TAG_KEY_BLOCK,
    ENV_TAG_KEY_MATERIAL,   ENV_TAG_KEY_VALUE,  ENV_TAG_KEY_WRAPPING_DATA};
static const uint32_t hiding_places[] = {
    OTHER,
    ENV_TAG_KEY_MATERIAL,
    ENV_TAG_UNIQUE_IDENTIFIER,
    ENV_TAG_ATTRIBUTE_VALUE,
    ENV_TAG_UNIQUE_BATCH_ITEM_ID,
    ENV_TAG_STATE,
    0x4200a1 /* Password */,
};

START_TEST(nothing_within)
{
    uint8_t b[CAP];
    for (size_t i = 0; i < sizeof hiding_places / sizeof hiding_places[0]; i++) {
        for (int deeper = 0; deeper < 2; deeper++) {
            struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
            env_ttlv_open(&o, ENV_TAG_RESPONSE_MESSAGE);
            env_ttlv_open(&o, secret_structures[_i]);
            env_ttlv_open(&o, deeper ? OTHER : ENV_TAG_KEY_VALUE);
            hide(&o, hiding_places[i]);
            hide_in_numbers(&o, hiding_places[i]);
            env_ttlv_close(&o);
            env_ttlv_close(&o);
            env_ttlv_close(&o);
            size_t len = env_ttlv_out_done(&o);
            ck_assert(len && leaks(b, len));
            struct seen seen = traced(b, len);
            ck_assert(seen.calls == 1 && seen.len == len && seen.outgoing == 1);
            ck_assert(env_ttlv_whole(seen.bytes, seen.len, NULL));
            ck_assert(!leaks(seen.bytes, seen.len));
        }
    }
}
END_TEST

/* Leaves that may be seen nowhere; of the unknown ones nobody knows what they hold. */
static const uint32_t blanked[] = {OTHER,
                                   ENV_TAG_DATA,
                                   ENV_TAG_KEY_VALUE,
                                   ENV_TAG_KEY_MATERIAL,
                                   ENV_TAG_IV_COUNTER_NONCE,
                                   ENV_TAG_MODULUS,
                                   ENV_TAG_CREDENTIAL_VALUE,
                                   0x4200a1 /* Password */,
                                   0x420099 /* Username */,
                                   0x42ffff};

START_TEST(nothing_outside)
{
    uint8_t b[CAP];
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_open(&o, ENV_TAG_RESPONSE_MESSAGE);
    env_ttlv_open(&o, ENV_TAG_RESPONSE_PAYLOAD);
    hide(&o, blanked[_i]);
    env_ttlv_close(&o);
    env_ttlv_close(&o);
    struct seen seen = traced(b, env_ttlv_out_done(&o));
    ck_assert(seen.calls == 1 && env_ttlv_whole(seen.bytes, seen.len, NULL));
    ck_assert(!leaks(seen.bytes, seen.len));
    ck_assert(seen.len == o.out.len && !memcmp(seen.bytes, b, 16 + 8)); /* heads are as they were */
}
END_TEST

/* Numbers may stand outside of keys; not so the value of a key that is a number. */
static const uint32_t number_places[] = {ENV_TAG_KEY_VALUE, ENV_TAG_KEY_MATERIAL,
                                         ENV_TAG_CREDENTIAL_VALUE};
START_TEST(no_key_as_a_number)
{
    uint8_t b[CAP];
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_open(&o, ENV_TAG_RESPONSE_MESSAGE);
    hide_in_numbers(&o, number_places[_i]);
    env_ttlv_close(&o);
    struct seen seen = traced(b, env_ttlv_out_done(&o));
    ck_assert(seen.calls == 1 && !leaks(seen.bytes, seen.len));
}
END_TEST

/* What a server forgot to zero behind a value. */
START_TEST(padding)
{
    uint8_t b[CAP];
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_open(&o, ENV_TAG_RESPONSE_MESSAGE);
    env_ttlv_put_enum(&o, ENV_TAG_STATE, 2);
    env_ttlv_put_text(&o, ENV_TAG_UNIQUE_IDENTIFIER, "1");
    env_ttlv_close(&o);
    memcpy(b + 20, secret, 4);
    memcpy(b + 33, secret, 7);
    struct seen seen = traced(b, env_ttlv_out_done(&o));
    ck_assert(seen.calls == 1 && seen.bytes[19] == 2 && seen.bytes[32] == '1');
    ck_assert(!leaks(seen.bytes, seen.len));
}
END_TEST

/* A trace in which nothing can be seen would be of no use. */
START_TEST(shown)
{
    static const uint32_t texts[] = {ENV_TAG_UNIQUE_IDENTIFIER, ENV_TAG_NAME_VALUE,
                                     ENV_TAG_ATTRIBUTE_NAME, ENV_TAG_ATTRIBUTE_VALUE,
                                     ENV_TAG_RESULT_MESSAGE};
    uint8_t b[CAP];
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_open(&o, ENV_TAG_RESPONSE_MESSAGE);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        env_ttlv_put_text(&o, texts[i], said);
    }
    env_ttlv_put_bytes(&o, ENV_TAG_UNIQUE_BATCH_ITEM_ID, said, 4);
    number_out_of(&o, ENV_TAG_TIME_STAMP, ENV_TTLV_DATE);
    number_out_of(&o, OTHER, ENV_TTLV_ENUM);
    env_ttlv_put_bool(&o, OTHER, true);
    env_ttlv_close(&o);
    struct seen seen = traced(b, env_ttlv_out_done(&o));
    ck_assert(seen.calls == 1 && seen.len == o.out.len);
    ck_assert_mem_eq(seen.bytes, b, seen.len);
}
END_TEST

START_TEST(key_is_named)
{
    uint8_t b[CAP];
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_open(&o, ENV_TAG_KEY_BLOCK);
    env_ttlv_put_enum(&o, ENV_TAG_KEY_FORMAT_TYPE, 4);
    env_ttlv_put_enum(&o, ENV_TAG_CRYPTOGRAPHIC_ALGORITHM, 4);
    env_ttlv_put_int(&o, ENV_TAG_CRYPTOGRAPHIC_LENGTH, 4096);
    env_ttlv_put_text(&o, ENV_TAG_CRYPTOGRAPHIC_LENGTH, "ab");
    env_ttlv_close(&o);
    struct seen seen = traced(b, env_ttlv_out_done(&o));
    memset(b + 64, '*', 2);
    ck_assert_uint_eq(seen.len, 72);
    ck_assert_mem_eq(seen.bytes, b, seen.len);
}
END_TEST

START_TEST(not_at_all)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t b[CAP];
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    const struct env_kmip_tracer none = {0};
    env_ttlv_open(&o, ENV_TAG_RESPONSE_MESSAGE);
    env_ttlv_put_bytes(&o, ENV_TAG_DATA, secret, sizeof secret - 1);
    env_ttlv_close(&o);
    size_t len = env_ttlv_out_done(&o);
    env_kmip_trace(ctx, &none, true, b, len);
    for (size_t cut = 0; cut < len; cut++) {
        ck_assert_int_eq(traced(b, cut).calls, 0);
    }
    b[11] = 0;
    ck_assert_int_eq(traced(b, len).calls, 0);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(no_memory)
{
    struct failing f = {0};
    struct seen seen = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    const struct env_kmip_tracer tracer = {note, &seen};
    uint8_t b[8] = {0x42, 0, 0x7b, 1};
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    env_kmip_trace(ctx, &tracer, false, b, 8);
    ck_assert(seen.calls == 1 && seen.outgoing == 0 && seen.len == 8);
    f.fail_at = f.calls + 1;
    env_kmip_trace(ctx, &tracer, false, b, 8);
    ck_assert_int_eq(seen.calls, 1);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kmip/trace");
    TCase *t = tcase_create("trace");
    tcase_add_loop_test(t, nothing_within, 0,
                        sizeof secret_structures / sizeof secret_structures[0]);
    tcase_add_loop_test(t, nothing_outside, 0, sizeof blanked / sizeof blanked[0]);
    tcase_add_loop_test(t, no_key_as_a_number, 0, sizeof number_places / sizeof number_places[0]);
    tcase_add_test(t, padding);
    tcase_add_test(t, shown);
    tcase_add_test(t, key_is_named);
    tcase_add_test(t, not_at_all);
    tcase_add_test(t, no_memory);
    suite_add_tcase(s, t);
    return s;
}
