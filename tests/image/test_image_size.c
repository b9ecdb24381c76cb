/* Cost: a disk of 16 TiB, a map a hundred points deep. */
#include "check_main.h"
#include "image_kit.h"
#include <stdlib.h>
#include <string.h>

enum { LOG2 = 16, BLOCK = 1 << LOG2 };

static struct disk_chain c;

START_TEST(a_sparse_disk_of_16_tib)
{
    struct disk_writing w;
    struct env_image_source source;
    struct env_image_fault fault;
    const uint64_t size = (uint64_t)16 << 40;
    const uint64_t places[] = {0, (uint64_t)5 << 40, size - BLOCK};
    uint8_t block[BLOCK];
    uint8_t back[BLOCK];
    uint64_t at = 0;
    disk_chain_begin(&c, LOG2);
    disk_begin(&c, SIZE_MAX, 1, &w);
    for (size_t i = 0; i < 3; i++) {
        memset(block, (int)i + 1, sizeof block);
        ck_assert_int_eq(env_image_skip_zero(w.image, places[i] - at, NULL), ENVELOPE_OK);
        ck_assert_int_eq(env_image_write(w.image, block, sizeof block, NULL), ENVELOPE_OK);
        at = places[i] + BLOCK;
    }
    size_t i = disk_end(&w);
    ck_assert_uint_eq(c.point[i].footer.bytes, size);
    ck_assert_uint_eq(c.point[i].footer.table_count * ENV_DIRECTORY_BYTES, 2 << 20);
    ck_assert_uint_eq(c.point[i].footer.stored_blocks, 3);
    ck_assert_uint_lt(c.point[i].object.len, 3 << 20);
    struct env_image *image = disk_open(&c, i, &source);
    for (size_t k = 0; k < 3; k++) {
        memset(block, (int)k + 1, sizeof block);
        ck_assert_int_eq(env_image_pread(image, places[k], back, BLOCK, &fault, NULL), ENVELOPE_OK);
        ck_assert_int_eq(memcmp(back, block, BLOCK), 0);
    }
    uint64_t n;
    bool zero;
    ck_assert_int_eq(env_image_extent(image, BLOCK, &n, &zero, &fault, NULL), ENVELOPE_OK);
    ck_assert(zero);
    disk_close(image, &source);
    /* and a point that only says that nothing changed */
    disk_begin(&c, i, 1, &w);
    ck_assert_int_eq(env_image_skip_unchanged(w.image, size, NULL), ENVELOPE_OK);
    i = disk_end(&w);
    ck_assert_uint_eq(c.point[i].footer.stored_blocks, 0);
    image = disk_open(&c, i, &source);
    ck_assert_int_eq(env_image_pread(image, places[1], back, BLOCK, &fault, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(back[7], 2);
    disk_close(image, &source);
    disk_chain_end(&c);
}
END_TEST

/* Every point changes one block of each of 100 segments' worth of blocks, so that the map of the
 * last one points everywhere. */
START_TEST(at_depth_100_a_read_costs_three_chunks)
{
    struct disk_writing w;
    struct env_image_source source;
    struct env_image_fault fault;
    uint8_t block[BLOCK];
    enum { DEPTH = 100, BLOCKS = 300 };
    disk_chain_begin(&c, LOG2);
    disk_begin(&c, SIZE_MAX, 1, &w);
    for (int b = 0; b < BLOCKS; b++) {
        memset(block, b + 1, sizeof block);
        ck_assert_int_eq(env_image_write(w.image, block, sizeof block, NULL), ENVELOPE_OK);
    }
    disk_end(&w);
    for (size_t i = 1; i < DEPTH; i++) {
        disk_begin(&c, i - 1, 1, &w);
        ck_assert_int_eq(env_image_skip_unchanged(w.image, i * BLOCK, NULL), ENVELOPE_OK);
        memset(block, 255 - (int)i, sizeof block);
        ck_assert_int_eq(env_image_write(w.image, block, sizeof block, NULL), ENVELOPE_OK);
        ck_assert_int_eq(
            env_image_skip_unchanged(w.image, (BLOCKS - i - 1) * (uint64_t)BLOCK, NULL),
            ENVELOPE_OK);
        ck_assert_uint_eq(c.point[disk_end(&w)].footer.stored_blocks, 1);
    }
    struct env_image *image = disk_open(&c, DEPTH - 1, &source);
    for (size_t i = 0; i < c.count; i++) {
        c.point[i].object.reads = 0;
    }
    long before = c.opened;
    ck_assert_int_eq(env_image_pread(image, (uint64_t)50 * BLOCK + 8192, block, 4096, &fault, NULL),
                     ENVELOPE_OK);
    ck_assert_uint_eq(block[0], 255 - 50);
    ck_assert_int_eq(c.opened - before, 1);
    ck_assert_int_eq(c.point[DEPTH - 1].object.reads, 2); /* directory, locations */
    /* that object opened: salt and commitment, its last chunk, footer, its own table; and the data
     */
    ck_assert_int_le(c.point[50].object.reads, 6);
    c.point[50].object.reads = 0;
    ck_assert_int_eq(
        env_image_pread(image, (uint64_t)50 * BLOCK + 16384, block, 4096, &fault, NULL),
        ENVELOPE_OK);
    ck_assert_int_eq(c.point[50].object.reads, 1); /* warm: one */
    ck_assert_int_eq(c.point[DEPTH - 1].object.reads, 2);
    disk_close(image, &source);
    disk_chain_end(&c);
}
END_TEST

/* In the object, though not in the disk: what follows it begins behind a whole block. */
START_TEST(the_last_block_is_stored_at_full_length)
{
    const uint8_t data[100] = {1};
    disk_chain_begin(&c, LOG2);
    size_t i = disk_write(&c, SIZE_MAX, 1, data, sizeof data, sizeof data);
    ck_assert_uint_eq(c.point[i].footer.table_at, BLOCK + ENV_INDEX_BYTES);
    disk_expect(&c, i, data, sizeof data);
    disk_chain_end(&c);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {a_sparse_disk_of_16_tib, at_depth_100_a_read_costs_three_chunks,
                                  the_last_block_is_stored_at_full_length, NULL};
    return suite_of("size", 300, tests);
}
