/* Recipients: asked, proven, wrapped for; in the order given, one slot each. */
#include "check_main.h"
#include "keys/slot.h"
#include "opening.h"
#include <stdio.h>
#include <string.h>

enum { BOTH = ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP };

static struct opening_test t;
static struct fake_kms a;
static struct fake_kms b;
static envelope_kms *kms_a;
static envelope_kms *kms_b;
static envelope_keyring *ring;

static void set_up(void)
{
    opening_set_up(&t);
    a = (struct fake_kms){.ctx = t.ctx, .said = "down"};
    b = (struct fake_kms){.ctx = t.ctx, .said = "down"};
    fake_kms_add(&a, "vm", 1, 1);
    fake_kms_add(&a, "vm", 2, 2);
    fake_kms_add(&b, "db", 7, 3);
    kms_a = fake_kms_new(&a);
    kms_b = fake_kms_new(&b);
    ck_assert_int_eq(envelope_keyring_new(t.ctx, NULL, &ring, NULL), ENVELOPE_OK);
}

static void tear_down(void)
{
    envelope_keyring_free(ring);
    envelope_kms_free(kms_a);
    envelope_kms_free(kms_b);
    fake_kms_done(&a);
    fake_kms_done(&b);
    opening_tear_down(&t);
}

static void add(const char *id, envelope_kms *kms, uint32_t use, const char *name)
{
    ck_assert_int_eq(envelope_keyring_add_kms(ring, id, kms, use, 0, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, id, name, NULL), ENVELOPE_OK);
}

static void add_others(void)
{
    char pem[4096];
    size_t len = test_public_pem(t.ctx, 4, pem, sizeof pem);
    ck_assert_int_eq(envelope_keyring_add_password(ring, "ops", "secret", 6, BOTH, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_key(ring, "board", pem, len, NULL, 0, NULL), ENVELOPE_OK);
}

START_TEST(nobody)
{
    struct env_targets targets;
    struct env_recipients names;
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_keyring_recipients(ring, &names, NULL), ENVELOPE_E_INVALID);
}
END_TEST

START_TEST(every_kind)
{
    struct env_targets targets;
    struct env_listener events = {t.ctx, NULL, NULL};
    add("lab", kms_a, BOTH, "vm");
    add_others();
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(targets.count, 3);
    ck_assert_str_eq(targets.item[0].key.key_id, "vm-2"); /* the newest */
    ck_assert_uint_eq(targets.item[0].key.version, 2);
    ck_assert(!targets.item[0].exclusive);
    ck_assert(targets.item[0].may_unwrap);
    ck_assert_ptr_null(targets.item[1].public);
    ck_assert_ptr_nonnull(targets.item[2].public);
    ck_assert_int_eq(env_targets_wrap(ring, &targets, t.dek, &events, "points/x", &t.slots, NULL),
                     ENVELOPE_OK);
    env_targets_free(t.ctx, &targets);
    ck_assert_uint_eq(t.slots.count, 3);
    ck_assert_int_eq(t.slots.slot[0].algorithm, ENVELOPE_RSA_OAEP_SHA256);
    ck_assert_int_eq(t.slots.slot[1].algorithm, ENVELOPE_ARGON2ID);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(opening_run(&t, ring, i), ENVELOPE_OK);
    }
    ck_assert_int_eq(opening_run(&t, ring, 2), ENVELOPE_E_NO_KEY); /* only its public half */
    opening_add_private(&t, ring, 4);
    ck_assert_int_eq(opening_run(&t, ring, 2), ENVELOPE_OK);
}
END_TEST

