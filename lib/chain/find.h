/* chain/find.h - which chains lie in a store, as names and headers claim. */
#ifndef ENV_CHAIN_FIND_H
#define ENV_CHAIN_FIND_H
#include "chain/chain.h"

struct env_place {
    char name[65];
    char folder[ENV_NAME_MAX + 1];
    uint8_t chain_id[ENV_CHAIN_ID_BYTES];
};
/* By name (NULL: the only one) and, if chain_id is given, by it. E_NOT_FOUND; E_INVALID: several,
 * named in the message. The id is
 * the one that most headers in meta/ and of keys copies bear and that fits the folder's name;
 * points are looked at only where there are none. */
envelope_status env_place_find(envelope_store *store, const char *name, const uint8_t *chain_id,
                               struct env_place *out, envelope_error *err);
/* Is there any folder of this name? */
envelope_status env_place_taken(envelope_store *store, const char *name, bool *taken,
                                envelope_error *err);
#endif
