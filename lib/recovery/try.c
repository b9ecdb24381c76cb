/* What do these keys open? Metadata first: it carries the keys of the points that it lists, so one
 * unwrap serves many. */
#include "base/error.h"
#include "base/text.h"
#include "chain/catalogue.h"
#include "format/attributes.h"
#include "recovery/survey.h"
#include <string.h>

struct attempt {
    envelope_survey *s;
    envelope_keyring *keyring;
    struct env_listener events;
    size_t done;
    bool again; /* a KMS was asked and has not answered: err of the call says so */
};

static envelope_status set_message(envelope_survey *s, struct env_surveyed *item, const char *text,
                                   envelope_error *err)
{
    env_free(s->ctx, (char *)(uintptr_t)item->public.message);
    item->public.message = text ? env_strdup(s->ctx, text) : NULL;
    return text && !item->public.message ? env_nomem(err) : ENVELOPE_OK;
}

static bool is_final(envelope_status st)
{
    return st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_CRYPTO || st == ENVELOPE_E_INVALID;
}

static void note_number(struct env_surveyed *item, const struct env_object *object)
{
    struct env_bytes v;
    if (env_attributes_check(object->box.attributes, NULL) ||
        !env_attributes_find(object->box.attributes, ENV_ATTRIBUTE_NUMBER, &v)) {
        return;
    }
    struct env_cursor c = env_cursor_over(v.p, v.len);
    item->public.point = env_get_u64(&c);
}

static envelope_status record(struct attempt *a, struct env_surveyed *item, envelope_status st,
                              const envelope_error *why, envelope_error *err)
{
    if (st && is_final(st)) {
        return env_error_pass(err, st, why);
    }
    item->public.status = st;
    return set_message(a->s, item, st ? why->message : NULL, err);
}

/* By its own slots. catalogue (NULL allowed) gets what a metadata object holds. */
static envelope_status by_slots(struct attempt *a, struct env_surveyed *item,
                                struct env_catalogue **catalogue, envelope_error *err)
{
    struct env_opened opened;
    struct env_object *object = NULL;
    envelope_error why = ENVELOPE_ERROR_INIT;
    struct env_opening opening = env_opening_begin(a->keyring, &a->events);
    opening.object = item->public.object;
    opening.chain_id = item->id.chain_id;
    envelope_status st = env_headers_open(a->s->store, item->public.object, &opened, &why);
    if (!st) {
        st = env_object_unlock(opened.headers, a->keyring, &opening, &object, &why);
        opened.headers = NULL;
    }
    if (!st && catalogue) {
        st = env_catalogue_load(object, env_store_read, &opened.file, catalogue, &why);
    } else if (!st) {
        note_number(item, object);
    }
    env_object_free(object);
    env_opened_close(&opened);
    if (st == ENVELOPE_E_AGAIN) { /* the others are asked for in the same round */
        a->again = true;
        env_error_pass(err, st, &why);
        return ENVELOPE_OK;
    }
    return record(a, item, st, &why, err);
}

static envelope_status by_row(struct attempt *a, struct env_surveyed *item,
                              const struct env_catalogue *c, size_t row, envelope_error *err)
{
    struct env_opened opened;
    struct env_object *object = NULL;
    envelope_dek *dek = NULL;
    uint8_t *key;
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status st = env_secret_new(c->ctx, 32, &key, err);
    if (st) {
        return st;
    }
    st = env_catalogue_dek(c, row, key, &why);
    st = st ? st : env_dek_from(c->ctx, key, &dek, &why);
    env_secret_free(c->ctx, key, 32);
    if (!st) {
        st = env_headers_open(a->s->store, item->public.object, &opened, &why);
        st = st ? st : env_object_unlock_with(opened.headers, dek, &object, &why);
        opened.headers = NULL;
        env_object_free(object);
        env_opened_close(&opened);
    }
    envelope_dek_free(dek);
    if (!st) {
        item->public.point = c->rows[row].number;
        return record(a, item, ENVELOPE_OK, &why, err);
    }
    return is_final(st) ? record(a, item, st, &why, err) : ENVELOPE_OK; /* its slots may still do */
}

static bool open_already(const struct env_surveyed *item)
{
    return !item->whole || item->public.status == ENVELOPE_OK;
}

static envelope_status apply(struct attempt *a, const struct env_catalogue *c, envelope_error *err)
{
    struct env_surveyed *item;
    for (size_t at = env_survey_first(a->s, c->id.chain_id);
         (item = env_survey_of(a->s, at, c->id.chain_id)); at++) {
        if (open_already(item) || item->public.kind != ENVELOPE_OBJECT_POINT) {
            continue;
        }
        size_t row = env_catalogue_find_object(c, item->id.object_id);
        if (row == SIZE_MAX || memcmp(c->rows[row].link, item->link, ENV_LINK_BYTES) != 0) {
            continue;
        }
        envelope_status st = by_row(a, item, c, row, err);
        if (st) {
            return st;
        }
    }
    return ENVELOPE_OK;
}