START_TEST(fips_passwords)
{
    struct env_targets targets;
    envelope_keyring_options o = {.size = sizeof o, .flags = ENVELOPE_FIPS_PASSWORDS};
    envelope_keyring_free(ring);
    ck_assert_int_eq(envelope_keyring_new(t.ctx, &o, &ring, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_password(ring, "ops", "secret", 6, BOTH, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_targets_wrap(ring, &targets, t.dek, NULL, NULL, &t.slots, NULL),
                     ENVELOPE_OK);
    env_targets_free(t.ctx, &targets);
    ck_assert_int_eq(t.slots.slot[0].algorithm, ENVELOPE_PBKDF2_SHA256);
    ck_assert_uint_eq(t.slots.slot[0].passes, 600000);
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_OK);
}
END_TEST

/* All are asked before one that fails ends it: what an asking KMS wants to know comes at once. */
START_TEST(all_are_asked)
{
    struct env_targets targets;
    envelope_error err = ENVELOPE_ERROR_INIT;
    add("lab", kms_a, BOTH, "vm");
    add("far", kms_b, BOTH, "db");
    a.newest_status = ENVELOPE_E_KMS_UNREACHED;
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, &err), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_int_eq(a.newest_calls, 1);
    ck_assert_int_eq(b.newest_calls, 1);
    ck_assert_ptr_nonnull(strstr(err.message, "lab/vm"));
    ck_assert_int_eq(err.native, 7);
    ck_assert_uint_eq(targets.count, 0);
    a.newest_status = ENVELOPE_OK;
    b.newest_status = ENVELOPE_E_REFUSED;
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, &err), ENVELOPE_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(err.message, "far/db"));
}
END_TEST

START_TEST(one_key_under_two_names)
{
    struct env_targets targets;
    fake_kms_add(&a, "copy", 2, 2);
    strcpy(a.key[a.count - 1].id, "vm-2");
    add("lab", kms_a, BOTH, "vm");
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "copy", NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_E_REFUSED);
}
END_TEST

START_TEST(short_keys)
{
    struct env_targets targets;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_keyring_options o = {.size = sizeof o, .min_wrap_bits = 8192};
    envelope_keyring_free(ring);
    ck_assert_int_eq(envelope_keyring_new(t.ctx, &o, &ring, NULL), ENVELOPE_OK);
    add("lab", kms_a, BOTH, "vm");
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, &err), ENVELOPE_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(err.message, "4096"));
}
END_TEST

static void set_sha1(uint32_t flags)
{
    envelope_keyring_options o = {.size = sizeof o, .flags = flags};
    envelope_keyring_free(ring);
    ck_assert_int_eq(envelope_keyring_new(t.ctx, &o, &ring, NULL), ENVELOPE_OK);
    env_kms_set_oaep(kms_a, ENVELOPE_RSA_OAEP_SHA1);
    add("lab", kms_a, BOTH, "vm");
    add("other", kms_b, BOTH, "db");
}

/* Both ways, and only for the KMS that is set up for it. */
START_TEST(sha1_where_both_say_so)
{
    struct env_targets targets;
    set_sha1(ENVELOPE_ALLOW_SHA1);
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_target_prove(ring, &targets.item[0], NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_targets_wrap(ring, &targets, t.dek, NULL, NULL, &t.slots, NULL),
                     ENVELOPE_OK);
    env_targets_free(t.ctx, &targets);
    ck_assert_int_eq(t.slots.slot[0].algorithm, ENVELOPE_RSA_OAEP_SHA1);
    ck_assert_int_eq(t.slots.slot[1].algorithm, ENVELOPE_RSA_OAEP_SHA256);
    ck_assert_int_eq(opening_run(&t, ring, 0), ENVELOPE_OK);
}
END_TEST

START_TEST(no_sha1_without_the_keyring)
{
    struct env_targets targets;
    set_sha1(0);
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_target_prove(ring, &targets.item[0], NULL), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(env_targets_wrap(ring, &targets, t.dek, NULL, NULL, &t.slots, NULL),
                     ENVELOPE_E_REFUSED);
    ck_assert_int_eq(a.unwrap_calls, 0);
    env_targets_free(t.ctx, &targets);
}
END_TEST

START_TEST(inactive_keys)
{
    struct env_targets targets;
    a.key[1].state = ENVELOPE_KEY_COMPROMISED;
    add("lab", kms_a, BOTH, "vm");
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_E_REFUSED);
}
END_TEST

