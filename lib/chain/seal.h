/* chain/seal.h - one metadata object sealed, opened again, and linked to its name. */
#ifndef ENV_CHAIN_SEAL_H
#define ENV_CHAIN_SEAL_H
#include "chain/metadata.h"

struct env_seal {
    uint64_t number;       /* of the object */
    const uint8_t *parent; /* LINK of the previous one, NULL: zero */
    const struct env_policy *policy;
    bool prove;  /* have every KMS that may unwrap it open it, before it gets its name */
    bool proven; /* result */
};
/* Fills id, link, slots and dek of catalogue. E_EXISTS: somebody else took the number. */
envelope_status env_seal_metadata(envelope_chain *chain, struct env_catalogue *catalogue,
                                  struct env_seal *seal, const struct env_listener *events,
                                  envelope_error *err);
#endif
