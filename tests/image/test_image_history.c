/* Whatever was done to a disk, every point of it reads back as it was: random histories, of writes,
 * holes, growth and shrinking, against copies of the disk. */
#include "check_main.h"
#include "image_kit.h"
#include <stdlib.h>
#include <string.h>

enum { POINTS = 12, BLOCK_LOG2 = 12, BLOCK = 1 << BLOCK_LOG2 };
static const size_t segment = (size_t)ENV_SEGMENT_BLOCKS * BLOCK; /* 8 MiB */

struct disk {
    uint8_t *bytes;
    size_t len;
};

static void fill(uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        p[i] = (uint8_t)rand();
    }
}

/* Random writes and holes; what lies behind the end of a disk that grows is zero. */
static void change(struct disk *d, size_t len, int writes)
{
    if (len > d->len) {
        memset(d->bytes + d->len, 0, len - d->len);
    }
    d->len = len;
    for (int i = 0; i < writes && len; i++) {
        size_t at = (size_t)rand() % len;
        size_t n = (size_t)rand() % (5 * BLOCK);
        n = n < len - at ? n : len - at;
        if (rand() % 4 == 0) {
            memset(d->bytes + at, 0, n);
            continue;
        }
        fill(d->bytes + at, n);
    }
}

static size_t some_length(size_t most)
{
    size_t len = (size_t)rand() % most;
    return rand() % 2 ? len : len / BLOCK * BLOCK;
}

static void run(unsigned seed)
{
    static struct disk_chain c;
    struct disk now = {malloc(3 * segment), 0};
    struct disk then[POINTS];
    srand(seed);
    disk_chain_begin(&c, BLOCK_LOG2);
    for (size_t i = 0; i < POINTS; i++) {
        size_t len = rand() % 3 ? now.len : some_length(2 * segment + segment / 2);
        change(&now, i ? len : some_length(2 * segment), i ? 20 : 400);
        size_t parent = i % 7 ? i - 1 : SIZE_MAX;
        disk_write(&c, parent, 1, now.bytes, now.len, 1 + (size_t)rand() % (3 * BLOCK));
        then[i] = (struct disk){malloc(now.len + 1), now.len};
        memcpy(then[i].bytes, now.bytes, now.len);
    }
    for (size_t i = 0; i < POINTS; i++) {
        disk_expect(&c, i, then[i].bytes, then[i].len);
        free(then[i].bytes);
    }
    free(now.bytes);
    disk_chain_end(&c);
}

START_TEST(every_point_reads_as_it_was)
{
    const char *seed = getenv("ENVELOPE_SEED");
    unsigned first = seed ? (unsigned)strtoul(seed, NULL, 10) : 1;
    tap_note("seed %u", first);
    unsigned histories = getenv("ENVELOPE_THOROUGH") && *getenv("ENVELOPE_THOROUGH") ? 16 : 2;
    for (unsigned i = 0; i < histories; i++) {
        run(first + i);
    }
}
END_TEST

static void expect_skipped(struct disk_chain *c, const struct disk *d, size_t parent)
{
    struct disk_writing w;
    disk_begin(c, parent, 1, &w);
    size_t at = 0;
    while (at < d->len) {
        size_t n = 1 + (size_t)rand() % (segment + 9 * BLOCK);
        n = n < d->len - at ? n : d->len - at;
        bool zero = at / BLOCK % 3 == 0 && n < BLOCK / 2;
        if (zero) {
            memset(d->bytes + at, 0, n);
        }
        envelope_status st = zero ? env_image_skip_zero(w.image, n, NULL)
                                  : env_image_skip_unchanged(w.image, n, NULL);
        ck_assert_int_eq(st, ENVELOPE_OK);
        at += n;
        ck_assert_uint_eq(env_image_written(w.image), at);
    }
    disk_expect(c, disk_end(&w), d->bytes, d->len);
}

START_TEST(skipping_is_as_good_as_giving)
{
    static struct disk_chain c;
    struct disk d = {malloc(3 * segment), 0};
    srand(5);
    disk_chain_begin(&c, BLOCK_LOG2);
    change(&d, 2 * segment + 3 * BLOCK + 77, 500);
    disk_write(&c, SIZE_MAX, 1, d.bytes, d.len, 1 << 20);
    for (size_t i = 0; i < 6; i++) {
        expect_skipped(&c, &d, i);
    }
    ck_assert_uint_lt(c.point[6].footer.stored_blocks, 200);
    free(d.bytes);
    disk_chain_end(&c);
}
END_TEST

