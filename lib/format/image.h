/* format/image.h - the parts of a disk image's payload (docs/format.md 10): locations, directory
 * entries, and the geometry that all offsets are checked against. */
#ifndef ENV_FORMAT_IMAGE_H
#define ENV_FORMAT_IMAGE_H
#include "format/footer.h"

enum {
    ENV_BLOCK_LOG2 = 16, /* what is written here; 12 to 20 are read */
    ENV_BLOCK_LOG2_MIN = 12,
    ENV_BLOCK_LOG2_MAX = 20,
    ENV_SEGMENT_LOG2 = 11,
    ENV_SEGMENT_BLOCKS = 1 << ENV_SEGMENT_LOG2,
    ENV_LOCATION_BYTES = 8,
    ENV_BLOCK_HASH_BYTES = 16,
    ENV_INDEX_LOCATIONS = ENV_SEGMENT_BLOCKS * ENV_LOCATION_BYTES,
    ENV_INDEX_BYTES = ENV_SEGMENT_BLOCKS * (ENV_LOCATION_BYTES + ENV_BLOCK_HASH_BYTES),
    ENV_DIRECTORY_BYTES = 16, /* an entry */
    ENV_PART_ALIGN = 16384,   /* every part begins at a multiple, so at a chunk */
    ENV_LOCATION_UNIT = 4096
};
/* The greatest size of an image: segments are counted in 32 bits, and 2^47 bytes are 128 TiB. */
#define ENV_IMAGE_BYTES_MAX ((uint64_t)1 << 47)

/* Where a block's bytes, or a segment's index, lie. */
enum { ENV_AT_ZERO = 0, ENV_AT_HERE = 1, ENV_AT_OBJECT = 2 };
struct env_location {
    uint8_t kind;
    uint16_t object; /* ENV_AT_OBJECT: index into the object table */
    uint64_t offset; /* in that object's plaintext; zero: 0 */
};
void env_location_put(const struct env_location *location, uint8_t out[ENV_LOCATION_BYTES]);
/* objects: entries of the table that it may point into. false: no such location is possible. */
bool env_location_get(const uint8_t in[ENV_LOCATION_BYTES], uint64_t objects,
                      struct env_location *out);
void env_directory_put(const struct env_location *location, uint8_t out[ENV_DIRECTORY_BYTES]);
bool env_directory_get(const uint8_t in[ENV_DIRECTORY_BYTES], uint64_t objects,
                       struct env_location *out);

/* What follows from the size and the length of a block. */
struct env_geometry {
    uint64_t bytes;
    uint64_t blocks;
    uint64_t segments;
    uint32_t block_bytes;
    uint8_t block_log2;
};
/* E_LIMIT: too large. */
envelope_status env_geometry_of(uint64_t bytes, uint8_t block_log2, struct env_geometry *out,
                                envelope_error *err);
/* The next multiple of ENV_PART_ALIGN. */
uint64_t env_part_aligned(uint64_t offset);
/* Bytes of the block in the image: block_bytes, or fewer for the last one. */
uint32_t env_geometry_block(const struct env_geometry *geometry, uint64_t block);
#endif
