/* envelope/kmip.h - KMIP 1.0 to 1.4 over TLS as an envelope_kms. Optional at build time:
 * E_UNSUPPORTED. */
#ifndef ENVELOPE_KMIP_H
#define ENVELOPE_KMIP_H
#include <envelope/kms.h>
#ifdef __cplusplus
extern "C" {
#endif

/* A byte pipe under our TLS. NULL in the options: TCP sockets made here (close-on-exec, never a
 * SIGPIPE). Each `open` makes one connection, and several may be open at once; each is used by one
 * thread at a time. Errors: E_KMS_UNREACHED; from `read` and `write` E_AGAIN: the time is over, the
 * connection as it was. timeout_ms 0: do not wait (a kept connection is looked at before it is used
 * again, and one whose `read` answers anything but E_AGAIN is closed). */
typedef struct envelope_pipe_ops {
    size_t size;
    envelope_status (*open)(void *self, const char *host, const char *port, uint32_t timeout_ms,
                            void **connection, envelope_error *err);
    /* *done at least 1 */
    envelope_status (*write)(void *connection, const void *data, size_t len, size_t *done,
                             uint32_t timeout_ms, envelope_error *err);
    /* *done 0 with OK: the peer closed */
    envelope_status (*read)(void *connection, void *buf, size_t cap, size_t *done,
                            uint32_t timeout_ms, envelope_error *err);
    void (*close)(void *connection); /* exactly once for each open */
    void (*destroy)(void *self); /* exactly once, also when envelope_kmip_new fails; NULL: none */
} envelope_pipe_ops;

/* envelope_kmip_options.unwrap */
enum {
    ENVELOPE_UNWRAP_INSIDE = 1,        /* default: Decrypt on the server, else E_REFUSED */
    ENVELOPE_UNWRAP_INSIDE_OR_GET = 2, /* else fetch the private key: audited as EXPORT */
    ENVELOPE_UNWRAP_GET = 3            /* AES-256 KEKs, and servers without RSA Decrypt */
};
/* envelope_kmip_options.selector: what a key name means on this server */
enum {
    ENVELOPE_SELECT_NAME = 1, /* default */
    ENVELOPE_SELECT_GROUP = 2,
    ENVELOPE_SELECT_ID = 3
};
enum {
    ENVELOPE_KMIP_INSECURE_SKIP_VERIFY = 1u << 0,
    /* nobody else can make a key of the same name there: of several, the newest is meant, and it is
     * believed without further evidence */
    ENVELOPE_KMIP_NAMES_EXCLUSIVE = 1u << 1
};

typedef struct envelope_kmip_options {
    size_t size;
    uint32_t flags;
    int32_t unwrap;
    int32_t selector;
    int32_t
        oaep; /* for its RSA keys; 0: ENVELOPE_RSA_OAEP_SHA256. SHA1: the keyring must allow it */
    const char *endpoints;   /* "host:port,host2:port": one KMS, tried in this order */
    const char *server_name; /* in its certificate; NULL: the host */
    const char *ca_file;     /* PEM; NULL: the system's */
    const char *cert_file;   /* PEM */
    const char *key_file;    /* PEM; refused when others can read it */
    const void *key_passphrase;
    size_t key_passphrase_len;
    uint32_t connect_ms; /* 0: 3000, each endpoint */
    /* 0: 10000; for one operation of ours, with all endpoints and retries. One that makes a key
     * (create, rotate) has at least 60000 from the request on that makes it, since a server may
     * take long over RSA-4096. */
    uint32_t deadline_ms;
    uint32_t max_response_bytes; /* 0: 1 MiB */
    uint32_t reserved;
    const envelope_pipe_ops *pipe;
    void *pipe_self;
    /* Each message as TTLV, key material, data and credentials blanked (docs/kmip.md, 1.4). */
    void (*trace)(void *user, int32_t outgoing, const void *ttlv, size_t len);
    void *trace_user;
} envelope_kmip_options;

ENVELOPE_TRY envelope_status envelope_kmip_new(envelope_ctx *ctx,
                                               const envelope_kmip_options *options,
                                               envelope_kms **out, envelope_error *err);
#ifdef __cplusplus
}
#endif
#endif
