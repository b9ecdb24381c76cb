/* Several hosts, replicas that lag, hidden and planted metadata (crypto.md, section 8: T9, T13,
 * T17, T20, T21, T23, T24; storage.md, section 4). */
#include "attacker.h"
#include "chain/chain.h"
#include <stdio.h>
#include <string.h>

static uint32_t generation(struct host *h, struct memory_store *mem)
{
    envelope_chain *chain = host_open(h, mem, NULL);
    uint32_t g = chain->catalogue->generation;
    envelope_chain_free(chain);
    return g;
}

static size_t points(struct host *h, struct memory_store *mem, uint32_t flag)
{
    envelope_chain *chain = host_open(h, mem, NULL);
    envelope_points *p;
    size_t n = 0;
    ck_assert(!envelope_chain_points(chain, &p, NULL));
    for (size_t i = 0; i < envelope_points_count(p); i++) {
        n += !flag || (envelope_points_at(p, i)->flags & flag);
    }
    envelope_points_free(p);
    envelope_chain_free(chain);
    return n;
}

/* -- T9: B's objects in A's repository, on a host that has both KMSs */

START_TEST(t9_other_tenant)
{
    struct memory_store a_mem = {0};
    struct memory_store b_mem = {0};
    struct test_kms a_kms = {0};
    struct test_kms b_kms = {0};
    struct host a;
    struct host b;
    struct memory_file *f;
    char folder[208];
    const char *rest;
    host_begin(&a, &a_kms, 1, 1);
    host_begin(&b, &b_kms, 5, 1);
    envelope_chain_free(host_create(&a, &a_mem, "vm"));
    envelope_chain_free(host_create(&b, &b_mem, "vm"));
    job(&a, &a_mem, 1, 100);
    job(&b, &b_mem, 2, 100);
    env_name_split(memory_next(&a_mem, "/meta/", &(size_t){0})->name, folder, &rest);
    for (size_t at = 0; (f = memory_next(&b_mem, ".env", &at));) {
        char name[300];
        snprintf(name, sizeof name, "%s%s", folder,
                 strstr(f->name, "points/") ? strstr(f->name, "points/")
                                            : "meta/00000000000000000099.env");
        memory_put(&a_mem, name, f->data, f->len);
    }
    /* A's keyring also has B's KMS, but wraps for A's key only: that is its scope */
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_kms *both = test_kms_attach(a.ctx, &b_kms);
    envelope_keyring *ring = host_keyring(&a);
    MUST(envelope_keyring_add_kms(ring, "b", both, ENVELOPE_USE_UNWRAP, 0, &err));
    envelope_store *store = memory_store_open(a.ctx, &a_mem);
    envelope_chain_options o = host_options(&a);
    envelope_chain *chain;
    unsigned asked = b_kms.unwrapped;
    MUST(envelope_chain_open(store, ring, &o, &chain, &err));
    ck_assert_uint_eq(back_up(chain, 3, 50), 2);
    check_point(chain, 1, 1, 100);
    ck_assert_uint_eq(b_kms.unwrapped, asked);
    ck_assert_ptr_nonnull(host_event(&a, ENVELOPE_EVENT_MISPLACED));
    envelope_chain_free(chain);
    envelope_store_free(store);
    envelope_keyring_free(ring);
    envelope_kms_free(both);
    host_end(&b);
    host_end(&a);
    memory_store_clear(&a_mem);
    memory_store_clear(&b_mem);
}
END_TEST

/* -- T13 */

