/* tls_client HOST PORT NAME CA [CERT KEY]: TLS of the library over a socket. Sends one line, prints
 * what comes back, then "STATUS message" and what the connection was. */
#include "crypto/tls.h"
#include "failing.h"
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };
static const char line[] = "GET / HTTP/1.0\r\n\r\n";

static int dial(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *to;
    if (getaddrinfo(host, port, &hints, &to)) {
        return -1;
    }
    int s = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s >= 0 && connect(s, to->ai_addr, to->ai_addrlen)) {
        close(s);
        s = -1;
    }
    freeaddrinfo(to);
    return s;
}

static void flush(struct env_tls *tls, int s)
{
    size_t len;
    const void *p = env_tls_pending(tls, &len);
    ssize_t n = len ? send(s, p, len, MSG_NOSIGNAL) : 0;
    env_tls_sent(tls, n > 0 ? (size_t)n : len);
}

static void refill(struct env_tls *tls, int s)
{
    char buf[4096];
    struct pollfd p = {.fd = s, .events = POLLIN};
    ssize_t n = poll(&p, 1, PATIENCE_MS) == 1 ? recv(s, buf, sizeof buf, 0) : 0;
    if (n <= 0) {
        env_tls_feed_end(tls);
        return;
    }
    env_tls_feed(tls, buf, (size_t)n, NULL);
}

static envelope_status talk(struct env_tls *tls, int s, envelope_error *err)
{
    char buf[4096];
    size_t got = 0;
    bool done = false;
    bool closed = false;
    envelope_status st;
    while (!(st = env_tls_handshake(tls, &done, err)) && !done) {
        flush(tls, s);
        refill(tls, s);
    }
    st = st ? st : env_tls_write(tls, line, sizeof line - 1, err);
    while (!st && !closed) {
        flush(tls, s);
        st = env_tls_read(tls, buf, sizeof buf, &got, &closed, err);
        fwrite(buf, 1, got, stdout);
        if (!st && !got && !closed) {
            refill(tls, s);
        }
    }
    env_tls_close(tls);
    flush(tls, s);
    return st;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        return 2;
    }
    envelope_ctx *ctx = test_ctx();
    envelope_error err = ENVELOPE_ERROR_INIT;
    const struct env_tls_options o = {.ca_file = argv[4],
                                      .cert_file = argc > 6 ? argv[5] : NULL,
                                      .key_file = argc > 6 ? argv[6] : NULL};
    struct env_tls_config *config;
    struct env_tls *tls = NULL;
    struct env_tls_facts facts = {.resumed = false};
    envelope_status st = env_tls_config_new(ctx, &o, &config, &err);
    st = st ? st : env_tls_new(config, argv[3], &tls, &err);
    int s = st ? -1 : dial(argv[1], argv[2]);
    if (s >= 0) {
        st = talk(tls, s, &err);
        env_tls_facts(tls, &facts);
        close(s);
    }
    printf("\n%s %s\n%s %s %s\n", envelope_status_name(st), st ? err.message : "-", facts.version,
           facts.cipher, facts.peer.subject);
    env_tls_free(tls);
    env_tls_config_free(config);
    envelope_ctx_free(ctx);
    return 0;
}
