/* What a KMS can do, for people, and a proof that a key wraps and unwraps. */
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/rsa.h"
#include "kms/kmip/jobs.h"
#include "kms/sink.h"
#include <stdio.h>
#include <string.h>

struct report {
    void (*line)(void *user, const char *name, const char *value);
    void *user;
};

static void say(const struct report *r, const char *name, const char *value)
{
    char shown[ENV_PRINTABLE_MAX];
    r->line(r->user, name, env_printable(shown, value));
}

static void operations(const struct env_kmip_abilities *abilities, char *out, size_t cap)
{
    static const uint32_t used[] = {ENV_KMIP_LOCATE,          ENV_KMIP_GET,
                                    ENV_KMIP_GET_ATTRIBUTES,  ENV_KMIP_DECRYPT,
                                    ENV_KMIP_CREATE_KEY_PAIR, ENV_KMIP_CREATE,
                                    ENV_KMIP_REGISTER,        ENV_KMIP_ACTIVATE,
                                    ENV_KMIP_REVOKE,          ENV_KMIP_REKEY_KEY_PAIR};
    out[0] = 0;
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
        size_t len = strlen(out);
        if (abilities->operations >> used[i] & 1) {
            snprintf(out + len, cap - len, "%s%s", len ? ", " : "",
                     env_kmip_operation_name(used[i]));
        }
    }
}

static envelope_status server(struct env_kmip_job *job, const struct report *r, envelope_error *err)
{
    char text[ENV_PRINTABLE_MAX];
    envelope_status st = env_kmip_find_version(job, err);
    if (st) {
        return st;
    }
    snprintf(text, sizeof text, "%d.%d", job->facts->version.major, job->facts->version.minor);
    say(r, "kmip", text);
    st = env_kmip_find_abilities(job, err);
    if (st == ENVELOPE_E_UNSUPPORTED || st == ENVELOPE_E_REFUSED) {
        say(r, "operations", "the KMS does not tell");
        return ENVELOPE_OK;
    }
    if (!st) {
        say(r, "vendor", *job->facts->abilities.vendor ? job->facts->abilities.vendor : "not said");
        operations(&job->facts->abilities, text, sizeof text);
        say(r, "operations", *text ? text : "none that is used here");
    }
    return st;
}

/* -- a key */

static envelope_status there_and_back(struct env_kmip_job *job, const envelope_key_info *info,
                                      uint8_t *back, envelope_error *err)
{
    uint8_t wrapped[ENV_RSA_BYTES_MAX];
    struct env_rsa_public *public = NULL;
    size_t len = 0;
    int32_t algorithm = info->spki ? job->policy->oaep : ENVELOPE_AES_KWP;
    envelope_status st = ENVELOPE_OK;
    if (info->spki) {
        st = env_rsa_public_from_der(job->ctx, info->spki, info->spki_len, &public, err);
        st = st ? st
                : env_oaep_wrap(public, algorithm, job->draw, wrapped, sizeof wrapped, &len, err);
        env_rsa_public_free(public);
    } else {
        st = env_kmip_wrap(job, info->ref, algorithm, job->draw, ENVELOPE_DEK_BYTES, wrapped,
                           sizeof wrapped, &len, err);
    }
    size_t got = 0;
    st = st ? st
            : env_kmip_unwrap(job, info->ref, algorithm, wrapped, len, back, ENV_RSA_BYTES_MAX,
                              &got, err);
    bool same =
        !st && got == ENVELOPE_DEK_BYTES && env_equal_secret(back, job->draw, ENVELOPE_DEK_BYTES);
    if (st == ENVELOPE_E_AUTH || (!st && !same)) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "the KMS does not unwrap what was wrapped for the key that it names");
    }
    return st;
}

static const char *how(const struct env_kmip_job *job, const envelope_key_info *info)
{
    const struct env_kmip_known_pair *known = env_kmip_known(job->facts, info->ref->key_id);
    if (info->spki && known && known->has_oaep) {
        return known->form.unsaid      ? "inside the KMS, with the key's own parameters"
               : known->form.with_mask ? "inside the KMS, RSA-OAEP with all parameters said"
                                       : "inside the KMS, RSA-OAEP, mask hash not said";
    }
    return info->spki ? "here, with the private key fetched" : "here, with the AES key fetched";
}

static envelope_status prove(struct env_kmip_job *job, const envelope_key_info *info,
                             const struct report *r, envelope_error *err)
{
    char print[2 * ENVELOPE_FINGERPRINT_BYTES + 1];
    uint8_t *back;
    say(r, "key-id", info->ref->key_id);
    if (info->ref->has_fingerprint) {
        say(r, "fingerprint", env_hex(print, info->ref->fingerprint, ENVELOPE_FINGERPRINT_BYTES));
    }
    if (info->ref->replaces) {
        say(r, "replaces", info->ref->replaces);
    }
    envelope_status st = env_secret_new(job->ctx, ENV_RSA_BYTES_MAX, &back, err);
    st = st ? st : there_and_back(job, info, back, err);
    env_secret_free(job->ctx, back, ENV_RSA_BYTES_MAX);
    if (!st) {
        say(r, "wrap", info->spki ? "here, for the public key" : "here, with the AES key fetched");
        say(r, "unwrap", how(job, info));
    }
    return st;
}

static envelope_status key(struct env_kmip_job *job, const char *key_name, const struct report *r,
                           envelope_error *err)
{
    struct envelope_key_sink sink;
    envelope_status st = env_sink_begin(job->ctx, key_name, &sink, err);
    if (st) {
        return st;
    }
    st = env_kmip_newest(job, key_name, &sink, err);
    st = st ? st : env_kmip_only_one(&sink, err);
    const envelope_key_info *info = st ? NULL : envelope_key_list_at(sink.list, 0);
    st = st ? st : prove(job, info, r, err);
    env_sink_end(&sink);
    return st;
}

envelope_status env_kmip_check(struct env_kmip_job *job, const char *key_name,
                               void (*line)(void *user, const char *name, const char *value),
                               void *user, envelope_error *err)
{
    const struct report r = {line, user};
    envelope_status st = server(job, &r, err);
    return st || !key_name ? st : key(job, key_name, &r, err);
}
