/* object/headers.h - both header copies of an object, read and compared: all that can be known
 * without a key. */
#ifndef ENV_OBJECT_HEADERS_H
#define ENV_OBJECT_HEADERS_H
#include "base/context.h"
#include "format/header.h"
#include "format/slots.h"

/* len bytes from offset, all or an error. */
typedef envelope_status (*env_read_fn)(void *user, uint64_t offset, void *buf, size_t len,
                                       envelope_error *err);

struct env_headers {
    envelope_ctx *ctx;
    uint8_t *bytes; /* 2C, or what there was */
    uint64_t object_bytes;
    uint32_t capacity;
    bool whole[2]; /* A, B: parsed and CRC right */
    struct env_copy copy[2];
    struct env_slots *slots[2]; /* NULL where not whole */
    size_t first;               /* a whole copy: the one with the higher revision, A at equal */
    uint8_t link[ENV_LINK_BYTES];
    char damage[2][160]; /* what is wrong with a copy that is not whole */
};
/* crypto.md 4.1: E_FORMAT: no copy is whole; E_AUTH: two whole copies disagree ("tampered");
 * E_UNSUPPORTED: newer format; E_IO. Kind foreign: E_FORMAT (object.h's). object_bytes is the
 * object's length. */
envelope_status env_headers_read(envelope_ctx *ctx, env_read_fn read, void *user,
                                 uint64_t object_bytes, struct env_headers **out,
                                 envelope_error *err);
void env_headers_free(struct env_headers *headers);
/* = copy[first].id */
const struct env_id *env_headers_id(const struct env_headers *headers);
#endif
