/* Every single-bit flip and every truncation of a keystore's file is refused. */
#include "check_main.h"
#include "failing.h"
#include "keystores.h"
#include "scratch.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SALT_AT = 20, REVISION_AT = 76 };

static envelope_ctx *ctx;
static char dir[SCRATCH_PATH_MAX];
static char file[SCRATCH_PATH_MAX];
static uint8_t *good;
static size_t good_len;
static int fd;

static void set_up(void)
{
    ctx = test_ctx();
    scratch_make(dir);
    keystore_write_cheap(ctx, dir, 1);
    good = scratch_read(scratch_path(file, dir, "keystore"), &good_len);
    fd = open(file, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
}

static void tear_down(void)
{
    close(fd);
    free(good);
    envelope_ctx_free(ctx);
    scratch_remove(dir);
}

static envelope_status open_now(void)
{
    envelope_kms *kms;
    envelope_status st = keystore_open(ctx, dir, &kms, NULL);
    ck_assert(st ? kms == NULL : kms != NULL);
    envelope_kms_free(kms);
    return st;
}

/* In place: writing the whole file 25,000 times takes a disk minutes. */
static void put_byte(size_t at, uint8_t byte)
{
    ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
}

/* What each part may be refused as: what comes before the store key, and what comes after. */
static bool refused_as(size_t at, envelope_status st)
{
    if (at < SALT_AT) {
        return st == ENVELOPE_E_FORMAT || st == ENVELOPE_E_NO_KEY;
    }
    if (at < REVISION_AT) {
        return st == ENVELOPE_E_NO_KEY;
    }
    return st == ENVELOPE_E_AUTH || st == ENVELOPE_E_FORMAT;
}

START_TEST(undamaged)
{
    ck_assert_int_eq(open_now(), ENVELOPE_OK);
}
END_TEST

START_TEST(flips)
{
    size_t count = 0;
    for (size_t bit = 0; bit < 8 * good_len; bit++) {
        size_t at = bit / 8;
        put_byte(at, (uint8_t)(good[at] ^ 1u << bit % 8));
        envelope_status st = open_now();
        ck_assert_msg(refused_as(at, st), "bit %zu of byte %zu: %s", bit % 8, at,
                      envelope_status_name(st));
        put_byte(at, good[at]);
        count++;
    }
    fprintf(stderr, "# %zu flips refused\n", count);
    ck_assert_int_eq(open_now(), ENVELOPE_OK);
}
END_TEST

START_TEST(truncations)
{
    ck_assert_int_eq(ftruncate(fd, (off_t)good_len + 1), 0);
    ck_assert_int_eq(open_now(), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(ftruncate(fd, (off_t)good_len), 0);
    ck_assert_int_eq(open_now(), ENVELOPE_OK);
    for (size_t len = good_len; len-- > 0;) {
        ck_assert_int_eq(ftruncate(fd, (off_t)len), 0);
        ck_assert_int_eq(open_now(), ENVELOPE_E_FORMAT);
    }
}
END_TEST

/* While it is open: what was altered since is no key's fault, and nothing is unwrapped with it. */
START_TEST(altered_while_open)
{
    envelope_kms *kms;
    envelope_key_list *list;
    ck_assert_int_eq(keystore_open(ctx, dir, &kms, NULL), ENVELOPE_OK);
    good[good_len - 1] ^= 1;
    ck_assert_int_eq(unlink(file), 0);
    scratch_write(file, good, good_len);
    ck_assert_int_eq(envelope_kms_list(kms, NULL, &list, NULL), ENVELOPE_E_AUTH);
    envelope_kms_free(kms);
}
END_TEST

static void spoil_sealed(struct env_keystore_entry *entry)
{
    entry->sealed[entry->sealed_len - 1] ^= 1;
}

static void spoil_fingerprint(struct env_keystore_entry *entry)
{
    entry->fingerprint[0] ^= 1;
}

static envelope_status use(const char *what)
{
    envelope_kms *kms;
    envelope_key_list *list = NULL;
    char pem[ENVELOPE_PEM_MAX];
    size_t len;
    ck_assert_int_eq(keystore_open(ctx, dir, &kms, NULL), ENVELOPE_OK);
    envelope_status st =
        strcmp(what, "list") == 0
            ? envelope_kms_list(kms, NULL, &list, NULL)
            : envelope_kms_export_key(kms, "vm", 2,
                                      strcmp(what, "public") ? 0 : ENVELOPE_EXPORT_PUBLIC, NULL, 0,
                                      pem, sizeof pem, &len, NULL);
    envelope_key_list_free(list);
    envelope_kms_free(kms);
    return st;
}

/* R-KS-17 to R-KS-19: by somebody who has the passphrase, so that the MAC is right. */
START_TEST(spoiled_under_a_right_mac)
{
    ck_assert_int_eq(use("list"), ENVELOPE_OK);
    ck_assert_int_eq(use("public"), ENVELOPE_OK);
    ck_assert_int_eq(use("private"), ENVELOPE_OK);
    keystore_write_spoiled(ctx, dir, 1, spoil_sealed);
    ck_assert_int_eq(use("list"), ENVELOPE_OK);
    ck_assert_int_eq(use("public"), ENVELOPE_OK);
    ck_assert_int_eq(use("private"), ENVELOPE_E_AUTH);
    keystore_write_spoiled(ctx, dir, 1, spoil_fingerprint);
    ck_assert_int_eq(use("list"), ENVELOPE_E_AUTH);
    ck_assert_int_eq(use("public"), ENVELOPE_E_AUTH);
    ck_assert_int_eq(use("private"), ENVELOPE_E_AUTH);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keystore_flips");
    TCase *t = tcase_create("flips");
    tcase_set_timeout(t, 280);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, undamaged);
    tcase_add_test(t, flips);
    tcase_add_test(t, truncations);
    tcase_add_test(t, altered_while_open);
    tcase_add_test(t, spoiled_under_a_right_mac);
    suite_add_tcase(s, t);
    return s;
}
