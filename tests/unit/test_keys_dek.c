/* A DEK: drawn or imported, 32 bytes, gone when it is freed. */
#include "check_main.h"
#include "failing.h"
#include "keys/dek.h"
#include <string.h>

START_TEST(generated_keys_differ)
{
    envelope_ctx *ctx = test_ctx();
    envelope_dek *a;
    envelope_dek *b;
    ck_assert_int_eq(envelope_dek_generate(ctx, &a, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_dek_generate(ctx, &b, NULL), ENVELOPE_OK);
    ck_assert_int_ne(memcmp(envelope_dek_reveal(a), envelope_dek_reveal(b), 32), 0);
    envelope_dek_free(a);
    envelope_ctx_free(ctx); /* any order: a DEK keeps its context */
    ck_assert_ptr_nonnull(envelope_dek_reveal(b));
    envelope_dek_free(b);
    envelope_dek_free(NULL);
}
END_TEST

START_TEST(imported_as_given)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t key[33];
    memset(key, 0x5a, sizeof key);
    envelope_dek *dek;
    ck_assert_int_eq(envelope_dek_import(ctx, key, 32, &dek, NULL), ENVELOPE_OK);
    ck_assert_mem_eq(envelope_dek_reveal(dek), key, 32);
    envelope_dek_free(dek);
    for (size_t len = 0; len <= 33; len++) {
        envelope_status st = envelope_dek_import(ctx, key, len, &dek, NULL);
        ck_assert_int_eq(st, len == 32 ? ENVELOPE_OK : ENVELOPE_E_INVALID);
        ck_assert(st ? dek == NULL : dek != NULL);
        envelope_dek_free(dek);
    }
    ck_assert_int_eq(envelope_dek_import(ctx, NULL, 32, &dek, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_dek_import(NULL, key, 32, &dek, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_dek_generate(ctx, NULL, NULL), ENVELOPE_E_INVALID);
    envelope_ctx_free(ctx);
}
END_TEST

/* The arena wipes what is given back: the place, taken again, must not be taken for the old key. */
START_TEST(freed_is_wiped)
{
    envelope_ctx *ctx = test_ctx();
    envelope_dek *dek;
    ck_assert_int_eq(envelope_dek_generate(ctx, &dek, NULL), ENVELOPE_OK);
    const uint8_t *place = envelope_dek_reveal(dek);
    envelope_dek *same = env_dek_retain(dek);
    envelope_dek_free(dek);
    uint8_t zeros[32] = {0};
    ck_assert_mem_ne(place, zeros, 32);
    envelope_dek_free(same);
    ck_assert_mem_eq(place, zeros, 32);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(arena_full)
{
    struct failing f = {.locked_kib = 4};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    envelope_dek *dek[128] = {NULL};
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status st = ENVELOPE_OK;
    size_t count = 0;
    while (!st && count < 128) {
        st = envelope_dek_generate(ctx, &dek[count++], &err);
    }
    ck_assert_int_eq(st, ENVELOPE_E_NOMEM);
    ck_assert_ptr_nonnull(strstr(err.message, "locked_kib"));
    for (size_t i = 0; i < count; i++) {
        envelope_dek_free(dek[i]);
    }
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keys_dek");
    TCase *t = tcase_create("dek");
    tcase_add_test(t, generated_keys_differ);
    tcase_add_test(t, imported_as_given);
    tcase_add_test(t, freed_is_wiped);
    tcase_add_test(t, arena_full);
    suite_add_tcase(s, t);
    return s;
}
