/* driver: a host of the library's, driven line by line on standard input by the tests in Python; a
 * line of JSON answers each.
 *
 *   new KEY=VALUE...            a client: endpoints, ca, cert, key, name, connect, deadline, max,
 *                               pause, pipe (see pipes.h), and trace=1
 *   begin | end | spoil | where parts of one operation
 *   exchange FLAGS HEX          FLAGS of r (repeatable), s (secret) and k (makes a key), or -
 *   ask FLAGS HEX               begin, exchange, end
 *   threads N M FLAGS HEX       N threads, M operations each, one client
 *   queue put | queue check     the OpenSSL error queue of this thread
 *   exec                        how many sockets a program that is started here inherits
 *   fork                        a child frees the client and ends
 *   nomem KEY=VALUE... HEX      a client, an operation, the end, with each allocation failing in
 * turn pipe                        how often each function of the pipe was called free
 *
 * A SIGPIPE ends it with 99. */
#include "base/context.h"
#include "failing.h"
#include "kms/kmip/pool.h"
#include "kms_commands.h"
#include "pipes.h"
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4 << 20, WORDS_MAX = 24 };

static struct {
    envelope_ctx *ctx;
    struct env_kmip_client *client;
    struct env_kmip_operation_link *operation;
    struct env_kmip_link link;
    unsigned traced[2];
} driver;

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "driver: %s\n", what);
        exit(2);
    }
}

static void on_sigpipe(int number)
{
    (void)number;
    _exit(99);
}

static void put_text(const char *key, const char *text)
{
    printf("\"%s\": \"", key);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            putchar('\\');
        }
        putchar(*text);
    }
    printf("\"");
}

void put_status(envelope_status st, const envelope_error *err)
{
    printf("{");
    put_text("status", envelope_status_name(st));
    printf(", ");
    put_text("message", st ? err->message : "");
    printf(", \"native\": %lld}\n", st ? (long long)err->native : 0);
}

static void trace(void *user, int32_t outgoing, const void *ttlv, size_t len)
{
    (void)user;
    must(ttlv && len, "an empty trace");
    driver.traced[outgoing != 0]++;
}

static void set_option(envelope_kmip_options *o, const char *key, const char *value)
{
    if (!strcmp(key, "endpoints")) {
        o->endpoints = value;
    } else if (!strcmp(key, "ca")) {
        o->ca_file = value;
    } else if (!strcmp(key, "cert")) {
        o->cert_file = value;
    } else if (!strcmp(key, "key")) {
        o->key_file = value;
    } else if (!strcmp(key, "name")) {
        o->server_name = value;
    } else if (!strcmp(key, "connect")) {
        o->connect_ms = (uint32_t)strtoul(value, NULL, 10);
    } else if (!strcmp(key, "deadline")) {
        o->deadline_ms = (uint32_t)strtoul(value, NULL, 10);
    } else if (!strcmp(key, "max")) {
        o->max_response_bytes = (uint32_t)strtoul(value, NULL, 10);
    } else if (!strcmp(key, "pipe")) {
        o->pipe = pipe_of(value);
        must(o->pipe != NULL, "no such pipe");
    } else if (!strcmp(key, "trace")) {
        o->trace = trace;
    } else {
        must(!strcmp(key, "pause"), key);
    }
}

static const char *take_options(char **word, envelope_kmip_options *o)
{
    const char *pause = NULL;
    for (; *word; word++) {
        char *value = strchr(*word, '=');
        must(value != NULL, "KEY=VALUE");
        *value++ = 0;
        set_option(o, *word, value);
        pause = strcmp(*word, "pause") ? pause : value;
    }
    return pause;
}

static void command_new(char **word)
{
    envelope_kmip_options o = {.size = sizeof o};
    envelope_error err = ENVELOPE_ERROR_INIT;
    const char *pause = take_options(word, &o);
    envelope_status st = env_kmip_client_new(driver.ctx, &o, &driver.client, &err);
    if (!st && pause) {
        driver.client->pause_ms = (uint32_t)strtoul(pause, NULL, 10);
    }
    put_status(st, &err);
}

