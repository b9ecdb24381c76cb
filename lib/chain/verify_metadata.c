#include "base/error.h"
#include "chain/verifying.h"
#include <string.h>

enum { MESSAGE_MIN = 72 };

/* Its slots did not open it. Metadata of former keys stays for a while, so a missing key is told
 * and is no fault; this handle's own was opened before. */
static void tell_closed(struct env_verifying *w, const struct env_subject *subject,
                        const uint8_t link[ENV_LINK_BYTES], envelope_status st,
                        const envelope_error *why)
{
    const struct env_catalogue *c = w->view.catalogue;
    bool own = c && !memcmp(c->link, link, ENV_LINK_BYTES);
    if ((st == ENVELOPE_E_NO_KEY || st == ENVELOPE_E_REFUSED) && !own) {
        env_emit(&w->events, ENVELOPE_EVENT_UNWRAP, st, subject, "header copies A and B: %.300s",
                 why->message);
        return;
    }
    env_verify_finding(w, subject, st, ENVELOPE_EVENT_DAMAGED, "header copies A and B: %.300s",
                       why->message);
}

/* Loading it proves its length too: the final chunk says that it is the last. Told in the order in
 * which a reader meets them: the end of the file, then what is in it. */
static envelope_status check_payload(struct env_verifying *w, struct env_verify_object *o,
                                     struct env_store_file *file, struct env_object *object,
                                     const struct env_payload_place *place, envelope_error *err)
{
    struct env_catalogue *c = NULL;
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status loaded = env_catalogue_load(object, env_store_read, file, &c, &why);
    env_catalogue_release(c);
    if (loaded && loaded != ENVELOPE_E_AUTH && loaded != ENVELOPE_E_FORMAT) {
        return env_error_pass(err, loaded, &why);
    }
    o->length_proven = !loaded;
    envelope_status st = env_verify_tail(w, o, file, place, err);
    if (!st && loaded) {
        env_verify_finding(w, o->subject, loaded, ENVELOPE_EVENT_DAMAGED, "payload: %.300s",
                           why.message);
    }
    return st;
}

static envelope_status check_catalogue(struct env_verifying *w, const struct env_subject *subject,
                                       struct env_store_file *file, struct env_object *object,
                                       envelope_error *why)
{
    const struct env_headers *headers = object->headers;
    uint64_t front = 2 * (uint64_t)headers->capacity;
    struct env_verify_object o = {.subject = subject,
                                  .copy = object->state,
                                  .headers = headers,
                                  .dek = object->dek,
                                  .object_id = object->copy->id.object_id,
                                  .link = headers->link};
    envelope_status st = env_verify_copies(w, &o, why);
    if (st) {
        return st;
    }
    if (file->bytes < front + MESSAGE_MIN + ENV_TAIL_BYTES) { /* R-TAIL-01 */
        env_verify_finding(w, subject, ENVELOPE_E_FORMAT, ENVELOPE_EVENT_DAMAGED,
                           "object: cut: there are %llu bytes", (unsigned long long)file->bytes);
        return ENVELOPE_OK;
    }
    const struct env_payload_place place = {front, file->bytes - front - ENV_TAIL_BYTES};
    return check_payload(w, &o, file, object, &place, why);
}

static envelope_status open_metadata(struct env_verifying *w, const struct env_subject *subject,
                                     struct env_opened *opened, envelope_error *why)
{
    struct env_opening opening = env_opening_begin(w->chain->keyring, &w->events);
    struct env_object *object = NULL;
    uint8_t link[ENV_LINK_BYTES];
    opening.object = subject->object;
    opening.chain_id = w->chain->chain_id;
    memcpy(link, opened->headers->link, sizeof link);
    envelope_status st =
        env_object_unlock(opened->headers, w->chain->keyring, &opening, &object, why);
    opened->headers = NULL; /* taken over */
    if (st && !env_verify_final(st)) {
        tell_closed(w, subject, link, st, why);
        return ENVELOPE_OK;
    }
    st = st ? st : check_catalogue(w, subject, &opened->file, object, why);
    env_object_free(object);
    return st;
}

static envelope_status check_metadata(struct env_verifying *w, const struct env_seen *seen,
                                      envelope_error *err)
{
    const struct env_subject subject = {.object = seen->name};
    struct env_opened opened;
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status st = env_headers_open(w->chain->store, seen->name, &opened, &why);
    if (st == ENVELOPE_E_NOT_FOUND) {
        return ENVELOPE_OK; /* pruned meanwhile */
    }
    st = st ? st : open_metadata(w, &subject, &opened, &why);
    env_opened_close(&opened);
    if (st && env_verify_final(st)) {
        return env_error_pass(err, st, &why);
    }
    if (st) {
        env_verify_finding(w, &subject, st, ENVELOPE_EVENT_DAMAGED, "object: %.300s", why.message);
    }
    return ENVELOPE_OK;
}

static envelope_status ask_one(struct env_verifying *w, const char *name, envelope_error *err)
{
    static const struct env_listener nobody;
    struct env_opened opened;
    struct env_object *object = NULL;
    struct env_opening opening = env_opening_begin(w->chain->keyring, &nobody);
    envelope_status st = env_headers_open(w->chain->store, name, &opened, NULL);
    if (!st) {
        opening.object = name;
        opening.chain_id = w->chain->chain_id;
        st = env_object_unlock(opened.headers, w->chain->keyring, &opening, &object, err);
        opened.headers = NULL; /* taken over */
    }
    env_object_free(object);
    env_opened_close(&opened);
    return st == ENVELOPE_E_AGAIN ? st : ENVELOPE_OK;
}

envelope_status env_verify_ask_first(struct env_verifying *w, envelope_error *err)
{
    static const struct env_listener nobody;
    struct env_seen_list seen;
    envelope_status again = ENVELOPE_OK;
    if (!env_keyring_asks(w->chain->keyring)) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_scan_metadata(w->chain, &nobody, &seen, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; i < seen.count; i++) {
        st = seen.item[i].status ? ENVELOPE_OK : ask_one(w, seen.item[i].name, err);
        again = st ? st : again;
    }
    env_seen_free(&seen);
    return again;
}

envelope_status env_verify_metadata(struct env_verifying *w, envelope_error *err)
{
    struct env_seen_list seen;
    const struct env_listener scan = {w->chain->ctx, env_verify_on_scan, w};
    envelope_status st = env_scan_metadata(w->chain, &scan, &seen, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; !st && i < seen.count; i++) {
        st = seen.item[i].status ? ENVELOPE_OK : check_metadata(w, &seen.item[i], err);
    }
    env_seen_free(&seen);
    return st;
}
