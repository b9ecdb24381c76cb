#include "fast_server.h"
#include "failing.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 4096, ROOM = 1 << 20 };

struct answer {
    uint8_t *request;
    size_t request_len;
    uint8_t *bytes;
    size_t len;
};
struct server {
    struct fast_counts *count;
    SSL_CTX *tls;
    pthread_mutex_t lock;
    struct paper *paper;
    struct answer answer[SLOTS]; /* under lock until it is there, then never changed */
};
struct visitor {
    struct server *server;
    int fd;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "fast_server: %s\n", what);
        _exit(1);
    }
}

static size_t slot_of(const uint8_t *p, size_t len)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ p[i]) * 1099511628211u;
    }
    return h % SLOTS;
}

static void work_out(struct server *s, struct answer *a, const uint8_t *request, size_t len)
{
    atomic_fetch_add(&s->count->worked_out, 1);
    a->request = malloc(len);
    a->bytes = malloc(ROOM);
    must(a->request && a->bytes, "memory");
    memcpy(a->request, request, len);
    a->request_len = len;
    a->len = paper_answer(s->paper, request, len, a->bytes, ROOM);
}

static const struct answer *find(struct server *s, const uint8_t *request, size_t len)
{
    size_t i = slot_of(request, len);
    pthread_mutex_lock(&s->lock);
    struct answer *a = &s->answer[i];
    while (a->request && (a->request_len != len || memcmp(a->request, request, len) != 0)) {
        i = (i + 1) % SLOTS;
        a = &s->answer[i];
    }
    if (!a->request) {
        work_out(s, a, request, len);
    }
    pthread_mutex_unlock(&s->lock);
    return a;
}

static bool read_all(SSL *ssl, uint8_t *p, size_t len)
{
    for (size_t got; len; p += got, len -= got) {
        if (SSL_read_ex(ssl, p, len, &got) != 1) {
            return false;
        }
    }
    return true;
}

static void serve(struct server *s, SSL *ssl, uint8_t *buf)
{
    for (;;) {
        size_t done;
        if (!read_all(ssl, buf, 8)) {
            return;
        }
        size_t len = (size_t)buf[4] << 24 | (size_t)buf[5] << 16 | (size_t)buf[6] << 8 | buf[7];
        if (len > ROOM - 8 || !read_all(ssl, buf + 8, len)) {
            return;
        }
        atomic_fetch_add(&s->count->requests, 1);
        const struct answer *a = find(s, buf, len + 8);
        if (SSL_write_ex(ssl, a->bytes, a->len, &done) != 1) {
            return;
        }
    }
}

static void *visit(void *arg)
{
    struct visitor v = *(struct visitor *)arg;
    free(arg);
    uint8_t *buf = malloc(ROOM);
    SSL *ssl = SSL_new(v.server->tls);
    must(buf && ssl && SSL_set_fd(ssl, v.fd) == 1, "a connection");
    if (SSL_accept(ssl) == 1) {
        atomic_fetch_add(&v.server->count->handshakes, 1);
        serve(v.server, ssl, buf);
    }
    SSL_free(ssl);
    free(buf);
    close(v.fd);
    return NULL;
}

static SSL_CTX *context(const char *folder)
{
    char crt[512];
    char key[512];
    char ca[512];
    snprintf(crt, sizeof crt, "%s/server.crt", folder);
    snprintf(key, sizeof key, "%s/server.key", folder);
    snprintf(ca, sizeof ca, "%s/ca.crt", folder);
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    must(tls && SSL_CTX_use_certificate_chain_file(tls, crt) == 1 &&
             SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_load_verify_locations(tls, ca, NULL) == 1,
         "its certificates");
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return tls;
}

static int listener(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof at) && !listen(fd, 64) &&
             !getsockname(fd, (struct sockaddr *)&at, &len),
         "a port");
    *port = ntohs(at.sin_port);
    return fd;
}

static void run(struct server *s, int fd)
{
    for (;;) {
        struct visitor *v = malloc(sizeof *v);
        int yes = 1;
        pthread_t thread;
        must(v != NULL, "memory");
        *v = (struct visitor){s, accept4(fd, NULL, NULL, SOCK_CLOEXEC)};
        must(v->fd >= 0, "accept");
        setsockopt(v->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        must(!pthread_create(&thread, NULL, visit, v), "a thread");
        pthread_detach(thread);
    }
}

static void child(struct fast_counts *count, const char *folder, void (*fill)(struct paper *p),
                  int out)
{
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "fast_server");
    struct server *s = calloc(1, sizeof *s);
    must(s != NULL, "memory");
    s->count = count;
    s->tls = context(folder);
    s->paper = calloc(1, sizeof *s->paper);
    must(s->paper && !pthread_mutex_init(&s->lock, NULL), "memory");
    paper_new(s->paper, test_ctx());
    fill(s->paper);
    int port;
    int fd = listener(&port);
    must(write(out, &port, sizeof port) == sizeof port, "telling its port");
    close(out);
    run(s, fd);
}

void fast_server_start(struct fast_server *s, const char *folder, void (*fill)(struct paper *p))
{
    int ends[2];
    s->count =
        mmap(NULL, sizeof *s->count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(s->count != MAP_FAILED && !pipe(ends), "shared memory");
    s->pid = fork();
    must(s->pid >= 0, "fork");
    if (s->pid == 0) {
        child(s->count, folder, fill, ends[1]);
        _exit(1);
    }
    close(ends[1]);
    must(read(ends[0], &s->port, sizeof s->port) == sizeof s->port, "it did not start");
    close(ends[0]);
}

void fast_server_stop(struct fast_server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    munmap(s->count, sizeof *s->count);
}
