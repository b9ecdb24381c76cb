/* kms/kmip/connection.h - one connection to one endpoint: TLS over a pipe, a request there, a
 * response back. */
#ifndef ENV_KMIP_CONNECTION_H
#define ENV_KMIP_CONNECTION_H
#include "kms/kmip/client.h"

/* -- the pipe, its answers checked: pipe.c */
struct env_kmip_pipe {
    envelope_pipe_ops ops;
    void *self;
};
/* `until` on env_kmip_clock_ms; 0: do not wait. E_AGAIN: the time is over. E_CALLBACK: OK without
 * a deed, or a deed larger than asked. All other failures are E_KMS_UNREACHED, or E_NOMEM. */
envelope_status env_kmip_pipe_open(const struct env_kmip_pipe *pipe,
                                   const struct env_kmip_endpoint *to, int64_t until, void **out,
                                   envelope_error *err);
envelope_status env_kmip_pipe_write(const struct env_kmip_pipe *pipe, void *connection,
                                    const void *data, size_t len, size_t *done, int64_t until,
                                    envelope_error *err);
/* *done 0 with OK: the peer closed. */
envelope_status env_kmip_pipe_read(const struct env_kmip_pipe *pipe, void *connection, void *buf,
                                   size_t cap, size_t *done, int64_t until, envelope_error *err);

/* -- the connection: connection.c. Threads: one at a time. */
enum { ENV_KMIP_WIRE = 16 << 10, ENV_KMIP_PLAIN = 4 << 10, ENV_KMIP_SECRET_PLAIN = 1 << 10 };
struct env_kmip_connection {
    struct env_kmip_connection *next; /* in the pool */
    envelope_ctx *ctx;
    const struct env_kmip_pipe *pipe;
    void *open;
    struct env_tls *tls;
    size_t endpoint; /* its number in the client */
    int64_t idle_since;
    bool keep; /* the last exchange ended whole, with nothing left over */
    uint8_t wire[ENV_KMIP_WIRE];
    uint8_t plain[ENV_KMIP_PLAIN]; /* of replies that hold no secret */
};
struct env_kmip_connecting {
    envelope_ctx *ctx;
    const struct env_kmip_pipe *pipe;
    struct env_tls_config *tls;
    const struct env_kmip_endpoint *to;
    const char *server_name;
    size_t endpoint;
    int64_t until;
};
/* Handshake included. E_KMS_UNREACHED, E_REFUSED, E_CALLBACK, E_NOMEM. */
envelope_status env_kmip_connection_open(const struct env_kmip_connecting *how,
                                         struct env_kmip_connection **out, envelope_error *err);
struct env_kmip_exchange {
    const struct env_kmip_call *call;
    uint32_t max_response;
    int64_t until;
    bool sent; /* out: bytes of the request may have arrived */
};
/* After a failure the connection is of no more use. */
envelope_status env_kmip_connection_exchange(struct env_kmip_connection *c,
                                             struct env_kmip_exchange *exchange,
                                             struct env_kmip_reply *reply, envelope_error *err);
/* Did the peer neither close nor say anything unasked? Does not wait. */
bool env_kmip_connection_alive(struct env_kmip_connection *c);
/* polite: the peer is told; not in a child of fork, where that would end the parent's session. */
void env_kmip_connection_close(struct env_kmip_connection *c, bool polite);
#endif
