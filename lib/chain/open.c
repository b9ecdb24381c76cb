/* envelope_chain_create and envelope_chain_open. */
#include "base/error.h"
#include "base/text.h"
#include "chain/find.h"
#include "chain/metadata.h"
#include "chain/pinning.h"
#include <string.h>

static envelope_status check(const envelope_chain_options *o, envelope_error *err)
{
    if (o->flags & ~(uint32_t)(ENVELOPE_CHAIN_READONLY | ENVELOPE_CHAIN_SIBLINGS)) {
        return env_fail(err, ENVELOPE_E_INVALID, "chain_options.flags: unknown bit");
    }
    if (o->on_outage == ENVELOPE_OUTAGE_DETACH) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "chain_options.on_outage: detached points are not built yet");
    }
    if (o->on_outage && o->on_outage != ENVELOPE_OUTAGE_FAIL) {
        return env_fail(err, ENVELOPE_E_INVALID, "chain_options.on_outage: unknown");
    }
    if (o->name && !env_chain_name_valid(o->name, strlen(o->name))) {
        return env_fail(
            err, ENVELOPE_E_INVALID,
            "a chain's name is 1 to 64 of a-z, 0-9, '.', '_' and '-', and does not begin "
            "with a dot");
    }
    if (o->policy_serial >= ENV_NUMBER_LIMIT || (o->pin_len && !o->pin) ||
        o->pin_len > ENVELOPE_PIN_MAX) {
        return env_fail(err, ENVELOPE_E_INVALID, "chain_options: policy_serial or pin");
    }
    return ENVELOPE_OK;
}

static envelope_status make(envelope_store *store, envelope_keyring *keyring,
                            const envelope_chain_options *o, envelope_chain **out,
                            envelope_error *err)
{
    envelope_ctx *ctx = env_store_ctx(store);
    if (env_keyring_ctx(keyring) != ctx) {
        return env_fail(err, ENVELOPE_E_INVALID, "store and keyring are of different contexts");
    }
    envelope_chain *chain = env_alloc(ctx, sizeof *chain);
    if (!chain) {
        return env_nomem(err);
    }
    atomic_init(&chain->refs, 1);
    atomic_flag_clear(&chain->writing);
    pthread_mutex_init(&chain->lock, NULL);
    chain->ctx = env_ctx_retain(ctx);
    chain->store = env_store_retain(store);
    chain->keyring = env_keyring_retain(keyring);
    chain->flags = o->flags;
    chain->save_pin = o->save_pin;
    chain->user = o->user;
    chain->serial = o->policy_serial ? o->policy_serial : 1;
    *out = chain;
    return ENVELOPE_OK;
}

static envelope_status enter(envelope_store *store, envelope_keyring *keyring,
                             const envelope_chain_options *options, envelope_chain_options *o,
                             envelope_chain **out, envelope_error *err)
{
    envelope_status st = env_enter(store && keyring ? env_store_ctx(store) : NULL, err);
    if (!st && !out) {
        st = env_fail(err, ENVELOPE_E_INVALID, "out is NULL");
    }
    if (out) {
        *out = NULL;
    }
    st = st ? st : env_options(options, o, sizeof *o, "chain_options", err);
    return st ? st : check(o, err);
}

/* -- create */

static envelope_status create(envelope_chain *chain, envelope_error *err)
{
    const struct env_listener events = ENV_LISTENER(chain->ctx);
    bool taken;
    envelope_status st = env_place_taken(chain->store, chain->name, &taken, err);
    if (!st && taken) {
        st = env_fail(err, ENVELOPE_E_EXISTS, "there is a chain named %s already", chain->name);
    }
    return st ? st : env_first_metadata(chain, &events, err);
}

envelope_status envelope_chain_create(envelope_store *store, envelope_keyring *keyring,
                                      const envelope_chain_options *options, envelope_chain **out,
                                      envelope_error *err)
{
    envelope_chain_options o;
    envelope_chain *chain;
    envelope_status st = enter(store, keyring, options, &o, out, err);
    if (!st && (o.flags & ENVELOPE_CHAIN_READONLY)) {
        st = env_fail(err, ENVELOPE_E_INVALID, "a chain cannot be created read only");
    }
    if (!st && (o.chain_id || o.pin_len)) {
        st = env_fail(err, ENVELOPE_E_INVALID, "a new chain has no id and no pin yet");
    }
    st = st ? st : make(store, keyring, &o, &chain, err);
    if (st) {
        return st;
    }
    env_text_copy(chain->name, sizeof chain->name, o.name ? o.name : "default");
    struct env_call call;
    env_call_begin(chain->ctx, &call);
    st = env_keyring_end(keyring, &call, create(chain, err));
    if (st) {
        envelope_chain_free(chain);
        return st;
    }
    *out = chain;
    return ENVELOPE_OK;
}

