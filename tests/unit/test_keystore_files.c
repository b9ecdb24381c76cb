/* The directory: who may read and write it, what is told when it is not there or not ours. */
#include "check_main.h"
#include "failing.h"
#include "keystores.h"
#include "scratch.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static envelope_ctx *ctx;
static char above[SCRATCH_PATH_MAX];
static char dir[SCRATCH_PATH_MAX];
static char file[SCRATCH_PATH_MAX];

static void set_up(void)
{
    ctx = test_ctx();
    scratch_make(above);
    scratch_path(dir, above, "ks");
    scratch_path(file, dir, "keystore");
}

static void tear_down(void)
{
    envelope_ctx_free(ctx);
    scratch_remove(above);
}

static mode_t mode_of(const char *path)
{
    struct stat s;
    ck_assert_int_eq(lstat(path, &s), 0);
    return s.st_mode & 07777;
}

static envelope_status try_open(envelope_error *err)
{
    envelope_kms *kms = (envelope_kms *)dir;
    envelope_status st = keystore_open(ctx, dir, &kms, err);
    ck_assert(st ? kms == NULL : kms != NULL);
    envelope_kms_free(kms);
    return st;
}

static void expect(envelope_status status, const char *word)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_int_eq(try_open(&err), status);
    ck_assert_int_eq(err.status, status);
    ck_assert_msg(strstr(err.message, word) != NULL, "%s", err.message);
}

START_TEST(modes)
{
    char lock[SCRATCH_PATH_MAX];
    mode_t before = umask(0);
    envelope_kms *kms = keystore_make(ctx, dir);
    keystore_add(kms, "vm", 1);
    envelope_kms_free(kms);
    umask(before);
    ck_assert_int_eq(mode_of(dir), 0700);
    ck_assert_int_eq(mode_of(file), 0600);
    ck_assert_int_eq(mode_of(scratch_path(lock, dir, "lock")), 0600);
}
END_TEST

static size_t files_in_dir(void)
{
    DIR *d = opendir(dir);
    size_t count = 0;
    ck_assert_ptr_nonnull(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        count += e->d_name[0] != '.';
    }
    closedir(d);
    return count;
}

START_TEST(nothing_is_left_over)
{
    char leftover[SCRATCH_PATH_MAX];
    envelope_kms *kms = keystore_make(ctx, dir);
    scratch_write(scratch_path(leftover, dir, "keystore.new"), "half", 4); /* of one that died */
    keystore_add(kms, "vm", 1);
    ck_assert_uint_eq(files_in_dir(), 2);
    keystore_expect(kms, "vm", 1, ENVELOPE_KEY_ACTIVE);
    envelope_kms_free(kms);
}
END_TEST

START_TEST(made_once)
{
    envelope_kms *kms = keystore_make(ctx, dir);
    envelope_kms *again;
    envelope_kms_free(kms);
    ck_assert_int_eq(
        envelope_keystore_open(ctx, dir, "other", 5, ENVELOPE_KEYSTORE_CREATE, &again, NULL),
        ENVELOPE_E_EXISTS);
    ck_assert_ptr_null(again);
    ck_assert_int_eq(try_open(NULL), ENVELOPE_OK); /* what is there was not touched */
}
END_TEST

START_TEST(not_there)
{
    expect(ENVELOPE_E_NOT_FOUND, "ks");
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    expect(ENVELOPE_E_NOT_FOUND, "keystore");
    envelope_kms *kms;
    char deep[SCRATCH_PATH_MAX];
    ck_assert_int_eq(envelope_keystore_open(ctx, scratch_path(deep, dir, "a/b"), "x", 1,
                                            ENVELOPE_KEYSTORE_CREATE, &kms, NULL),
                     ENVELOPE_E_NOT_FOUND);
    scratch_write(file, "", 0);
    expect(ENVELOPE_E_FORMAT, "keystore");
}
END_TEST

START_TEST(others_can_write_the_directory)
{
    envelope_kms_free(keystore_make(ctx, dir));
    ck_assert_int_eq(chmod(dir, 0720), 0);
    expect(ENVELOPE_E_REFUSED, "0700");
    ck_assert_int_eq(chmod(dir, 0702), 0);
    expect(ENVELOPE_E_REFUSED, "0700");
    ck_assert_int_eq(chmod(dir, 0755), 0);
    ck_assert_int_eq(try_open(NULL), ENVELOPE_OK);
}
END_TEST

