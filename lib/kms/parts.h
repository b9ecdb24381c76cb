/* kms/parts.h - what a keyring is made of; everybody outside this room has keyring.h. Immutable
 * once it is shared. */
#ifndef ENV_KMS_PARTS_H
#define ENV_KMS_PARTS_H
#include "kms/keyring.h"

struct env_ring_kms {
    char *id;
    envelope_kms *kms; /* retained */
    uint32_t use;
    int32_t priority;
};
struct env_ring_password {
    char *label;   /* "": any */
    uint8_t *text; /* in the arena */
    size_t len;
    uint32_t use;
    uint32_t reserved;
};
/* As DER in the arena, parsed for each use: what OpenSSL makes of it lies in the ordinary heap, so
 * it is to live for as short a time as possible. */
struct env_ring_private {
    uint8_t *der;
    size_t len;
    uint8_t fingerprint[32];
};
struct env_ring_escrow {
    char *label;
    struct env_rsa_public *key;
};
struct env_ring_scope {
    char *kms_id;
    char *key_name; /* NULL: any */
    bool has_chain;
    uint8_t chain_id[32];
};
/* One recipient, in the order given: index into pair, password or escrow. */
struct env_ring_want {
    int32_t kind;
    uint32_t reserved;
    size_t index;
};

struct envelope_keyring {
    atomic_uint refs;
    uint32_t reserved;
    envelope_ctx *ctx; /* retained */
    envelope_keyring_options options;
    size_t kms_count; /* by priority, then in the order given */
    struct env_ring_kms *kms;
    size_t password_count;
    struct env_ring_password *password;
    size_t private_count;
    struct env_ring_private *private;
    size_t escrow_count;
    struct env_ring_escrow *escrow;
    size_t pair_count; /* wrap_for */
    struct env_ring_scope *pair;
    size_t scope_count;
    struct env_ring_scope *scope;
    size_t want_count;
    struct env_ring_want want[ENV_RECIPIENTS_LIMIT];
};

/* -- filling it: keyring.c */
/* old with room for one more behind count; NULL: no memory, old untouched. */
void *env_ring_grown(envelope_ctx *ctx, void *old, size_t count, size_t size);
/* E_LIMIT. Asked before anything is kept, so that a failure leaves the keyring as it was. */
envelope_status env_ring_room_to_want(const envelope_keyring *ring, int32_t kind,
                                      envelope_error *err);
void env_ring_want(envelope_keyring *ring, int32_t kind, size_t index);
bool env_ring_name_ok(const char *text); /* NULL is not */

/* -- looking: scope.c. NULL: not there. */
const struct env_ring_kms *env_ring_find_kms(const envelope_keyring *ring, const char *kms_id);
const struct env_ring_private *env_ring_find_private(const envelope_keyring *ring,
                                                     const uint8_t fingerprint[32]);
/* May this key of this KMS be asked for, for this chain (NULL: a foreign object)? crypto.md 4.1 */
bool env_ring_in_scope(const envelope_keyring *ring, const char *kms_id, const char *key_name,
                       const uint8_t *chain_id);

/* What is at hand for a slot, before anything is tried. */
enum env_at_hand {
    ENV_HAND_NOTHING = 0,
    ENV_HAND_LOCAL = 1, /* private key or password */
    ENV_HAND_KMS = 2,
    ENV_HAND_USE = 3,      /* the KMS is there, but not for unwrapping */
    ENV_HAND_SCOPE = 4,    /* out of scope */
    ENV_HAND_ALGORITHM = 5 /* not allowed by the keyring */
};
enum env_at_hand env_ring_at_hand(const envelope_keyring *ring, const struct env_slot *slot,
                                  const uint8_t *chain_id);
bool env_ring_password_fits(const struct env_ring_password *password, const struct env_slot *slot);

/* Why slots did not open, as text: see open_text.c. */
struct env_ring_failure {
    envelope_status status;            /* of the whole call */
    const char *lead;                  /* what to say first; NULL: made from status */
    size_t only;                       /* the slot that was asked for, or SIZE_MAX */
    const char *word[ENV_SLOTS_LIMIT]; /* per slot; NULL: not looked at */
};
envelope_status env_ring_explain(const struct env_slots *slots,
                                 const struct env_ring_failure *failure, const char *object,
                                 envelope_error *err);
#endif
