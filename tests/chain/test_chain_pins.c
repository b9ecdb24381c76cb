/* What a host remembers: rollbacks are seen, a crash between a point and its listing loses nothing,
 * an empty meta/ is made anew, and old metadata is kept as storage.md, section 1, says. */
#include "chain/chain.h"
#include "chain_kit.h"
#include <stdio.h>
#include <string.h>

static struct memory_store mem;
static struct test_kms kms;
static struct host h;

static void begin(void)
{
    memset(&mem, 0, sizeof mem);
    memset(&kms, 0, sizeof kms);
    host_begin(&h, &kms, 1, 4);
    envelope_chain_free(host_create(&h, &mem, "vm"));
}

static void end(void)
{
    host_end(&h);
    memory_store_clear(&mem);
}

static void read_back(uint64_t number, uint64_t seed, size_t len)
{
    envelope_chain *chain = host_open(&h, &mem, NULL);
    check_point(chain, number, seed, len);
    envelope_chain_free(chain);
}

static size_t unlisted(void)
{
    envelope_chain *chain = host_open(&h, &mem, NULL);
    envelope_points *p;
    size_t n = 0;
    ck_assert(!envelope_chain_points(chain, &p, NULL));
    for (size_t i = 0; i < envelope_points_count(p); i++) {
        n += (envelope_points_at(p, i)->flags & ENVELOPE_POINT_UNLISTED) != 0;
    }
    envelope_points_free(p);
    envelope_chain_free(chain);
    return n;
}

/* The repository is put back to what it was before the last job. */
START_TEST(rolled_back)
{
    struct memory_store old = {0};
    begin();
    job(&h, &mem, 1, 100);
    memory_copy(&old, &mem);
    job(&h, &mem, 2, 100);
    memory_store_clear(&mem);
    memory_copy(&mem, &old);
    size_t files = mem.count;
    read_back(1, 1, 100); /* a pin never stops reading here */
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_ROLLBACK));
    ck_assert_int_eq(try_job(&h, &mem, 3, 10), ENVELOPE_E_ROLLBACK);
    ck_assert_int_eq(try_refresh(&h, &mem, 0, NULL), ENVELOPE_E_ROLLBACK);
    ck_assert_uint_eq(mem.count, files);
    memory_store_clear(&old);
    end();
}
END_TEST

/* crypto.md W4: made anew from a keys copy that holds the pinned generation. */
START_TEST(meta_is_empty)
{
    begin();
    job(&h, &mem, 1, 100);
    job(&h, &mem, 2, 100);
    remove_all(&mem, "/meta/");
    if (_i == 1) { /* junk does not make it less empty */
        char name[208];
        snprintf(name, sizeof name, "%s", memory_next(&mem, "points/", &(size_t){0})->name);
        strcpy(strstr(name, "points/"), "meta/00000000000000000009.env");
        memory_put(&mem, name, "junk", 4);
    }
    h.events = 0;
    ck_assert_uint_eq(job(&h, &mem, 3, 100), 3);
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_REPAIRED));
    ck_assert_uint_ge(count_files(&mem, "/meta/"), 1);
    read_back(1, 1, 100);
    read_back(3, 3, 100);
    end();
}
END_TEST

/* Copies of another history do not do. */
START_TEST(meta_is_empty_and_copies_are_old)
{
    struct memory_store old = {0};
    begin();
    job(&h, &mem, 1, 100);
    memory_copy(&old, &mem);
    ck_assert_int_eq(try_refresh(&h, &mem, ENVELOPE_REFRESH_NEW_GENERATION, NULL), ENVELOPE_OK);
    memory_store_clear(&mem);
    memory_copy(&mem, &old);
    remove_all(&mem, "/meta/");
    ck_assert_int_eq(try_job(&h, &mem, 2, 10), ENVELOPE_E_ROLLBACK);
    memory_store_clear(&old);
    end();
}
END_TEST

/* A lost newest metadata object is noticed without a pin, by a point that names it. */
START_TEST(missing_without_pin)
{
    struct memory_file *f;
    begin();
    job(&h, &mem, 1, 100);
    ck_assert_int_eq(try_refresh(&h, &mem, ENVELOPE_REFRESH_NEW_GENERATION, NULL), ENVELOPE_OK);
    struct host other;
    host_begin(&other, &kms, 1, 4);
    memcpy(other.pin, h.pin, h.pin_len);
    other.pin_len = h.pin_len;
    job(&h, &mem, 2, 100); /* lists itself in n */
    job(&h, &mem, 3, 100); /* names n, lists itself in n + 1 */
    uint64_t top = 0;
    for (size_t at = 0; (f = memory_next(&mem, "/meta/", &at));) {
        top++;
    }
    for (int k = 0; k < 2; k++, top--) { /* n and n + 1 go, with their copies */
        char number[32];
        snprintf(number, sizeof number, "/meta/%020llu", (unsigned long long)top);
        remove_all(&mem, number);
    }
    for (int k = 0; k < 2; k++) {
        size_t at = 0;
        struct memory_file *last = NULL;
        while ((f = memory_next(&mem, "-keys-", &at))) {
            last = f;
        }
        memory_remove(&mem, last->name);
    }
    other.events = 0;
    ck_assert_int_eq(try_job(&other, &mem, 4, 10), ENVELOPE_E_ROLLBACK);
    ck_assert_ptr_nonnull(host_event(&other, ENVELOPE_EVENT_ROLLBACK));
    host_end(&other);
    end();
}
END_TEST

