/* Opening by slots: the order, the limit, the statuses, and one text from the cryptography on. */
#include "check_main.h"
#include "keys/slot.h"
#include "opening.h"
#include <stdio.h>
#include <string.h>

static struct opening_test t;
static struct fake_kms near;
static struct fake_kms far;
static envelope_kms *near_kms;
static envelope_kms *far_kms;
static envelope_keyring *ring;

static void new_ring(const envelope_keyring_options *options)
{
    envelope_keyring_free(ring);
    ck_assert_int_eq(envelope_keyring_new(t.ctx, options, &ring, NULL), ENVELOPE_OK);
}

static void add(const char *id, envelope_kms *kms, int32_t priority)
{
    ck_assert_int_eq(envelope_keyring_add_kms(ring, id, kms, ENVELOPE_USE_UNWRAP, priority, NULL),
                     ENVELOPE_OK);
}

static void add_password(const char *label, const char *text)
{
    ck_assert_int_eq(
        envelope_keyring_add_password(ring, label, text, strlen(text), ENVELOPE_USE_UNWRAP, NULL),
        ENVELOPE_OK);
}

static void set_up(void)
{
    opening_set_up(&t);
    near = (struct fake_kms){.ctx = t.ctx, .said = "says no"};
    far = (struct fake_kms){.ctx = t.ctx, .said = "says no"};
    fake_kms_add(&near, "vm", 1, 1);
    fake_kms_add(&far, "vm", 1, 2);
    near_kms = fake_kms_new(&near);
    far_kms = fake_kms_new(&far);
    ring = NULL;
    new_ring(NULL);
}

static void tear_down(void)
{
    envelope_keyring_free(ring);
    envelope_kms_free(near_kms);
    envelope_kms_free(far_kms);
    fake_kms_done(&near);
    fake_kms_done(&far);
    opening_tear_down(&t);
}

START_TEST(local_before_kms)
{
    add("near", near_kms, -5);
    opening_add_private(&t, ring, 3);
    opening_rsa_slot(&t, "near", "vm", 1, 1);
    opening_rsa_slot(&t, "elsewhere", "vm", 1, 3); /* whatever KMS it came from */
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_OK);
    ck_assert_uint_eq(t.slot, 1);
    ck_assert_int_eq(near.unwrap_calls, 0);
    ck_assert_uint_eq(t.event_count, 1);
    ck_assert_int_eq(t.event[0].kind, ENVELOPE_EVENT_UNWRAP);
    ck_assert_int_eq(t.event[0].status, ENVELOPE_OK);
    ck_assert_int_eq(t.event[0].slot, 1);
}
END_TEST

START_TEST(password_before_kms)
{
    add("near", near_kms, -5);
    add_password("ops", "secret");
    opening_rsa_slot(&t, "near", "vm", 1, 1);
    opening_password_slot(&t, "ops", "secret");
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_OK);
    ck_assert_uint_eq(t.slot, 1);
    ck_assert_int_eq(near.unwrap_calls, 0);
}
END_TEST

/* An escrow's private half in hand opens what is wrapped for its public half. */
START_TEST(escrow)
{
    opening_rsa_slot(&t, "", "board", 0, 3)->kind = ENV_SLOT_ESCROW;
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_NO_KEY);
    opening_add_private(&t, ring, 3);
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_OK);
}
END_TEST

START_TEST(kms_by_priority)
{
    add("near", near_kms, 2);
    add("far", far_kms, 1);
    opening_rsa_slot(&t, "near", "vm", 1, 1);
    opening_rsa_slot(&t, "far", "vm", 1, 2);
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_OK);
    ck_assert_uint_eq(t.slot, 1);
    ck_assert_int_eq(near.unwrap_calls, 0);
    ck_assert_int_eq(far.unwrap_calls, 1);
}
END_TEST

/* An outage matters only if nothing else opens. */
START_TEST(next_kms_after_an_outage)
{
    add("near", near_kms, 1);
    add("far", far_kms, 2);
    near.unwrap_status = ENVELOPE_E_KMS_UNREACHED;
    opening_rsa_slot(&t, "near", "vm", 1, 1);
    opening_rsa_slot(&t, "far", "vm", 1, 2);
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_OK);
    ck_assert_uint_eq(opening_events(&t, ENVELOPE_EVENT_UNWRAP), 2);
    far.unwrap_status = ENVELOPE_E_REFUSED;
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_ptr_nonnull(strstr(t.err.message, "KMS near"));
    ck_assert_ptr_nonnull(strstr(t.err.message, "says no"));
    ck_assert_ptr_nonnull(strstr(t.err.message, "far/vm v1"));
    ck_assert_ptr_nonnull(strstr(t.err.message, "refuses"));
    near.unwrap_status = ENVELOPE_E_NO_KEY;
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_REFUSED);
    far.unwrap_status = ENVELOPE_E_NO_KEY;
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_NO_KEY);
    far.unwrap_status = ENVELOPE_E_NOMEM; /* which a provider may not return */
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_CALLBACK);
}
END_TEST