static void command_open(char **word)
{
    envelope_kmip_options o = {.size = sizeof o};
    take_options(word, &o);
    kms_open(driver.ctx, &o);
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static struct env_kmip_call call_of(const char *flags, const char *hex, uint8_t **bytes)
{
    size_t len = strlen(hex) / 2;
    *bytes = malloc(len + 1);
    must(*bytes != NULL, "memory");
    for (size_t i = 0; i < len; i++) {
        (*bytes)[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    }
    return (struct env_kmip_call){*bytes, len, strchr(flags, 's') != NULL,
                                  strchr(flags, 'r') != NULL, strchr(flags, 'k') != NULL};
}

static void exchange(const char *flags, const char *hex)
{
    uint8_t *bytes;
    struct env_kmip_call call = call_of(flags, hex, &bytes);
    struct env_kmip_reply reply;
    envelope_error err = ENVELOPE_ERROR_INIT;
    int64_t start = env_kmip_clock_ms();
    envelope_status st = driver.link.exchange(driver.link.self, &call, &reply, &err);
    int64_t took = env_kmip_clock_ms() - start;
    must(!st == (reply.bytes != NULL), "a reply exactly where it worked");
    printf("{");
    put_text("status", envelope_status_name(st));
    printf(", ");
    put_text("message", st ? err.message : "");
    printf(", \"native\": %lld, \"ms\": %lld, \"reply\": \"", st ? (long long)err.native : 0,
           (long long)took);
    for (size_t i = 0; i < reply.len; i++) {
        printf("%02x", reply.bytes[i]);
    }
    printf("\"}\n");
    env_kmip_reply_free(driver.ctx, &reply);
    free(bytes);
}

static void command_begin(void)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    put_status(env_kmip_operation_begin(driver.client, &driver.operation, &driver.link, &err),
               &err);
}

static void command_end(void)
{
    env_kmip_operation_end(driver.operation);
    driver.operation = NULL;
}

static void command_ask(const char *flags, const char *hex)
{
    must(!env_kmip_operation_begin(driver.client, &driver.operation, &driver.link, NULL), "begin");
    exchange(flags, hex);
    command_end();
}

static void command_where(void)
{
    struct env_kmip_where where;
    env_kmip_operation_where(driver.operation, &where);
    printf("{");
    put_text("host", where.endpoint.host);
    printf(", ");
    put_text("port", where.endpoint.port);
    printf(", ");
    put_text("version", where.tls.version);
    printf(", ");
    put_text("subject", where.tls.peer.subject);
    printf(", ");
    put_text("own", where.own.subject);
    printf("}\n");
}

static envelope_status whole_job(envelope_ctx *ctx, const envelope_kmip_options *o,
                                 const struct env_kmip_call *call)
{
    struct env_kmip_client *client = NULL;
    struct env_kmip_operation_link *operation = NULL;
    struct env_kmip_link link;
    struct env_kmip_reply reply = {0};
    envelope_status st = env_kmip_client_new(ctx, o, &client, NULL);
    st = st ? st : env_kmip_operation_begin(client, &operation, &link, NULL);
    st = st ? st : link.exchange(link.self, call, &reply, NULL);
    env_kmip_reply_free(ctx, &reply);
    env_kmip_operation_end(operation);
    env_kmip_client_free(client);
    return st;
}

static void command_nomem(char **word)
{
    struct failing f = {0};
    envelope_ctx *ctx;
    envelope_ctx_options options = failing_options(&f);
    envelope_kmip_options o = {.size = sizeof o};
    uint8_t *bytes;
    size_t last = 0;
    while (word[last + 1]) {
        last++;
    }
    struct env_kmip_call call = call_of("r", word[last], &bytes);
    word[last] = NULL;
    take_options(word, &o);
    must(!envelope_ctx_new(&options, &ctx, NULL), "a context");
    long before = f.live;
    long odd = 0;
    long runs = 0;
    do {
        f.calls = 0;
        f.fail_at = ++runs;
        envelope_status st = whole_job(ctx, &o, &call);
        odd += f.calls >= runs ? st != ENVELOPE_E_NOMEM : st != ENVELOPE_OK;
        odd += f.live != before;
    } while (f.calls >= runs);
    envelope_ctx_free(ctx);
    free(bytes);
    printf("{\"runs\": %ld, \"odd\": %ld}\n", runs, odd);
}

struct worker {
    pthread_t thread;
    const struct env_kmip_call *call;
    int rounds;
    int failed;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < w->rounds; i++) {
        struct env_kmip_operation_link *operation;
        struct env_kmip_link link;
        struct env_kmip_reply reply;
        if (env_kmip_operation_begin(driver.client, &operation, &link, NULL)) {
            w->failed++;
            continue;
        }
        w->failed += link.exchange(link.self, w->call, &reply, NULL) != ENVELOPE_OK;
        env_kmip_reply_free(driver.ctx, &reply);
        env_kmip_operation_end(operation);
    }
    return NULL;
}

