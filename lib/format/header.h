/* format/header.h - one header copy: PRE | CORE | ATT | MUT | zeros | TAG | CRC32C. Bytes only:
 * what they prove is the object room's. Pointers in env_copy are borrowed from the bytes parsed. */
#ifndef ENV_FORMAT_HEADER_H
#define ENV_FORMAT_HEADER_H
#include "format/id.h"
#include <stdbool.h>

enum {
    ENV_PRE_BYTES = 32,
    ENV_ATT_BYTES = 32,
    ENV_TAG_MAC_BYTES = 32,
    ENV_CAPACITY_MIN = 16384,
    ENV_CAPACITY_MAX = 131072,
    ENV_ROLE_FOREIGN = 0,
    ENV_ROLE_A = 1,
    ENV_ROLE_B = 2,
    ENV_FOREIGN_CONTEXT_MAX = 1024,
    ENV_PAYLOAD_PREFIX_BYTES = 56 /* P */
};

struct env_copy {
    uint8_t minor;
    uint8_t role;
    uint16_t reserved;
    uint32_t ro_compat;
    uint32_t capacity;      /* foreign: length of the header */
    struct env_bytes whole; /* the capacity bytes of this copy */
    struct env_bytes core;
    struct env_id id;
    const uint8_t *id_bytes;  /* 104 */
    const uint8_t *prefix;    /* P, 56 */
    struct env_bytes box;     /* sealed */
    struct env_bytes context; /* foreign */
    const uint8_t *att;       /* 32 */
    struct env_bytes mut;
    uint64_t revision;
    struct env_bytes slots; /* protobuf */
    const uint8_t *tag;     /* 32; covers whole.p[0 .. capacity - 36) */
};

/* bytes may be longer than the copy. role says which copy is expected at this place (for B the
 * caller found the place by A's capacity, or tries the four). E_FORMAT: damaged (too short, CRC,
 * any rule); E_UNSUPPORTED: whole, but of a newer version. */
envelope_status env_copy_parse(const void *bytes, size_t len, uint8_t role, struct env_copy *out,
                               envelope_error *err);

/* Does a header copy begin here, whole or not? */
bool env_copy_magic(const void *bytes, size_t len);

/* What a copy is made of, in the order it is stored. */
struct env_copy_parts {
    struct env_bytes core;
    const uint8_t *att; /* 32 */
    uint64_t revision;
    struct env_bytes slots; /* protobuf */
    bool foreign;
};
/* 32 + CORE + 32 + MUT + 36 */
size_t env_copy_need(const struct env_copy_parts *parts);
/* Capacity for it: the smallest of 16384 x 2^k (k = 0..3) of which need fills at most half, else
 * 131072; 0: does not fit. Foreign: need itself. */
uint32_t env_copy_capacity(const struct env_copy_parts *parts);
/* Writes capacity bytes; TAG and CRC are zero. */
void env_copy_put(const struct env_copy_parts *parts, uint8_t role, uint32_t capacity, void *out);
/* TAG in its place, then the CRC over it. */
void env_copy_finish(void *copy, uint32_t capacity, const uint8_t tag[ENV_TAG_MAC_BYTES]);

/* CORE = ID | P | u32 len | box [ | u32 len | context ]; context NULL unless foreign. Returns the
 * length written, 0 if it does not fit. */
size_t env_core_put(const uint8_t id[ENV_ID_BYTES], const uint8_t prefix[ENV_PAYLOAD_PREFIX_BYTES],
                    struct env_bytes box, const struct env_bytes *context, void *out, size_t cap);
#endif
