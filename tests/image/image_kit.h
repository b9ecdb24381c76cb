/* image_kit.h - disks in memory: points of content image, each with its parent, and the disk that
 * each of them has to give back. Whatever fails here ends the test. */
#ifndef TESTS_IMAGE_KIT_H
#define TESTS_IMAGE_KIT_H
#include "image/writer.h"
#include "object_kit.h"

enum { KIT_POINTS_MAX = 128 };

/* One point as it lies in memory. */
struct disk_point {
    struct memory object;
    envelope_dek *dek;
    uint8_t id_short[ENV_ID_SHORT_BYTES];
    uint8_t link[ENV_LINK_BYTES];
    uint8_t generation; /* its block hashes lie under a key of this */
    struct env_footer footer;
    uint64_t damages; /* segments of the parent's map that were told as damaged */
};
struct disk_chain {
    envelope_ctx *ctx;
    size_t count;
    struct disk_point point[KIT_POINTS_MAX];
    uint8_t block_log2;
    uint8_t reading;         /* generation of the point that is being read: for the opener */
    long opened;             /* objects that were opened */
    const uint8_t *hash_key; /* of all points; NULL: one for each generation */
    size_t missing;          /* this point cannot be opened; SIZE_MAX: all can */
};

void disk_chain_begin(struct disk_chain *c, uint8_t block_log2);
void disk_chain_end(struct disk_chain *c);

/* A point being written; parent SIZE_MAX: a full. */
struct disk_writing {
    struct disk_chain *chain;
    struct env_object_writer *object;
    struct env_image_writer *image;
    struct env_image *parent;
    struct env_image_source parent_source;
};
void disk_begin(struct disk_chain *c, size_t parent, uint8_t generation, struct disk_writing *w);
/* Its index. */
size_t disk_end(struct disk_writing *w);
/* All of data in steps of that many bytes. */
size_t disk_write(struct disk_chain *c, size_t parent, uint8_t generation, const uint8_t *data,
                  size_t len, size_t step);

/* An error where the point is not what it was; then there is nothing to close. */
envelope_status disk_try(struct disk_chain *c, size_t i, struct env_image_source *source,
                         struct env_image **image, envelope_error *err);
struct env_image *disk_open(struct disk_chain *c, size_t i, struct env_image_source *source);
void disk_close(struct env_image *image, struct env_image_source *source);
/* Does point i give these bytes, read in steps, and in pieces at odd places? */
void disk_expect(struct disk_chain *c, size_t i, const uint8_t *data, size_t len);
#endif
