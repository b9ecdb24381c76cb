/* format/slots.h - the slots of a header: protobuf message Slots, decoded strictly. */
#ifndef ENV_FORMAT_SLOTS_H
#define ENV_FORMAT_SLOTS_H
#include "base/context.h"
#include <envelope/key.h>
#include <stdbool.h>

enum {
    ENV_SLOT_KMS = 1,
    ENV_SLOT_PASSWORD = 2,
    ENV_SLOT_ESCROW = 3,
    ENV_SLOT_WRAPPED_MAX = 1024,
    ENV_SLOT_SALT_BYTES = 16,
    ENV_SLOTS_LIMIT = 16,   /* slots in a header */
    ENV_PASSWORDS_LIMIT = 4 /* of these, passwords */
};

/* Which members are set depends on kind and algorithm, as docs/format.md says. */
struct env_slot {
    int32_t kind;
    int32_t algorithm; /* ENVELOPE_RSA_OAEP_SHA256 ... */
    char kms_id[ENVELOPE_KMS_ID_MAX + 1];
    char name[ENVELOPE_KEY_NAME_MAX + 1];
    char key_id[ENVELOPE_KEY_NAME_MAX + 1];
    uint32_t version;
    bool has_fingerprint;
    uint8_t fingerprint[32];
    uint16_t wrapped_len;
    uint8_t wrapped[ENV_SLOT_WRAPPED_MAX];
    uint8_t salt[ENV_SLOT_SALT_BYTES];
    uint32_t memory_kib;
    uint32_t passes;
};
struct env_slots {
    size_t count;
    struct env_slot slot[ENV_SLOTS_LIMIT];
};

/* *out is env_alloc'ed. minor is PRE's: unknown fields are refused where it is ENV_FORMAT_MINOR or
 * less. E_FORMAT, E_NOMEM. */
envelope_status env_slots_decode(envelope_ctx *ctx, const void *bytes, size_t len, uint8_t minor,
                                 struct env_slots **out, envelope_error *err);
/* The rules that decode applies, for slots made here: E_INVALID. */
envelope_status env_slots_check(const struct env_slots *slots, envelope_error *err);
/* *out is env_alloc'ed. */
envelope_status env_slots_encode(envelope_ctx *ctx, const struct env_slots *slots, uint8_t **out,
                                 size_t *len, envelope_error *err);
/* What a slot says of its key; borrowed from the slot. */
envelope_key_ref env_slot_ref(const struct env_slot *slot);
#endif
