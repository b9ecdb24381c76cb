/* Which points a host lists by itself, which are late, which is the latest (crypto.md 4.2, 4.7, W5,
 * and the rule's last sentence): planted by somebody who could open the chain once. */
#include "attacker.h"
#include "chain/catalogue_parts.h"
#include "chain/chain.h"
#include <stdio.h>
#include <string.h>

static struct memory_store mem;
static struct test_kms kms;
static struct host h;
static struct attacker a;

/* A chain with one point, sealed for this version; the attacker has learned what it gives. */
static void begin_at(int newest)
{
    const int pool[] = {newest, 0};
    memset(&mem, 0, sizeof mem);
    memset(&kms, 0, sizeof kms);
    host_begin(&h, &kms, 1, 3);
    kms.newest = newest;
    envelope_chain *chain = host_create(&h, &mem, "vm");
    back_up(chain, 1, 100);
    envelope_chain_free(chain);
    attacker_begin(&a, pool, NULL);
    attacker_learn(&a, &mem);
    ck_assert_ptr_nonnull(a.newest);
}

static void end(void)
{
    attacker_end(&a);
    host_end(&h);
    memory_store_clear(&mem);
}

/* Points with all these flags, as a handle shows them. */
static size_t shown(envelope_chain *chain, uint32_t flags)
{
    envelope_points *p;
    size_t n = 0;
    ck_assert(!envelope_chain_points(chain, &p, NULL));
    for (size_t i = 0; i < envelope_points_count(p); i++) {
        n += (envelope_points_at(p, i)->flags & flags) == flags;
    }
    envelope_points_free(p);
    return n;
}

/* Rows after a refresh by the host. */
static size_t rows_then(int32_t event)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    h.events = 0;
    envelope_chain *chain = host_open(&h, &mem, NULL);
    MUST(envelope_chain_refresh(chain, 0, NULL, &err));
    size_t rows = chain->catalogue->row_count;
    envelope_chain_free(chain);
    if (event) {
        ck_assert_ptr_nonnull(host_event(&h, event));
    }
    return rows;
}

/* The generation that he names is not the one whose key he has; no KMS is asked for him. */
START_TEST(claims_the_newest_generation)
{
    envelope_status st;
    begin_at(1);
    kms.newest = 2;
    ck_assert_int_eq(try_refresh(&h, &mem, 0, NULL), ENVELOPE_OK);
    uint32_t old = a.newest->generation;
    unsigned asked = kms.unwrapped;
    envelope_chain_free(host_open(&h, &mem, &st));
    unsigned usual = kms.unwrapped - asked;
    attacker_plant(&a, &mem,
                   &(struct planted){.generation = old,
                                     .claims = old + 1,
                                     .number = 1,
                                     .serial = 1,
                                     .wrap_pool = 2,
                                     .wrap_version = 2});
    asked = kms.unwrapped;
    h.events = 0;
    envelope_chain *chain = host_open(&h, &mem, NULL);
    ck_assert_uint_eq(chain->catalogue->generation, old + 1);
    ck_assert_uint_eq(shown(chain, 0), 1);
    ck_assert_uint_eq(kms.unwrapped - asked, usual);
    envelope_chain_free(chain);
    ck_assert_uint_eq(rows_then(ENVELOPE_EVENT_FORGED), 1);
    end();
}
END_TEST

/* What he plants under the generation in use is listed: the tests here can fail. */
START_TEST(control)
{
    begin_at(1);
    attacker_plant(
        &a, &mem,
        &(struct planted){
            .generation = 1, .number = 1, .serial = 1, .wrap_pool = 1, .wrap_version = 1});
    ck_assert_uint_eq(rows_then(0), 2);
    end();
}
END_TEST

/* Its root is the chain's, its block hash key is not. */
START_TEST(another_block_hash_key)
{
    begin_at(1);
    attacker_plant(&a, &mem,
                   &(struct planted){.generation = 1,
                                     .number = 1,
                                     .serial = 1,
                                     .wrap_pool = 1,
                                     .wrap_version = 1,
                                     .other_block_hash = true});
    ck_assert_uint_eq(rows_then(ENVELOPE_EVENT_UNWRAP), 1);
    end();
}
END_TEST

