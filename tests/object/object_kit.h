/* object_kit.h - objects made in memory, for the tests of lib/object. Whatever fails here ends the
 * test. */
#ifndef TESTS_OBJECT_KIT_H
#define TESTS_OBJECT_KIT_H
#include "base/context.h"
#include "object/headers.h"
#include "object/writer.h"
#include <envelope/object.h>

/* Where an object lies: serves as user of env_read_fn and env_write_fn. */
struct memory {
    uint8_t *p;
    size_t len;
    size_t room;
    long reads;
    uint64_t bytes_read;
    envelope_status broken; /* what reads and writes return */
};
envelope_status memory_read(void *user, uint64_t offset, void *buf, size_t len,
                            envelope_error *err);
envelope_status memory_write(void *user, const void *data, size_t len, envelope_error *err);
void memory_free(struct memory *m);
struct memory memory_copy(const struct memory *m);

/* Secrets of the one chain that these tests know. */
extern const uint8_t kit_root[32];
extern const uint8_t kit_attest_key[32];
extern const uint8_t kit_block_hash_key[32];

enum { KIT_KEY = 1, KIT_OTHER_KEY = 2 }; /* of the pool */

envelope_dek *kit_dek(envelope_ctx *ctx);
/* An attested full point of content `stream` of the chain. */
struct env_id kit_id(envelope_ctx *ctx);
/* One escrow slot for that key of the pool; env_free it. */
struct env_slots *kit_slots(envelope_ctx *ctx, const envelope_dek *dek, int key);
/* With the private half: opens. */
envelope_keyring *kit_keyring(envelope_ctx *ctx, int key);
/* With the public half: wraps. */
envelope_keyring *kit_escrow(envelope_ctx *ctx, int key);

struct kit_plan {
    const envelope_dek *dek;
    struct env_id id;
    struct env_box box;
    bool attested;
    bool secret;
    int key;
    size_t step; /* bytes in one append; 0: all */
};
/* kit_id, its box, KIT_KEY */
struct kit_plan kit_plan(envelope_ctx *ctx, const envelope_dek *dek);
/* Headers and prefix are written; whoever appends and finishes frees it. */
struct env_object_writer *kit_begin(envelope_ctx *ctx, const struct kit_plan *plan,
                                    struct memory *m);
struct memory kit_object(envelope_ctx *ctx, const struct kit_plan *plan, const void *data,
                         size_t len);
/* Bytes that differ from chunk to chunk; free() them. */
uint8_t *kit_data(size_t len);

/* The copy's bytes made again with another revision or other slots (NULL: as they are), TAG under
 * dek. */
void kit_retag(envelope_ctx *ctx, struct memory *m, int copy, const envelope_dek *dek,
               uint64_t revision, const struct env_slots *slots);
/* The CRC of a copy of that capacity made right again. */
void kit_mend_crc(uint8_t *copy, size_t capacity);

struct env_headers *kit_headers(envelope_ctx *ctx, struct memory *m);
#endif
