/* The order and the checks of a write (storage.md, sections 1 and 5; crypto.md W9): what is read
 * back, what another host does between two steps, what is kept, what stops a writer. */
#include "chain/chain.h"
#include "chain_kit.h"
#include <stdio.h>
#include <string.h>

static struct memory_store mem;
static struct test_kms kms;
static struct host h;
static struct host two;

static envelope_chain *begin(void)
{
    memset(&mem, 0, sizeof mem);
    memset(&kms, 0, sizeof kms);
    host_begin(&h, &kms, 1, 3);
    host_begin(&two, &kms, 1, 3);
    return host_create(&h, &mem, "vm");
}

static void end(envelope_chain *chain)
{
    envelope_chain_free(chain);
    host_end(&two);
    host_end(&h);
    memory_store_clear(&mem);
}

/* -- step 6: another host draws a generation between any two looks of writer_new */

static int look_at;

static void draw(void *user, const char *prefix)
{
    (void)user;
    (void)prefix;
    if (look_at-- == 0) {
        mem.before_list = NULL;
        ck_assert_int_eq(try_refresh(&two, &mem, ENVELOPE_REFRESH_NEW_GENERATION, NULL),
                         ENVELOPE_OK);
        mem.before_list = draw;
    }
}

START_TEST(generation_drawn_meanwhile)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_writer *w;
    envelope_chain *chain = begin();
    uint32_t before = chain->catalogue->generation;
    look_at = _i;
    mem.before_list = draw;
    MUST(envelope_writer_new(chain, NULL, &w, &err));
    mem.before_list = NULL;
    ck_assert_int_lt(look_at, 0);
    MUST(envelope_writer_commit(w, NULL, &err));
    envelope_writer_free(w);
    ck_assert_uint_ge(chain->catalogue->generation, before + 1);
    ck_assert_uint_eq(chain->catalogue->rows[0].generation, chain->catalogue->generation);
    end(chain);
}
END_TEST

/* -- step 9 */

static const char *spoiled; /* part of the name */
static int spoiled_copies;

static void spoil(void *user, const char *name, uint8_t *data, size_t len)
{
    (void)user;
    for (int copy = 0; copy < spoiled_copies && strstr(name, spoiled); copy++) {
        ck_assert_uint_gt(len, 32768);
        data[(copy ? 0 : 16384) + 100] |= 0x80; /* copy B first */
        data[(copy ? 0 : 16384) + 101] = 0xaa;
        data[(copy ? 0 : 16384) + 102] = 0x55;
    }
}

/* A point with one copy and with both spoiled; metadata that is made anew, and a new generation. */
START_TEST(read_back)
{
    envelope_chain *chain = begin();
    envelope_writer *w = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    if (_i < 2) {
        MUST(envelope_writer_new(chain, NULL, &w, &err));
    } else if (_i == 2) {
        remove_all(&mem, "/meta/");
    }
    size_t files = mem.count;
    spoiled = _i < 2 ? "-full-" : "/meta/";
    spoiled_copies = _i == 0 ? 1 : 2;
    mem.before_reread = spoil;
    uint32_t flags = _i == 3 ? ENVELOPE_REFRESH_NEW_GENERATION : 0;
    envelope_status st = w ? envelope_writer_commit(w, NULL, &err)
                           : envelope_chain_refresh(chain, flags, NULL, &err);
    ck_assert_int_eq(st, _i == 0 ? ENVELOPE_E_IO : ENVELOPE_E_FORMAT);
    mem.before_reread = NULL;
    envelope_writer_free(w);
    ck_assert_uint_eq(mem.count, files);
    end(chain);
}
END_TEST

/* -- keys copies */

/* Gone by a crash or a hand: the next run puts it, whether an older one is there or not. */
START_TEST(copy_is_put_again)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = begin();
    MUST(envelope_chain_refresh(chain, ENVELOPE_REFRESH_NEW_GENERATION, NULL, &err));
    ck_assert_uint_eq(count_files(&mem, "-keys-"), 2);
    if (_i == 0) {
        remove_all(&mem, "-keys-");
    } else {
        size_t at = 0;
        memory_next(&mem, "-keys-", &at);
        memory_remove(&mem, memory_next(&mem, "-keys-", &at)->name);
    }
    MUST(envelope_chain_refresh(chain, 0, NULL, &err));
    ck_assert_uint_eq(count_files(&mem, "-keys-"), _i == 0 ? 1 : 2);
    end(chain);
}
END_TEST

