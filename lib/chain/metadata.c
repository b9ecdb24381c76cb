#include "chain/metadata.h"
#include "base/error.h"
#include "base/text.h"
#include "chain/generation.h"
#include "chain/pinning.h"
#include "chain/seal.h"
#include "kms/asking.h"
#include <string.h>

enum { ATTEMPTS = 100, STEP_OVER = 1000 };

/* One attempt's findings. */
struct attempt {
    envelope_chain *chain;
    const struct env_listener *events;
    struct env_put *put;
    struct env_newest newest;
    struct env_listed listed;
    struct env_catalogue *next; /* being made */
    bool draw;
    uint64_t number;
};

/* -- may this host write at all */

static envelope_status may_write(struct attempt *a, envelope_error *err)
{
    const struct env_newest *n = &a->newest;
    if (n->blocked) {
        return env_fail(err, n->blocked,
                        "%s stands above the newest metadata that opens, and cannot be opened or "
                        "read: nothing is written",
                        n->blocker);
    }
    if (!n->meta_empty) {
        return !n->behind ? ENVELOPE_OK
                          : env_fail(err, ENVELOPE_E_ROLLBACK,
                                     "the newest metadata is %llu, this host has seen %llu: the "
                                     "repository was rolled back, or files are missing",
                                     (unsigned long long)n->catalogue->id.number,
                                     (unsigned long long)a->chain->pin.number);
    }
    bool holds = false;
    envelope_status st = ENVELOPE_OK;
    if (a->chain->pinned) {
        st = env_holds_pin(a->chain, n->catalogue, &holds, err);
    }
    if (!st && a->chain->pinned && !holds) {
        return env_fail(err, ENVELOPE_E_ROLLBACK,
                        "meta/ is empty, and no keys copy is of the history that this host knows");
    }
    if (!st) {
        env_emit(a->events, ENVELOPE_EVENT_REPAIRED, ENVELOPE_OK, NULL,
                 "%smeta/ is empty: made anew from the keys copy of metadata %llu",
                 a->chain->folder, (unsigned long long)n->catalogue->id.number);
    }
    return st;
}

/* -- 4.7: a point of the newest generation that names later metadata */

static envelope_status check_missing(struct attempt *a, uint64_t *seen_at, bool *again,
                                     envelope_error *err)
{
    uint64_t number = a->newest.catalogue->id.number;
    *again = false;
    if (!a->listed.missing) {
        return ENVELOPE_OK;
    }
    if (*seen_at != number) { /* another host may have written meanwhile: look again */
        *seen_at = number;
        *again = true;
        return ENVELOPE_OK;
    }
    env_emit(a->events, ENVELOPE_EVENT_ROLLBACK, ENVELOPE_E_ROLLBACK, NULL,
             "metadata is missing: a point names a later one than %llu",
             (unsigned long long)number);
    if (a->newest.meta_empty) {
        return ENVELOPE_OK;
    }
    return env_fail(err, ENVELOPE_E_ROLLBACK,
                    "metadata is missing: a point of the newest generation names a later one than "
                    "%llu, the newest there is",
                    (unsigned long long)number);
}

/* -- the next catalogue */

static envelope_status add_past(struct env_catalogue *next, const struct env_catalogue *base,
                                envelope_error *err)
{
    struct env_head *head = &next->head;
    size_t keep = head->past_count < ENV_PAST_LIMIT ? head->past_count : ENV_PAST_LIMIT - 1;
    struct env_past *past = env_alloc_array(next->ctx, keep + 1, sizeof *past);
    if (!past) {
        return env_nomem(err);
    }
    if (keep) {
        memcpy(past, head->past + (head->past_count - keep), keep * sizeof *past);
    }
    past[keep].number = base->id.number;
    memcpy(past[keep].link, base->link, ENV_LINK_BYTES);
    env_free(next->ctx, head->past);
    head->past = past;
    head->past_count = keep + 1;
    return ENVELOPE_OK;
}

