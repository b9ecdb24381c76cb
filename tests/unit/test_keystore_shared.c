/* One keystore, several handles: what another process rotated is seen, what it put back is noticed,
 * a directory that is gone is an outage. */
#include "check_main.h"
#include "failing.h"
#include "fake_kms.h"
#include "keys.h"
#include "keys/slot.h"
#include "keystores.h"
#include "kms/kms.h"
#include "scratch.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static envelope_ctx *ctx;
static char above[SCRATCH_PATH_MAX];
static char dir[SCRATCH_PATH_MAX];
static char file[SCRATCH_PATH_MAX];
static envelope_kms *one;
static envelope_kms *two;

static void set_up(void)
{
    ctx = test_ctx();
    scratch_make(above);
    scratch_path(dir, above, "ks");
    scratch_path(file, dir, "keystore");
    one = keystore_make(ctx, dir);
    keystore_add(one, "vm", 1);
    ck_assert_int_eq(keystore_open(ctx, dir, &two, NULL), ENVELOPE_OK);
}

static void tear_down(void)
{
    envelope_kms_free(one);
    envelope_kms_free(two);
    envelope_ctx_free(ctx);
    scratch_remove(above);
}

static envelope_status newest(envelope_kms *kms, uint32_t *version)
{
    struct env_found found;
    envelope_status st = env_kms_newest(kms, "lab", "vm", &found, NULL);
    *version = st ? 0 : found.key.version;
    env_found_free(ctx, &found);
    return st;
}

static envelope_status unwrap(envelope_kms *kms)
{
    static const uint8_t wrapped[512] = {1};
    envelope_key_ref ref = {.size = sizeof ref, .key_name = "vm", .key_id = "vm/1"};
    uint8_t *out;
    ck_assert_int_eq(env_secret_new(ctx, 32, &out, NULL), ENVELOPE_OK);
    envelope_status st =
        env_kms_unwrap(kms, &ref, ENVELOPE_RSA_OAEP_SHA256, wrapped, sizeof wrapped, out, NULL);
    env_secret_free(ctx, out, 32);
    return st;
}

START_TEST(rotation_is_seen)
{
    uint32_t version;
    for (uint32_t v = 1; v <= 4; v++) {
        ck_assert_int_eq(newest(two, &version), ENVELOPE_OK);
        ck_assert_uint_eq(version, v);
        keystore_add(v % 2 ? one : two, "vm", (int)v + 1);
    }
    ck_assert_int_eq(newest(one, &version), ENVELOPE_OK);
    ck_assert_uint_eq(version, 5);
}
END_TEST

static void put_back(const uint8_t *bytes, size_t len)
{
    char new_file[SCRATCH_PATH_MAX];
    scratch_write(scratch_path(new_file, above, "new"), bytes, len);
    ck_assert_int_eq(rename(new_file, file), 0);
}

START_TEST(older_copy_is_noticed)
{
    uint32_t version;
    size_t len;
    uint8_t *old = scratch_read(file, &len);
    keystore_add(one, "vm", 2);
    put_back(old, len);
    /* by whoever wrote the newer one, by whoever saw it, not by whoever did not */
    ck_assert_int_eq(newest(one, &version), ENVELOPE_E_ROLLBACK);
    ck_assert_int_eq(unwrap(one), ENVELOPE_E_ROLLBACK);
    ck_assert_int_eq(newest(two, &version), ENVELOPE_OK);
    ck_assert_uint_eq(version, 1);
    char pem[TEST_KEY_PEM_MAX];
    size_t pem_len = test_key_pem(3, pem);
    ck_assert_int_eq(envelope_kms_import_key(one, "vm", pem, pem_len, NULL, 0, NULL),
                     ENVELOPE_E_ROLLBACK);
    free(old);
}
END_TEST

/* Two histories that reached one revision. */
START_TEST(other_file_of_one_revision)
{
    uint32_t version;
    size_t len;
    size_t other_len;
    uint8_t *old = scratch_read(file, &len);
    keystore_add(one, "vm", 2);
    uint8_t *first = scratch_read(file, &other_len);
    put_back(old, len);
    keystore_add(two, "vm", 3);
    ck_assert_int_eq(newest(one, &version), ENVELOPE_E_ROLLBACK);
    put_back(first, other_len);
    ck_assert_int_eq(newest(one, &version), ENVELOPE_OK);
    ck_assert_int_eq(newest(two, &version), ENVELOPE_E_ROLLBACK);
    free(old);
    free(first);
}
END_TEST

