/* Which keys of a name may wrap today. Servers filter as they like, so everything is looked at
 * again here; no Maximum Items and no State is asked for, since a server that ignores one of them
 * would hide the right key. */
#include "base/error.h"
#include "kms/kmip/jobs.h"
#include <string.h>

enum { AES_BITS = 256 };

static const char *state_word(uint32_t state)
{
    switch (state) {
    case ENV_STATE_PRE_ACTIVE:
        return "not active yet";
    case ENV_STATE_DEACTIVATED:
        return "deactivated";
    case ENV_STATE_COMPROMISED:
        return "compromised";
    case ENV_STATE_DESTROYED:
    case ENV_STATE_DESTROYED_COMPROMISED:
        return "destroyed";
    default:
        return "in no state that the KMS tells";
    }
}

/* May this one wrap? NULL: yes; else why not, in a few words. */
static const char *why_not(const struct env_kmip_job *job, const struct env_kmip_attributes *a)
{
    bool aes = a->object_type == ENV_OBJECT_SYMMETRIC;
    uint32_t algorithm = aes ? ENV_ALGORITHM_AES : ENV_ALGORITHM_RSA;
    if (a->state != ENV_STATE_ACTIVE) {
        return state_word(a->state);
    }
    if (a->algorithm && a->algorithm != algorithm) {
        return "of an algorithm that is not used here";
    }
    if (a->bits && (aes ? a->bits != AES_BITS : a->bits < ENV_RSA_BITS_MIN)) {
        return "of a length that is not used here";
    }
    if (a->usage && !(a->usage & (ENV_USAGE_ENCRYPT | ENV_USAGE_WRAP))) {
        return "not meant for encrypting or wrapping";
    }
    if (a->has_activation_date && a->activation_date > job->now_ms / 1000) {
        return "to become active later";
    }
    return NULL;
}

static envelope_status room(struct env_kmip_job *job, struct env_kmip_candidates *c, size_t count,
                            envelope_error *err)
{
    c->item = env_alloc_array(job->ctx, count ? count : 1, sizeof *c->item);
    return c->item ? ENVELOPE_OK : env_nomem(err);
}

static bool there(const struct env_kmip_candidates *c, const char *uid)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->item[i].object.uid, uid) == 0) {
            return true;
        }
    }
    return false;
}

/* Two names of one chain of replacements end in one key. */
static envelope_status consider(struct env_kmip_job *job, const struct env_kmip_attributes *object,
                                struct env_kmip_candidates *c, const char **why,
                                envelope_error *err)
{
    struct env_kmip_live *next = &c->item[c->count];
    const char *lost;
    next->object = *object;
    envelope_status st = env_kmip_follow(job, &next->object, next->before, &lost, err);
    if (st) {
        return st;
    }
    const char *wrong = lost ? lost : why_not(job, &next->object);
    if (wrong) {
        *why = wrong;
        return ENVELOPE_OK;
    }
    if (!there(c, next->object.uid)) {
        c->count++;
    }
    return ENVELOPE_OK;
}

static envelope_status consider_all(struct env_kmip_job *job, const struct env_kmip_objects *o,
                                    struct env_kmip_candidates *c, const char **why,
                                    envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < o->count; i++) {
        st = consider(job, &o->item[i], c, why, err);
    }
    c->found += o->count;
    return st;
}

static envelope_status by_name(struct env_kmip_job *job, const char *key_name,
                               struct env_kmip_candidates *c, const char **why, envelope_error *err)
{
    struct env_kmip_objects public = {0};
    struct env_kmip_objects aes = {0};
    envelope_status st = env_kmip_find(job, ENV_OBJECT_PUBLIC, key_name, &public, err);
    st = st ? st : env_kmip_find(job, ENV_OBJECT_SYMMETRIC, key_name, &aes, err);
    st = st ? st : room(job, c, public.count + aes.count, err);
    st = st ? st : consider_all(job, &public, c, why, err);
    st = st ? st : consider_all(job, &aes, c, why, err);
    env_free(job->ctx, aes.item);
    env_free(job->ctx, public.item);
    return st;
}

/* The name is an identifier: of the public key, of the AES key, or of a private key that says which
 * its public one is. */
static envelope_status by_id(struct env_kmip_job *job, const char *uid,
                             struct env_kmip_candidates *c, const char **why, envelope_error *err)
{
    struct env_kmip_objects one = {.count = 1, .item = env_alloc(job->ctx, sizeof *one.item)};
    envelope_status st = one.item ? room(job, c, 1, err) : env_nomem(err);
    st = st ? st : env_kmip_look(job, uid, one.item, err);
    if (!st && one.item->object_type == ENV_OBJECT_PRIVATE && *one.item->public_key) {
        env_kmip_text public_key;
        env_text_copy(public_key, sizeof public_key, one.item->public_key);
        st = env_kmip_look(job, public_key, one.item, err);
    }
    bool fits = !st && (one.item->object_type == ENV_OBJECT_PUBLIC ||
                        one.item->object_type == ENV_OBJECT_SYMMETRIC);
    if (!st && !fits) {
        *why = "no public key and no AES key";
        c->found = 1;
    }
    st = fits ? consider_all(job, &one, c, why, err) : st;
    env_free(job->ctx, one.item);
    return st;
}

envelope_status env_kmip_candidates(struct env_kmip_job *job, const char *key_name,
                                    struct env_kmip_candidates *out, const char **why,
                                    envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    memset(out, 0, sizeof *out);
    *why = "";
    envelope_status st = job->policy->selector == ENVELOPE_SELECT_ID
                             ? by_id(job, key_name, out, why, err)
                             : by_name(job, key_name, out, why, err);
    if (!st && !out->found) {
        st = env_fail(err, ENVELOPE_E_NO_KEY, "the KMS shows this client no key of the name %s",
                      env_printable(shown, key_name));
    }
    if (st) {
        env_free(job->ctx, out->item);
        memset(out, 0, sizeof *out);
    }
    return st;
}
