/* chain/pinning.h - the pin: what this host remembers of the chain, in the handle and, through
 * save_pin, between runs. */
#ifndef ENV_CHAIN_PINNING_H
#define ENV_CHAIN_PINNING_H
#include "chain/policy.h"

/* options.pin into the handle: E_FORMAT, E_AUTH (another chain's). len 0: not pinned. */
envelope_status env_pin_take(envelope_chain *chain, const void *pin, size_t len,
                             envelope_error *err);
/* W4, W9: the pin follows metadata that this host wrote or may go on in; pending entries that it
 * lists or has tombstoned go. Then save_pin. */
envelope_status env_pin_follow(envelope_chain *chain, const struct env_catalogue *catalogue,
                               const struct env_policy *policy, envelope_error *err);
/* W9 (b): before a point gets its final name. E_LIMIT: 128 are pending and none can be dropped. */
envelope_status env_pin_add_pending(envelope_chain *chain, const struct env_id *id,
                                    const uint8_t link[ENV_LINK_BYTES],
                                    const struct env_listener *events, envelope_error *err);
envelope_status env_pin_save(envelope_chain *chain, envelope_error *err);
#endif
