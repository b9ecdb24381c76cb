/* Content image through the chain: increments over generations, points lost and damaged, metadata
 * gone. */
#include "chain_kit.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 16, BLOCKS = 40, LEN = BLOCKS * BLOCK - 100, POINTS_MAX = 40, DEPTH = 100 };

static struct test_kms kms;
static struct memory_store mem;
static struct host h;
static uint8_t disk[LEN];
static uint8_t then[POINTS_MAX][LEN];

static void change(unsigned blocks)
{
    for (unsigned i = 0; i < blocks; i++) {
        size_t at = (size_t)rand() % LEN;
        disk[at] = (uint8_t)(1 + rand() % 255);
    }
}

static uint64_t back_up_disk(envelope_chain *chain, int32_t kind, uint32_t full_every)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {
        .size = sizeof o, .kind = kind, .content = ENVELOPE_IMAGE, .full_every = full_every};
    envelope_writer *w;
    uint64_t number;
    MUST(envelope_writer_new(chain, &o, &w, &err));
    MUST(envelope_writer_write(w, disk, LEN, &err));
    MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
    ck_assert_uint_lt(number, POINTS_MAX);
    memcpy(then[number], disk, LEN);
    return number;
}

static const envelope_point *find(const envelope_points *list, uint64_t number)
{
    for (size_t i = 0; i < envelope_points_count(list); i++) {
        if (envelope_points_at(list, i)->number == number) {
            return envelope_points_at(list, i);
        }
    }
    return NULL;
}

static envelope_point about(envelope_chain *chain, uint64_t number)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_points *list;
    MUST(envelope_chain_points(chain, &list, &err));
    ck_assert_ptr_nonnull(find(list, number));
    envelope_point p = *find(list, number);
    envelope_points_free(list);
    return p;
}

static void expect(envelope_chain *chain, uint64_t number)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_reader *r;
    size_t got;
    uint8_t *buf = malloc(LEN);
    MUST(envelope_reader_new(chain, number, &r, &err));
    ck_assert_uint_eq(envelope_reader_bytes(r), LEN);
    MUST(envelope_reader_pread(r, 0, buf, LEN, &got, &err));
    ck_assert_uint_eq(got, LEN);
    ck_assert_msg(!memcmp(buf, then[number], LEN), "point %u differs", (unsigned)number);
    envelope_reader_free(r);
    free(buf);
}

static void setup(void)
{
    srand(11);
    memset(&kms, 0, sizeof kms);
    memset(disk, 0, sizeof disk);
    change(300);
    memset(disk + 10 * BLOCK, 0, 5 * BLOCK);
    host_begin(&h, &kms, 1, 5);
    h.keeps = true;
}

static void teardown(void)
{
    host_end(&h);
    memory_store_clear(&mem);
}

/* A job of its own, after that many changes. */
static envelope_point job_after(unsigned changes, int32_t kind, uint32_t full_every)
{
    change(changes);
    envelope_chain *chain = host_open(&h, &mem, NULL);
    envelope_point p = about(chain, back_up_disk(chain, kind, full_every));
    envelope_chain_free(chain);
    return p;
}

static void first_full(void)
{
    envelope_chain *chain = host_create(&h, &mem, "vm");
    ck_assert_uint_eq(back_up_disk(chain, ENVELOPE_AUTO, 0), 1);
    ck_assert_int_eq(about(chain, 1).kind, ENVELOPE_FULL);
    envelope_chain_free(chain);
}

static void expect_all(uint64_t last)
{
    envelope_chain *chain = host_open(&h, &mem, NULL);
    for (uint64_t n = 1; n <= last; n++) {
        expect(chain, n);
    }
    envelope_error err = ENVELOPE_ERROR_INIT;
    MUST(envelope_chain_verify(chain, NULL, &err));
    envelope_chain_free(chain);
}

START_TEST(forty_points_with_rotations)
{
    first_full();
    for (uint64_t n = 2; n <= 39; n++) {
        kms.newest = 1 + (int)n / 9;
        envelope_point p = job_after(3, 0, 10);
        ck_assert_uint_eq(p.number, n);
        bool full = n % 10 == 1;
        ck_assert_int_eq(p.kind, full ? ENVELOPE_FULL : ENVELOPE_INCREMENT);
        ck_assert_uint_eq(p.parent, full ? 0 : n - 1);
        ck_assert_int_eq(p.content, ENVELOPE_IMAGE);
        ck_assert_uint_eq(p.bytes, LEN);
        /* at most three blocks, and an index where a generation began or a block changed */
        ck_assert_uint_le(full ? 0 : p.stored_bytes, (3 + 4) * BLOCK);
    }
    expect_all(39);
}
END_TEST

