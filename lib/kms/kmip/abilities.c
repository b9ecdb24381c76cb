#include "kms/kmip/jobs.h"

static void put_query(struct env_ttlv_out *o, const void *what)
{
    (void)what;
    env_kmip_put_query(o);
}

envelope_status env_kmip_find_abilities(struct env_kmip_job *job, envelope_error *err)
{
    static const void *const nothing[] = {NULL};
    const struct env_kmip_ask ask = {.operation = ENV_KMIP_QUERY,
                                     .repeatable = true,
                                     .count = 1,
                                     .room = 256,
                                     .put = put_query,
                                     .what = nothing};
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    if (job->facts->has_abilities) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_kmip_ask_one(job, &ask, &reply, &result, err);
    st = st ? st : env_kmip_succeeded(&result, "Query", err);
    st = st ? st : env_kmip_take_query(result.payload, &job->facts->abilities, err);
    env_kmip_reply_free(job->ctx, &reply);
    job->facts->has_abilities = !st;
    return st;
}
