/* Filling a keyring: what is refused, and that a refusal leaves it as it was. */
#include "check_main.h"
#include "failing.h"
#include "fake_kms.h"
#include "keys.h"
#include "kms/keyring.h"
#include <stdio.h>
#include <string.h>

enum { BOTH = ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP };

static envelope_ctx *ctx;
static envelope_keyring *ring;
static struct fake_kms fake;
static envelope_kms *kms;

static void set_up(void)
{
    ctx = test_ctx();
    fake = (struct fake_kms){.ctx = ctx};
    kms = fake_kms_new(&fake);
    ck_assert_int_eq(envelope_keyring_new(ctx, NULL, &ring, NULL), ENVELOPE_OK);
}

static void tear_down(void)
{
    envelope_kms_free(kms);
    envelope_keyring_free(ring);
    ck_assert_int_eq(fake.destroyed, 1);
    envelope_ctx_free(ctx);
}

static size_t recipients(void)
{
    struct env_recipients out;
    envelope_status st = env_keyring_recipients(ring, &out, NULL);
    ck_assert_int_eq(st, out.count ? ENVELOPE_OK : ENVELOPE_E_INVALID);
    return out.count;
}

START_TEST(options)
{
    envelope_keyring *other;
    envelope_keyring_options o = {.size = sizeof o, .flags = 1u << 7};
    ck_assert_int_eq(envelope_keyring_new(ctx, &o, &other, NULL), ENVELOPE_E_INVALID);
    o = (envelope_keyring_options){.size = sizeof o, .min_wrap_bits = 1024};
    ck_assert_int_eq(envelope_keyring_new(ctx, &o, &other, NULL), ENVELOPE_E_INVALID);
    o = (envelope_keyring_options){.size = 0};
    ck_assert_int_eq(envelope_keyring_new(ctx, &o, &other, NULL), ENVELOPE_E_INVALID);
    o = (envelope_keyring_options){.size = sizeof o, .reserved = 1};
    ck_assert_int_eq(envelope_keyring_new(ctx, &o, &other, NULL), ENVELOPE_E_INVALID);
    ck_assert_ptr_null(other);
    ck_assert_int_eq(envelope_keyring_new(NULL, NULL, &other, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_keyring_new(ctx, NULL, NULL, NULL), ENVELOPE_E_INVALID);
}
END_TEST

static envelope_status add_kms(const char *id, uint32_t use)
{
    return envelope_keyring_add_kms(ring, id, kms, use, 0, NULL);
}

START_TEST(kms_ids)
{
    ck_assert_int_eq(add_kms("lab", 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_kms("lab", ENVELOPE_USE_NAMES_EXCLUSIVE), ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_kms("lab", BOTH | 1u << 5), ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_kms("", BOTH), ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_kms("a/b", BOTH), ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_kms(NULL, BOTH), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_keyring_add_kms(ring, "lab", NULL, BOTH, 0, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_kms("lab", BOTH), ENVELOPE_OK);
    ck_assert_int_eq(add_kms("lab", BOTH), ENVELOPE_E_EXISTS);
    ck_assert_int_eq(add_kms("Lab", ENVELOPE_USE_UNWRAP), ENVELOPE_OK);
}
END_TEST

START_TEST(pairs)
{
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "vm", NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_kms("lab", BOTH), ENVELOPE_OK);
    ck_assert_int_eq(add_kms("old", ENVELOPE_USE_UNWRAP), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "old", "vm", NULL), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "", NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "\xff", NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "vm", NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "vm", NULL), ENVELOPE_E_EXISTS);
    ck_assert_uint_eq(recipients(), 1);
}
END_TEST

static envelope_status add_password(const char *label, const char *text, uint32_t use)
{
    return envelope_keyring_add_password(ring, label, text, strlen(text), use, NULL);
}

START_TEST(passwords)
{
    ck_assert_int_eq(add_password("ops", "x", 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_password("ops", "x", ENVELOPE_USE_NAMES_EXCLUSIVE), ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_password("ops", "", BOTH), ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_password(NULL, "x", BOTH), ENVELOPE_E_INVALID);
    ck_assert_int_eq(add_password("", "x", BOTH), ENVELOPE_E_INVALID);
    ck_assert_uint_eq(recipients(), 0);
    /* kept for restores: no slot by accident */
    ck_assert_int_eq(add_password(NULL, "x", ENVELOPE_USE_UNWRAP), ENVELOPE_OK);
    ck_assert_int_eq(add_password("ops", "x", ENVELOPE_USE_UNWRAP), ENVELOPE_OK);
    ck_assert_uint_eq(recipients(), 0);
    ck_assert_int_eq(add_password("ops", "x", BOTH), ENVELOPE_OK);
    ck_assert_int_eq(add_password("ops", "y", BOTH), ENVELOPE_E_EXISTS);
    ck_assert_int_eq(add_password("ops", "y", ENVELOPE_USE_UNWRAP), ENVELOPE_OK);
    ck_assert_uint_eq(recipients(), 1);
}
END_TEST

START_TEST(limits)
{
    char name[16];
    ck_assert_int_eq(add_kms("lab", BOTH), ENVELOPE_OK);
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "p%d", i);
        ck_assert_int_eq(add_password(name, "x", BOTH), i < 4 ? ENVELOPE_OK : ENVELOPE_E_LIMIT);
    }
    for (int i = 0; i < 14; i++) {
        snprintf(name, sizeof name, "k%d", i);
        ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", name, NULL),
                         i < 12 ? ENVELOPE_OK : ENVELOPE_E_LIMIT);
    }
    ck_assert_uint_eq(recipients(), 16);
    char text[1026];
    memset(text, 'a', sizeof text);
    text[1025] = 0;
    ck_assert_int_eq(add_password("long", text, ENVELOPE_USE_UNWRAP), ENVELOPE_E_LIMIT);
}
END_TEST

