/* Unwrapping: inside the KMS, or with the key fetched from it where that is allowed. */
#include "kms/kmip/unwrap.h"
#include "base/error.h"
#include "crypto/keywrap.h"
#include "keys/ref.h"
#include "keys/slot.h"
#include "kms/kmip/jobs.h"
#include <string.h>

static bool fits(const struct env_kmip_known_pair *known, const struct env_kmip_unwrap *u)
{
    return known->has_oaep && env_kmip_form_fits(&known->form, u->algorithm) &&
           (!u->key->has_fingerprint ||
            memcmp(known->fingerprint, u->key->fingerprint, sizeof known->fingerprint) == 0);
}

const struct env_kmip_known_pair *env_kmip_known_way(const struct env_kmip_job *job,
                                                     const struct env_kmip_unwrap *u)
{
    const struct env_kmip_known_pair *known =
        u->algorithm == ENVELOPE_AES_KWP || job->policy->unwrap == ENVELOPE_UNWRAP_GET
            ? NULL
            : env_kmip_known(job->facts, u->key->key_id);
    return known && fits(known, u) ? known : NULL;
}

/* -- with the key fetched */

static envelope_status with_private(struct env_kmip_job *job, const struct env_rsa_private *key,
                                    const struct env_kmip_unwrap *u, size_t *len,
                                    envelope_error *err)
{
    uint8_t *message;
    envelope_status st = env_secret_new(job->ctx, ENVELOPE_DEK_BYTES, &message, err);
    st = st ? st : env_oaep_unwrap(key, u->algorithm, u->in.p, u->in.len, message, err);
    if (!st) {
        memcpy(u->out, message, ENVELOPE_DEK_BYTES);
        *len = ENVELOPE_DEK_BYTES;
    }
    env_secret_free(job->ctx, message, ENVELOPE_DEK_BYTES);
    return st;
}

static envelope_status other_key(const struct env_kmip_unwrap *u, envelope_error *err)
{
    char text[ENV_REF_TEXT_MAX];
    return env_fail(err, ENVELOPE_E_NO_KEY,
                    "%s: the private key that the KMS has there is another one",
                    env_ref_text(text, u->key));
}

static envelope_status fetch_this(struct env_kmip_job *job, const char *uid,
                                  const struct env_kmip_unwrap *u, size_t *len, envelope_error *err)
{
    struct env_rsa_private *key = NULL;
    envelope_status st = env_kmip_fetch_private(job, uid, u->key, &key, err);
    if (!st && !env_kmip_is_fingerprint(u->key, env_rsa_private_public(key))) {
        st = other_key(u, err);
    }
    st = st ? st : with_private(job, key, u, len, err);
    env_rsa_private_free(key);
    return st;
}

/* The half that is known of the identifier, else the identifier itself: mostly it is the right one,
 * and whether it is will be seen. */
static const char *first_guess(struct env_kmip_job *job, const envelope_key_ref *key)
{
    const struct env_kmip_known_pair *known = env_kmip_known(job->facts, key->key_id);
    return known && *known->private_key ? known->private_key : key->key_id;
}

static envelope_status fetched(struct env_kmip_job *job, const struct env_kmip_unwrap *u,
                               size_t *len, envelope_error *err)
{
    env_kmip_text tried;
    struct env_kmip_resolved resolved;
    env_text_copy(tried, sizeof tried, first_guess(job, u->key));
    envelope_status st = fetch_this(job, tried, u, len, err);
    for (int way = 0; st == ENVELOPE_E_NO_KEY && way < 2; way++) {
        env_kmip_forget(job->facts, tried);
        st = way ? env_kmip_resolve_by_name(job, u->key, &resolved, err)
                 : env_kmip_resolve(job, u->key, &resolved, err);
        bool again = !st && strcmp(resolved.uid, tried) == 0;
        env_text_copy(tried, sizeof tried, st ? "" : resolved.uid);
        if (!st) {
            env_kmip_resolved_end(&resolved);
            st = again ? other_key(u, err) : fetch_this(job, tried, u, len, err);
        }
    }
    return st;
}

