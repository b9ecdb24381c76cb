#include "base/error.h"
#include "chain/metadata.h"
#include <stdlib.h>
#include <string.h>

static int rising(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorted, each once. */
static envelope_status take_numbers(envelope_chain *chain, const uint64_t *numbers, size_t count,
                                    uint64_t **out, size_t *n, envelope_error *err)
{
    uint64_t *sorted = env_alloc_array(chain->ctx, count, sizeof *sorted);
    if (!sorted) {
        return env_nomem(err);
    }
    memcpy(sorted, numbers, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, rising);
    *n = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1]) {
            sorted[(*n)++] = sorted[i];
        }
    }
    *out = sorted;
    return ENVELOPE_OK;
}

/* A number that is neither listed nor forgotten was never a point here. stones: the numbers of the
 * tombstones, rising. */
static envelope_status known(const struct env_catalogue *c, const uint64_t *stones,
                             const uint64_t *numbers, size_t count, envelope_error *err)
{
    size_t n = c->head.tombstone_count;
    for (size_t i = 0; i < count; i++) {
        if (env_catalogue_find_number(c, numbers[i]) == SIZE_MAX &&
            !(n && bsearch(&numbers[i], stones, n, sizeof *stones, rising))) {
            return env_fail(err, ENVELOPE_E_NOT_FOUND, "there is no point %llu in this chain",
                            (unsigned long long)numbers[i]);
        }
    }
    return ENVELOPE_OK;
}

static envelope_status all_known(envelope_chain *chain, const uint64_t *numbers, size_t count,
                                 envelope_error *err)
{
    struct env_catalogue *c = env_chain_catalogue(chain);
    if (!c) {
        return ENVELOPE_OK;
    }
    size_t n = c->head.tombstone_count;
    uint64_t *stones = env_alloc_array(chain->ctx, n, sizeof *stones);
    envelope_status st = stones ? ENVELOPE_OK : env_nomem(err);
    for (size_t i = 0; !st && i < n; i++) {
        stones[i] = c->head.tombstones[i].number;
    }
    if (!st && n) {
        qsort(stones, n, sizeof *stones, rising);
    }
    st = st ? st : known(c, stones, numbers, count, err);
    env_free(chain->ctx, stones);
    env_catalogue_release(c);
    return st;
}

static bool contains(const struct env_put *put, uint64_t number)
{
    for (size_t lo = 0, hi = put->forget_count; lo < hi;) {
        size_t mid = lo + (hi - lo) / 2;
        if (put->forget[mid] == number) {
            return true;
        }
        lo = put->forget[mid] < number ? mid + 1 : lo;
        hi = put->forget[mid] < number ? hi : mid;
    }
    return false;
}

/* An unlisted point of somebody who has not listed it yet. */
static envelope_status check_extra(const struct env_put *put, const struct env_catalogue *base,
                                   const struct env_extra *extra, envelope_error *err)
{
    size_t row = env_catalogue_find_link(base, extra->parent);
    if (row != SIZE_MAX && contains(put, base->rows[row].number)) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "point %llu is needed by %s, which is not listed yet: refresh, then again",
                        (unsigned long long)base->rows[row].number, extra->name);
    }
    return ENVELOPE_OK;
}

envelope_status env_forget_check(const struct env_put *put, const struct env_catalogue *base,
                                 const struct env_extras *extras, bool *any, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    *any = false;
    if (!put->forget_count) {
        return ENVELOPE_OK;
    }
    for (size_t i = 0; i < base->row_count; i++) {
        const struct env_row *row = &base->rows[i];
        bool goes = contains(put, row->number);
        *any = *any || goes;
        if (row->parent && !goes && contains(put, row->parent)) {
            return env_fail(err, ENVELOPE_E_REFUSED,
                            "point %llu is needed by point %llu, which stays: forget that one too, "
                            "or keep both",
                            (unsigned long long)row->parent, (unsigned long long)row->number);
        }
    }
    for (size_t i = 0; !st && i < extras->count; i++) {
        st = check_extra(put, base, &extras->item[i], err);
    }
    return st;
}

static envelope_status forget(envelope_chain *chain, const uint64_t *numbers, size_t count,
                              struct env_swept *swept, envelope_error *err)
{
    const struct env_listener events = ENV_LISTENER(chain->ctx);
    struct env_put put = {.forget = numbers, .forget_count = count};
    envelope_status st = all_known(chain, numbers, count, err);
    st = st ? st : env_put_metadata(chain, &events, &put, err);
    env_policy_free(chain, &put.policy);
    if (st) {
        return st;
    }
    struct env_catalogue *c = env_chain_catalogue(chain);
    st = env_sweep(chain, &events, c, swept, err);
    env_catalogue_release(c);
    return st;
}

envelope_status envelope_chain_forget(envelope_chain *chain, const uint64_t *numbers, size_t count,
                                      uint64_t *freed, uint64_t *waiting, envelope_error *err)
{
    struct env_swept swept = {0, 0};
    uint64_t *sorted = NULL;
    size_t n = 0;
    envelope_status st = env_enter(chain ? chain->ctx : NULL, err);
    if (!st && (!numbers || !count)) {
        st = env_fail(err, ENVELOPE_E_INVALID, "no point is named");
    }
    st = st ? st : env_chain_begin_write(chain, err);
    if (st) {
        return st;
    }
    st = take_numbers(chain, numbers, count, &sorted, &n, err);
    if (!st) {
        struct env_call call;
        env_call_begin(chain->ctx, &call);
        st = env_keyring_end(chain->keyring, &call, forget(chain, sorted, n, &swept, err));
    }
    env_free(chain->ctx, sorted);
    env_chain_end_write(chain);
    if (freed) {
        *freed = swept.freed;
    }
    if (waiting) {
        *waiting = swept.waiting;
    }
    return st;
}
