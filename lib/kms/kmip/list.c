/* All versions, for listings and for evidence over several rotations. */
#include "base/error.h"
#include "kms/kmip/jobs.h"
#include <string.h>

struct version {
    struct env_kmip_attributes object;
    env_kmip_text name;
    env_kmip_text key_id;
    bool bound; /* key_id is the object itself, or the private half that names it as its own */
    struct env_kmip_half half;
    env_kmip_text replaces;
    struct env_rsa_public *public; /* NULL: AES, or not shown */
};
struct versions {
    size_t count;
    size_t room;
    struct version *item;
};

static bool there(const struct versions *v, const char *uid)
{
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->item[i].object.uid, uid) == 0) {
            return true;
        }
    }
    return false;
}

static envelope_status grow(envelope_ctx *ctx, struct versions *v, envelope_error *err)
{
    if (v->count < v->room) {
        return ENVELOPE_OK;
    }
    if (v->room >= ENV_KMIP_LOCATED_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "more than %d keys", ENV_KMIP_LOCATED_MAX);
    }
    size_t room = v->room ? 2 * v->room : 8;
    struct version *item = env_alloc_array(ctx, room, sizeof *item);
    if (!item) {
        return env_nomem(err);
    }
    if (v->count) {
        memcpy(item, v->item, v->count * sizeof *item);
    }
    env_free(ctx, v->item);
    v->item = item;
    v->room = room;
    return ENVELOPE_OK;
}

static envelope_status add(envelope_ctx *ctx, struct versions *v,
                           const struct env_kmip_attributes *object, const char *name,
                           envelope_error *err)
{
    if (!*name || there(v, object->uid)) {
        return ENVELOPE_OK;
    }
    envelope_status st = grow(ctx, v, err);
    if (!st) {
        struct version *new = &v->item[v->count++];
        memset(new, 0, sizeof *new);
        new->object = *object;
        env_text_copy(new->name, sizeof new->name, name);
    }
    return st;
}

/* What a listing of everything calls this object; "": it bears no name. */
static const char *name_of(const struct env_kmip_job *job, const struct env_kmip_attributes *a)
{
    switch (job->policy->selector) {
    case ENVELOPE_SELECT_ID:
        return a->uid;
    case ENVELOPE_SELECT_GROUP:
        return a->groups ? a->group[0] : "";
    default:
        return a->names ? a->name[0] : "";
    }
}

static envelope_status add_all(struct env_kmip_job *job, uint32_t type, const char *key_name,
                               struct versions *v, envelope_error *err)
{
    struct env_kmip_objects found;
    envelope_status st = env_kmip_find(job, type, key_name, &found, err);
    for (size_t i = 0; !st && i < found.count; i++) {
        const char *name = key_name ? key_name : name_of(job, &found.item[i]);
        st = add(job->ctx, v, &found.item[i], name, err);
    }
    env_free(job->ctx, found.item);
    return st;
}

static envelope_status add_id(struct env_kmip_job *job, const char *uid, struct versions *v,
                              envelope_error *err)
{
    struct env_kmip_candidates candidates;
    struct env_kmip_attributes *a = env_alloc(job->ctx, sizeof *a);
    const char *why;
    envelope_status st = a ? env_kmip_look(job, uid, a, err) : env_nomem(err);
    if (!st && a->object_type != ENV_OBJECT_PRIVATE) {
        st = add(job->ctx, v, a, uid, err);
    }
    st = st ? st : env_kmip_candidates(job, uid, &candidates, &why, err);
    for (size_t i = 0; !st && i < candidates.count; i++) {
        st = add(job->ctx, v, &candidates.item[i].object, uid, err);
    }
    if (!st) {
        env_free(job->ctx, candidates.item);
    }
    env_free(job->ctx, a);
    return st;
}

/* Predecessors that lost the name to their replacement: found by the replacement's word, taken if
 * they themselves say so. */
static envelope_status add_older(struct env_kmip_job *job, struct versions *v, envelope_error *err)
{
    struct env_kmip_attributes *old = env_alloc(job->ctx, sizeof *old);
    envelope_status st = old ? ENVELOPE_OK : env_nomem(err);
    for (size_t i = 0; !st && i < v->count; i++) {
        const struct env_kmip_attributes *young = &v->item[i].object;
        if (!*young->replaced || there(v, young->replaced)) {
            continue;
        }
        st = env_kmip_glance(job, young->replaced, old, err);
        bool says_so = !st && *old->uid && old->object_type == young->object_type &&
                       strcmp(old->replacement, young->uid) == 0;
        if (says_so) {
            env_kmip_text name;
            env_text_copy(name, sizeof name, v->item[i].name);
            st = add(job->ctx, v, old, name, err);
        }
    }
    env_free(job->ctx, old);
    return st;
}

