/* KMIP without sockets. A job is straight code that asks and waits; here it cannot wait, so it is
 * run from its beginning each time a reply has come, with all replies there are so far, until it
 * asks for one more: that request is the output. What a run depends on stays what it was: the
 * question, the draw, the facts. */
#include "base/bytes.h"
#include "base/error.h"
#include "keys/ref.h"
#include "kms/kmip/jobs.h"
#include "kms/kmip/policy.h"
#include "kms/sink.h"
#include <envelope/kmip_session.h>
#include <string.h>

enum { REPLIES_MAX = 1024, ANSWER_MAX = ENV_RSA_BYTES_MAX };

enum phase {
    IDLE,    /* nothing is asked */
    READY,   /* the job can be run (again) */
    WAITING, /* for output to be sent, and a reply to come */
    ENDED
};

struct envelope_kmip_session {
    envelope_ctx *ctx; /* retained */
    struct env_kmip_policy policy;
    struct env_kmip_tracer tracer;
    struct env_kmip_facts known; /* taken over when a question ended well */
    struct env_kmip_facts facts; /* of the run */
    enum phase phase;

    envelope_question question;
    envelope_key_ref *key; /* the question's, ours */
    uint8_t *in;           /* ours; in the arena, since WRAP asks with a DEK */
    size_t in_len;
    struct env_kmip_job job;

    struct env_kmip_reply *reply;
    size_t replies;
    size_t room;
    size_t at; /* the next that the run is given */
    uint8_t *output;
    size_t output_len;
    size_t sent;
    struct env_kmip_frame frame;

    envelope_status status; /* how it ended */
    envelope_error why;
    struct envelope_key_sink sink;
    bool sink_begun;
    int32_t state;
    uint8_t *answer; /* ANSWER_MAX bytes in the arena */
    size_t answer_len;
};

/* -- the link */

static envelope_status replay(struct envelope_kmip_session *s, struct env_kmip_reply *out,
                              envelope_error *err)
{
    const struct env_kmip_reply *kept = &s->reply[s->at++];
    s->job.again = s->at < s->replies;
    envelope_status st =
        env_kmip_reply_new(s->ctx, kept->len, kept->secret, s->policy.max_response, out, err);
    if (!st) {
        memcpy(out->bytes, kept->bytes, kept->len);
        out->len = kept->len;
    }
    return st;
}

static envelope_status exchange(void *self, const struct env_kmip_call *call,
                                struct env_kmip_reply *reply, envelope_error *err)
{
    struct envelope_kmip_session *s = self;
    memset(reply, 0, sizeof *reply);
    if (s->at < s->replies) {
        return replay(s, reply, err);
    }
    if (s->replies == REPLIES_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "one question took more than %d exchanges",
                        REPLIES_MAX);
    }
    s->output = env_alloc(s->ctx, call->len);
    if (!s->output) {
        return env_nomem(err);
    }
    memcpy(s->output, call->bytes, call->len);
    s->output_len = call->len;
    s->sent = 0;
    env_kmip_trace(s->ctx, &s->tracer, true, s->output, s->output_len);
    env_kmip_frame_begin(&s->frame, call->secret, s->policy.max_response);
    s->phase = WAITING;
    return env_fail(err, ENVELOPE_E_AGAIN, "the KMS's reply is still to come");
}

static void drop_output(struct envelope_kmip_session *s)
{
    if (s->output) {
        env_wipe(s->output, s->output_len);
        env_free(s->ctx, s->output);
    }
    s->output = NULL;
    s->output_len = 0;
    s->sent = 0;
}

static bool grow(struct envelope_kmip_session *s)
{
    if (s->replies < s->room) {
        return true;
    }
    size_t room = s->room ? 2 * s->room : 8;
    struct env_kmip_reply *more = env_alloc_array(s->ctx, room, sizeof *more);
    if (!more) {
        return false;
    }
    if (s->replies) {
        memcpy(more, s->reply, s->replies * sizeof *more);
    }
    env_free(s->ctx, s->reply);
    s->reply = more;
    s->room = room;
    return true;
}

