/* Which keys are named, which are missing, which to get first. */
#include "base/error.h"
#include "keys/list.h"
#include "recovery/survey.h"
#include <string.h>

/* Would this key open the point: by a slot of its own, or by metadata that came after it and so
 * lists it? As the headers claim. */
static bool would_open(const envelope_survey *s, const struct env_surveyed *point, size_t key)
{
    const uint8_t *chain_id = point->id.chain_id;
    const struct env_surveyed *m;
    if (env_surveyed_names(point, key)) {
        return true;
    }
    for (size_t at = env_survey_first(s, chain_id);
         (m = env_survey_of(s, at, chain_id)) && m->public.kind == ENVELOPE_OBJECT_METADATA; at++) {
        if (m->whole && m->public.status != ENVELOPE_E_AUTH && m->id.number > point->id.number &&
            env_surveyed_names(m, key)) {
            return true;
        }
    }
    return false;
}

/* The key that opens most of what is still closed, the higher version at equal; SIZE_MAX: none. */
static size_t best_key(const envelope_survey *s, const uint8_t *covered)
{
    size_t best = SIZE_MAX;
    size_t most = 0;
    for (size_t k = 0; k < s->keys.count; k++) {
        size_t opens = 0;
        for (size_t i = 0; i < s->count; i++) {
            opens += !covered[i] && would_open(s, &s->item[i], k);
        }
        bool newer = opens == most && best != SIZE_MAX &&
                     s->keys.item[k].version > s->keys.item[best].version;
        if (opens && (opens > most || newer)) {
            best = k;
            most = opens;
        }
    }
    return best;
}

/* Greedy cover: within a factor of ln(n) of the smallest set, and in practice it is the smallest.
 */
static envelope_status smallest_set(const envelope_survey *s, uint8_t *chosen, envelope_error *err)
{
    size_t best;
    uint8_t *covered = env_alloc(s->ctx, s->count);
    if (!covered) {
        return env_nomem(err);
    }
    for (size_t i = 0; i < s->count; i++) {
        covered[i] = !env_surveyed_closed(&s->item[i]);
    }
    while ((best = best_key(s, covered)) != SIZE_MAX) {
        chosen[best] = 1;
        for (size_t i = 0; i < s->count; i++) {
            covered[i] |= would_open(s, &s->item[i], best);
        }
    }
    env_free(s->ctx, covered);
    return ENVELOPE_OK;
}

static bool is_newest(const struct env_keys *keys, size_t k)
{
    const struct env_key *key = &keys->item[k];
    for (size_t i = 0; i < keys->count; i++) {
        const struct env_key *other = &keys->item[i];
        if (other->kind == key->kind && !strcmp(other->kms_id, key->kms_id) &&
            !strcmp(other->name, key->name) && other->version > key->version) {
            return false;
        }
    }
    return true;
}

static envelope_status add(const envelope_survey *s, size_t k, const uint8_t *chosen,
                           envelope_key_list *list, envelope_error *err)
{
    envelope_key_ref ref = env_key_as_ref(&s->keys.item[k]);
    envelope_key_info info = {
        .size = sizeof info,
        .ref = &ref,
        .state = ENVELOPE_KEY_UNKNOWN,
        .status = s->tried ? s->state[k].status : ENVELOPE_E_NO_KEY,
        .points = s->use[k].points,
        .points_alone = s->use[k].closed,
    };
    info.flags = (is_newest(&s->keys, k) ? ENVELOPE_KEY_NEWEST : 0) |
                 (chosen && chosen[k] ? ENVELOPE_KEY_IN_SMALLEST_SET : 0);
    return env_key_list_add(list, &info, err);
}

static envelope_status begin(const envelope_survey *s, envelope_key_list **out, envelope_error *err)
{
    envelope_status st = env_enter(s ? s->ctx : NULL, err);
    if (!st && !out) {
        st = env_fail(err, ENVELOPE_E_INVALID, "out is NULL");
    }
    if (st) {
        return st;
    }
    *out = NULL;
    return env_key_list_new(s->ctx, out, err);
}

static envelope_status end(envelope_status st, envelope_key_list **out)
{
    if (st) {
        envelope_key_list_free(*out);
        *out = NULL;
    }
    return st;
}

envelope_status envelope_survey_keys(const envelope_survey *s, envelope_key_list **out,
                                     envelope_error *err)
{
    envelope_status st = begin(s, out, err);
    if (st) {
        return st;
    }
    uint8_t *chosen = env_alloc(s->ctx, s->keys.count);
    st = chosen ? smallest_set(s, chosen, err) : env_nomem(err);
    for (size_t k = 0; !st && k < s->keys.count; k++) {
        st = add(s, k, chosen, *out, err);
    }
    env_free(s->ctx, chosen);
    return end(st, out);
}

envelope_status envelope_survey_object_keys(const envelope_survey *s, size_t i,
                                            envelope_key_list **out, envelope_error *err)
{
    envelope_status st = begin(s, out, err);
    if (st) {
        return st;
    }
    if (i >= s->count) {
        return end(env_fail(err, ENVELOPE_E_NOT_FOUND, "the survey has no object %zu", i), out);
    }
    for (uint8_t n = 0; !st && n < s->item[i].key_count; n++) {
        st = add(s, s->item[i].key[n], NULL, *out, err);
    }
    return end(st, out);
}