static envelope_status with_aes(struct env_kmip_job *job, const struct env_kmip_unwrap *u,
                                size_t *len, envelope_error *err)
{
    uint8_t *kek = NULL;
    envelope_status st = env_kmip_fetch_aes(job, u->key, &kek, err);
    st = st ? st : env_kwp_unwrap(job->ctx, kek, u->in.p, u->in.len, u->out, u->cap, len, err);
    env_secret_free(job->ctx, kek, ENVELOPE_DEK_BYTES);
    /* One text for all that the cryptography may say. */
    return st == ENVELOPE_E_AUTH ? env_fail(err, st, ENV_DOES_NOT_OPEN) : st;
}

/* -- inside */

static envelope_status decrypt(struct env_kmip_job *job, const char *uid,
                               const struct env_kmip_oaep *form, const struct env_kmip_unwrap *u,
                               size_t *len, envelope_error *err)
{
    const struct env_kmip_decrypt what = {uid, *form, u->in};
    const void *const items[] = {&what};
    struct env_kmip_ask ask = env_kmip_decrypt_ask;
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    ask.count = 1;
    ask.room = env_kmip_decrypt_room(&what);
    ask.what = items;
    envelope_status st = env_kmip_ask_one(job, &ask, &reply, &result, err);
    bool denied =
        !st && result.status == ENV_RESULT_FAILED && result.reason == ENV_REASON_PERMISSION_DENIED;
    st = st || denied ? st : env_kmip_decrypted(&result, uid, u->out, u->cap, len, err);
    env_kmip_reply_free(job->ctx, &reply);
    return denied ? env_kmip_denied(job, uid, false, err) : st;
}

/* What to do where the KMS does not decrypt with this key. */
static envelope_status not_inside(struct env_kmip_job *job, const char *uid,
                                  enum env_kmip_verdict verdict, const struct env_kmip_unwrap *u,
                                  size_t *len, envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    if (job->policy->unwrap == ENVELOPE_UNWRAP_INSIDE_OR_GET) {
        return fetched(job, u, len, err);
    }
    if (verdict == ENV_FORM_DENIED) {
        return env_kmip_denied(job, uid, false, err);
    }
    if (verdict == ENV_FORM_MISSING) {
        return env_fail(err, ENVELOPE_E_NO_KEY, "the KMS has no key %s", env_printable(shown, uid));
    }
    if (verdict == ENV_FORM_UNSUPPORTED) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "the KMS does not decrypt (KMIP %d.%d): private-key=inside-or-get lets the "
                        "private key be fetched instead",
                        job->facts->version.major, job->facts->version.minor);
    }
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "the KMS does not decrypt with key %s what was wrapped for it by RSA-OAEP with "
                    "%s: private-key=inside-or-get lets the private key be fetched instead",
                    env_printable(shown, uid),
                    u->algorithm == ENVELOPE_RSA_OAEP_SHA1 ? "SHA-1" : "SHA-256");
}

static envelope_status found(struct env_kmip_job *job, const struct env_kmip_resolved *resolved,
                             const struct env_kmip_oaep *form, const struct env_kmip_unwrap *u,
                             size_t *len, envelope_error *err)
{
    if (resolved->public) {
        struct env_kmip_known_pair *known =
            env_kmip_learn(job->facts, resolved->private.public_key, resolved->uid,
                           env_rsa_public_fingerprint(resolved->public));
        known->proven = true;
        known->bound = *resolved->private.public_key != 0;
        known->has_oaep = true;
        known->form = *form;
    }
    return decrypt(job, resolved->uid, form, u, len, err);
}

/* By name, where the identifier leads to nothing, or to a key that does not open our value. */
static envelope_status look_elsewhere(struct env_kmip_job *job, const struct env_kmip_unwrap *u,
                                      struct env_kmip_resolved *resolved,
                                      struct env_kmip_oaep *form, enum env_kmip_verdict *verdict,
                                      envelope_error *err)
{
    struct env_kmip_resolved other;
    envelope_status st = env_kmip_resolve_by_name(job, u->key, &other, err);
    if (st == ENVELOPE_E_NO_KEY && *verdict == ENV_FORM_NONE) {
        return ENVELOPE_OK; /* it is there, and does not decrypt */
    }
    if (st) {
        return st;
    }
    bool same = strcmp(resolved->uid, other.uid) == 0;
    env_kmip_resolved_end(same ? &other : resolved);
    if (same) {
        return ENVELOPE_OK;
    }
    *resolved = other;
    return env_kmip_find_form(job, resolved->uid, resolved->public, u->algorithm, form, verdict,
                              err);
}

