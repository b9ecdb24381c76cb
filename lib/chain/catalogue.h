/* chain/catalogue.h - a metadata object's content in memory: the sealed catalogue of a chain.
 * SECRETS and the rows' DEKs are kept encrypted under a key in the arena that is drawn for each
 * catalogue, so a chain of a million points needs 32 bytes of locked memory. Once loaded or sealed
 * a catalogue does not change; who wants to change one edits a copy. Threads: share it freely. */
#ifndef ENV_CHAIN_CATALOGUE_H
#define ENV_CHAIN_CATALOGUE_H
#include "chain/lookup.h"
#include "format/head.h"
#include "format/row.h"
#include "format/slots.h"
#include "keys/dek.h"
#include "object/open.h"
#include "object/reader.h"
#include "object/writer.h"
#include <stdatomic.h>

struct env_catalogue {
    atomic_uint refs;
    uint32_t generation; /* the last of SECRETS */
    envelope_ctx *ctx;
    struct env_id id; /* of the object: zero while it is being edited */
    uint8_t link[ENV_LINK_BYTES];
    struct env_slots *slots; /* of the object */
    envelope_dek *dek;       /* of the object */
    bool by_kms;             /* opened by a KMS's unwrap, not by something local */
    bool ours;               /* sealed by this handle */
    int64_t sealed_ms;
    uint8_t *key; /* 32, arena */
    size_t secrets_len;
    uint8_t *secrets; /* encrypted, room for a multiple of 32 */
    struct env_head head;
    size_t row_count;
    size_t row_room;
    struct env_row *rows; /* dek members encrypted */
    size_t strings_len;
    size_t strings_room;
    uint8_t *strings;
    struct env_lookup by_object; /* rows by object id, and by LINK */
    struct env_lookup by_link;
    struct env_lookup by_stone; /* tombstones by object id */
    uint64_t forgotten;         /* the highest number of a tombstone */
};

/* crypto.md 4.6 as far as one object goes: root gives chain_id, the last generation is ID's, ATT
 * verifies under its AK. object stays the caller's. E_AUTH, E_FORMAT. */
envelope_status env_catalogue_load(const struct env_object *object, env_read_fn read, void *user,
                                   struct env_catalogue **out, envelope_error *err);
/* A first catalogue: root and GS_1 are drawn; nothing else is set. */
envelope_status env_catalogue_begin(envelope_ctx *ctx, struct env_catalogue **out,
                                    envelope_error *err);
/* A deep copy to edit; id, link, slots and dek are not copied. */
envelope_status env_catalogue_copy(const struct env_catalogue *from, struct env_catalogue **out,
                                   envelope_error *err);
struct env_catalogue *env_catalogue_retain(struct env_catalogue *catalogue);
void env_catalogue_release(struct env_catalogue *catalogue);

/* SECRETS in plain, in the arena: give back with env_secret_free(ctx, *out, secrets_len). */
envelope_status env_catalogue_secrets(const struct env_catalogue *catalogue, uint8_t **out,
                                      envelope_error *err);
/* GS of generation g, derived on: X(GS_g, label, ...); found false if SECRETS lack g. */
envelope_status env_catalogue_generation_key(const struct env_catalogue *catalogue, uint32_t g,
                                             const char *label,
                                             const uint8_t chain_id[ENV_CHAIN_ID_BYTES],
                                             uint8_t out[32], bool *found, envelope_error *err);
envelope_status env_catalogue_root(const struct env_catalogue *catalogue, uint8_t out[32],
                                   envelope_error *err);
/* Are a's SECRETS a prefix of b's (equal ones too)? */
envelope_status env_catalogue_prefix(const struct env_catalogue *a, const struct env_catalogue *b,
                                     bool *yes, envelope_error *err);
/* A fresh GS for generation g, above all others. E_LIMIT. */
envelope_status env_catalogue_draw(struct env_catalogue *catalogue, uint32_t g,
                                   envelope_error *err);

/* DEK of a row; out in the arena. E_NO_KEY: the row does not know it. */
envelope_status env_catalogue_dek(const struct env_catalogue *catalogue, size_t row,
                                  uint8_t out[32], envelope_error *err);
/* The same as a DEK of its own. */
envelope_status env_row_dek(const struct env_catalogue *catalogue, size_t row, envelope_dek **out,
                            envelope_error *err);
/* Adds a row behind the others (row->number is above all); row->dek is ignored, dek may be NULL
 * (unknown). label and attributes go to the strings. */
envelope_status env_catalogue_append(struct env_catalogue *catalogue, const struct env_row *row,
                                     const uint8_t *dek, struct env_bytes label,
                                     struct env_bytes attributes, envelope_error *err);
/* Takes the rows of these numbers (rising) out of a catalogue that is being edited, and puts up a
 * tombstone for each. from: what it is a copy of. E_LIMIT. */
envelope_status env_catalogue_forget(struct env_catalogue *catalogue,
                                     const struct env_catalogue *from, const uint64_t *numbers,
                                     size_t count, envelope_error *err);
/* Index, or SIZE_MAX. */
size_t env_catalogue_find_object(const struct env_catalogue *catalogue,
                                 const uint8_t object_id[ENV_OBJECT_ID_BYTES]);
size_t env_catalogue_find_link(const struct env_catalogue *catalogue,
                               const uint8_t link[ENV_LINK_BYTES]);
size_t env_catalogue_find_number(const struct env_catalogue *catalogue, uint64_t number);
/* NULL: none. */
const struct env_tombstone *env_catalogue_tombstone(const struct env_catalogue *catalogue,
                                                    const uint8_t object_id[ENV_OBJECT_ID_BYTES]);
bool env_catalogue_tombstoned(const struct env_catalogue *catalogue,
                              const uint8_t object_id[ENV_OBJECT_ID_BYTES]);
uint64_t env_catalogue_next_number(const struct env_catalogue *catalogue);
/* Does `past` list this pair, or is it this object itself? */
bool env_catalogue_descends(const struct env_catalogue *catalogue, uint64_t number,
                            const uint8_t link[ENV_LINK_BYTES]);
struct env_bytes env_catalogue_label(const struct env_catalogue *catalogue, size_t row);
struct env_bytes env_catalogue_attributes(const struct env_catalogue *catalogue, size_t row);

/* Length of the payload in plain. */
envelope_status env_catalogue_bytes(const struct env_catalogue *catalogue, uint64_t *bytes,
                                    envelope_error *err);
/* The payload: all but the final chunk, footer included. */
envelope_status env_catalogue_write(const struct env_catalogue *catalogue, int64_t sealed_ms,
                                    struct env_object_writer *writer, envelope_error *err);
#endif
