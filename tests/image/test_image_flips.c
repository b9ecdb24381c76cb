/* Whoever could open a point once can write its payload anew, so every bit of what a small
 * increment says of its blocks is turned, and sealed as if it had always been so: reading gives an
 * error or the right bytes. Zeros are all that nothing speaks for: where a bit has made a block lie
 * nowhere.
 *
 * ENVELOPE_THOROUGH: every bit of the index, too, of which otherwise a sample is turned. */
#include "check_main.h"
#include "crypto/chunked.h"
#include "image_kit.h"
#include "object/tag.h"
#include <stdlib.h>
#include <string.h>

enum {
    LOG2 = 12,
    BLOCK = 1 << LOG2,
    BLOCKS = 12,
    LEN = BLOCKS * BLOCK - 77,
    PAYLOAD_AT = 2 * ENV_CAPACITY_MIN,
    SAMPLE_EVERY = 499 /* prime, so that all bits of a byte come up */
};

struct flips {
    struct disk_chain chain;
    uint8_t disk[LEN];
    size_t point; /* that is damaged */
    uint8_t *plain;
    size_t plain_len;
    struct env_chunked *chunked;
    long refused;
    long right;
    long zeros;
};

static void open_plain(struct flips *f)
{
    const struct disk_point *p = &f->chain.point[f->point];
    const struct env_bytes parts[] = {{p->id_short, sizeof p->id_short}};
    struct env_image_source source;
    uint8_t key[32];
    struct env_image *image = disk_open(&f->chain, f->point, &source);
    f->plain_len = (size_t)env_payload_reader_bytes(source.payload);
    f->plain = malloc(f->plain_len);
    ck_assert_int_eq(env_payload_read(source.payload, 0, f->plain, f->plain_len, NULL, NULL),
                     ENVELOPE_OK);
    disk_close(image, &source);
    ck_assert_int_eq(env_key_payload(f->chain.ctx, env_dek_key(p->dek), key, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_chunked_open_prefix(f->chain.ctx, key, "payload", parts, 1,
                                             p->object.p + PAYLOAD_AT, 1, &f->chunked, NULL),
                     ENVELOPE_OK);
}

static void setup(struct flips *f, uint8_t generation)
{
    memset(f, 0, sizeof *f);
    srand(11);
    for (size_t i = 0; i < LEN; i++) {
        f->disk[i] = (uint8_t)(rand() | 1);
    }
    memset(f->disk + 3 * BLOCK, 0, 2 * BLOCK);
    disk_chain_begin(&f->chain, LOG2);
    disk_write(&f->chain, SIZE_MAX, 1, f->disk, LEN, 1 << 20);
    f->disk[7 * BLOCK] ^= 2;
    disk_write(&f->chain, 0, 1, f->disk, LEN, 1 << 20);
    f->disk[0] ^= 2;
    f->disk[LEN - 1] ^= 2;
    f->point = disk_write(&f->chain, 1, generation, f->disk, LEN, 1 << 20);
    open_plain(f);
}

static void teardown(struct flips *f)
{
    env_chunked_free(f->chunked);
    free(f->plain);
    disk_chain_end(&f->chain);
}

/* The chunk that byte lies in, as the plaintext has it now. */
static void seal(struct flips *f, size_t byte)
{
    size_t n = byte / ENV_CHUNK_BYTES;
    size_t left = f->plain_len - n * ENV_CHUNK_BYTES;
    size_t len = left < ENV_CHUNK_BYTES ? left : ENV_CHUNK_BYTES;
    uint8_t *to = f->chain.point[f->point].object.p + PAYLOAD_AT + ENV_PREFIX_BYTES +
                  n * (ENV_CHUNK_BYTES + ENV_TAG_BYTES);
    ck_assert_int_eq(env_chunked_seal(f->chunked, n, f->plain + n * ENV_CHUNK_BYTES, len, to, NULL),
                     ENVELOPE_OK);
}

/* What the disk has there: behind its end zeros, which is what a larger one would have. */
static bool as_it_was(const struct flips *f, uint64_t at, const uint8_t *got, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (got[i] != (at + i < LEN ? f->disk[at + i] : 0)) {
            return false;
        }
    }
    return true;
}

