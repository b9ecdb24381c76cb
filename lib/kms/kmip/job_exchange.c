#include "base/error.h"
#include "crypto/random.h"
#include "kms/kmip/jobs.h"
#include <string.h>

enum { DRAW = ENVELOPE_DEK_BYTES, HEADER_ROOM = 256, ITEM_ROOM = 64 };

envelope_status env_kmip_job_begin(envelope_ctx *ctx, struct env_kmip_job *job, envelope_error *err)
{
    memset(job, 0, sizeof *job);
    job->ctx = ctx;
    job->events = ENV_LISTENER(ctx);
    job->now_ms = env_now_ms();
    envelope_status st = env_secret_new(ctx, DRAW, &job->draw, err);
    st = st ? st : env_random(job->draw, DRAW, err);
    if (st) {
        env_kmip_job_end(job);
    }
    return st;
}

void env_kmip_job_end(struct env_kmip_job *job)
{
    env_secret_free(job->ctx, job->draw, DRAW);
    job->draw = NULL;
}

/* What a request is written into. */
struct letter {
    uint8_t *bytes;
    size_t room;
    size_t len;
    bool secret;
};

static envelope_status letter_new(envelope_ctx *ctx, size_t room, bool secret, struct letter *out,
                                  envelope_error *err)
{
    *out = (struct letter){.room = room, .secret = secret};
    if (secret) {
        return env_secret_new(ctx, room, &out->bytes, err);
    }
    out->bytes = env_alloc(ctx, room);
    return out->bytes ? ENVELOPE_OK : env_nomem(err);
}

static void letter_free(envelope_ctx *ctx, struct letter *letter)
{
    if (letter->secret) {
        env_secret_free(ctx, letter->bytes, letter->room);
        return;
    }
    env_free(ctx, letter->bytes);
}

/* What is asked of the server is what will be taken from it. */
static uint32_t max_response(const struct env_kmip_job *job, const struct env_kmip_ask *ask)
{
    uint32_t max = job->policy->max_response;
    return ask->secret_reply && max > ENV_KMIP_SECRET_MAX ? ENV_KMIP_SECRET_MAX : max;
}

static envelope_status compose(const struct env_kmip_job *job,
                               const struct env_kmip_version *version,
                               const struct env_kmip_ask *ask, struct letter *letter,
                               envelope_error *err)
{
    struct env_ttlv_out o = env_ttlv_out_over(letter->bytes, letter->room);
    uint32_t items = (uint32_t)ask->count;
    env_kmip_request_begin(&o, version, max_response(job, ask), items);
    for (uint32_t i = 0; i < items; i++) {
        env_kmip_item_begin(&o, ask->operation, i, items);
        ask->put(&o, ask->what[i]);
        env_kmip_item_end(&o);
    }
    letter->len = env_kmip_request_end(&o);
    if (!letter->len) {
        return env_fail(err, ENVELOPE_E_LIMIT, "%s: the request is too long",
                        env_kmip_operation_name(ask->operation));
    }
    return ENVELOPE_OK;
}

/* What comes next on that connection could be the answer to this question. */
void env_kmip_distrust(const struct env_kmip_job *job, envelope_status st)
{
    if (st == ENVELOPE_E_FORMAT && job->link.spoil) {
        job->link.spoil(job->link.self);
    }
}

envelope_status env_kmip_ask_as(struct env_kmip_job *job, const struct env_kmip_version *version,
                                const struct env_kmip_ask *ask, struct env_kmip_reply *reply,
                                struct env_kmip_response *response, envelope_error *err)
{
    struct letter letter;
    memset(reply, 0, sizeof *reply);
    size_t room = HEADER_ROOM + ask->count * ITEM_ROOM + ask->room;
    envelope_status st = letter_new(job->ctx, room, ask->secret_request, &letter, err);
    st = st ? st : compose(job, version, ask, &letter, err);
    if (!st) {
        struct env_kmip_call call = {letter.bytes, letter.len, ask->secret_reply, ask->repeatable,
                                     ask->makes_key};
        st = job->link.exchange(job->link.self, &call, reply, err);
    }
    letter_free(job->ctx, &letter);
    if (!st) {
        st = env_kmip_response_begin(reply->bytes, reply->len, response, err);
        env_kmip_distrust(job, st);
    }
    if (st) {
        env_kmip_reply_free(job->ctx, reply);
    }
    return st;
}

envelope_status env_kmip_next(struct env_kmip_job *job, struct env_kmip_response *response,
                              uint32_t operation, uint32_t id, uint32_t items,
                              struct env_kmip_result *out, envelope_error *err)
{
    envelope_status st = env_kmip_response_next(response, operation, id, items, out, err);
    env_kmip_distrust(job, st);
    return st;
}

