#include "kms/kmip/connection.h"
#include "base/error.h"

static envelope_status late(const char *what, envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_KMS_UNREACHED, "%s in time", what);
}

static envelope_status flush(struct env_kmip_connection *c, int64_t until, envelope_error *err)
{
    for (;;) {
        size_t len;
        size_t done;
        const void *data = env_tls_pending(c->tls, &len);
        if (!len) {
            return ENVELOPE_OK;
        }
        envelope_status st = env_kmip_pipe_write(c->pipe, c->open, data, len, &done, until, err);
        if (st) {
            return st == ENVELOPE_E_AGAIN ? late("it did not take what was sent", err) : st;
        }
        env_tls_sent(c->tls, done);
    }
}

/* E_AGAIN: the time is over. */
static envelope_status fill(struct env_kmip_connection *c, int64_t until, bool *closed,
                            envelope_error *err)
{
    size_t got;
    envelope_status st =
        env_kmip_pipe_read(c->pipe, c->open, c->wire, sizeof c->wire, &got, until, err);
    if (st) {
        return st;
    }
    *closed = got == 0;
    return got ? env_tls_feed(c->tls, c->wire, got, err) : ENVELOPE_OK;
}

/* A server that refuses our certificate says so and closes at once, so that our next write fails:
 * what it said may still lie there, and tells more than a broken connection. */
static envelope_status explained(struct env_kmip_connection *c, envelope_status st,
                                 envelope_error *err)
{
    envelope_error said = ENVELOPE_ERROR_INIT;
    uint8_t unasked;
    size_t got;
    bool closed = false;
    if (st != ENVELOPE_E_KMS_UNREACHED || fill(c, 0, &closed, NULL) || closed ||
        env_tls_read(c->tls, &unasked, 1, &got, &closed, &said) != ENVELOPE_E_REFUSED) {
        return st;
    }
    return env_error_pass(err, ENVELOPE_E_REFUSED, &said);
}

static envelope_status handshake(struct env_kmip_connection *c, int64_t until, envelope_error *err)
{
    for (bool done = false;;) {
        envelope_status st = env_tls_handshake(c->tls, &done, err);
        if (st) {
            flush(c, until, NULL); /* the alert that says why */
            return st;
        }
        st = flush(c, until, err);
        if (st || done) {
            return explained(c, st, err);
        }
        bool closed = false;
        st = fill(c, until, &closed, err);
        if (st == ENVELOPE_E_AGAIN) {
            return late("the TLS handshake did not end", err);
        }
        if (!st && closed) {
            st = env_fail(err, ENVELOPE_E_KMS_UNREACHED,
                          "it closed the connection in the TLS handshake");
        }
        if (st) {
            return st;
        }
    }
}

static envelope_status greet(struct env_kmip_connection *c, const struct env_kmip_connecting *how,
                             envelope_error *err)
{
    envelope_status st = env_kmip_pipe_open(c->pipe, how->to, how->until, &c->open, err);
    if (st) {
        return st == ENVELOPE_E_AGAIN ? late("no connection", err) : st;
    }
    st = env_tls_new(how->tls, how->server_name ? how->server_name : how->to->host, &c->tls, err);
    return st ? st : handshake(c, how->until, err);
}

envelope_status env_kmip_connection_open(const struct env_kmip_connecting *how,
                                         struct env_kmip_connection **out, envelope_error *err)
{
    *out = NULL;
    struct env_kmip_connection *c = env_alloc(how->ctx, sizeof *c);
    if (!c) {
        return env_nomem(err);
    }
    c->ctx = how->ctx;
    c->pipe = how->pipe;
    c->endpoint = how->endpoint;
    envelope_status st = greet(c, how, err);
    if (st) {
        env_kmip_connection_close(c, false);
        return st;
    }
    *out = c;
    return ENVELOPE_OK;
}

/* Where the plaintext passes through on its way into the reply. */
struct through {
    uint8_t *buf;
    size_t cap;
};

static envelope_status no_more(const struct env_kmip_frame *frame, const char *what,
                               envelope_error *err)
{
    if (!frame->have) {
        return env_fail(err, ENVELOPE_E_KMS_UNREACHED, "%s before it answered", what);
    }
    return env_fail(err, ENVELOPE_E_KMS_UNREACHED, "%s after %zu bytes of its answer", what,
                    frame->have);
}