START_TEST(unreached_is_asked_once)
{
    add("near", near_kms, 0);
    near.unwrap_status = ENVELOPE_E_KMS_UNREACHED;
    opening_rsa_slot(&t, "near", "vm", 1, 1);
    opening_rsa_slot(&t, "near", "vm", 2, 3);
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_int_eq(near.unwrap_calls, 1);
}
END_TEST

/* Each slot once: what a private key in hand did not open is not tried again at its KMS. */
START_TEST(each_slot_once)
{
    add("near", near_kms, 0);
    opening_add_private(&t, ring, 1);
    opening_rsa_slot(&t, "near", "vm", 1, 1)->wrapped[7] ^= 1;
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_AUTH);
    ck_assert_int_eq(t.checks, 1);
    ck_assert_int_eq(near.unwrap_calls, 0);
}
END_TEST

START_TEST(labels_must_match)
{
    opening_password_slot(&t, "ops", "secret");
    opening_password_slot(&t, "night", "other");
    add_password("day", "secret");
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_NO_KEY);
    ck_assert_uint_eq(t.event_count, 0);
    add_password("night", "secret"); /* right label, wrong password */
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_NO_KEY);
    ck_assert_uint_eq(t.event_count, 1);
    ck_assert_ptr_nonnull(strstr(t.err.message, "a wrong password, or an altered header"));
    add_password(NULL, "secret"); /* no label: any */
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_OK);
    ck_assert_uint_eq(t.slot, 0);
}
END_TEST

/* A password opens only when TAG verifies; wrong passwords and altered headers look alike. */
START_TEST(passwords_only)
{
    char first[512];
    opening_password_slot(&t, "ops", "secret");
    add_password("ops", "wrong");
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_NO_KEY);
    strcpy(first, t.err.message);
    ck_assert_int_eq(t.checks, 0);
    new_ring(NULL);
    add_password("ops", "secret");
    t.accept_none = true;
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(t.checks, 1);
    ck_assert_str_eq(t.err.message, first);
}
END_TEST

/* Whatever is wrong with it: one status, one text, one kind of event. */
START_TEST(one_text)
{
    add("near", near_kms, 0);
    opening_add_private(&t, ring, 3);
    opening_rsa_slot(&t, "near", "vm", 1, 1);
    opening_rsa_slot(&t, "near", "vm", 2, 3);
    struct env_slots good = t.slots;
    for (int way = 0; way < 5; way++) {
        t.slots = good;
        t.accept_none = way == 0;
        near.unwrap_status = way == 4 ? ENVELOPE_E_AUTH : ENVELOPE_OK;
        for (size_t i = 0; i < 2 && way > 0; i++) {
            struct env_slot *slot = &t.slots.slot[i];
            slot->wrapped[way == 1 ? 0 : 511] ^= 1;
            slot->wrapped_len = way == 3 ? 256 : 512;
        }
        ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_AUTH);
        ck_assert_str_eq(t.err.message, ENV_DOES_NOT_OPEN);
        ck_assert_int_eq(t.err.native, 0);
        ck_assert_uint_eq(opening_events(&t, ENVELOPE_EVENT_UNWRAP), 2);
        for (size_t i = 0; i < t.event_count; i++) {
            ck_assert_int_eq(t.event[i].status, ENVELOPE_E_AUTH);
            ck_assert_ptr_nonnull(strstr(t.event[i].message, ENV_DOES_NOT_OPEN));
        }
        t.opening.failures = 0;
    }
}
END_TEST

START_TEST(limit_of_a_call)
{
    envelope_keyring_options o = {.size = sizeof o, .max_failures = 3};
    new_ring(&o);
    add("near", near_kms, 0);
    for (uint32_t v = 1; v <= 5; v++) {
        opening_rsa_slot(&t, "near", "vm", v, 1)->wrapped[v] ^= 1;
        strcpy(t.slots.slot[v - 1].key_id, "vm-1");
    }
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_LIMIT);
    ck_assert_int_eq(near.unwrap_calls, 3);
    ck_assert_int_eq(t.opening.failures, 3);
    ck_assert_ptr_nonnull(strstr(t.err.message, "max_failures"));
    /* the next object of the same call: nothing is tried any more */
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_LIMIT);
    ck_assert_int_eq(near.unwrap_calls, 3);
}
END_TEST

