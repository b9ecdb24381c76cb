/* kms/kmip/failover.h - one exchange over all endpoints of a client: which is asked next, how long
 * it may take, whether a request may be sent again, and what is said when none answered. */
#ifndef ENV_KMIP_FAILOVER_H
#define ENV_KMIP_FAILOVER_H
#include "kms/kmip/pool.h"

struct env_kmip_operation_link {
    struct env_kmip_client *client;
    int64_t until;
    int64_t begun;
    struct env_kmip_connection *connection; /* of the last exchange; NULL: none */
    size_t endpoint;                        /* that answered last */
    bool answered;
};
/* env_kmip_link.exchange */
envelope_status env_kmip_failover(void *operation, const struct env_kmip_call *call,
                                  struct env_kmip_reply *reply, envelope_error *err);

/* -- what went wrong at each endpoint: failures.c */
struct env_kmip_failure {
    const struct env_kmip_endpoint *at;
    envelope_error said;
};
struct env_kmip_failures {
    size_t count;
    struct env_kmip_failure item[ENV_KMIP_ENDPOINTS_MAX];
};
/* The most telling first; its status is returned. count is at least 1. */
envelope_status env_kmip_failures_tell(struct env_kmip_failures *failures, envelope_error *err);
#endif
