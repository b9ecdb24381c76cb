/* chain/newest.h - which metadata object is the newest (crypto.md 4.6, 4.7). */
#ifndef ENV_CHAIN_NEWEST_H
#define ENV_CHAIN_NEWEST_H
#include "chain/scan.h"

struct env_newest {
    struct env_catalogue *catalogue; /* verified, on the branch of the pin */
    struct env_seen_list seen;       /* meta/ and keys copies */
    bool meta_empty;                 /* nothing in meta/ verifies, is E_NO_KEY, E_IO or unreached */
    bool behind;                     /* its number is below the pinned one */
    bool copied;                     /* the newest generation has a keys copy in points/ */
    uint64_t top_number;             /* the highest number verified or pinned */
    uint64_t claimed_number;         /* the highest claimed, within 1,000 of top_number */
    uint32_t top_generation; /* the highest generation verified, pinned or claimed, within 1,000 */
    envelope_status blocked; /* writing must stop: something above the newest could not be opened
                              * (E_NO_KEY) or read (E_IO, E_KMS_UNREACHED) */
    char blocker[ENV_NAME_MAX + 1];
};

/* [kms] Failures when there is none: E_NOT_FOUND
 * (no metadata object at all), E_NO_KEY, E_KMS_UNREACHED, E_AUTH, E_FORMAT, E_ROLLBACK (a fork, or
 * none on the pinned branch). */
envelope_status env_newest_find(envelope_chain *chain, const struct env_listener *events,
                                struct env_newest *out, envelope_error *err);
void env_newest_free(struct env_newest *newest);
/* One metadata object by name: unlocked, loaded. */
envelope_status env_metadata_open(envelope_chain *chain, const char *name,
                                  struct env_opening *opening, struct env_catalogue **out,
                                  envelope_error *err);
/* Do catalogue's SECRETS hold the pinned PIN_g? */
envelope_status env_holds_pin(envelope_chain *chain, const struct env_catalogue *catalogue,
                              bool *yes, envelope_error *err);
#endif