static void command_threads(char **word)
{
    enum { MOST = 32 };
    struct worker w[MOST];
    int n = (int)strtol(word[0], NULL, 10);
    int failed = 0;
    uint8_t *bytes;
    struct env_kmip_call call = call_of(word[2], word[3], &bytes);
    must(n > 0 && n <= MOST, "threads");
    for (int i = 0; i < n; i++) {
        w[i] = (struct worker){.call = &call, .rounds = (int)strtol(word[1], NULL, 10)};
        must(!pthread_create(&w[i].thread, NULL, work, &w[i]), "pthread_create");
    }
    for (int i = 0; i < n; i++) {
        pthread_join(w[i].thread, NULL);
        failed += w[i].failed;
    }
    free(bytes);
    printf("{\"failed\": %d}\n", failed);
}

/* Of the host's own, in this thread. */
enum { HOST_ERRORS = 5 };
static void command_queue(const char *what)
{
    int wrong = 0;
    if (!strcmp(what, "put")) {
        ERR_clear_error();
        for (int i = 0; i < HOST_ERRORS; i++) {
            ERR_raise(ERR_LIB_USER, 100 + i);
        }
    } else {
        for (int i = 0; i < HOST_ERRORS; i++) {
            unsigned long code = ERR_get_error();
            wrong += ERR_GET_LIB(code) != ERR_LIB_USER || ERR_GET_REASON(code) != 100 + i;
        }
        wrong += ERR_peek_error() != 0;
    }
    printf("{\"wrong\": %d}\n", wrong);
}

static void command_exec(void)
{
    FILE *f = popen("find /proc/self/fd -lname 'socket:*' | wc -l", "r");
    int sockets = -1;
    must(f && fscanf(f, "%d", &sockets) == 1, "find");
    pclose(f);
    printf("{\"sockets\": %d}\n", sockets);
}

static void command_fork(void)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        env_kmip_client_free(driver.client);
        _exit(0);
    }
    must(waitpid(child, &status, 0) == child, "waitpid");
    printf("{\"exit\": %d}\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void command(char **word)
{
    if (!strcmp(word[0], "new")) {
        command_new(word + 1);
    } else if (!strcmp(word[0], "begin")) {
        command_begin();
    } else if (!strcmp(word[0], "exchange")) {
        exchange(word[1], word[2]);
    } else if (!strcmp(word[0], "ask")) {
        command_ask(word[1], word[2]);
    } else if (!strcmp(word[0], "where")) {
        command_where();
    } else if (!strcmp(word[0], "threads")) {
        command_threads(word + 1);
    } else if (!strcmp(word[0], "queue")) {
        command_queue(word[1]);
    } else if (!strcmp(word[0], "exec")) {
        command_exec();
    } else if (!strcmp(word[0], "fork")) {
        command_fork();
    } else if (!strcmp(word[0], "nomem")) {
        command_nomem(word + 1);
    } else if (!strcmp(word[0], "pipe")) {
        const struct pipe_calls *c = &pipe_calls;
        printf("{\"open\": %d, \"close\": %d, \"destroy\": %d, \"traced\": [%u, %u]}\n", c->open,
               c->close, c->destroy, driver.traced[1], driver.traced[0]);
    } else if (!strcmp(word[0], "spoil")) {
        driver.link.spoil(driver.link.self);
        printf("{}\n");
    } else if (!strcmp(word[0], "end")) {
        command_end();
        printf("{}\n");
    } else if (!strcmp(word[0], "free")) {
        env_kmip_client_free(driver.client);
        driver.client = NULL;
        printf("{}\n");
    } else if (!strcmp(word[0], "open")) {
        command_open(word + 1);
    } else {
        must(kms_command(word), word[0]);
    }
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_sigpipe};
    sigaction(SIGPIPE, &action, NULL);
    must(!envelope_ctx_new(NULL, &driver.ctx, NULL), "a context");
    char *line = malloc(LINE_MAX_BYTES);
    must(line != NULL, "memory");
    while (fgets(line, LINE_MAX_BYTES, stdin)) {
        char *word[WORDS_MAX + 1] = {NULL};
        char *rest = NULL;
        size_t n = 0;
        for (char *w = strtok_r(line, " \n", &rest); w && n < WORDS_MAX;
             w = strtok_r(NULL, " \n", &rest)) {
            word[n++] = w;
        }
        if (n) {
            command(word);
            fflush(stdout);
        }
    }
    free(line);
    if (driver.operation) {
        command_end();
    }
    env_kmip_client_free(driver.client);
    kms_close();
    envelope_ctx_free(driver.ctx);
    return 0;
}
