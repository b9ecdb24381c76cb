/* From what a slot says to the private key of today. Servers are migrated, and then keys have other
 * identifiers; a host that only writes knows public halves only. */
#include "base/error.h"
#include "keys/ref.h"
#include "kms/kmip/jobs.h"
#include <string.h>

bool env_kmip_is_fingerprint(const envelope_key_ref *key, const struct env_rsa_public *public)
{
    return !key->has_fingerprint ||
           memcmp(env_rsa_public_fingerprint(public), key->fingerprint, 32) == 0;
}

void env_kmip_resolved_end(struct env_kmip_resolved *resolved)
{
    env_rsa_public_free(resolved->public);
    resolved->public = NULL;
}

static envelope_status no_such(const envelope_key_ref *key, const char *why, envelope_error *err)
{
    char text[ENV_REF_TEXT_MAX];
    return env_fail(err, ENVELOPE_E_NO_KEY, "%s: %s", env_ref_text(text, key), why);
}

/* A public key that may not be what the slot speaks of any more: E_NO_KEY then. */
static envelope_status take_public(struct env_kmip_job *job, const char *uid,
                                   const envelope_key_ref *key, struct env_kmip_resolved *out,
                                   envelope_error *err)
{
    envelope_status st = env_kmip_get_public(job, uid, &out->public, err);
    if (!st && !env_kmip_is_fingerprint(key, out->public)) {
        env_kmip_resolved_end(out);
        st = no_such(key, "the KMS has another key under that identifier", err);
    }
    return st;
}

static envelope_status half_of(struct env_kmip_job *job,
                               const struct env_kmip_attributes *public_key,
                               const envelope_key_ref *key, struct env_kmip_resolved *out,
                               envelope_error *err)
{
    struct env_kmip_half half;
    envelope_status st =
        env_kmip_private_half(job, public_key, out->public, key->key_name, true, &half, err);
    if (!st && !*half.uid) {
        st = no_such(key, "its public half is there, its private half is not shown to this client",
                     err);
    }
    if (!st) {
        env_text_copy(out->uid, sizeof out->uid, half.uid);
    }
    return st;
}

/* The last way where public halves are gone: the private keys of that name themselves. */
static envelope_status by_fetching(struct env_kmip_job *job, const envelope_key_ref *key,
                                   struct env_kmip_resolved *out, envelope_error *err)
{
    struct env_kmip_objects found;
    envelope_status st = env_kmip_find(job, ENV_OBJECT_PRIVATE, key->key_name, &found, err);
    for (size_t i = 0; !st && !*out->uid && i < found.count; i++) {
        struct env_rsa_private *private = NULL;
        st = env_kmip_fetch_private(job, found.item[i].uid, key, &private, err);
        if (!st && env_kmip_is_fingerprint(key, env_rsa_private_public(private))) {
            env_text_copy(out->uid, sizeof out->uid, found.item[i].uid);
        }
        env_rsa_private_free(private);
        bool no = env_kmip_not_shown(st) || st == ENVELOPE_E_FORMAT;
        st = no ? ENVELOPE_OK : st;
    }
    env_free(job->ctx, found.item);
    return st;
}

static envelope_status look_by_name(struct env_kmip_job *job, const envelope_key_ref *key,
                                    struct env_kmip_attributes *a, struct env_kmip_resolved *out,
                                    envelope_error *err)
{
    bool can = key->has_fingerprint && key->key_name && job->policy->selector != ENVELOPE_SELECT_ID;
    env_kmip_resolved_end(out);
    memset(out, 0, sizeof *out);
    if (!can) {
        return no_such(key, "the KMS has no key of that identifier", err);
    }
    envelope_status st =
        env_kmip_public_by_fingerprint(job, key->key_name, key->fingerprint, a, &out->public, err);
    if (!st && out->public) {
        return half_of(job, a, key, out, err);
    }
    if (!st && job->policy->unwrap != ENVELOPE_UNWRAP_INSIDE) {
        st = by_fetching(job, key, out, err);
    }
    if (!st && !*out->uid) {
        st = no_such(key,
                     "the KMS has no key of that identifier, and none of that name with this "
                     "fingerprint",
                     err);
    }
    return st;
}

/* The public half of a private key, where one is to be had. */
static envelope_status beside(struct env_kmip_job *job, const envelope_key_ref *key,
                              struct env_kmip_attributes *a, struct env_kmip_resolved *out,
                              envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    if (*out->private.public_key) {
        st = take_public(job, out->private.public_key, key, out, err);
        bool none = env_kmip_not_shown(st);
        st = none ? ENVELOPE_OK : st;
    }
    bool by_print =
        key->has_fingerprint && key->key_name && job->policy->selector != ENVELOPE_SELECT_ID;
    if (st || out->public || !by_print) {
        return st;
    }
    return env_kmip_public_by_fingerprint(job, key->key_name, key->fingerprint, a, &out->public,
                                          err);
}

static envelope_status resolve(struct env_kmip_job *job, const envelope_key_ref *key,
                               struct env_kmip_attributes *a, struct env_kmip_resolved *out,
                               envelope_error *err)
{
    envelope_status st = env_kmip_look(job, key->key_id, a, err);
    if (st == ENVELOPE_E_NO_KEY) {
        return look_by_name(job, key, a, out, err);
    }
    if (st && st != ENVELOPE_E_REFUSED) {
        return st;
    }
    if (!st && a->object_type == ENV_OBJECT_PUBLIC) {
        st = take_public(job, key->key_id, key, out, err);
        st = st ? st : half_of(job, a, key, out, err);
        return st == ENVELOPE_E_NO_KEY ? look_by_name(job, key, a, out, err) : st;
    }
    if (!st && a->object_type != ENV_OBJECT_PRIVATE) {
        return look_by_name(job, key, a, out, err);
    }
    env_text_copy(out->uid, sizeof out->uid, key->key_id);
    if (!st) {
        out->private = *a;
    }
    return beside(job, key, a, out, err);
}

typedef envelope_status (*way)(struct env_kmip_job *job, const envelope_key_ref *key,
                               struct env_kmip_attributes *a, struct env_kmip_resolved *out,
                               envelope_error *err);

static envelope_status go(struct env_kmip_job *job, way how, const envelope_key_ref *key,
                          struct env_kmip_resolved *out, envelope_error *err)
{
    memset(out, 0, sizeof *out);
    struct env_kmip_attributes *a = env_alloc(job->ctx, sizeof *a);
    if (!a) {
        return env_nomem(err);
    }
    envelope_status st = how(job, key, a, out, err);
    env_free(job->ctx, a);
    if (st) {
        env_kmip_resolved_end(out);
    }
    return st;
}

envelope_status env_kmip_resolve(struct env_kmip_job *job, const envelope_key_ref *key,
                                 struct env_kmip_resolved *out, envelope_error *err)
{
    return go(job, resolve, key, out, err);
}

envelope_status env_kmip_resolve_by_name(struct env_kmip_job *job, const envelope_key_ref *key,
                                         struct env_kmip_resolved *out, envelope_error *err)
{
    return go(job, look_by_name, key, out, err);
}
