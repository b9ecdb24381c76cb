/* What a survey is asked again and again, so that an answer does not cost a walk through all of it.
 */
#include "base/error.h"
#include "recovery/survey.h"
#include <stdlib.h>
#include <string.h>

bool env_surveyed_names(const struct env_surveyed *item, size_t key)
{
    for (uint8_t i = 0; i < item->key_count; i++) {
        if (item->key[i] == key) {
            return true;
        }
    }
    return false;
}

bool env_surveyed_closed(const struct env_surveyed *item)
{
    return item->whole && item->public.kind == ENVELOPE_OBJECT_POINT &&
           item->public.status != ENVELOPE_OK;
}

void env_survey_count(envelope_survey *s)
{
    for (size_t k = 0; k < s->keys.count; k++) {
        s->use[k] = (struct env_key_use){0, 0};
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct env_surveyed *item = &s->item[i];
        for (uint8_t n = 0; item->public.kind == ENVELOPE_OBJECT_POINT && n < item->key_count;
             n++) {
            s->use[item->key[n]].points++;
            s->use[item->key[n]].closed += env_surveyed_closed(item);
        }
    }
}

size_t env_survey_first(const envelope_survey *s, const uint8_t chain_id[ENV_CHAIN_ID_BYTES])
{
    size_t low = 0;
    for (size_t high = s->count; low < high;) {
        size_t mid = low + (high - low) / 2;
        const struct env_surveyed *item = &s->item[s->by_chain[mid]];
        bool before = memcmp(item->id.chain_id, chain_id, ENV_CHAIN_ID_BYTES) < 0;
        low = before ? mid + 1 : low;
        high = before ? high : mid;
    }
    return low;
}

struct env_surveyed *env_survey_of(const envelope_survey *s, size_t at,
                                   const uint8_t chain_id[ENV_CHAIN_ID_BYTES])
{
    struct env_surveyed *item = at < s->count ? &s->item[s->by_chain[at]] : NULL;
    return item && !memcmp(item->id.chain_id, chain_id, ENV_CHAIN_ID_BYTES) ? item : NULL;
}

static int in_order(const void *a, const void *b)
{
    const struct env_surveyed *x = *(struct env_surveyed *const *)a;
    const struct env_surveyed *y = *(struct env_surveyed *const *)b;
    int chain = memcmp(x->id.chain_id, y->id.chain_id, ENV_CHAIN_ID_BYTES);
    int kind =
        (y->public.kind == ENVELOPE_OBJECT_METADATA) - (x->public.kind == ENVELOPE_OBJECT_METADATA);
    return chain ? chain : kind ? kind : (x > y) - (x < y);
}

envelope_status env_survey_prepare(envelope_survey *s, envelope_error *err)
{
    struct env_surveyed **sorted = env_alloc_array(s->ctx, s->count, sizeof(void *));
    s->by_chain = env_alloc_array(s->ctx, s->count, sizeof *s->by_chain);
    s->use = env_alloc_array(s->ctx, s->keys.count, sizeof *s->use);
    if (!sorted || !s->by_chain || !s->use) {
        env_free(s->ctx, sorted);
        return env_nomem(err);
    }
    for (size_t i = 0; i < s->count; i++) {
        sorted[i] = &s->item[i];
    }
    if (s->count) {
        qsort(sorted, s->count, sizeof(void *), in_order);
    }
    for (size_t i = 0; i < s->count; i++) {
        s->by_chain[i] = (size_t)(sorted[i] - s->item);
    }
    env_free(s->ctx, sorted);
    env_survey_count(s);
    return ENVELOPE_OK;
}
