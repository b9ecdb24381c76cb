/* keys/slot.h - one slot made, or opened, with a key in hand. What comes out of unwrapping proves
 * nothing until the header's TAG verifies under it. */
#ifndef ENV_KEYS_SLOT_H
#define ENV_KEYS_SLOT_H
#include "crypto/rsa.h"
#include "format/slots.h"
#include "keys/dek.h"

/* crypto.md 4.5: everything that fails from the cryptography on, up to the commitment, has one
 * status (E_AUTH) and this text, so that nobody learns how far a forged slot came. */
#define ENV_DOES_NOT_OPEN "the key at hand does not open it, or the header was altered"

/* Fill wrapped (and salt, memory_kib, passes), algorithm; kind and names are the caller's. */
envelope_status env_slot_wrap_rsa(const struct env_rsa_public *key, int32_t algorithm,
                                  const envelope_dek *dek, struct env_slot *slot,
                                  envelope_error *err);
/* algorithm ENVELOPE_ARGON2ID or ENVELOPE_PBKDF2_SHA256 */
envelope_status env_slot_wrap_password(const void *password, size_t len, int32_t algorithm,
                                       const envelope_dek *dek, struct env_slot *slot,
                                       envelope_error *err);
/* out in the arena. E_AUTH (wrong password), E_LIMIT, or failures of the libraries. */
envelope_status env_slot_unwrap_password(envelope_ctx *ctx, const struct env_slot *slot,
                                         const void *password, size_t len, uint8_t out[32],
                                         envelope_error *err);
/* By implicit rejection: OK whatever the slot holds. */
envelope_status env_slot_unwrap_rsa(const struct env_slot *slot, const struct env_rsa_private *key,
                                    uint8_t out[32], envelope_error *err);
#endif