START_TEST(an_unchanged_disk_after_a_rotation_stores_no_block)
{
    first_full();
    kms.newest = 2;
    envelope_point p = job_after(0, 0, 0);
    ck_assert_int_eq(p.kind, ENVELOPE_INCREMENT);
    /* headers, an index of 48 KiB, directory, object table */
    ck_assert_uint_lt(p.stored_bytes, 2 * BLOCK);
    p = job_after(0, 0, 0);
    ck_assert_uint_lt(p.stored_bytes, BLOCK + BLOCK / 2);
    expect_all(3);
}
END_TEST

/* The newest key on a host that knows nothing; of the repository, points alone. */
START_TEST(a_point_and_its_key_suffice)
{
    first_full();
    job_after(5, 0, 0);
    kms.newest = 2;
    job_after(5, 0, 0);
    job_after(5, 0, 0);
    remove_all(&mem, "/meta/");
    remove_all(&mem, "-keys-");
    struct test_kms none = {0};
    struct host fresh;
    host_begin(&fresh, &none, 2, 1);
    fresh.no_kms = true;
    fresh.private_key = 2;
    envelope_chain *chain = host_open(&fresh, &mem, NULL);
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_points *list;
    MUST(envelope_chain_points(chain, &list, &err));
    ck_assert_uint_eq(envelope_points_count(list), 2); /* the two under that key */
    envelope_points_free(list);
    expect(chain, 3);
    expect(chain, 4);
    envelope_chain_free(chain);
    host_end(&fresh);
}
END_TEST

START_TEST(a_lost_full_makes_the_next_backup_a_full)
{
    first_full();
    job_after(1, 0, 0);
    remove_all(&mem, "-full-");
    envelope_point p = job_after(1, 0, 0);
    ck_assert_int_eq(p.kind, ENVELOPE_FULL);
    const struct seen_event *e = host_event(&h, ENVELOPE_EVENT_DAMAGED);
    ck_assert_ptr_nonnull(e);
    ck_assert_msg(strstr(e->message, "full point") != NULL, "%s", e->message);
    envelope_chain *chain = host_open(&h, &mem, NULL);
    expect(chain, 3);
    envelope_chain_free(chain);
}
END_TEST

/* The catalogue would still serve it, but what stood on it would be lost with the metadata. */
START_TEST(a_full_without_a_header_makes_the_next_backup_a_full)
{
    enum { COPY = 16384 };
    first_full();
    job_after(1, 0, 0);
    job_after(1, 0, 0);
    struct memory_file *full = memory_next(&mem, "-full-", &(size_t){0});
    full->data[100] ^= 1;
    ck_assert_int_eq(job_after(1, 0, 0).kind, ENVELOPE_INCREMENT);
    full = memory_next(&mem, "-full-", &(size_t){0});
    full->data[COPY + 100] ^= 1;
    ck_assert_int_eq(job_after(1, 0, 0).kind, ENVELOPE_FULL);
    const struct seen_event *e = host_event(&h, ENVELOPE_EVENT_DAMAGED);
    ck_assert_ptr_nonnull(e);
    ck_assert_msg(strstr(e->message, "both copies of its header") != NULL, "%s", e->message);
}
END_TEST

START_TEST(a_full_whose_end_is_damaged_makes_the_next_backup_a_full)
{
    first_full();
    job_after(1, 0, 0);
    struct memory_file *full = memory_next(&mem, "-full-", &(size_t){0});
    full->data[full->len - 64 - 20] ^= 1;
    ck_assert_int_eq(job_after(1, 0, 0).kind, ENVELOPE_FULL);
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_DAMAGED));
}
END_TEST

START_TEST(a_demanded_increment_needs_a_parent)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {
        .size = sizeof o, .kind = ENVELOPE_INCREMENT, .content = ENVELOPE_IMAGE};
    envelope_writer *w;
    envelope_chain *chain = host_create(&h, &mem, "vm");
    ck_assert_int_eq(envelope_writer_new(chain, &o, &w, &err), ENVELOPE_E_NOT_FOUND);
    ck_assert_ptr_null(w);
    back_up_disk(chain, ENVELOPE_FULL, 0);
    back_up_disk(chain, ENVELOPE_INCREMENT, 0);
    ck_assert_uint_eq(about(chain, 2).parent, 1);
    envelope_chain_free(chain);
    expect_all(2);
}
END_TEST