static uint8_t provenance(const envelope_chain *chain, const struct env_extra *extra)
{
    for (uint32_t i = 0; chain->pinned && i < chain->pin.pending_count; i++) {
        if (!memcmp(chain->pin.pending[i].link, extra->row.link, ENV_LINK_BYTES)) {
            return ENV_FROM_PENDING;
        }
    }
    return ENV_FROM_GENERATION;
}

static envelope_status list_extra(struct attempt *a, size_t i, envelope_error *err)
{
    uint64_t number;
    struct env_extra extra = a->listed.extras->item[i];
    if (env_catalogue_find_object(a->next, extra.row.object_id) != SIZE_MAX) {
        return ENVELOPE_OK; /* two bear one id: the first is the point */
    }
    envelope_status st = env_extras_dek(a->listed.extras, i, &extra.dek, err);
    st = st ? st
            : env_catalogue_list(a->chain, a->next, &extra, provenance(a->chain, &extra), a->events,
                                 &number, err);
    envelope_dek_free(extra.dek);
    return st;
}

static envelope_status list_points(struct attempt *a, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < a->listed.extras->count; i++) {
        st = list_extra(a, i, err);
    }
    const struct env_extra *own = a->put->own;
    if (!st && own && !a->put->own_number) {
        st = env_catalogue_list(a->chain, a->next, own, ENV_FROM_OWN, a->events,
                                &a->put->own_number, err);
    }
    return st;
}

static envelope_status make_next(struct attempt *a, envelope_error *err)
{
    const struct env_catalogue *base = a->newest.catalogue;
    uint32_t top = a->newest.top_generation > a->listed.top_generation ? a->newest.top_generation
                                                                       : a->listed.top_generation;
    envelope_status st = env_catalogue_copy(base, &a->next, err);
    if (st) {
        return st;
    }
    struct env_head *head = &a->next->head;
    head->serial = a->chain->serial;
    head->recipients = a->put->policy.names;
    head->rebuilt = false;
    st = env_policy_record(a->chain->ctx, &a->put->policy, &head->keys, false, err);
    st = st ? st : add_past(a->next, base, err);
    if (!st && a->draw) {
        st = env_catalogue_draw(a->next, top + 1, err);
    }
    if (!st && a->put->forget_count) {
        st = env_catalogue_forget(a->next, base, a->put->forget, a->put->forget_count, err);
    }
    return st ? st : list_points(a, err);
}

/* The number behind the base's that no file in meta/ has: what holds it otherwise was stepped over.
 */
static envelope_status next_number(struct attempt *a, envelope_error *err)
{
    const struct env_newest *n = &a->newest;
    uint64_t number = n->meta_empty ? n->claimed_number + 1 : n->catalogue->id.number + 1;
    for (int steps = 0; steps <= STEP_OVER; steps++) {
        bool taken = false;
        for (size_t i = 0; i < n->seen.count; i++) {
            const struct env_seen *s = &n->seen.item[i];
            const char *rest = s->name + strlen(a->chain->folder);
            taken = taken || (s->in_meta && env_name_metadata_number(rest) == number);
        }
        if (!taken) {
            a->number = number;
            return number < ENV_NUMBER_LIMIT
                       ? ENVELOPE_OK
                       : env_fail(err, ENVELOPE_E_LIMIT, "the numbers of metadata are used up");
        }
        number++;
    }
    return env_fail(err, ENVELOPE_E_LIMIT,
                    "%smeta/ holds more than %d objects behind the newest metadata that are not "
                    "ours: move them away",
                    a->chain->folder, STEP_OVER);
}

/* -- after it is durable */

static void adopt(struct attempt *a, struct env_catalogue *catalogue)
{
    env_chain_set_catalogue(a->chain, env_catalogue_retain(catalogue));
}

