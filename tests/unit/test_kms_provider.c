/* A provider's callbacks may lie, forget, or be written in a language that returns 0 when the code
 * raised: success needs a deed. */
#include "check_main.h"
#include "failing.h"
#include "fake_kms.h"
#include "keys/slot.h"
#include "kms/kms.h"
#include <string.h>

/* What the callbacks are to do. */
static struct lie {
    int adds;
    int no_id;
    int other_name;
    int wrong_fingerprint;
    int no_spki;
    int garbage_spki;
    int ignore_status;
    int32_t state;
    envelope_status returns;
    size_t len;     /* of unwrap's and wrap's answer */
    int set_no_len; /* leaves *len alone */
    int destroyed;
} lie;

static envelope_ctx *ctx;
static struct env_rsa_private *pool;
static envelope_kms *kms;

static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    (void)self;
    (void)key_name;
    size_t len;
    const uint8_t *spki = env_rsa_public_spki(env_rsa_private_public(pool), &len);
    envelope_key_ref ref = {.size = sizeof ref, .key_id = lie.no_id ? NULL : "id-1"};
    ref.key_name = lie.other_name ? "other" : NULL;
    ref.has_fingerprint = lie.wrong_fingerprint;
    ref.replaces = "id-0";
    spki = lie.no_spki ? NULL : lie.garbage_spki ? (const uint8_t *)"garbage" : spki;
    len = lie.no_spki ? 0 : lie.garbage_spki ? 7 : len;
    for (int i = 0; i < lie.adds; i++) {
        envelope_status st = envelope_key_sink_add(sink, &ref, lie.state, spki, len);
        if (st && !lie.ignore_status) {
            return st;
        }
    }
    return lie.returns ? envelope_error_set(err, lie.returns, 42, "the \x1b[31mreason") : 0;
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    (void)self;
    (void)key;
    (void)algorithm;
    (void)in;
    (void)in_len;
    memset(out, 0x77, lie.len < cap ? lie.len : cap);
    if (!lie.set_no_len) {
        *len = lie.len;
    }
    return lie.returns ? envelope_error_set(err, lie.returns, 42, "padding error") : 0;
}

static envelope_status wrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                            const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                            envelope_error *err)
{
    return unwrap(self, key, algorithm, in, in_len, out, cap, len, err);
}

static void destroy(void *self)
{
    (void)self;
    lie.destroyed++;
}

static const envelope_kms_ops ops = {.size = sizeof ops,
                                     .kind = "liar",
                                     .newest = newest,
                                     .unwrap = unwrap,
                                     .wrap = wrap,
                                     .list = newest,
                                     .destroy = destroy};

static void set_up(void)
{
    lie = (struct lie){.adds = 1, .state = ENVELOPE_KEY_ACTIVE, .len = 32};
    ctx = test_ctx();
    pool = test_private(ctx, 1);
    ck_assert_int_eq(envelope_kms_new(ctx, &ops, NULL, &kms, NULL), ENVELOPE_OK);
}

static void tear_down(void)
{
    envelope_kms_free(kms);
    ck_assert_int_eq(lie.destroyed, 1);
    env_rsa_private_free(pool);
    envelope_ctx_free(ctx);
}

static envelope_status ask(envelope_error *err)
{
    struct env_found found;
    envelope_status st = env_kms_newest(kms, "lab", "vm", &found, err);
    ck_assert(st ? found.key.key_id == NULL : found.key.key_id != NULL);
    env_found_free(ctx, &found);
    return st;
}

START_TEST(honest)
{
    struct env_found found;
    ck_assert_int_eq(env_kms_newest(kms, "lab", "vm", &found, NULL), ENVELOPE_OK);
    ck_assert_str_eq(found.key.kms_id, "lab");
    ck_assert_str_eq(found.key.name, "vm");
    ck_assert_str_eq(found.key.key_id, "id-1");
    ck_assert_str_eq(found.replaces, "id-0");
    ck_assert(found.key.has_fingerprint);
    ck_assert_mem_eq(found.key.fingerprint,
                     env_rsa_public_fingerprint(env_rsa_private_public(pool)), 32);
    env_found_free(ctx, &found);
}
END_TEST

