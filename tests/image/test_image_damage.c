/* Damage of an object that a disk inherits from: reading names it and gives out nothing; writing
 * stores what cannot be compared. */
#include "check_main.h"
#include "image/write_parts.h"
#include "image_kit.h"
#include <stdlib.h>
#include <string.h>

enum { LOG2 = 12, BLOCK = 1 << LOG2, SEGMENT = ENV_SEGMENT_BLOCKS * BLOCK, LEN = 3 * SEGMENT };

static struct disk_chain c;
static uint8_t *disk;

static void setup(void)
{
    srand(4);
    disk = malloc(LEN);
    for (size_t i = 0; i < LEN; i++) {
        disk[i] = (uint8_t)rand();
    }
    disk_chain_begin(&c, LOG2);
    disk_write(&c, SIZE_MAX, 1, disk, LEN, 1 << 20);
}

static void teardown(void)
{
    disk_chain_end(&c);
    free(disk);
}

/* A byte of the chunk that plaintext offset at lies in. */
static void damage(size_t i, uint64_t at)
{
    struct memory *m = &c.point[i].object;
    size_t chunk = 2 * (size_t)ENV_CAPACITY_MIN + ENVELOPE_PREFIX +
                   (size_t)(at / ENVELOPE_CHUNK) * ENVELOPE_SEALED_CHUNK;
    m->p[chunk + 5] ^= 1;
}

/* Where the full's index of a segment lies: behind its blocks. */
static uint64_t index_at(size_t segment)
{
    return (uint64_t)segment * (SEGMENT + ENV_INDEX_BYTES) + SEGMENT;
}

START_TEST(a_damaged_index_of_the_parent_has_its_segment_stored_whole)
{
    damage(0, index_at(1));
    size_t i = disk_write(&c, 0, 1, disk, LEN, 1 << 20);
    ck_assert_uint_eq(c.point[i].damages, 1);
    ck_assert_uint_eq(c.point[i].footer.stored_blocks, ENV_SEGMENT_BLOCKS);
    disk_expect(&c, i, disk, LEN);
}
END_TEST

START_TEST(a_damaged_directory_of_the_parent_has_all_stored)
{
    /* an increment's, since a full's stands in the last chunk, without which nothing opens */
    size_t i = disk_write(&c, 0, 1, disk, LEN, 1 << 20);
    damage(i, c.point[i].footer.table_at);
    i = disk_write(&c, i, 1, disk, LEN, 1 << 20);
    ck_assert_uint_eq(c.point[i].damages, 3);
    ck_assert_uint_eq(c.point[i].footer.stored_blocks, 3 * ENV_SEGMENT_BLOCKS);
    disk_expect(&c, i, disk, LEN);
}
END_TEST

START_TEST(what_is_skipped_as_unchanged_must_be_readable)
{
    struct disk_writing w;
    damage(0, index_at(1));
    disk_begin(&c, 0, 1, &w);
    ck_assert_int_eq(env_image_skip_unchanged(w.image, SEGMENT + 5 * BLOCK, NULL), ENVELOPE_E_AUTH);
    env_image_writer_free(w.image);
    env_object_writer_free(w.object);
    disk_close(w.parent, &w.parent_source);
    memory_free(&c.point[c.count].object);
    envelope_dek_free(c.point[c.count].dek);
}
END_TEST

