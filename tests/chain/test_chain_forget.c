/* Forgetting: the catalogue first, then the objects; what stays keeps what it needs. */
#include "chain_kit.h"
#include <string.h>

enum { SMALL = 1000 };

static struct test_kms kms;
static struct memory_store mem;
static struct host h;
static envelope_chain *chain;

static void setup(void)
{
    memset(&kms, 0, sizeof kms);
    memset(&mem, 0, sizeof mem);
    host_begin(&h, &kms, 1, 3);
    h.keeps = true;
    chain = host_create(&h, &mem, "vm");
}

static void teardown(void)
{
    envelope_chain_free(chain);
    host_end(&h);
    memory_store_clear(&mem);
}

static void write_disk(envelope_writer *w, uint8_t byte)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    static uint8_t block[3 << 16];
    memset(block, 1, sizeof block);
    memset(block, byte, 1 << 16);
    MUST(envelope_writer_write(w, block, sizeof block, &err));
}

static uint64_t disk(uint8_t byte)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {.size = sizeof o, .content = ENVELOPE_IMAGE};
    envelope_writer *w;
    uint64_t number;
    MUST(envelope_writer_new(chain, &o, &w, &err));
    write_disk(w, byte);
    MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
    return number;
}

static void expect_disk(uint64_t number, uint8_t byte)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    static uint8_t block[3 << 16];
    envelope_reader *r;
    size_t got;
    MUST(envelope_reader_new(chain, number, &r, &err));
    MUST(envelope_reader_pread(r, 0, block, sizeof block, &got, &err));
    ck_assert_uint_eq(got, sizeof block);
    ck_assert_uint_eq(block[5], byte);
    ck_assert_uint_eq(block[1 << 17], 1);
    envelope_reader_free(r);
}

static size_t count_points(void)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_points *points;
    MUST(envelope_chain_points(chain, &points, &err));
    size_t n = envelope_points_count(points);
    envelope_points_free(points);
    return n;
}

START_TEST(forgotten_points_are_gone_for_every_host)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint64_t freed;
    uint64_t waiting;
    const uint64_t gone[] = {3, 1, 3};
    for (uint64_t i = 1; i <= 4; i++) {
        back_up(chain, i, SMALL);
    }
    MUST(envelope_chain_forget(chain, gone, 3, &freed, &waiting, &err));
    ck_assert_uint_gt(freed, 2 * SMALL);
    ck_assert_uint_eq(waiting, 0);
    ck_assert_uint_eq(count_points(), 2);
    ck_assert_uint_eq(count_files(&mem, "-full-"), 2);
    check_point(chain, 2, 2, SMALL);
    check_point(chain, 4, 4, SMALL);
    ck_assert_uint_eq(back_up(chain, 5, SMALL), 5);
    envelope_chain_free(chain);
    chain = host_open(&h, &mem, NULL);
    ck_assert_uint_eq(count_points(), 3);
    check_point(chain, 4, 4, SMALL);
    MUST(envelope_chain_forget(chain, gone, 1, &freed, NULL, &err)); /* again: nothing to do */
    ck_assert_uint_eq(freed, 0);
    const uint64_t never[] = {17};
    ck_assert_int_eq(envelope_chain_forget(chain, never, 1, NULL, NULL, &err),
                     ENVELOPE_E_NOT_FOUND);
    MUST(envelope_chain_verify(chain, NULL, &err));
}
END_TEST

START_TEST(what_stays_keeps_what_it_needs)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const uint64_t full[] = {1};
    const uint64_t middle[] = {2};
    const uint64_t last[] = {3};
    const uint64_t all[] = {1, 2};
    for (uint8_t i = 1; i <= 3; i++) {
        disk((uint8_t)(10 + i));
    }
    ck_assert_int_eq(envelope_chain_forget(chain, full, 1, NULL, NULL, &err), ENVELOPE_E_REFUSED);
    ck_assert_msg(strstr(err.message, "point 1 is needed by point 2") != NULL, "%s", err.message);
    ck_assert_int_eq(envelope_chain_forget(chain, middle, 1, NULL, NULL, &err), ENVELOPE_E_REFUSED);
    ck_assert_uint_eq(count_points(), 3);
    MUST(envelope_chain_forget(chain, last, 1, NULL, NULL, &err));
    expect_disk(1, 11);
    expect_disk(2, 12);
    MUST(envelope_chain_forget(chain, all, 2, NULL, NULL, &err));
    ck_assert_uint_eq(count_points(), 0);
    ck_assert_uint_eq(count_files(&mem, "-incr-"), 0);
    ck_assert_uint_eq(count_files(&mem, "-full-"), 0);
    ck_assert_uint_eq(disk(20), 4);
    expect_disk(4, 20);
}
END_TEST