START_TEST(ok_without_a_key)
{
    lie.adds = 0;
    ck_assert_int_eq(ask(NULL), ENVELOPE_E_CALLBACK);
}
END_TEST

START_TEST(two_keys)
{
    lie.adds = 2;
    ck_assert_int_eq(ask(NULL), ENVELOPE_E_REFUSED);
}
END_TEST

START_TEST(unusable_keys)
{
    struct lie good = lie;
    lie.no_id = 1;
    ck_assert_int_eq(ask(NULL), ENVELOPE_E_CALLBACK);
    lie = good;
    lie.other_name = 1;
    ck_assert_int_eq(ask(NULL), ENVELOPE_E_CALLBACK);
    lie = good;
    lie.wrong_fingerprint = 1;
    ck_assert_int_eq(ask(NULL), ENVELOPE_E_CALLBACK);
    lie.no_spki = 1;
    ck_assert_int_eq(ask(NULL), ENVELOPE_E_CALLBACK);
    lie = good;
    lie.garbage_spki = 1;
    ck_assert_int_eq(ask(NULL), ENVELOPE_E_CALLBACK);
}
END_TEST

/* The mistake sticks, whatever the callback makes of it. */
START_TEST(sink_status_ignored)
{
    lie.wrong_fingerprint = 1;
    lie.ignore_status = 1;
    ck_assert_int_eq(ask(NULL), ENVELOPE_E_CALLBACK);
    lie.returns = ENVELOPE_E_NO_KEY;
    ck_assert_int_eq(ask(NULL), ENVELOPE_E_CALLBACK);
}
END_TEST

START_TEST(states)
{
    for (int32_t state = -1; state <= 7; state++) {
        lie.state = state;
        bool is_state = state >= ENVELOPE_KEY_ACTIVE && state <= ENVELOPE_KEY_UNKNOWN;
        envelope_status expected = state == ENVELOPE_KEY_ACTIVE ? ENVELOPE_OK
                                   : is_state                   ? ENVELOPE_E_REFUSED
                                                                : ENVELOPE_E_CALLBACK;
        ck_assert_int_eq(ask(NULL), expected);
    }
}
END_TEST

static bool allowed(envelope_status st)
{
    return st == ENVELOPE_OK || st == ENVELOPE_E_KMS_UNREACHED || st == ENVELOPE_E_REFUSED ||
           st == ENVELOPE_E_NO_KEY;
}

START_TEST(statuses_of_newest)
{
    for (envelope_status st = -30; st <= 5; st++) {
        envelope_error err = ENVELOPE_ERROR_INIT;
        lie.adds = st == ENVELOPE_OK;
        lie.returns = st;
        ck_assert_int_eq(ask(&err), allowed(st) ? st : ENVELOPE_E_CALLBACK);
        if (st) {
            ck_assert_int_eq(err.origin, ENVELOPE_ORIGIN_CALLER);
            ck_assert_int_eq(err.native, 42);
            ck_assert_ptr_nonnull(strstr(err.message, "liar"));
            ck_assert_ptr_nonnull(strstr(err.message, "\\x1b[31mreason"));
        }
    }
}
END_TEST

static envelope_status open_with(envelope_error *err)
{
    uint8_t *out;
    envelope_key_ref ref = {
        .size = sizeof ref, .kms_id = "lab", .key_name = "vm", .key_id = "id-1"};
    ck_assert_int_eq(env_secret_new(ctx, 32, &out, NULL), ENVELOPE_OK);
    envelope_status st =
        env_kms_unwrap(kms, &ref, ENVELOPE_RSA_OAEP_SHA256, "wrapped", 7, out, err);
    ck_assert_int_eq(out[31], st ? 0 : 0x77);
    env_secret_free(ctx, out, 32);
    return st;
}

/* All that depends on the ciphertext looks alike: what a provider says of it is not shown. */
static void expect_does_not_open(void)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_int_eq(open_with(&err), ENVELOPE_E_AUTH);
    ck_assert_str_eq(err.message, ENV_DOES_NOT_OPEN);
    ck_assert_int_eq(err.native, 0);
}