static envelope_status fill(struct env_kmip_job *job, struct version *v, envelope_error *err)
{
    struct env_kmip_half *half = &v->half;
    env_text_copy(v->key_id, sizeof v->key_id, v->object.uid);
    v->bound = true;
    if (v->object.object_type == ENV_OBJECT_SYMMETRIC) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_kmip_get_public(job, v->object.uid, &v->public, err);
    if (st == ENVELOPE_E_FORMAT || env_kmip_not_shown(st)) {
        return ENVELOPE_OK; /* no RSA key of ours to see; it is listed by its identifier */
    }
    st = st ? st : env_kmip_private_half(job, &v->object, v->public, v->name, false, half, err);
    if (!st && *half->uid) {
        env_text_copy(v->key_id, sizeof v->key_id, half->uid);
        v->bound = half->bound;
    }
    return st;
}

static int compare(const struct version *a, const struct version *b)
{
    int names = strcmp(a->name, b->name);
    if (names) {
        return names;
    }
    if (a->object.initial_date != b->object.initial_date) {
        return a->object.initial_date < b->object.initial_date ? -1 : 1;
    }
    return strcmp(a->object.uid, b->object.uid);
}

static void sort(struct versions *v)
{
    for (size_t i = 1; i < v->count; i++) {
        struct version moved = v->item[i];
        size_t at = i;
        for (; at > 0 && compare(&moved, &v->item[at - 1]) < 0; at--) {
            v->item[at] = v->item[at - 1];
        }
        v->item[at] = moved;
    }
}

/* Several may name it: a neighbour's key too. The one that it names itself comes first. */
static const struct version *replaced_by(const struct versions *v, const struct version *young)
{
    const struct version *best = NULL;
    for (size_t i = 0; i < v->count; i++) {
        const struct version *old = &v->item[i];
        bool says_so = old->object.object_type == young->object.object_type &&
                       strcmp(old->object.replacement, young->object.uid) == 0;
        if (says_so && (!best || strcmp(young->object.replaced, old->object.uid) == 0)) {
            best = old;
        }
    }
    return best;
}

static envelope_status find_evidence(struct env_kmip_job *job, const struct versions *v,
                                     struct version *young, envelope_error *err)
{
    const struct version *old = replaced_by(v, young);
    if (!old || old->bound) {
        env_text_copy(young->replaces, sizeof young->replaces, old ? old->key_id : "");
        return ENVELOPE_OK;
    }
    return env_kmip_replaces(job, &young->object, old->object.uid, &young->half, young->replaces,
                             err);
}

static envelope_status give(const struct versions *v, envelope_key_sink *sink, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < v->count; i++) {
        size_t len = 0;
        const struct version *one = &v->item[i];
        const uint8_t *spki = one->public ? env_rsa_public_spki(one->public, &len) : NULL;
        const envelope_key_ref ref = {.size = sizeof ref,
                                      .key_name = one->name,
                                      .key_id = one->key_id,
                                      .replaces = *one->replaces ? one->replaces : NULL};
        st = envelope_key_sink_add(sink, &ref, env_kmip_state_of(one->object.state), spki, len);
    }
    return st ? env_fail(err, st, "a key that the KMS gives cannot be listed") : ENVELOPE_OK;
}

envelope_status env_kmip_list(struct env_kmip_job *job, const char *key_name,
                              envelope_key_sink *sink, envelope_error *err)
{
    struct versions v = {0};
    envelope_status st;
    if (key_name && job->policy->selector == ENVELOPE_SELECT_ID) {
        st = add_id(job, key_name, &v, err);
    } else {
        st = add_all(job, ENV_OBJECT_PUBLIC, key_name, &v, err);
        st = st ? st : add_all(job, ENV_OBJECT_SYMMETRIC, key_name, &v, err);
    }
    st = st ? st : add_older(job, &v, err);
    for (size_t i = 0; !st && i < v.count; i++) {
        st = fill(job, &v.item[i], err);
    }
    for (size_t i = 0; !st && i < v.count; i++) {
        st = find_evidence(job, &v, &v.item[i], err);
    }
    if (!st) {
        sort(&v);
        st = give(&v, sink, err);
    }
    for (size_t i = 0; i < v.count; i++) {
        env_rsa_public_free(v.item[i].public);
    }
    env_free(job->ctx, v.item);
    return st;
}
