/* format/id.h - ID, 104 bytes: what an object is, and what everything in it is bound to. */
#ifndef ENV_FORMAT_ID_H
#define ENV_FORMAT_ID_H
#include "base/bytes.h"
#include <envelope/base.h>

enum {
    ENV_FORMAT_MAJOR = 1,
    ENV_FORMAT_MINOR = 0,
    ENV_ID_BYTES = 104,
    ENV_ID_SHORT_BYTES = 56, /* ID[0..55]: what a catalogue's row also knows */
    ENV_LINK_BYTES = 32,
    ENV_CHAIN_ID_BYTES = 32,
    ENV_OBJECT_ID_BYTES = 16
};
enum { ENV_KIND_FULL = 1, ENV_KIND_INCREMENT = 2, ENV_KIND_METADATA = 3, ENV_KIND_FOREIGN = 4 };
enum { ENV_ATTESTED = 0, ENV_DETACHED = 1 };
enum { ENV_CONTENT_NONE = 0, ENV_CONTENT_STREAM = 1, ENV_CONTENT_IMAGE = 2 };
#define ENV_NUMBER_LIMIT     ((uint64_t)1 << 48) /* numbers and serials lie below */
#define ENV_GENERATION_LIMIT ((uint32_t)1 << 31)

struct env_id {
    uint8_t format; /* ENV_FORMAT_MAJOR */
    uint8_t kind;
    uint8_t standing;
    uint8_t content;
    uint32_t generation;
    uint8_t chain_id[ENV_CHAIN_ID_BYTES];
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    uint64_t serial;
    uint64_t number; /* metadata number */
    uint8_t parent[ENV_LINK_BYTES];
};

void env_id_put(const struct env_id *id, uint8_t out[ENV_ID_BYTES]);
/* E_FORMAT: any rule of docs/format.md about ID; E_UNSUPPORTED: another format. */
envelope_status env_id_get(const uint8_t in[ENV_ID_BYTES], struct env_id *out, envelope_error *err);
#endif
