/* envelope_kms_new_asking, _next_question, _answer. An answer is checked when it is given, so that
 * whoever gives it learns of the mistake, and the question stays open. */
#include "kms/asking.h"
#include "base/error.h"
#include "crypto/rsa.h"
#include "format/slots.h"
#include "keys/ref.h"
#include "kms/handle.h"
#include "kms/sink.h"

envelope_status envelope_kms_new_asking(envelope_ctx *ctx, const char *kind, envelope_kms **out,
                                        envelope_error *err)
{
    if (!out) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_kms_new_asking: out is NULL");
    }
    *out = NULL;
    struct env_asking *asking;
    envelope_status st = env_enter(ctx, err);
    st = st ? st : env_asking_new(ctx, &asking, err);
    if (st) {
        return st;
    }
    envelope_kms_ops ops = env_asking_ops;
    ops.kind = kind;
    st = envelope_kms_new(ctx, &ops, asking, out, err);
    if (!st) {
        (*out)->asking = asking;
    }
    return st;
}

const envelope_question *envelope_kms_next_question(envelope_kms *kms)
{
    return kms && kms->asking && !env_enter(kms->ctx, NULL) ? env_ask_next(kms->asking) : NULL;
}

static envelope_status check_key(envelope_ctx *ctx, const envelope_question *q,
                                 const struct env_answer *answer, envelope_error *err)
{
    struct envelope_key_sink sink;
    envelope_status st = env_sink_begin(ctx, q->key->key_name, &sink, err);
    if (st) {
        return st;
    }
    st = envelope_key_sink_add(&sink, answer->key, answer->state, answer->bytes, answer->len);
    if (st == ENVELOPE_E_NOMEM) {
        env_nomem(err);
    } else if (st) {
        st = env_fail(err, ENVELOPE_E_INVALID, "the answer to question %llu gives %s",
                      (unsigned long long)q->id, sink.why.message);
    }
    env_sink_end(&sink);
    return st;
}

static envelope_status check_bytes(const envelope_question *q, const struct env_answer *answer,
                                   envelope_error *err)
{
    size_t most = q->kind == ENVELOPE_ASK_WRAP ? ENV_SLOT_WRAPPED_MAX : ENV_RSA_BYTES_MAX;
    if (!answer->bytes || !answer->len || answer->len > most) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "the answer to question %llu is OK and has %zu bytes: 1 to %zu are allowed",
                        (unsigned long long)q->id, answer->len, most);
    }
    return ENVELOPE_OK;
}

static envelope_status check_state(const envelope_question *q, const struct env_answer *answer,
                                   envelope_error *err)
{
    if (answer->state < ENVELOPE_KEY_ACTIVE || answer->state > ENVELOPE_KEY_UNKNOWN) {
        return env_fail(err, ENVELOPE_E_INVALID, "the answer to question %llu is no state: %d",
                        (unsigned long long)q->id, answer->state);
    }
    return ENVELOPE_OK;
}

static bool may_fail_with(envelope_status st)
{
    return st == ENVELOPE_E_KMS_UNREACHED || st == ENVELOPE_E_REFUSED || st == ENVELOPE_E_NO_KEY ||
           st == ENVELOPE_E_AUTH;
}

/* What is kept of an answer depends on the question. */
static envelope_status check(envelope_ctx *ctx, const envelope_question *q,
                             struct env_answer *answer, envelope_error *err)
{
    if (answer->status) {
        *answer = (struct env_answer){.status = answer->status, .message = answer->message};
        return may_fail_with(answer->status)
                   ? ENVELOPE_OK
                   : env_fail(err, ENVELOPE_E_INVALID,
                              "%d (%s) is no answer: E_KMS_UNREACHED, E_REFUSED, E_NO_KEY or "
                              "E_AUTH",
                              answer->status, envelope_status_name(answer->status));
    }
    answer->message = NULL;
    if (q->kind == ENVELOPE_ASK_NEWEST) {
        answer->state = answer->state ? answer->state : ENVELOPE_KEY_ACTIVE;
        return check_key(ctx, q, answer, err);
    }
    answer->key = NULL;
    if (q->kind == ENVELOPE_ASK_STATE) {
        answer->bytes = NULL;
        answer->len = 0;
        return check_state(q, answer, err);
    }
    return check_bytes(q, answer, err);
}

envelope_status envelope_kms_answer(envelope_kms *kms, uint64_t id, envelope_status status,
                                    const char *message, const envelope_key_ref *key, int32_t state,
                                    const void *bytes, size_t len, envelope_error *err)
{
    struct env_answer answer = {.status = status,
                                .state = state,
                                .message = message,
                                .key = key,
                                .bytes = len ? bytes : NULL,
                                .len = len};
    const envelope_question *q;
    struct env_ask *ask;
    envelope_status st = env_enter(kms ? kms->ctx : NULL, err);
    if (!st && !kms->asking) {
        st = env_fail(err, ENVELOPE_E_INVALID, "%s is not a KMS that asks", kms->kind);
    }
    if (!st && len && !bytes) {
        st = env_fail(err, ENVELOPE_E_INVALID, "envelope_kms_answer: len without bytes");
    }
    st = st ? st : env_ask_find(kms->asking, id, &ask, &q, err);
    if (st) {
        return st;
    }
    st = check(kms->ctx, q, &answer, err);
    st = st ? st : env_ask_answer(kms->asking, ask, &answer, err);
    env_ask_release(kms->asking, ask);
    return st;
}
