#include "chain/pinning.h"
#include "base/error.h"
#include "base/text.h"
#include <string.h>

envelope_status env_pin_take(envelope_chain *chain, const void *pin, size_t len,
                             envelope_error *err)
{
    chain->provisional = !len;
    if (!len) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_pin_decode(chain->ctx, pin, len, &chain->pin, err);
    if (st) {
        env_error_prefix(err, "the pin");
        return st;
    }
    if (memcmp(chain->pin.chain_id, chain->chain_id, ENV_CHAIN_ID_BYTES) != 0) {
        env_pin_free(chain->ctx, &chain->pin);
        memset(&chain->pin, 0, sizeof chain->pin);
        return env_fail(
            err, ENVELOPE_E_AUTH,
            "the pin is another chain's: the chain named %s was replaced, or the pin is "
            "the wrong one",
            chain->name);
    }
    chain->pinned = true;
    return ENVELOPE_OK;
}

envelope_status env_pin_save(envelope_chain *chain, envelope_error *err)
{
    uint8_t *bytes;
    size_t len;
    if (!chain->save_pin) {
        return ENVELOPE_OK; /* remembered in this handle only */
    }
    envelope_status st = env_pin_encode(chain->ctx, &chain->pin, &bytes, &len, err);
    if (st) {
        return st;
    }
    st = chain->save_pin(chain->user, bytes, len, err);
    env_free(chain->ctx, bytes);
    if (st && st != ENVELOPE_E_IO) {
        st = ENVELOPE_E_CALLBACK;
    }
    if (st && err && err->status != st) {
        env_fail(err, st, "save_pin failed");
    }
    return st;
}

static void drop_pending(struct env_pin *pin, uint32_t i)
{
    pin->pending_count--;
    memmove(&pin->pending[i], &pin->pending[i + 1],
            (pin->pending_count - i) * sizeof pin->pending[0]);
}

static void drop_listed(struct env_pin *pin, const struct env_catalogue *c)
{
    for (uint32_t i = pin->pending_count; i-- > 0;) {
        size_t row = env_catalogue_find_object(c, pin->pending[i].object_id);
        bool listed =
            row != SIZE_MAX && !memcmp(c->rows[row].link, pin->pending[i].link, ENV_LINK_BYTES);
        if (listed || env_catalogue_tombstoned(c, pin->pending[i].object_id)) {
            drop_pending(pin, i);
        }
    }
}

static envelope_status fill(envelope_chain *chain, struct env_pin *pin,
                            const struct env_catalogue *c, const struct env_policy *policy,
                            envelope_error *err)
{
    bool found;
    memcpy(pin->chain_id, chain->chain_id, ENV_CHAIN_ID_BYTES);
    envelope_status st = env_catalogue_generation_key(c, c->generation, "pin", chain->chain_id,
                                                      pin->pin, &found, err);
    if (st) {
        return st;
    }
    pin->generation = c->generation;
    pin->number = c->id.number;
    memcpy(pin->link, c->link, ENV_LINK_BYTES);
    pin->serial = chain->serial;
    pin->kms_ms = env_now_ms();
    pin->recipients = policy->names;
    drop_listed(pin, c);
    return env_policy_record(chain->ctx, policy, &pin->keys, true, err);
}

envelope_status env_pin_follow(envelope_chain *chain, const struct env_catalogue *catalogue,
                               const struct env_policy *policy, envelope_error *err)
{
    struct env_pin next;
    struct env_pin old;
    envelope_status st = env_pin_copy(chain->ctx, &next, &chain->pin, err);
    if (st) {
        return st;
    }
    st = fill(chain, &next, catalogue, policy, err);
    if (st) {
        env_pin_free(chain->ctx, &next);
        return st;
    }
    pthread_mutex_lock(&chain->lock);
    old = chain->pin;
    chain->pin = next;
    chain->pinned = true;
    pthread_mutex_unlock(&chain->lock);
    env_pin_free(chain->ctx, &old);
    return env_pin_save(chain, err);
}

