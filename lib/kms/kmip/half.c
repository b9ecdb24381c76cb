/* Which private key belongs to a public key. A public key's link to its private half is a claim of
 * whoever owns the public key; the private key's link back, or a Decrypt, is a proof. */
#include "base/error.h"
#include "kms/kmip/jobs.h"
#include <string.h>

enum { TRIED_MAX = 16 };

static void answer(struct env_kmip_half *out, const char *uid, bool proven)
{
    env_text_copy(out->uid, sizeof out->uid, uid);
    out->proven = proven;
}

static bool known(struct env_kmip_job *job, const struct env_kmip_attributes *public_key,
                  const struct env_rsa_public *key, struct env_kmip_half *out)
{
    const struct env_kmip_known_pair *pair = env_kmip_known(job->facts, public_key->uid);
    if (!pair || !pair->proven || strcmp(pair->public_key, public_key->uid) != 0) {
        return false;
    }
    if (key && memcmp(pair->fingerprint, env_rsa_public_fingerprint(key), 32) != 0) {
        return false;
    }
    answer(out, pair->private_key, true);
    out->bound = pair->bound;
    return true;
}

static void learn(struct env_kmip_job *job, const char *public_key,
                  const struct env_kmip_half *half, const struct env_rsa_public *key)
{
    if (key) {
        struct env_kmip_known_pair *pair =
            env_kmip_learn(job->facts, public_key, half->uid, env_rsa_public_fingerprint(key));
        pair->proven = true;
        pair->bound = pair->bound || half->bound;
    }
}

/* private: what the public key's link leads to; uid "": not shown. */
static envelope_status linked(struct env_kmip_job *job,
                              const struct env_kmip_attributes *public_key,
                              struct env_kmip_attributes *private, envelope_error *err)
{
    private->uid[0] = 0;
    if (!*public_key->private_key) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_kmip_glance(job, public_key->private_key, private, err);
    bool other = *private->public_key && strcmp(private->public_key, public_key->uid) != 0;
    if (st || private->object_type != ENV_OBJECT_PRIVATE || other) {
        private->uid[0] = 0;
    }
    return st;
}

envelope_status env_kmip_linked_half(struct env_kmip_job *job,
                                     const struct env_kmip_attributes *public_key,
                                     const struct env_rsa_public *key, struct env_kmip_half *out,
                                     envelope_error *err)
{
    memset(out, 0, sizeof *out);
    if (known(job, public_key, key, out)) {
        return ENVELOPE_OK;
    }
    struct env_kmip_attributes *private = env_alloc(job->ctx, sizeof *private);
    if (!private) {
        return env_nomem(err);
    }
    envelope_status st = linked(job, public_key, private, err);
    if (!st && *private->uid) {
        answer(out, private->uid, *private->public_key != 0);
        out->bound = out->proven;
        if (out->proven) {
            learn(job, public_key->uid, out, key);
        }
    }
    env_free(job->ctx, private);
    return st;
}

/* -- without links */

static int64_t apart(const struct env_kmip_attributes *a, const struct env_kmip_attributes *b)
{
    int64_t d = a->initial_date - b->initial_date;
    return d < 0 ? -d : d;
}

/* Those made nearest in time to the public key come first: one of them it will be. */
static void sort_by_age(struct env_kmip_objects *o, const struct env_kmip_attributes *to)
{
    for (size_t i = 0; i < o->count; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < o->count; j++) {
            best = apart(&o->item[j], to) < apart(&o->item[best], to) ? j : best;
        }
        struct env_kmip_attributes swap = o->item[i];
        o->item[i] = o->item[best];
        o->item[best] = swap;
    }
}

/* Drops those that name another public key as theirs. */
static void drop_others(struct env_kmip_objects *o, const char *public_key)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->count; i++) {
        const char *said = o->item[i].public_key;
        if (!*said || strcmp(said, public_key) == 0) {
            memmove(&o->item[kept++], &o->item[i], sizeof o->item[0]);
        }
    }
    o->count = kept < TRIED_MAX ? kept : TRIED_MAX;
}

