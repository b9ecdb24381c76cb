#include "kms/kmip/failover.h"
#include "base/error.h"

struct round {
    struct env_kmip_operation_link *operation;
    const struct env_kmip_call *call;
    struct env_kmip_reply *reply;
    bool sent; /* bytes of the request may have arrived somewhere */
};

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Takes the connection: held by the operation afterwards, or closed. */
static envelope_status exchange_on(struct round *r, struct env_kmip_connection *c, int64_t share,
                                   envelope_error *err)
{
    struct env_kmip_operation_link *op = r->operation;
    struct env_kmip_client *client = op->client;
    /* What is not sent again anywhere has nothing to leave time for. */
    struct env_kmip_exchange exchange = {.call = r->call,
                                         .max_response = client->max_response,
                                         .until = r->call->repeatable ? share : op->until};
    env_kmip_trace(client->ctx, &client->tracer, true, r->call->bytes, r->call->len);
    envelope_status st = env_kmip_connection_exchange(c, &exchange, r->reply, err);
    r->sent = r->sent || exchange.sent;
    if (st) {
        env_kmip_connection_close(c, false);
        return st;
    }
    env_kmip_trace(client->ctx, &client->tracer, false, r->reply->bytes, r->reply->len);
    op->connection = c;
    op->endpoint = c->endpoint;
    op->answered = true;
    env_kmip_pool_worked(client, c->endpoint);
    return ENVELOPE_OK;
}

static struct env_kmip_connection *held_or_kept(struct env_kmip_operation_link *op, size_t endpoint)
{
    struct env_kmip_connection *c = op->connection;
    if (c && c->endpoint == endpoint) {
        op->connection = NULL;
        if (c->keep && env_kmip_connection_alive(c)) {
            return c;
        }
        env_kmip_connection_close(c, true);
    }
    return env_kmip_pool_take(op->client, endpoint);
}

static envelope_status fresh(struct round *r, size_t endpoint, int64_t share, envelope_error *err)
{
    struct env_kmip_client *client = r->operation->client;
    struct env_kmip_connecting how = {
        .ctx = client->ctx,
        .pipe = &client->pipe,
        .tls = client->tls,
        .to = &client->endpoint[endpoint],
        .server_name = client->server_name,
        .endpoint = endpoint,
        .until = earlier(share, env_kmip_clock_ms() + client->connect_ms),
    };
    struct env_kmip_connection *c;
    envelope_status st = env_kmip_connection_open(&how, &c, err);
    return st ? st : exchange_on(r, c, share, err);
}

static bool worth_another(const struct round *r, envelope_status st)
{
    bool of_endpoint =
        st == ENVELOPE_E_KMS_UNREACHED || st == ENVELOPE_E_REFUSED || st == ENVELOPE_E_FORMAT;
    return of_endpoint && (r->call->repeatable || !r->sent);
}

static envelope_status ask(struct round *r, size_t endpoint, int64_t since, int64_t share,
                           envelope_error *err)
{
    struct env_kmip_client *client = r->operation->client;
    if (since >= r->operation->until) {
        return env_fail(err, ENVELOPE_E_KMS_UNREACHED,
                        "not asked, the %lld ms for all of the operation were over",
                        (long long)(r->operation->until - r->operation->begun));
    }
    env_kmip_pool_asked(client, endpoint);
    envelope_status st = ENVELOPE_E_KMS_UNREACHED;
    struct env_kmip_connection *c = held_or_kept(r->operation, endpoint);
    if (c) {
        st = exchange_on(r, c, share, err);
        /* A kept one may have died since it was looked at; that says nothing of the endpoint. */
        if (!st || !worth_another(r, st) || env_kmip_clock_ms() >= share) {
            return st;
        }
    }
    st = fresh(r, endpoint, share, err);
    if (st == ENVELOPE_E_KMS_UNREACHED || st == ENVELOPE_E_REFUSED || st == ENVELOPE_E_FORMAT) {
        env_kmip_pool_failed(client, endpoint, since);
    }
    return st;
}

static void explain_format(envelope_error *said)
{
    if (said->status == ENVELOPE_E_FORMAT) {
        env_error_prefix(said, "what it answers is not KMIP (is it the right port?)");
    }
}

static envelope_status not_known(const struct env_kmip_failure *f, envelope_error *err)
{
    struct env_kmip_failures one = {.count = 1, .item = {*f}};
    envelope_status st = env_kmip_failures_tell(&one, err);
    env_error_prefix(err, "the request was sent and the answer is missing: it is not known whether "
                          "it was done, and it is not sent again. List the keys of this KMS before "
                          "you repeat it");
    return st;
}

static envelope_status give_up(const struct round *r, struct env_kmip_failures *failures,
                               envelope_error *err)
{
    const struct env_kmip_failure *last = &failures->item[failures->count - 1];
    envelope_status st = last->said.status;
    if (r->sent && !r->call->repeatable &&
        (st == ENVELOPE_E_KMS_UNREACHED || st == ENVELOPE_E_FORMAT)) {
        return not_known(last, err);
    }
    if (!worth_another(r, st)) {
        failures->item[0] = *last;
        failures->count = 1;
    }
    return env_kmip_failures_tell(failures, err);
}

static void note(struct env_kmip_failures *failures, const struct env_kmip_endpoint *at,
                 const envelope_error *said)
{
    struct env_kmip_failure *f = &failures->item[failures->count++];
    f->at = at;
    f->said = *said;
    explain_format(&f->said);
}

/* Only from the request on that makes the key: what is looked up before it must not hang longer
 * than elsewhere. */
static void allow_for_making(struct env_kmip_operation_link *op)
{
    int64_t until = op->begun + ENV_KMIP_MAKING_MS;
    op->until = until > op->until ? until : op->until;
}

envelope_status env_kmip_failover(void *operation, const struct env_kmip_call *call,
                                  struct env_kmip_reply *reply, envelope_error *err)
{
    struct env_kmip_operation_link *op = operation;
    struct env_kmip_client *client = op->client;
    struct round r = {op, call, reply, false};
    struct env_kmip_failures failures = {.count = 0};
    size_t order[ENV_KMIP_ENDPOINTS_MAX];
    *reply = (struct env_kmip_reply){0};
    if (call->makes_key) {
        allow_for_making(op);
    }
    env_kmip_pool_order(client, op->connection ? op->connection->endpoint : SIZE_MAX, order);
    for (size_t i = 0; i < client->count; i++) {
        /* While others remain, one gets only its share: a slow first leaves time for the second. */
        int64_t now = env_kmip_clock_ms();
        int64_t share = now + (op->until - now) / (int64_t)(client->count - i);
        envelope_error said = ENVELOPE_ERROR_INIT;
        envelope_status st = ask(&r, order[i], now, share, &said);
        if (!st) {
            return ENVELOPE_OK;
        }
        note(&failures, &client->endpoint[order[i]], &said);
        if (!worth_another(&r, st)) {
            break;
        }
    }
    return give_up(&r, &failures, err);
}
