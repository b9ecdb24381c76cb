#include "base/error.h"
#include "chain/points.h"
#include <stdlib.h>
#include <string.h>

void env_view_free(struct env_view *view)
{
    env_free(view->ctx, view->at);
    env_free(view->ctx, view->extra_number);
    env_catalogue_release(view->catalogue);
    env_extras_release(view->extras);
    memset(view, 0, sizeof *view);
}

const struct env_row *env_view_row(const struct env_view *view, size_t i)
{
    const struct env_point_at *at = &view->at[i];
    return at->row != SIZE_MAX ? &view->catalogue->rows[at->row]
                               : &view->extras->item[at->extra].row;
}

static int by_number(const void *a, const void *b)
{
    const struct env_point_at *x = a;
    const struct env_point_at *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static bool listed_since(const struct env_view *v, const struct env_extra *extra)
{
    return v->catalogue &&
           env_catalogue_find_object(v->catalogue, extra->row.object_id) != SIZE_MAX;
}

static int by_expected(const void *a, const void *b)
{
    const struct env_point_at *x = a;
    const struct env_point_at *y = b;
    return x->number != y->number ? (x->number > y->number) - (x->number < y->number)
                                  : (x->extra > y->extra) - (x->extra < y->extra);
}

/* The expected number if it is free, else the next. They come sorted by what they expected: so a
 * number that the catalogue has given is free if no row has it and the one before did not get it;
 * and above those, all from there to the top are taken. */
static uint64_t number_for(const struct env_view *v, uint64_t expected, uint64_t listed,
                           uint64_t before, uint64_t top)
{
    bool taken =
        !expected || expected == before ||
        (expected > listed
             ? expected <= top
             : v->catalogue && env_catalogue_find_number(v->catalogue, expected) != SIZE_MAX);
    return taken ? top + 1 : expected;
}

/* Extras, sorted by the number that they expected, behind the rows. */
static void add_extras(struct env_view *v, struct env_point_at *order)
{
    const uint64_t listed = v->catalogue ? env_catalogue_next_number(v->catalogue) - 1 : 0;
    uint64_t top = listed;
    uint64_t before = 0;
    size_t n = 0;
    for (size_t i = 0; i < v->extras->count; i++) {
        if (!listed_since(v, &v->extras->item[i])) {
            order[n++] = (struct env_point_at){v->extras->item[i].row.number, SIZE_MAX, i};
        }
    }
    qsort(order, n, sizeof *order, by_expected);
    for (size_t i = 0; i < n; i++) {
        struct env_point_at at = order[i];
        uint64_t expected = at.number;
        at.number = number_for(v, expected, listed, before, top);
        before = at.number == expected ? expected : before;
        top = at.number > top ? at.number : top;
        v->extra_number[at.extra] = at.number;
        v->at[v->count++] = at;
    }
}

envelope_status env_view_new(envelope_chain *chain, struct env_view *v, envelope_error *err)
{
    memset(v, 0, sizeof *v);
    v->ctx = chain->ctx;
    v->catalogue = env_chain_catalogue(chain);
    v->extras = env_chain_extras(chain);
    size_t rows = v->catalogue ? v->catalogue->row_count : 0;
    size_t extras = v->extras ? v->extras->count : 0;
    struct env_point_at *order = env_alloc_array(v->ctx, extras, sizeof *order);
    v->at = env_alloc_array(v->ctx, rows + extras, sizeof *v->at);
    v->extra_number = env_alloc_array(v->ctx, extras, sizeof *v->extra_number);
    if (!v->at || !v->extra_number || !order) {
        env_free(v->ctx, order);
        env_view_free(v);
        return env_nomem(err);
    }
    for (size_t i = 0; i < rows; i++) {
        v->at[v->count++] = (struct env_point_at){v->catalogue->rows[i].number, i, SIZE_MAX};
    }
    if (extras) {
        add_extras(v, order);
        qsort(v->at, v->count, sizeof *v->at, by_number);
    }
    env_free(v->ctx, order);
    return ENVELOPE_OK;
}

static bool is_pending(const envelope_chain *chain, const struct env_row *row)
{
    for (uint32_t k = 0; chain->pinned && k < chain->pin.pending_count; k++) {
        if (!memcmp(chain->pin.pending[k].link, row->link, ENV_LINK_BYTES)) {
            return true;
        }
    }
    return false;
}

/* An unlisted point can be forged by whoever had an older generation, a detached one by anybody who
 * knows the public key: it is the latest only if it is of the newest generation, or this host wrote
 * it. Without metadata nothing better is known than that an attested one's root is the chain's. */
static bool may_be_latest(const envelope_chain *chain, const struct env_view *v, size_t i)
{
    const struct env_row *row = env_view_row(v, i);
    if (v->at[i].row != SIZE_MAX) {
        return row->provenance != ENV_FROM_OPERATOR;
    }
    if (is_pending(chain, row)) {
        return true;
    }
    return row->standing == ENV_ATTESTED &&
           (!v->catalogue || row->generation == v->catalogue->generation);
}

size_t env_view_latest(const envelope_chain *chain, const struct env_view *v)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < v->count; i++) {
        const struct env_row *row = env_view_row(v, i);
        if (!may_be_latest(chain, v, i)) {
            continue;
        }
        if (best == SIZE_MAX || row->metadata_number >= env_view_row(v, best)->metadata_number) {
            best = i; /* numbers rise */
        }
    }
    return best;
}

size_t env_view_find(const struct env_view *v, uint64_t number)
{
    struct env_point_at key = {.number = number};
    const struct env_point_at *hit =
        v->count ? bsearch(&key, v->at, v->count, sizeof key, by_number) : NULL;
    return hit ? (size_t)(hit - v->at) : SIZE_MAX;
}