START_TEST(lengths_of_unwrap)
{
    for (lie.len = 1; lie.len <= 1024; lie.len += lie.len < 40 ? 1 : 123) {
        if (lie.len == 32) {
            ck_assert_int_eq(open_with(NULL), ENVELOPE_OK);
            continue;
        }
        expect_does_not_open();
    }
    lie.len = 0;
    ck_assert_int_eq(open_with(NULL), ENVELOPE_E_CALLBACK);
    lie.len = 1025; /* more than there was room for */
    ck_assert_int_eq(open_with(NULL), ENVELOPE_E_CALLBACK);
    lie.len = SIZE_MAX;
    ck_assert_int_eq(open_with(NULL), ENVELOPE_E_CALLBACK);
}
END_TEST

START_TEST(length_not_set)
{
    lie.set_no_len = 1;
    ck_assert_int_eq(open_with(NULL), ENVELOPE_E_CALLBACK);
}
END_TEST

START_TEST(statuses_of_unwrap)
{
    for (envelope_status st = -30; st <= 5; st++) {
        lie.returns = st;
        if (st == ENVELOPE_E_AUTH || st == ENVELOPE_E_RANGE) {
            expect_does_not_open();
            continue;
        }
        ck_assert_int_eq(open_with(NULL), allowed(st) ? st : ENVELOPE_E_CALLBACK);
    }
}
END_TEST

START_TEST(answers_of_wrap)
{
    uint8_t out[64];
    uint8_t key[32] = {0};
    size_t len;
    envelope_key_ref ref = {.size = sizeof ref, .key_id = "id-1"};
    for (lie.len = 0; lie.len <= 66; lie.len++) {
        bool ok = lie.len > 0 && lie.len <= sizeof out;
        ck_assert_int_eq(
            env_kms_wrap(kms, &ref, ENVELOPE_AES_KWP, key, out, sizeof out, &len, NULL),
            ok ? ENVELOPE_OK : ENVELOPE_E_CALLBACK);
        ck_assert_uint_eq(len, ok ? lie.len : 0);
    }
    lie.len = 40;
    lie.set_no_len = 1;
    ck_assert_int_eq(env_kms_wrap(kms, &ref, ENVELOPE_AES_KWP, key, out, sizeof out, &len, NULL),
                     ENVELOPE_E_CALLBACK);
    lie.returns = ENVELOPE_E_AUTH;
    ck_assert_int_eq(env_kms_wrap(kms, &ref, ENVELOPE_AES_KWP, key, out, sizeof out, &len, NULL),
                     ENVELOPE_E_CALLBACK);
}
END_TEST

START_TEST(lists)
{
    envelope_key_list *list;
    lie.adds = 3;
    ck_assert_int_eq(envelope_kms_list(kms, "vm", &list, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(envelope_key_list_count(list), 3);
    envelope_key_list_free(list);
    lie.adds = 0; /* a KMS without keys */
    ck_assert_int_eq(envelope_kms_list(kms, "vm", &list, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(envelope_key_list_count(list), 0);
    envelope_key_list_free(list);
    lie.adds = 1;
    ck_assert_int_eq(envelope_kms_list(kms, NULL, &list, NULL), ENVELOPE_E_CALLBACK); /* no name */
    ck_assert_ptr_null(list);
    lie.other_name = 1;
    ck_assert_int_eq(envelope_kms_list(kms, NULL, &list, NULL), ENVELOPE_OK);
    ck_assert_str_eq(envelope_key_list_at(list, 0)->ref->key_name, "other");
    envelope_key_list_free(list);
    ck_assert_int_eq(envelope_kms_list(kms, "vm", &list, NULL), ENVELOPE_E_CALLBACK);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kms_provider");
    TCase *t = tcase_create("provider");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, honest);
    tcase_add_test(t, ok_without_a_key);
    tcase_add_test(t, two_keys);
    tcase_add_test(t, unusable_keys);
    tcase_add_test(t, sink_status_ignored);
    tcase_add_test(t, states);
    tcase_add_test(t, statuses_of_newest);
    tcase_add_test(t, lengths_of_unwrap);
    tcase_add_test(t, length_not_set);
    tcase_add_test(t, statuses_of_unwrap);
    tcase_add_test(t, answers_of_wrap);
    tcase_add_test(t, lists);
    suite_add_tcase(s, t);
    return s;
}