/* No KMS of this host may unwrap: nothing shows that what it sealed under the new version opens, so
 * all copies under the old one stay. */
START_TEST(copies_stay_without_proof)
{
    memset(&mem, 0, sizeof mem);
    memset(&kms, 0, sizeof kms);
    host_begin(&h, &kms, 1, 3);
    host_begin(&two, &kms, 1, 3);
    h.wrap_only = true;
    h.escrow = h.private_key = 7;
    envelope_chain_free(host_create(&h, &mem, "vm"));
    for (uint64_t i = 1; i <= 4; i++) {
        job(&h, &mem, i, 10);
    }
    ck_assert_uint_eq(count_files(&mem, "-keys-"), 2);
    kms.newest = 2;
    for (uint64_t i = 5; i <= 8; i++) {
        job(&h, &mem, i, 10);
    }
    ck_assert_uint_eq(count_files(&mem, "-keys-"), 4);
    end(NULL);
}
END_TEST

/* -- the pin */

/* A host that wrote nothing itself follows too. */
START_TEST(pin_follows_others)
{
    struct memory_store old = {0};
    envelope_chain_free(begin());
    memcpy(two.pin, h.pin, h.pin_len);
    two.pin_len = h.pin_len;
    memory_copy(&old, &mem);
    job(&h, &mem, 1, 10);
    size_t files = mem.count;
    ck_assert_int_eq(try_refresh(&two, &mem, 0, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(mem.count, files);
    ck_assert_int_eq(try_job(&two, &old, 2, 10), ENVELOPE_E_ROLLBACK);
    memory_store_clear(&old);
    end(NULL);
}
END_TEST

/* 128 points that could not be listed: those that are gone make room, those that are there stay. */
START_TEST(pending_is_full)
{
    char name[300];
    envelope_chain *chain = begin();
    struct env_pin *pin = &chain->pin;
    for (uint32_t i = 0; i < ENV_PENDING_LIMIT; i++) {
        memset(&pin->pending[i], (int)i + 1, sizeof pin->pending[i]);
    }
    pin->pending_count = ENV_PENDING_LIMIT;
    snprintf(name, sizeof name, "%spoints/20000101T000000Z-full-%s.env", chain->folder,
             "02020202020202020202020202020202");
    memory_put(&mem, name, "damaged", 7); /* the second one */
    h.events = 0;
    ck_assert_uint_eq(back_up(chain, 1, 10), 1);
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_ROLLBACK));
    ck_assert_uint_eq(pin->pending_count, 1);
    ck_assert_int_eq(pin->pending[0].object_id[0], 2);
    end(chain);
}
END_TEST

/* -- metadata above the newest that does not open */

START_TEST(closed_metadata_stops_a_writer)
{
    struct host evil;
    struct test_kms his = {0};
    envelope_chain_free(begin());
    host_begin(&evil, &his, 4, 4); /* he has version 1, and seals for a key of his own */
    his.newest = 4;                /* which the KMS does not have */
    evil.private_key = 1;
    evil.wrap_only = true;
    evil.serial = 2;
    ck_assert_int_eq(try_refresh(&evil, &mem, 0, NULL), ENVELOPE_OK);
    remove_all(&mem, "-keys-");
    size_t files = mem.count;
    ck_assert_int_eq(try_job(&h, &mem, 1, 10), ENVELOPE_E_NO_KEY);
    ck_assert_uint_eq(mem.count, files);
    host_end(&evil);
    end(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_writing");
    TCase *t = tcase_create("writing");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, generation_drawn_meanwhile, 0, 5);
    tcase_add_loop_test(t, read_back, 0, 4);
    tcase_add_loop_test(t, copy_is_put_again, 0, 2);
    tcase_add_test(t, copies_stay_without_proof);
    tcase_add_test(t, pin_follows_others);
    tcase_add_test(t, pending_is_full);
    tcase_add_test(t, closed_metadata_stops_a_writer);
    suite_add_tcase(s, t);
    return s;
}