/* storage.md, "new generation": no point uses it before its keys copy is durable. */
static envelope_status after(struct attempt *a, struct env_catalogue *catalogue, bool wrote,
                             envelope_error *err)
{
    envelope_chain *chain = a->chain;
    bool moved = wrote || catalogue->id.number != chain->pin.number || !chain->pinned;
    adopt(a, catalogue);
    if (moved) {
        envelope_status st = env_pin_follow(chain, catalogue, &a->put->policy, err);
        if (st) {
            return st;
        }
    }
    if (a->draw || !a->newest.copied) {
        envelope_status st = env_put_keys_copy(chain, catalogue, err);
        if (st) {
            return st;
        }
    }
    if (wrote) {
        env_prune(chain, a->events, catalogue, a->put->proven);
    }
    return ENVELOPE_OK;
}

static envelope_status write_next(struct attempt *a, envelope_error *err)
{
    struct env_seal seal = {
        .parent = a->newest.catalogue->link,
        .policy = &a->put->policy,
        .prove = a->draw,
    };
    envelope_status st = make_next(a, err);
    st = st ? st : next_number(a, err);
    seal.number = a->number;
    st = st ? st : env_seal_prepare(a->chain, a->next, &seal, a->events, err);
    st = st ? st : env_seal_metadata(a->chain, a->next, &seal, err);
    if (st) {
        return st;
    }
    a->put->wrote = true;
    a->put->drew = a->draw;
    a->put->proven = seal.proven;
    return after(a, a->next, true, err);
}

static envelope_status look(struct attempt *a, envelope_error *err)
{
    struct env_put *put = a->put;
    envelope_status st = env_newest_find(a->chain, a->events, &a->newest, err);
    st = st ? st : may_write(a, err);
    st = st ? st : env_policy_today(a->chain, a->newest.catalogue, a->events, &put->policy, err);
    if (st) {
        return st;
    }
    const struct env_listing how = {
        .base = a->newest.catalogue,
        .policy = &put->policy,
        .skip_link = put->own ? put->own->row.link : NULL,
    };
    return env_unlisted(a->chain, &how, a->events, &a->listed, err);
}

static envelope_status wrap_point(struct attempt *a, envelope_error *err)
{
    struct env_point_key *key = a->put->point;
    const struct env_targets *targets = &a->put->policy.targets;
    if (!key) {
        return ENVELOPE_OK;
    }
    envelope_dek_free(key->drawn.dek); /* of an attempt that another host has overtaken */
    envelope_status st =
        env_targets_draw(a->chain->keyring, targets, ENV_DRAW_POINT, &key->drawn, err);
    return st ? st
              : env_drawn_wrap(a->chain->keyring, targets, &key->drawn, a->events, key->object,
                               key->slots, err);
}

/* Of the point that this handle has just written, 0: it is not listed yet. Another host may have
 * listed it, and one may have forgotten it since. */
static uint64_t own_number(const struct attempt *a)
{
    const struct env_catalogue *c = a->newest.catalogue;
    const struct env_extra *own = a->put->own;
    size_t row = own ? env_catalogue_find_object(c, own->row.object_id) : SIZE_MAX;
    const struct env_tombstone *stone = own ? env_catalogue_tombstone(c, own->row.object_id) : NULL;
    return row != SIZE_MAX ? c->rows[row].number : stone ? stone->number : 0;
}

static envelope_status apply(struct attempt *a, envelope_error *err)
{
    struct env_put *put = a->put;
    bool holds = false;
    bool forgets = false;
    envelope_status st =
        env_forget_check(put, a->newest.catalogue, a->listed.extras, &forgets, err);
    st = st ? st : wrap_point(a, err);
    if (!st && a->chain->pinned) {
        st = env_holds_pin(a->chain, a->newest.catalogue, &holds, err);
    }
    if (st) {
        return st;
    }
    /* W4 */
    a->draw = put->new_generation || !put->policy.same || !holds;
    put->own_number = own_number(a);
    bool nothing = !a->draw && a->listed.extras->count == 0 && (!put->own || put->own_number) &&
                   !a->newest.meta_empty && !forgets;
    return nothing ? after(a, a->newest.catalogue, false, err) : write_next(a, err);
}

