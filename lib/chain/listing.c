#include "chain/listing.h"
#include "base/error.h"
#include "format/attributes.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SCAN_FAILURES = 1000 };

struct walk {
    envelope_chain *chain;
    const struct env_listing *how;
    const struct env_listener *events;
    struct env_listed *out;
    uint32_t failures;
    bool again; /* a KMS was asked for one of them and has not answered */
    envelope_error again_why;
};

bool env_is_pending(const envelope_chain *chain, const uint8_t link[ENV_LINK_BYTES])
{
    for (uint32_t i = 0; chain->pinned && i < chain->pin.pending_count; i++) {
        if (!memcmp(chain->pin.pending[i].link, link, ENV_LINK_BYTES)) {
            return true;
        }
    }
    return false;
}

/* crypto.md 4.2: ATT under AK_g before any KMS is asked. known false: SECRETS lack the generation.
 */
static envelope_status attested(struct walk *w, const struct env_headers *headers, bool *known,
                                bool *yes, envelope_error *err)
{
    uint8_t *ak;
    envelope_ctx *ctx = w->chain->ctx;
    *yes = false;
    envelope_status st = env_secret_new(ctx, 32, &ak, err);
    if (st) {
        return st;
    }
    st = env_catalogue_generation_key(w->how->base, env_headers_id(headers)->generation, "attest",
                                      w->chain->chain_id, ak, known, err);
    if (!st && *known) {
        st = env_object_attested(headers, ak, yes, err);
    }
    env_secret_free(ctx, ak, 32);
    return st;
}

static void note_missing(struct walk *w, const struct env_id *id)
{
    const struct env_catalogue *base = w->how->base;
    if (id->generation == base->generation &&
        (id->number > base->id.number || id->serial > base->head.serial)) {
        w->out->missing = true;
    }
}

__attribute__((format(printf, 5, 6))) static void skip(struct walk *w, const struct env_seen *seen,
                                                       int32_t kind, envelope_status status,
                                                       const char *format, ...)
{
    char line[256];
    const struct env_subject subject = {.object = seen->name};
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    env_emit(w->events, kind, status, &subject, "%s: %s", seen->name, line);
}

/* Everything that can be said before a key is used. *go: open it. */
static envelope_status admit(struct walk *w, const struct env_seen *seen,
                             const struct env_headers *headers, bool *go, envelope_error *err)
{
    const struct env_catalogue *base = w->how->base;
    bool own = env_is_pending(w->chain, seen->link);
    bool known = false;
    bool yes = false;
    *go = false;
    if (!base || own) {
        *go = true;
        return ENVELOPE_OK;
    }
    if (seen->id.standing == ENV_DETACHED) {
        skip(w, seen, ENVELOPE_EVENT_DETACHED, ENVELOPE_OK,
             "detached, and not written by this host: adopt it by name to list it");
        return ENVELOPE_OK;
    }
    envelope_status st = attested(w, headers, &known, &yes, err);
    if (st) {
        return st;
    }
    if (!known) {
        skip(w, seen, ENVELOPE_EVENT_MISPLACED, ENVELOPE_OK,
             "newer than the metadata in hand, not verified");
        return ENVELOPE_OK;
    }
    if (!yes) {
        skip(w, seen, ENVELOPE_EVENT_FORGED, ENVELOPE_E_AUTH,
             "not made by somebody who knows the chain's secrets");
        return ENVELOPE_OK;
    }
    note_missing(w, &seen->id);
    if (w->how->policy && seen->id.generation != base->generation) {
        skip(w, seen, ENVELOPE_EVENT_MISPLACED, ENVELOPE_OK,
             "of an older generation: not listed by itself");
        return ENVELOPE_OK;
    }
    *go = true;
    return ENVELOPE_OK;
}

/* Names are hints: whoever can write here can put a listed point's bytes under another name, and
 * needs no key for that. It is the point that it was, and adds none; nor does an object that took a
 * listed one's id. */
static bool is_listed(struct walk *w, const struct env_seen *seen)
{
    const struct env_catalogue *base = w->how->base;
    size_t row = base ? env_catalogue_find_object(base, seen->id.object_id) : SIZE_MAX;
    if (row == SIZE_MAX) {
        return false;
    }
    bool same = !memcmp(base->rows[row].link, seen->link, ENV_LINK_BYTES);
    skip(w, seen, same ? ENVELOPE_EVENT_MISPLACED : ENVELOPE_EVENT_FORGED,
         same ? ENVELOPE_OK : ENVELOPE_E_AUTH,
         same ? "a copy of point %llu, under another name" : "not point %llu, and bears its id",
         (unsigned long long)base->rows[row].number);
    return true;
}

static bool skip_before(struct walk *w, const struct env_seen *seen)
{
    const struct env_catalogue *base = w->how->base;
    if (seen->status) {
        return true; /* the scan has told it */
    }
    if (w->how->skip_link && !memcmp(w->how->skip_link, seen->link, ENV_LINK_BYTES)) {
        return true;
    }
    if (seen->id.kind != ENV_KIND_FULL && seen->id.kind != ENV_KIND_INCREMENT) {
        skip(w, seen, ENVELOPE_EVENT_MISPLACED, ENVELOPE_E_AUTH, "not a point");
        return true;
    }
    /* Two names of one point: it is opened by the first, and no key is asked for the other. */
    size_t twin = env_extras_find(w->out->extras, seen->link);
    if (twin != SIZE_MAX) {
        skip(w, seen, ENVELOPE_EVENT_MISPLACED, ENVELOPE_OK, "a copy of %.180s",
             w->out->extras->item[twin].name);
        return true;
    }
    if (base && env_catalogue_tombstoned(base, seen->id.object_id)) {
        skip(w, seen, ENVELOPE_EVENT_FORGOTTEN, ENVELOPE_OK,
             "a forgotten point's, still there or there again: the next forget or refresh removes "
             "it, unless something needs it");
        return true;
    }
    return is_listed(w, seen);
}

