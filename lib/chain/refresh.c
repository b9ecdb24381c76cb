#include "base/error.h"
#include "chain/metadata.h"

/* Listing what is under way also cleans up after writers that died (store/dir). */
static envelope_status clean(envelope_chain *chain, envelope_error *err)
{
    struct env_names names;
    bool known;
    envelope_status st = env_store_in_progress(chain->store, chain->folder, &names, &known, err);
    if (!st) {
        env_names_free(&names);
    }
    return st;
}

/* What a forget had to leave behind. */
static envelope_status sweep(envelope_chain *chain, const struct env_listener *events,
                             envelope_error *err)
{
    struct env_swept swept;
    struct env_catalogue *c = env_chain_catalogue(chain);
    envelope_status st = env_sweep(chain, events, c, &swept, err);
    env_catalogue_release(c);
    return st;
}

/* While a KMS is asked nothing is changed, so cleaning up comes last. */
static envelope_status refresh(envelope_chain *chain, uint32_t flags, uint32_t *rotated,
                               envelope_error *err)
{
    const struct env_listener events = ENV_LISTENER(chain->ctx);
    struct env_put put = {.new_generation = flags & ENVELOPE_REFRESH_NEW_GENERATION};
    envelope_status st = env_put_metadata(chain, &events, &put, err);
    if (!st && rotated) {
        *rotated = put.rotated;
    }
    env_policy_free(chain, &put.policy);
    if (st == ENVELOPE_E_AGAIN) {
        return st;
    }
    envelope_status cleaned = clean(chain, st ? NULL : err);
    st = st ? st : cleaned;
    return st ? st : sweep(chain, &events, err);
}

envelope_status envelope_chain_refresh(envelope_chain *chain, uint32_t flags, uint32_t *rotated,
                                       envelope_error *err)
{
    envelope_status st = env_enter(chain ? chain->ctx : NULL, err);
    if (st) {
        return st;
    }
    if (rotated) {
        *rotated = 0;
    }
    if (flags & ~(uint32_t)ENVELOPE_REFRESH_NEW_GENERATION) {
        return env_fail(err, ENVELOPE_E_INVALID, "unknown flag");
    }
    st = env_chain_begin_write(chain, err);
    if (st) {
        return st;
    }
    struct env_call call;
    env_call_begin(chain->ctx, &call);
    st = env_keyring_end(chain->keyring, &call, refresh(chain, flags, rotated, err));
    env_chain_end_write(chain);
    return st;
}