static envelope_status find_way(struct env_kmip_job *job, const struct env_kmip_unwrap *u,
                                struct env_kmip_resolved *resolved, struct env_kmip_oaep *form,
                                enum env_kmip_verdict *verdict, envelope_error *err)
{
    envelope_status st =
        env_kmip_find_form(job, resolved->uid, resolved->public, u->algorithm, form, verdict, err);
    bool other = !st && (*verdict == ENV_FORM_MISSING || *verdict == ENV_FORM_NONE) &&
                 u->key->has_fingerprint;
    return other ? look_elsewhere(job, u, resolved, form, verdict, err) : st;
}

static envelope_status inside_anew(struct env_kmip_job *job, const struct env_kmip_unwrap *u,
                                   size_t *len, envelope_error *err)
{
    struct env_kmip_resolved resolved;
    struct env_kmip_oaep form;
    enum env_kmip_verdict verdict;
    envelope_status st = env_kmip_resolve(job, u->key, &resolved, err);
    if (st) {
        return st;
    }
    st = find_way(job, u, &resolved, &form, &verdict, err);
    if (!st) {
        st = verdict == ENV_FORM_FOUND ? found(job, &resolved, &form, u, len, err)
                                       : not_inside(job, resolved.uid, verdict, u, len, err);
    }
    env_kmip_resolved_end(&resolved);
    return st;
}

static envelope_status inside(struct env_kmip_job *job, const struct env_kmip_unwrap *u,
                              size_t *len, envelope_error *err)
{
    const struct env_kmip_known_pair *known = env_kmip_known_way(job, u);
    if (known) {
        const struct env_kmip_oaep form = known->form;
        env_kmip_text uid;
        env_text_copy(uid, sizeof uid, known->private_key);
        envelope_status st = decrypt(job, uid, &form, u, len, err);
        if (st != ENVELOPE_E_NO_KEY) {
            return st;
        }
        env_kmip_forget(job->facts, uid);
    }
    return inside_anew(job, u, len, err);
}

envelope_status env_kmip_unwrap_one(struct env_kmip_job *job, const struct env_kmip_unwrap *u,
                                    size_t *len, envelope_error *err)
{
    *len = 0;
    if (u->cap < ENVELOPE_DEK_BYTES) {
        return env_fail(err, ENVELOPE_E_RANGE, "an unwrapped key has 32 bytes");
    }
    if (!u->key || !u->key->key_id || !u->in.len || u->in.len > ENV_RSA_BYTES_MAX) {
        return env_fail(err, ENVELOPE_E_INVALID, "nothing to unwrap, or no key to do it with");
    }
    if (u->algorithm == ENVELOPE_AES_KWP) {
        return with_aes(job, u, len, err);
    }
    if (u->algorithm != ENVELOPE_RSA_OAEP_SHA256 && u->algorithm != ENVELOPE_RSA_OAEP_SHA1) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED, "wrapping algorithm %d is not one of a KMS",
                        u->algorithm);
    }
    return job->policy->unwrap == ENVELOPE_UNWRAP_GET ? fetched(job, u, len, err)
                                                      : inside(job, u, len, err);
}

envelope_status env_kmip_unwrap(struct env_kmip_job *job, const envelope_key_ref *key,
                                int32_t algorithm, const void *in, size_t in_len, void *out,
                                size_t cap, size_t *len, envelope_error *err)
{
    const envelope_key_ref view = env_ref_view(key);
    const struct env_kmip_unwrap u = {&view, algorithm, ENV_BYTES(in, in_len), out, cap};
    return env_kmip_unwrap_one(job, &u, len, err);
}

envelope_status env_kmip_wrap(struct env_kmip_job *job, const envelope_key_ref *key,
                              int32_t algorithm, const void *in, size_t in_len, void *out,
                              size_t cap, size_t *len, envelope_error *err)
{
    const envelope_key_ref view = env_ref_view(key);
    uint8_t *kek = NULL;
    *len = 0;
    if (algorithm != ENVELOPE_AES_KWP || !view.key_id) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "a KMS wraps with AES keys only: RSA keys have a public half for that");
    }
    envelope_status st = env_kmip_fetch_aes(job, &view, &kek, err);
    st = st ? st : env_kwp_wrap(job->ctx, kek, in, in_len, out, cap, len, err);
    env_secret_free(job->ctx, kek, ENVELOPE_DEK_BYTES);
    return st;
}
