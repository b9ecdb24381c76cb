/* Who was removed reads nothing that is written afterwards (crypto.md, section 8: T2, T3, T4):
 * every byte written afterwards is tried with every key and every secret that he has. */
#include "attacker.h"
#include <string.h>

static const int none[] = {0};
static const int old_version[] = {1, 0};

/* -- T2: a KMS, a password, an escrow key is removed */

struct removal {
    int pool[2];
    const char *password;
    void (*before)(struct host *h, struct test_kms *other);
    void (*after)(struct host *h);
};

static void with_password(struct host *h, struct test_kms *other)
{
    (void)other;
    h->password = "old secret";
}

static void new_password(struct host *h)
{
    h->password = "new secret";
}

static void with_escrow(struct host *h, struct test_kms *other)
{
    (void)other;
    h->escrow = 7;
}

static void no_escrow(struct host *h)
{
    h->escrow = 0;
}

static void with_kms(struct host *h, struct test_kms *other)
{
    host_other(h, "second", other, 7, 1);
}

static void no_kms(struct host *h)
{
    h->other_kms_id = NULL;
}

static const struct removal removals[] = {
    {{0, 0}, "old secret", with_password, new_password},
    {{7, 0}, NULL, with_escrow, no_escrow},
    {{7, 0}, NULL, with_kms, no_kms},
};

