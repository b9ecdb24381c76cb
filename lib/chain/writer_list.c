/* Steps 14 and 15: a point that exists comes into the catalogue. */
#include "base/error.h"
#include "chain/writer.h"

static envelope_status describe(envelope_writer *w, struct env_extra *own, envelope_error *err)
{
    struct env_object *object = NULL;
    struct env_store_file file;
    envelope_status st = env_store_open(w->chain->store, w->name, &file, err);
    if (st) {
        return st;
    }
    struct env_headers *headers;
    st = env_headers_read(w->chain->ctx, env_store_read, &file, file.bytes, &headers, err);
    st = st ? st : env_object_unlock_with(headers, w->dek, &object, err);
    st = st ? st : env_extra_describe(object, &file, w->name, own, err);
    env_object_free(object);
    env_store_close(&file);
    return st;
}

static void unlisted(envelope_writer *w, const struct env_listener *events, envelope_status st,
                     const envelope_error *why)
{
    const struct env_subject subject = {.object = w->name, .point = w->expected};
    env_emit(events, ENVELOPE_EVENT_DAMAGED, st, &subject, "%s is safe, and not listed yet: %s",
             w->name, why->message);
}

static void tell_forgotten(envelope_writer *w, const struct env_listener *events,
                           const struct env_tombstone *stone)
{
    const struct env_subject subject = {.object = w->name, .point = stone->number};
    w->number = stone->number;
    env_emit(events, ENVELOPE_EVENT_FORGOTTEN, ENVELOPE_E_NOT_FOUND, &subject,
             "%s: another host has listed this point, and it was forgotten", w->name);
}

/* Step 14. Another host may have listed the point already, and one may have forgotten it since:
 * then there may be no object any more, and nothing to list. */
static envelope_status put_in_catalogue(envelope_writer *w, const struct env_listener *events,
                                        struct env_put *put, envelope_error *err)
{
    struct env_extra own = {0};
    envelope_error missing = ENVELOPE_ERROR_INIT;
    envelope_status st = describe(w, &own, &missing);
    bool gone = st == ENVELOPE_E_NOT_FOUND;
    put->own = gone ? NULL : &own;
    st = st && !gone ? env_error_pass(err, st, &missing)
                     : env_put_metadata(w->chain, events, put, err);
    env_extra_free(w->chain->ctx, &own);
    put->own = NULL;
    if (st) {
        return st;
    }
    struct env_catalogue *c = env_chain_catalogue(w->chain);
    const struct env_tombstone *stone = env_catalogue_tombstone(c, w->id.object_id);
    if (stone) {
        tell_forgotten(w, events, stone);
    } else if (gone) {
        st = env_error_pass(err, ENVELOPE_E_NOT_FOUND, &missing);
    } else {
        w->number = put->own_number;
    }
    env_catalogue_release(c);
    return st;
}

envelope_status env_writer_list(envelope_writer *w, envelope_error *err)
{
    const struct env_listener events = ENV_LISTENER(w->chain->ctx);
    envelope_error why = ENVELOPE_ERROR_INIT;
    struct env_put put = {0};
    envelope_status st = put_in_catalogue(w, &events, &put, &why);
    if (!st) {
        struct env_catalogue *c = env_chain_catalogue(w->chain);
        st = env_put_keys_copy(w->chain, c, &why);
        if (!st) {
            env_prune(w->chain, &events, c, put.proven || w->proven);
        }
        env_catalogue_release(c);
    }
    env_policy_free(w->chain, &put.policy);
    if (st == ENVELOPE_E_AGAIN) {
        return env_fail(err, st, "%s is safe, and not listed yet: %s", w->name, why.message);
    }
    if (st) {
        unlisted(w, &events, st, &why);
    }
    return ENVELOPE_OK;
}