START_TEST(t13_rotated_meanwhile)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host one;
    struct host two;
    uint64_t number = 0;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_writer *w;
    host_begin(&one, &kms, 1, 2);
    host_begin(&two, &kms, 1, 2);
    envelope_chain *chain = host_create(&one, &mem, "vm");
    MUST(envelope_writer_new(chain, NULL, &w, &err));
    kms.newest = _i == 2 ? 1 : 2;
    if (_i) { /* and a recipient is changed, which host 1 has not learned */
        two.password = "added";
        two.serial = 2;
    }
    job(&two, &mem, 7, 100);
    MUST(envelope_writer_write(w, "point", 5, &err));
    MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
    envelope_chain_free(chain);
    if (_i) { /* safe, not listed: host 1 is behind the configuration */
        ck_assert_int_eq(try_job(&one, &mem, 8, 1), ENVELOPE_E_REFUSED);
        one.password = "added";
        one.serial = 2;
    }
    ck_assert_int_eq(try_refresh(&one, &mem, 0, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(points(&one, &mem, 0), 2);
    ck_assert_uint_eq(points(&one, &mem, ENVELOPE_POINT_LATE), 1);
    ck_assert_uint_eq(points(&one, &mem, ENVELOPE_POINT_UNLISTED), 0);
    ck_assert_ptr_nonnull(host_event(&one, ENVELOPE_EVENT_LATE));
    host_end(&two);
    host_end(&one);
    memory_store_clear(&mem);
}
END_TEST

START_TEST(t13_replica_lags)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    host_begin(&h, &kms, 1, 2);
    kms.no_version = _i; /* with and without numbers of the provider's own */
    kms.newest = 1;
    envelope_chain_free(host_create(&h, &mem, "vm"));
    kms.newest = 2;
    job(&h, &mem, 1, 10);
    kms.newest = 1;
    size_t mark = mem.count;
    ck_assert_int_eq(try_job(&h, &mem, 2, 10), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_int_eq(try_refresh(&h, &mem, 0, NULL), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_uint_eq(mem.count, mark);
    h.keeps = false; /* metadata knows it too */
    ck_assert_int_eq(try_job(&h, &mem, 2, 10), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_uint_eq(mem.count, mark);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

/* -- T17: two pinned hosts, 20 alternating jobs: at most two draws */

START_TEST(t17_two_hosts)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host one;
    struct host two;
    host_begin(&one, &kms, 1, 1);
    host_begin(&two, &kms, 1, 1);
    envelope_chain_free(host_create(&one, &mem, "vm"));
    uint32_t first = generation(&one, &mem);
    for (uint64_t i = 0; i < 20; i++) {
        ck_assert_uint_eq(job(i % 2 ? &two : &one, &mem, i, 10), i + 1);
    }
    ck_assert_uint_le(generation(&one, &mem) - first, 2);
    ck_assert_uint_le(count_files(&mem, "/meta/"), 8);
    ck_assert_uint_le(count_files(&mem, "-keys-"), 3);
    host_end(&two);
    host_end(&one);
    memory_store_clear(&mem);
}
END_TEST

/* -- T20, T21, T23 */

START_TEST(t20_junk_with_high_numbers)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    char name[300];
    char folder[208];
    const char *rest;
    host_begin(&h, &kms, 1, 1);
    envelope_chain_free(host_create(&h, &mem, "vm"));
    job(&h, &mem, 1, 100);
    struct memory_file genuine = *memory_next(&mem, "/meta/", &(size_t){0});
    size_t real = count_files(&mem, "/meta/");
    env_name_split(genuine.name, folder, &rest);
    for (uint64_t i = 0; i < 8; i++) {
        /* four take the next names, four stand far above */
        uint64_t number = i < 4 ? real + 1 + i : 1000000 + i;
        snprintf(name, sizeof name, "%smeta/%020llu.env", folder, (unsigned long long)number);
        memory_put(&mem, name, genuine.data, i == 7 ? 20 : genuine.len);
        if (i < 7) {
            forge_header(&mem.file[mem.count - 1], ID_NUMBER, 8, number);
        }
    }
    ck_assert_uint_eq(job(&h, &mem, 2, 100), 2);
    ck_assert_uint_eq(job(&h, &mem, 3, 100), 3);
    for (uint64_t n = 1; n <= real; n++) {
        snprintf(name, sizeof name, "%smeta/%020llu.env", folder, (unsigned long long)n);
        ck_assert_ptr_nonnull(memory_find(&mem, name));
    }
    envelope_chain *chain = host_open(&h, &mem, NULL);
    check_point(chain, 1, 1, 100);
    check_point(chain, 0, 3, 100);
    envelope_chain_free(chain);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

START_TEST(t21_old_generation_names_the_future)
{
    static const int old[] = {1, 0};
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    struct attacker a;
    host_begin(&h, &kms, 1, 2);
    envelope_chain_free(host_create(&h, &mem, "vm"));
    job(&h, &mem, 1, 100);
    attacker_begin(&a, old, NULL);
    attacker_learn(&a, &mem);
    kms.newest = 2;
    ck_assert_int_eq(try_refresh(&h, &mem, 0, NULL), ENVELOPE_OK);
    attacker_plant(
        &a, &mem,
        &(struct planted){
            .generation = 1, .number = 50, .serial = 1, .wrap_pool = 2, .wrap_version = 2});
    ck_assert_uint_eq(job(&h, &mem, 2, 100), 2);
    ck_assert_ptr_null(host_event(&h, ENVELOPE_EVENT_ROLLBACK));
    ck_assert_uint_eq(points(&h, &mem, ENVELOPE_POINT_UNLISTED), 1);
    envelope_chain *chain = host_open(&h, &mem, NULL);
    check_point(chain, 0, 2, 100); /* never the latest */
    envelope_chain_free(chain);
    attacker_end(&a);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

/* Anybody who knows the public key can make a detached point: it is shown for what it is, and never
 * taken for the latest, with metadata or without. */
START_TEST(forged_detached_point)
{
    static const int old[] = {1, 0};
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    struct attacker a;
    host_begin(&h, &kms, 1, 1);
    envelope_chain_free(host_create(&h, &mem, "vm"));
    job(&h, &mem, 1, 100);
    attacker_begin(&a, old, NULL);
    attacker_learn(&a, &mem);
    attacker_plant(&a, &mem,
                   &(struct planted){.generation = 1,
                                     .number = 900,
                                     .serial = 1,
                                     .wrap_pool = 1,
                                     .wrap_version = 1,
                                     .detached = true});
    ck_assert_uint_eq(points(&h, &mem, 0),
                      1); /* with metadata: an event, until it is adopted by name */
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_DETACHED));
    remove_all(&mem, "/meta/");
    remove_all(&mem, "-keys-");
    h.keeps = false;
    envelope_chain *chain = host_open(&h, &mem, NULL);
    check_point(chain, 0, 1, 100);
    envelope_chain_free(chain);
    ck_assert_uint_eq(points(&h, &mem, ENVELOPE_POINT_DETACHED), 1);
    ck_assert_uint_eq(points(&h, &mem, ENVELOPE_POINT_UNVERIFIED), 2);
    attacker_end(&a);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

START_TEST(t23_fork)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host one;
    struct host two;
    struct host reader;
    envelope_status st;
    host_begin(&one, &kms, 1, 1);
    host_begin(&two, &kms, 1, 1);
    host_begin(&reader, &kms, 1, 1);
    envelope_chain_free(host_create(&one, &mem, "vm"));
    job(&one, &mem, 1, 100);
    job(&two, &mem, 2, 100);
    memcpy(reader.pin, two.pin, two.pin_len); /* taken before the fork */
    reader.pin_len = two.pin_len;
    size_t hide_from = mem.count;
    job(&one, &mem, 3, 100);
    size_t hide_to = mem.count;
    ck_assert_uint_gt(hide_to, hide_from);
    for (size_t i = hide_from; i < hide_to; i++) {
        mem.file[i].hidden = true;
    }
    job(&two, &mem, 4, 100);
    for (size_t i = 0; i < mem.count; i++) { /* by the mark: pruning has moved the others */
        if (mem.file[i].hidden &&
            strstr(mem.file[i].name, "/meta/")) { /* two files cannot have one name */
            char *dot = strstr(mem.file[i].name, ".env");
            memcpy(dot, "b.env", 6);
        }
        mem.file[i].hidden = false;
    }
    /* a pin from before the fork, and none: also for reading */
    envelope_chain *chain = host_open(&reader, &mem, &st);
    ck_assert_int_eq(st, ENVELOPE_E_ROLLBACK);
    ck_assert_ptr_null(chain);
    ck_assert_ptr_nonnull(host_event(&reader, ENVELOPE_EVENT_FORK));
    reader.pin_len = 0;
    chain = host_open(&reader, &mem, &st);
    ck_assert_int_eq(st, ENVELOPE_E_ROLLBACK);
    /* who wrote one of them knows which is his: the other is named and ignored (its point is of the
     * generation that both have, and is listed) */
    ck_assert_uint_eq(job(&two, &mem, 5, 100), 5);
    ck_assert_ptr_nonnull(host_event(&two, ENVELOPE_EVENT_FORK));
    host_end(&reader);
    host_end(&two);
    host_end(&one);
    memory_store_clear(&mem);
}
END_TEST

/* -- T24: a point of a second host appears between any two looks at the store */

struct intruder {
    struct host *host;
    struct memory_store *mem;
    int at;
    int calls;
};

static void intrude(void *user, const char *prefix)
{
    struct intruder *in = user;
    (void)prefix;
    if (in->calls++ == in->at) {
        in->mem->before_list = NULL;
        job(in->host, in->mem, 99, 10);
        in->mem->before_list = intrude;
    }
}

START_TEST(t24_second_host_meanwhile)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host one;
    struct host two;
    struct intruder in = {&two, &mem, _i, 0};
    host_begin(&one, &kms, 1, 1);
    host_begin(&two, &kms, 1, 1);
    envelope_chain_free(host_create(&one, &mem, "vm"));
    job(&two, &mem, 1, 100);
    job(&one, &mem, 2, 100);
    job(&two, &mem, 3, 100);
    one.events = two.events = 0;
    mem.user = &in;
    mem.before_list = intrude;
    uint64_t number = job(&one, &mem, 4, 100);
    mem.before_list = NULL;
    ck_assert_int_gt(in.calls, in.at);
    ck_assert(number == 4 || number == 5);
    ck_assert_uint_eq(points(&one, &mem, 0), 5);
    ck_assert_uint_eq(points(&one, &mem, ENVELOPE_POINT_UNLISTED), 0);
    ck_assert_ptr_null(host_event(&one, ENVELOPE_EVENT_ROLLBACK));
    ck_assert_ptr_null(host_event(&one, ENVELOPE_EVENT_FORK));
    ck_assert_ptr_null(host_event(&one, ENVELOPE_EVENT_REPAIRED)); /* meta/ was never empty */
    ck_assert_ptr_null(host_event(&two, ENVELOPE_EVENT_ROLLBACK));
    host_end(&two);
    host_end(&one);
    memory_store_clear(&mem);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_hosts");
    TCase *t = tcase_create("hosts");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, t9_other_tenant);
    tcase_add_loop_test(t, t13_rotated_meanwhile, 0, 3);
    tcase_add_loop_test(t, t13_replica_lags, 0, 2);
    tcase_add_test(t, t17_two_hosts);
    tcase_add_test(t, t20_junk_with_high_numbers);
    tcase_add_test(t, t21_old_generation_names_the_future);
    tcase_add_test(t, forged_detached_point);
    tcase_add_test(t, t23_fork);
    tcase_add_loop_test(t, t24_second_host_meanwhile, 0, 15);
    suite_add_tcase(s, t);
    return s;
}
