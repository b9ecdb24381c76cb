/* fast_server.h - a KMS in a process of its own, over OpenSSL as it stands: the answers of the
 * paper KMS (tests/jobs), each worked out once and then only looked up, so that it costs next to
 * nothing.
 */
#ifndef TESTS_KMIP_FAST_SERVER_H
#define TESTS_KMIP_FAST_SERVER_H
#include "paper.h"
#include <stdatomic.h>
#include <sys/types.h>

struct fast_counts {
    atomic_uint handshakes;
    atomic_uint requests;
    atomic_uint worked_out; /* of them */
};
struct fast_server {
    pid_t pid;
    int port;
    struct fast_counts *count; /* shared with the process */
};
/* folder: of pki.py. fill is called in the process, before it listens. To be called before the
 * caller has threads; the program ends when it fails. */
void fast_server_start(struct fast_server *s, const char *folder, void (*fill)(struct paper *p));
void fast_server_stop(struct fast_server *s);
#endif