START_TEST(public_keys)
{
    char pem[4096];
    size_t len = test_public_pem(ctx, 1, pem, sizeof pem);
    ck_assert_int_eq(envelope_keyring_add_key(ring, NULL, pem, len, NULL, 0, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_keyring_add_key(ring, "board", pem, len, NULL, 0, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_key(ring, "board", pem, len, NULL, 0, NULL),
                     ENVELOPE_E_EXISTS);
    ck_assert_int_eq(envelope_keyring_add_key(ring, "other", pem, len, NULL, 0, NULL),
                     ENVELOPE_E_EXISTS); /* one key, one slot */
    ck_assert_int_eq(envelope_keyring_add_key(ring, "board", "no key", 6, NULL, 0, NULL),
                     ENVELOPE_E_FORMAT);
    ck_assert_int_eq(envelope_keyring_add_key(ring, "board", NULL, 6, NULL, 0, NULL),
                     ENVELOPE_E_INVALID);
    struct env_recipients out;
    ck_assert_int_eq(env_keyring_recipients(ring, &out, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(out.count, 1);
    ck_assert_int_eq(out.item[0].kind, ENV_SLOT_ESCROW);
    ck_assert_str_eq(out.item[0].name, "board");
    ck_assert(out.item[0].has_fingerprint);
}
END_TEST

START_TEST(too_short_to_wrap_for)
{
    char pem[4096];
    size_t len = test_public_pem(ctx, 1, pem, sizeof pem);
    envelope_keyring *strict;
    envelope_keyring_options o = {.size = sizeof o, .min_wrap_bits = 8192};
    ck_assert_int_eq(envelope_keyring_new(ctx, &o, &strict, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_key(strict, "board", pem, len, NULL, 0, NULL),
                     ENVELOPE_E_REFUSED);
    envelope_keyring_free(strict);
}
END_TEST

START_TEST(private_keys)
{
    char pem[8192];
    size_t len = 0;
    struct env_rsa_private *key = test_private(ctx, 1);
    ck_assert_int_eq(env_rsa_private_pem(key, "pass", 4, pem, sizeof pem, &len, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_key(ring, NULL, pem, len, NULL, 0, NULL),
                     ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(envelope_keyring_add_key(ring, NULL, pem, len, "Pass", 4, NULL),
                     ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(envelope_keyring_add_key(ring, NULL, pem, len, "pass", 4, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_key(ring, NULL, pem, len, "pass", 4, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(recipients(), 0); /* a private half is for opening */
    struct env_slot slot = {.kind = ENV_SLOT_KMS,
                            .algorithm = ENVELOPE_RSA_OAEP_SHA256,
                            .kms_id = "elsewhere",
                            .name = "vm",
                            .has_fingerprint = true};
    memcpy(slot.fingerprint, env_rsa_public_fingerprint(env_rsa_private_public(key)), 32);
    ck_assert_int_eq(env_keyring_has(ring, &slot, NULL), ENVELOPE_OK);
    slot.algorithm = ENVELOPE_RSA_OAEP_SHA1;
    ck_assert_int_eq(env_keyring_has(ring, &slot, NULL), ENVELOPE_E_REFUSED);
    slot.fingerprint[0] ^= 1;
    ck_assert_int_eq(env_keyring_has(ring, &slot, NULL), ENVELOPE_E_NO_KEY);
    env_rsa_private_free(key);
}
END_TEST

START_TEST(recipients_in_order)
{
    char pem[4096];
    size_t len = test_public_pem(ctx, 2, pem, sizeof pem);
    ck_assert_int_eq(add_password("ops", "x", ENVELOPE_USE_WRAP), ENVELOPE_OK);
    ck_assert_int_eq(add_kms("lab", BOTH), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "b", NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_key(ring, "board", pem, len, NULL, 0, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "a", NULL), ENVELOPE_OK);
    struct env_recipients out;
    ck_assert_int_eq(env_keyring_recipients(ring, &out, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(out.count, 4);
    ck_assert_str_eq(out.item[0].name, "ops");
    ck_assert_str_eq(out.item[1].name, "b");
    ck_assert_str_eq(out.item[1].kms_id, "lab");
    ck_assert_str_eq(out.item[2].name, "board");
    ck_assert_str_eq(out.item[3].name, "a");
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keyring_fill");
    TCase *t = tcase_create("fill");
    tcase_set_timeout(t, 30);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, options);
    tcase_add_test(t, kms_ids);
    tcase_add_test(t, pairs);
    tcase_add_test(t, passwords);
    tcase_add_test(t, limits);
    tcase_add_test(t, public_keys);
    tcase_add_test(t, too_short_to_wrap_for);
    tcase_add_test(t, private_keys);
    tcase_add_test(t, recipients_in_order);
    suite_add_tcase(s, t);
    return s;
}