/* In points/ and in tmp/ the object id is part of the name, in different places. */
static bool named(const struct env_names *names, const uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    char id[2 * ENV_OBJECT_ID_BYTES + 1];
    env_hex(id, object_id, ENV_OBJECT_ID_BYTES);
    for (size_t i = 0; i < names->count; i++) {
        if (strstr(names->item[i].name, id)) {
            return true;
        }
    }
    return false;
}

/* tmp/ is listed before points/: what is linked meanwhile shows in one of them. */
static envelope_status drop_vanished(envelope_chain *chain, const struct env_listener *events,
                                     envelope_error *err)
{
    struct env_names tmp;
    struct env_names all;
    bool known;
    envelope_status st = env_store_in_progress(chain->store, chain->folder, &tmp, &known, err);
    if (st || !known) {
        return st;
    }
    st = env_store_list(chain->store, chain->folder, &all, err);
    for (uint32_t i = 0; !st && i < chain->pin.pending_count;) {
        const uint8_t *id = chain->pin.pending[i].object_id;
        if (named(&tmp, id) || named(&all, id)) {
            i++;
            continue;
        }
        env_emit(events, ENVELOPE_EVENT_ROLLBACK, ENVELOPE_OK, NULL,
                 "a point that this host wrote and that was never listed is gone");
        drop_pending(&chain->pin, i);
    }
    env_names_free(&tmp);
    if (!st) {
        env_names_free(&all);
    }
    return st;
}

envelope_status env_pin_add_pending(envelope_chain *chain, const struct env_id *id,
                                    const uint8_t link[ENV_LINK_BYTES],
                                    const struct env_listener *events, envelope_error *err)
{
    struct env_pin *pin = &chain->pin;
    if (pin->pending_count >= ENV_PENDING_LIMIT) {
        envelope_status st = drop_vanished(chain, events, err);
        if (st) {
            return st;
        }
    }
    if (pin->pending_count >= ENV_PENDING_LIMIT) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "%u points of this host could not be listed yet: refresh the chain first",
                        pin->pending_count);
    }
    pthread_mutex_lock(&chain->lock);
    struct env_pending *p = &pin->pending[pin->pending_count];
    memcpy(p->object_id, id->object_id, ENV_OBJECT_ID_BYTES);
    memcpy(p->link, link, ENV_LINK_BYTES);
    pin->pending_count++;
    pthread_mutex_unlock(&chain->lock);
    return env_pin_save(chain, err);
}

envelope_status envelope_chain_pin(const envelope_chain *chain, void *buf, size_t cap, size_t *len,
                                   envelope_error *err)
{
    envelope_status st = env_enter(chain ? chain->ctx : NULL, err);
    if (st || !len) {
        return st ? st : env_fail(err, ENVELOPE_E_INVALID, "len is NULL");
    }
    envelope_chain *c = (envelope_chain *)(uintptr_t)chain; /* only its lock is touched */
    struct env_pin copy;
    uint8_t *bytes;
    *len = 0;
    pthread_mutex_lock(&c->lock);
    bool pinned = c->pinned;
    st = pinned ? env_pin_copy(c->ctx, &copy, &c->pin, err) : ENVELOPE_OK;
    pthread_mutex_unlock(&c->lock);
    if (st || !pinned) {
        return st; /* nothing is remembered yet: length 0 */
    }
    size_t need;
    st = env_pin_encode(c->ctx, &copy, &bytes, &need, err);
    env_pin_free(c->ctx, &copy);
    if (st) {
        return st;
    }
    *len = need;
    if (need > cap) {
        st = env_fail(err, ENVELOPE_E_RANGE, "the pin takes %zu bytes", need);
    } else {
        memcpy(buf, bytes, need);
    }
    env_free(c->ctx, bytes);
    return st;
}
