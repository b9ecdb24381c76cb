/* bench_kmip [ROUNDS [AT-MOST]]: 1,000 unwraps by envelope_kms_unwrap_many, one at a time, over one
 * kept connection, beside a bare client: SSL_write of a request made before, SSL_read of its
 * answer. Both ask the same server, which looks its answers up and does nothing else. The two take
 * turns in one process, and what counts is the processor time of both sides, client and server:
 * what others do to the machine is not ours. Medians are compared; time by the clock is printed
 * beside.
 *
 * Fails when the library takes more than AT-MOST times as long, when it shook hands more than once,
 * or when a batch of 100 took more than one round trip. KMIP_CERTIFICATES: see
 * with_certificates.py. */
#include "failing.h"
#include "fast_server.h"
#include <arpa/inet.h>
#include <envelope/kmip.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { UNWRAPS = 1000, ROUNDS_MAX = 500, BATCH = 100, POOL = 1, WRAPPED_MAX = 1024, ROOM = 8192 };

struct race {
    struct fast_server server;
    envelope_ctx *ctx;
    struct paper paper; /* of this process: to wrap with */
    envelope_kms *kms;
    uint8_t dek[32];
    uint8_t wrapped[WRAPPED_MAX];
    size_t wrapped_len;
    envelope_key_ref key;
    size_t traced; /* length of the last request */
    SSL_CTX *tls;
    SSL *ssl;
    uint8_t request[ROOM];
    size_t request_len;
    uint8_t answer[ROOM];
    size_t answer_len;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench_kmip: %s\n", what);
        exit(1);
    }
}

struct cost {
    double processor;
    double clock;
};

static double clock_of(clockid_t id)
{
    struct timespec t;
    must(!clock_gettime(id, &t), "a clock");
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct cost now(const struct race *b)
{
    clockid_t server;
    must(!clock_getcpuclockid(b->server.pid, &server), "the clock of the server");
    return (struct cost){clock_of(CLOCK_THREAD_CPUTIME_ID) + clock_of(server),
                         clock_of(CLOCK_MONOTONIC)};
}

static struct cost since(const struct race *b, struct cost start)
{
    struct cost end = now(b);
    return (struct cost){end.processor - start.processor, end.clock - start.clock};
}

/* Client and server take turns anyway; on one processor what it costs to wake another one is not in
 * the way. */
static void stay_here(void)
{
    cpu_set_t here;
    int cpu = sched_getcpu();
    CPU_ZERO(&here);
    CPU_SET((size_t)(cpu < 0 ? 0 : cpu), &here);
    (void)sched_setaffinity(0, sizeof here, &here);
}

static void fill(struct paper *p)
{
    paper_pair(p, "1", "vm", POOL, 1000, true);
}

static void trace(void *user, int32_t outgoing, const void *ttlv, size_t len)
{
    struct race *b = user;
    (void)ttlv;
    b->traced = outgoing ? len : b->traced;
}

/* -- the library */

static envelope_kms *open_kms(struct race *b, const char *folder, bool traced)
{
    char endpoint[64];
    char ca[512];
    char cert[512];
    char key[512];
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_kms *kms;
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%d", b->server.port);
    snprintf(ca, sizeof ca, "%s/ca.crt", folder);
    snprintf(cert, sizeof cert, "%s/backup.crt", folder);
    snprintf(key, sizeof key, "%s/backup.key", folder);
    envelope_kmip_options o = {.size = sizeof o,
                               .endpoints = endpoint,
                               .ca_file = ca,
                               .cert_file = cert,
                               .key_file = key,
                               .deadline_ms = 60000,
                               .trace = traced ? trace : NULL,
                               .trace_user = b};
    must(!envelope_kmip_new(b->ctx, &o, &kms, &err), err.message);
    return kms;
}

static void unwrap(struct race *b, envelope_kms *kms, size_t count)
{
    static envelope_unwrap item[BATCH];
    static uint8_t out[BATCH][32];
    envelope_error err = ENVELOPE_ERROR_INIT;
    for (size_t i = 0; i < count; i++) {
        item[i] = (envelope_unwrap){.size = sizeof item[i],
                                    .key = &b->key,
                                    .algorithm = ENVELOPE_RSA_OAEP_SHA256,
                                    .in = b->wrapped,
                                    .in_len = b->wrapped_len,
                                    .out = out[i],
                                    .cap = sizeof out[i]};
    }
    must(!envelope_kms_unwrap_many(kms, item, count, &err), err.message);
    for (size_t i = 0; i < count; i++) {
        must(!item[i].status && item[i].len == 32 && !memcmp(out[i], b->dek, 32),
             "an unwrap went wrong");
    }
}

static struct cost by_library(struct race *b, size_t count)
{
    struct cost start = now(b);
    for (size_t i = 0; i < count; i++) {
        unwrap(b, b->kms, 1);
    }
    return since(b, start);
}

/* -- the bare client */

static void bare_connect(struct race *b, const char *folder)
{
    char crt[512];
    char key[512];
    char ca[512];
    snprintf(crt, sizeof crt, "%s/backup.crt", folder);
    snprintf(key, sizeof key, "%s/backup.key", folder);
    snprintf(ca, sizeof ca, "%s/ca.crt", folder);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)b->server.port)};
    int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && !connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    b->tls = SSL_CTX_new(TLS_client_method());
    must(b->tls && SSL_CTX_load_verify_locations(b->tls, ca, NULL) == 1 &&
             SSL_CTX_use_certificate_chain_file(b->tls, crt) == 1 &&
             SSL_CTX_use_PrivateKey_file(b->tls, key, SSL_FILETYPE_PEM) == 1,
         "its certificates");
    SSL_CTX_set_verify(b->tls, SSL_VERIFY_PEER, NULL);
    b->ssl = SSL_new(b->tls);
    must(b->ssl && SSL_set_fd(b->ssl, fd) == 1 && SSL_connect(b->ssl) == 1, "SSL_connect");
}

