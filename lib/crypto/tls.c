#include "base/error.h"
#include "crypto/context.h"
#include "crypto/host_errors.h"
#include "crypto/tls_parts.h"
#include <arpa/inet.h>
#include <string.h>

enum { HOST_NAME_MAX_BYTES = 253 };

struct address {
    uint8_t bytes[16];
    size_t len; /* 0: a name */
};

static void parse_address(const char *name, struct address *out)
{
    *out = (struct address){0};
    if (inet_pton(AF_INET, name, out->bytes) == 1) {
        out->len = 4;
    } else if (inet_pton(AF_INET6, name, out->bytes) == 1) {
        out->len = 16;
    }
}

/* What OpenSSL compares with. A name that begins with a dot would mean "any host below" to it. */
static envelope_status plain_name(const char *name, char out[HOST_NAME_MAX_BYTES + 2],
                                  envelope_error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-._";
    size_t len = strlen(name);
    bool address = strchr(name, ':') != NULL;
    /* The zone of fe80::1%eth0 is this host's own affair; the last dot of a name only says that it
     * is whole. */
    size_t used = address ? strcspn(name, "%") : len > 1 && name[len - 1] == '.' ? len - 1 : len;
    if (used == 0 || used > HOST_NAME_MAX_BYTES ||
        (!address && (name[0] == '.' || strspn(name, allowed) != len))) {
        char safe[ENV_PRINTABLE_MAX];
        return env_fail(err, ENVELOPE_E_INVALID,
                        "\"%s\" is neither a host name nor an address: letters, digits, - and dots",
                        env_printable(safe, name));
    }
    memcpy(out, name, used);
    out[used] = 0;
    return ENVELOPE_OK;
}

static envelope_status expect(struct env_tls *tls, const char *name, envelope_error *err)
{
    char plain[HOST_NAME_MAX_BYTES + 2];
    envelope_status st = plain_name(name, plain, err);
    if (st) {
        return st;
    }
    X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
    struct address ip;
    parse_address(plain, &ip);
    bool ok = ip.len ? X509_VERIFY_PARAM_set1_ip(param, ip.bytes, ip.len) == 1
                     : X509_VERIFY_PARAM_set1_host(param, plain, 0) == 1 &&
                           SSL_set_tlsext_host_name(tls->ssl, plain) == 1;
    return ok ? ENVELOPE_OK : env_crypto_failed(err, "setting the name of a server");
}

static envelope_status start(struct env_tls *tls, const char *name, envelope_error *err)
{
    tls->ssl = SSL_new(tls->config->ssl);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (!tls->ssl || !tls->in || !tls->out || !SSL_set_app_data(tls->ssl, tls)) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        return env_crypto_failed(err, "making a TLS connection");
    }
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_connect_state(tls->ssl);
    return expect(tls, name, err);
}

envelope_status env_tls_new(struct env_tls_config *config, const char *server_name,
                            struct env_tls **out, envelope_error *err)
{
    *out = NULL;
    struct env_tls *tls = env_alloc(config->ctx, sizeof *tls);
    if (!tls) {
        return env_nomem(err);
    }
    atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
    tls->config = config;
    char safe[ENV_PRINTABLE_MAX];
    env_text_copy(tls->name, sizeof tls->name, env_printable(safe, server_name));
    struct env_host_errors host;
    env_host_errors_aside(&host);
    envelope_status st = start(tls, server_name, err);
    env_host_errors_back(&host);
    if (st) {
        env_tls_free(tls);
        return st;
    }
    *out = tls;
    return ENVELOPE_OK;
}

void env_tls_free(struct env_tls *tls)
{
    if (!tls) {
        return;
    }
    struct env_tls_config *config = tls->config;
    struct env_host_errors host;
    env_host_errors_aside(&host);
    SSL_free(tls->ssl);
    env_host_errors_back(&host);
    env_free(config->ctx, tls);
    env_tls_config_free(config);
}

static void remember_first(struct env_tls *tls, const uint8_t *data, size_t len)
{
    while (len > 0 && tls->first_len < sizeof tls->first) {
        tls->first[tls->first_len++] = *data++;
        len--;
    }
}

envelope_status env_tls_feed(struct env_tls *tls, const void *data, size_t len, envelope_error *err)
{
    remember_first(tls, data, len);
    size_t done = 0;
    struct env_host_errors host;
    env_host_errors_aside(&host);
    bool ok = len == 0 || (BIO_write_ex(tls->in, data, len, &done) && done == len);
    env_host_errors_back(&host);
    return ok ? ENVELOPE_OK : env_nomem(err);
}

