/* format/pin.h - what a host remembers of a chain: 89 45 4E 50 0D 0A 1A 0A | u32 length | Pin |
 * CRC32C. */
#ifndef ENV_FORMAT_PIN_H
#define ENV_FORMAT_PIN_H
#include "format/head.h"

struct env_pending {
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    uint8_t link[ENV_LINK_BYTES];
};
struct env_pin {
    uint8_t chain_id[ENV_CHAIN_ID_BYTES];
    uint8_t pin[32];              /* PIN_g */
    uint8_t link[ENV_LINK_BYTES]; /* of the metadata object */
    uint32_t generation;
    uint32_t pending_count;
    uint64_t number; /* of the metadata object */
    uint64_t serial;
    int64_t kms_ms; /* last success of a KMS */
    struct env_recipients recipients;
    struct env_keys keys; /* newest public keys with spki */
    struct env_pending pending[ENV_PENDING_LIMIT];
};
/* E_FORMAT: damaged, or unknown fields. */
envelope_status env_pin_decode(envelope_ctx *ctx, const void *bytes, size_t len,
                               struct env_pin *out, envelope_error *err);
/* *out is env_alloc'ed; E_LIMIT above ENVELOPE_PIN_MAX. */
envelope_status env_pin_encode(envelope_ctx *ctx, const struct env_pin *pin, uint8_t **out,
                               size_t *len, envelope_error *err);
envelope_status env_pin_copy(envelope_ctx *ctx, struct env_pin *to, const struct env_pin *from,
                             envelope_error *err);
void env_pin_free(envelope_ctx *ctx, struct env_pin *pin);
#endif
