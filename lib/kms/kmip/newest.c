/* The newest version of a key. Rules: docs/kmip.md, "Which key is the newest". */
#include "base/error.h"
#include "kms/kmip/jobs.h"
#include "kms/sink.h"
#include <stdio.h>
#include <string.h>

enum { BY_GENERATION, BY_ACTIVATION, BY_CREATION, ORDERS, NAMED_MAX = 8 };

static bool age(const struct env_kmip_attributes *a, int order, int64_t *out)
{
    switch (order) {
    case BY_GENERATION:
        *out = a->generation;
        return a->has_generation;
    case BY_ACTIVATION:
        *out = a->activation_date;
        return a->has_activation_date;
    default:
        *out = a->initial_date;
        return a->has_initial_date;
    }
}

/* Keeps those that are the youngest by this order; an order that one of them does not have says
 * nothing about them. */
static void keep_youngest(struct env_kmip_candidates *c, int order)
{
    int64_t youngest = INT64_MIN;
    int64_t own;
    for (size_t i = 0; i < c->count; i++) {
        if (!age(&c->item[i].object, order, &own)) {
            return;
        }
        youngest = own > youngest ? own : youngest;
    }
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++) {
        age(&c->item[i].object, order, &own);
        if (own == youngest) {
            memmove(&c->item[kept++], &c->item[i], sizeof c->item[0]);
        }
    }
    c->count = kept;
}

static void narrow(const struct env_kmip_job *job, struct env_kmip_candidates *c)
{
    for (int order = 0; job->policy->exclusive && order < ORDERS; order++) {
        keep_youngest(c, order);
    }
}

static void add_name(char *names, size_t cap, const char *uid)
{
    char shown[ENV_PRINTABLE_MAX];
    size_t used = strlen(names);
    snprintf(names + used, cap - used, "%s%.40s", used ? ", " : "", env_printable(shown, uid));
}

static envelope_status several(size_t count, const char *key_name, const char *names,
                               bool exclusive, envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "%zu keys of the name %.60s may wrap, and %s: %s. Which one is meant cannot be "
                    "told: let one bear that name%s",
                    count, env_printable(shown, key_name),
                    exclusive ? "none is newer than the others" : "names are not exclusive here",
                    names,
                    exclusive ? ""
                              : ", or say names=exclusive if nobody else can make keys "
                                "there");
}

static envelope_status refuse(const struct env_kmip_job *job, const char *key_name,
                              const struct env_kmip_candidates *c, const char *why,
                              envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    char names[NAMED_MAX * 48] = "";
    if (!c->count) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "none of the %zu keys of the name %s may wrap: the last one looked at is "
                        "%s",
                        c->found, env_printable(shown, key_name), why);
    }
    for (size_t i = 0; i < c->count && i < NAMED_MAX; i++) {
        add_name(names, sizeof names, c->item[i].object.uid);
    }
    return several(c->count, key_name, names, job->policy->exclusive, err);
}

envelope_status env_kmip_choose(const struct env_kmip_job *job, const char *key_name,
                                struct env_kmip_candidates *candidates, const char *why,
                                struct env_kmip_live **out, envelope_error *err)
{
    narrow(job, candidates);
    *out = candidates->count == 1 ? &candidates->item[0] : NULL;
    return *out ? ENVELOPE_OK : refuse(job, key_name, candidates, why, err);
}

envelope_status env_kmip_only_one(const struct envelope_key_sink *sink, envelope_error *err)
{
    char names[NAMED_MAX * 48] = "";
    size_t count = envelope_key_list_count(sink->list);
    for (size_t i = 0; i < count && i < NAMED_MAX; i++) {
        add_name(names, sizeof names, envelope_key_list_at(sink->list, i)->ref->key_id);
    }
    if (count > 1) {
        return several(count, sink->key_name, names, false, err);
    }
    return count ? ENVELOPE_OK
                 : env_fail(err, ENVELOPE_E_FORMAT, "the key that the KMS gives is not usable: %s",
                            sink->why.message);
}

static envelope_status put(envelope_key_sink *sink, const envelope_key_ref *ref,
                           const struct env_rsa_public *public, envelope_error *err)
{
    size_t len = 0;
    const uint8_t *spki = public ? env_rsa_public_spki(public, &len) : NULL;
    envelope_status st = envelope_key_sink_add(sink, ref, ENVELOPE_KEY_ACTIVE, spki, len);
    return st ? env_fail(err, st, "the key that the KMS gives is not usable") : ENVELOPE_OK;
}

static envelope_status give_key(struct env_kmip_job *job, const struct env_kmip_live *live,
                                const char *key_name, const struct env_rsa_public *public,
                                bool only, envelope_key_sink *sink, envelope_error *err)
{
    struct env_kmip_half half = {.uid = ""};
    env_kmip_text replaces = "";
    envelope_status st = ENVELOPE_OK;
    if (public) {
        st = env_kmip_private_half(job, &live->object, public, key_name, only, &half, err);
    }
    st = st ? st : env_kmip_replaces(job, &live->object, live->before, &half, replaces, err);
    if (st) {
        return st;
    }
    const envelope_key_ref ref = {.size = sizeof ref,
                                  .key_name = key_name,
                                  .key_id = *half.uid ? half.uid : live->object.uid,
                                  .replaces = *replaces ? replaces : NULL};
    return put(sink, &ref, public, err);
}

/* only false: one of several, of which all but one may be a neighbour's. One that cannot be had is
 * given all the same, or the others would seem to be all there are; nothing is fetched for it. */
static envelope_status give(struct env_kmip_job *job, const struct env_kmip_live *live,
                            const char *key_name, bool only, envelope_key_sink *sink,
                            envelope_error *err)
{
    struct env_rsa_public *public = NULL;
    bool rsa = live->object.object_type == ENV_OBJECT_PUBLIC;
    envelope_status st =
        rsa ? env_kmip_get_public(job, live->object.uid, &public, err) : ENVELOPE_OK;
    bool not_had = st == ENVELOPE_E_FORMAT || env_kmip_not_shown(st);
    if (not_had && !only) {
        const envelope_key_ref ref = {
            .size = sizeof ref, .key_name = key_name, .key_id = live->object.uid};
        return put(sink, &ref, NULL, err);
    }
    st = st ? st : give_key(job, live, key_name, public, only, sink, err);
    env_rsa_public_free(public);
    return st;
}

/* Without exclusive names it is for whoever knows an older version to say which one is his. */
static envelope_status give_all(struct env_kmip_job *job, const struct env_kmip_candidates *c,
                                const char *key_name, envelope_key_sink *sink, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < c->count; i++) {
        st = give(job, &c->item[i], key_name, c->count == 1, sink, err);
    }
    return st;
}

envelope_status env_kmip_newest(struct env_kmip_job *job, const char *key_name,
                                envelope_key_sink *sink, envelope_error *err)
{
    struct env_kmip_candidates candidates;
    const char *why;
    envelope_status st = env_kmip_candidates(job, key_name, &candidates, &why, err);
    if (st) {
        return st;
    }
    narrow(job, &candidates);
    bool too_many = candidates.count > (job->policy->exclusive ? 1 : ENV_KMIP_CANDIDATES_MAX);
    st = !candidates.count || too_many ? refuse(job, key_name, &candidates, why, err)
                                       : give_all(job, &candidates, key_name, sink, err);
    env_free(job->ctx, candidates.item);
    return st;
}