/* -- a crash between the point and its listing */

static int fail_after;

static envelope_status no_metadata(void *user, const char *name)
{
    (void)user;
    return strstr(name, "/meta/") && fail_after-- <= 0 ? ENVELOPE_E_IO : ENVELOPE_OK;
}

START_TEST(listed_by_the_next_run)
{
    begin();
    job(&h, &mem, 1, 100);
    fail_after = 0;
    mem.before_finish = no_metadata;
    h.events = 0;
    ck_assert_uint_eq(job(&h, &mem, 2, 100), 2); /* success, with an event */
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_DAMAGED));
    mem.before_finish = NULL;
    ck_assert_uint_eq(unlisted(), 1);
    read_back(2, 2, 100);
    read_back(0, 2, 100);
    if (_i == 0) { /* by this host: pending in its pin, whatever the generation is by then */
        kms.newest = 2;
        ck_assert_int_eq(try_refresh(&h, &mem, 0, NULL), ENVELOPE_OK);
    } else { /* by another one: attested under the newest generation */
        struct host other;
        host_begin(&other, &kms, 1, 4);
        ck_assert_uint_eq(job(&other, &mem, 3, 100), 3);
        host_end(&other);
    }
    ck_assert_uint_eq(unlisted(), 0);
    read_back(2, 2, 100);
    envelope_chain *chain = host_open(&h, &mem, NULL);
    ck_assert_int_eq(chain->catalogue->rows[1].provenance,
                     _i == 0 ? ENV_FROM_PENDING : ENV_FROM_GENERATION);
    envelope_chain_free(chain);
    end();
}
END_TEST

/* -- save_pin */

static envelope_status cannot(void *user, const void *pin, size_t len, envelope_error *err)
{
    (void)user;
    (void)pin;
    (void)len;
    return envelope_error_set(err, ENVELOPE_E_IO, 28, "the state directory is full");
}

START_TEST(unsaved_pin_stops)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_writer *w;
    begin();
    envelope_chain *chain = host_open(&h, &mem, NULL);
    MUST(envelope_writer_new(chain, NULL, &w, &err));
    chain->save_pin = cannot;
    size_t files = mem.count;
    ck_assert_int_eq(envelope_writer_commit(w, NULL, &err), ENVELOPE_E_IO);
    ck_assert_str_eq(err.message, "the state directory is full");
    ck_assert_uint_eq(mem.count, files);
    envelope_writer_free(w);
    envelope_chain_free(chain);
    end();
}
END_TEST

START_TEST(bad_pins)
{
    struct memory_store second = {0};
    envelope_status st;
    begin();
    h.pin[20] ^= 1;
    ck_assert_ptr_null(host_open(&h, &mem, &st));
    ck_assert_int_eq(st, ENVELOPE_E_FORMAT);
    h.pin[20] ^= 1;
    envelope_chain_free(host_open(&h, &mem, &st));
    ck_assert_int_eq(st, ENVELOPE_OK);
    unsigned char pin[ENVELOPE_PIN_MAX];
    size_t len = h.pin_len;
    memcpy(pin, h.pin, len);
    envelope_chain_free(host_create(&h, &second, "vm"));
    memcpy(h.pin, pin, len);
    h.pin_len = len;
    ck_assert_ptr_null(host_open(&h, &second, &st)); /* another chain's */
    ck_assert_int_eq(st, ENVELOPE_E_AUTH);
    memory_store_clear(&second);
    end();
}
END_TEST

/* -- what is kept */

START_TEST(kept)
{
    begin();
    for (uint64_t i = 1; i <= 6; i++) {
        job(&h, &mem, i, 10);
    }
    kms.newest = 2;
    for (uint64_t i = 7; i <= 12; i++) {
        job(&h, &mem, i, 10);
    }
    ck_assert_uint_eq(count_files(&mem, "/meta/"), 8);
    ck_assert_uint_eq(count_files(&mem, "-full-"), 12);
    /* two newest, and the last under version 1, which six points still have */
    ck_assert_uint_eq(count_files(&mem, "-keys-"), 3);
    struct host old;
    struct test_kms none = {0};
    host_begin(&old, &none, 1, 1);
    old.no_kms = true;
    old.private_key = 1;
    envelope_chain *chain = host_open(&old, &mem, NULL);
    check_point(chain, 1, 1, 10);
    envelope_chain_free(chain);
    host_end(&old);
    end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_pins");
    TCase *t = tcase_create("pins");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, rolled_back);
    tcase_add_loop_test(t, meta_is_empty, 0, 2);
    tcase_add_test(t, meta_is_empty_and_copies_are_old);
    tcase_add_test(t, missing_without_pin);
    tcase_add_loop_test(t, listed_by_the_next_run, 0, 2);
    tcase_add_test(t, unsaved_pin_stops);
    tcase_add_test(t, bad_pins);
    tcase_add_test(t, kept);
    suite_add_tcase(s, t);
    return s;
}