envelope_status env_kmip_ask(struct env_kmip_job *job, const struct env_kmip_ask *ask,
                             struct env_kmip_reply *reply, struct env_kmip_response *response,
                             envelope_error *err)
{
    memset(reply, 0, sizeof *reply);
    envelope_status st = env_kmip_find_version(job, err);
    return st ? st : env_kmip_ask_as(job, &job->facts->version, ask, reply, response, err);
}

envelope_status env_kmip_ask_one(struct env_kmip_job *job, const struct env_kmip_ask *ask,
                                 struct env_kmip_reply *reply, struct env_kmip_result *result,
                                 envelope_error *err)
{
    struct env_kmip_response response;
    envelope_status st = env_kmip_ask(job, ask, reply, &response, err);
    return st ? st : env_kmip_next(job, &response, ask->operation, 0, 1, result, err);
}

/* Could a refusal of the whole request be of its being a batch? Never so for reasons that one item
 * alone would meet as well. */
static bool about_batches(const struct env_kmip_result *whole)
{
    return whole->status == ENV_RESULT_FAILED && whole->reason != ENV_REASON_AUTHENTICATION &&
           whole->reason != ENV_REASON_PERMISSION_DENIED;
}

struct walk {
    struct env_kmip_job *job;
    struct env_kmip_ask ask; /* of one item */
    size_t at_once;
    env_kmip_take take;
    void *user;
    const void *const *what; /* of all */
};

static envelope_status one(struct walk *w, size_t i, envelope_error *err)
{
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    struct env_kmip_ask ask = w->ask;
    ask.count = 1;
    ask.what = w->what + i;
    envelope_status st = env_kmip_ask_one(w->job, &ask, &reply, &result, err);
    st = st ? st : w->take(w->user, i, &result, err);
    env_kmip_reply_free(w->job->ctx, &reply);
    return st;
}

static envelope_status singly(struct walk *w, size_t first, size_t count, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    for (size_t i = first; !st && i < first + count; i++) {
        st = one(w, i, err);
    }
    return st;
}

/* An item without an answer of its own (a server that stops at the first failure) is asked again.
 */
static envelope_status take_batch(struct walk *w, size_t first, size_t count,
                                  struct env_kmip_response *response, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < count; i++) {
        struct env_kmip_result result;
        st = env_kmip_next(w->job, response, w->ask.operation, (uint32_t)i, (uint32_t)count,
                           &result, err);
        bool left_out = !st && result.status == ENV_RESULT_FAILED && result.reason == 0;
        if (left_out) {
            st = one(w, first + i, err);
            continue;
        }
        st = st ? st : w->take(w->user, first + i, &result, err);
    }
    return st;
}

/* *alone: the server does not take this as a batch. */
static envelope_status whole_refused(struct walk *w, size_t count,
                                     struct env_kmip_response response, bool *alone,
                                     envelope_error *err)
{
    struct env_kmip_result result;
    *alone = false;
    if (response.items > 1) {
        return ENVELOPE_OK;
    }
    envelope_status st =
        env_kmip_next(w->job, &response, w->ask.operation, 0, (uint32_t)count, &result, err);
    if (st || result.status == ENV_RESULT_SUCCESS) {
        return st;
    }
    *alone = about_batches(&result);
    if (*alone && result.reason != ENV_REASON_RESPONSE_TOO_LARGE) {
        w->job->facts->no_batches = true;
    }
    return *alone ? ENVELOPE_OK
                  : env_kmip_succeeded(&result, env_kmip_operation_name(w->ask.operation), err);
}

static envelope_status together(struct walk *w, size_t first, size_t count, envelope_error *err)
{
    struct env_kmip_reply reply;
    struct env_kmip_response response;
    struct env_kmip_ask ask = w->ask;
    bool alone = false;
    ask.count = count;
    ask.room = count * w->ask.room;
    ask.what = w->what + first;
    envelope_status st = env_kmip_ask(w->job, &ask, &reply, &response, err);
    if (st == ENVELOPE_E_LIMIT) {
        return singly(w, first, count, err);
    }
    st = st ? st : whole_refused(w, count, response, &alone, err);
    st = st || alone ? st : take_batch(w, first, count, &response, err);
    env_kmip_reply_free(w->job->ctx, &reply);
    return st || !alone ? st : singly(w, first, count, err);
}

envelope_status env_kmip_each(struct env_kmip_job *job, const struct env_kmip_ask *ask,
                              size_t at_once, env_kmip_take take, void *user, envelope_error *err)
{
    struct walk w = {job, *ask, at_once, take, user, ask->what};
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < ask->count;) {
        size_t left = ask->count - i;
        size_t n = job->facts->no_batches ? 1 : left < at_once ? left : at_once;
        st = n > 1 ? together(&w, i, n, err) : one(&w, i, err);
        i += n;
    }
    return st;
}
