#include "base/error.h"
#include "kms/kmip/jobs.h"
#include <string.h>

enum { TEXT_ROOM = 1024 };

static void put_get(struct env_ttlv_out *o, const void *what)
{
    env_kmip_put_get(o, what);
}

static envelope_status parse_public(envelope_ctx *ctx, const struct env_kmip_key *key,
                                    struct env_rsa_public **out, envelope_error *err)
{
    if (key->format == ENV_FORMAT_TRANSPARENT_RSA_PUBLIC) {
        return env_rsa_public_from_numbers(ctx, key->modulus, key->exponent, out, err);
    }
    if (key->format == ENV_FORMAT_PKCS1) {
        return env_rsa_public_from_pkcs1(ctx, key->material.p, key->material.len, out, err);
    }
    if (key->format == ENV_FORMAT_X509) {
        return env_rsa_public_from_der(ctx, key->material.p, key->material.len, out, err);
    }
    return env_fail(err, ENVELOPE_E_FORMAT, "a public key in format %u", key->format);
}

envelope_status env_kmip_get_public(struct env_kmip_job *job, const char *uid,
                                    struct env_rsa_public **out, envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    const void *const items[] = {uid};
    const struct env_kmip_ask ask = {.operation = ENV_KMIP_GET,
                                     .repeatable = true,
                                     .count = 1,
                                     .room = TEXT_ROOM,
                                     .put = put_get,
                                     .what = items};
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    struct env_kmip_key key;
    *out = NULL;
    envelope_status st = env_kmip_ask_one(job, &ask, &reply, &result, err);
    st = st ? st : env_kmip_succeeded(&result, "Get", err);
    st = st ? st : env_kmip_take_get(result.payload, &key, err);
    if (!st && (strcmp(key.uid, uid) != 0 || key.object_type != ENV_OBJECT_PUBLIC)) {
        st = env_fail(err, ENVELOPE_E_FORMAT, "Get: the answer is no public key, or another one");
        env_kmip_distrust(job, st);
    }
    st = st ? st : parse_public(job->ctx, &key, out, err);
    env_kmip_reply_free(job->ctx, &reply);
    if (st && st != ENVELOPE_E_AGAIN) {
        env_error_prefix(err, "public key %s", env_printable(shown, uid));
    }
    return st;
}

envelope_status env_kmip_public_by_fingerprint(struct env_kmip_job *job, const char *key_name,
                                               const uint8_t fingerprint[32],
                                               struct env_kmip_attributes *attributes,
                                               struct env_rsa_public **out, envelope_error *err)
{
    struct env_kmip_objects found;
    *out = NULL;
    envelope_status st = env_kmip_find(job, ENV_OBJECT_PUBLIC, key_name, &found, err);
    for (size_t i = 0; !st && !*out && i < found.count; i++) {
        struct env_rsa_public *key;
        st = env_kmip_get_public(job, found.item[i].uid, &key, err);
        if (st == ENVELOPE_E_FORMAT || env_kmip_not_shown(st)) {
            st = ENVELOPE_OK; /* a neighbour's, or no RSA key: not the one */
            continue;
        }
        if (!st && memcmp(env_rsa_public_fingerprint(key), fingerprint, 32) == 0) {
            *out = key;
            *attributes = found.item[i];
            continue;
        }
        env_rsa_public_free(key);
    }
    env_free(job->ctx, found.item);
    return st;
}