static envelope_status more(struct env_kmip_connection *c, const struct env_kmip_frame *frame,
                            int64_t until, envelope_error *err)
{
    bool closed = false;
    envelope_status st = flush(c, until, err);
    st = st ? st : fill(c, until, &closed, err);
    if (st == ENVELOPE_E_AGAIN) {
        return no_more(frame, "the time was over", err);
    }
    return st || !closed ? st : no_more(frame, "it closed the connection", err);
}

static envelope_status receive(struct env_kmip_connection *c, struct env_kmip_frame *frame,
                               const struct through *through, int64_t until,
                               struct env_kmip_reply *reply, envelope_error *err)
{
    for (bool done = false; !done;) {
        size_t wanted = env_kmip_frame_wanted(frame);
        size_t got = 0;
        bool closed = false;
        envelope_status st = ENVELOPE_OK;
        if (!env_tls_drained(c->tls)) {
            st = env_tls_read(c->tls, through->buf, wanted < through->cap ? wanted : through->cap,
                              &got, &closed, err);
        }
        if (!st && got) {
            size_t used;
            st = env_kmip_frame_feed(c->ctx, frame, through->buf, got, &used, &done, reply, err);
        } else if (!st && closed) {
            st = no_more(frame, "it closed the connection", err);
        } else if (!st) {
            st = more(c, frame, until, err);
        }
        if (st) {
            return st;
        }
    }
    return ENVELOPE_OK;
}

/* true: the peer has said nothing that was not asked for. */
static bool silent(struct env_kmip_connection *c)
{
    uint8_t unasked;
    size_t got = 0;
    bool closed = false;
    return env_tls_drained(c->tls) ||
           (!env_tls_read(c->tls, &unasked, 1, &got, &closed, NULL) && !got && !closed);
}

static envelope_status send_request(struct env_kmip_connection *c,
                                    struct env_kmip_exchange *exchange, envelope_error *err)
{
    const struct env_kmip_call *call = exchange->call;
    envelope_status st = env_tls_write(c->tls, call->bytes, call->len, err);
    if (st) {
        return st;
    }
    /* From here on nobody can say that none of it arrived, not even where the pipe fails. */
    exchange->sent = true;
    return explained(c, flush(c, exchange->until, err), err);
}

envelope_status env_kmip_connection_exchange(struct env_kmip_connection *c,
                                             struct env_kmip_exchange *exchange,
                                             struct env_kmip_reply *reply, envelope_error *err)
{
    const struct env_kmip_call *call = exchange->call;
    struct through through = {c->plain, call->secret ? ENV_KMIP_SECRET_PLAIN : ENV_KMIP_PLAIN};
    c->keep = false;
    if (call->secret) {
        envelope_status st = env_secret_new(c->ctx, through.cap, &through.buf, err);
        if (st) {
            return st;
        }
    }
    struct env_kmip_frame frame;
    env_kmip_frame_begin(&frame, call->secret, exchange->max_response);
    envelope_status st = send_request(c, exchange, err);
    st = st ? st : receive(c, &frame, &through, exchange->until, reply, err);
    env_kmip_frame_end(c->ctx, &frame);
    if (call->secret) {
        env_secret_free(c->ctx, through.buf, through.cap);
    }
    c->keep = !st && silent(c);
    return st;
}

bool env_kmip_connection_alive(struct env_kmip_connection *c)
{
    enum { ROUNDS = 8 };
    for (int i = 0; i < ROUNDS; i++) {
        bool closed = false;
        envelope_status st = fill(c, 0, &closed, NULL);
        if (st == ENVELOPE_E_AGAIN) {
            return true;
        }
        /* A ticket for resumption may lie there, since TLS 1.3 sends them unasked. */
        if (st || closed || !silent(c)) {
            return false;
        }
    }
    return false;
}

void env_kmip_connection_close(struct env_kmip_connection *c, bool polite)
{
    if (!c) {
        return;
    }
    if (c->tls && polite) {
        env_tls_close(c->tls);
        size_t len;
        size_t done;
        const void *data = env_tls_pending(c->tls, &len);
        if (len) {
            env_kmip_pipe_write(c->pipe, c->open, data, len, &done, 0, NULL);
        }
    }
    env_tls_free(c->tls);
    if (c->open) {
        c->pipe->ops.close(c->open);
    }
    env_free(c->ctx, c);
}
