/* image/write_parts.h - what the writer's two files share. */
#ifndef ENV_IMAGE_WRITE_PARTS_H
#define ENV_IMAGE_WRITE_PARTS_H
#include "image/writer.h"

struct env_image_writer {
    envelope_ctx *ctx; /* retained */
    struct env_image_plan plan;
    struct env_block_hash *hash;
    struct env_block_hash *parent_hash; /* NULL: the same key */
    uint8_t *link;                      /* of the parent, a copy */
    uint64_t given;                     /* bytes of the disk */
    uint64_t stored_blocks;
    uint32_t block_bytes;
    uint8_t *carry; /* the beginning of a block */
    uint32_t carry_len;
    bool failed;
    /* the segment being made */
    uint32_t filled; /* blocks */
    bool stored;     /* a block of it was stored */
    bool known;      /* the parent's map of it is in `parent` */
    struct env_segment *parent;
    struct env_segment *segment; /* as entries of this point's table */
    bool same;                   /* every block so far is the parent's */
    bool zero;                   /* every block so far is zero */
    /* directory entries, as they are written */
    uint8_t *directory;
    size_t directory_count;
    size_t directory_room;
};

/* segment.c: a block at the end of those there are. */
envelope_status env_segment_store(struct env_image_writer *w, const void *block, uint32_t len,
                                  envelope_error *err);
envelope_status env_segment_zero(struct env_image_writer *w, envelope_error *err);
/* *done false: there is no such block in the parent's map (damaged): it has to be given. */
envelope_status env_segment_unchanged(struct env_image_writer *w, bool *done, envelope_error *err);
/* A whole segment at once, at the beginning of one. */
envelope_status env_segment_all_zero(struct env_image_writer *w, envelope_error *err);
/* *done false: not by its directory entry alone. */
envelope_status env_segment_all_unchanged(struct env_image_writer *w, bool *done,
                                          envelope_error *err);
/* The index, if it needs one, and its entry in the directory. */
envelope_status env_segment_end(struct env_image_writer *w, envelope_error *err);
envelope_status env_image_align(struct env_image_writer *w, envelope_error *err);
#endif