static void read_all(struct race *b, uint8_t *p, size_t len)
{
    for (size_t got; len; p += got, len -= got) {
        must(SSL_read_ex(b->ssl, p, len, &got) == 1, "SSL_read");
    }
}

static size_t bare_exchange(struct race *b, uint8_t *answer)
{
    size_t done;
    must(SSL_write_ex(b->ssl, b->request, b->request_len, &done) == 1, "SSL_write");
    read_all(b, answer, 8);
    size_t len = (size_t)answer[6] << 8 | answer[7];
    must(len <= ROOM - 8, "a long answer");
    read_all(b, answer + 8, len);
    return len + 8;
}

static struct cost by_hand(struct race *b, size_t count)
{
    static uint8_t answer[ROOM];
    struct cost start = now(b);
    for (size_t i = 0; i < count; i++) {
        must(bare_exchange(b, answer) == b->answer_len, "another answer");
        must(!memcmp(answer, b->answer, b->answer_len), "another answer");
    }
    return since(b, start);
}

static void prepare_bare(struct race *b, const char *folder)
{
    const struct env_kmip_version version = {1, 4};
    const struct env_kmip_oaep form = {ENV_HASH_SHA256, true, false};
    struct env_ttlv_out o = env_ttlv_out_over(b->request, sizeof b->request);
    env_kmip_request_begin(&o, &version, ENV_KMIP_SECRET_MAX, 1);
    env_kmip_item_begin(&o, ENV_KMIP_DECRYPT, 0, 1);
    env_kmip_put_decrypt(&o, "1-priv", &form, ENV_BYTES(b->wrapped, b->wrapped_len));
    env_kmip_item_end(&o);
    b->request_len = env_kmip_request_end(&o);
    must(b->request_len == b->traced, "its request is another one than the library's");
    bare_connect(b, folder);
    b->answer_len = bare_exchange(b, b->answer);
}

/* -- the two beside each other */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct cost *cost, size_t n, bool clock)
{
    static double v[ROUNDS_MAX];
    for (size_t i = 0; i < n; i++) {
        v[i] = clock ? cost[i].clock : cost[i].processor;
    }
    qsort(v, n, sizeof *v, by_size);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double tell(const char *what, double library, double hand, size_t each)
{
    printf("%s for an unwrap: library %.1f us, bare %.1f us, ratio %.3f\n", what,
           library / (double)each * 1e6, hand / (double)each * 1e6, library / hand);
    return library / hand;
}

static double compare(struct race *b, size_t rounds)
{
    static struct cost library[ROUNDS_MAX];
    static struct cost hand[ROUNDS_MAX];
    size_t each = UNWRAPS / rounds;
    for (size_t i = 0; i < rounds; i++) {
        if (i % 2) {
            hand[i] = by_hand(b, each);
        }
        library[i] = by_library(b, each);
        if (i % 2 == 0) {
            hand[i] = by_hand(b, each);
        }
    }
    tell("clock", median(library, rounds, true), median(hand, rounds, true), each);
    return tell("processor", median(library, rounds, false), median(hand, rounds, false), each);
}

static void check_counts(struct race *b, unsigned handshakes)
{
    struct fast_counts *count = b->server.count;
    must(atomic_load(&count->handshakes) - handshakes == 1, "more than one handshake");
    unsigned before = atomic_load(&count->requests);
    unwrap(b, b->kms, BATCH);
    must(atomic_load(&count->requests) - before == 1, "more than one round trip for a batch");
    must(atomic_load(&count->handshakes) - handshakes == 1, "more than one handshake");
    printf("1 handshake; a batch of %d in 1 round trip\n", BATCH);
}

int main(int argc, char **argv)
{
    static struct race b;
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
    double at_most = argc > 2 ? strtod(argv[2], NULL) : 1e9;
    const char *folder = getenv("KMIP_CERTIFICATES");
    must(folder && rounds > 0 && rounds <= ROUNDS_MAX && UNWRAPS % rounds == 0,
         "KMIP_CERTIFICATES, or rounds");
    stay_here();
    fast_server_start(&b.server, folder, fill);
    b.ctx = test_ctx();
    paper_new(&b.paper, b.ctx);
    memset(b.dek, 0x5a, sizeof b.dek);
    b.wrapped_len = paper_wrap(&b.paper, POOL, ENVELOPE_RSA_OAEP_SHA256, b.dek, b.wrapped);
    b.key = (envelope_key_ref){.size = sizeof b.key, .key_name = "vm", .key_id = "1-priv"};
    b.key.has_fingerprint = 1;
    paper_fingerprint(&b.paper, POOL, b.key.fingerprint);

    envelope_kms *first = open_kms(&b, folder, true);
    unwrap(&b, first, 1);
    unwrap(&b, first, 1);
    envelope_kms_free(first);
    prepare_bare(&b, folder);
    unsigned handshakes = atomic_load(&b.server.count->handshakes);
    b.kms = open_kms(&b, folder, false);
    unwrap(&b, b.kms, 1);
    double ratio = compare(&b, rounds);
    check_counts(&b, handshakes);

    envelope_kms_free(b.kms);
    SSL_free(b.ssl);
    SSL_CTX_free(b.tls);
    envelope_ctx_free(b.ctx);
    fast_server_stop(&b.server);
    must(ratio <= at_most, "too slow");
    return 0;
}