static bool is_final(envelope_status st)
{
    return st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_CRYPTO || st == ENVELOPE_E_INVALID ||
           st == ENVELOPE_E_CALLBACK || st == ENVELOPE_E_CANCELLED;
}

/* crypto.md 4.6: the root in the box is the chain's, and so must be the key of its block hashes, as
 * far as SECRETS tell: else a point of one generation brings in the hashes of another. */
static envelope_status check_block_hash(const struct walk *w, const struct env_object *object,
                                        envelope_error *err)
{
    const struct env_id *id = &object->copy->id;
    uint8_t *bk;
    bool known;
    if (!w->how->base || id->standing != ENV_ATTESTED) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_secret_new(w->chain->ctx, 32, &bk, err);
    if (st) {
        return st;
    }
    st = env_catalogue_generation_key(w->how->base, id->generation, "block hash",
                                      w->chain->chain_id, bk, &known, err);
    if (!st && known && !env_equal_secret(bk, object->box.block_hash, 32)) {
        st = env_fail(err, ENVELOPE_E_AUTH,
                      "the box holds a block hash key that is not its generation's");
    }
    env_secret_free(w->chain->ctx, bk, 32);
    return st;
}

static envelope_status open_point(struct walk *w, const struct env_seen *seen,
                                  struct env_opened *opened, struct env_extra *out,
                                  envelope_error *err)
{
    struct env_opening opening = env_opening_begin(w->chain->keyring, w->events);
    struct env_object *object = NULL;
    opening.object = seen->name;
    opening.chain_id = w->chain->chain_id;
    envelope_status st =
        env_object_unlock(opened->headers, w->chain->keyring, &opening, &object, err);
    opened->headers = NULL;
    w->failures += opening.failures;
    st = st ? st : check_block_hash(w, object, err);
    st = st ? st : env_extra_describe(object, &opened->file, seen->name, out, err);
    env_object_free(object);
    return st;
}

static envelope_status keep(struct walk *w, const struct env_seen *seen, struct env_extra *extra,
                            envelope_error *err)
{
    const struct env_policy *policy = w->how->policy;
    if (policy &&
        !env_policy_covers(policy, w->chain->serial, w->how->base,
                           w->chain->pinned ? &w->chain->pin : NULL, &seen->id, extra->slots)) {
        skip(w, seen, ENVELOPE_EVENT_REFUSED, ENVELOPE_E_REFUSED,
             "written under a newer policy or key than this host has: not listed by it");
        env_extra_free(w->chain->ctx, extra);
        return ENVELOPE_OK;
    }
    return env_extras_add(w->out->extras, extra, err);
}

static envelope_status visit(struct walk *w, const struct env_seen *seen, envelope_error *err)
{
    struct env_opened opened;
    struct env_extra extra = {0};
    envelope_error why = ENVELOPE_ERROR_INIT;
    bool go = false;
    if (skip_before(w, seen)) {
        return ENVELOPE_OK;
    }
    if (w->failures >= SCAN_FAILURES) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "%u slots in %s did not open: the folder holds too much that is not ours",
                        w->failures, w->chain->folder);
    }
    envelope_status st = env_headers_open(w->chain->store, seen->name, &opened, &why);
    st = st ? st : admit(w, seen, opened.headers, &go, &why);
    if (!st && go) {
        st = open_point(w, seen, &opened, &extra, &why);
    }
    env_opened_close(&opened);
    if (st == ENVELOPE_E_AGAIN) { /* the others are asked for in the same round */
        w->again = true;
        w->again_why = why;
        return ENVELOPE_OK;
    }
    if (st && is_final(st)) {
        return env_error_pass(err, st, &why);
    }
    if (st) {
        w->out->closed = w->out->closed ? w->out->closed : st;
        w->out->why = why;
        skip(w, seen, ENVELOPE_EVENT_UNWRAP, st, "not opened: %.180s", why.message);
        return ENVELOPE_OK;
    }
    return go ? keep(w, seen, &extra, err) : ENVELOPE_OK;
}

static void note_claims(struct env_listed *out, const struct env_seen_list *seen, uint32_t base)
{
    out->top_generation = base;
    for (size_t i = 0; i < seen->count; i++) {
        uint32_t g = seen->item[i].id.generation;
        if (!seen->item[i].status && g > out->top_generation && g <= base + ENV_CLAIMS_AHEAD) {
            out->top_generation = g;
        }
    }
}

envelope_status env_unlisted(envelope_chain *chain, const struct env_listing *how,
                             const struct env_listener *events, struct env_listed *out,
                             envelope_error *err)
{
    struct env_seen_list seen = {.ctx = chain->ctx};
    struct walk w = {.chain = chain, .how = how, .events = events, .out = out};
    memset(out, 0, sizeof *out);
    envelope_status st = env_extras_new(chain->ctx, &out->extras, err);
    st = st ? st : env_scan_points(chain, how->base, events, how->present, &seen, err);
    if (!st) {
        note_claims(out, &seen, how->base ? how->base->generation : 0);
    }
    for (size_t i = 0; !st && i < seen.count; i++) {
        st = visit(&w, &seen.item[i], err);
    }
    if (!st && w.again) {
        st = env_error_pass(err, ENVELOPE_E_AGAIN, &w.again_why);
    }
    if (!st && how->policy) {
        st = env_parents_first(chain, how, events, out->extras, err);
    }
    env_seen_free(&seen);
    if (st) {
        env_extras_release(out->extras);
        out->extras = NULL;
    }
    return st;
}