START_TEST(t2_removed)
{
    const struct removal *r = &removals[_i];
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct test_kms other = {0};
    struct host h;
    struct attacker a;
    host_begin(&h, &kms, 1, 1);
    r->before(&h, &other);
    envelope_chain_free(host_create(&h, &mem, "vm"));
    job(&h, &mem, 1, 20000);
    attacker_begin(&a, r->pool, r->password);
    attacker_learn(&a, &mem);
    ck_assert_ptr_nonnull(a.newest);
    ck_assert_uint_ge(a.count, 4);
    size_t mark = mem.count;
    r->after(&h);
    /* under the same serial it is refused, and nothing is written */
    ck_assert_int_eq(try_job(&h, &mem, 2, 10), ENVELOPE_E_REFUSED);
    ck_assert_uint_eq(mem.count, mark);
    h.serial = 2;
    ck_assert_uint_eq(job(&h, &mem, 2, 20000), 2);
    ck_assert_uint_ge(mem.count, mark + 3);
    attacker_is_blind(&a, &mem, mark);
    attacker_end(&a);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

/* -- T3: metadata planted by the holder of version 1, then an honest backup */

/* He uses the library as it is, with a KMS of his own that answers with the honest newest key. */
static void plant_metadata(struct memory_store *mem, uint64_t serial)
{
    struct test_kms his = {0};
    struct host evil;
    host_begin(&evil, &his, 1, 2);
    his.newest = 2;
    evil.private_key = 1;
    evil.wrap_only = true;
    evil.serial = serial;
    ck_assert_int_eq(try_refresh(&evil, mem, ENVELOPE_REFRESH_NEW_GENERATION, NULL), ENVELOPE_OK);
    host_end(&evil);
}

/* What his planted metadata holds is known to him; he sealed it for version 2 only, so he is given
 * it. */
static void knows_planted(struct attacker *a, struct memory_store *mem, size_t mark)
{
    static const int both[] = {1, 2, 0};
    struct attacker helper;
    struct memory_store planted = {0};
    for (size_t i = mark; i < mem->count; i++) {
        memory_put(&planted, mem->file[i].name, mem->file[i].data, mem->file[i].len);
    }
    attacker_begin(&helper, both, NULL);
    attacker_learn(&helper, &planted);
    ck_assert_uint_gt(helper.count, 0);
    for (size_t i = 0; i < helper.count; i++) {
        memcpy(a->secret[a->count++], helper.secret[i], 32);
    }
    attacker_end(&helper);
    memory_store_clear(&planted);
}

START_TEST(t3_planted_metadata)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    struct attacker a;
    host_begin(&h, &kms, 1, 2);
    envelope_chain_free(host_create(&h, &mem, "vm"));
    job(&h, &mem, 1, 20000);
    attacker_begin(&a, old_version, NULL);
    attacker_learn(&a, &mem);
    kms.newest = 2;
    size_t planted_at = mem.count;
    plant_metadata(&mem, 1);
    ck_assert_uint_gt(mem.count, planted_at);
    knows_planted(&a, &mem, planted_at);
    attacker_learn(&a, &mem);
    if (_i == 1) { /* and a point of his generation, which the honest host may list */
        attacker_plant(&a, &mem,
                       &(struct planted){.generation = a.newest->generation,
                                         .number = a.newest->id.number,
                                         .serial = 1,
                                         .wrap_pool = 2,
                                         .wrap_version = 2});
    }
    h.keeps = _i != 2; /* with the pin of the first job, and without any */
    size_t mark = mem.count;
    job(&h, &mem, 2, 20000);
    attacker_is_blind(&a, &mem, mark);
    attacker_end(&a);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

/* -- T4: add B, back up on host 2, remove B, back up on host 1 */

START_TEST(t4_added_and_removed_elsewhere)
{
    static const int b_key[] = {7, 0};
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct test_kms b = {0};
    struct host one;
    struct host two;
    struct attacker a;
    host_begin(&one, &kms, 1, 1);
    host_begin(&two, &kms, 1, 1);
    envelope_chain_free(host_create(&one, &mem, "vm"));
    job(&one, &mem, 1, 100);
    host_other(&two, "b", &b, 7, 1);
    two.serial = 2;
    job(&two, &mem, 2, 20000);
    attacker_begin(&a, b_key, NULL);
    attacker_learn(&a, &mem);
    ck_assert_ptr_nonnull(a.newest);
    size_t mark = mem.count;
    /* host 1 with the configuration of before B: behind the chain, refused */
    ck_assert_int_eq(try_job(&one, &mem, 3, 10), ENVELOPE_E_REFUSED);
    ck_assert_uint_eq(mem.count, mark);
    one.serial = 3; /* B removed */
    ck_assert_uint_eq(job(&one, &mem, 3, 20000), 3);
    attacker_is_blind(&a, &mem, mark);
    /* host 2 still has B in its configuration: refused until it learns */
    mark = mem.count;
    ck_assert_int_eq(try_job(&two, &mem, 4, 10), ENVELOPE_E_REFUSED);
    ck_assert_uint_eq(mem.count, mark);
    attacker_end(&a);
    host_end(&two);
    host_end(&one);
    memory_store_clear(&mem);
}
END_TEST

/* The tests above can fail: who was not removed learns. */
START_TEST(control)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    struct attacker a;
    host_begin(&h, &kms, 1, 1);
    envelope_chain_free(host_create(&h, &mem, "vm"));
    attacker_begin(&a, old_version, NULL);
    attacker_learn(&a, &mem);
    size_t before = a.count;
    size_t opened = a.opened;
    job(&h, &mem, 1, 100);
    attacker_learn(&a, &mem);
    ck_assert_uint_gt(a.count, before);
    ck_assert_uint_gt(a.opened, opened);
    attacker_end(&a);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

START_TEST(no_keys_at_all)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    struct attacker a;
    host_begin(&h, &kms, 1, 1);
    envelope_chain_free(host_create(&h, &mem, "vm"));
    job(&h, &mem, 1, 100);
    attacker_begin(&a, none, NULL);
    attacker_learn(&a, &mem);
    ck_assert_uint_eq(a.count, 0);
    attacker_is_blind(&a, &mem, 0);
    attacker_end(&a);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_removed");
    TCase *t = tcase_create("removed");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, t2_removed, 0, 3);
    tcase_add_loop_test(t, t3_planted_metadata, 0, 3);
    tcase_add_test(t, t4_added_and_removed_elsewhere);
    tcase_add_test(t, control);
    tcase_add_test(t, no_keys_at_all);
    suite_add_tcase(s, t);
    return s;
}
