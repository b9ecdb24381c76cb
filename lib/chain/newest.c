#include "base/error.h"
#include "base/text.h"
#include "chain/newest_search.h"
#include <stdlib.h>
#include <string.h>

enum { SCAN_FAILURES = 1000 }; /* slots that may fail in one scan, crypto.md 4.3 */

void env_newest_free(struct env_newest *newest)
{
    env_catalogue_release(newest->catalogue);
    newest->catalogue = NULL;
    env_seen_free(&newest->seen);
}

/* Both copies of a header lost is metadata lost, so one is told while the other still serves. */
static void tell_copies(const struct env_opening *opening, const char *name,
                        const struct env_object *object)
{
    const struct env_subject subject = {.object = name};
    for (int i = 0; i < 2; i++) {
        bool damaged = object->state[i] == ENV_COPY_DAMAGED;
        if (damaged || object->state[i] == ENV_COPY_ALTERED) {
            env_emit(opening->events, ENVELOPE_EVENT_REPAIRED,
                     damaged ? ENVELOPE_E_FORMAT : ENVELOPE_E_AUTH, &subject,
                     "%s: served from the other copy of the header: header copy %c is %s", name,
                     'A' + i, damaged ? "damaged" : "altered");
        }
    }
}

envelope_status env_metadata_open(envelope_chain *chain, const char *name,
                                  struct env_opening *opening, struct env_catalogue **out,
                                  envelope_error *err)
{
    struct env_opened opened;
    struct env_object *object = NULL;
    *out = NULL;
    envelope_status st = env_headers_open(chain->store, name, &opened, err);
    if (st) {
        return st;
    }
    opening->object = name;
    opening->chain_id = chain->chain_id;
    const struct env_id *id = env_headers_id(opened.headers);
    if (id->kind != ENV_KIND_METADATA || memcmp(id->chain_id, chain->chain_id, 32) != 0) {
        env_opened_close(&opened);
        return env_fail(err, ENVELOPE_E_FORMAT, "%s is not metadata of this chain", name);
    }
    st = env_object_unlock(opened.headers, chain->keyring, opening, &object, err);
    opened.headers = NULL; /* taken over */
    st = st ? st : env_catalogue_load(object, env_store_read, &opened.file, out, err);
    if (!st) {
        tell_copies(opening, name, object);
    }
    env_object_free(object);
    env_opened_close(&opened);
    return st;
}

envelope_status env_holds_pin(envelope_chain *chain, const struct env_catalogue *catalogue,
                              bool *yes, envelope_error *err)
{
    uint8_t pin[32];
    bool found;
    *yes = false;
    envelope_status st = env_catalogue_generation_key(catalogue, chain->pin.generation, "pin",
                                                      chain->chain_id, pin, &found, err);
    if (!st && found) {
        *yes = memcmp(pin, chain->pin.pin, sizeof pin) == 0; /* PIN_g is public */
    }
    return st;
}

