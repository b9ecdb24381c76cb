/* tls_peer.h - a TLS server over memory, for tests of our client: no socket, every byte counted. */
#ifndef TESTS_TLS_PEER_H
#define TESTS_TLS_PEER_H
#include "crypto/tls.h"
#include "tls_certs.h"
#include <openssl/ssl.h>

struct peer_wish {
    const struct cert *cert;
    const struct cert *between; /* sent behind it; NULL: none */
    const struct cert *demands; /* a client's certificate of this CA; NULL: none at all */
    int version;                /* TLS1_2_VERSION …; 0: 1.3 or 1.2 */
    const char *suites;         /* of 1.2; NULL: OpenSSL's */
};
struct peer {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in;
    BIO *out;
    size_t step;    /* bytes carried at a time; 0: all */
    size_t budget;  /* of bytes to the client that are carried, then the connection is cut */
    size_t carried; /* to the client */
    size_t flip;    /* number, from 1, of a byte to the client that arrives altered; 0: none */
    bool cut;
    bool done;
    bool failed;
};
void peer_start(struct peer *peer, const struct peer_wish *wish);
void peer_end(struct peer *peer);

/* Carries bytes both ways until both are through, one fails, or neither moves. OK only when both
 * sides have done the handshake. */
envelope_status peer_handshake(struct peer *peer, struct env_tls *tls, envelope_error *err);
/* What is pending on one side, to the other. */
void peer_take(struct peer *peer, struct env_tls *tls);
void peer_give(struct peer *peer, struct env_tls *tls);

/* A client's connection with all its options, for a test that wants one. */
struct client_wish {
    const char *name;
    const char *ca;
    const char *cert;
    const char *key;
    const char *passphrase;
    bool skip_verify;
};
envelope_status client_config(envelope_ctx *ctx, const struct client_wish *wish,
                              struct env_tls_config **out, envelope_error *err);
#endif
