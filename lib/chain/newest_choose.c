/* Which of the verified metadata objects is the newest, and which are another history. */
#include "base/error.h"
#include "base/text.h"
#include "chain/newest_search.h"
#include <string.h>

/* Is lower part of what higher lists as its past, as far back as that goes? Two of one number never
 * are. */
static bool remembers(const struct env_catalogue *higher, const struct env_catalogue *lower)
{
    const struct env_head *head = &higher->head;
    bool covered = head->past_count < ENV_PAST_LIMIT || lower->id.number >= head->past[0].number;
    return !covered || env_catalogue_descends(higher, lower->id.number, lower->link);
}

/* Verified history that a pinned host need not agree with any more is not a fork, only old. */
envelope_status env_newest_forks(struct env_search *s, envelope_error *err)
{
    const struct env_verified *above = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const struct env_verified *v = &s->found[i];
        char a[17];
        char b[17];
        bool prefix = true;
        if (s->chain->pinned && !v->fits) {
            continue;
        }
        if (above) {
            envelope_status st = env_catalogue_prefix(v->catalogue, above->catalogue, &prefix, err);
            if (st) {
                return st;
            }
            prefix = prefix && remembers(above->catalogue, v->catalogue);
        }
        if (!prefix) {
            env_hex(a, v->catalogue->link, 8);
            env_hex(b, above->catalogue->link, 8);
            env_emit(s->events, ENVELOPE_EVENT_FORK, ENVELOPE_E_ROLLBACK, NULL,
                     "metadata %llu (link %s...) and %llu (link %s...) are two histories",
                     (unsigned long long)v->catalogue->id.number, a,
                     (unsigned long long)above->catalogue->id.number, b);
            return env_fail(err, ENVELOPE_E_ROLLBACK,
                            "a fork: metadata %llu (link %s...) and metadata %llu (link %s...) are "
                            "two histories of this chain; somebody must say which is the right one",
                            (unsigned long long)v->catalogue->id.number, a,
                            (unsigned long long)above->catalogue->id.number, b);
        }
        above = v;
    }
    return ENVELOPE_OK;
}

static const struct env_verified *pick(const struct env_search *s,
                                       bool (*good)(const struct env_search *,
                                                    const struct env_verified *))
{
    for (size_t i = 0; i < s->count; i++) { /* sorted: the highest number first */
        if (good(s, &s->found[i])) {
            return &s->found[i];
        }
    }
    return NULL;
}

static bool fits(const struct env_search *s, const struct env_verified *v)
{
    (void)s;
    return v->fits;
}

/* With meta/ empty a keys copy that holds PIN_g will do; its `past` is not asked. */
static bool holds(const struct env_search *s, const struct env_verified *v)
{
    (void)s;
    return v->holds_pin;
}

/* Older than the pin, but not of another history as far as that shows. */
static bool older(const struct env_search *s, const struct env_verified *v)
{
    const struct env_pin *pin = &s->chain->pin;
    return v->catalogue->id.number < pin->number &&
           (v->holds_pin || v->catalogue->generation < pin->generation);
}

static envelope_status choose(struct env_search *s, envelope_error *err)
{
    struct env_newest *out = s->out;
    out->meta_empty = !s->blocked_meta;
    for (size_t i = 0; i < s->count; i++) {
        out->meta_empty = out->meta_empty && !s->found[i].in_meta;
    }
    const struct env_verified *v = pick(s, fits);
    if (!v && out->meta_empty) {
        v = pick(s, holds);
    }
    if (!v && s->chain->pinned) {
        v = pick(s, older);
    }
    if (v) {
        out->behind = s->chain->pinned && v->catalogue->id.number < s->chain->pin.number;
        out->catalogue = env_catalogue_retain(v->catalogue);
        return ENVELOPE_OK;
    }
    if (s->count) {
        return env_fail(err, ENVELOPE_E_ROLLBACK,
                        "no metadata in %s is of the history that this host knows (metadata %llu)",
                        s->chain->folder, (unsigned long long)s->chain->pin.number);
    }
    if (s->worst) {
        return env_error_pass(err, s->worst, &s->why);
    }
    return env_fail(err, ENVELOPE_E_NOT_FOUND, "%s holds no metadata and no keys copy",
                    s->chain->folder);
}

/* Claims of headers that did not verify count only near what did: else anybody could use the
 * numbers up. */
static void claims(struct env_search *s)
{
    struct env_newest *out = s->out;
    uint64_t limit = out->top_number + ENV_CLAIMS_AHEAD;
    uint32_t top = out->top_generation;
    out->claimed_number = out->top_number;
    for (size_t i = 0; i < out->seen.count; i++) {
        const struct env_id *id = &out->seen.item[i].id;
        if (out->seen.item[i].status) {
            continue;
        }
        if (id->number > out->claimed_number && id->number <= limit) {
            out->claimed_number = id->number;
        }
        if (id->generation > out->top_generation && id->generation <= top + ENV_CLAIMS_AHEAD) {
            out->top_generation = id->generation;
        }
    }
}

/* Is a keys copy of the newest generation there, as a header claims that is the chosen object's or
 * older? */
static void find_copy(struct env_newest *out)
{
    for (size_t i = 0; i < out->seen.count; i++) {
        const struct env_seen *seen = &out->seen.item[i];
        if (env_is_candidate(seen) && !seen->in_meta &&
            seen->id.generation == out->catalogue->generation &&
            env_catalogue_descends(out->catalogue, seen->id.number, seen->link)) {
            out->copied = true;
        }
    }
}

static void tell(struct env_search *s)
{
    const struct env_newest *out = s->out;
    for (size_t i = 0; s->chain->pinned && i < s->count; i++) {
        const struct env_catalogue *c = s->found[i].catalogue;
        if (!remembers(out->catalogue, c)) {
            env_emit(s->events, ENVELOPE_EVENT_FORK, ENVELOPE_E_ROLLBACK, NULL,
                     "metadata %llu is off the branch that this host knows: ignored",
                     (unsigned long long)c->id.number);
        }
    }
    if (out->behind) {
        env_emit(s->events, ENVELOPE_EVENT_ROLLBACK, ENVELOPE_E_ROLLBACK, NULL,
                 "metadata %llu is the newest that can be found, this host has seen %llu",
                 (unsigned long long)out->catalogue->id.number,
                 (unsigned long long)s->chain->pin.number);
    }
}

envelope_status env_newest_choose(struct env_search *s, envelope_error *err)
{
    envelope_status st = choose(s, err);
    if (!st) {
        claims(s);
        find_copy(s->out);
        tell(s);
    }
    return st;
}
