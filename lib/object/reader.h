/* object/reader.h - the payload of an object: one Cobblestone message between headers and tail. */
#ifndef ENV_OBJECT_READER_H
#define ENV_OBJECT_READER_H
#include "format/footer.h"
#include "keys/dek.h"
#include "object/headers.h"

/* Threads: share it freely (read must allow that). */
struct env_payload_reader;

struct env_payload_place {
    uint64_t offset; /* 2C */
    uint64_t bytes;  /* N = object - 2C - 64 */
};
/* id_short is ID[0..55]; prefix is P of a verified header, or NULL (both headers dead: the
 * payload's own commitment must do). Proves the length by opening the last chunk. secret: plaintext
 * passes only through the arena. E_AUTH: prefix or commitment differ, last chunk does not open;
 * E_FORMAT: no message has this length. */
envelope_status env_payload_reader_new(envelope_ctx *ctx, const envelope_dek *dek,
                                       const uint8_t id_short[ENV_ID_SHORT_BYTES],
                                       const uint8_t *prefix, struct env_payload_place place,
                                       env_read_fn read, void *user, bool secret,
                                       struct env_payload_reader **out, envelope_error *err);
/* Plaintext length, footer included. */
uint64_t env_payload_reader_bytes(const struct env_payload_reader *reader);
/* len plaintext bytes from offset, all or E_RANGE; nothing is given out before its chunk verified.
 * E_AUTH tells the offset of the chunk in the object in *bad_at (NULL allowed). */
envelope_status env_payload_read(const struct env_payload_reader *reader, uint64_t offset,
                                 void *buf, size_t len, uint64_t *bad_at, envelope_error *err);
/* The last ENV_FOOTER_BYTES as a footer. */
envelope_status env_payload_footer(const struct env_payload_reader *reader, uint8_t content,
                                   struct env_footer *out, envelope_error *err);
void env_payload_reader_free(struct env_payload_reader *reader);
#endif
