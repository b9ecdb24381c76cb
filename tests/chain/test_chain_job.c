/* The promise of the library, end to end: after a rotation and a refresh every point restores with
 * the newest key version alone, also when all metadata is gone; what is missing is named. */
#include "chain_kit.h"
#include <string.h>

enum { SMALL = 57344 }; /* 3.5 chunks */

START_TEST(backup_and_restore)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    host_begin(&h, &kms, 1, 2);
    envelope_chain *chain = host_create(&h, &mem, "vm-42");
    ck_assert_uint_eq(back_up(chain, 1, SMALL), 1);
    ck_assert_uint_eq(back_up(chain, 2, 0), 2);
    check_point(chain, 1, 1, SMALL);
    check_point(chain, 0, 2, 0);
    envelope_chain_free(chain);
    chain = host_open(&h, &mem, NULL);
    check_point(chain, 1, 1, SMALL);
    check_point(chain, 2, 2, 0);
    envelope_chain_free(chain);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

static void rotate(struct host *h, struct memory_store *mem)
{
    uint32_t rotated = 9;
    envelope_chain *chain = host_create(h, mem, "vm");
    back_up(chain, 1, SMALL);
    back_up(chain, 2, 100);
    envelope_chain_free(chain);
    ck_assert_int_eq(try_refresh(h, mem, 0, &rotated), ENVELOPE_OK);
    ck_assert_uint_eq(rotated, 0);
    h->kms->newest = 2;
    ck_assert_int_eq(try_refresh(h, mem, 0, &rotated), ENVELOPE_OK);
    ck_assert_uint_eq(rotated, 1);
    ck_assert_ptr_nonnull(host_event(h, ENVELOPE_EVENT_ROTATED));
}

/* Only the newest version, as an exported key, on a host that knows nothing. */
static void check_newest_alone(struct test_kms *kms, struct memory_store *mem, int pool)
{
    struct host fresh;
    (void)kms;
    struct test_kms none = {0};
    host_begin(&fresh, &none, pool, 1);
    fresh.no_kms = true;
    fresh.private_key = pool;
    envelope_chain *chain = host_open(&fresh, mem, NULL);
    ck_assert_int_eq(envelope_chain_is_provisional(chain), 1);
    check_point(chain, 1, 1, SMALL);
    check_point(chain, 2, 2, 100);
    envelope_chain_free(chain);
    host_end(&fresh);
}

START_TEST(newest_key_alone)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    host_begin(&h, &kms, 1, 2);
    rotate(&h, &mem);
    check_newest_alone(&kms, &mem, 2);
    remove_all(&mem, "/meta/");
    ck_assert_uint_eq(count_files(&mem, "/meta/"), 0);
    check_newest_alone(&kms, &mem, 2);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

START_TEST(old_key_opens_its_points_only)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct test_kms none = {0};
    struct host h;
    struct host fresh;
    envelope_status st;
    host_begin(&h, &kms, 1, 2);
    rotate(&h, &mem);
    ck_assert_uint_eq(job(&h, &mem, 3, 10), 3);
    remove_all(&mem, "/meta/");
    remove_all(&mem, "-keys-");
    host_begin(&fresh, &none, 1, 1);
    fresh.no_kms = true;
    fresh.private_key = 1;
    envelope_chain *chain = host_open(&fresh, &mem, &st);
    ck_assert_int_eq(st, ENVELOPE_OK);
    check_point(chain, 1, 1, SMALL);
    check_point(chain, 2, 2, 100);
    envelope_reader *r;
    ck_assert_int_eq(envelope_reader_new(chain, 3, &r, NULL), ENVELOPE_E_NOT_FOUND);
    envelope_chain_free(chain);
    fresh.private_key = 5;
    chain = host_open(&fresh, &mem, &st);
    ck_assert_int_eq(st, ENVELOPE_E_NO_KEY);
    ck_assert_ptr_null(chain);
    host_end(&fresh);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