START_TEST(host_is_behind)
{
    begin_at(1);
    attacker_plant(&a, &mem,
                   &(struct planted){.generation = 1,
                                     .number = 1,
                                     .serial = _i == 0 ? 2 : 1,
                                     .wrap_pool = _i + 1,
                                     .wrap_version = (uint32_t)_i + 1});
    if (_i == 0) { /* with metadata there, the serial would show that some is missing */
        remove_all(&mem, "/meta/");
    }
    ck_assert_uint_eq(rows_then(ENVELOPE_EVENT_REFUSED), 1);
    end();
}
END_TEST

/* An attested point of the newest generation names later metadata, or a later policy. */
START_TEST(metadata_is_missing)
{
    begin_at(1);
    attacker_plant(&a, &mem,
                   &(struct planted){.generation = 1,
                                     .number = _i == 0 ? 50 : 1,
                                     .serial = _i == 0 ? 1 : 2,
                                     .wrap_pool = 1,
                                     .wrap_version = 1});
    size_t files = mem.count;
    envelope_chain_free(host_open(&h, &mem, NULL)); /* reading goes on */
    ck_assert_int_eq(try_job(&h, &mem, 2, 10), ENVELOPE_E_ROLLBACK);
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_ROLLBACK));
    ck_assert_uint_eq(mem.count, files);
    end();
}
END_TEST

/* A version that the chain never used, below the one in use. */
START_TEST(late_by_an_unknown_key)
{
    begin_at(2);
    attacker_plant(
        &a, &mem,
        &(struct planted){
            .generation = 1, .number = 1, .serial = 1, .wrap_pool = 1, .wrap_version = 1});
    ck_assert_uint_eq(rows_then(ENVELOPE_EVENT_LATE), 2);
    envelope_chain *chain = host_open(&h, &mem, NULL);
    ck_assert_uint_eq(shown(chain, ENVELOPE_POINT_LATE), 1);
    envelope_chain_free(chain);
    end();
}
END_TEST

/* Under another name, as anybody can who writes files. */
static void copy_last(const char *part)
{
    char name[208];
    size_t at = 0;
    const struct memory_file *f = NULL;
    for (const struct memory_file *next; (next = memory_next(&mem, part, &at));) {
        f = next;
    }
    snprintf(name, sizeof name, "%s", f->name);
    memset(strstr(name, part) + strlen(part), 'a', 32);
    memory_put(&mem, name, f->data, f->len);
}

/* How often a KMS is asked by whoever opens the chain and refreshes it. */
static unsigned unwraps(void)
{
    unsigned before = kms.unwrapped;
    ck_assert_uint_eq(rows_then(0), 1);
    return kms.unwrapped - before;
}

/* Names are hints: a copy of a listed point is that point, and adds none; nobody is asked for it.
 */
START_TEST(copy_of_a_listed_point)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    begin_at(1);
    unsigned usual = unwraps();
    copy_last("-full-");
    ck_assert_uint_eq(unwraps(), usual);
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_MISPLACED));
    envelope_chain *chain = host_open(&h, &mem, NULL);
    ck_assert_uint_eq(shown(chain, 0), 1);
    MUST(envelope_chain_verify(chain, NULL, &err));
    envelope_chain_free(chain);
    end();
}
END_TEST

static envelope_status no_metadata(void *user, const char *name)
{
    (void)user;
    return strstr(name, "/meta/") ? ENVELOPE_E_IO : ENVELOPE_OK;
}

START_TEST(copy_of_an_unlisted_point)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    begin_at(1);
    mem.before_finish = no_metadata;
    job(&h, &mem, 2, 100);
    mem.before_finish = NULL;
    copy_last("-full-");
    envelope_chain *chain = host_open(&h, &mem, NULL);
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_MISPLACED));
    ck_assert_uint_eq(shown(chain, 0), 2);
    MUST(envelope_chain_verify(chain, NULL, &err));
    envelope_chain_free(chain);
    ck_assert_uint_eq(rows_then(ENVELOPE_EVENT_MISPLACED), 2);
    end();
}
END_TEST

/* -- tombstones */