static envelope_status no_metadata(void *user, const char *name)
{
    (void)user;
    return strstr(name, "/meta/") ? ENVELOPE_E_IO : ENVELOPE_OK;
}

/* Parent and child were written by a host that could not list them. */
START_TEST(unlisted_points_are_listed_parents_first)
{
    first_full();
    envelope_chain *chain = host_open(&h, &mem, NULL);
    mem.before_finish = no_metadata;
    change(1);
    back_up_disk(chain, 0, 0);
    mem.before_finish = NULL;
    envelope_chain_free(chain);
    envelope_point p = job_after(1, 0, 0);
    ck_assert_uint_eq(p.number, 3);
    ck_assert_uint_eq(p.parent, 2);
    expect_all(3);
}
END_TEST

START_TEST(a_damaged_ancestor_is_found_from_the_newest_point)
{
    first_full();
    job_after(1, 0, 0);
    size_t at = 0;
    struct memory_file *full = memory_next(&mem, "-full-", &at);
    full->data[full->len / 2] ^= 1;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = host_open(&h, &mem, NULL);
    const envelope_verify_options o = {.size = sizeof o, .point = 2};
    ck_assert_int_eq(envelope_chain_verify(chain, &o, &err), ENVELOPE_E_AUTH);
    const struct seen_event *e = host_event(&h, ENVELOPE_EVENT_DAMAGED);
    ck_assert_ptr_nonnull(e);
    ck_assert_msg(strstr(e->message, "block: byte") != NULL, "%s", e->message);
    envelope_chain_free(chain);
}
END_TEST

/* Of a reader that was opened before. */
static void expect_told(envelope_reader *r, size_t at, envelope_status status, const char *object,
                        const char *what)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint8_t byte;
    size_t got;
    h.events = 0;
    ck_assert_int_eq(envelope_reader_pread(r, at, &byte, 1, &got, &err), status);
    ck_assert_msg(strstr(err.message, object) && strstr(err.message, what), "%s", err.message);
    ck_assert_ptr_nonnull(strstr(err.message, "from another copy of the repository"));
    const struct seen_event *e = host_event(&h, ENVELOPE_EVENT_DAMAGED);
    ck_assert_int_eq(e != NULL, status != ENVELOPE_E_IO);
    if (e) {
        ck_assert_str_eq(e->object, object);
        ck_assert_int_eq(e->status, status);
    }
}

START_TEST(what_is_damaged_or_gone_is_named_with_what_to_do)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_reader *r;
    first_full();
    job_after(1, 0, 0);
    size_t at = 0;
    struct memory_file *full = memory_next(&mem, "-full-", &at);
    char name[208];
    strcpy(name, full->name);
    full->data[full->len / 2] ^= 1;
    envelope_chain *chain = host_open(&h, &mem, NULL);
    MUST(envelope_reader_new(chain, 2, &r, &err));
    for (at = 0; !envelope_reader_pread(r, at, disk, 1, &(size_t){0}, &err); at += 4096) {
        ck_assert_uint_lt(at, LEN);
    }
    expect_told(r, at, ENVELOPE_E_AUTH, name, "take the object");
    full->len /= 2;
    expect_told(r, at, ENVELOPE_E_IO, name, "it ended at byte");
    envelope_reader_free(r);
    MUST(envelope_reader_new(chain, 2, &r, &err));
    remove_all(&mem, "-full-");
    expect_told(r, at, ENVELOPE_E_NOT_FOUND, name, "it was forgotten or lost");
    envelope_reader_free(r);
    envelope_chain_free(chain);
}
END_TEST

/* A sparse disk, of which each point after the first changes one block. */
static void sparse_point(uint64_t bytes, unsigned n)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {
        .size = sizeof o, .content = ENVELOPE_IMAGE, .full_every = 1000};
    const uint64_t at = bytes / DEPTH / BLOCK * n * BLOCK;
    const int32_t rest = n ? ENVELOPE_UNCHANGED : ENVELOPE_ZERO;
    envelope_writer *w;
    envelope_chain *chain = n ? host_open(&h, &mem, NULL) : host_create(&h, &mem, "vm");
    MUST(envelope_writer_new(chain, &o, &w, &err));
    MUST(envelope_writer_skip(w, at, rest, &err));
    MUST(envelope_writer_write(w, disk, BLOCK, &err));
    MUST(envelope_writer_skip(w, bytes - at - BLOCK, rest, &err));
    MUST(envelope_writer_commit(w, NULL, &err));
    envelope_writer_free(w);
    envelope_chain_free(chain);
}

