/* chain/lookup.h - finds things of an array by 16 bytes of theirs: an object id, the front of a
 * LINK. Things are added in the order of the array, one after the other, each at the cost of one,
 * however many there are. */
#ifndef ENV_CHAIN_LOOKUP_H
#define ENV_CHAIN_LOOKUP_H
#include "base/context.h"
#include "crypto/siphash.h"

enum { ENV_LOOKUP_KEY_BYTES = 16 };

/* Of item i; borrowed. */
typedef const uint8_t *(*env_lookup_key)(const void *items, size_t i);

/* Begins zeroed. */
struct env_lookup {
    size_t used;     /* items 0 to used - 1 are in it */
    uint32_t *place; /* 1 + the item; 0: nothing */
    unsigned log2;   /* of the number of places, more than twice `used`; 0: there are none */
    uint8_t key[ENV_SIPHASH_KEY_BYTES];
};
/* Items `used` to count - 1 as well. After a failure it is as it was. E_NOMEM, E_CRYPTO. */
envelope_status env_lookup_extend(envelope_ctx *ctx, struct env_lookup *lookup, const void *items,
                                  size_t count, env_lookup_key key, envelope_error *err);
/* The first with this key; SIZE_MAX: none that is in it. */
size_t env_lookup_find(const struct env_lookup *lookup, const void *items, env_lookup_key key,
                       const uint8_t wanted[ENV_LOOKUP_KEY_BYTES]);
void env_lookup_free(envelope_ctx *ctx, struct env_lookup *lookup);
#endif