/* -- open */

static void check_name(envelope_chain *chain, const struct env_catalogue *c,
                       const struct env_listener *events)
{
    if (strcmp(chain->name, c->head.chain_name) != 0) {
        env_emit(events, ENVELOPE_EVENT_MISPLACED, ENVELOPE_OK, NULL,
                 "the folder is named %s, the chain calls itself %s", chain->name,
                 c->head.chain_name);
    }
}

/* A chain without metadata that opens is still read, point by point, with the points' own keys. */
static bool may_do_without(envelope_status st)
{
    return st == ENVELOPE_E_NOT_FOUND || st == ENVELOPE_E_NO_KEY || st == ENVELOPE_E_REFUSED ||
           st == ENVELOPE_E_KMS_UNREACHED || st == ENVELOPE_E_AUTH || st == ENVELOPE_E_FORMAT ||
           st == ENVELOPE_E_IO || st == ENVELOPE_E_UNSUPPORTED;
}

/* no_metadata: why it does not open. */
static envelope_status load_extras(envelope_chain *chain, const struct env_listener *events,
                                   envelope_status metadata, const envelope_error *no_metadata,
                                   envelope_error *err)
{
    struct env_catalogue *base = env_chain_catalogue(chain);
    const struct env_listing how = {.base = base};
    struct env_listed listed;
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status st = env_unlisted(chain, &how, events, &listed, &why);
    env_catalogue_release(base);
    if (st && (base || st == ENVELOPE_E_AGAIN)) {
        return env_error_pass(err, st, &why);
    }
    if (st) {
        return metadata;
    }
    if (listed.missing) {
        env_emit(events, ENVELOPE_EVENT_ROLLBACK, ENVELOPE_E_ROLLBACK, NULL,
                 "a point names later metadata than the newest that can be found");
    }
    if (!base && listed.extras->count == 0) {
        if (metadata == ENVELOPE_E_NOT_FOUND && listed.closed) {
            metadata = env_error_pass(err, listed.closed, &listed.why);
        }
        env_extras_release(listed.extras);
        return metadata;
    }
    if (!base) {
        env_emit(events, ENVELOPE_EVENT_ROLLBACK, metadata, NULL,
                 "no metadata of the chain opens: %zu points are read with their own keys: %.300s",
                 listed.extras->count, no_metadata->message);
    }
    env_chain_set_extras(chain, listed.extras);
    return ENVELOPE_OK;
}

static envelope_status load(envelope_chain *chain, envelope_error *err)
{
    const struct env_listener events = ENV_LISTENER(chain->ctx);
    envelope_error why = ENVELOPE_ERROR_INIT;
    struct env_newest newest;
    envelope_status st = env_newest_find(chain, &events, &newest, &why);
    if (!st) {
        check_name(chain, newest.catalogue, &events);
        env_chain_set_catalogue(chain, newest.catalogue);
        newest.catalogue = NULL;
        env_newest_free(&newest);
        return load_extras(chain, &events, ENVELOPE_OK, &why, err);
    }
    (void)env_error_pass(err, st, &why);
    return may_do_without(st) ? load_extras(chain, &events, st, &why, err) : st;
}

envelope_status envelope_chain_open(envelope_store *store, envelope_keyring *keyring,
                                    const envelope_chain_options *options, envelope_chain **out,
                                    envelope_error *err)
{
    envelope_chain_options o;
    envelope_chain *chain;
    struct env_place place;
    envelope_status st = enter(store, keyring, options, &o, out, err);
    st = st ? st : env_place_find(store, o.name, o.chain_id, &place, err);
    st = st ? st : make(store, keyring, &o, &chain, err);
    if (st) {
        return st;
    }
    env_text_copy(chain->name, sizeof chain->name, place.name);
    env_text_copy(chain->folder, sizeof chain->folder, place.folder);
    memcpy(chain->chain_id, place.chain_id, ENV_CHAIN_ID_BYTES);
    st = env_pin_take(chain, o.pin, o.pin_len, err);
    if (!st) {
        struct env_call call;
        env_call_begin(chain->ctx, &call);
        st = env_keyring_end(keyring, &call, load(chain, err));
    }
    if (st) {
        envelope_chain_free(chain);
        return st;
    }
    *out = chain;
    return ENVELOPE_OK;
}
