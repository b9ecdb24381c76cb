/* Every allocation of keyring and keystore made to fail in turn: an error or the right result,
 * nothing is left over. */
#include "base/context.h"
#include "check_main.h"
#include "failing.h"
#include "keys.h"
#include "keystores.h"
#include "kms/keyring.h"
#include "scratch.h"
#include <stdio.h>
#include <string.h>

static char dir[SCRATCH_PATH_MAX];

struct run {
    envelope_ctx *ctx;
    envelope_kms *kms;
    envelope_keyring *ring;
    envelope_dek *dek;
    envelope_dek *opened;
    struct env_targets targets;
    struct env_slots slots;
};

static envelope_status same(void *user, const uint8_t dek[32])
{
    struct run *r = user;
    return memcmp(dek, envelope_dek_reveal(r->dek), 32) ? ENVELOPE_E_AUTH : ENVELOPE_OK;
}

static envelope_status fill(struct run *r)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(3, pem);
    const uint32_t both = ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP;
    envelope_status st = envelope_keyring_new(r->ctx, NULL, &r->ring, NULL);
    st = st ? st : envelope_keyring_add_kms(r->ring, "lab", r->kms, both, 0, NULL);
    st = st ? st : envelope_keyring_wrap_for(r->ring, "lab", "vm", NULL);
    st = st ? st : envelope_keyring_scope(r->ring, "lab", "db", NULL, NULL);
    st = st ? st : envelope_keyring_add_password(r->ring, "ops", "x", 1, ENVELOPE_USE_UNWRAP, NULL);
    return st ? st : envelope_keyring_add_key(r->ring, "mine", pem, len, NULL, 0, NULL);
}

static envelope_status job(struct run *r)
{
    struct env_opening opening;
    envelope_key_list *list = NULL;
    envelope_status st = keystore_open(r->ctx, dir, &r->kms, NULL);
    st = st ? st : envelope_kms_list(r->kms, NULL, &list, NULL);
    envelope_key_list_free(list);
    st = st ? st : fill(r);
    st = st ? st : envelope_dek_generate(r->ctx, &r->dek, NULL);
    st = st ? st : env_keyring_ask(r->ring, NULL, &r->targets, NULL);
    st = st ? st : env_target_prove(r->ring, &r->targets.item[0], NULL);
    st = st ? st : env_targets_wrap(r->ring, &r->targets, r->dek, NULL, "x", &r->slots, NULL);
    if (st) {
        return st;
    }
    opening = env_opening_begin(r->ring, NULL);
    return env_keyring_open(r->ring, &opening, &r->slots, SIZE_MAX, same, r, &r->opened, NULL,
                            NULL);
}

static envelope_status run_once(struct failing *f, long fail_at, int for_ever)
{
    struct run r = {.ctx = NULL};
    envelope_ctx_options options = failing_options(f);
    f->fail_at = 0;
    f->for_ever = for_ever;
    ck_assert_int_eq(envelope_ctx_new(&options, &r.ctx, NULL), ENVELOPE_OK);
    f->fail_at = fail_at ? f->calls + fail_at : 0;
    envelope_status st = job(&r);
    if (!st) {
        ck_assert_int_eq(same(&r, envelope_dek_reveal(r.opened)), ENVELOPE_OK);
    }
    env_targets_free(r.ctx, &r.targets);
    envelope_dek_free(r.opened);
    envelope_dek_free(r.dek);
    envelope_keyring_free(r.ring);
    envelope_kms_free(r.kms);
    envelope_ctx_free(r.ctx);
    ck_assert_int_eq(f->live, 0);
    return st;
}

static void campaign(int for_ever)
{
    struct failing f = {.calls = 0};
    ck_assert_int_eq(run_once(&f, 0, 0), ENVELOPE_OK);
    long total = f.calls;
    long failed = 0;
    for (long i = 1; i <= total; i++) {
        envelope_status st = run_once(&f, i, for_ever);
        ck_assert_msg(st == ENVELOPE_OK || st == ENVELOPE_E_NOMEM, "allocation %ld: %s", i,
                      envelope_status_name(st));
        failed += st != ENVELOPE_OK;
    }
    fprintf(stderr, "# %ld allocations, %ld of them missed\n", total, failed);
    ck_assert_int_gt(failed, 20);
}

START_TEST(each_once)
{
    campaign(0);
}
END_TEST

START_TEST(each_and_all_after)
{
    campaign(1);
}
END_TEST

/* A change that fails leaves the file as it was. */
START_TEST(changes)
{
    struct failing f = {.calls = 0};
    envelope_ctx_options options = failing_options(&f);
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(2, pem);
    envelope_ctx *ctx;
    envelope_kms *kms;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    ck_assert_int_eq(keystore_open(ctx, dir, &kms, NULL), ENVELOPE_OK);
    envelope_status st = ENVELOPE_E_NOMEM;
    long at = 1;
    for (; st; at++) {
        f.fail_at = f.calls + at;
        st = envelope_kms_import_key(kms, "vm", pem, len, NULL, 0, NULL);
        f.fail_at = 0;
        ck_assert(st == ENVELOPE_OK || st == ENVELOPE_E_NOMEM);
        keystore_expect(kms, "vm", 3, st ? 0 : ENVELOPE_KEY_ACTIVE);
    }
    ck_assert_int_gt(at, 10);
    envelope_kms_free(kms);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

static void set_up(void)
{
    envelope_ctx *ctx = test_ctx();
    scratch_make(dir);
    keystore_write_cheap(ctx, dir, 1);
    envelope_ctx_free(ctx);
}

static void tear_down(void)
{
    scratch_remove(dir);
}

Suite *suite(void)
{
    Suite *s = suite_create("kms_nomem");
    TCase *t = tcase_create("nomem");
    tcase_set_timeout(t, 280);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, each_once);
    tcase_add_test(t, each_and_all_after);
    tcase_add_test(t, changes);
    suite_add_tcase(s, t);
    return s;
}
