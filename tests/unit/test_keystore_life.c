/* A keystore's life: made, rotated, listed, exported, imported, removed; wraps and unwraps. */
#include "check_main.h"
#include "failing.h"
#include "fake_kms.h"
#include "keys.h"
#include "keys/slot.h"
#include "keystores.h"
#include "kms/keyring.h"
#include "scratch.h"
#include <stdio.h>
#include <string.h>

static envelope_ctx *ctx;
static envelope_kms *kms;
static char dir[SCRATCH_PATH_MAX];
static int exports;

static void audit(void *user, const envelope_event *event)
{
    (void)user;
    exports += event->kind == ENVELOPE_EVENT_EXPORT;
}

static void set_up(void)
{
    envelope_ctx_options o = {.size = sizeof o, .audit = audit};
    exports = 0;
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_OK);
    scratch_make(dir);
    kms = keystore_make(ctx, dir);
}

static void tear_down(void)
{
    envelope_kms_free(kms);
    envelope_ctx_free(ctx);
    scratch_remove(dir);
}

static void reopen(void)
{
    envelope_kms_free(kms);
    ck_assert_int_eq(keystore_open(ctx, dir, &kms, NULL), ENVELOPE_OK);
}

static void expect_newest(const char *name, uint32_t version, const char *replaces)
{
    struct env_found found;
    char id[80];
    snprintf(id, sizeof id, "%s/%u", name, version);
    ck_assert_int_eq(env_kms_newest(kms, "lab", name, &found, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(found.key.version, version);
    ck_assert_str_eq(found.key.key_id, id);
    ck_assert_int_eq(found.replaces == NULL, replaces == NULL);
    if (replaces) {
        ck_assert_str_eq(found.replaces, replaces);
    }
    env_found_free(ctx, &found);
}

START_TEST(empty)
{
    struct env_found found;
    envelope_key_list *list;
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_int_eq(env_kms_newest(kms, "lab", "vm", &found, &err), ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(envelope_kms_list(kms, NULL, &list, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(envelope_key_list_count(list), 0);
    envelope_key_list_free(list);
    ck_assert(env_kms_names_exclusive(kms));
    ck_assert_int_eq(envelope_kms_rotate_key(kms, "vm", NULL), ENVELOPE_E_NOT_FOUND);
}
END_TEST

/* The one test that has a pair made: everything else uses the pool. */
START_TEST(made_pairs)
{
    ck_assert_int_eq(envelope_kms_create_key(kms, "vm", 0, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_kms_create_key(kms, "vm", 0, NULL), ENVELOPE_E_EXISTS);
    expect_newest("vm", 1, NULL);
    ck_assert_int_eq(envelope_kms_rotate_key(kms, "vm", NULL), ENVELOPE_OK);
    expect_newest("vm", 2, "vm/1");
    reopen();
    expect_newest("vm", 2, "vm/1");
    envelope_key_list *list;
    ck_assert_int_eq(envelope_kms_list(kms, "vm", &list, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(envelope_key_list_count(list), 2);
    const envelope_key_info *old = envelope_key_list_at(list, 0);
    const envelope_key_info *new = envelope_key_list_at(list, 1);
    ck_assert_int_eq(old->state, ENVELOPE_KEY_DEACTIVATED);
    ck_assert_int_eq(new->state, ENVELOPE_KEY_ACTIVE);
    ck_assert_uint_eq(old->flags & ENVELOPE_KEY_NEWEST, 0);
    ck_assert_uint_eq(new->flags &ENVELOPE_KEY_NEWEST, ENVELOPE_KEY_NEWEST);
    ck_assert_mem_ne(old->ref->fingerprint, new->ref->fingerprint, 32);
    struct env_rsa_public *public;
    ck_assert_int_eq(env_rsa_public_from_der(ctx, new->spki, new->spki_len, &public, NULL),
                     ENVELOPE_OK);
    ck_assert_uint_eq(env_rsa_public_bits(public), 4096);
    env_rsa_public_free(public);
    envelope_key_list_free(list);
}
END_TEST

START_TEST(names)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(1, pem);
    char longest[66];
    memset(longest, 'a', 65);
    longest[65] = 0;
    const char *const bad[] = {"a/b", "a b", "", "\xc3\xa4", longest};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(envelope_kms_import_key(kms, bad[i], pem, len, NULL, 0, NULL),
                         ENVELOPE_E_INVALID);
        ck_assert_int_eq(envelope_kms_create_key(kms, bad[i], 0, NULL), ENVELOPE_E_INVALID);
    }
    longest[64] = 0;
    keystore_add(kms, longest, 1);
    keystore_add(kms, "A.b-c_9", 2);
    expect_newest(longest, 1, NULL);
    ck_assert_int_eq(envelope_kms_create_key(kms, "x", ENVELOPE_AES_KWP, NULL),
                     ENVELOPE_E_UNSUPPORTED);
    ck_assert_int_eq(envelope_kms_create_key(kms, "x", 99, NULL), ENVELOPE_E_INVALID);
}
END_TEST

START_TEST(imported)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(1, pem);
    keystore_add(kms, "vm", 1);
    ck_assert_int_eq(envelope_kms_import_key(kms, "vm", pem, len, NULL, 0, NULL),
                     ENVELOPE_E_EXISTS);
    ck_assert_int_eq(envelope_kms_import_key(kms, "other", pem, len, NULL, 0, NULL),
                     ENVELOPE_E_EXISTS);
    ck_assert_int_eq(envelope_kms_import_key(kms, "vm", "nonsense", 8, NULL, 0, NULL),
                     ENVELOPE_E_FORMAT);
    keystore_add(kms, "vm", 2);
    keystore_add(kms, "db", 3);
    keystore_expect(kms, "vm", 1, ENVELOPE_KEY_DEACTIVATED);
    keystore_expect(kms, "vm", 2, ENVELOPE_KEY_ACTIVE);
    keystore_expect(kms, "db", 1, ENVELOPE_KEY_ACTIVE);
    envelope_key_list *list;
    ck_assert_int_eq(envelope_kms_list(kms, NULL, &list, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(envelope_key_list_count(list), 3);
    ck_assert_str_eq(envelope_key_list_at(list, 0)->ref->key_id, "db/1");
    ck_assert_str_eq(envelope_key_list_at(list, 2)->ref->key_id, "vm/2");
    envelope_key_list_free(list);
}
END_TEST

/* name, number and fingerprint stay, so that no number is given twice */
START_TEST(removed)
{
    char pem[TEST_KEY_PEM_MAX];
    char out[ENVELOPE_PEM_MAX];
    size_t len;
    envelope_error err = ENVELOPE_ERROR_INIT;
    keystore_add(kms, "vm", 1);
    ck_assert_int_eq(envelope_kms_remove_key(kms, "vm", 1, &err), ENVELOPE_E_REFUSED);
    keystore_add(kms, "vm", 2);
    keystore_add(kms, "vm", 3);
    ck_assert_int_eq(envelope_kms_remove_key(kms, "vm", 3, NULL), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(envelope_kms_remove_key(kms, "vm", 4, NULL), ENVELOPE_E_NOT_FOUND);
    ck_assert_int_eq(envelope_kms_remove_key(kms, "db", 1, NULL), ENVELOPE_E_NOT_FOUND);
    ck_assert_int_eq(envelope_kms_remove_key(kms, "vm", 0, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_kms_remove_key(kms, "vm", 1, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_kms_remove_key(kms, "vm", 1, NULL), ENVELOPE_E_NOT_FOUND);
    reopen();
    keystore_expect(kms, "vm", 1, ENVELOPE_KEY_DESTROYED);
    keystore_expect(kms, "vm", 2, ENVELOPE_KEY_DEACTIVATED);
    ck_assert_int_eq(envelope_kms_export_key(kms, "vm", 1, 0, NULL, 0, out, sizeof out, &len, NULL),
                     ENVELOPE_E_NO_KEY);
    len = test_key_pem(1, pem);
    ck_assert_int_eq(envelope_kms_import_key(kms, "vm", pem, len, NULL, 0, NULL),
                     ENVELOPE_E_EXISTS);
    keystore_add(kms, "vm", 4);
    expect_newest("vm", 4, "vm/3");
}
END_TEST

static envelope_status export(uint32_t version, uint32_t flags, const char *pass, char *out,
                              size_t *len)
{
    return envelope_kms_export_key(kms, "vm", version, flags, pass, pass ? strlen(pass) : 0, out,
                                   ENVELOPE_PEM_MAX, len, NULL);
}

START_TEST(exported)
{
    char pem[TEST_KEY_PEM_MAX];
    char out[ENVELOPE_PEM_MAX];
    size_t len;
    struct env_rsa_private *key;
    keystore_add(kms, "vm", 1);
    keystore_add(kms, "vm", 2);
    ck_assert_int_eq(export(1, 0, NULL, out, &len), ENVELOPE_OK);
    ck_assert_int_eq(exports, 1);
    size_t pem_len = test_key_pem(1, pem);
    ck_assert_uint_eq(len, pem_len);
    ck_assert_mem_eq(out, pem, len);
    ck_assert_int_eq(export(0, 0, "pass", out, &len), ENVELOPE_OK);
    ck_assert_int_eq(exports, 2);
    ck_assert_ptr_nonnull(memmem(out, len, "ENCRYPTED PRIVATE KEY", 21));
    ck_assert_int_eq(env_rsa_private_parse(ctx, out, len, "pass", 4, &key, NULL), ENVELOPE_OK);
    struct env_rsa_private *same = test_private(ctx, 2);
    ck_assert_mem_eq(env_rsa_public_fingerprint(env_rsa_private_public(key)),
                     env_rsa_public_fingerprint(env_rsa_private_public(same)), 32);
    env_rsa_private_free(same);
    env_rsa_private_free(key);
    ck_assert_int_eq(export(1, ENVELOPE_EXPORT_PUBLIC, NULL, out, &len), ENVELOPE_OK);
    ck_assert_int_eq(exports, 2); /* a public half is no event */
    ck_assert_ptr_nonnull(memmem(out, len, "BEGIN PUBLIC KEY", 16));
    ck_assert_ptr_null(memmem(out, len, "PRIVATE", 7));
    ck_assert_int_eq(export(3, 0, NULL, out, &len), ENVELOPE_E_NOT_FOUND);
    ck_assert_int_eq(export(1, 1u << 9, NULL, out, &len), ENVELOPE_E_INVALID);
    ck_assert_int_eq(export(1, 0, "", out, &len), ENVELOPE_E_INVALID);
}
END_TEST

START_TEST(export_into_too_little)
{
    char out[64];
    char zeros[64] = {0};
    size_t len = 0;
    keystore_add(kms, "vm", 1);
    memset(out, 'x', sizeof out);
    ck_assert_int_eq(envelope_kms_export_key(kms, "vm", 1, 0, NULL, 0, out, sizeof out, &len, NULL),
                     ENVELOPE_E_RANGE);
    ck_assert_uint_gt(len, sizeof out);
    ck_assert_mem_eq(out, zeros, sizeof out);
    ck_assert_int_eq(exports, 0);
}
END_TEST

static envelope_status unwrap(const struct env_slot *slot, const envelope_key_ref *ref,
                              const envelope_dek *dek)
{
    uint8_t *out;
    ck_assert_int_eq(env_secret_new(ctx, 32, &out, NULL), ENVELOPE_OK);
    envelope_status st =
        env_kms_unwrap(kms, ref, slot->algorithm, slot->wrapped, slot->wrapped_len, out, NULL);
    if (!st && memcmp(out, envelope_dek_reveal(dek), 32) != 0) {
        st = ENVELOPE_E_AUTH;
    }
    env_secret_free(ctx, out, 32);
    return st;
}

START_TEST(unwraps)
{
    envelope_dek *dek;
    struct env_slot slot = {.kind = ENV_SLOT_KMS, .kms_id = "lab", .name = "vm", .key_id = "vm/1"};
    struct env_rsa_private *key = test_private(ctx, 1);
    struct env_rsa_public *public = env_rsa_private_public(key);
    keystore_add(kms, "vm", 1);
    keystore_add(kms, "vm", 2);
    ck_assert_int_eq(envelope_dek_generate(ctx, &dek, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_slot_wrap_rsa(public, ENVELOPE_RSA_OAEP_SHA256, dek, &slot, NULL),
                     ENVELOPE_OK);
    envelope_key_ref ref = env_slot_ref(&slot);
    ck_assert_int_eq(unwrap(&slot, &ref, dek), ENVELOPE_OK); /* by key id */
    ref.has_fingerprint = 1;
    memcpy(ref.fingerprint, env_rsa_public_fingerprint(public), 32);
    ck_assert_int_eq(unwrap(&slot, &ref, dek), ENVELOPE_OK);
    ref.key_id = "vm/7"; /* exported from one keystore, imported into another */
    ck_assert_int_eq(unwrap(&slot, &ref, dek), ENVELOPE_OK);
    ref.key_name = "db";
    ck_assert_int_eq(unwrap(&slot, &ref, dek), ENVELOPE_E_NO_KEY);
    ref.key_name = "vm";
    ref.key_id = "vm/1";
    ref.fingerprint[0] ^= 1; /* the number of one keystore is not that of another */
    ck_assert_int_eq(unwrap(&slot, &ref, dek), ENVELOPE_E_NO_KEY);
    ref.fingerprint[0] ^= 1;
    slot.wrapped[5] ^= 1;
    ck_assert_int_eq(unwrap(&slot, &ref, dek), ENVELOPE_E_AUTH);
    slot.wrapped[5] ^= 1;
    slot.algorithm = ENVELOPE_AES_KWP;
    ck_assert_int_eq(unwrap(&slot, &ref, dek), ENVELOPE_E_REFUSED);
    slot.algorithm = ENVELOPE_RSA_OAEP_SHA256;
    ck_assert_int_eq(envelope_kms_remove_key(kms, "vm", 1, NULL), ENVELOPE_OK);
    ck_assert_int_eq(unwrap(&slot, &ref, dek), ENVELOPE_E_NO_KEY);
    envelope_dek_free(dek);
    env_rsa_private_free(key);
}
END_TEST

START_TEST(in_a_keyring)
{
    envelope_keyring *ring;
    struct env_targets targets;
    keystore_add(kms, "vm", 1);
    ck_assert_int_eq(envelope_keyring_new(ctx, NULL, &ring, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_kms(ring, "lab", kms,
                                              ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP, 0, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(ring, "lab", "vm", NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_keyring_ask(ring, NULL, &targets, NULL), ENVELOPE_OK);
    ck_assert(targets.item[0].exclusive);
    ck_assert_int_eq(env_target_prove(ring, &targets.item[0], NULL), ENVELOPE_OK);
    ck_assert(targets.item[0].proven);
    env_targets_free(ctx, &targets);
    envelope_keyring_free(ring);
}
END_TEST

static char lines[256];

static void keep_line(void *user, const char *name, const char *value)
{
    (void)user;
    size_t used = strlen(lines);
    if (strcmp(name, "directory") != 0) {
        snprintf(lines + used, sizeof lines - used, "%s=%s;", name, value);
    }
}

START_TEST(checked)
{
    keystore_add(kms, "vm", 1);
    keystore_add(kms, "vm", 2);
    lines[0] = 0;
    ck_assert_int_eq(envelope_kms_check(kms, NULL, keep_line, NULL, NULL), ENVELOPE_OK);
    ck_assert_str_eq(lines, "keys=1, in 2 versions;revision=3;");
    lines[0] = 0;
    ck_assert_int_eq(envelope_kms_check(kms, "vm", keep_line, NULL, NULL), ENVELOPE_OK);
    ck_assert_ptr_nonnull(strstr(lines, "unwrap="));
    lines[0] = 0;
    ck_assert_int_eq(envelope_kms_check(kms, "db", keep_line, NULL, NULL), ENVELOPE_E_NO_KEY);
    ck_assert_ptr_null(strstr(lines, "unwrap="));
    ck_assert_int_eq(envelope_kms_check(kms, "vm", NULL, NULL, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_kms_check(kms, "", keep_line, NULL, NULL), ENVELOPE_E_INVALID);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keystore_life");
    TCase *t = tcase_create("life");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, empty);
    tcase_add_test(t, made_pairs);
    tcase_add_test(t, names);
    tcase_add_test(t, imported);
    tcase_add_test(t, removed);
    tcase_add_test(t, exported);
    tcase_add_test(t, export_into_too_little);
    tcase_add_test(t, unwraps);
    tcase_add_test(t, in_a_keyring);
    tcase_add_test(t, checked);
    suite_add_tcase(s, t);
    return s;
}
