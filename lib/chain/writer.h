/* chain/writer.h - a point being written, for the files that begin it and end it. The numbers of
 * the steps are those of storage.md, section 5, "backup" (docs/design.md). */
#ifndef ENV_CHAIN_WRITER_H
#define ENV_CHAIN_WRITER_H
#include "chain/metadata.h"
#include "chain/parent.h"
#include "image/writer.h"
#include "object/writer.h"

struct envelope_writer {
    envelope_chain *chain;
    char name[ENV_NAME_MAX + 1]; /* of the object */
    char *label;
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    struct env_id id;
    int64_t begun_ms;
    uint64_t expected; /* number */
    envelope_dek *dek;
    struct env_slots *slots;
    struct env_store_writer file;
    struct env_object_writer *object;
    struct env_parent_wish wish;
    struct env_parent parent;
    struct env_image_writer *image; /* content image; else NULL */
    uint8_t *attributes;            /* final ones, ENV_ATTRIBUTES_MAX */
    size_t attributes_len;
    size_t begin_len; /* of those known at begin: both together are limited */
    bool lent;        /* another thread seals and writes */
    bool proven;      /* the generation's metadata was opened again by its KMS in this run */
    bool failed;
    bool durable;   /* the point exists; commit may still have to list it */
    bool committed; /* and has done so, or has said why not */
    uint64_t number;
};

/* [kms] Steps 1 to 6: metadata as it must be, a parent, the temporary file with its headers. */
envelope_status env_writer_begin(envelope_writer *writer, envelope_error *err);
/* What begin made, and what was written: gone. */
void env_writer_drop(envelope_writer *writer);
/* [kms] Steps 14 and 15, when the point is durable. E_AGAIN is returned; other failures are events:
 * the point is safe. */
envelope_status env_writer_list(envelope_writer *writer, envelope_error *err);
#endif
