/* Slots: what was wrapped comes out again with the right key, and with no other. */
#include "base/context.h"
#include "check_main.h"
#include "crypto/password.h"
#include "failing.h"
#include "fake_kms.h"
#include "keys/slot.h"
#include <string.h>

static envelope_ctx *ctx;
static envelope_dek *dek;
static uint8_t *out;

static void set_up(void)
{
    ctx = test_ctx();
    ck_assert_int_eq(envelope_dek_generate(ctx, &dek, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_secret_new(ctx, 32, &out, NULL), ENVELOPE_OK);
}

static void tear_down(void)
{
    env_secret_free(ctx, out, 32);
    envelope_dek_free(dek);
    envelope_ctx_free(ctx);
}

static struct env_slot password_slot(int32_t algorithm)
{
    struct env_slot slot = {.kind = ENV_SLOT_PASSWORD};
    ck_assert_int_eq(env_slot_wrap_password("secret", 6, algorithm, dek, &slot, NULL), ENVELOPE_OK);
    return slot;
}

static void expect_refused(const struct env_slot *slot, const char *password)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint8_t zeros[32] = {0};
    ck_assert_int_eq(env_slot_unwrap_password(ctx, slot, password, strlen(password), out, &err),
                     ENVELOPE_E_AUTH);
    ck_assert_str_eq(err.message, ENV_DOES_NOT_OPEN);
    ck_assert_mem_eq(out, zeros, 32);
}

START_TEST(argon2id)
{
    struct env_slot slot = password_slot(ENVELOPE_ARGON2ID);
    ck_assert_uint_eq(slot.memory_kib, 19456);
    ck_assert_uint_eq(slot.passes, 2);
    ck_assert_uint_eq(slot.wrapped_len, 40);
    ck_assert_int_eq(env_slot_unwrap_password(ctx, &slot, "secret", 6, out, NULL), ENVELOPE_OK);
    ck_assert_mem_eq(out, env_dek_key(dek), 32);
    expect_refused(&slot, "Secret");
    expect_refused(&slot, "secre");
    slot.salt[0] ^= 1;
    expect_refused(&slot, "secret");
}
END_TEST

START_TEST(pbkdf2)
{
    struct env_slot slot = password_slot(ENVELOPE_PBKDF2_SHA256);
    ck_assert_uint_eq(slot.passes, 600000);
    ck_assert_uint_eq(slot.memory_kib, 0);
    ck_assert_int_eq(env_slot_unwrap_password(ctx, &slot, "secret", 6, out, NULL), ENVELOPE_OK);
    ck_assert_mem_eq(out, env_dek_key(dek), 32);
    slot.wrapped[39] ^= 0x80;
    expect_refused(&slot, "secret");
}
END_TEST

START_TEST(salts_differ)
{
    struct env_slot a = password_slot(ENVELOPE_ARGON2ID);
    struct env_slot b = password_slot(ENVELOPE_ARGON2ID);
    ck_assert_mem_ne(a.salt, b.salt, sizeof a.salt);
    ck_assert_mem_ne(a.wrapped, b.wrapped, a.wrapped_len);
}
END_TEST

/* A header must not make us work for ever. */
START_TEST(costs_are_limited)
{
    struct env_slot slot = password_slot(ENVELOPE_ARGON2ID);
    slot.passes = ENV_ARGON2_PASSES_MAX + 1;
    ck_assert_int_eq(env_slot_unwrap_password(ctx, &slot, "secret", 6, out, NULL),
                     ENVELOPE_E_LIMIT);
    slot.passes = 1;
    slot.memory_kib = ENV_ARGON2_MEMORY_KIB_MAX + 1;
    ck_assert_int_eq(env_slot_unwrap_password(ctx, &slot, "secret", 6, out, NULL),
                     ENVELOPE_E_LIMIT);
    slot.algorithm = ENVELOPE_PBKDF2_SHA256;
    slot.passes = ENV_PBKDF2_ITERATIONS_MAX + 1;
    ck_assert_int_eq(env_slot_unwrap_password(ctx, &slot, "secret", 6, out, NULL),
                     ENVELOPE_E_LIMIT);
    slot.passes = 0;
    ck_assert_int_eq(env_slot_unwrap_password(ctx, &slot, "secret", 6, out, NULL),
                     ENVELOPE_E_LIMIT);
    slot.algorithm = ENVELOPE_AES_KWP;
    ck_assert_int_eq(env_slot_unwrap_password(ctx, &slot, "secret", 6, out, NULL),
                     ENVELOPE_E_UNSUPPORTED);
}
END_TEST

START_TEST(lengths_of_wrapped)
{
    struct env_slot slot = password_slot(ENVELOPE_ARGON2ID);
    slot.memory_kib = 8;
    slot.passes = 1;
    for (uint16_t len = 0; len <= 64; len += 8) {
        slot.wrapped_len = len;
        expect_refused(&slot, "secret");
    }
}
END_TEST

START_TEST(rsa)
{
    struct env_rsa_private *key = test_private(ctx, 1);
    struct env_rsa_private *other = test_private(ctx, 2);
    struct env_slot slot = {.kind = ENV_SLOT_KMS};
    ck_assert_int_eq(
        env_slot_wrap_rsa(env_rsa_private_public(key), ENVELOPE_RSA_OAEP_SHA256, dek, &slot, NULL),
        ENVELOPE_OK);
    ck_assert_uint_eq(slot.wrapped_len, 512);
    ck_assert_int_eq(env_slot_unwrap_rsa(&slot, key, out, NULL), ENVELOPE_OK);
    ck_assert_mem_eq(out, env_dek_key(dek), 32);
    ck_assert_int_eq(env_slot_unwrap_rsa(&slot, other, out, NULL), ENVELOPE_OK);
    ck_assert_mem_ne(out, env_dek_key(dek), 32);
    env_rsa_private_free(key);
    env_rsa_private_free(other);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keys_slot");
    TCase *t = tcase_create("slot");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, argon2id);
    tcase_add_test(t, pbkdf2);
    tcase_add_test(t, salts_differ);
    tcase_add_test(t, costs_are_limited);
    tcase_add_test(t, lengths_of_wrapped);
    tcase_add_test(t, rsa);
    suite_add_tcase(s, t);
    return s;
}