START_TEST(others_can_read_the_file)
{
    envelope_kms_free(keystore_make(ctx, dir));
    static const mode_t bad[] = {0640, 0620, 0604, 0602, 0666};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(chmod(file, bad[i]), 0);
        expect(ENVELOPE_E_REFUSED, "0600");
    }
    ck_assert_int_eq(chmod(file, 0600), 0);
    ck_assert_int_eq(try_open(NULL), ENVELOPE_OK);
}
END_TEST

START_TEST(links_are_not_followed)
{
    char elsewhere[SCRATCH_PATH_MAX];
    char lock[SCRATCH_PATH_MAX];
    scratch_path(elsewhere, above, "elsewhere");
    envelope_kms *kms = keystore_make(ctx, dir);
    ck_assert_int_eq(rename(file, elsewhere), 0);
    ck_assert_int_eq(symlink(elsewhere, file), 0);
    expect(ENVELOPE_E_REFUSED, "regular");
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(rename(elsewhere, file), 0);
    ck_assert_int_eq(unlink(scratch_path(lock, dir, "lock")), 0);
    ck_assert_int_eq(symlink(elsewhere, lock), 0);
    ck_assert_int_eq(envelope_kms_rotate_key(kms, "vm", NULL), ENVELOPE_E_NOT_FOUND);
    char pem[16] = "no key";
    ck_assert_int_eq(envelope_kms_import_key(kms, "vm", pem, 6, NULL, 0, NULL), ENVELOPE_E_FORMAT);
    ck_assert_int_ne(access(elsewhere, F_OK), 0);
    envelope_kms_free(kms);
}
END_TEST

START_TEST(a_fifo_does_not_hold_us)
{
    envelope_kms_free(keystore_make(ctx, dir));
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(mkfifo(file, 0600), 0);
    expect(ENVELOPE_E_REFUSED, "regular");
}
END_TEST

START_TEST(passphrases)
{
    envelope_kms *kms;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_kms_free(keystore_make(ctx, dir));
    ck_assert_int_eq(envelope_keystore_open(ctx, dir, "Correct horse", 13, 0, &kms, &err),
                     ENVELOPE_E_NO_KEY);
    ck_assert_ptr_nonnull(strstr(err.message, "wrong passphrase"));
    ck_assert_int_eq(envelope_keystore_open(ctx, dir, TEST_PASSPHRASE, 12, 0, &kms, NULL),
                     ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(envelope_keystore_open(ctx, dir, "", 0, 0, &kms, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_keystore_open(ctx, dir, NULL, 3, 0, &kms, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_keystore_open(ctx, dir, "x", 1, 2, &kms, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_keystore_open(ctx, NULL, "x", 1, 0, &kms, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_keystore_open(ctx, dir, "x", 1, 0, NULL, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_keystore_open(ctx, dir, dir, 1025, 0, &kms, NULL), ENVELOPE_E_LIMIT);
}
END_TEST

/* A relative name stays valid when the process goes elsewhere. */
START_TEST(relative_names)
{
    envelope_kms *kms;
    char before[SCRATCH_PATH_MAX];
    ck_assert_ptr_nonnull(getcwd(before, sizeof before));
    ck_assert_int_eq(chdir(above), 0);
    kms = keystore_make(ctx, "ks");
    ck_assert_int_eq(chdir(before), 0);
    keystore_add(kms, "vm", 1);
    keystore_expect(kms, "vm", 1, ENVELOPE_KEY_ACTIVE);
    envelope_kms_free(kms);
}
END_TEST

/* No secret in plain: neither the private half nor the passphrase stands in the file. */
START_TEST(nothing_in_plain)
{
    size_t len;
    envelope_kms *kms = keystore_make(ctx, dir);
    keystore_add(kms, "vm", 1);
    envelope_kms_free(kms);
    uint8_t *bytes = scratch_read(file, &len);
    ck_assert_ptr_null(memmem(bytes, len, TEST_PASSPHRASE, TEST_PASSPHRASE_LEN));
    /* PKCS#8 of RSA: INTEGER 0, then the algorithm */
    static const uint8_t start[] = {0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09};
    ck_assert_ptr_null(memmem(bytes, len, start, sizeof start));
    free(bytes);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keystore_files");
    TCase *t = tcase_create("files");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, modes);
    tcase_add_test(t, nothing_is_left_over);
    tcase_add_test(t, made_once);
    tcase_add_test(t, not_there);
    tcase_add_test(t, others_can_write_the_directory);
    tcase_add_test(t, others_can_read_the_file);
    tcase_add_test(t, links_are_not_followed);
    tcase_add_test(t, a_fifo_does_not_hold_us);
    tcase_add_test(t, passphrases);
    tcase_add_test(t, relative_names);
    tcase_add_test(t, nothing_in_plain);
    suite_add_tcase(s, t);
    return s;
}
