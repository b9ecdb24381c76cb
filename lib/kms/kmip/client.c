#include "kms/kmip/client.h"
#include "base/error.h"
#include "kms/kmip/failover.h"
#include <string.h>

enum { CONNECT_MS = 3000, DEADLINE_MS = 10000 };

static envelope_status take_pipe(struct env_kmip_pipe *pipe, const envelope_kmip_options *options,
                                 envelope_error *err)
{
    pipe->ops = env_kmip_tcp;
    if (!options->pipe) {
        return ENVELOPE_OK;
    }
    pipe->self = options->pipe_self;
    envelope_status st = env_options(options->pipe, &pipe->ops, sizeof pipe->ops, "pipe_ops", err);
    if (st) {
        pipe->ops.destroy = NULL; /* nothing in it is to be believed */
        return st;
    }
    const envelope_pipe_ops *ops = &pipe->ops;
    if (!ops->open || !ops->write || !ops->read || !ops->close) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "pipe_ops: open, write, read and close are all needed");
    }
    return ENVELOPE_OK;
}

static void destroy_pipe(const struct env_kmip_pipe *pipe)
{
    if (pipe->ops.destroy) {
        pipe->ops.destroy(pipe->self);
    }
}

static envelope_status take_options(struct env_kmip_client *client, const envelope_kmip_options *o,
                                    envelope_error *err)
{
    client->connect_ms = o->connect_ms ? o->connect_ms : CONNECT_MS;
    client->deadline_ms = o->deadline_ms ? o->deadline_ms : DEADLINE_MS;
    client->max_response = o->max_response_bytes ? o->max_response_bytes : ENV_KMIP_RESPONSE_MAX;
    client->pause_ms = ENV_KMIP_PAUSE_MS;
    client->tracer = (struct env_kmip_tracer){o->trace, o->trace_user};
    client->server_name = env_strdup(client->ctx, o->server_name);
    if (o->server_name && !client->server_name) {
        return env_nomem(err);
    }
    envelope_status st = env_kmip_endpoints(o->endpoints, client->endpoint, &client->count, err);
    if (st) {
        return st;
    }
    struct env_tls_options tls = {
        .ca_file = o->ca_file,
        .cert_file = o->cert_file,
        .key_file = o->key_file,
        .key_passphrase = o->key_passphrase,
        .key_passphrase_len = o->key_passphrase_len,
        .skip_verify = o->flags & ENVELOPE_KMIP_INSECURE_SKIP_VERIFY,
    };
    return env_tls_config_new(client->ctx, &tls, &client->tls, err);
}

envelope_status env_kmip_client_new(envelope_ctx *ctx, const envelope_kmip_options *options,
                                    struct env_kmip_client **out, envelope_error *err)
{
    *out = NULL;
    struct env_kmip_pipe pipe = {0};
    envelope_status st = take_pipe(&pipe, options, err);
    struct env_kmip_client *client = st ? NULL : env_alloc(ctx, sizeof *client);
    if (!client) {
        destroy_pipe(&pipe);
        return st ? st : env_nomem(err);
    }
    client->ctx = env_ctx_retain(ctx);
    client->pipe = pipe;
    pthread_mutex_init(&client->lock, NULL);
    st = take_options(client, options, err);
    if (st) {
        env_kmip_client_free(client);
        return st;
    }
    *out = client;
    return ENVELOPE_OK;
}

void env_kmip_client_free(struct env_kmip_client *client)
{
    if (!client) {
        return;
    }
    envelope_ctx *ctx = client->ctx;
    env_kmip_pool_empty(client);
    destroy_pipe(&client->pipe);
    env_tls_config_free(client->tls);
    pthread_mutex_destroy(&client->lock);
    env_free(ctx, client->server_name);
    env_free(ctx, client);
    env_ctx_release(ctx);
}

static void spoil(void *operation)
{
    env_kmip_operation_spoil(operation);
}

envelope_status env_kmip_operation_begin(struct env_kmip_client *client,
                                         struct env_kmip_operation_link **out,
                                         struct env_kmip_link *link, envelope_error *err)
{
    *link = (struct env_kmip_link){0};
    *out = env_alloc(client->ctx, sizeof **out);
    if (!*out) {
        return env_nomem(err);
    }
    (*out)->client = client;
    (*out)->begun = env_kmip_clock_ms();
    (*out)->until = (*out)->begun + client->deadline_ms;
    *link = (struct env_kmip_link){.self = *out, .exchange = env_kmip_failover, .spoil = spoil};
    return ENVELOPE_OK;
}

void env_kmip_operation_spoil(struct env_kmip_operation_link *operation)
{
    env_kmip_connection_close(operation->connection, true);
    operation->connection = NULL;
}

void env_kmip_operation_end(struct env_kmip_operation_link *operation)
{
    if (!operation) {
        return;
    }
    env_kmip_pool_give(operation->client, operation->connection);
    env_free(operation->client->ctx, operation);
}

void env_kmip_operation_where(const struct env_kmip_operation_link *operation,
                              struct env_kmip_where *out)
{
    memset(out, 0, sizeof *out);
    if (!operation->answered) {
        return;
    }
    out->endpoint = operation->client->endpoint[operation->endpoint];
    env_tls_own_certificate(operation->client->tls, &out->own);
    if (operation->connection) {
        env_tls_facts(operation->connection->tls, &out->tls);
    }
}
