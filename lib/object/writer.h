/* object/writer.h - a new object, written front to back: two header copies, payload, tail. */
#ifndef ENV_OBJECT_WRITER_H
#define ENV_OBJECT_WRITER_H
#include "format/box.h"
#include "format/slots.h"
#include "keys/dek.h"

typedef envelope_status (*env_write_fn)(void *user, const void *data, size_t len,
                                        envelope_error *err);

struct env_object_plan {
    const struct env_id *id;
    const struct env_box *box;     /* attributes known at begin, root, BK, pairs */
    const uint8_t *attest_key;     /* AK_g, NULL: detached */
    const struct env_slots *slots; /* for dek */
    const envelope_dek *dek;       /* drawn by the caller for this one object */
    bool secret; /* payload is metadata: plaintext is buffered in the arena only */
};
struct env_object_writer;
/* Writes both header copies and the payload's prefix through write. */
envelope_status env_object_writer_new(envelope_ctx *ctx, const struct env_object_plan *plan,
                                      env_write_fn write, void *user,
                                      struct env_object_writer **out, envelope_error *err);
/* Payload bytes, any lengths. After a failure only free is left. */
envelope_status env_object_append(struct env_object_writer *writer, const void *data, size_t len,
                                  envelope_error *err);
/* From now on append only hands over; whoever calls env_object_work seals and writes. */
envelope_status env_object_share(struct env_object_writer *writer, envelope_error *err);
/* A thread lent to the writer: until finish, a failure, or cancel. */
envelope_status env_object_work(struct env_object_writer *writer, envelope_error *err);
/* Any thread. Harmless where nothing is shared. */
void env_object_cancel(struct env_object_writer *writer);
/* Plaintext given so far. */
uint64_t env_object_appended(const struct env_object_writer *writer);
/* Final chunk and tail. *object_bytes: length of the whole object. */
envelope_status env_object_finish(struct env_object_writer *writer, uint64_t *object_bytes,
                                  envelope_error *err);
const uint8_t *env_object_link(const struct env_object_writer *writer); /* 32, borrowed */
uint32_t env_object_capacity(const struct env_object_writer *writer);
void env_object_writer_free(struct env_object_writer *writer);
#endif
