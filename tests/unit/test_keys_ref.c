/* Key references: what stands behind their size is not read; what is shown is printable. */
#include "check_main.h"
#include "failing.h"
#include "keys/list.h"
#include "keys/ref.h"
#include <stddef.h>
#include <string.h>

static envelope_key_ref full(void)
{
    envelope_key_ref ref = {.size = sizeof ref,
                            .kms_id = "lab",
                            .key_name = "vm",
                            .key_id = "vm/3",
                            .version = 3,
                            .has_fingerprint = 1,
                            .replaces = "vm/2"};
    for (int i = 0; i < 32; i++) {
        ref.fingerprint[i] = (uint8_t)(0x10 + i);
    }
    return ref;
}

START_TEST(view_stops_at_size)
{
    envelope_key_ref ref = full();
    ck_assert_str_eq(env_ref_view(&ref).replaces, "vm/2");
    ref.size = offsetof(envelope_key_ref, replaces);
    ck_assert_ptr_null(env_ref_view(&ref).replaces);
    ck_assert_int_eq(env_ref_view(&ref).has_fingerprint, 1);
    ref.size = offsetof(envelope_key_ref, key_id) + 4; /* within a pointer */
    envelope_key_ref view = env_ref_view(&ref);
    ck_assert_ptr_null(view.key_id);
    ck_assert_str_eq(view.key_name, "vm");
    ck_assert_uint_eq(view.version, 0);
    ck_assert_int_eq(view.has_fingerprint, 0);
    ck_assert_ptr_null(env_ref_view(NULL).key_name);
}
END_TEST

START_TEST(copy_owns_its_text)
{
    envelope_ctx *ctx = test_ctx();
    char name[] = "vm";
    envelope_key_ref ref = full();
    ref.key_name = name;
    envelope_key_ref *copy = env_ref_copy(ctx, &ref);
    name[0] = 'x';
    ck_assert_str_eq(copy->key_name, "vm");
    ck_assert_str_eq(copy->replaces, "vm/2");
    ck_assert_mem_eq(copy->fingerprint, ref.fingerprint, 32);
    env_free(ctx, copy);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(text_for_people)
{
    char out[ENV_REF_TEXT_MAX];
    envelope_key_ref ref = full();
    ck_assert_str_eq(env_ref_text(out, &ref),
                     "lab/vm v3 (key id vm/3, fingerprint 1011121314151617…)");
    ref.kms_id = NULL;
    ref.key_id = NULL;
    ref.version = 0;
    ck_assert_str_eq(env_ref_text(out, &ref), "escrow key vm (fingerprint 1011121314151617…)");
    ref.has_fingerprint = 0;
    ck_assert_str_eq(env_ref_text(out, &ref), "password vm");
    ref.key_name = "a\x1b[2J\nb";
    ck_assert_str_eq(env_ref_text(out, &ref), "password a\\x1b[2J\\x0ab");
}
END_TEST

START_TEST(long_text_is_cut)
{
    char name[256];
    char out[ENV_REF_TEXT_MAX];
    memset(name, '\x01', 255);
    name[255] = 0;
    envelope_key_ref ref = full();
    ref.kms_id = name;
    ref.key_name = name;
    ref.key_id = name;
    env_ref_text(out, &ref);
    ck_assert_uint_lt(strlen(out), ENV_REF_TEXT_MAX);
    ck_assert_ptr_null(strchr(out, '\x01'));
}
END_TEST

START_TEST(lists_are_deep)
{
    envelope_ctx *ctx = test_ctx();
    envelope_key_list *list;
    uint8_t spki[4] = {1, 2, 3, 4};
    envelope_key_ref ref = full();
    envelope_key_info info = {.size = sizeof info, .ref = &ref, .spki = spki, .spki_len = 4};
    ck_assert_int_eq(env_key_list_new(ctx, &list, NULL), ENVELOPE_OK);
    for (int i = 0; i < 20; i++) {
        ref.version = (uint32_t)i;
        ck_assert_int_eq(env_key_list_add(list, &info, NULL), ENVELOPE_OK);
    }
    spki[0] = 9;
    envelope_ctx_free(ctx);
    ck_assert_uint_eq(envelope_key_list_count(list), 20);
    ck_assert_uint_eq(envelope_key_list_at(list, 19)->ref->version, 19);
    ck_assert_uint_eq(envelope_key_list_at(list, 0)->spki[0], 1);
    ck_assert_ptr_null(envelope_key_list_at(list, 20));
    ck_assert_uint_eq(envelope_key_list_count(NULL), 0);
    envelope_key_list_free(list);
    envelope_key_list_free(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keys_ref");
    TCase *t = tcase_create("ref");
    tcase_add_test(t, view_stops_at_size);
    tcase_add_test(t, copy_owns_its_text);
    tcase_add_test(t, text_for_people);
    tcase_add_test(t, long_text_is_cut);
    tcase_add_test(t, lists_are_deep);
    suite_add_tcase(s, t);
    return s;
}