void env_tls_feed_end(struct env_tls *tls)
{
    BIO_set_mem_eof_return(tls->in, 0);
}

const void *env_tls_pending(struct env_tls *tls, size_t *len)
{
    char *p = NULL;
    long n = BIO_get_mem_data(tls->out, &p);
    *len = n > 0 ? (size_t)n : 0;
    return p;
}

void env_tls_sent(struct env_tls *tls, size_t len)
{
    uint8_t gone[4096]; /* ciphertext */
    size_t n = 1;
    while (len > 0 && n > 0) {
        n = 0;
        (void)BIO_read_ex(tls->out, gone, len < sizeof gone ? len : sizeof gone, &n);
        len -= n;
    }
}

/* false: feed more. */
static bool failed(struct env_tls *tls, int ssl_error, envelope_error *err)
{
    if (ssl_error == SSL_ERROR_WANT_READ) {
        return false;
    }
    (void)env_tls_failed(tls, ssl_error, err);
    return true;
}

static envelope_status still_broken(const struct env_tls *tls, envelope_error *err)
{
    envelope_status st = tls->broken.status;
    return st ? env_error_pass(err, st, &tls->broken) : ENVELOPE_OK;
}

envelope_status env_tls_handshake(struct env_tls *tls, bool *done, envelope_error *err)
{
    *done = tls->done;
    if (tls->done || tls->broken.status) {
        return still_broken(tls, err);
    }
    struct env_host_errors host;
    env_host_errors_aside(&host);
    int n = SSL_do_handshake(tls->ssl);
    tls->done = n == 1;
    bool bad = n != 1 && failed(tls, SSL_get_error(tls->ssl, n), err);
    env_host_errors_back(&host);
    *done = tls->done;
    return bad ? tls->broken.status : ENVELOPE_OK;
}

static envelope_status check_usable(const struct env_tls *tls, envelope_error *err)
{
    envelope_status st = still_broken(tls, err);
    return st || tls->done ? st
                           : env_fail(err, ENVELOPE_E_INVALID, "the TLS handshake is not done");
}

envelope_status env_tls_write(struct env_tls *tls, const void *data, size_t len,
                              envelope_error *err)
{
    envelope_status st = check_usable(tls, err);
    if (st || len == 0) {
        return st;
    }
    size_t done = 0;
    struct env_host_errors host;
    env_host_errors_aside(&host);
    int n = SSL_write_ex(tls->ssl, data, len, &done);
    if (n != 1 || done != len) {
        st = env_tls_failed(tls, SSL_get_error(tls->ssl, n), err);
    }
    env_host_errors_back(&host);
    return st;
}

envelope_status env_tls_read(struct env_tls *tls, void *buf, size_t cap, size_t *got, bool *closed,
                             envelope_error *err)
{
    *got = 0;
    *closed = false;
    envelope_status st = check_usable(tls, err);
    if (st || cap == 0) {
        return st;
    }
    struct env_host_errors host;
    env_host_errors_aside(&host);
    int n = SSL_read_ex(tls->ssl, buf, cap, got);
    int ssl_error = n == 1 ? SSL_ERROR_NONE : SSL_get_error(tls->ssl, n);
    *closed = ssl_error == SSL_ERROR_ZERO_RETURN;
    tls->asked &= *got == 0; /* it answers: our certificate was good enough */
    bool bad = n != 1 && !*closed && failed(tls, ssl_error, err);
    env_host_errors_back(&host);
    return bad ? tls->broken.status : ENVELOPE_OK;
}

bool env_tls_drained(const struct env_tls *tls)
{
    return BIO_ctrl_pending(tls->in) == 0 && SSL_has_pending(tls->ssl) == 0;
}

void env_tls_close(struct env_tls *tls)
{
    if (!tls->done || tls->broken.status) {
        return;
    }
    struct env_host_errors host;
    env_host_errors_aside(&host);
    (void)SSL_shutdown(tls->ssl);
    env_host_errors_back(&host);
}

void env_tls_facts(struct env_tls *tls, struct env_tls_facts *out)
{
    *out = (struct env_tls_facts){.peer = tls->peer};
    if (!tls->done) {
        return;
    }
    env_text_copy(out->version, sizeof out->version, SSL_get_version(tls->ssl));
    env_text_copy(out->cipher, sizeof out->cipher, SSL_get_cipher_name(tls->ssl));
    out->resumed = SSL_session_reused(tls->ssl);
}
