/* image/parts.h - what an image opened for reading is made of; everybody else has image.h. */
#ifndef ENV_IMAGE_PARTS_H
#define ENV_IMAGE_PARTS_H
#include "image/image.h"
#include <pthread.h>

/* Object 0 is the point itself, i + 1 is entry i of its table. */
struct env_image_object {
    uint8_t link[ENV_LINK_BYTES]; /* not of object 0 */
    bool open;
    struct env_image_source source;
    uint16_t *map; /* its own table's entries as objects of this image; NULL: none */
};

/* Chunks of directories and indexes, opened and verified; the least recently used makes room. */
enum { ENV_IMAGE_CACHED = 48 };
struct env_image_chunk {
    size_t object; /* SIZE_MAX: empty */
    uint64_t at;
    uint64_t used;
    uint8_t *bytes; /* ENV_PART_ALIGN */
};

struct env_image {
    envelope_ctx *ctx; /* retained */
    struct env_image_opener opener;
    struct env_geometry geometry;
    struct env_block_hash *hash;
    size_t count; /* objects, the point itself included */
    struct env_image_object *object;
    pthread_mutex_t lock; /* of what follows, and of `open` */
    uint64_t clock;
    struct env_image_chunk chunk[ENV_IMAGE_CACHED];
};

/* objects.c: opened at the first use. */
envelope_status env_image_object(struct env_image *image, size_t i, struct env_image_object **out,
                                 envelope_error *err);
/* cache.c: len bytes that lie within one chunk of an object's plaintext. */
envelope_status env_image_cached(struct env_image *image, struct env_image_object *object,
                                 uint64_t offset, void *out, size_t len, envelope_error *err);
void env_image_cache_free(struct env_image *image);
/* Does it lie within the object's plaintext? Offsets are whatever somebody wrote: no sum of them.
 */
bool env_image_within(const struct env_image_object *object, uint64_t offset, uint64_t len);

/* map.c: where the index of a segment lies, as an object of this image; kind ZERO or HERE. */
struct env_place_at {
    uint8_t kind;
    size_t object;
    uint64_t offset;
};
envelope_status env_image_directory(struct env_image *image, uint64_t segment,
                                    struct env_place_at *out, struct env_image_fault *fault,
                                    envelope_error *err);
/* ... and a block, given where its index lies. */
envelope_status env_image_location(struct env_image *image, const struct env_place_at *index,
                                   uint64_t block, struct env_place_at *out,
                                   struct env_image_fault *fault, envelope_error *err);
envelope_status env_image_hash(struct env_image *image, const struct env_place_at *index,
                               uint64_t block, uint8_t out[ENV_BLOCK_HASH_BYTES],
                               struct env_image_fault *fault, envelope_error *err);
#endif