static envelope_status step(struct attempt *a, envelope_error *err)
{
    a->done++;
    if (a->s->progress && a->s->progress(a->s->user, a->done, a->s->count)) {
        return env_fail(err, ENVELOPE_E_CANCELLED, "the survey was stopped");
    }
    return ENVELOPE_OK;
}

static envelope_status try_kind(struct attempt *a, bool metadata, envelope_error *err)
{
    for (size_t i = a->s->count; i-- > 0;) { /* the newest names come last */
        struct env_surveyed *item = &a->s->item[i];
        struct env_catalogue *c = NULL;
        if (metadata != (item->public.kind == ENVELOPE_OBJECT_METADATA)) {
            continue;
        }
        envelope_status st = step(a, err);
        if (!st && !open_already(item)) {
            st = by_slots(a, item, metadata ? &c : NULL, err);
        }
        if (!st && c) {
            st = apply(a, c, err);
        }
        env_catalogue_release(c);
        if (st) {
            return st;
        }
    }
    return a->again ? ENVELOPE_E_AGAIN : ENVELOPE_OK;
}

/* -- the keys */

static void slot_of(const struct env_key *key, struct env_slot *slot)
{
    memset(slot, 0, sizeof *slot);
    slot->kind = key->kind;
    slot->algorithm = key->kind == ENV_SLOT_PASSWORD ? ENVELOPE_ARGON2ID
                      : key->has_fingerprint         ? ENVELOPE_RSA_OAEP_SHA256
                                                     : ENVELOPE_AES_KWP;
    env_text_copy(slot->kms_id, sizeof slot->kms_id, key->kms_id);
    env_text_copy(slot->name, sizeof slot->name, key->name);
    env_text_copy(slot->key_id, sizeof slot->key_id, key->key_id);
    slot->version = key->version;
    slot->has_fingerprint = key->has_fingerprint;
    memcpy(slot->fingerprint, key->fingerprint, 32);
}

static void key_state(struct attempt *a, size_t k)
{
    struct env_key_state *state = &a->s->state[k];
    envelope_status seen = ENVELOPE_E_NO_KEY;
    for (size_t i = 0; i < a->s->count && seen; i++) {
        const struct env_surveyed *item = &a->s->item[i];
        for (uint8_t n = 0; n < item->key_count; n++) {
            if (item->key[n] == k && item->whole && seen != ENVELOPE_OK) {
                seen = item->public.status;
            }
        }
    }
    struct env_slot slot;
    slot_of(&a->s->keys.item[k], &slot);
    envelope_status has = env_keyring_has(a->keyring, &slot, NULL);
    bool unreached = seen == ENVELOPE_E_KMS_UNREACHED;
    state->used = seen == ENVELOPE_OK;
    state->status = has                   ? has
                    : seen == ENVELOPE_OK ? ENVELOPE_OK
                    : unreached           ? ENVELOPE_E_KMS_UNREACHED
                                          : ENVELOPE_E_NO_KEY;
}

static envelope_status key_states(struct attempt *a, envelope_error *err)
{
    envelope_survey *s = a->s;
    env_free(s->ctx, s->state);
    s->state = env_alloc_array(s->ctx, s->keys.count, sizeof *s->state);
    if (!s->state) {
        return env_nomem(err);
    }
    for (size_t k = 0; k < s->keys.count; k++) {
        key_state(a, k);
    }
    s->tried = true;
    return ENVELOPE_OK;
}

envelope_status envelope_survey_try(envelope_survey *survey, envelope_keyring *keyring,
                                    envelope_error *err)
{
    envelope_status st = env_enter(survey && keyring ? survey->ctx : NULL, err);
    if (st) {
        return st;
    }
    struct attempt a = {.s = survey, .keyring = keyring, .events = ENV_LISTENER(survey->ctx)};
    struct env_call call;
    env_call_begin(survey->ctx, &call);
    st = try_kind(&a, true, err);
    st = st ? st : try_kind(&a, false, err);
    st = st ? st : key_states(&a, err);
    st = env_keyring_end(keyring, &call, st);
    env_survey_count(survey);
    if (st) {
        return st;
    }
    size_t closed = 0;
    for (size_t i = 0; i < survey->count; i++) {
        closed += survey->item[i].whole && survey->item[i].public.status != ENVELOPE_OK;
    }
    return closed ? env_fail(err, ENVELOPE_E_NO_KEY, "%zu of %zu objects do not open", closed,
                             survey->count)
                  : ENVELOPE_OK;
}
