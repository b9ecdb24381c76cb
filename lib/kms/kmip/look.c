/* Attributes of one object, or of many. */
#include "base/error.h"
#include "kms/kmip/jobs.h"
#include <stdio.h>
#include <string.h>

enum { TEXT_ROOM = 1024 };

struct question {
    const char *uid;
    bool with_links;
};

static void put_attributes(struct env_ttlv_out *o, const void *what)
{
    const struct question *q = what;
    env_kmip_put_get_attributes(o, q->uid, q->with_links);
}

static const struct env_kmip_ask attributes_ask = {.operation = ENV_KMIP_GET_ATTRIBUTES,
                                                   .repeatable = true,
                                                   .count = 1,
                                                   .room = TEXT_ROOM,
                                                   .put = put_attributes};

static bool refuses_links(const struct env_kmip_result *result)
{
    return result->status == ENV_RESULT_FAILED && (result->reason == ENV_REASON_INVALID_MESSAGE ||
                                                   result->reason == ENV_REASON_INVALID_FIELD);
}

static envelope_status take_attributes(const struct env_kmip_result *result, const char *uid,
                                       struct env_kmip_attributes *out, envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    char what[ENV_PRINTABLE_MAX + 32];
    memset(out, 0, sizeof *out);
    snprintf(what, sizeof what, "Get Attributes of %s", env_printable(shown, uid));
    envelope_status st = env_kmip_succeeded(result, what, err);
    st = st ? st : env_kmip_take_get_attributes(result->payload, out, err);
    if (!st && strcmp(out->uid, uid) != 0) {
        st = env_fail(err, ENVELOPE_E_FORMAT, "%s: the answer is about another object", what);
    }
    if (st) {
        memset(out, 0, sizeof *out);
    }
    return st;
}

static envelope_status look_once(struct env_kmip_job *job, const char *uid,
                                 struct env_kmip_attributes *out, bool *refused,
                                 envelope_error *err)
{
    const struct question q = {uid, !job->facts->no_links};
    const void *const items[] = {&q};
    struct env_kmip_ask ask = attributes_ask;
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    ask.what = items;
    envelope_status st = env_kmip_ask_one(job, &ask, &reply, &result, err);
    *refused = !st && q.with_links && refuses_links(&result);
    st = st ? st : take_attributes(&result, uid, out, err);
    env_kmip_reply_free(job->ctx, &reply);
    return st;
}

envelope_status env_kmip_look(struct env_kmip_job *job, const char *uid,
                              struct env_kmip_attributes *out, envelope_error *err)
{
    bool refused = false;
    envelope_status st = look_once(job, uid, out, &refused, err);
    if (!refused) {
        return st;
    }
    job->facts->no_links = true;
    st = look_once(job, uid, out, &refused, err);
    if (st && st != ENVELOPE_E_AGAIN) {
        job->facts->no_links = false; /* it was not about them */
    }
    return st;
}

bool env_kmip_not_shown(envelope_status st)
{
    return st == ENVELOPE_E_NO_KEY || st == ENVELOPE_E_REFUSED;
}

envelope_status env_kmip_glance(struct env_kmip_job *job, const char *uid,
                                struct env_kmip_attributes *out, envelope_error *err)
{
    envelope_status st = env_kmip_look(job, uid, out, err);
    return env_kmip_not_shown(st) ? ENVELOPE_OK : st;
}

struct glances {
    struct env_kmip_job *job;
    env_kmip_text *uid; /* from the second on */
    struct env_kmip_attributes *out;
};

static envelope_status take_glance(void *user, size_t i, const struct env_kmip_result *result,
                                   envelope_error *err)
{
    struct glances *g = user;
    envelope_status st = take_attributes(result, g->uid[i], &g->out[i], err);
    return env_kmip_not_shown(st) ? ENVELOPE_OK : st;
}

static envelope_status glance_rest(struct env_kmip_job *job, env_kmip_text *uid, size_t count,
                                   struct env_kmip_attributes *out, envelope_error *err)
{
    struct glances g = {job, uid, out};
    struct question *q = env_alloc_array(job->ctx, count, sizeof *q);
    const void **what = env_alloc_array(job->ctx, count, sizeof *what);
    struct env_kmip_ask ask = attributes_ask;
    envelope_status st = q && what ? ENVELOPE_OK : env_nomem(err);
    for (size_t i = 0; !st && i < count; i++) {
        q[i] = (struct question){uid[i], !job->facts->no_links};
        what[i] = &q[i];
    }
    ask.count = count;
    ask.what = what;
    st = st ? st : env_kmip_each(job, &ask, ENV_KMIP_BATCH_MAX, take_glance, &g, err);
    env_free(job->ctx, what);
    env_free(job->ctx, q);
    return st;
}

envelope_status env_kmip_glance_each(struct env_kmip_job *job, env_kmip_text *uid, size_t count,
                                     struct env_kmip_attributes *out, envelope_error *err)
{
    if (count == 0) {
        return ENVELOPE_OK;
    }
    /* The first alone: it tells whether this server can be asked for links. */
    envelope_status st = env_kmip_glance(job, uid[0], &out[0], err);
    return st || count == 1 ? st : glance_rest(job, uid + 1, count - 1, out + 1, err);
}