/* -- making, forgetting */

static void forget(struct envelope_kmip_session *s)
{
    drop_output(s);
    env_kmip_frame_end(s->ctx, &s->frame);
    memset(&s->frame, 0, sizeof s->frame);
    for (size_t i = 0; i < s->replies; i++) {
        env_kmip_reply_free(s->ctx, &s->reply[i]);
    }
    env_free(s->ctx, s->reply);
    s->reply = NULL;
    s->replies = 0;
    s->room = 0;
    if (s->sink_begun) {
        env_sink_end(&s->sink);
    }
    s->sink_begun = false;
    env_secret_free(s->ctx, s->in, s->in_len);
    env_secret_free(s->ctx, s->answer, ANSWER_MAX);
    s->in = NULL;
    s->answer = NULL;
    s->answer_len = 0;
    env_free(s->ctx, s->key);
    s->key = NULL;
    if (s->job.draw) {
        env_kmip_job_end(&s->job);
    }
    s->phase = IDLE;
}

/* What a session has no use for must not be given: it would seem to work. */
static envelope_status none_of(const envelope_kmip_options *o, envelope_error *err)
{
    bool given = o->endpoints || o->server_name || o->ca_file || o->cert_file || o->key_file ||
                 o->key_passphrase || o->key_passphrase_len || o->connect_ms || o->deadline_ms ||
                 o->pipe || o->pipe_self;
    if (given) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "a session without sockets makes no connection: endpoints, certificates, "
                        "times and pipe of kmip_options are the caller's own business");
    }
    return ENVELOPE_OK;
}

envelope_status envelope_kmip_session_new(envelope_ctx *ctx, const envelope_kmip_options *options,
                                          envelope_kmip_session **out, envelope_error *err)
{
    envelope_kmip_options own;
    struct env_kmip_policy policy;
    if (!out) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_kmip_session_new: out is NULL");
    }
    *out = NULL;
    envelope_status st = env_enter(ctx, err);
    st = st ? st : env_kmip_options(options, &own, &policy, err);
    st = st ? st : none_of(&own, err);
    if (st) {
        return st;
    }
    envelope_kmip_session *s = env_alloc(ctx, sizeof *s);
    if (!s) {
        return env_nomem(err);
    }
    s->ctx = env_ctx_retain(ctx);
    s->policy = policy;
    s->tracer = (struct env_kmip_tracer){own.trace, own.trace_user};
    *out = s;
    return ENVELOPE_OK;
}

void envelope_kmip_session_free(envelope_kmip_session *session)
{
    if (!session) {
        return;
    }
    envelope_ctx *ctx = session->ctx;
    forget(session);
    env_free(ctx, session);
    env_ctx_release(ctx);
}

/* -- a question */

static envelope_status check_question(const envelope_question *q, envelope_error *err)
{
    if (!q || q->size < sizeof *q || !q->key || q->kind < ENVELOPE_ASK_NEWEST ||
        q->kind > ENVELOPE_ASK_STATE) {
        return env_fail(err, ENVELOPE_E_INVALID, "no question of an asking KMS");
    }
    bool with_data = q->kind == ENVELOPE_ASK_UNWRAP || q->kind == ENVELOPE_ASK_WRAP;
    if (with_data && (!q->in || !q->in_len || q->in_len > ANSWER_MAX)) {
        return env_fail(err, ENVELOPE_E_INVALID, "a question without the bytes it is about");
    }
    if (q->kind == ENVELOPE_ASK_NEWEST && !env_ref_view(q->key).key_name) {
        return env_fail(err, ENVELOPE_E_INVALID, "a question without a key name");
    }
    return ENVELOPE_OK;
}