START_TEST(an_unchanged_disk_stores_nothing)
{
    static struct disk_chain c;
    struct disk d = {malloc(3 * segment), 0};
    srand(7);
    disk_chain_begin(&c, BLOCK_LOG2);
    change(&d, 2 * segment + 100, 300);
    disk_write(&c, SIZE_MAX, 1, d.bytes, d.len, 1 << 20);
    size_t same = disk_write(&c, 0, 1, d.bytes, d.len, 1 << 20);
    ck_assert_uint_eq(c.point[same].footer.stored_blocks, 0);
    /* not an index either: directory, object table, footer, and headers */
    ck_assert_uint_lt(c.point[same].object.len, 2 * ENV_CAPACITY_MIN + 3 * ENV_PART_ALIGN);
    disk_expect(&c, same, d.bytes, d.len);
    free(d.bytes);
    disk_chain_end(&c);
}
END_TEST

START_TEST(zeros_are_not_stored)
{
    static struct disk_chain c;
    struct disk d = {calloc(1, 2 * segment), 2 * segment - 5};
    disk_chain_begin(&c, BLOCK_LOG2);
    size_t i = disk_write(&c, SIZE_MAX, 1, d.bytes, d.len, 1 << 20);
    ck_assert_uint_eq(c.point[i].footer.stored_blocks, 0);
    disk_expect(&c, i, d.bytes, d.len);
    d.bytes[segment + 1] = 1;
    i = disk_write(&c, i, 1, d.bytes, d.len, 1 << 20);
    ck_assert_uint_eq(c.point[i].footer.stored_blocks, 1);
    disk_expect(&c, i, d.bytes, d.len);
    i = disk_write(&c, SIZE_MAX, 1, NULL, 0, 1);
    disk_expect(&c, i, d.bytes, 0);
    free(d.bytes);
    disk_chain_end(&c);
}
END_TEST

static void walk_extents(struct env_image *image, const struct disk *d)
{
    struct env_image_fault fault;
    uint64_t at = 0;
    size_t holes = 0;
    while (at < d->len) {
        uint64_t n;
        bool zero;
        ck_assert_int_eq(env_image_extent(image, at, &n, &zero, &fault, NULL), ENVELOPE_OK);
        ck_assert_uint_gt(n, 0);
        ck_assert_uint_le(n, d->len - at);
        for (uint64_t i = 0; zero && i < n; i++) {
            ck_assert_uint_eq(d->bytes[at + i], 0);
        }
        holes += zero;
        at += n;
    }
    ck_assert_uint_gt(holes, 2);
}

START_TEST(extents_tell_what_is_nowhere)
{
    static struct disk_chain c;
    struct disk d = {calloc(1, 3 * segment), 3 * segment - 11};
    struct env_image_source source;
    srand(9);
    disk_chain_begin(&c, BLOCK_LOG2);
    change(&d, d.len, 30);
    memset(d.bytes + segment, 0, segment);
    size_t i = disk_write(&c, SIZE_MAX, 1, d.bytes, d.len, 1 << 20);
    struct env_image *image = disk_open(&c, i, &source);
    walk_extents(image, &d);
    disk_close(image, &source);
    free(d.bytes);
    disk_chain_end(&c);
}
END_TEST

/* A call looks through one index: whoever writes thousands that say nothing does not hold it up. */
START_TEST(zeros_end_where_the_next_index_begins)
{
    static struct disk_chain c;
    struct disk d = {calloc(1, 2 * segment), 2 * segment};
    struct env_image_source source;
    struct env_image_fault fault;
    uint64_t n;
    bool zero;
    disk_chain_begin(&c, BLOCK_LOG2);
    d.bytes[0] = 1;
    d.bytes[d.len - 1] = 1;
    size_t i = disk_write(&c, SIZE_MAX, 1, d.bytes, d.len, 1 << 20);
    struct env_image *image = disk_open(&c, i, &source);
    ck_assert_int_eq(env_image_extent(image, BLOCK, &n, &zero, &fault, NULL), ENVELOPE_OK);
    ck_assert(zero);
    ck_assert_uint_eq(n, segment - BLOCK);
    ck_assert_int_eq(env_image_extent(image, segment, &n, &zero, &fault, NULL), ENVELOPE_OK);
    ck_assert(zero);
    ck_assert_uint_eq(n, segment - BLOCK);
    disk_close(image, &source);
    free(d.bytes);
    disk_chain_end(&c);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {every_point_reads_as_it_was,
                                  skipping_is_as_good_as_giving,
                                  an_unchanged_disk_stores_nothing,
                                  zeros_are_not_stored,
                                  extents_tell_what_is_nowhere,
                                  zeros_end_where_the_next_index_begins,
                                  NULL};
    return suite_of("history", 300, tests);
}