static int by_number(const void *a, const void *b)
{
    const struct env_seen *x = a;
    const struct env_seen *y = b;
    if (x->id.number != y->id.number) {
        return x->id.number > y->id.number ? -1 : 1;
    }
    if (x->in_meta != y->in_meta) {
        return x->in_meta ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

bool env_is_candidate(const struct env_seen *seen)
{
    return seen->status == ENVELOPE_OK && seen->id.kind == ENV_KIND_METADATA;
}

/* Two LINKs for one number, or a higher generation at a lower number. The list is sorted. */
static bool headers_conflict(const struct env_seen_list *list)
{
    const struct env_seen *above = NULL;
    uint32_t lowest = UINT32_MAX;
    for (size_t i = 0; i < list->count; i++) {
        const struct env_seen *s = &list->item[i];
        if (!env_is_candidate(s)) {
            continue;
        }
        bool same_number = above && above->id.number == s->id.number;
        if (same_number && memcmp(above->link, s->link, ENV_LINK_BYTES) != 0) {
            return true;
        }
        if (!same_number && s->id.generation > lowest) {
            return true;
        }
        lowest = s->id.generation < lowest ? s->id.generation : lowest;
        above = s;
    }
    return false;
}

/* What is told when nothing opens: an outage before a missing key before damage, since anybody can
 * plant damaged files. */
static int rank(envelope_status st)
{
    switch (st) {
    case ENVELOPE_E_KMS_UNREACHED:
        return 6;
    case ENVELOPE_E_NO_KEY:
        return 5;
    case ENVELOPE_E_REFUSED:
        return 4;
    case ENVELOPE_E_IO:
        return 3;
    case ENVELOPE_E_AUTH:
        return 2;
    case ENVELOPE_E_UNSUPPORTED:
        return 1;
    default:
        return 0;
    }
}

static void remember(struct env_search *s, envelope_status st, const envelope_error *why)
{
    if (!s->worst || rank(st) > rank(s->worst)) {
        s->worst = st;
        s->why = *why;
    }
}

/* E_OK: goes on. */
static envelope_status failed(struct env_search *s, const struct env_seen *seen, envelope_status st,
                              const envelope_error *why)
{
    const struct env_subject subject = {.object = seen->name};
    bool closed = st == ENVELOPE_E_NO_KEY || st == ENVELOPE_E_KMS_UNREACHED ||
                  st == ENVELOPE_E_IO || st == ENVELOPE_E_REFUSED;
    if (!closed && st != ENVELOPE_E_AUTH && st != ENVELOPE_E_FORMAT &&
        st != ENVELOPE_E_UNSUPPORTED && st != ENVELOPE_E_LIMIT && st != ENVELOPE_E_NOT_FOUND) {
        return st; /* out of memory and the like: says nothing about the object */
    }
    remember(s, st, why);
    if (closed && !s->any_fits && !s->out->blocked) { /* it stands above the newest */
        s->out->blocked = st;
        env_text_copy(s->out->blocker, sizeof s->out->blocker, seen->name);
    }
    s->blocked_meta = s->blocked_meta || (closed && seen->in_meta);
    int32_t kind = closed                  ? ENVELOPE_EVENT_UNWRAP
                   : st == ENVELOPE_E_AUTH ? ENVELOPE_EVENT_FORGED
                                           : ENVELOPE_EVENT_DAMAGED;
    env_emit(s->events, kind, st, &subject, "%s is passed over: %s", seen->name, why->message);
    return ENVELOPE_OK;
}

static bool already(const struct env_search *s, const uint8_t link[ENV_LINK_BYTES])
{
    for (size_t i = 0; i < s->count; i++) {
        if (!memcmp(s->found[i].catalogue->link, link, ENV_LINK_BYTES)) {
            return true;
        }
    }
    return false;
}

/* crypto.md 4.6: the pinned object itself, or its `past` lists it. */
static bool on_branch(struct env_search *s, const struct env_catalogue *c)
{
    const struct env_pin *pin = &s->chain->pin;
    if (env_catalogue_descends(c, pin->number, pin->link)) {
        return true;
    }
    bool forgotten = c->head.past_count == ENV_PAST_LIMIT && pin->number < c->head.past[0].number;
    if (forgotten) {
        env_emit(s->events, ENVELOPE_EVENT_ROLLBACK, ENVELOPE_OK, NULL,
                 "the pin is older than what metadata %llu remembers: its generation alone decides",
                 (unsigned long long)c->id.number);
    }
    return forgotten;
}

static envelope_status accept(struct env_search *s, const struct env_seen *seen,
                              struct env_catalogue *c, envelope_error *err)
{
    struct env_verified *v = &s->found[s->count];
    envelope_status st = ENVELOPE_OK;
    *v = (struct env_verified){.catalogue = c, .in_meta = seen->in_meta, .fits = true};
    s->count++;
    if (c->id.number > s->out->top_number) {
        s->out->top_number = c->id.number;
    }
    if (c->generation > s->out->top_generation) {
        s->out->top_generation = c->generation;
    }
    if (s->chain->pinned) {
        st = env_holds_pin(s->chain, c, &v->holds_pin, err);
        v->fits = v->holds_pin && c->id.number >= s->chain->pin.number && on_branch(s, c);
    }
    s->any_fits = s->any_fits || v->fits;
    return st;
}

static envelope_status try_one(struct env_search *s, const struct env_seen *seen,
                               envelope_error *err)
{
    envelope_error why = ENVELOPE_ERROR_INIT;
    struct env_catalogue *c;
    struct env_opening opening = env_opening_begin(s->chain->keyring, s->events);
    if (s->failures >= SCAN_FAILURES) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "%u slots in %s did not open: the folder holds too much that is not ours",
                        s->failures, s->chain->folder);
    }
    /* What this handle has loaded and verified need not be unwrapped again: LINK names it. */
    struct env_catalogue *held = env_chain_catalogue(s->chain);
    if (held && !memcmp(held->link, seen->link, ENV_LINK_BYTES)) {
        return accept(s, seen, held, err);
    }
    env_catalogue_release(held);
    envelope_status st = env_metadata_open(s->chain, seen->name, &opening, &c, &why);
    s->failures += opening.failures;
    if (!st) {
        return accept(s, seen, c, err);
    }
    if (st == ENVELOPE_E_AGAIN) {
        s->again = true;
        s->again_why = why;
        return ENVELOPE_OK;
    }
    st = failed(s, seen, st, &why);
    return st ? env_error_pass(err, st, &why) : ENVELOPE_OK;
}