/* *asked: the KMS took the question, so that a private key without an answer is none of ours. */
static envelope_status by_decrypt(struct env_kmip_job *job, const struct env_kmip_objects *o,
                                  const struct env_kmip_attributes *public_key,
                                  const struct env_rsa_public *key, bool *asked,
                                  struct env_kmip_half *out, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    *asked = false;
    for (size_t i = 0; !st && !*out->uid && i < o->count; i++) {
        struct env_kmip_oaep form;
        enum env_kmip_verdict verdict;
        st = env_kmip_find_form(job, o->item[i].uid, key, job->policy->oaep, &form, &verdict, err);
        *asked |= !st && (verdict == ENV_FORM_FOUND || verdict == ENV_FORM_NONE);
        if (st || verdict != ENV_FORM_FOUND) {
            continue;
        }
        answer(out, o->item[i].uid, true);
        out->bound = *o->item[i].public_key != 0; /* of another's: see drop_others */
        learn(job, public_key->uid, out, key);
        struct env_kmip_known_pair *pair = env_kmip_known(job->facts, out->uid);
        pair->has_oaep = true;
        pair->form = form;
    }
    return st;
}

static envelope_status by_modulus(struct env_kmip_job *job, const struct env_kmip_objects *o,
                                  const struct env_kmip_attributes *public_key,
                                  const struct env_rsa_public *key, struct env_kmip_half *out,
                                  envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && !*out->uid && i < o->count; i++) {
        struct env_rsa_private *private = NULL;
        const envelope_key_ref ref = {.size = sizeof ref, .key_id = o->item[i].uid};
        st = env_kmip_fetch_private(job, o->item[i].uid, &ref, &private, err);
        bool denied = st == ENVELOPE_E_REFUSED || st == ENVELOPE_E_NO_KEY ||
                      st == ENVELOPE_E_FORMAT || st == ENVELOPE_E_UNSUPPORTED;
        const uint8_t *own =
            st ? NULL : env_rsa_public_fingerprint(env_rsa_private_public(private));
        if (own && memcmp(own, env_rsa_public_fingerprint(key), 32) == 0) {
            answer(out, o->item[i].uid, true);
            out->bound = *o->item[i].public_key != 0;
            learn(job, public_key->uid, out, key);
        }
        env_rsa_private_free(private);
        st = denied ? ENVELOPE_OK : st;
    }
    return st;
}

/* How many, of those in front, were made in the same second. */
static size_t made_together(const struct env_kmip_objects *o, const struct env_kmip_attributes *to)
{
    size_t n = 0;
    while (to->has_initial_date && n < o->count && o->item[n].has_initial_date &&
           apart(&o->item[n], to) == 0) {
        n++;
    }
    return n;
}

static envelope_status choose(struct env_kmip_job *job, struct env_kmip_objects *o,
                              const struct env_kmip_attributes *public_key,
                              const struct env_rsa_public *key, bool may_fetch,
                              struct env_kmip_half *out, envelope_error *err)
{
    bool asked = false;
    envelope_status st = ENVELOPE_OK;
    sort_by_age(o, public_key);
    drop_others(o, public_key->uid);
    if (job->policy->unwrap != ENVELOPE_UNWRAP_GET) {
        st = by_decrypt(job, o, public_key, key, &asked, out, err);
    }
    if (st || *out->uid || asked) {
        return st;
    }
    if (may_fetch && o->count > 1 && job->policy->unwrap != ENVELOPE_UNWRAP_INSIDE) {
        return by_modulus(job, o, public_key, key, out, err);
    }
    /* No proof, and no export for one: what unwraps compares fingerprints anyway. */
    if (o->count == 1 || made_together(o, public_key) == 1) {
        answer(out, o->item[0].uid, false);
    }
    return ENVELOPE_OK;
}

envelope_status env_kmip_private_half(struct env_kmip_job *job,
                                      const struct env_kmip_attributes *public_key,
                                      const struct env_rsa_public *key, const char *key_name,
                                      bool may_fetch, struct env_kmip_half *out,
                                      envelope_error *err)
{
    struct env_kmip_objects found;
    envelope_status st = env_kmip_linked_half(job, public_key, key, out, err);
    bool by_name = key_name && job->policy->selector != ENVELOPE_SELECT_ID;
    if (st || *out->uid || !by_name) {
        return st;
    }
    st = env_kmip_find(job, ENV_OBJECT_PRIVATE, key_name, &found, err);
    st = st ? st : choose(job, &found, public_key, key, may_fetch, out, err);
    env_free(job->ctx, found.item);
    return st;
}
