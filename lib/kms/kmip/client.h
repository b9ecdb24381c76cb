/* kms/kmip/client.h - the blocking link: endpoints of one KMS with fail-over and back-off, kept
 * connections, TLS over a pipe, one deadline for all of an operation. Threads: share it freely;
 * each operation has its connection to itself. */
#ifndef ENV_KMIP_CLIENT_H
#define ENV_KMIP_CLIENT_H
#include "crypto/tls.h"
#include "kms/kmip/link.h"
#include <envelope/kmip.h>

/* "host:port", "[::1]:5696"; the port is 5696 where it is not said. */
enum { ENV_KMIP_ENDPOINTS_MAX = 8 };
/* An operation that makes a key has at least this long, whatever the deadline: RSA-4096 takes a
 * slow server many seconds, and a request that is given up may have been done all the same. */
enum { ENV_KMIP_MAKING_MS = 60000 };
struct env_kmip_endpoint {
    char host[256];
    char port[8];
};
/* E_INVALID names the part. */
envelope_status env_kmip_endpoints(const char *text, struct env_kmip_endpoint *out, size_t *count,
                                   envelope_error *err);

struct env_kmip_client;
/* Copies what it needs of the options; reads the certificates; connects to nothing. pipe->destroy
 * is called also when this fails. */
envelope_status env_kmip_client_new(envelope_ctx *ctx, const envelope_kmip_options *options,
                                    struct env_kmip_client **out, envelope_error *err);
void env_kmip_client_free(struct env_kmip_client *client);

/* One operation: what all its exchanges share is the deadline, and, while it works, the connection.
 */
struct env_kmip_operation_link;
envelope_status env_kmip_operation_begin(struct env_kmip_client *client,
                                         struct env_kmip_operation_link **out,
                                         struct env_kmip_link *link, envelope_error *err);
/* The reply that came last was no answer to the request (what link->spoil is): the connection is
 * closed, the next exchange of the operation makes another. */
void env_kmip_operation_spoil(struct env_kmip_operation_link *operation);
/* The connection goes back to those kept. */
void env_kmip_operation_end(struct env_kmip_operation_link *operation);
/* After an exchange: where, and how. For `kms test`. */
struct env_kmip_where {
    struct env_kmip_endpoint endpoint;
    struct env_tls_facts tls;
    struct env_certificate_facts own;
};
void env_kmip_operation_where(const struct env_kmip_operation_link *operation,
                              struct env_kmip_where *out);

/* Time that can only go forward. */
int64_t env_kmip_clock_ms(void);
/* The default pipe: TCP, no delay, close-on-exec, never a SIGPIPE, never blocking beyond timeout.
 */
extern const envelope_pipe_ops env_kmip_tcp;
#endif
