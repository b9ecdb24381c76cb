/* keys/ref.h - key references that own their strings. */
#ifndef ENV_KEYS_REF_H
#define ENV_KEYS_REF_H
#include "base/context.h"
#include <envelope/key.h>
#include <stdbool.h>

/* *ref as this library knows it, borrowed: members behind ref->size are zero, size is ours. NULL
 * gives an empty one. */
envelope_key_ref env_ref_view(const envelope_key_ref *ref);

/* One block, to be given to env_free; NULL: no memory. Reads no member behind ref->size. */
envelope_key_ref *env_ref_copy(envelope_ctx *ctx, const envelope_key_ref *ref);

/* "lab/vm v3 (key id vm/3, fingerprint 0123abcd…)", printable, for messages. A password is
 * "password ops", a bare public key "escrow key board (…)". Returns out. */
enum { ENV_REF_TEXT_MAX = 512 };
char *env_ref_text(char out[ENV_REF_TEXT_MAX], const envelope_key_ref *ref);
#endif