static envelope_status keep_question(envelope_kmip_session *s, const envelope_question *q,
                                     envelope_error *err)
{
    s->question = *q;
    s->key = env_ref_copy(s->ctx, q->key);
    envelope_status st = s->key ? ENVELOPE_OK : env_nomem(err);
    s->question.key = s->key;
    if (!st && q->in_len) {
        st = env_secret_new(s->ctx, q->in_len, &s->in, err);
    }
    if (s->in) {
        memcpy(s->in, q->in, q->in_len);
        s->in_len = q->in_len;
    }
    s->question.in = s->in;
    return st ? st : env_secret_new(s->ctx, ANSWER_MAX, &s->answer, err);
}

envelope_status envelope_kmip_session_begin(envelope_kmip_session *session,
                                            const envelope_question *question, envelope_error *err)
{
    if (!session) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_kmip_session_begin: no session");
    }
    envelope_status st = env_enter(session->ctx, err);
    st = st ? st : check_question(question, err);
    if (st) {
        return st;
    }
    forget(session);
    st = keep_question(session, question, err);
    st = st ? st : env_kmip_job_begin(session->ctx, &session->job, err);
    if (st) {
        forget(session);
        return st;
    }
    session->job.policy = &session->policy;
    session->job.facts = &session->facts;
    session->job.link = (struct env_kmip_link){.self = session, .exchange = exchange};
    session->phase = READY;
    return ENVELOPE_OK;
}

/* -- running */

static envelope_status newest(envelope_kmip_session *s, envelope_error *err)
{
    if (s->sink_begun) {
        env_sink_end(&s->sink);
    }
    s->sink_begun = false;
    envelope_status st = env_sink_begin(s->ctx, s->key->key_name, &s->sink, err);
    if (st) {
        return st;
    }
    s->sink_begun = true;
    st = env_kmip_newest(&s->job, s->key->key_name, &s->sink, err);
    /* An asking KMS takes one key: which of several is known to its host cannot be asked there. */
    st = st ? st : env_kmip_only_one(&s->sink, err);
    return st;
}

static envelope_status run(envelope_kmip_session *s, envelope_error *err)
{
    const envelope_question *q = &s->question;
    s->at = 0;
    s->job.again = false;
    s->facts = s->known;
    s->answer_len = 0;
    switch (q->kind) {
    case ENVELOPE_ASK_NEWEST:
        return newest(s, err);
    case ENVELOPE_ASK_UNWRAP:
        return env_kmip_unwrap(&s->job, q->key, q->algorithm, s->in, s->in_len, s->answer,
                               ANSWER_MAX, &s->answer_len, err);
    case ENVELOPE_ASK_WRAP:
        return env_kmip_wrap(&s->job, q->key, q->algorithm, s->in, s->in_len, s->answer, ANSWER_MAX,
                             &s->answer_len, err);
    default:
        return env_kmip_state(&s->job, q->key, &s->state, err);
    }
}

static envelope_status tell(const envelope_kmip_session *s, envelope_error *err)
{
    return s->status ? env_error_pass(err, s->status, &s->why) : ENVELOPE_OK;
}

static void end(envelope_kmip_session *s, envelope_status st)
{
    drop_output(s);
    s->phase = ENDED;
    s->status = st;
    if (!st) {
        s->known = s->facts;
    }
}

envelope_status envelope_kmip_session_step(envelope_kmip_session *session, envelope_error *err)
{
    if (!session || session->phase == IDLE) {
        return env_fail(err, ENVELOPE_E_INVALID, "nothing was asked of this session");
    }
    envelope_status st = env_enter(session->ctx, err);
    if (st) {
        return st;
    }
    if (session->phase == READY) {
        session->why = (envelope_error)ENVELOPE_ERROR_INIT;
        st = run(session, &session->why);
        if (st != ENVELOPE_E_AGAIN || session->phase != WAITING) {
            end(session, st);
        }
    }
    if (session->phase == WAITING) {
        return env_fail(err, ENVELOPE_E_AGAIN, "the KMS's reply is still to come");
    }
    return tell(session, err);
}