START_TEST(gone_is_an_outage)
{
    char away[SCRATCH_PATH_MAX];
    uint32_t version;
    envelope_key_list *list;
    scratch_path(away, above, "away");
    ck_assert_int_eq(rename(dir, away), 0);
    ck_assert_int_eq(newest(one, &version), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_int_eq(unwrap(one), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_int_eq(envelope_kms_list(one, NULL, &list, NULL), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_int_eq(envelope_kms_rotate_key(one, "vm", NULL), ENVELOPE_E_NOT_FOUND);
    ck_assert_int_eq(rename(away, dir), 0);
    ck_assert_int_eq(newest(one, &version), ENVELOPE_OK);
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(newest(one, &version), ENVELOPE_E_KMS_UNREACHED);
}
END_TEST

/* Another keystore in its place has another store key. */
START_TEST(other_keystore_in_its_place)
{
    uint32_t version;
    ck_assert_int_eq(unlink(file), 0);
    envelope_kms *other = keystore_make(ctx, dir);
    keystore_add(other, "vm", 5);
    envelope_kms_free(other);
    ck_assert_int_eq(newest(one, &version), ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(unwrap(one), ENVELOPE_E_NO_KEY);
}
END_TEST

START_TEST(opened_to_others_meanwhile)
{
    uint32_t version;
    ck_assert_int_eq(newest(one, &version), ENVELOPE_OK);
    ck_assert_int_eq(chmod(file, 0644), 0);
    ck_assert_int_eq(newest(one, &version), ENVELOPE_E_REFUSED);
}
END_TEST

enum { READERS = 4, ROUNDS = 50, KEYS = 6 };

/* Sees versions rise while another thread adds them; never fails, never goes back. */
static void *read_on(void *arg)
{
    (void)arg;
    uint32_t last = 0;
    for (int i = 0; i < ROUNDS || last < KEYS; i++) {
        struct env_found found;
        if (env_kms_newest(one, "vm-x", "vm", &found, NULL)) {
            return "a call failed";
        }
        uint32_t version = found.key.version;
        env_found_free(ctx, &found);
        if (version < last) {
            return "a version went back";
        }
        last = version;
    }
    return NULL;
}

START_TEST(threads)
{
    pthread_t reader[READERS];
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_create(&reader[i], NULL, read_on, NULL), 0);
    }
    for (int pool = 2; pool <= KEYS; pool++) {
        keystore_add(pool % 2 ? one : two, "vm", pool);
    }
    for (int i = 0; i < READERS; i++) {
        void *why;
        ck_assert_int_eq(pthread_join(reader[i], &why), 0);
        ck_assert_msg(!why, "%s", (const char *)why);
    }
}
END_TEST

static void *add_two(void *arg)
{
    envelope_kms *kms = arg == &one ? one : two;
    int first = arg == &one ? 5 : 7;
    for (int pool = first; pool < first + 2; pool++) {
        char pem[TEST_KEY_PEM_MAX];
        size_t len = test_key_pem(pool, pem);
        if (envelope_kms_import_key(kms, "vm", pem, len, NULL, 0, NULL)) {
            return "an import failed";
        }
    }
    return NULL;
}

/* Two writers: no change is lost, no number is given twice. */
START_TEST(writers)
{
    pthread_t writer[2];
    void *why;
    uint32_t version;
    ck_assert_int_eq(pthread_create(&writer[0], NULL, add_two, &one), 0);
    ck_assert_int_eq(pthread_create(&writer[1], NULL, add_two, &two), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(writer[i], &why), 0);
        ck_assert_msg(!why, "%s", (const char *)why);
    }
    ck_assert_int_eq(newest(one, &version), ENVELOPE_OK);
    ck_assert_uint_eq(version, 5);
    ck_assert_int_eq(newest(two, &version), ENVELOPE_OK);
    ck_assert_uint_eq(version, 5);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keystore_shared");
    TCase *t = tcase_create("shared");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, rotation_is_seen);
    tcase_add_test(t, older_copy_is_noticed);
    tcase_add_test(t, other_file_of_one_revision);
    tcase_add_test(t, gone_is_an_outage);
    tcase_add_test(t, other_keystore_in_its_place);
    tcase_add_test(t, opened_to_others_meanwhile);
    tcase_add_test(t, threads);
    tcase_add_test(t, writers);
    suite_add_tcase(s, t);
    return s;
}
