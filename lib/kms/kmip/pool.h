/* kms/kmip/pool.h - what the operations of one client share: its endpoints, how each has behaved,
 * and the connections that are kept. Only `state` changes, under the lock; no foreign code runs
 * while it is held. */
#ifndef ENV_KMIP_POOL_H
#define ENV_KMIP_POOL_H
#include "kms/kmip/connection.h"
#include <pthread.h>

enum {
    ENV_KMIP_KEPT_MAX = 8,              /* idle connections of one endpoint */
    ENV_KMIP_IDLE_MS = 60000,           /* then a firewall may have forgotten it */
    ENV_KMIP_PAUSE_MS = 500,            /* after the first failure; it doubles */
    ENV_KMIP_PAUSE_MOST_MS = 64 * 1000, /* up to here */
};
struct env_kmip_endpoint_state {
    struct env_kmip_connection *kept; /* the last one given back first */
    size_t count;
    unsigned failures; /* since it last worked */
    int64_t failed_at;
    int64_t not_before; /* until then others are asked first */
};
struct env_kmip_client {
    envelope_ctx *ctx;
    struct env_kmip_pipe pipe;
    struct env_tls_config *tls;
    char *server_name; /* NULL: the host */
    size_t count;
    struct env_kmip_endpoint endpoint[ENV_KMIP_ENDPOINTS_MAX];
    uint32_t connect_ms;
    uint32_t deadline_ms;
    uint32_t max_response;
    uint32_t pause_ms; /* ENV_KMIP_PAUSE_MS; tests shorten it */
    struct env_kmip_tracer tracer;
    pthread_mutex_t lock;
    struct env_kmip_endpoint_state state[ENV_KMIP_ENDPOINTS_MAX];
};

/* A kept connection that is alive; NULL: none. */
struct env_kmip_connection *env_kmip_pool_take(struct env_kmip_client *client, size_t endpoint);
/* Kept, or closed. NULL is allowed. */
void env_kmip_pool_give(struct env_kmip_client *client, struct env_kmip_connection *c);
/* Closes all that are kept. */
void env_kmip_pool_empty(struct env_kmip_client *client);

/* The numbers of all endpoints, in the order in which they are to be asked: as configured, but
 * those that failed and whose pause is not over last. first, if below count, comes first. */
void env_kmip_pool_order(struct env_kmip_client *client, size_t first,
                         size_t order[ENV_KMIP_ENDPOINTS_MAX]);
/* It is going to be asked: where it failed before, others need not try at the same time. */
void env_kmip_pool_asked(struct env_kmip_client *client, size_t endpoint);
void env_kmip_pool_worked(struct env_kmip_client *client, size_t endpoint);
/* since: when the attempt began. Several that failed together count once. */
void env_kmip_pool_failed(struct env_kmip_client *client, size_t endpoint, int64_t since);
#endif
