/* Get of what is secret: into the arena, used, wiped, told to the auditor each time. */
#include "base/error.h"
#include "kms/kmip/jobs.h"
#include <string.h>

enum { ROOM = 512, AES_BYTES = 32 };

static void put(struct env_ttlv_out *o, const void *what)
{
    env_kmip_put_get(o, what);
}

static envelope_status allowed(const struct env_kmip_job *job, const char *what,
                               envelope_error *err)
{
    if (job->policy->unwrap == ENVELOPE_UNWRAP_INSIDE) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "%s would have to leave its KMS, which is not allowed here: "
                        "private-key=inside-or-get, or private-key=get, allows it",
                        what);
    }
    return ENVELOPE_OK;
}

static envelope_status get(struct env_kmip_job *job, const char *uid, struct env_kmip_reply *reply,
                           struct env_kmip_key *key, envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    const void *const items[] = {uid};
    const struct env_kmip_ask ask = {.operation = ENV_KMIP_GET,
                                     .secret_reply = true,
                                     .repeatable = true,
                                     .count = 1,
                                     .room = ROOM,
                                     .put = put,
                                     .what = items};
    struct env_kmip_result result;
    envelope_status st = env_kmip_ask_one(job, &ask, reply, &result, err);
    if (!st && result.status == ENV_RESULT_FAILED &&
        result.reason == ENV_REASON_PERMISSION_DENIED) {
        return env_kmip_denied(job, uid, true, err);
    }
    st = st ? st : env_kmip_succeeded(&result, "Get", err);
    st = st ? st : env_kmip_take_get(result.payload, key, err);
    if (!st && strcmp(key->uid, uid) != 0) {
        st = env_fail(err, ENVELOPE_E_FORMAT, "Get: the answer is about another object");
    }
    if (st && st != ENVELOPE_E_AGAIN) {
        env_error_prefix(err, "key %s", env_printable(shown, uid));
    }
    return st;
}

static void tell(const struct env_kmip_job *job, const char *uid, const envelope_key_ref *key)
{
    char shown[ENV_PRINTABLE_MAX];
    const struct env_subject subject = {.key = key};
    if (!job->again) {
        env_emit(&job->events, ENVELOPE_EVENT_EXPORT, ENVELOPE_OK, &subject,
                 "key %s was fetched from its KMS, to be used here and wiped",
                 env_printable(shown, uid));
    }
}

envelope_status env_kmip_fetch_private(struct env_kmip_job *job, const char *uid,
                                       const envelope_key_ref *key, struct env_rsa_private **out,
                                       envelope_error *err)
{
    struct env_kmip_reply reply = {0};
    struct env_kmip_key got;
    *out = NULL;
    envelope_status st = allowed(job, "the private key", err);
    st = st ? st : get(job, uid, &reply, &got, err);
    if (!st && got.object_type == ENV_OBJECT_PUBLIC) {
        st = env_fail(err, ENVELOPE_E_NO_KEY, "Get: a public key");
    }
    bool private = !st && got.object_type == ENV_OBJECT_PRIVATE &&
                   (got.format == ENV_FORMAT_PKCS1 || got.format == ENV_FORMAT_PKCS8);
    if (!st) {
        tell(job, uid, key);
        st = private
                 ? env_rsa_private_parse(job->ctx, got.material.p, got.material.len, NULL, 0, out,
                                         err)
                 : env_fail(err, ENVELOPE_E_FORMAT, "Get: no RSA private key in PKCS#1 or PKCS#8");
    }
    env_kmip_reply_free(job->ctx, &reply);
    return st;
}

static envelope_status take_aes(struct env_kmip_job *job, const struct env_kmip_key *got,
                                uint8_t **out, envelope_error *err)
{
    bool fits =
        got->object_type == ENV_OBJECT_SYMMETRIC && got->material.len == AES_BYTES &&
        (got->format == ENV_FORMAT_RAW || got->format == ENV_FORMAT_TRANSPARENT_SYMMETRIC) &&
        (!got->algorithm || got->algorithm == ENV_ALGORITHM_AES);
    if (!fits) {
        return env_fail(err, ENVELOPE_E_FORMAT, "Get: no AES-256 key");
    }
    envelope_status st = env_secret_new(job->ctx, AES_BYTES, out, err);
    if (!st) {
        memcpy(*out, got->material.p, AES_BYTES);
    }
    return st;
}

envelope_status env_kmip_fetch_aes(struct env_kmip_job *job, const envelope_key_ref *key,
                                   uint8_t **out, envelope_error *err)
{
    struct env_kmip_reply reply = {0};
    struct env_kmip_key got;
    *out = NULL;
    envelope_status st = allowed(job, "the AES key", err);
    st = st ? st : get(job, key->key_id, &reply, &got, err);
    if (!st) {
        tell(job, key->key_id, key);
        st = take_aes(job, &got, out, err);
    }
    env_kmip_reply_free(job->ctx, &reply);
    return st;
}

static const char *why_denied(const struct env_kmip_attributes *a, bool get)
{
    if (!*a->uid) {
        return "the key is not this client's, or its policy does not let this client: grant it at "
               "the KMS, or use the certificate of the key's owner";
    }
    if (a->state == ENV_STATE_PRE_ACTIVE) {
        return "the key is not active yet: activate it at the KMS";
    }
    if (get) {
        return "the KMS does not let it be fetched: grant that at the KMS, or unwrap there "
               "(private-key=inside)";
    }
    if (a->state != ENV_STATE_ACTIVE) {
        return "the key is deactivated or compromised, and this KMS does not use such keys: "
               "private-key=inside-or-get lets it be fetched instead";
    }
    return "the key is active, but not for this: its policy or usage mask says no, or the KMS does "
           "not do this with RSA keys; private-key=inside-or-get lets it be fetched instead";
}

/* PERMISSION_DENIED means "not yours", "not active" or "not for this"; the object's state tells
 * them apart, where it is shown. */
envelope_status env_kmip_denied(struct env_kmip_job *job, const char *uid, bool get,
                                envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    struct env_kmip_attributes *a = env_alloc(job->ctx, sizeof *a);
    if (!a) {
        return env_nomem(err);
    }
    envelope_status st = env_kmip_glance(job, uid, a, err);
    if (!st) {
        st = env_fail(err, ENVELOPE_E_REFUSED, "%s of key %s: PERMISSION_DENIED: %s",
                      get ? "Get" : "Decrypt", env_printable(shown, uid), why_denied(a, get));
        env_error_origin(err, ENVELOPE_ORIGIN_KMIP, ENV_REASON_PERMISSION_DENIED);
    }
    env_free(job->ctx, a);
    return st;
}
