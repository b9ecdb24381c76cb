#include "kms/kmip/pool.h"

static struct env_kmip_connection *pop(struct env_kmip_client *client, size_t endpoint)
{
    pthread_mutex_lock(&client->lock);
    struct env_kmip_endpoint_state *state = &client->state[endpoint];
    struct env_kmip_connection *c = state->kept;
    if (c) {
        state->kept = c->next;
        state->count--;
        c->next = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    return c;
}

static bool push(struct env_kmip_client *client, struct env_kmip_connection *c)
{
    pthread_mutex_lock(&client->lock);
    struct env_kmip_endpoint_state *state = &client->state[c->endpoint];
    bool room = state->count < ENV_KMIP_KEPT_MAX;
    if (room) {
        c->next = state->kept;
        state->kept = c;
        state->count++;
    }
    pthread_mutex_unlock(&client->lock);
    return room;
}

/* Looked at outside the lock: the pipe may be the caller's. */
struct env_kmip_connection *env_kmip_pool_take(struct env_kmip_client *client, size_t endpoint)
{
    for (;;) {
        struct env_kmip_connection *c = pop(client, endpoint);
        if (!c) {
            return NULL;
        }
        if (env_kmip_clock_ms() - c->idle_since < ENV_KMIP_IDLE_MS &&
            env_kmip_connection_alive(c)) {
            return c;
        }
        env_kmip_connection_close(c, true);
    }
}

void env_kmip_pool_give(struct env_kmip_client *client, struct env_kmip_connection *c)
{
    if (!c) {
        return;
    }
    c->idle_since = env_kmip_clock_ms();
    if (!c->keep || !push(client, c)) {
        env_kmip_connection_close(c, true);
    }
}

void env_kmip_pool_empty(struct env_kmip_client *client)
{
    /* In a child of fork the sessions are the parent's: a close_notify would end them. */
    bool polite = !env_arena_lost(client->ctx->arena);
    for (size_t i = 0; i < client->count; i++) {
        for (struct env_kmip_connection *c = pop(client, i); c; c = pop(client, i)) {
            env_kmip_connection_close(c, polite);
        }
    }
}

static int64_t pause_of(const struct env_kmip_client *client, unsigned failures)
{
    int64_t ms = client->pause_ms;
    for (unsigned i = 1; i < failures && ms < ENV_KMIP_PAUSE_MOST_MS; i++) {
        ms *= 2;
    }
    return ms < ENV_KMIP_PAUSE_MOST_MS ? ms : ENV_KMIP_PAUSE_MOST_MS;
}

void env_kmip_pool_order(struct env_kmip_client *client, size_t first,
                         size_t order[ENV_KMIP_ENDPOINTS_MAX])
{
    int64_t now = env_kmip_clock_ms();
    size_t paused[ENV_KMIP_ENDPOINTS_MAX] = {0};
    size_t waiting = 0;
    size_t n = 0;
    if (first < client->count) {
        order[n++] = first;
    }
    pthread_mutex_lock(&client->lock);
    for (size_t i = 0; i < client->count; i++) {
        if (i == first) {
            continue;
        }
        if (client->state[i].failures && now < client->state[i].not_before) {
            paused[waiting++] = i;
            continue;
        }
        order[n++] = i;
    }
    pthread_mutex_unlock(&client->lock);
    for (size_t i = 0; i < waiting; i++) {
        order[n++] = paused[i];
    }
}

void env_kmip_pool_asked(struct env_kmip_client *client, size_t endpoint)
{
    pthread_mutex_lock(&client->lock);
    struct env_kmip_endpoint_state *state = &client->state[endpoint];
    if (state->failures) {
        state->not_before = env_kmip_clock_ms() + pause_of(client, state->failures);
    }
    pthread_mutex_unlock(&client->lock);
}

void env_kmip_pool_worked(struct env_kmip_client *client, size_t endpoint)
{
    pthread_mutex_lock(&client->lock);
    client->state[endpoint].failures = 0;
    pthread_mutex_unlock(&client->lock);
}

void env_kmip_pool_failed(struct env_kmip_client *client, size_t endpoint, int64_t since)
{
    pthread_mutex_lock(&client->lock);
    struct env_kmip_endpoint_state *state = &client->state[endpoint];
    if (!state->failures || since > state->failed_at) {
        state->failures++;
        state->failed_at = env_kmip_clock_ms();
        state->not_before = state->failed_at + pause_of(client, state->failures);
    }
    pthread_mutex_unlock(&client->lock);
}
