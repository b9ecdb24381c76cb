#include "base/error.h"
#include "chain/chain.h"
#include "chain/listing.h"
#include <string.h>

envelope_chain *env_chain_retain(envelope_chain *chain)
{
    atomic_fetch_add_explicit(&chain->refs, 1, memory_order_relaxed);
    return chain;
}

void envelope_chain_free(envelope_chain *chain)
{
    if (!chain || atomic_fetch_sub_explicit(&chain->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    envelope_ctx *ctx = chain->ctx;
    env_catalogue_release(chain->catalogue);
    env_extras_release(chain->extras);
    env_pin_free(ctx, &chain->pin);
    pthread_mutex_destroy(&chain->lock);
    envelope_store_free(chain->store);
    envelope_keyring_free(chain->keyring);
    env_free(ctx, chain);
    env_ctx_release(ctx);
}

struct env_catalogue *env_chain_catalogue(envelope_chain *chain)
{
    pthread_mutex_lock(&chain->lock);
    struct env_catalogue *c = env_catalogue_retain(chain->catalogue);
    pthread_mutex_unlock(&chain->lock);
    return c;
}

void env_chain_set_catalogue(envelope_chain *chain, struct env_catalogue *catalogue)
{
    pthread_mutex_lock(&chain->lock);
    struct env_catalogue *old = chain->catalogue;
    chain->catalogue = catalogue;
    pthread_mutex_unlock(&chain->lock);
    env_catalogue_release(old);
}

struct env_extras *env_chain_extras(envelope_chain *chain)
{
    pthread_mutex_lock(&chain->lock);
    struct env_extras *e = env_extras_retain(chain->extras);
    pthread_mutex_unlock(&chain->lock);
    return e;
}

void env_chain_set_extras(envelope_chain *chain, struct env_extras *extras)
{
    pthread_mutex_lock(&chain->lock);
    struct env_extras *old = chain->extras;
    chain->extras = extras;
    pthread_mutex_unlock(&chain->lock);
    env_extras_release(old);
}

envelope_status env_chain_begin_write(envelope_chain *chain, envelope_error *err)
{
    if (chain->flags & ENVELOPE_CHAIN_READONLY) {
        return env_fail(err, ENVELOPE_E_REFUSED, "the chain was opened read only");
    }
    if (atomic_flag_test_and_set_explicit(&chain->writing, memory_order_acquire)) {
        return env_fail(err, ENVELOPE_E_BUSY, "this handle writes to the chain already");
    }
    return ENVELOPE_OK;
}

void env_chain_end_write(envelope_chain *chain)
{
    atomic_flag_clear_explicit(&chain->writing, memory_order_release);
}

int32_t envelope_chain_is_provisional(const envelope_chain *chain)
{
    return chain && chain->provisional;
}

const uint8_t *envelope_chain_id(const envelope_chain *chain)
{
    return chain ? chain->chain_id : NULL;
}
