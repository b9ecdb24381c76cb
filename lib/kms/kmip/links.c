/* Replacement Object Links. Anybody may set links on a key of his own: what counts is the link on
 * the old object, which is ours (crypto.md, W3). */
#include "kms/kmip/jobs.h"
#include <string.h>

static bool seen(env_kmip_text *list, size_t count, const char *uid)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], uid) == 0) {
            return true;
        }
    }
    return false;
}

static envelope_status follow(struct env_kmip_job *job, struct env_kmip_attributes *object,
                              struct env_kmip_attributes *next, env_kmip_text *path, char *before,
                              const char **lost, envelope_error *err)
{
    for (size_t hops = 0; *object->replacement; hops++) {
        if (hops == ENV_KMIP_HOPS_MAX) {
            *lost = "replaced more than 64 times";
            return ENVELOPE_OK;
        }
        env_text_copy(path[hops], sizeof path[hops], object->uid);
        if (seen(path, hops + 1, object->replacement)) {
            *lost = "replaced in a circle: mend its links at the KMS";
            return ENVELOPE_OK;
        }
        envelope_status st = env_kmip_glance(job, object->replacement, next, err);
        if (st) {
            return st;
        }
        if (!*next->uid || next->object_type != object->object_type) {
            *lost = "replaced by a key that is not shown to this client";
            return ENVELOPE_OK;
        }
        env_text_copy(before, ENV_KMIP_TEXT_MAX, object->uid);
        *object = *next;
    }
    return ENVELOPE_OK;
}

envelope_status env_kmip_follow(struct env_kmip_job *job, struct env_kmip_attributes *object,
                                env_kmip_text before, const char **lost, envelope_error *err)
{
    before[0] = 0;
    *lost = NULL;
    if (!*object->replacement) {
        return ENVELOPE_OK;
    }
    env_kmip_text *path = env_alloc_array(job->ctx, ENV_KMIP_HOPS_MAX, sizeof *path);
    struct env_kmip_attributes *next = env_alloc(job->ctx, sizeof *next);
    envelope_status st =
        path && next ? follow(job, object, next, path, before, lost, err) : env_nomem(err);
    env_free(job->ctx, next);
    env_free(job->ctx, path);
    return st;
}

/* Does the object `old` itself name `young` as its replacement? Then *out is what it says of
 * itself. */
static envelope_status names_it(struct env_kmip_job *job, const char *old, const char *young,
                                struct env_kmip_attributes *out, bool *yes, envelope_error *err)
{
    *yes = false;
    if (!*old || strcmp(old, young) == 0) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_kmip_glance(job, old, out, err);
    *yes = !st && *out->uid && strcmp(out->replacement, young) == 0;
    return st;
}

/* The public halves: they are shown to whoever only writes. What the old public key says of its
 * private half is a claim like any other, since old and new could both be a neighbour's: without
 * proof, the old key is known by the identifier of the object that bears the link. */
static envelope_status by_public(struct env_kmip_job *job, const struct env_kmip_attributes *object,
                                 const char *before, struct env_kmip_attributes *old, char *out,
                                 bool *bound, envelope_error *err)
{
    bool yes;
    struct env_kmip_half half;
    /* What the new object says comes first: a neighbour's may name it as its replacement too. */
    envelope_status st = names_it(job, object->replaced, object->uid, old, &yes, err);
    if (!st && !yes) {
        st = names_it(job, before, object->uid, old, &yes, err);
    }
    if (st || !yes || old->object_type != object->object_type) {
        return st;
    }
    env_text_copy(out, ENV_KMIP_TEXT_MAX, old->uid);
    if (object->object_type == ENV_OBJECT_SYMMETRIC) {
        *bound = true;
        return ENVELOPE_OK;
    }
    st = env_kmip_linked_half(job, old, NULL, &half, err);
    *bound = !st && half.bound;
    if (*bound) {
        env_text_copy(out, ENV_KMIP_TEXT_MAX, half.uid);
    }
    return st;
}

static envelope_status by_private(struct env_kmip_job *job, const struct env_kmip_half *half,
                                  struct env_kmip_attributes *old, char *out, envelope_error *err)
{
    bool yes;
    env_kmip_text hint;
    envelope_status st = env_kmip_glance(job, half->uid, old, err);
    if (st) {
        return st;
    }
    env_text_copy(hint, sizeof hint, old->replaced);
    st = names_it(job, hint, half->uid, old, &yes, err);
    if (!st && yes) {
        env_text_copy(out, ENV_KMIP_TEXT_MAX, old->uid);
    }
    return st;
}

envelope_status env_kmip_replaces(struct env_kmip_job *job,
                                  const struct env_kmip_attributes *object, const char *before,
                                  const struct env_kmip_half *half, env_kmip_text out,
                                  envelope_error *err)
{
    out[0] = 0;
    struct env_kmip_attributes *old = env_alloc(job->ctx, sizeof *old);
    if (!old) {
        return env_nomem(err);
    }
    bool bound = false;
    envelope_status st = by_public(job, object, before, old, out, &bound, err);
    if (!st && !bound && half->proven) {
        st = by_private(job, half, old, out, err);
    }
    env_free(job->ctx, old);
    return st;
}
