/* chain/seal.h - one metadata object sealed, opened again, and linked to its name. */
#ifndef ENV_CHAIN_SEAL_H
#define ENV_CHAIN_SEAL_H
#include "chain/metadata.h"

struct env_seal {
    uint64_t number;       /* of the object */
    const uint8_t *parent; /* LINK of the previous one, NULL: zero */
    const struct env_policy *policy;
    bool prove;  /* have every KMS that may unwrap it open it, before anything is written */
    bool proven; /* result */
    /* between the two steps */
    char name[ENV_NAME_MAX + 1];
    struct env_id id;
    struct env_drawn drawn; /* its dek is the catalogue's */
};
/* [kms] All that a KMS is asked for; nothing is written. Fills slots and dek of catalogue. */
envelope_status env_seal_prepare(envelope_chain *chain, struct env_catalogue *catalogue,
                                 struct env_seal *seal, const struct env_listener *events,
                                 envelope_error *err);
/* No KMS any more. Fills id and link. E_EXISTS: somebody else took the number. */
envelope_status env_seal_metadata(envelope_chain *chain, struct env_catalogue *catalogue,
                                  struct env_seal *seal, envelope_error *err);
#endif
