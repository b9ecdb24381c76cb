/* The table of functions: copied by its size, destroyed exactly once, missing members not offered.
 */
#include "check_main.h"
#include "failing.h"
#include "kms/kms.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int destroyed;

static void destroy(void *self)
{
    ck_assert_ptr_eq(self, &destroyed);
    destroyed++;
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
    (void)cap;
    (void)err;
    memset(out, 1, 32);
    *len = 32;
    return ENVELOPE_OK;
}

static const envelope_kms_ops ops = {.size = sizeof ops, .unwrap = unwrap, .destroy = destroy};

START_TEST(destroyed_once)
{
    envelope_ctx *ctx = test_ctx();
    envelope_kms *kms;
    destroyed = 0;
    ck_assert_int_eq(envelope_kms_new(ctx, &ops, &destroyed, &kms, NULL), ENVELOPE_OK);
    envelope_kms *same = env_kms_retain(kms);
    envelope_ctx_free(ctx);
    envelope_kms_free(kms);
    ck_assert_int_eq(destroyed, 0);
    envelope_kms_free(same);
    ck_assert_int_eq(destroyed, 1);
    envelope_kms_free(NULL);
}
END_TEST

START_TEST(destroyed_when_new_fails)
{
    envelope_ctx *ctx = test_ctx();
    envelope_kms *kms = (envelope_kms *)&destroyed;
    destroyed = 0;
    ck_assert_int_eq(envelope_kms_new(NULL, &ops, &destroyed, &kms, NULL), ENVELOPE_E_INVALID);
    ck_assert_ptr_null(kms);
    ck_assert_int_eq(destroyed, 1);
    ck_assert_int_eq(envelope_kms_new(ctx, &ops, &destroyed, NULL, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(destroyed, 2);
    ck_assert_int_eq(envelope_kms_new(ctx, NULL, &destroyed, &kms, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(destroyed, 2);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(destroyed_without_memory)
{
    struct failing f = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    envelope_kms *kms;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    long before = f.live;
    f.fail_at = f.calls + 1;
    destroyed = 0;
    ck_assert_int_eq(envelope_kms_new(ctx, &ops, &destroyed, &kms, NULL), ENVELOPE_E_NOMEM);
    ck_assert_int_eq(destroyed, 1);
    ck_assert_int_eq(f.live, before);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

/* In memory of exactly its size, so that a sanitizer sees a byte read behind it. */
static envelope_status with_size(envelope_ctx *ctx, size_t size, size_t claimed, uint8_t tail)
{
    uint8_t *bytes = malloc(size);
    memset(bytes, tail, size);
    memcpy(bytes, &ops, size < sizeof ops ? size : sizeof ops);
    memcpy(bytes, &claimed, sizeof claimed);
    envelope_kms *kms;
    destroyed = 0;
    envelope_status st = envelope_kms_new(ctx, (const envelope_kms_ops *)(const void *)bytes,
                                          &destroyed, &kms, NULL);
    envelope_kms_free(kms);
    /* a table of before unwrap_many is whole */
    ck_assert_int_eq(destroyed, size >= offsetof(envelope_kms_ops, unwrap_many));
    free(bytes);
    return st;
}

START_TEST(copied_by_size)
{
    envelope_ctx *ctx = test_ctx();
    for (size_t size = sizeof(size_t); size <= sizeof ops; size++) {
        ck_assert_int_eq(with_size(ctx, size, size, 0), ENVELOPE_OK);
    }
    ck_assert_int_eq(with_size(ctx, sizeof ops + 64, sizeof ops + 64, 0), ENVELOPE_OK);
    ck_assert_int_eq(with_size(ctx, sizeof ops + 64, sizeof ops + 64, 1), ENVELOPE_E_INVALID);
    ck_assert_int_eq(with_size(ctx, sizeof ops, 4097, 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(with_size(ctx, sizeof(size_t), 0, 0), ENVELOPE_E_INVALID);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(not_offered)
{
    envelope_ctx *ctx = test_ctx();
    envelope_kms *kms;
    envelope_key_list *list;
    struct env_found found;
    char buf[16];
    size_t len;
    ck_assert_int_eq(envelope_kms_new(ctx, &ops, &destroyed, &kms, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_kms_newest(kms, "lab", "vm", &found, NULL), ENVELOPE_E_UNSUPPORTED);
    ck_assert_int_eq(envelope_kms_list(kms, NULL, &list, NULL), ENVELOPE_E_UNSUPPORTED);
    ck_assert_int_eq(envelope_kms_create_key(kms, "vm", 0, NULL), ENVELOPE_E_UNSUPPORTED);
    ck_assert_int_eq(envelope_kms_rotate_key(kms, "vm", NULL), ENVELOPE_E_UNSUPPORTED);
    ck_assert_int_eq(envelope_kms_remove_key(kms, "vm", 1, NULL), ENVELOPE_E_UNSUPPORTED);
    ck_assert_int_eq(envelope_kms_export_key(kms, "vm", 1, 0, NULL, 0, buf, sizeof buf, &len, NULL),
                     ENVELOPE_E_UNSUPPORTED);
    ck_assert_int_eq(envelope_kms_import_key(kms, "vm", "x", 1, NULL, 0, NULL),
                     ENVELOPE_E_UNSUPPORTED);
    ck_assert_int_eq(envelope_kms_create_key(kms, "", 0, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_kms_create_key(NULL, "vm", 0, NULL), ENVELOPE_E_INVALID);
    envelope_kms_free(kms);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kms_table");
    TCase *t = tcase_create("table");
    tcase_add_test(t, destroyed_once);
    tcase_add_test(t, destroyed_when_new_fails);
    tcase_add_test(t, destroyed_without_memory);
    tcase_add_test(t, copied_by_size);
    tcase_add_test(t, not_offered);
    suite_add_tcase(s, t);
    return s;
}
