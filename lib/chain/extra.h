/* chain/extra.h - a point that the catalogue does not list, read from its object: what a row of it
 * would say. */
#ifndef ENV_CHAIN_EXTRA_H
#define ENV_CHAIN_EXTRA_H
#include "chain/lookup.h"
#include "format/row.h"
#include "object/open.h"
#include "store/handle.h"
#include <stdatomic.h>

/* A point whose object was opened. */
struct env_extra {
    char *name;
    struct env_row row;             /* dek not set; number is the expected one, or 0; parent 0 */
    uint8_t parent[ENV_LINK_BYTES]; /* of an increment */
    envelope_dek *dek;              /* NULL in a list of them: env_extras_dek gives it */
    uint8_t sealed_dek[32];
    uint64_t sealed_at;      /* the entry of the list's key stream */
    struct env_slots *slots; /* no more of it than count says */
    uint8_t *label;
    uint8_t *attributes; /* final ones; lengths in row */
};
/* Their DEKs are kept encrypted under a key in the arena, as a catalogue's are: a chain whose
 * metadata is lost consists of nothing else. */
struct env_extras {
    atomic_uint refs;
    uint32_t reserved;
    envelope_ctx *ctx;
    uint8_t *key; /* 32, arena */
    size_t count;
    size_t room;
    struct env_extra *item;
    struct env_lookup by_link;
};
envelope_status env_extras_new(envelope_ctx *ctx, struct env_extras **out, envelope_error *err);
/* Takes *extra over, also when it fails. */
envelope_status env_extras_add(struct env_extras *extras, struct env_extra *extra,
                               envelope_error *err);
/* A DEK of its own. */
envelope_status env_extras_dek(const struct env_extras *extras, size_t i, envelope_dek **out,
                               envelope_error *err);
/* Index, or SIZE_MAX. extras NULL: there is none. */
size_t env_extras_find(const struct env_extras *extras, const uint8_t link[ENV_LINK_BYTES]);
/* Keeps these, in this order, and frees the others. After a failure it is as it was. */
envelope_status env_extras_arrange(struct env_extras *extras, const size_t *order, size_t count,
                                   envelope_error *err);
struct env_extras *env_extras_retain(struct env_extras *extras);
void env_extras_release(struct env_extras *extras);

/* Fills *out from an unlocked point: footer, attributes, row. name is copied. file is what object
 * was read from. */
envelope_status env_extra_describe(const struct env_object *object, struct env_store_file *file,
                                   const char *name, struct env_extra *out, envelope_error *err);
void env_extra_free(envelope_ctx *ctx, struct env_extra *extra);
#endif