START_TEST(possession)
{
    struct env_targets targets;
    add("lab", kms_a, BOTH | ENVELOPE_USE_NAMES_EXCLUSIVE, "vm");
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_OK);
    struct env_target *target = &targets.item[0];
    ck_assert(target->exclusive);
    ck_assert_int_eq(env_target_prove(ring, target, NULL), ENVELOPE_OK);
    ck_assert(target->proven);
    ck_assert_int_eq(a.unwrap_calls, 1);
    a.unwrap_status = ENVELOPE_E_KMS_UNREACHED;
    ck_assert_int_eq(env_target_prove(ring, target, NULL), ENVELOPE_E_KMS_UNREACHED);
    ck_assert(!target->proven);
    env_targets_free(t.ctx, &targets);
}
END_TEST

/* It names a key of somebody else's: what is wrapped for it, it cannot unwrap. */
START_TEST(no_possession)
{
    struct env_targets targets;
    envelope_error err = ENVELOPE_ERROR_INIT;
    add("lab", kms_a, BOTH, "vm");
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_OK);
    env_rsa_private_free(a.key[1].key);
    a.key[1].key = test_private(t.ctx, 5);
    ck_assert_int_eq(env_target_prove(ring, &targets.item[0], &err), ENVELOPE_E_REFUSED);
    ck_assert(!targets.item[0].proven);
    ck_assert_ptr_nonnull(strstr(err.message, "lab/vm v2"));
    a.unwrap_status = ENVELOPE_E_AUTH;
    ck_assert_int_eq(env_target_prove(ring, &targets.item[0], NULL), ENVELOPE_E_REFUSED);
    env_targets_free(t.ctx, &targets);
}
END_TEST

START_TEST(not_proven_where_not_allowed)
{
    struct env_targets targets;
    add("lab", kms_a, ENVELOPE_USE_WRAP, "vm");
    add_others();
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_OK);
    for (size_t i = 0; i < targets.count; i++) {
        ck_assert_int_eq(env_target_prove(ring, &targets.item[i], NULL), ENVELOPE_OK);
        ck_assert(!targets.item[i].proven);
    }
    ck_assert_int_eq(a.unwrap_calls, 0);
    env_targets_free(t.ctx, &targets);
}
END_TEST

static int wraps;

static void count_wraps(void *user, const envelope_event *event)
{
    (void)user;
    ck_assert_int_eq(event->kind, ENVELOPE_EVENT_WRAP);
    ck_assert_int_eq(event->slot, wraps);
    ck_assert_str_eq(event->object, "points/x");
    wraps++;
}

START_TEST(one_event_each)
{
    struct env_targets targets;
    struct env_listener events = {t.ctx, count_wraps, NULL};
    add("lab", kms_a, BOTH, "vm");
    add("far", kms_b, BOTH, "db");
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_OK);
    wraps = 0;
    ck_assert_int_eq(env_targets_wrap(ring, &targets, t.dek, &events, "points/x", &t.slots, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(wraps, 2);
    targets.item[1].key.version = 0; /* whoever asks for slots knows the versions */
    wraps = 0;
    ck_assert_int_eq(env_targets_wrap(ring, &targets, t.dek, &events, "points/x", &t.slots, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_uint_eq(t.slots.count, 0);
    env_targets_free(t.ctx, &targets);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keyring_wrap");
    TCase *c = tcase_create("wrap");
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, nobody);
    tcase_add_test(c, every_kind);
    tcase_add_test(c, fips_passwords);
    tcase_add_test(c, all_are_asked);
    tcase_add_test(c, one_key_under_two_names);
    tcase_add_test(c, short_keys);
    tcase_add_test(c, sha1_where_both_say_so);
    tcase_add_test(c, no_sha1_without_the_keyring);
    tcase_add_test(c, inactive_keys);
    tcase_add_test(c, possession);
    tcase_add_test(c, no_possession);
    tcase_add_test(c, not_proven_where_not_allowed);
    tcase_add_test(c, one_event_each);
    suite_add_tcase(s, c);
    return s;
}
