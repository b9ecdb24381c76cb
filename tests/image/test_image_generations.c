/* crypto.md, W10: what was written under an older generation can have been replaced by whoever was
 * removed since, so its map is not believed, and its blocks only by the newer point's hashes. */
#include "check_main.h"
#include "image_kit.h"
#include <stdlib.h>
#include <string.h>

enum { LOG2 = 12, BLOCK = 1 << LOG2, BLOCKS = 3000, LEN = BLOCKS * BLOCK - 9 };

static struct disk_chain c;
static uint8_t *disk;

static void setup(void)
{
    srand(3);
    disk = malloc(LEN);
    for (size_t i = 0; i < LEN; i++) {
        disk[i] = (uint8_t)rand();
    }
    memset(disk + 40 * BLOCK, 0, 100 * BLOCK);
    disk_chain_begin(&c, LOG2);
    disk_write(&c, SIZE_MAX, 1, disk, LEN, 1 << 20);
}

static void teardown(void)
{
    disk_chain_end(&c);
    free(disk);
}

START_TEST(an_unchanged_disk_after_a_rotation_stores_no_block)
{
    size_t i = disk_write(&c, 0, 2, disk, LEN, 1 << 20);
    ck_assert_uint_eq(c.point[i].footer.stored_blocks, 0);
    /* the whole index, though: two segments of 48 KiB */
    ck_assert_uint_gt(c.point[i].object.len, 2 * ENV_INDEX_BYTES);
    disk_expect(&c, i, disk, LEN);
    size_t next = disk_write(&c, i, 2, disk, LEN, 1 << 20);
    ck_assert_uint_lt(c.point[next].object.len, 2 * ENV_INDEX_BYTES);
    disk_expect(&c, next, disk, LEN);
}
END_TEST

START_TEST(unchanged_is_refused_across_generations)
{
    struct disk_writing w;
    disk_begin(&c, 0, 2, &w);
    ck_assert_int_eq(env_image_skip_unchanged(w.image, BLOCK, NULL), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(env_image_write(w.image, disk, LEN, NULL), ENVELOPE_OK);
    disk_expect(&c, disk_end(&w), disk, LEN);
    disk_begin(&c, SIZE_MAX, 2, &w);
    ck_assert_int_eq(env_image_skip_unchanged(w.image, BLOCK, NULL), ENVELOPE_E_REFUSED);
    disk_end(&w);
}
END_TEST

/* The full rewritten by its own DEK's holder: same headers, same place of everything, other bytes.
 */
static void rewrite_full(size_t at)
{
    struct disk_point *p = &c.point[0];
    struct disk_writing w;
    uint8_t link[ENV_LINK_BYTES];
    memcpy(link, p->link, sizeof link);
    memory_free(&p->object);
    envelope_dek_free(p->dek);
    size_t count = c.count;
    c.count = 0;
    memset(p, 0, sizeof *p);
    disk[at] ^= 1;
    disk_begin(&c, SIZE_MAX, 1, &w);
    ck_assert_int_eq(env_image_write(w.image, disk, LEN, NULL), ENVELOPE_OK);
    disk_end(&w);
    disk[at] ^= 1;
    c.count = count;
    memcpy(p->link, link, sizeof link);
}

static envelope_status read_at(size_t i, uint64_t offset, size_t len, struct env_image_fault *fault)
{
    struct env_image_source source;
    struct env_image *image = disk_open(&c, i, &source);
    uint8_t *buf = malloc(len);
    memset(buf, 0x55, len);
    envelope_status st = env_image_pread(image, offset, buf, len, fault, NULL);
    for (size_t k = 0; st && k < len; k++) {
        ck_assert_uint_eq(buf[k], 0);
    }
    free(buf);
    disk_close(image, &source);
    return st;
}

START_TEST(a_rewritten_full_is_noticed_by_whole_blocks_and_by_parts)
{
    struct env_image_fault fault;
    size_t i = disk_write(&c, 0, 2, disk, LEN, 1 << 20);
    rewrite_full(7 * BLOCK + 100);
    ck_assert_int_eq(read_at(i, 0, 20 * BLOCK, &fault), ENVELOPE_E_AUTH);
    ck_assert_uint_eq(fault.offset, 7 * BLOCK);
    ck_assert_uint_eq(fault.object, 1);
    /* a part of that block which was not touched */
    ck_assert_int_eq(read_at(i, 7 * BLOCK + 2000, 10, &fault), ENVELOPE_E_AUTH);
    ck_assert_int_eq(read_at(i, 8 * BLOCK, BLOCK, &fault), ENVELOPE_OK);
    ck_assert_int_eq(read_at(i, 8 * BLOCK + 1, 10, &fault), ENVELOPE_OK);
}
END_TEST

START_TEST(the_last_short_block_is_compared_too)
{
    struct env_image_fault fault;
    size_t i = disk_write(&c, 0, 2, disk, LEN, 1 << 20);
    rewrite_full(LEN - 1);
    ck_assert_int_eq(read_at(i, LEN - 5, 2, &fault), ENVELOPE_E_AUTH);
    ck_assert_int_eq(read_at(i, (uint64_t)(BLOCKS - 1) * BLOCK, BLOCK - 9, &fault),
                     ENVELOPE_E_AUTH);
    ck_assert_int_eq(read_at(i, 0, 20 * BLOCK, &fault), ENVELOPE_OK);
}
END_TEST

START_TEST(an_index_of_another_generation_is_not_believed)
{
    struct env_image_fault fault;
    size_t i = disk_write(&c, 0, 1, disk, LEN, 1 << 20);
    ck_assert_int_eq(read_at(i, 0, 10, &fault), ENVELOPE_OK);
    c.point[0].generation = 3; /* the index that point i inherits lies there */
    ck_assert_int_eq(read_at(i, 0, 10, &fault), ENVELOPE_E_AUTH);
    ck_assert_uint_eq(fault.object, 1);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {an_unchanged_disk_after_a_rotation_stores_no_block,
                                  unchanged_is_refused_across_generations,
                                  a_rewritten_full_is_noticed_by_whole_blocks_and_by_parts,
                                  the_last_short_block_is_compared_too,
                                  an_index_of_another_generation_is_not_believed,
                                  NULL};
    Suite *s = suite_create("generations");
    TCase *tc = tcase_create("generations");
    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    for (size_t i = 0; tests[i]; i++) {
        tcase_add_test(tc, tests[i]);
    }
    suite_add_tcase(s, tc);
    return s;
}
