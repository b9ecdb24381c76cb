/* object/open.h - an object whose DEK is in hand: TAG, commitment and box verified (crypto.md 4.3
 * to 4.6), payload readable. */
#ifndef ENV_OBJECT_OPEN_H
#define ENV_OBJECT_OPEN_H
#include "format/box.h"
#include "format/footer.h"
#include "kms/keyring.h"
#include "object/headers.h"

/* What is known of a header copy once the DEK is. */
enum { ENV_COPY_GOOD = 0, ENV_COPY_DAMAGED = 1, ENV_COPY_ALTERED = 2, ENV_COPY_STALE = 3 };

struct env_object {
    envelope_ctx *ctx;
    envelope_dek *dek;
    struct env_headers *headers;   /* owned */
    const struct env_copy *copy;   /* the verified one of the highest revision */
    const struct env_slots *slots; /* of that copy, borrowed */
    int32_t state[2];              /* ENV_COPY_* of A and B */
    uint8_t *box_plain;            /* arena */
    size_t box_len;
    struct env_box box;
};
/* [kms] By the slots; the copy with the higher revision first. Takes headers over in any case.
 * E_AUTH, E_NO_KEY, ... as env_keyring_open. What the box must hold is checked as far as it needs
 * no metadata: attested point: root gives chain_id; others: root and BK zero. */
envelope_status env_object_unlock(struct env_headers *headers, envelope_keyring *keyring,
                                  struct env_opening *opening, struct env_object **out,
                                  envelope_error *err);
/* By a DEK from a row, or just drawn. E_AUTH. */
envelope_status env_object_unlock_with(struct env_headers *headers, const envelope_dek *dek,
                                       struct env_object **out, envelope_error *err);
/* ATT verifies under ak? false also for detached ones. */
envelope_status env_object_attested(const struct env_headers *headers, const uint8_t ak[32],
                                    bool *yes, envelope_error *err);
void env_object_free(struct env_object *object);
#endif
