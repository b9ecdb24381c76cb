#include "tls_peer.h"
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool ok, const char *what)
{
    if (!ok) {
        printf("Bail out! the server of the test: %s\n", what);
        exit(1);
    }
}

/* What an openssl.cnf may have put on every SSL_CTX is taken back: the server is as the test says.
 */
static void set_plain(SSL_CTX *ctx, const struct peer_wish *wish)
{
    SSL_CTX_clear_options(ctx, SSL_CTX_get_options(ctx));
    SSL_CTX_set_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_num_tickets(ctx, 1);
    int low = wish->version ? wish->version : TLS1_2_VERSION;
    int high = wish->version ? wish->version : TLS1_3_VERSION;
    need(SSL_CTX_set_min_proto_version(ctx, low) && SSL_CTX_set_max_proto_version(ctx, high) &&
             SSL_CTX_set_cipher_list(ctx, wish->suites ? wish->suites : "ALL:@SECLEVEL=0") &&
             SSL_CTX_set_ciphersuites(ctx, TLS_DEFAULT_CIPHERSUITES) &&
             SSL_CTX_set1_groups_list(ctx, "X25519:P-256") &&
             SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256:ECDSA+SHA1:RSA+SHA256:RSA+SHA1:"
                                            "rsa_pss_rsae_sha256"),
         "settings");
}

static void demand(SSL_CTX *ctx, const struct cert *ca)
{
    if (!ca) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        return;
    }
    need(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca->x) &&
             SSL_CTX_add_client_CA(ctx, ca->x),
         "CA of clients");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

void peer_start(struct peer *peer, const struct peer_wish *wish)
{
    *peer = (struct peer){.budget = SIZE_MAX};
    peer->ctx = SSL_CTX_new_ex(certs_library(), NULL, TLS_server_method());
    need(peer->ctx, "SSL_CTX");
    set_plain(peer->ctx, wish);
    demand(peer->ctx, wish->demands);
    need(SSL_CTX_use_certificate(peer->ctx, wish->cert->x) == 1 &&
             SSL_CTX_use_PrivateKey(peer->ctx, wish->cert->key) == 1,
         "certificate");
    need(!wish->between || SSL_CTX_add1_chain_cert(peer->ctx, wish->between->x), "chain");
    peer->ssl = SSL_new(peer->ctx);
    peer->in = BIO_new(BIO_s_mem());
    peer->out = BIO_new(BIO_s_mem());
    need(peer->ssl && peer->in && peer->out, "SSL");
    SSL_set_bio(peer->ssl, peer->in, peer->out);
    SSL_set_accept_state(peer->ssl);
}

void peer_end(struct peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->ctx);
    *peer = (struct peer){0};
}

static void serve(struct peer *peer)
{
    if (peer->done || peer->failed) {
        return;
    }
    int n = SSL_do_handshake(peer->ssl);
    peer->done = n == 1;
    peer->failed = n != 1 && SSL_get_error(peer->ssl, n) != SSL_ERROR_WANT_READ;
    ERR_clear_error();
}

void peer_take(struct peer *peer, struct env_tls *tls)
{
    size_t len;
    const void *p;
    while ((p = env_tls_pending(tls, &len)), len > 0) {
        size_t n = peer->step && peer->step < len ? peer->step : len;
        need(BIO_write(peer->in, p, (int)n) == (int)n, "memory");
        env_tls_sent(tls, n);
        serve(peer);
    }
}

/* At most step bytes; false: there are none. */
static bool give_some(struct peer *peer, struct env_tls *tls)
{
    uint8_t buf[65536];
    size_t n = peer->step && peer->step < sizeof buf ? peer->step : sizeof buf;
    size_t left = peer->budget - peer->carried;
    n = n < left ? n : left;
    int got = n ? BIO_read(peer->out, buf, (int)n) : 0;
    if (got <= 0) {
        return false;
    }
    if (peer->flip > peer->carried && peer->flip <= peer->carried + (size_t)got) {
        buf[peer->flip - peer->carried - 1] ^= 1;
    }
    peer->carried += (size_t)got;
    need(env_tls_feed(tls, buf, (size_t)got, NULL) == ENVELOPE_OK, "feed");
    return true;
}

void peer_give(struct peer *peer, struct env_tls *tls)
{
    while (give_some(peer, tls)) {
    }
    if (peer->carried == peer->budget && !peer->cut) {
        env_tls_feed_end(tls);
        peer->cut = true;
    }
}

/* As a client would: one piece, one call. */
static envelope_status hear(struct peer *peer, struct env_tls *tls, bool *done, bool *moved,
                            envelope_error *err)
{
    envelope_status st = env_tls_handshake(tls, done, err);
    while (!st && give_some(peer, tls)) {
        *moved = true;
        st = env_tls_handshake(tls, done, err);
    }
    if (!st && peer->carried == peer->budget && !peer->cut) {
        env_tls_feed_end(tls);
        peer->cut = true;
        st = env_tls_handshake(tls, done, err);
    }
    return st;
}

envelope_status peer_handshake(struct peer *peer, struct env_tls *tls, envelope_error *err)
{
    bool done = false;
    for (;;) {
        bool moved = false;
        envelope_status st = hear(peer, tls, &done, &moved, err);
        size_t len;
        (void)env_tls_pending(tls, &len);
        peer_take(peer, tls);
        if (st || (!moved && len == 0)) {
            return st ? st : done && peer->done ? ENVELOPE_OK : ENVELOPE_E_AGAIN;
        }
    }
}

envelope_status client_config(envelope_ctx *ctx, const struct client_wish *wish,
                              struct env_tls_config **out, envelope_error *err)
{
    const struct env_tls_options o = {
        .ca_file = wish->ca,
        .cert_file = wish->cert,
        .key_file = wish->key,
        .key_passphrase = wish->passphrase,
        .key_passphrase_len = wish->passphrase ? strlen(wish->passphrase) : 0,
        .skip_verify = wish->skip_verify,
    };
    return env_tls_config_new(ctx, &o, out, err);
}
