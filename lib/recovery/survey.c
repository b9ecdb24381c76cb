/* Reading every header: no key is needed. */
#include "recovery/survey.h"
#include "base/error.h"
#include "base/text.h"
#include "chain/listing.h"
#include <string.h>

static envelope_status grow(envelope_survey *s, envelope_error *err)
{
    if (s->count < s->room) {
        return ENVELOPE_OK;
    }
    size_t room = s->room ? 2 * s->room : 64;
    struct env_surveyed *item = env_alloc_array(s->ctx, room, sizeof *item);
    if (!item) {
        return env_nomem(err);
    }
    if (s->count) {
        memcpy(item, s->item, s->count * sizeof *item);
    }
    env_free(s->ctx, s->item);
    s->item = item;
    s->room = room;
    return ENVELOPE_OK;
}

static envelope_status note_keys(envelope_survey *s, struct env_surveyed *item,
                                 const struct env_slots *slots, envelope_error *err)
{
    for (size_t i = 0; i < slots->count; i++) {
        struct env_key key = env_slot_key(&slots->slot[i]);
        size_t at = env_keys_find(&s->keys, &key);
        if (at == SIZE_MAX) {
            envelope_status st = env_keys_add(s->ctx, &s->keys, &key, err);
            if (st) {
                return st;
            }
            at = s->keys.count - 1;
        }
        if (!env_surveyed_names(item, at)) { /* two ids of one key */
            item->key[item->key_count++] = (uint32_t)at;
        }
    }
    return ENVELOPE_OK;
}

static int32_t kind_of(const struct env_id *id)
{
    return id->kind == ENV_KIND_METADATA                                 ? ENVELOPE_OBJECT_METADATA
           : id->kind == ENV_KIND_FULL || id->kind == ENV_KIND_INCREMENT ? ENVELOPE_OBJECT_POINT
                                                                         : ENVELOPE_OBJECT_OTHER;
}

static envelope_status read_headers(envelope_survey *s, struct env_surveyed *item,
                                    envelope_error *err)
{
    struct env_opened opened;
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status st = env_headers_open(s->store, item->public.object, &opened, &why);
    if (st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_CRYPTO || st == ENVELOPE_E_INVALID) {
        return env_error_pass(err, st, &why);
    }
    if (st) {
        item->public.kind = ENVELOPE_OBJECT_OTHER;
        item->public.status = st;
        item->public.message = env_strdup(s->ctx, why.message);
        return item->public.message ? ENVELOPE_OK : env_nomem(err);
    }
    item->id = *env_headers_id(opened.headers);
    memcpy(item->link, opened.headers->link, ENV_LINK_BYTES);
    item->whole = true;
    item->public.kind = kind_of(&item->id);
    item->public.status = ENVELOPE_E_NO_KEY;
    st = note_keys(s, item, opened.headers->slots[opened.headers->first], err);
    env_opened_close(&opened);
    return st;
}

static envelope_status add(envelope_survey *s, const struct env_name *name, const char *chain,
                           envelope_error *err)
{
    envelope_status st = grow(s, err);
    if (st) {
        return st;
    }
    struct env_surveyed *item = &s->item[s->count];
    memset(item, 0, sizeof *item);
    item->public.size = sizeof item->public;
    item->public.bytes = name->bytes;
    item->public.object = env_strdup(s->ctx, name->name);
    item->public.chain = env_strdup(s->ctx, chain);
    s->count++;
    if (!item->public.object || !item->public.chain) {
        return env_nomem(err);
    }
    return read_headers(s, item, err);
}

static envelope_status read_all(envelope_survey *s, const char *only, envelope_error *err)
{
    struct env_names names;
    envelope_status st = env_store_list(s->store, ENV_CHAINS_PREFIX, &names, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; !st && i < names.count; i++) {
        char folder[ENV_NAME_MAX + 1];
        char chain[65];
        uint8_t prefix[8];
        const char *rest;
        const char *name = names.item[i].name;
        if (!env_name_split(name, folder, &rest) || !env_name_parse_chain(folder, chain, prefix) ||
            !env_name_is_object(name) || !strncmp(rest, "tmp/", 4) ||
            (only && strcmp(only, chain) != 0)) {
            continue;
        }
        st = add(s, &names.item[i], chain, err);
        if (!st && s->progress && s->progress(s->user, i + 1, names.count)) {
            st = env_fail(err, ENVELOPE_E_CANCELLED, "the survey was stopped");
        }
    }
    env_names_free(&names);
    return st;
}

envelope_status envelope_survey_new(envelope_store *store, const envelope_survey_options *options,
                                    envelope_survey **out, envelope_error *err)
{
    envelope_survey_options o;
    envelope_status st = env_enter(store ? env_store_ctx(store) : NULL, err);
    if (!st && !out) {
        st = env_fail(err, ENVELOPE_E_INVALID, "out is NULL");
    }
    if (st) {
        return st;
    }
    *out = NULL;
    st = env_options(options, &o, sizeof o, "survey_options", err);
    if (st) {
        return st;
    }
    envelope_ctx *ctx = env_store_ctx(store);
    envelope_survey *s = env_alloc(ctx, sizeof *s);
    if (!s) {
        return env_nomem(err);
    }
    s->ctx = env_ctx_retain(ctx);
    s->store = env_store_retain(store);
    s->progress = o.progress;
    s->user = o.user;
    st = read_all(s, o.chain, err);
    st = st ? st : env_survey_prepare(s, err);
    if (st) {
        envelope_survey_free(s);
        return st;
    }
    *out = s;
    return ENVELOPE_OK;
}

void envelope_survey_free(envelope_survey *s)
{
    if (!s) {
        return;
    }
    envelope_ctx *ctx = s->ctx;
    for (size_t i = 0; i < s->count; i++) {
        env_free(ctx, (char *)(uintptr_t)s->item[i].public.object);
        env_free(ctx, (char *)(uintptr_t)s->item[i].public.chain);
        env_free(ctx, (char *)(uintptr_t)s->item[i].public.message);
    }
    env_free(ctx, s->item);
    env_free(ctx, s->state);
    env_free(ctx, s->by_chain);
    env_free(ctx, s->use);
    env_keys_free(ctx, &s->keys);
    envelope_store_free(s->store);
    env_free(ctx, s);
    env_ctx_release(ctx);
}

size_t envelope_survey_count(const envelope_survey *s)
{
    return s ? s->count : 0;
}

const envelope_object *envelope_survey_at(const envelope_survey *s, size_t i)
{
    return s && i < s->count ? &s->item[i].public : NULL;
}
