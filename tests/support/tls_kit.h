/* tls_kit.h - one CA, one KMS, one client of it, as most tests of TLS want them. */
#ifndef TESTS_TLS_KIT_H
#define TESTS_TLS_KIT_H
#include "failing.h"
#include "scratch.h"
#include "tls_peer.h"

struct tls_kit {
    envelope_ctx *ctx;
    char dir[SCRATCH_PATH_MAX];
    char ca_file[SCRATCH_PATH_MAX];
    char cert_file[SCRATCH_PATH_MAX];
    char key_file[SCRATCH_PATH_MAX];
    struct cert ca;
    struct cert kms; /* kms-a, *.example.test, 192.0.2.1, 2001:db8::1 */
    struct cert client;
};
void tls_kit_make(struct tls_kit *kit);
void tls_kit_free(struct tls_kit *kit);

/* Both sides of a connection; the handshake is still to be done, but for _open. */
struct tls_pair {
    struct env_tls_config *config;
    struct env_tls *tls;
    struct peer peer;
};
void tls_pair_make(struct tls_pair *pair, struct tls_kit *kit, const struct client_wish *client,
                   const struct peer_wish *server);
void tls_pair_end(struct tls_pair *pair);
/* The plain case: mutual, of this version. */
void tls_pair_open(struct tls_pair *pair, struct tls_kit *kit, int version);
#endif