START_TEST(default_limit_is_32)
{
    opening_add_private(&t, ring, 1);
    opening_rsa_slot(&t, "near", "vm", 1, 1)->wrapped[9] ^= 1;
    for (int i = 0; i < 32; i++) {
        ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_AUTH);
    }
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_LIMIT);
}
END_TEST

/* A missing key, an outage and a refusal cost nothing. */
START_TEST(only_failures_count)
{
    add("near", near_kms, 0);
    opening_rsa_slot(&t, "near", "gone", 1, 3);
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_NO_KEY);
    }
    ck_assert_uint_eq(t.opening.failures, 0);
}
END_TEST

START_TEST(sha1_only_where_allowed)
{
    struct env_slot *slot = opening_rsa_slot(&t, "near", "vm", 1, 1);
    struct env_rsa_private *key = test_private(t.ctx, 1);
    ck_assert_int_eq(
        env_slot_wrap_rsa(env_rsa_private_public(key), ENVELOPE_RSA_OAEP_SHA1, t.dek, slot, NULL),
        ENVELOPE_OK);
    env_rsa_private_free(key);
    add("near", near_kms, 0);
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(near.unwrap_calls, 0);
    ck_assert_uint_eq(opening_events(&t, ENVELOPE_EVENT_REFUSED), 1);
    opening_add_private(&t, ring, 1);
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_REFUSED);
    envelope_keyring_options o = {.size = sizeof o, .flags = ENVELOPE_ALLOW_SHA1};
    new_ring(&o);
    opening_add_private(&t, ring, 1);
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_OK);
}
END_TEST

START_TEST(one_slot_only)
{
    add("near", near_kms, 0);
    opening_rsa_slot(&t, "near", "vm", 1, 1);
    opening_rsa_slot(&t, "other", "vm", 9, 3);
    ck_assert_int_eq(opening_run(&t, ring, 0), ENVELOPE_OK);
    ck_assert_int_eq(opening_run(&t, ring, 1), ENVELOPE_E_NO_KEY);
    ck_assert_ptr_nonnull(strstr(t.err.message, "other/vm v9"));
    ck_assert_ptr_null(strstr(t.err.message, "near/vm"));
    ck_assert_int_eq(opening_run(&t, ring, 2), ENVELOPE_E_INVALID);
}
END_TEST

START_TEST(the_keys_that_would)
{
    char hex[17];
    opening_rsa_slot(&t, "lab", "vm", 3, 1);
    opening_password_slot(&t, "ops", "secret");
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_NO_KEY);
    for (int i = 0; i < 8; i++) {
        snprintf(hex + 2 * i, 3, "%02x", t.slots.slot[0].fingerprint[i]);
    }
    ck_assert_ptr_nonnull(strstr(t.err.message, "lab/vm v3 (key id vm-3, fingerprint "));
    ck_assert_ptr_nonnull(strstr(t.err.message, hex));
    ck_assert_ptr_nonnull(strstr(t.err.message, "password ops"));
    for (uint32_t i = 4; i < 18; i++) {
        struct env_slot *slot = &t.slots.slot[t.slots.count++];
        *slot = t.slots.slot[0];
        slot->version = i;
        t.slots.count = t.slots.count > 16 ? 16 : t.slots.count;
    }
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_NO_KEY);
    ck_assert_ptr_nonnull(strstr(t.err.message, " more"));
    ck_assert_uint_lt(strlen(t.err.message), sizeof t.err.message);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keyring_open");
    TCase *c = tcase_create("open");
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, local_before_kms);
    tcase_add_test(c, password_before_kms);
    tcase_add_test(c, escrow);
    tcase_add_test(c, kms_by_priority);
    tcase_add_test(c, next_kms_after_an_outage);
    tcase_add_test(c, unreached_is_asked_once);
    tcase_add_test(c, each_slot_once);
    tcase_add_test(c, labels_must_match);
    tcase_add_test(c, passwords_only);
    tcase_add_test(c, one_text);
    tcase_add_test(c, limit_of_a_call);
    tcase_add_test(c, default_limit_is_32);
    tcase_add_test(c, only_failures_count);
    tcase_add_test(c, sha1_only_where_allowed);
    tcase_add_test(c, one_slot_only);
    tcase_add_test(c, the_keys_that_would);
    suite_add_tcase(s, c);
    return s;
}
