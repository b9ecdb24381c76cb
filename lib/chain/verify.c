#include "base/bytes.h"
#include "base/error.h"
#include "chain/verifying.h"
#include <string.h>

/* A forget that was cut off, or a point that stays and needs them, leaves objects of forgotten
 * points. That is no fault, and the listing has told it. */
static bool is_forgotten(const struct env_verifying *w, const struct env_seen *seen)
{
    const struct env_catalogue *c = w->view.catalogue;
    return c && env_catalogue_tombstoned(c, seen->id.object_id);
}

static void check_stranger(struct env_verifying *w, const struct env_seen *s)
{
    const struct env_catalogue *c = w->view.catalogue;
    const struct env_extras *extras = w->view.extras;
    const struct env_subject subject = {.object = s->name};
    size_t extra = s->status ? SIZE_MAX : env_extras_find(extras, s->link);
    if (s->status || is_forgotten(w, s) ||
        (extra != SIZE_MAX && !strcmp(extras->item[extra].name, s->name))) {
        return;
    }
    if (extra != SIZE_MAX || (c && env_catalogue_find_link(c, s->link) != SIZE_MAX)) {
        env_verify_finding(w, &subject, ENVELOPE_OK, ENVELOPE_EVENT_MISPLACED,
                           "object: a copy of another one, under another name");
        return;
    }
    env_verify_finding(w, &subject, ENVELOPE_E_AUTH, ENVELOPE_EVENT_FORGED,
                       "object: not listed, and not shown to be of this chain");
}

/* Objects in points/ that neither the catalogue nor the view has: damaged, forged, or of nobody we
 * know. */
static envelope_status check_strangers(struct env_verifying *w, envelope_error *err)
{
    struct env_seen_list seen;
    const struct env_listener scan = {w->chain->ctx, env_verify_on_scan, w};
    envelope_status st = env_scan_points(w->chain, w->view.catalogue, &scan, NULL, &seen, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; i < seen.count; i++) {
        check_stranger(w, &seen.item[i]);
    }
    env_seen_free(&seen);
    return ENVELOPE_OK;
}

/* What progress counts: a disk's own bytes as they lie, and then all of the disk. */
static uint64_t work_of(const struct env_row *row)
{
    return row->content == ENV_CONTENT_IMAGE ? row->bytes + row->stored_bytes : row->bytes;
}

static envelope_status walk_all(struct env_verifying *w, envelope_error *err)
{
    uint64_t only = w->how->point;
    size_t found = 0;
    for (size_t i = 0; i < w->view.count; i++) {
        if (!only || w->view.at[i].number == only) {
            w->total += work_of(env_view_row(&w->view, i));
            found++;
        }
    }
    if (only && !found) {
        return env_fail(err, ENVELOPE_E_NOT_FOUND, "there is no point %llu in this chain",
                        (unsigned long long)only);
    }
    envelope_status st = only ? ENVELOPE_OK : env_verify_ask_first(w, err);
    st = st ? st : env_files_list(w->chain, &w->files, err);
    for (size_t i = 0; !st && i < w->view.count; i++) {
        if (!only || w->view.at[i].number == only) {
            st = env_verify_point(w, i, err);
        }
    }
    if (st || only) {
        return st;
    }
    st = env_verify_metadata(w, err);
    return st ? st : check_strangers(w, err);
}

static envelope_status verify(envelope_chain *chain, const envelope_verify_options *how,
                              envelope_error *err)
{
    struct env_verifying w = {.chain = chain,
                              .how = how,
                              .repair = how->flags & ENVELOPE_VERIFY_REPAIR,
                              .events = {chain->ctx, how->event, how->user}};
    w.first.size = sizeof w.first;
    w.buf = env_alloc(chain->ctx, ENV_VERIFY_STEP);
    envelope_status st = w.buf ? env_view_new(chain, &w.view, err) : env_nomem(err);
    if (!st) {
        struct env_call call;
        env_call_begin(chain->ctx, &call);
        st = env_keyring_end(chain->keyring, &call, walk_all(&w, err));
        env_view_free(&w.view);
        env_files_free(chain, &w.files);
    }
    if (w.buf) {
        env_wipe(w.buf, ENV_VERIFY_STEP);
    }
    env_free(chain->ctx, w.buf);
    return st || !w.worst ? st : env_error_pass(err, w.worst, &w.first);
}

envelope_status envelope_chain_verify(envelope_chain *chain, const envelope_verify_options *options,
                                      envelope_error *err)
{
    envelope_verify_options o;
    envelope_status st = env_enter(chain ? chain->ctx : NULL, err);
    st = st ? st : env_options(options, &o, sizeof o, "verify_options", err);
    if (st) {
        return st;
    }
    if (o.flags & ~(uint32_t)(ENVELOPE_VERIFY_HEADERS_ONLY | ENVELOPE_VERIFY_REPAIR)) {
        return env_fail(err, ENVELOPE_E_INVALID, "verify_options.flags: unknown bit");
    }
    bool repair = o.flags & ENVELOPE_VERIFY_REPAIR;
    st = repair ? env_chain_begin_write(chain, err) : ENVELOPE_OK;
    if (st) {
        return st;
    }
    st = verify(chain, &o, err);
    if (repair) {
        env_chain_end_write(chain);
    }
    return st;
}