/* A forgotten point that is still there, or has come back, is not listed; its number is not given
 * again; this host does not wait for it any more. */
START_TEST(forgotten)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    begin_at(1);
    mem.before_finish = no_metadata;
    job(&h, &mem, 2, 100);
    mem.before_finish = NULL;
    envelope_chain *chain = host_open(&h, &mem, NULL);
    ck_assert_uint_eq(chain->pin.pending_count, 1);
    struct env_head *head = &chain->catalogue->head;
    env_free(h.ctx, head->tombstones); /* of none */
    head->tombstones = env_alloc(h.ctx, sizeof *head->tombstones);
    head->tombstone_count = 1;
    head->tombstones[0].number = 7;
    memcpy(head->tombstones[0].object_id, chain->pin.pending[0].object_id, 16);
    MUST(env_catalogue_index(chain->catalogue, &err));
    ck_assert_uint_eq(back_up(chain, 3, 10), 8);
    ck_assert_uint_eq(chain->catalogue->row_count, 2);
    ck_assert_uint_eq(chain->pin.pending_count, 0);
    MUST(envelope_chain_refresh(chain, 0, NULL, &err));
    ck_assert_uint_eq(chain->catalogue->row_count, 2);
    envelope_chain_free(chain);
    end();
}
END_TEST

/* -- the latest */

static void latest_is(envelope_chain *chain, uint64_t seed, size_t len)
{
    check_point(chain, 0, seed, len);
}

START_TEST(latest_by_metadata_number)
{
    begin_at(1);
    job(&h, &mem, 2, 100);
    envelope_chain *chain = host_open(&h, &mem, NULL);
    latest_is(chain, 2, 100);
    chain->catalogue->rows[0].metadata_number += 500; /* point 2 was begun long before */
    latest_is(chain, 1, 100);
    chain->catalogue->rows[0].provenance = ENV_FROM_OPERATOR;
    latest_is(chain, 2, 100);
    envelope_chain_free(chain);
    end();
}
END_TEST

/* Another host has drawn a generation while this one wrote, and then the listing failed: it knows
 * its own point. */
START_TEST(latest_is_our_own)
{
    struct host two;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_writer *w;
    begin_at(1);
    envelope_chain *chain = host_open(&h, &mem, NULL);
    MUST(envelope_writer_new(chain, NULL, &w, &err));
    host_begin(&two, &kms, 1, 1);
    ck_assert_int_eq(try_refresh(&two, &mem, ENVELOPE_REFRESH_NEW_GENERATION, NULL), ENVELOPE_OK);
    uint8_t data[100];
    fill_bytes(data, 2, sizeof data);
    MUST(envelope_writer_write(w, data, sizeof data, &err));
    mem.before_finish = no_metadata;
    MUST(envelope_writer_commit(w, NULL, &err));
    mem.before_finish = NULL;
    envelope_writer_free(w);
    envelope_chain_free(chain);
    chain = host_open(&h, &mem, NULL);
    ck_assert_uint_eq(shown(chain, ENVELOPE_POINT_UNLISTED), 1);
    latest_is(chain, 2, 100);
    envelope_chain_free(chain);
    chain = host_open(&two, &mem, NULL); /* nothing shows it to the other one */
    latest_is(chain, 1, 100);
    envelope_chain_free(chain);
    ck_assert_uint_eq(rows_then(0), 2); /* by the pending list: its generation would not do */
    host_end(&two);
    end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_listing");
    TCase *t = tcase_create("listing");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, claims_the_newest_generation);
    tcase_add_test(t, control);
    tcase_add_test(t, another_block_hash_key);
    tcase_add_loop_test(t, host_is_behind, 0, 2);
    tcase_add_loop_test(t, metadata_is_missing, 0, 2);
    tcase_add_test(t, late_by_an_unknown_key);
    tcase_add_test(t, copy_of_a_listed_point);
    tcase_add_test(t, copy_of_an_unlisted_point);
    tcase_add_test(t, forgotten);
    tcase_add_test(t, latest_by_metadata_number);
    tcase_add_test(t, latest_is_our_own);
    suite_add_tcase(s, t);
    return s;
}