/* What is read from the store until the newest point can be: its headers, salt and commitment, and
 * the last chunk, again for the table of what it stands on, which may begin in the chunk before. */
static void opening_is_cheap(uint64_t chunks)
{
    enum { HEADERS = 2 * 16384, FIRST = 56, CHUNK = 16400 };
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_reader *r;
    envelope_chain *chain = host_open(&h, &mem, NULL);
    uint64_t before = mem.read;
    uint64_t files = mem.opened;
    MUST(envelope_reader_new(chain, 0, &r, &err));
    ck_assert_uint_eq(mem.opened - files, 1);
    ck_assert_uint_le(mem.read - before, HEADERS + FIRST + chunks * CHUNK);
    envelope_reader_free(r);
    envelope_chain_free(chain);
}

START_TEST(opening_costs_the_same_at_any_size_and_depth)
{
    const uint64_t large = (uint64_t)16 << 40;
    sparse_point((uint64_t)BLOCK * DEPTH, 0);
    opening_is_cheap(1);
    teardown();
    setup();
    sparse_point(large, 0);
    opening_is_cheap(1);
    for (unsigned n = 1; n < DEPTH; n++) {
        sparse_point(large, n);
    }
    opening_is_cheap(3);
}
END_TEST

START_TEST(skips_and_extents_through_the_api)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {.size = sizeof o, .content = ENVELOPE_IMAGE};
    envelope_writer *w;
    uint64_t number;
    first_full();
    envelope_chain *chain = host_open(&h, &mem, NULL);
    MUST(envelope_writer_new(chain, &o, &w, &err));
    ck_assert_int_eq(envelope_writer_must_read(w), 0);
    MUST(envelope_writer_skip(w, 7 * BLOCK, ENVELOPE_UNCHANGED, &err));
    MUST(envelope_writer_skip(w, BLOCK + 5, ENVELOPE_ZERO, &err));
    MUST(envelope_writer_skip(w, LEN - 8 * BLOCK - 5, ENVELOPE_UNCHANGED, &err));
    ck_assert_int_eq(envelope_writer_skip(w, 1, ENVELOPE_UNCHANGED, &err), ENVELOPE_E_RANGE);
    MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
    memcpy(then[number], disk, LEN);
    memset(then[number] + 7 * BLOCK, 0, BLOCK + 5);
    expect(chain, number);
    envelope_reader *r;
    uint64_t len;
    int32_t zero;
    MUST(envelope_reader_new(chain, number, &r, &err));
    MUST(envelope_reader_extent(r, 7 * BLOCK + 3, &len, &zero, &err));
    ck_assert_int_eq(zero, 1);
    ck_assert_uint_eq(len, BLOCK - 3);
    MUST(envelope_reader_extent(r, LEN, &len, &zero, &err));
    ck_assert_uint_eq(len, 0);
    envelope_reader_free(r);
    kms.newest = 2;
    MUST(envelope_writer_new(chain, &o, &w, &err));
    ck_assert_int_eq(envelope_writer_must_read(w), 1);
    ck_assert_int_eq(envelope_writer_skip(w, BLOCK, ENVELOPE_UNCHANGED, &err), ENVELOPE_E_REFUSED);
    MUST(envelope_writer_write(w, disk, LEN, &err));
    MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
    memcpy(then[number], disk, LEN);
    expect(chain, number);
    envelope_chain_free(chain);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {forty_points_with_rotations,
                                  an_unchanged_disk_after_a_rotation_stores_no_block,
                                  a_point_and_its_key_suffice,
                                  a_lost_full_makes_the_next_backup_a_full,
                                  a_full_without_a_header_makes_the_next_backup_a_full,
                                  a_full_whose_end_is_damaged_makes_the_next_backup_a_full,
                                  a_demanded_increment_needs_a_parent,
                                  unlisted_points_are_listed_parents_first,
                                  a_damaged_ancestor_is_found_from_the_newest_point,
                                  what_is_damaged_or_gone_is_named_with_what_to_do,
                                  opening_costs_the_same_at_any_size_and_depth,
                                  skips_and_extents_through_the_api,
                                  NULL};
    Suite *s = suite_create("disk");
    TCase *tc = tcase_create("disk");
    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    for (size_t i = 0; tests[i]; i++) {
        tcase_add_test(tc, tests[i]);
    }
    suite_add_tcase(s, tc);
    return s;
}
