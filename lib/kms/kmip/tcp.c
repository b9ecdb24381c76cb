/* The default pipe. A connection is a descriptor and nothing else, carried in the pointer, so that
 * there is nothing to allocate. Sockets never block: poll waits, and only as long as is left. */
#include "base/error.h"
#include "kms/kmip/client.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t env_kmip_clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int fd_of(void *connection)
{
    return (int)(intptr_t)connection - 1;
}

static int left(int64_t until)
{
    int64_t ms = until - env_kmip_clock_ms();
    return ms <= 0 ? 0 : ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* 1: ready; 0: the time is over; -1: errno. A signal of the host's does not end the wait. */
static int ready(int fd, short events, int64_t until)
{
    for (;;) {
        struct pollfd p = {fd, events, 0};
        int n = poll(&p, 1, left(until));
        if (n >= 0 || errno != EINTR) {
            return n;
        }
    }
}

/* 0, or errno. */
static int connect_one(int fd, const struct addrinfo *to, int64_t until)
{
    /* A connect that a signal interrupts goes on by itself: it is waited for like one in progress
     * (connect(2)). */
    if (connect(fd, to->ai_addr, to->ai_addrlen) && errno != EINPROGRESS && errno != EINTR) {
        return errno;
    }
    int n = ready(fd, POLLOUT, until);
    if (n <= 0) {
        return n ? errno : ETIMEDOUT;
    }
    int failed = 0;
    socklen_t len = sizeof failed;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) ? errno : failed;
}

static int socket_to(const struct addrinfo *to, int64_t until, int *out)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);
    if (fd < 0) {
        return errno;
    }
    int failed = connect_one(fd, to, until);
    if (failed) {
        close(fd);
        return failed;
    }
    /* A request is one write: waiting for more would only cost a round trip. */
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    *out = fd;
    return 0;
}

/* An address in text is taken as it is; only a name goes to the resolver, which has no timeout of
 * ours (docs/kmip.md, "Limits"). */
static int addresses(const char *host, const char *port, struct addrinfo **out)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    int st = getaddrinfo(host, port, &hints, out);
    if (st != EAI_NONAME) {
        return st;
    }
    hints.ai_flags = AI_NUMERICSERV;
    return getaddrinfo(host, port, &hints, out);
}

/* Each address gets its share of what is left, so that one that drops everything leaves time for
 * the next. */
static int connect_any(const struct addrinfo *list, int64_t until, int *fd)
{
    int64_t count = 0;
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        count++;
    }
    int failed = EADDRNOTAVAIL;
    for (const struct addrinfo *a = list; a; a = a->ai_next, count--) {
        failed = socket_to(a, env_kmip_clock_ms() + left(until) / count, fd);
        if (!failed) {
            return 0;
        }
    }
    return failed;
}

static envelope_status tcp_open(void *self, const char *host, const char *port, uint32_t timeout_ms,
                                void **connection, envelope_error *err)
{
    (void)self;
    int64_t until = env_kmip_clock_ms() + timeout_ms;
    struct addrinfo *list = NULL;
    int st = addresses(host, port, &list);
    if (st) {
        return env_fail(err, ENVELOPE_E_KMS_UNREACHED, "the name is not resolved: %s",
                        gai_strerror(st));
    }
    int fd = -1;
    int failed = connect_any(list, until, &fd);
    freeaddrinfo(list);
    if (failed) {
        return env_fail_errno(err, ENVELOPE_E_KMS_UNREACHED, failed, "no connection");
    }
    *connection = (void *)(intptr_t)(fd + 1);
    return ENVELOPE_OK;
}

/* For a call that may not go on now: OK to try again. */
static envelope_status wait_for(int fd, short events, int64_t until, envelope_error *err)
{
    if (errno == EINTR) {
        return ENVELOPE_OK;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        return env_fail_errno(err, ENVELOPE_E_KMS_UNREACHED, errno, "the connection broke");
    }
    int n = ready(fd, events, until);
    if (n < 0) {
        return env_fail_errno(err, ENVELOPE_E_KMS_UNREACHED, errno, "poll");
    }
    return n ? ENVELOPE_OK : env_fail(err, ENVELOPE_E_AGAIN, "the time is over");
}

static envelope_status tcp_write(void *connection, const void *data, size_t len, size_t *done,
                                 uint32_t timeout_ms, envelope_error *err)
{
    int fd = fd_of(connection);
    int64_t until = 0; /* mostly nothing is waited for */
    for (;;) {
        /* The host's process must not get a SIGPIPE because a KMS went away. */
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n >= 0) {
            *done = (size_t)n;
            return ENVELOPE_OK;
        }
        until = until ? until : env_kmip_clock_ms() + timeout_ms;
        envelope_status st = wait_for(fd, POLLOUT, until, err);
        if (st) {
            return st;
        }
    }
}

static envelope_status tcp_read(void *connection, void *buf, size_t cap, size_t *done,
                                uint32_t timeout_ms, envelope_error *err)
{
    int fd = fd_of(connection);
    int64_t until = 0;
    if (timeout_ms) {
        until = env_kmip_clock_ms() + timeout_ms;
        ready(fd, POLLIN, until); /* an answer is mostly still to come: one call less */
    }
    for (;;) {
        ssize_t n = recv(fd, buf, cap, 0);
        if (n >= 0) {
            *done = (size_t)n;
            return ENVELOPE_OK;
        }
        envelope_status st = wait_for(fd, POLLIN, until, err);
        if (st) {
            return st;
        }
    }
}

static void tcp_close(void *connection)
{
    close(fd_of(connection));
}

const envelope_pipe_ops env_kmip_tcp = {
    .size = sizeof(envelope_pipe_ops),
    .open = tcp_open,
    .write = tcp_write,
    .read = tcp_read,
    .close = tcp_close,
};
