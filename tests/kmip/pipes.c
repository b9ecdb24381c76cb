#include "pipes.h"
#include "kms/kmip/client.h"
#include <string.h>

struct pipe_calls pipe_calls;

static envelope_status plain_open(void *self, const char *host, const char *port,
                                  uint32_t timeout_ms, void **connection, envelope_error *err)
{
    envelope_status st = env_kmip_tcp.open(self, host, port, timeout_ms, connection, err);
    pipe_calls.open += st == ENVELOPE_OK;
    return st;
}

static envelope_status open_nothing(void *self, const char *host, const char *port,
                                    uint32_t timeout_ms, void **connection, envelope_error *err)
{
    (void)self, (void)host, (void)port, (void)timeout_ms, (void)connection, (void)err;
    return ENVELOPE_OK;
}

static envelope_status write_nothing(void *connection, const void *data, size_t len, size_t *done,
                                     uint32_t timeout_ms, envelope_error *err)
{
    (void)connection, (void)data, (void)len, (void)done, (void)timeout_ms, (void)err;
    return ENVELOPE_OK;
}

static envelope_status write_more(void *connection, const void *data, size_t len, size_t *done,
                                  uint32_t timeout_ms, envelope_error *err)
{
    envelope_status st = env_kmip_tcp.write(connection, data, len, done, timeout_ms, err);
    *done += len + 1;
    return st;
}

static envelope_status read_more(void *connection, void *buf, size_t cap, size_t *done,
                                 uint32_t timeout_ms, envelope_error *err)
{
    envelope_status st = env_kmip_tcp.read(connection, buf, cap, done, timeout_ms, err);
    *done += cap + 1;
    return st;
}

static envelope_status odd_status(void *connection, void *buf, size_t cap, size_t *done,
                                  uint32_t timeout_ms, envelope_error *err)
{
    (void)connection, (void)buf, (void)cap, (void)done, (void)timeout_ms;
    return envelope_error_set(err, ENVELOPE_E_NO_KEY, 7, "an exception\n");
}

static void plain_close(void *connection)
{
    pipe_calls.close++;
    env_kmip_tcp.close(connection);
}

static void plain_destroy(void *self)
{
    (void)self;
    pipe_calls.destroy++;
}

const envelope_pipe_ops *pipe_of(const char *name)
{
    static envelope_pipe_ops ops;
    ops = (envelope_pipe_ops){.size = sizeof ops,
                              .open = plain_open,
                              .write = env_kmip_tcp.write,
                              .read = env_kmip_tcp.read,
                              .close = plain_close,
                              .destroy = plain_destroy};
    if (!strcmp(name, "open-nothing")) {
        ops.open = open_nothing;
    } else if (!strcmp(name, "write-nothing")) {
        ops.write = write_nothing;
    } else if (!strcmp(name, "write-more")) {
        ops.write = write_more;
    } else if (!strcmp(name, "read-more")) {
        ops.read = read_more;
    } else if (!strcmp(name, "odd-status")) {
        ops.read = odd_status;
    } else if (!strcmp(name, "no-read")) {
        ops.read = NULL;
    } else if (!strcmp(name, "old")) {
        ops.size = offsetof(envelope_pipe_ops, destroy);
    } else if (strcmp(name, "plain")) {
        return NULL;
    }
    return &ops;
}