static envelope_chain *two_points_and_another_host(struct host *other)
{
    disk(11);
    disk(12);
    host_begin(other, &kms, 1, 3);
    mem.shows_writes = true;
    return host_open(other, &mem, NULL);
}

/* A writer that stands on a point which is forgotten before it commits: its point is not listed,
 * and what it needs is not removed under it. */
START_TEST(a_write_under_way_keeps_its_ancestors)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {.size = sizeof o, .content = ENVELOPE_IMAGE};
    const uint64_t both[] = {1, 2};
    envelope_writer *w;
    envelope_writer *third;
    uint64_t freed;
    uint64_t waiting;
    struct host other;
    envelope_chain *second = two_points_and_another_host(&other);
    MUST(envelope_writer_new(chain, &o, &w, &err));
    ck_assert_int_eq(envelope_writer_new(second, &o, &third, &err), ENVELOPE_E_BUSY);
    ck_assert_msg(strstr(err.message, "0123abcd-77") != NULL, "%s", err.message);
    MUST(envelope_chain_forget(second, both, 2, &freed, &waiting, &err));
    ck_assert_uint_eq(freed, 0);
    ck_assert_uint_gt(waiting, 0);
    ck_assert_uint_eq(count_files(&mem, "-full-"), 1);
    MUST(envelope_chain_verify(second, NULL, &err)); /* to wait is nothing amiss */
    envelope_writer_free(w);
    MUST(envelope_chain_refresh(second, 0, NULL, &err));
    ck_assert_uint_eq(count_files(&mem, "-full-"), 0);
    ck_assert_uint_eq(count_files(&mem, "-incr-"), 0);
    envelope_chain_free(second);
    host_end(&other);
}
END_TEST

/* What waits is where it belongs: no listing warns of it, and verify finds nothing wrong. */
START_TEST(what_waits_is_no_damage)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {.size = sizeof o, .content = ENVELOPE_IMAGE};
    const uint64_t both[] = {1, 2};
    envelope_writer *w;
    struct host other;
    envelope_chain *second = two_points_and_another_host(&other);
    MUST(envelope_writer_new(chain, &o, &w, &err));
    MUST(envelope_chain_forget(second, both, 2, NULL, NULL, &err));
    ck_assert_uint_eq(count_files(&mem, "-full-"), 1);
    MUST(envelope_chain_verify(second, NULL, &err));
    MUST(envelope_chain_refresh(second, 0, NULL, &err));
    ck_assert_ptr_null(host_event(&other, ENVELOPE_EVENT_FORGED));
    ck_assert_ptr_null(host_event(&other, ENVELOPE_EVENT_MISPLACED));
    envelope_writer_free(w);
    envelope_chain_free(second);
    host_end(&other);
}
END_TEST

/* ... and if it commits, its point stays whole. */
START_TEST(what_was_finished_on_a_forgotten_parent_stays_whole)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {.size = sizeof o, .content = ENVELOPE_IMAGE};
    const uint64_t both[] = {1, 2};
    envelope_writer *w;
    uint64_t number;
    struct host other;
    envelope_chain *second = two_points_and_another_host(&other);
    MUST(envelope_writer_new(chain, &o, &w, &err));
    write_disk(w, 13);
    MUST(envelope_chain_forget(second, both, 2, NULL, NULL, &err));
    MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
    MUST(envelope_chain_refresh(second, 0, NULL, &err));
    ck_assert_uint_eq(count_points(), 1);
    expect_disk(number, 13);
    MUST(envelope_chain_verify(chain, NULL, &err));
    ck_assert_uint_eq(disk(14), number + 1); /* a full: the forgotten are no parents */
    ck_assert_ptr_null(host_event(&h, ENVELOPE_EVENT_MISPLACED)); /* and lie where they belong */
    const uint64_t orphan[] = {number};
    MUST(envelope_chain_forget(chain, orphan, 1, NULL, NULL, &err));
    ck_assert_uint_eq(count_files(&mem, "-full-"), 1);
    ck_assert_uint_eq(count_files(&mem, "-incr-"), 0);
    expect_disk(number + 1, 14);
    envelope_chain_free(second);
    host_end(&other);
}
END_TEST

/* ... also where the header of the one between cannot be read when its time comes: nobody knows
 * then what it stood on. */
