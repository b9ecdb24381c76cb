/* The table of functions of the asking KMS: each asks, and takes the answer if there is one. */
#include "base/error.h"
#include "kms/asking.h"
#include <string.h>

envelope_status env_asking_again(envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_AGAIN,
                    "the KMS was asked: take its questions (envelope_kms_next_question), answer "
                    "them, and make the same call again");
}

/* A failure that was the answer. */
static envelope_status said(const struct env_answer *answer, envelope_error *err)
{
    return answer->status ? envelope_error_set(err, answer->status, 0, answer->message)
                          : ENVELOPE_OK;
}

envelope_status env_asking_newest(struct env_asking *asking, const char *kms_id,
                                  const char *key_name, envelope_key_sink *sink,
                                  envelope_error *err)
{
    const envelope_key_ref key = {.size = sizeof key, .kms_id = kms_id, .key_name = key_name};
    const envelope_question q = {.kind = ENVELOPE_ASK_NEWEST, .key = &key};
    struct env_answer answer;
    struct env_ask *ask;
    envelope_status st = env_ask(asking, &q, &ask, &answer, err);
    if (st) {
        return st;
    }
    st = said(&answer, err);
    if (!st) {
        st = envelope_key_sink_add(sink, answer.key, answer.state, answer.len ? answer.bytes : NULL,
                                   answer.len);
    }
    env_ask_release(asking, ask);
    return st;
}

static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    return env_asking_newest(self, NULL, key_name, sink, err);
}

static envelope_status ask_bytes(struct env_asking *asking, int32_t kind,
                                 const envelope_key_ref *key, int32_t algorithm, const void *in,
                                 size_t in_len, void *out, size_t cap, size_t *len,
                                 envelope_error *err)
{
    const envelope_question q = {
        .kind = kind, .algorithm = algorithm, .key = key, .in = in, .in_len = in_len};
    struct env_answer answer;
    struct env_ask *ask;
    envelope_status st = env_ask(asking, &q, &ask, &answer, err);
    if (st) {
        return st;
    }
    st = said(&answer, err);
    if (!st && answer.len > cap) {
        st = ENVELOPE_E_RANGE;
    }
    if (!st) {
        memcpy(out, answer.bytes, answer.len);
        *len = answer.len;
    }
    env_ask_release(asking, ask);
    return st;
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    return ask_bytes(self, ENVELOPE_ASK_UNWRAP, key, algorithm, in, in_len, out, cap, len, err);
}

static envelope_status wrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                            const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                            envelope_error *err)
{
    return ask_bytes(self, ENVELOPE_ASK_WRAP, key, algorithm, in, in_len, out, cap, len, err);
}

static envelope_status state(void *self, const envelope_key_ref *key, int32_t *state,
                             envelope_error *err)
{
    const envelope_question q = {.kind = ENVELOPE_ASK_STATE, .key = key};
    struct env_answer answer;
    struct env_ask *ask;
    envelope_status st = env_ask(self, &q, &ask, &answer, err);
    if (st) {
        return st;
    }
    *state = answer.state;
    st = said(&answer, err);
    env_ask_release(self, ask);
    return st;
}

/* All are asked before it says so. */
static envelope_status unwrap_many(void *self, envelope_unwrap *items, size_t count,
                                   envelope_error *err)
{
    bool again = false;
    for (size_t i = 0; i < count; i++) {
        envelope_unwrap *item = &items[i];
        envelope_error why = ENVELOPE_ERROR_INIT;
        item->status = unwrap(self, item->key, item->algorithm, item->in, item->in_len, item->out,
                              item->cap, &item->len, &why);
        if (item->status == ENVELOPE_E_NOMEM || item->status == ENVELOPE_E_LIMIT) {
            return env_error_pass(err, item->status, &why);
        }
        again = again || item->status == ENVELOPE_E_AGAIN;
    }
    return again ? env_asking_again(err) : ENVELOPE_OK;
}

static void destroy(void *self)
{
    struct env_asking *asking = self;
    env_asks_free(asking);
    env_draws_free(asking);
    pthread_mutex_destroy(&asking->lock);
    env_free(asking->ctx, asking);
}

const envelope_kms_ops env_asking_ops = {
    .size = sizeof env_asking_ops,
    .newest = newest,
    .unwrap = unwrap,
    .wrap = wrap,
    .state = state,
    .destroy = destroy,
    .unwrap_many = unwrap_many,
};

envelope_status env_asking_new(envelope_ctx *ctx, struct env_asking **out, envelope_error *err)
{
    struct env_asking *asking = env_alloc(ctx, sizeof *asking);
    if (!asking) {
        return env_nomem(err);
    }
    asking->ctx = ctx;
    pthread_mutex_init(&asking->lock, NULL);
    *out = asking;
    return ENVELOPE_OK;
}

void env_asking_settle(struct env_asking *asking, uint64_t call, bool again)
{
    env_asks_settle(asking, call, again);
    env_draws_settle(asking, call, again);
}