/* A pinned host that has found its branch need not unwrap what that branch's own past lists. */
static bool known_past(const struct env_search *s, const struct env_seen *seen)
{
    for (size_t i = 0; s->chain->pinned && i < s->count; i++) {
        const struct env_verified *v = &s->found[i];
        if (v->fits && env_catalogue_descends(v->catalogue, seen->id.number, seen->link)) {
            return true;
        }
    }
    return false;
}

static envelope_status open_candidates(struct env_search *s, envelope_error *err)
{
    const struct env_seen_list *list = &s->out->seen;
    bool all = !s->chain->pinned || s->conflict;
    for (size_t i = 0; i < list->count; i++) {
        const struct env_seen *seen = &list->item[i];
        if (!env_is_candidate(seen) || already(s, seen->link) || known_past(s, seen)) {
            continue;
        }
        envelope_status st = try_one(s, seen, err);
        if (st) {
            return st;
        }
        /* Where all are opened anyway, all are asked for in one round. */
        if (!all && (s->again || (s->count && s->found[s->count - 1].fits))) {
            break;
        }
    }
    return s->again ? env_error_pass(err, ENVELOPE_E_AGAIN, &s->again_why) : ENVELOPE_OK;
}

static envelope_status run(struct env_search *s, envelope_error *err)
{
    struct env_seen_list *list = &s->out->seen;
    if (list->count) {
        qsort(list->item, list->count, sizeof *list->item, by_number);
    }
    s->conflict = headers_conflict(list);
    s->found = env_alloc_array(s->chain->ctx, list->count + 1, sizeof *s->found);
    if (!s->found) {
        return env_nomem(err);
    }
    if (s->chain->pinned) {
        s->out->top_number = s->chain->pin.number;
        s->out->top_generation = s->chain->pin.generation;
    }
    envelope_status st = open_candidates(s, err);
    st = st ? st : env_newest_forks(s, err);
    return st ? st : env_newest_choose(s, err);
}

envelope_status env_newest_find(envelope_chain *chain, const struct env_listener *events,
                                struct env_newest *out, envelope_error *err)
{
    memset(out, 0, sizeof *out);
    out->seen.ctx = chain->ctx;
    struct env_search s = {.chain = chain, .events = events, .out = out};
    s.why.size = sizeof s.why;
    envelope_status st = env_scan_metadata(chain, events, &out->seen, err);
    st = st ? st : run(&s, err);
    for (size_t i = 0; i < s.count; i++) {
        env_catalogue_release(s.found[i].catalogue);
    }
    env_free(chain->ctx, s.found);
    if (st) {
        env_newest_free(out);
    }
    return st;
}
