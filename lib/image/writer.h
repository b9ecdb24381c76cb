/* image/writer.h - content `image` as it is written: blocks that are zero lie nowhere, blocks equal
 * to the parent's stay where they are, the rest is stored; a map of all of it follows. */
#ifndef ENV_IMAGE_WRITER_H
#define ENV_IMAGE_WRITER_H
#include "image/image.h"
#include "object/writer.h"

struct env_image_plan {
    uint8_t block_log2;
    struct env_object_writer *to;
    const uint8_t *hash_key; /* of this point; arena, used up on return */
    /* An increment: the parent as an image, its LINK, and the key of its hashes where that is
     * another one; NULL: a full. */
    struct env_image *parent;
    const uint8_t *parent_link;
    const uint8_t *parent_hash_key;
    /* W10: the parent is not of this point's generation. Every block is to be given, and its index
     * is made anew. */
    bool must_read;
    /* A segment of the parent's map is damaged: the segment is stored whole. */
    void (*damaged)(void *user, const struct env_image_fault *fault, envelope_status status,
                    const char *why);
    void *user;
};

/* Threads: one at a time. */
struct env_image_writer;
/* E_LIMIT: the object table would be too long; E_INVALID: the parent has blocks of another size. */
envelope_status env_image_writer_new(envelope_ctx *ctx, const struct env_image_plan *plan,
                                     struct env_image_writer **out, envelope_error *err);
/* The disk's bytes from its beginning, any lengths. */
envelope_status env_image_write(struct env_image_writer *writer, const void *data, size_t len,
                                envelope_error *err);
/* Bytes that are zero, without their being given. */
envelope_status env_image_skip_zero(struct env_image_writer *writer, uint64_t len,
                                    envelope_error *err);
/* Bytes that are the parent's. E_REFUSED: must_read, or no parent; E_RANGE: beyond its end. */
envelope_status env_image_skip_unchanged(struct env_image_writer *writer, uint64_t len,
                                         envelope_error *err);
uint64_t env_image_written(const struct env_image_writer *writer);
/* Directory and object table; fills what the footer says of an image. Final attributes and footer
 * are appended by the caller. */
envelope_status env_image_finish(struct env_image_writer *writer, struct env_footer *footer,
                                 envelope_error *err);
void env_image_writer_free(struct env_image_writer *writer);
#endif
