/* The newest version of a key. Rules: docs/kmip.md, "Which key is the newest". */
#include "base/error.h"
#include "kms/kmip/jobs.h"
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

static void list(const struct env_kmip_candidates *c, char *out, size_t cap)
{
    char shown[ENV_PRINTABLE_MAX];
    out[0] = 0;
    for (size_t i = 0; i < c->count && i < NAMED_MAX; i++) {
        size_t used = strlen(out);
        snprintf(out + used, cap - used, "%s%.40s", i ? ", " : "",
                 env_printable(shown, c->item[i].object.uid));
    }
}

static envelope_status several(const struct env_kmip_job *job, const char *key_name,
                               const struct env_kmip_candidates *c, envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    char names[NAMED_MAX * 48];
    list(c, names, sizeof names);
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "%zu keys of the name %.60s may wrap, and %s: %s. Which one is meant cannot be "
                    "told: let one bear that name%s",
                    c->count, env_printable(shown, key_name),
                    job->policy->exclusive ? "none is newer than the others"
                                           : "names are not exclusive here",
                    names,
                    job->policy->exclusive ? ""
                                           : ", or say names=exclusive if nobody else "
                                             "can make keys there");
}

envelope_status env_kmip_choose(const struct env_kmip_job *job, const char *key_name,
                                struct env_kmip_candidates *candidates, const char *why,
                                struct env_kmip_live **out, envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    *out = NULL;
    if (!candidates->count) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "none of the %zu keys of the name %s may wrap: the last one looked at is "
                        "%s",
                        candidates->found, env_printable(shown, key_name), why);
    }
    for (int order = 0; job->policy->exclusive && order < ORDERS; order++) {
        keep_youngest(candidates, order);
    }
    if (candidates->count > 1) {
        return several(job, key_name, candidates, err);
    }
    *out = &candidates->item[0];
    return ENVELOPE_OK;
}

static envelope_status put(envelope_key_sink *sink, envelope_key_ref *ref,
                           const struct env_rsa_public *public, envelope_error *err)
{
    size_t len = 0;
    const uint8_t *spki = public ? env_rsa_public_spki(public, &len) : NULL;
    envelope_status st = envelope_key_sink_add(sink, ref, ENVELOPE_KEY_ACTIVE, spki, len);
    return st ? env_fail(err, st, "the key that the KMS gives is not usable") : ENVELOPE_OK;
}

static envelope_status give(struct env_kmip_job *job, const struct env_kmip_live *live,
                            const char *key_name, envelope_key_sink *sink, envelope_error *err)
{
    struct env_rsa_public *public = NULL;
    struct env_kmip_half half = {.uid = ""};
    env_kmip_text replaces = "";
    bool aes = live->object.object_type == ENV_OBJECT_SYMMETRIC;
    envelope_status st = ENVELOPE_OK;
    if (!aes) {
        st = env_kmip_get_public(job, live->object.uid, &public, err);
        st =
            st ? st : env_kmip_private_half(job, &live->object, public, key_name, true, &half, err);
    }
    st = st ? st : env_kmip_replaces(job, &live->object, live->before, &half, replaces, err);
    if (!st) {
        envelope_key_ref ref = {.size = sizeof ref,
                                .key_name = key_name,
                                .key_id = *half.uid ? half.uid : live->object.uid,
                                .replaces = *replaces ? replaces : NULL};
        st = put(sink, &ref, public, err);
    }
    env_rsa_public_free(public);
    return st;
}

/* All of them, so that whoever looks into the sink sees what was refused. What does not fit into it
 * changes nothing about that. */
static void show_all(const struct env_kmip_candidates *c, const char *key_name,
                     envelope_key_sink *sink)
{
    envelope_status st = c->count > 1 ? ENVELOPE_OK : ENVELOPE_E_NOT_FOUND;
    for (size_t i = 0; !st && i < c->count; i++) {
        const envelope_key_ref ref = {
            .size = sizeof ref, .key_name = key_name, .key_id = c->item[i].object.uid};
        st = envelope_key_sink_add(sink, &ref, ENVELOPE_KEY_ACTIVE, NULL, 0);
    }
}

envelope_status env_kmip_newest(struct env_kmip_job *job, const char *key_name,
                                envelope_key_sink *sink, envelope_error *err)
{
    struct env_kmip_candidates candidates;
    struct env_kmip_live *live;
    const char *why;
    envelope_status st = env_kmip_candidates(job, key_name, &candidates, &why, err);
    if (st) {
        return st;
    }
    st = env_kmip_choose(job, key_name, &candidates, why, &live, err);
    show_all(&candidates, key_name, sink);
    st = st ? st : give(job, live, key_name, sink, err);
    env_free(job->ctx, candidates.item);
    return st;
}