const void *envelope_kmip_session_output(envelope_kmip_session *session, size_t *len)
{
    size_t left = session && session->phase == WAITING ? session->output_len - session->sent : 0;
    if (len) {
        *len = left;
    }
    return left ? session->output + session->sent : NULL;
}

void envelope_kmip_session_sent(envelope_kmip_session *session, size_t len)
{
    if (session && session->phase == WAITING) {
        size_t left = session->output_len - session->sent;
        session->sent += len < left ? len : left;
    }
}

size_t envelope_kmip_session_wanted(const envelope_kmip_session *session)
{
    bool reads = session && session->phase == WAITING && session->sent == session->output_len;
    return reads ? env_kmip_frame_wanted(&session->frame) : 0;
}

static envelope_status keep_reply(envelope_kmip_session *s, struct env_kmip_reply *reply,
                                  envelope_error *err)
{
    env_kmip_trace(s->ctx, &s->tracer, false, reply->bytes, reply->len);
    if (!grow(s)) {
        env_kmip_reply_free(s->ctx, reply);
        return env_nomem(err);
    }
    s->reply[s->replies++] = *reply;
    drop_output(s);
    s->phase = READY;
    return ENVELOPE_OK;
}

envelope_status envelope_kmip_session_input(envelope_kmip_session *session, const void *data,
                                            size_t len, envelope_error *err)
{
    struct env_kmip_reply reply = {0};
    bool done = false;
    size_t used = 0;
    if (!session || (!data && len) || len > envelope_kmip_session_wanted(session)) {
        return env_fail(err, ENVELOPE_E_INVALID, "more than the session wants");
    }
    envelope_status st = env_enter(session->ctx, err);
    if (st || !len) {
        return st;
    }
    envelope_error *why = &session->why;
    st = env_kmip_frame_feed(session->ctx, &session->frame, data, len, &used, &done, &reply, why);
    st = st || !done ? st : keep_reply(session, &reply, why);
    if (st) {
        end(session, st);
        return tell(session, err);
    }
    return ENVELOPE_OK;
}

/* -- the answer */

/* What a provider may return; the rest is said by the nearest of them. */
static envelope_status as_provider(envelope_status st)
{
    switch (st) {
    case ENVELOPE_OK:
    case ENVELOPE_E_KMS_UNREACHED:
    case ENVELOPE_E_REFUSED:
    case ENVELOPE_E_NO_KEY:
    case ENVELOPE_E_AUTH:
        return st;
    case ENVELOPE_E_INVALID:
    case ENVELOPE_E_UNSUPPORTED:
        return ENVELOPE_E_REFUSED;
    default:
        return ENVELOPE_E_KMS_UNREACHED;
    }
}

static envelope_status answer_newest(const envelope_kmip_session *s, envelope_kms *asking,
                                     envelope_error *err)
{
    const envelope_key_info *info = envelope_key_list_at(s->sink.list, 0);
    return envelope_kms_answer(asking, s->question.id, ENVELOPE_OK, NULL, info->ref, info->state,
                               info->spki, info->spki_len, err);
}

envelope_status envelope_kmip_session_answer(envelope_kmip_session *session, envelope_kms *asking,
                                             envelope_error *err)
{
    if (!session || !asking || session->phase != ENDED) {
        return env_fail(err, ENVELOPE_E_INVALID, "there is no answer yet");
    }
    uint64_t id = session->question.id;
    envelope_status st;
    if (session->status) {
        st = envelope_kms_answer(asking, id, as_provider(session->status), session->why.message,
                                 NULL, 0, NULL, 0, err);
    } else if (session->question.kind == ENVELOPE_ASK_NEWEST) {
        st = answer_newest(session, asking, err);
    } else if (session->question.kind == ENVELOPE_ASK_STATE) {
        st = envelope_kms_answer(asking, id, ENVELOPE_OK, NULL, NULL, session->state, NULL, 0, err);
    } else {
        st = envelope_kms_answer(asking, id, ENVELOPE_OK, NULL, NULL, 0, session->answer,
                                 session->answer_len, err);
    }
    return st;
}
