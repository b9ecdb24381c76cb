/* What a keyring may ask of a KMS is decided before the KMS is called, and no header widens it
 * (docs/format.md, "Opening"). The provider counts its calls. */
#include "check_main.h"
#include "opening.h"
#include <string.h>

enum { BOTH = ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP };

static struct opening_test t;
static struct fake_kms fake;
static envelope_kms *kms;
static envelope_keyring *ring;
static uint8_t chain_a[32];
static uint8_t chain_b[32];

static void set_up(void)
{
    opening_set_up(&t);
    memset(chain_a, 0xaa, 32);
    memset(chain_b, 0xbb, 32);
    t.chain_id = chain_a;
    fake = (struct fake_kms){.ctx = t.ctx};
    fake_kms_add(&fake, "vm", 1, 1);
    fake_kms_add(&fake, "db", 1, 2);
    kms = fake_kms_new(&fake);
    ck_assert_int_eq(envelope_keyring_new(t.ctx, NULL, &ring, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_kms(ring, "lab", kms, BOTH, 0, NULL), ENVELOPE_OK);
}

static void tear_down(void)
{
    envelope_keyring_free(ring);
    envelope_kms_free(kms);
    fake_kms_done(&fake);
    opening_tear_down(&t);
}

static void expect_out_of_scope(void)
{
    int before = fake.unwrap_calls;
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(fake.unwrap_calls, before);
    ck_assert_int_eq(t.checks, 0);
    ck_assert_uint_eq(opening_events(&t, ENVELOPE_EVENT_REFUSED), 1);
    ck_assert_uint_eq(opening_events(&t, ENVELOPE_EVENT_UNWRAP), 0);
    ck_assert_ptr_nonnull(strstr(t.err.message, "out of the keyring's scope"));
    ck_assert_ptr_nonnull(strstr(t.err.message, "lab/"));
    ck_assert_int_eq(env_keyring_has(ring, &t.slots.slot[0], t.chain_id), ENVELOPE_E_REFUSED);
}

static void expect_opens(void)
{
    int before = fake.unwrap_calls;
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_OK);
    ck_assert_int_eq(fake.unwrap_calls, before + 1);
    ck_assert_int_eq(env_keyring_has(ring, &t.slots.slot[0], t.chain_id), ENVELOPE_OK);
}

START_TEST(neither_means_every_key)
{
    opening_rsa_slot(&t, "lab", "db", 1, 2);
    expect_opens();
    t.chain_id = NULL;
    expect_opens();
}
END_TEST

START_TEST(wrap_for_narrows)
{
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "vm", NULL), ENVELOPE_OK);
    opening_rsa_slot(&t, "lab", "vm", 1, 1);
    expect_opens();
    t.slots.count = 0;
    opening_rsa_slot(&t, "lab", "db", 1, 2);
    expect_out_of_scope();
}
END_TEST

START_TEST(scope_adds_to_wrap_for)
{
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "vm", NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_scope(ring, "lab", "db", NULL, NULL), ENVELOPE_OK);
    opening_rsa_slot(&t, "lab", "db", 1, 2);
    expect_opens();
}
END_TEST

START_TEST(scope_of_a_chain)
{
    ck_assert_int_eq(envelope_keyring_scope(ring, "lab", "db", chain_a, NULL), ENVELOPE_OK);
    opening_rsa_slot(&t, "lab", "db", 1, 2);
    expect_opens();
    t.chain_id = chain_b;
    expect_out_of_scope();
    t.chain_id = NULL; /* a foreign object belongs to no chain */
    expect_out_of_scope();
}
END_TEST

START_TEST(scope_of_a_whole_kms)
{
    ck_assert_int_eq(envelope_keyring_scope(ring, "lab", NULL, chain_a, NULL), ENVELOPE_OK);
    opening_rsa_slot(&t, "lab", "vm", 1, 1);
    expect_opens();
    t.chain_id = chain_b;
    expect_out_of_scope();
}
END_TEST

START_TEST(scope_elsewhere)
{
    ck_assert_int_eq(envelope_keyring_scope(ring, "other", NULL, NULL, NULL), ENVELOPE_OK);
    opening_rsa_slot(&t, "lab", "vm", 1, 1);
    expect_out_of_scope();
}
END_TEST

/* B's object in A's repository, on a host that has both KMSs: key names mean nothing without their
 * KMS. */
START_TEST(equal_names_of_two_kms)
{
    static struct fake_kms other; /* the keyring keeps it until it is freed */
    other = (struct fake_kms){.ctx = t.ctx};
    fake_kms_add(&other, "vm", 1, 3);
    envelope_kms *second = fake_kms_new(&other);
    ck_assert_int_eq(envelope_keyring_add_kms(ring, "tenant-b", second, BOTH, 0, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "vm", NULL), ENVELOPE_OK);
    opening_rsa_slot(&t, "tenant-b", "vm", 1, 3);
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(other.unwrap_calls, 0);
    ck_assert_int_eq(fake.unwrap_calls, 0);
    envelope_kms_free(second);
    fake_kms_done(&other);
}
END_TEST

/* Private keys that the caller put in are not scoped. */
START_TEST(local_keys_are_not_scoped)
{
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "vm", NULL), ENVELOPE_OK);
    opening_add_private(&t, ring, 2);
    opening_rsa_slot(&t, "lab", "db", 1, 2);
    ck_assert_int_eq(opening_run(&t, ring, SIZE_MAX), ENVELOPE_OK);
    ck_assert_int_eq(fake.unwrap_calls, 0);
}
END_TEST

START_TEST(wrap_only_is_not_asked)
{
    envelope_keyring *writer;
    ck_assert_int_eq(envelope_keyring_new(t.ctx, NULL, &writer, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_kms(writer, "lab", kms, ENVELOPE_USE_WRAP, 0, NULL),
                     ENVELOPE_OK);
    opening_rsa_slot(&t, "lab", "vm", 1, 1);
    ck_assert_int_eq(opening_run(&t, writer, SIZE_MAX), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(fake.unwrap_calls, 0);
    envelope_keyring_free(writer);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keyring_scope");
    TCase *c = tcase_create("scope");
    tcase_set_timeout(c, 30);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, neither_means_every_key);
    tcase_add_test(c, wrap_for_narrows);
    tcase_add_test(c, scope_adds_to_wrap_for);
    tcase_add_test(c, scope_of_a_chain);
    tcase_add_test(c, scope_of_a_whole_kms);
    tcase_add_test(c, scope_elsewhere);
    tcase_add_test(c, equal_names_of_two_kms);
    tcase_add_test(c, local_keys_are_not_scoped);
    tcase_add_test(c, wrap_only_is_not_asked);
    suite_add_tcase(s, c);
    return s;
}
