/* object/seal.h - the parts of a header as they are made: box sealed, copies tagged. */
#ifndef ENV_OBJECT_SEAL_H
#define ENV_OBJECT_SEAL_H
#include "format/box.h"
#include "format/header.h"
#include "keys/dek.h"

/* C(K_box, "box", ID, box): *out env_alloc'ed. */
envelope_status env_box_seal(envelope_ctx *ctx, const envelope_dek *dek,
                             const uint8_t id[ENV_ID_BYTES], const struct env_box *box,
                             uint8_t **out, size_t *len, envelope_error *err);
/* Reverse, into the arena: *out is for env_secret_free with *len. E_AUTH, E_FORMAT. */
envelope_status env_box_open(envelope_ctx *ctx, const envelope_dek *dek,
                             const struct env_copy *copy, bool foreign, uint8_t **out, size_t *len,
                             struct env_box *box, envelope_error *err);
/* CORE, in *out, env_alloc'ed. context NULL unless foreign. */
envelope_status env_core_make(envelope_ctx *ctx, const uint8_t id[ENV_ID_BYTES],
                              const uint8_t prefix[ENV_PAYLOAD_PREFIX_BYTES], struct env_bytes box,
                              const struct env_bytes *context, uint8_t **out, size_t *len,
                              envelope_error *err);
/* A copy with TAG and CRC in place; out gets capacity bytes. */
envelope_status env_copy_seal(envelope_ctx *ctx, const envelope_dek *dek,
                              const struct env_copy_parts *parts, uint8_t role, uint32_t capacity,
                              void *out, envelope_error *err);
#endif
