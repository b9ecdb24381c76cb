/* crypto/tls.h - TLS 1.2 and 1.3 as a client, over memory: no socket, no wait. Whoever has the
 * bytes hands them in, and carries away what is pending. AEAD suites only; both sides show a
 * certificate. */
#ifndef ENV_CRYPTO_TLS_H
#define ENV_CRYPTO_TLS_H
#include "base/context.h"

/* What all connections to one KMS share. Threads: share it freely. */
struct env_tls_config;
struct env_tls_options {
    const char *ca_file;   /* PEM; NULL: the system's */
    const char *cert_file; /* PEM, chain behind it; NULL: none is shown */
    const char *key_file;  /* PEM; refused (E_REFUSED) when others can read it */
    const void *key_passphrase;
    size_t key_passphrase_len;
    bool skip_verify; /* the operator said so; the facts still tell what was shown */
};
/* Files are read here, once, and nowhere else. E_IO with errno; E_FORMAT: no certificate, or no
 * key, in the file; E_NO_KEY: the passphrase; E_INVALID: key and certificate do not belong
 * together, or only one of the two is named; E_REFUSED: the key file; E_NOT_FOUND: the system has
 * no CA certificates; E_LIMIT: 64 KiB for the key file, 4 MiB for the others.
 *
 * Nothing of the host's openssl.cnf (which OpenSSL reads by itself, as at any first use in a
 * process) reaches these connections, though libssl applies it to every SSL_CTX. */
envelope_status env_tls_config_new(envelope_ctx *ctx, const struct env_tls_options *options,
                                   struct env_tls_config **out, envelope_error *err);
void env_tls_config_free(struct env_tls_config *config);

enum { ENV_TLS_TEXT_MAX = 256 };
struct env_certificate_facts {
    bool there;
    char subject[ENV_TLS_TEXT_MAX]; /* printable */
    int64_t not_before_ms;
    int64_t not_after_ms;
};
/* Of our own certificate. */
void env_tls_own_certificate(const struct env_tls_config *config,
                             struct env_certificate_facts *out);

/* One connection. Threads: one at a time. */
struct env_tls;
/* server_name: a host name, or an address in text; compared with the certificate's SAN (never with
 * the common name; a wildcard stands for one whole label). E_INVALID: it is neither. */
envelope_status env_tls_new(struct env_tls_config *config, const char *server_name,
                            struct env_tls **out, envelope_error *err);
void env_tls_free(struct env_tls *tls);

/* What came from the peer; all of it is taken. */
envelope_status env_tls_feed(struct env_tls *tls, const void *data, size_t len,
                             envelope_error *err);
/* The pipe has ended: once what was fed is used up, handshake and read say E_KMS_UNREACHED, unless
 * the peer had said before that nothing follows. */
void env_tls_feed_end(struct env_tls *tls);
/* What is to be sent, borrowed until the next call on tls; 0 bytes: nothing. Ask after every
 * handshake, write, read and close; after a failure too: it tells the peer why. */
const void *env_tls_pending(struct env_tls *tls, size_t *len);
void env_tls_sent(struct env_tls *tls, size_t len);

/* OK with *done false: feed more, after pending was sent. E_REFUSED: certificates (wrong name,
 * unknown issuer, expired, ours refused by an alert); the text says which side found what and what
 * to do. E_KMS_UNREACHED: the peer does not speak TLS as we do, or closed. */
envelope_status env_tls_handshake(struct env_tls *tls, bool *done, envelope_error *err);
/* Takes all of it. */
envelope_status env_tls_write(struct env_tls *tls, const void *data, size_t len,
                              envelope_error *err);
/* *got 0 with OK: feed more, or *closed: the peer said that nothing follows. At most one record at
 * a time: call it until *got is 0. With TLS 1.3 a server may refuse our certificate only after the
 * handshake: E_REFUSED as there. */
envelope_status env_tls_read(struct env_tls *tls, void *buf, size_t cap, size_t *got, bool *closed,
                             envelope_error *err);
/* Nothing lies here of what was fed. Costs less than to read and get nothing. */
bool env_tls_drained(const struct env_tls *tls);
/* close_notify becomes pending; nothing after a failure. */
void env_tls_close(struct env_tls *tls);

struct env_tls_facts {
    char version[16]; /* "TLSv1.3" */
    char cipher[64];
    bool resumed;
    struct env_certificate_facts peer; /* also where it was refused */
};
void env_tls_facts(struct env_tls *tls, struct env_tls_facts *out);
#endif
