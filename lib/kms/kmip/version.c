/* The version of the protocol, found out once: Discover Versions in 1.4, then lower. */
#include "base/error.h"
#include "kms/kmip/jobs.h"

enum { HIGHEST = 4 };

static void put(struct env_ttlv_out *o, const void *what)
{
    (void)what;
    env_kmip_put_discover(o);
}

/* The highest that both know: the list's order is the server's taste. */
static envelope_status choose(const struct env_kmip_versions *offered, struct env_kmip_version *out,
                              envelope_error *err)
{
    int32_t best = -1;
    for (size_t i = 0; i < offered->count; i++) {
        const struct env_kmip_version *v = &offered->item[i];
        if (v->major == 1 && v->minor <= HIGHEST && v->minor > best) {
            best = v->minor;
        }
    }
    if (best < 0) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "the KMS offers no version of KMIP from 1.0 to 1.4");
    }
    *out = (struct env_kmip_version){1, best};
    return ENVELOPE_OK;
}

/* What one try says. *lower: try the next lower version. */
static envelope_status heard(const struct env_kmip_result *result,
                             const struct env_kmip_response *response,
                             const struct env_kmip_version *asked, struct env_kmip_version *out,
                             bool *lower, envelope_error *err)
{
    struct env_kmip_versions offered;
    *lower = false;
    if (result->status == ENV_RESULT_SUCCESS) {
        envelope_status st = env_kmip_take_discover(result->payload, &offered, err);
        return st ? st : choose(&offered, out, err);
    }
    if (result->reason == ENV_REASON_OPERATION_NOT_SUPPORTED) {
        /* 1.0 does not know the operation: what was asked in, or what was answered in, whichever is
         * lower, is understood. */
        *out = env_kmip_at_least(asked, response->version.major, response->version.minor)
                   ? response->version
                   : *asked;
        return ENVELOPE_OK;
    }
    *lower = result->reason == ENV_REASON_INVALID_MESSAGE && asked->minor > 0;
    return *lower ? ENVELOPE_OK : env_kmip_succeeded(result, "Discover Versions", err);
}

static envelope_status try_version(struct env_kmip_job *job, const struct env_kmip_version *asked,
                                   struct env_kmip_version *out, bool *lower, envelope_error *err)
{
    static const void *const nothing[] = {NULL};
    const struct env_kmip_ask ask = {.operation = ENV_KMIP_DISCOVER_VERSIONS,
                                     .repeatable = true,
                                     .count = 1,
                                     .room = 512,
                                     .put = put,
                                     .what = nothing};
    struct env_kmip_reply reply;
    struct env_kmip_response response;
    struct env_kmip_result result;
    envelope_status st = env_kmip_ask_as(job, asked, &ask, &reply, &response, err);
    st = st ? st : env_kmip_next(job, &response, ask.operation, 0, 1, &result, err);
    st = st ? st : heard(&result, &response, asked, out, lower, err);
    env_kmip_reply_free(job->ctx, &reply);
    return st;
}

envelope_status env_kmip_find_version(struct env_kmip_job *job, envelope_error *err)
{
    struct env_kmip_facts *facts = job->facts;
    bool lower = true;
    if (facts->has_version) {
        return ENVELOPE_OK;
    }
    struct env_kmip_version found = {1, 0};
    envelope_status st = ENVELOPE_OK;
    for (int32_t minor = HIGHEST; !st && lower && minor >= 0; minor--) {
        const struct env_kmip_version asked = {1, minor};
        st = try_version(job, &asked, &found, &lower, err);
    }
    if (!st) {
        facts->version = found;
        facts->has_version = true;
    }
    return st;
}
