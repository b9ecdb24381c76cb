/* chain/policy.h - who is sealed for today: crypto.md W1 (names and serial), W2 (superseded
 * versions), W3 (evidence for a new key). Nothing here comes from the repository's own recipients.
 */
#ifndef ENV_CHAIN_POLICY_H
#define ENV_CHAIN_POLICY_H
#include "chain/chain.h"

struct env_policy {
    struct env_recipients names; /* of the host's configuration */
    struct env_targets targets;  /* with versions */
    bool same;  /* serial, names and key versions are those of the base and of the pin */
    bool newer; /* own serial is above the base's, or a key version is new: something changes */
    uint32_t rotated; /* keys whose version the base does not have */
    uint32_t reserved;
};
/* [kms] base NULL: a chain is being created. E_REFUSED, E_KMS_UNREACHED (also for a superseded
 * version: that KMS is behind), E_NO_KEY. */
envelope_status env_policy_today(envelope_chain *chain, const struct env_catalogue *base,
                                 const struct env_listener *events, struct env_policy *out,
                                 envelope_error *err);
void env_policy_free(envelope_chain *chain, struct env_policy *policy);

/* The rule's last sentence (crypto.md): may a host with this policy put this object's DEK into a
 * row or a slot? false: its serial is above the host's, or a slot is for a higher version than W2
 * lets it use. */
bool env_policy_covers(const struct env_policy *policy, uint64_t own_serial,
                       const struct env_catalogue *base, const struct env_pin *pin,
                       const struct env_id *id, const struct env_slots *slots);
/* keys gets today's versions; other versions of the same key name become superseded. */
envelope_status env_policy_record(envelope_ctx *ctx, const struct env_policy *policy,
                                  struct env_keys *keys, bool with_spki, envelope_error *err);
#endif
