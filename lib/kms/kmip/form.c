/* How Decrypt with RSA-OAEP works at this KMS. Servers differ in what they make of parameters that
 * are said, or not said; which form is right is found with a value of our own, never with the data,
 * so that no answer tells anything about the data's padding (crypto.md, W12). */
#include "base/bytes.h"
#include "base/error.h"
#include "keys/slot.h"
#include "kms/kmip/jobs.h"
#include <string.h>

enum { FORMS = 3, NOTHING_BYTES = 512, ROOM = 1024 };

static void put(struct env_ttlv_out *o, const void *what)
{
    const struct env_kmip_decrypt *d = what;
    env_kmip_put_decrypt(o, d->uid, &d->form, d->data);
}

const struct env_kmip_ask env_kmip_decrypt_ask = {
    .operation = ENV_KMIP_DECRYPT, .secret_reply = true, .repeatable = true, .put = put};

size_t env_kmip_decrypt_room(const struct env_kmip_decrypt *what)
{
    return ROOM + what->data.len;
}

static uint32_t hash_of(int32_t algorithm)
{
    return algorithm == ENVELOPE_RSA_OAEP_SHA1 ? ENV_HASH_SHA1 : ENV_HASH_SHA256;
}

bool env_kmip_form_fits(const struct env_kmip_oaep *form, int32_t algorithm)
{
    return form->hash == hash_of(algorithm);
}

static bool in_the_way(const struct env_kmip_result *result, enum env_kmip_verdict *verdict)
{
    switch (result->reason) {
    case ENV_REASON_PERMISSION_DENIED:
        *verdict = ENV_FORM_DENIED;
        return true;
    case ENV_REASON_ITEM_NOT_FOUND:
        *verdict = ENV_FORM_MISSING;
        return true;
    case ENV_REASON_OPERATION_NOT_SUPPORTED:
        *verdict = ENV_FORM_UNSUPPORTED;
        return true;
    default:
        return false;
    }
}

/* What one form's answer means. *verdict 0: try the next. */
static envelope_status judge(const struct env_kmip_job *job, const struct env_kmip_result *result,
                             const char *uid, bool own_value, enum env_kmip_verdict *verdict,
                             envelope_error *err)
{
    struct env_bytes data = {NULL, 0};
    *verdict = 0;
    if (result->status == ENV_RESULT_SUCCESS) {
        envelope_status st = env_kmip_take_data(result->payload, uid, &data, err);
        bool ours = !st && data.len == ENVELOPE_DEK_BYTES &&
                    env_equal_secret(data.p, job->draw, ENVELOPE_DEK_BYTES);
        *verdict = !own_value || ours ? ENV_FORM_FOUND : 0;
        return st;
    }
    if (result->status != ENV_RESULT_FAILED || result->reason == ENV_REASON_AUTHENTICATION) {
        return env_kmip_succeeded(result, "Decrypt", err);
    }
    bool not_taken = result->reason == ENV_REASON_INVALID_MESSAGE ||
                     result->reason == ENV_REASON_INVALID_FIELD ||
                     result->reason == ENV_REASON_FEATURE_NOT_SUPPORTED;
    if (!in_the_way(result, verdict) && !own_value && !not_taken) {
        *verdict = ENV_FORM_FOUND; /* it was taken, and what it says of nonsense does not matter */
    }
    return ENVELOPE_OK;
}

static envelope_status try_form(struct env_kmip_job *job, const struct env_kmip_decrypt *what,
                                bool own_value, enum env_kmip_verdict *verdict, envelope_error *err)
{
    const void *const items[] = {what};
    struct env_kmip_ask ask = env_kmip_decrypt_ask;
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    ask.count = 1;
    ask.room = env_kmip_decrypt_room(what);
    ask.what = items;
    envelope_status st = env_kmip_ask_one(job, &ask, &reply, &result, err);
    st = st ? st : judge(job, &result, what->uid, own_value, verdict, err);
    env_kmip_reply_free(job->ctx, &reply);
    return st;
}

static envelope_status value(const struct env_kmip_job *job, const struct env_rsa_public *key,
                             int32_t algorithm, uint8_t *out, size_t *len, envelope_error *err)
{
    if (key) {
        return env_oaep_wrap(key, algorithm, job->draw, out, ENV_RSA_BYTES_MAX, len, err);
    }
    memset(out, 0x35, NOTHING_BYTES); /* below any modulus of that length */
    *len = NOTHING_BYTES;
    return ENVELOPE_OK;
}

static envelope_status try_all(struct env_kmip_job *job, struct env_kmip_decrypt *what,
                               bool own_value, enum env_kmip_verdict *verdict, envelope_error *err)
{
    bool mask = env_kmip_at_least(&job->facts->version, 1, 4);
    const struct env_kmip_oaep form[FORMS] = {{what->form.hash, true, false},
                                              {what->form.hash, false, false},
                                              {what->form.hash, false, true}};
    envelope_status st = ENVELOPE_OK;
    *verdict = 0;
    for (size_t i = mask ? 0 : 1; !st && !*verdict && i < FORMS; i++) {
        what->form = form[i];
        st = try_form(job, what, own_value, verdict, err);
    }
    *verdict = *verdict ? *verdict : ENV_FORM_NONE;
    return st;
}

envelope_status env_kmip_find_form(struct env_kmip_job *job, const char *uid,
                                   const struct env_rsa_public *key, int32_t algorithm,
                                   struct env_kmip_oaep *form, enum env_kmip_verdict *verdict,
                                   envelope_error *err)
{
    uint8_t wrapped[ENV_RSA_BYTES_MAX];
    size_t len = 0;
    envelope_status st = env_kmip_find_version(job, err);
    if (st) {
        return st;
    }
    *verdict = ENV_FORM_UNSUPPORTED;
    if (!env_kmip_at_least(&job->facts->version, 1, 2)) {
        return ENVELOPE_OK;
    }
    st = value(job, key, algorithm, wrapped, &len, err);
    if (st) {
        return st;
    }
    struct env_kmip_decrypt what = {uid, {.hash = hash_of(algorithm)}, ENV_BYTES(wrapped, len)};
    st = try_all(job, &what, key != NULL, verdict, err);
    *form = what.form;
    return st;
}

/* Everything but these depends, or may depend, on the data. */
static bool about_the_key(uint32_t reason)
{
    return reason == ENV_REASON_ITEM_NOT_FOUND || reason == ENV_REASON_PERMISSION_DENIED ||
           reason == ENV_REASON_AUTHENTICATION || reason == ENV_REASON_OPERATION_NOT_SUPPORTED ||
           reason == ENV_REASON_RESPONSE_TOO_LARGE;
}

static envelope_status does_not_open(envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_AUTH, ENV_DOES_NOT_OPEN);
}

envelope_status env_kmip_decrypted(const struct env_kmip_result *result, const char *uid, void *out,
                                   size_t cap, size_t *len, envelope_error *err)
{
    struct env_bytes data;
    *len = 0;
    if (result->status == ENV_RESULT_FAILED && !about_the_key(result->reason)) {
        return does_not_open(err);
    }
    envelope_status st = env_kmip_succeeded(result, "Decrypt", err);
    st = st ? st : env_kmip_take_data(result->payload, uid, &data, err);
    if (st) {
        return st;
    }
    if (data.len == 0 || data.len > cap) {
        return does_not_open(err);
    }
    memcpy(out, data.p, data.len);
    *len = data.len;
    return ENVELOPE_OK;
}