static void look(struct flips *f, struct env_image *image, uint64_t at, size_t len, size_t bit)
{
    uint8_t got[4 * BLOCK];
    struct env_image_fault fault;
    ck_assert_uint_le(len, sizeof got);
    memset(got, 0x55, len);
    envelope_status st = env_image_pread(image, at, got, len, &fault, NULL);
    bool zero = env_all_zero(got, len);
    ck_assert_msg(!st || zero, "bit %zu: an error, and bytes at %llu", bit, (unsigned long long)at);
    bool right = !st && as_it_was(f, at, got, len);
    ck_assert_msg(st || right || zero, "bit %zu: wrong data at %llu", bit, (unsigned long long)at);
    f->refused += st != 0;
    f->right += right;
    f->zeros += !st && !right;
}

static void read_all(struct flips *f, struct env_image *image, size_t bit)
{
    const struct env_geometry *g = env_image_geometry(image);
    struct env_image_fault fault;
    struct env_segment *segment = malloc(sizeof *segment);
    for (uint64_t block = 0; block < g->blocks && block < BLOCKS; block++) {
        uint64_t at = block << g->block_log2;
        uint32_t len = env_geometry_block(g, block);
        look(f, image, at, len, bit);
        /* a part is believed by the hash alone, too, where the block is of another generation */
        bool older = f->chain.point[f->point].generation != 1 && f->disk[at] && block != 0;
        if (older && len == BLOCK) {
            look(f, image, at + 5, 100, bit);
        }
    }
    (void)env_image_segment(image, 0, segment, &fault, NULL);
    free(segment);
}

static void turn(struct flips *f, size_t bit)
{
    struct env_image_source source;
    struct env_image *image;
    f->plain[bit / 8] ^= (uint8_t)(1 << bit % 8);
    seal(f, bit / 8);
    if (disk_try(&f->chain, f->point, &source, &image, NULL)) {
        f->refused++;
    } else {
        read_all(f, image, bit);
        disk_close(image, &source);
    }
    f->plain[bit / 8] ^= (uint8_t)(1 << bit % 8);
    seal(f, bit / 8);
}

static void turn_bytes(struct flips *f, size_t from, size_t len, size_t step)
{
    for (size_t bit = 8 * from; bit < 8 * (from + len); bit += step) {
        turn(f, bit);
    }
}

static void campaign(uint8_t generation, long zeros_at_most)
{
    static struct flips f;
    const char *thorough = getenv("ENVELOPE_THOROUGH");
    setup(&f, generation);
    disk_expect(&f.chain, f.point, f.disk, LEN);
    const struct env_footer *footer = &f.chain.point[f.point].footer;
    struct env_location index;
    ck_assert(env_directory_get(f.plain + footer->table_at, 2, &index));
    ck_assert_int_eq(index.kind, ENV_AT_HERE);
    turn_bytes(&f, f.plain_len - ENV_FOOTER_BYTES, ENV_FOOTER_BYTES, 1);
    turn_bytes(&f, footer->table_at, ENV_DIRECTORY_BYTES, 1);
    turn_bytes(&f, footer->second_at, footer->second_count * ENV_LINK_BYTES, 1);
    turn_bytes(&f, index.offset, BLOCKS * ENV_LOCATION_BYTES, 1);
    turn_bytes(&f, index.offset + ENV_INDEX_LOCATIONS, BLOCKS * ENV_BLOCK_HASH_BYTES, 1);
    turn_bytes(&f, index.offset, ENV_INDEX_BYTES, thorough && *thorough ? 1 : SAMPLE_EVERY);
    tap_note("refused %ld, right %ld, zeros %ld", f.refused, f.right, f.zeros);
    ck_assert_int_gt(f.refused, 3000);
    ck_assert_int_gt(f.right, 10000);
    ck_assert_int_le(f.zeros, zeros_at_most);
    disk_expect(&f.chain, f.point, f.disk, LEN);
    teardown(&f);
}

START_TEST(an_increment_with_every_bit_turned)
{
    campaign(1, 8);
}
END_TEST

START_TEST(an_increment_after_a_rotation_with_every_bit_turned)
{
    campaign(2, 8);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {an_increment_with_every_bit_turned,
                                  an_increment_after_a_rotation_with_every_bit_turned, NULL};
    return suite_of("flips", 3000, tests);
}