static void end(struct attempt *a)
{
    env_newest_free(&a->newest);
    env_extras_release(a->listed.extras);
    env_catalogue_release(a->next);
}

/* What frees space writes metadata first: on a full store old metadata makes room for it, once. */
static bool made_room(const struct attempt *a, envelope_status st, bool *full)
{
    bool again = st == ENVELOPE_E_NO_SPACE && !a->put->wrote && !*full;
    *full = *full || st == ENVELOPE_E_NO_SPACE;
    return again && env_make_room(a->chain, a->events, a->newest.catalogue);
}

envelope_status env_put_metadata(envelope_chain *chain, const struct env_listener *events,
                                 struct env_put *put, envelope_error *err)
{
    uint64_t missing_at = 0;
    bool full = false;
    for (int i = 0; i < ATTEMPTS; i++) {
        struct attempt a = {.chain = chain, .events = events, .put = put};
        bool again = false;
        put->rotated = 0;
        envelope_status st = look(&a, err);
        if (!st) {
            put->rotated = put->policy.rotated;
            st = check_missing(&a, &missing_at, &again, err);
        }
        if (!st && !again) {
            st = apply(&a, err);
            again = st == ENVELOPE_E_EXISTS || made_room(&a, st, &full);
        }
        end(&a);
        if (!again) {
            if (st) {
                env_policy_free(chain, &put->policy);
            }
            return st;
        }
        env_policy_free(chain, &put->policy);
    }
    return env_fail(err, ENVELOPE_E_BUSY, "%s: other hosts kept writing metadata", chain->folder);
}

/* -- the first one */

static envelope_status name_chain(envelope_chain *chain, const struct env_catalogue *c,
                                  envelope_error *err)
{
    uint8_t *root;
    envelope_status st = env_secret_new(chain->ctx, 32, &root, err);
    if (st) {
        return st;
    }
    st = env_catalogue_root(c, root, err);
    st = st ? st : env_chain_id_of(chain->ctx, root, chain->chain_id, err);
    env_secret_free(chain->ctx, root, 32);
    env_name_chain(chain->folder, chain->name, chain->chain_id);
    return st;
}

static envelope_status seal_first(envelope_chain *chain, struct env_catalogue *c,
                                  const struct env_policy *policy,
                                  const struct env_listener *events, envelope_error *err)
{
    struct env_seal seal = {.number = 1, .policy = policy, .prove = true};
    env_text_copy(c->head.chain_name, sizeof c->head.chain_name, chain->name);
    c->head.serial = chain->serial;
    c->head.recipients = policy->names;
    envelope_status st = env_policy_record(chain->ctx, policy, &c->head.keys, false, err);
    st = st ? st : env_seal_prepare(chain, c, &seal, events, err);
    st = st ? st : env_put_readme(chain, err);
    st = st ? st : env_seal_metadata(chain, c, &seal, err);
    if (st) {
        return st;
    }
    env_chain_set_catalogue(chain, env_catalogue_retain(c));
    st = env_pin_follow(chain, c, policy, err);
    return st ? st : env_put_keys_copy(chain, c, err);
}

envelope_status env_first_metadata(envelope_chain *chain, const struct env_listener *events,
                                   envelope_error *err)
{
    struct env_catalogue *c;
    struct env_policy policy;
    envelope_status st = env_policy_today(chain, NULL, events, &policy, err);
    if (st) {
        return st;
    }
    st = env_catalogue_begin(chain->ctx, &c, err);
    if (!st) {
        st = name_chain(chain, c, err);
        st = st ? st : seal_first(chain, c, &policy, events, err);
        env_catalogue_release(c);
    }
    env_policy_free(chain, &policy);
    return st;
}