START_TEST(what_cannot_be_read_may_stand_on_anything)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {.size = sizeof o, .content = ENVELOPE_IMAGE};
    const uint64_t both[] = {1, 2};
    envelope_writer *w;
    uint64_t number;
    uint64_t freed;
    size_t at = 0;
    struct host other;
    envelope_chain *second = two_points_and_another_host(&other);
    MUST(envelope_writer_new(chain, &o, &w, &err));
    write_disk(w, 13);
    struct memory_file *between = memory_next(&mem, "-incr-", &at);
    memset(between->data, 0xff, 2 << 14);
    MUST(envelope_chain_forget(second, both, 2, &freed, NULL, &err));
    ck_assert_uint_eq(freed, 0);
    MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
    MUST(envelope_chain_refresh(second, 0, NULL, &err));
    ck_assert_uint_eq(count_files(&mem, "-full-"), 1);
    expect_disk(number, 13);
    envelope_chain_free(second);
    host_end(&other);
}
END_TEST

/* T14: a forgotten point that was put back. */
START_TEST(a_forgotten_point_that_comes_back_is_not_latest)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const uint64_t last[] = {2};
    back_up(chain, 1, SMALL);
    back_up(chain, 2, SMALL);
    struct memory_store old = {0};
    memory_copy(&old, &mem);
    MUST(envelope_chain_forget(chain, last, 1, NULL, NULL, &err));
    for (size_t i = 0; i < old.count; i++) {
        if (strstr(old.file[i].name, "/points/") && !memory_find(&mem, old.file[i].name)) {
            memory_put(&mem, old.file[i].name, old.file[i].data, old.file[i].len);
        }
    }
    envelope_chain_free(chain);
    chain = host_open(&h, &mem, NULL);
    check_point(chain, 0, 1, SMALL);
    back_up(chain, 3, SMALL);
    ck_assert_uint_eq(count_points(), 2);
    check_point(chain, 0, 3, SMALL);
    MUST(envelope_chain_refresh(chain, 0, NULL, &err)); /* and it is removed again */
    ck_assert_uint_eq(count_files(&mem, "-full-"), 2);
    memory_store_clear(&old);
}
END_TEST

/* T22: a point newer than the one that is being written comes and goes meanwhile. */
START_TEST(a_long_job_is_listed_all_the_same)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {.size = sizeof o, .content = ENVELOPE_IMAGE};
    envelope_writer *w;
    uint64_t number;
    disk(1);
    MUST(envelope_writer_new(chain, &o, &w, &err));
    struct host other;
    host_begin(&other, &kms, 1, 3);
    envelope_chain *theirs = host_open(&other, &mem, NULL);
    const uint64_t newer[] = {back_up(theirs, 5, SMALL)};
    MUST(envelope_chain_forget(theirs, newer, 1, NULL, NULL, &err));
    envelope_chain_free(theirs);
    host_end(&other);
    write_disk(w, 2);
    MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
    ck_assert_uint_eq(newer[0], 2);
    ck_assert_uint_eq(number, 3); /* a number is given once */
    ck_assert_uint_eq(count_points(), 2);
    expect_disk(3, 2);
    ck_assert_ptr_null(host_event(&h, ENVELOPE_EVENT_ROLLBACK));
    MUST(envelope_chain_verify(chain, NULL, &err));
}
END_TEST

/* A listed point's object under a forgotten point's name must not be taken for it. */
START_TEST(names_do_not_say_what_is_removed)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const uint64_t first[] = {1};
    char forgotten[208];
    size_t at = 0;
    back_up(chain, 1, SMALL);
    strcpy(forgotten, memory_next(&mem, "-full-", &at)->name);
    back_up(chain, 2, SMALL);
    MUST(envelope_chain_forget(chain, first, 1, NULL, NULL, &err));
    at = 0;
    struct memory_file *listed = memory_next(&mem, "-full-", &at);
    strcpy(listed->name, forgotten);
    MUST(envelope_chain_refresh(chain, 0, NULL, &err));
    ck_assert_uint_eq(count_files(&mem, "-full-"), 1);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {forgotten_points_are_gone_for_every_host,
                                  what_stays_keeps_what_it_needs,
                                  a_write_under_way_keeps_its_ancestors,
                                  what_waits_is_no_damage,
                                  what_was_finished_on_a_forgotten_parent_stays_whole,
                                  what_cannot_be_read_may_stand_on_anything,
                                  a_forgotten_point_that_comes_back_is_not_latest,
                                  a_long_job_is_listed_all_the_same,
                                  names_do_not_say_what_is_removed,
                                  NULL};
    Suite *s = suite_create("forget");
    TCase *tc = tcase_create("forget");
    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    for (size_t i = 0; tests[i]; i++) {
        tcase_add_test(tc, tests[i]);
    }
    suite_add_tcase(s, tc);
    return s;
}
