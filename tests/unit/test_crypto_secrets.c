/* Key wrap, passwords, the table cipher, random: answers computed with Python from the standards'
 * text, and the limits. */
#include "base/bytes.h"
#include "base/text.h"
#include "check_main.h"
#include "crypto/ctr.h"
#include "crypto/keywrap.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "failing.h"
#include <string.h>

static void fill(uint8_t *p, uint8_t first)
{
    for (int i = 0; i < 32; i++) {
        p[i] = (uint8_t)(first + i);
    }
}

static void expect_wrapped(size_t len, const char *expected)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t kek[32];
    uint8_t key[32];
    uint8_t out[40];
    uint8_t back[40];
    char hex[81];
    size_t out_len;
    size_t back_len;
    fill(kek, 0x20);
    fill(key, 0);
    ck_assert_int_eq(env_kwp_wrap(ctx, kek, key, len, out, sizeof out, &out_len, NULL),
                     ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, out, out_len), expected);
    ck_assert_int_eq(env_kwp_unwrap(ctx, kek, out, out_len, back, sizeof back, &back_len, NULL),
                     ENVELOPE_OK);
    ck_assert_uint_eq(back_len, len);
    ck_assert_mem_eq(back, key, len);
    envelope_ctx_free(ctx);
}

START_TEST(kwp_answers)
{
    expect_wrapped(
        32, "086e3aeda49a83d0a40b27c21b4263a8a19aecb44f9877bd9d7e67622ff218c6f73a156c8aa302a9");
    expect_wrapped(20, "7c57e838675f51ce97ec077d85cb19a565eb980130bd5c33652a5f7a59156123");
    expect_wrapped(7, "a67401866e1c378f80f64fe245ad58db");
}
END_TEST

START_TEST(kwp_refuses_every_flip)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t kek[32];
    uint8_t out[ENV_KWP_BYTES];
    uint8_t back[ENV_KWP_BYTES + 8]; /* longer: all of it is wiped */
    size_t len;
    fill(kek, 0x20);
    ck_assert_int_eq(env_kwp_wrap(ctx, kek, kek, 32, out, sizeof out, &len, NULL), ENVELOPE_OK);
    for (size_t bit = 0; bit < 8 * sizeof out; bit++) {
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(back, 0xff, sizeof back);
        ck_assert_int_eq(env_kwp_unwrap(ctx, kek, out, sizeof out, back, sizeof back, &len, NULL),
                         ENVELOPE_E_AUTH);
        ck_assert(env_all_zero(back, sizeof back) && len == 0);
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < sizeof out; n++) {
        ck_assert_int_eq(env_kwp_unwrap(ctx, kek, out, n, back, sizeof back, &len, NULL),
                         ENVELOPE_E_AUTH);
    }
    ck_assert_int_eq(env_kwp_unwrap(ctx, kek, out, 40, back, 39, &len, NULL), ENVELOPE_E_RANGE);
    ck_assert_int_eq(env_kwp_wrap(ctx, kek, kek, 32, out, 39, &len, NULL), ENVELOPE_E_RANGE);
    ck_assert_uint_eq(len, 40);
    ck_assert_int_eq(env_kwp_wrap(ctx, kek, kek, 0, out, 40, &len, NULL), ENVELOPE_E_INVALID);
    envelope_ctx_free(ctx);
}
END_TEST

static void expect_argon2(const char *password, uint32_t memory, uint32_t passes,
                          const char *expected)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t salt[32];
    uint8_t out[32];
    char hex[65];
    fill(salt, 0);
    ck_assert_int_eq(env_argon2id(ctx, password, strlen(password), salt, memory, passes, out, NULL),
                     ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, out, sizeof out), expected);
    envelope_ctx_free(ctx);
}

START_TEST(argon2id_answers)
{
    expect_argon2("correct horse", ENV_ARGON2_MEMORY_KIB, ENV_ARGON2_PASSES,
                  "d00b90c40f918cf889780d7d3a9ec3c2b1719df87dc5e4d4d93ea6163db04e17");
    expect_argon2("correct horse", 300, 3,
                  "31e5551e56a56cf2df051b3e771b31001276a60611590783a88db8c11cdb6a44");
    expect_argon2("", 8, 1, "31ed41e2d73f27fdfe4eb4bec651341e58ba43477051c6fe4adad735d82ee08a");
}
END_TEST

START_TEST(password_limits)
{
    envelope_ctx *ctx = test_ctx();
    const uint8_t salt[16] = {0};
    uint8_t out[32];
    static const uint32_t bad[][2] = {{7, 1},
                                      {0, 1},
                                      {8, 0},
                                      {ENV_ARGON2_MEMORY_KIB_MAX + 1, 1},
                                      {8, ENV_ARGON2_PASSES_MAX + 1},
                                      {UINT32_MAX, UINT32_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(env_argon2id(ctx, "p", 1, salt, bad[i][0], bad[i][1], out, NULL),
                         ENVELOPE_E_LIMIT);
    }
    ck_assert_int_eq(env_pbkdf2(ctx, "p", 1, salt, 16, 0, out, 32, NULL), ENVELOPE_E_LIMIT);
    ck_assert_int_eq(
        env_pbkdf2(ctx, "p", 1, salt, 16, ENV_PBKDF2_ITERATIONS_MAX + 1, out, 32, NULL),
        ENVELOPE_E_LIMIT);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(pbkdf2_answer)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t salt[32];
    uint8_t out[32];
    char hex[65];
    fill(salt, 0);
    ck_assert_int_eq(env_pbkdf2(ctx, "correct horse", 13, salt, 16, ENV_PBKDF2_ITERATIONS, out,
                                sizeof out, NULL),
                     ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, out, sizeof out),
                     "96a5904c2e08c8da42305dbcc5d7cf18ead2636d49f59526b606f26696281473");
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(ctr_answers)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t key[32];
    uint8_t data[32];
    char hex[65];
    fill(key, 0x20);
    fill(data, 0);
    ck_assert_int_eq(env_ctr_xor(ctx, key, 3, data, NULL), ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, data, sizeof data),
                     "492cbf51db1b9f19ac3785d3d511737ef6e9d412de6f87f05f28571a0df2ce90");
    ck_assert_int_eq(env_ctr_xor(ctx, key, 3, data, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(data[31], 31);
    memset(data, 0, sizeof data);
    ck_assert_int_eq(env_ctr_xor(ctx, key, ((uint64_t)1 << 63) + 1, data, NULL), ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, data, sizeof data),
                     "94e2c463693de7ab86446249cb3ff8b9eefd1f5d2d21a67b331ba27ab3af45e4");
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(random_is_drawn_each_time)
{
    uint8_t a[700];
    uint8_t b[700];
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    ck_assert_int_eq(env_random(a, sizeof a, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_random(b, sizeof b, NULL), ENVELOPE_OK);
    ck_assert(memcmp(a, b, sizeof a) != 0);
    ck_assert(!env_all_zero(a + 668, 32)); /* filled to the end */
    ck_assert_int_eq(env_random(a, 0, NULL), ENVELOPE_OK);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {kwp_answers,
                                kwp_refuses_every_flip,
                                argon2id_answers,
                                password_limits,
                                pbkdf2_answer,
                                ctr_answers,
                                random_is_drawn_each_time,
                                NULL};
    return suite_of("crypto secrets", 60, all);
}