/* refresh opens no object that the catalogue lists, and unwraps once. */
START_TEST(refresh_touches_no_point)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    host_begin(&h, &kms, 1, 2);
    envelope_chain *chain = host_create(&h, &mem, "vm");
    back_up(chain, 1, 4 << 20);
    envelope_chain_free(chain);
    kms.newest = 2;
    mem.read = 0;
    ck_assert_int_eq(try_refresh(&h, &mem, 0, NULL), ENVELOPE_OK);
    ck_assert_uint_lt(mem.read, 2 << 20);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

START_TEST(survey_names_missing_keys)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_survey *s;
    envelope_key_list *keys;
    host_begin(&h, &kms, 1, 2);
    rotate(&h, &mem);
    job(&h, &mem, 3, 10);
    remove_all(&mem, "/meta/");
    remove_all(&mem, "-keys-");
    envelope_store *store = memory_store_open(h.ctx, &mem);
    MUST(envelope_survey_new(store, NULL, &s, &err));
    ck_assert_uint_eq(envelope_survey_count(s), 3);
    MUST(envelope_survey_keys(s, &keys, &err));
    ck_assert_uint_eq(envelope_key_list_count(keys), 2);
    for (size_t i = 0; i < 2; i++) {
        const envelope_key_info *k = envelope_key_list_at(keys, i);
        ck_assert_str_eq(k->ref->kms_id, "lab");
        ck_assert_str_eq(k->ref->key_name, "vm");
        ck_assert_int_eq(k->status, ENVELOPE_E_NO_KEY);
        ck_assert_uint_eq(k->points, k->ref->version == 1 ? 2 : 1);
        ck_assert(k->flags & ENVELOPE_KEY_IN_SMALLEST_SET);
        ck_assert_str_eq(k->ref->key_id, k->ref->version == 1 ? "vm/1" : "vm/2");
        ck_assert(k->ref->has_fingerprint);
    }
    envelope_key_list_free(keys);
    envelope_keyring *ring = host_keyring(&h);
    MUST(envelope_survey_try(s, ring, &err));
    envelope_keyring_free(ring);
    envelope_survey_free(s);
    envelope_store_free(store);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

/* While metadata is there, the newest key is all that has to be found. */
START_TEST(survey_asks_for_the_newest_first)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_survey *s;
    envelope_key_list *keys;
    host_begin(&h, &kms, 1, 2);
    rotate(&h, &mem);
    job(&h, &mem, 3, 10);
    envelope_store *store = memory_store_open(h.ctx, &mem);
    MUST(envelope_survey_new(store, NULL, &s, &err));
    MUST(envelope_survey_keys(s, &keys, &err));
    ck_assert_uint_eq(envelope_key_list_count(keys), 2);
    for (size_t i = 0; i < 2; i++) {
        const envelope_key_info *k = envelope_key_list_at(keys, i);
        ck_assert_int_eq((k->flags & ENVELOPE_KEY_IN_SMALLEST_SET) != 0, k->ref->version == 2);
        ck_assert_int_eq((k->flags & ENVELOPE_KEY_NEWEST) != 0, k->ref->version == 2);
    }
    envelope_key_list_free(keys);
    envelope_survey_free(s);
    envelope_store_free(store);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

START_TEST(verify_is_clean)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    envelope_error err = ENVELOPE_ERROR_INIT;
    host_begin(&h, &kms, 1, 2);
    rotate(&h, &mem);
    envelope_chain *chain = host_open(&h, &mem, NULL);
    MUST(envelope_chain_verify(chain, NULL, &err));
    envelope_chain_free(chain);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {backup_and_restore,
                                  newest_key_alone,
                                  old_key_opens_its_points_only,
                                  refresh_touches_no_point,
                                  survey_names_missing_keys,
                                  survey_asks_for_the_newest_first,
                                  verify_is_clean,
                                  NULL};
    return suite_of("chain_job", 60, tests);
}