START_TEST(a_missing_object_is_named)
{
    struct env_image_source source;
    struct env_image_fault fault;
    uint8_t buf[10];
    disk[5 * BLOCK] ^= 1;
    size_t i = disk_write(&c, 0, 1, disk, LEN, 1 << 20);
    c.missing = 0;
    struct env_image *image = disk_open(&c, i, &source);
    ck_assert_int_eq(env_image_pread(image, 5 * BLOCK, buf, sizeof buf, &fault, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_image_pread(image, 6 * BLOCK, buf, sizeof buf, &fault, NULL),
                     ENVELOPE_E_NOT_FOUND);
    ck_assert_uint_eq(fault.object, 1);
    disk_close(image, &source);
}
END_TEST

/* A disk of one block, of which the writer says that its index lies there. */
static size_t write_with_directory(const struct env_location *at)
{
    static const uint8_t zeros[ENV_PART_ALIGN];
    uint8_t entry[ENV_DIRECTORY_BYTES];
    uint8_t raw[ENV_FOOTER_BYTES];
    uint64_t bytes;
    struct disk_writing w;
    struct env_footer *f = &c.point[c.count].footer;
    disk_begin(&c, SIZE_MAX, 1, &w);
    *f = (struct env_footer){.content = ENV_CONTENT_IMAGE,
                             .block_log2 = LOG2,
                             .segment_log2 = ENV_SEGMENT_LOG2,
                             .bytes = BLOCK,
                             .table_at = sizeof zeros,
                             .table_count = 1};
    env_directory_put(at, entry);
    env_footer_put(f, raw);
    ck_assert_int_eq(env_object_append(w.object, zeros, sizeof zeros, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_object_append(w.object, entry, sizeof entry, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_object_append(w.object, raw, sizeof raw, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_object_finish(w.object, &bytes, NULL), ENVELOPE_OK);
    env_image_writer_free(w.image);
    env_object_writer_free(w.object);
    return c.count++;
}

START_TEST(a_damaged_block_is_named_and_not_given_out)
{
    struct env_image_source source;
    struct env_image_fault fault;
    uint8_t *buf = malloc(4 * BLOCK);
    size_t i = disk_write(&c, 0, 1, disk, LEN, 1 << 20);
    damage(0, 8 * BLOCK);
    struct env_image *image = disk_open(&c, i, &source);
    memset(buf, 0x55, 4 * BLOCK);
    ck_assert_int_eq(env_image_pread(image, 6 * BLOCK, buf, 4 * BLOCK, &fault, NULL),
                     ENVELOPE_E_AUTH);
    ck_assert_uint_eq(fault.object, 1);
    for (size_t k = 0; k < 4 * BLOCK; k++) {
        ck_assert_uint_eq(buf[k], 0);
    }
    disk_close(image, &source);
    free(buf);
}
END_TEST

/* A directory is not believed for having been sealed: an index at the end of all numbers. */
START_TEST(an_index_beyond_the_end_of_its_object_is_damage)
{
    struct env_image_source source;
    struct env_image_fault fault;
    uint8_t buf[10];
    struct disk_writing w;
    disk_begin(&c, SIZE_MAX, 1, &w);
    ck_assert_int_eq(env_image_write(w.image, disk, SEGMENT, NULL), ENVELOPE_OK);
    env_directory_put(&(struct env_location){ENV_AT_HERE, 0, UINT64_MAX - ENV_PART_ALIGN + 1},
                      w.image->directory);
    size_t i = disk_end(&w);
    struct env_image *image = disk_open(&c, i, &source);
    for (uint64_t at = 0; at < SEGMENT; at += BLOCK) {
        ck_assert_int_eq(env_image_pread(image, at, buf, sizeof buf, &fault, NULL),
                         ENVELOPE_E_FORMAT);
    }
    disk_close(image, &source);
}
END_TEST

/* The whole of it, though the locations that are asked for are there: sealed so by its writer. */
START_TEST(an_index_beyond_its_object_is_none)
{
    struct env_image_source source;
    struct env_image_fault fault;
    uint8_t buf[BLOCK];
    const struct env_location at = {ENV_AT_HERE, 0, 0};
    size_t i = write_with_directory(&at);
    struct env_image *image = disk_open(&c, i, &source);
    ck_assert_int_eq(env_image_pread(image, 0, buf, sizeof buf, &fault, NULL), ENVELOPE_E_FORMAT);
    disk_close(image, &source);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {a_damaged_index_of_the_parent_has_its_segment_stored_whole,
                                  a_damaged_directory_of_the_parent_has_all_stored,
                                  what_is_skipped_as_unchanged_must_be_readable,
                                  a_missing_object_is_named,
                                  a_damaged_block_is_named_and_not_given_out,
                                  an_index_beyond_the_end_of_its_object_is_damage,
                                  an_index_beyond_its_object_is_none,
                                  NULL};
    Suite *s = suite_create("damage");
    TCase *tc = tcase_create("damage");
    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    for (size_t i = 0; tests[i]; i++) {
        tcase_add_test(tc, tests[i]);
    }
    suite_add_tcase(s, tc);
    return s;
}
