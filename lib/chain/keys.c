/* Which key versions the chain still needs. */
#include "base/error.h"
#include "chain/chain.h"
#include "keys/list.h"

/* How many points name each key. */
static void count_points(const struct env_catalogue *c, uint64_t *points)
{
    for (size_t i = 0; i < c->row_count; i++) {
        const struct env_key_set *set = &c->head.key_sets[c->rows[i].key_set];
        for (uint32_t k = 0; k < set->count; k++) {
            points[set->key[k]]++;
        }
    }
}

static envelope_status add_key(const struct env_key *key, uint64_t points, envelope_key_list *list,
                               envelope_error *err)
{
    const envelope_key_ref ref = env_key_as_ref(key);
    const envelope_key_info info = {
        .size = sizeof info,
        .ref = &ref,
        .state = key->superseded ? ENVELOPE_KEY_DEACTIVATED : ENVELOPE_KEY_ACTIVE,
        .flags = key->superseded ? 0 : ENVELOPE_KEY_NEWEST,
        .points = points,
    };
    return points || !key->superseded ? env_key_list_add(list, &info, err) : ENVELOPE_OK;
}

static envelope_status add_keys(const struct env_catalogue *c, envelope_key_list *list,
                                envelope_error *err)
{
    uint64_t *points = env_alloc_array(c->ctx, c->head.keys.count, sizeof *points);
    if (!points) {
        return env_nomem(err);
    }
    count_points(c, points);
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < c->head.keys.count; i++) {
        st = add_key(&c->head.keys.item[i], points[i], list, err);
    }
    env_free(c->ctx, points);
    return st;
}

envelope_status envelope_chain_keys(const envelope_chain *chain, envelope_key_list **out,
                                    envelope_error *err)
{
    envelope_key_list *list;
    envelope_status st = env_enter(chain ? chain->ctx : NULL, err);
    if (!st && !out) {
        st = env_fail(err, ENVELOPE_E_INVALID, "out is NULL");
    }
    if (st) {
        return st;
    }
    *out = NULL;
    st = env_key_list_new(chain->ctx, &list, err);
    if (st) {
        return st;
    }
    struct env_catalogue *c = env_chain_catalogue((envelope_chain *)(uintptr_t)chain);
    st = c ? add_keys(c, list, err) : ENVELOPE_OK;
    env_catalogue_release(c);
    if (st) {
        envelope_key_list_free(list);
        return st;
    }
    *out = list;
    return ENVELOPE_OK;
}
