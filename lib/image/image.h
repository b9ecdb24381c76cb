/* image/image.h - content `image` for reading: the disk as it was at one point, whatever objects
 * its blocks lie in (docs/format.md, "Image"). Every point holds a full map, so nothing is merged:
 * a block costs a chunk of the directory, one of the index, and its own. */
#ifndef ENV_IMAGE_IMAGE_H
#define ENV_IMAGE_IMAGE_H
#include "crypto/aead.h"
#include "format/box.h"
#include "format/image.h"
#include "object/reader.h"

/* An object as its blocks are read. */
struct env_image_source {
    struct env_payload_reader *payload;
    struct env_footer footer;
    /* attested under the generation of the point that is read: only then is it believed without
     * the block hash, and only then does an index in it count (crypto.md, W10) */
    bool same_generation;
    void *opened; /* the opener's own */
};
struct env_image_opener {
    void *user;
    /* By LINK; called from the reading thread, several at once, with no lock held. */
    envelope_status (*open)(void *user, const uint8_t link[ENV_LINK_BYTES],
                            struct env_image_source *out, envelope_error *err);
    void (*close)(void *user, struct env_image_source *source);
};

/* Threads: share it freely. */
struct env_image;

/* own stays the caller's and must outlive the image; hash_key is BK_g, or X(DEK, "block hash", "")
 * of a detached point (arena). Reads the object table and nothing else. E_FORMAT, E_AUTH. */
envelope_status env_image_open(envelope_ctx *ctx, const struct env_image_source *own,
                               const uint8_t hash_key[32], const struct env_image_opener *opener,
                               struct env_image **out, envelope_error *err);
envelope_ctx *env_image_ctx(const struct env_image *image);
const struct env_geometry *env_image_geometry(const struct env_image *image);
/* The object table. */
size_t env_image_objects(const struct env_image *image);
const uint8_t *env_image_link(const struct env_image *image, size_t i);
void env_image_close(struct env_image *image);

/* Where it failed, for events: which object (0: the point itself, i + 1: entry i of the table) and
 * which byte of the disk. */
struct env_image_fault {
    size_t object;
    uint64_t offset;
};
/* len bytes from offset, all within the image. A block that is read whole is compared with its
 * hash; of a block that lies in an object of another generation the whole is read and compared,
 * whatever was asked for. On failure buf is wiped. E_AUTH, E_FORMAT (damage), E_NOT_FOUND (an
 * object), E_IO. */
envelope_status env_image_pread(struct env_image *image, uint64_t offset, void *buf, size_t len,
                                struct env_image_fault *fault, envelope_error *err);
/* From offset on: how many bytes are alike, and do they lie nowhere, being zeros? What follows may
 * be alike as well: one index is looked through. */
envelope_status env_image_extent(struct env_image *image, uint64_t offset, uint64_t *len,
                                 bool *zero, struct env_image_fault *fault, envelope_error *err);

/* A segment's map, for the writer of the next point: locations as numbers of this image (kind HERE:
 * object is 0 for the point itself, i + 1 for entry i of its table) with hashes. *directory
 * likewise: where the index itself lies. Damage is told, not served. */
struct env_segment {
    struct env_location directory;
    struct env_location location[ENV_SEGMENT_BLOCKS];
    uint8_t hash[ENV_SEGMENT_BLOCKS][ENV_BLOCK_HASH_BYTES];
};
envelope_status env_image_segment(struct env_image *image, uint64_t segment,
                                  struct env_segment *out, struct env_image_fault *fault,
                                  envelope_error *err);
#endif
