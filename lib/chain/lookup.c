#include "chain/lookup.h"
#include "base/error.h"
#include "crypto/random.h"
#include <string.h>

enum { LOG2_MIN = 6 };

static size_t places(const struct env_lookup *l)
{
    return l->log2 ? (size_t)1 << l->log2 : 0;
}

/* Object ids are whatever a writer wrote: the places follow from a key drawn for this table, so
 * that nobody can choose ids that want to be near each other. */
static size_t first_place(const struct env_lookup *l, const uint8_t key[ENV_LOOKUP_KEY_BYTES])
{
    return (size_t)env_siphash(l->key, key, ENV_LOOKUP_KEY_BYTES) & (places(l) - 1);
}

static size_t next_place(const struct env_lookup *l, size_t at)
{
    return (at + 1) & (places(l) - 1);
}

static void put(struct env_lookup *l, const uint8_t key[ENV_LOOKUP_KEY_BYTES], size_t item)
{
    size_t at = first_place(l, key);
    while (l->place[at]) {
        at = next_place(l, at);
    }
    l->place[at] = (uint32_t)item + 1;
}

static envelope_status grow(envelope_ctx *ctx, struct env_lookup *l, const void *items,
                            size_t count, env_lookup_key key, envelope_error *err)
{
    struct env_lookup larger = {.used = l->used, .log2 = LOG2_MIN};
    while (places(&larger) <= 2 * count) {
        larger.log2++;
    }
    larger.place = env_alloc_array(ctx, places(&larger), sizeof *larger.place);
    if (!larger.place) {
        return env_nomem(err);
    }
    envelope_status st = env_random(larger.key, sizeof larger.key, err);
    if (st) {
        env_free(ctx, larger.place);
        return st;
    }
    for (size_t i = 0; i < l->used; i++) {
        put(&larger, key(items, i), i);
    }
    env_free(ctx, l->place);
    *l = larger;
    return ENVELOPE_OK;
}

envelope_status env_lookup_extend(envelope_ctx *ctx, struct env_lookup *l, const void *items,
                                  size_t count, env_lookup_key key, envelope_error *err)
{
    if (count >= UINT32_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "%zu things to look up", count);
    }
    envelope_status st =
        2 * count >= places(l) ? grow(ctx, l, items, count, key, err) : ENVELOPE_OK;
    for (; !st && l->used < count; l->used++) {
        put(l, key(items, l->used), l->used);
    }
    return st;
}

size_t env_lookup_find(const struct env_lookup *l, const void *items, env_lookup_key key,
                       const uint8_t wanted[ENV_LOOKUP_KEY_BYTES])
{
    if (!l->place) {
        return SIZE_MAX;
    }
    for (size_t at = first_place(l, wanted); l->place[at]; at = next_place(l, at)) {
        if (!memcmp(key(items, l->place[at] - 1), wanted, ENV_LOOKUP_KEY_BYTES)) {
            return l->place[at] - 1;
        }
    }
    return SIZE_MAX;
}

void env_lookup_free(envelope_ctx *ctx, struct env_lookup *l)
{
    env_free(ctx, l->place);
    memset(l, 0, sizeof *l);
}
