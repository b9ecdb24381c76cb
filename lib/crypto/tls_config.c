#include "base/error.h"
#include "crypto/context.h"
#include "crypto/host_errors.h"
#include "crypto/tls_parts.h"
#include <openssl/x509v3.h>
#include <string.h>

/* AEAD, and an exchange whose keys are gone afterwards: a private key fetched from a KMS must not
 * be readable later by who recorded it and then got the server's key. */
static const char suites_12[] =
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
static const char suites_13[] =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
static const char groups[] = "X25519:P-256:P-384:P-521";
static const char signatures[] =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:rsa_pss_pss_sha256:rsa_pss_pss_sha384:"
    "rsa_pss_pss_sha512:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";
enum { SECURITY_LEVEL = 2, CHAIN_DEPTH = 10 };

/* libssl puts what the section system_default of the host's openssl.cnf says on every SSL_CTX, with
 * whatever library context. So nothing is left at its default here. */
static bool set_protocol(SSL_CTX *ssl)
{
    SSL_CTX_clear_options(ssl, SSL_CTX_get_options(ssl));
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                 SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
    SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) &&
           SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) &&
           SSL_CTX_set_cipher_list(ssl, suites_12) && SSL_CTX_set_ciphersuites(ssl, suites_13) &&
           SSL_CTX_set1_groups_list(ssl, groups) && SSL_CTX_set1_sigalgs_list(ssl, signatures) &&
           SSL_CTX_set1_client_sigalgs_list(ssl, signatures) && SSL_CTX_set_block_padding(ssl, 0);
}

/* Buffers stay with a connection that is kept: to give 16 KiB back wiped with each record costs
 * more than the record, and what was read from them is wiped all the same (CLEANSE_PLAINTEXT).
 *
 * libssl takes up what lies in memory until there is data for us or nothing is left: without
 * AUTO_RETRY a read that met a session ticket would ask for more while an answer is there already.
 */
static void set_modes(SSL_CTX *ssl)
{
    SSL_CTX_clear_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_mode(ssl, SSL_MODE_AUTO_RETRY);
    /* A resumed session saves a signature of a connection that is kept anyway, and a server that
     * asks for certificates and has no session id context breaks it off. */
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
}

static int on_request(SSL *ssl, void *unused)
{
    (void)unused;
    struct env_tls *tls = SSL_get_app_data(ssl);
    tls->asked = true;
    return 1;
}

/* PARTIAL_CHAIN: what stands in the CA file is trusted, be it a root or the CA between that alone
 * the operator was given. */
static bool set_verification(SSL_CTX *ssl, bool skip)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    SSL_CTX_set_verify(ssl, skip ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, env_tls_on_certificate);
    SSL_CTX_set_verify_depth(ssl, CHAIN_DEPTH);
    SSL_CTX_set_cert_cb(ssl, on_request, NULL);
    return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

static envelope_status make(struct env_tls_config *config, envelope_error *err)
{
    config->ssl = SSL_CTX_new_ex(config->ctx->crypto->lib, NULL, TLS_client_method());
    if (!config->ssl || !set_protocol(config->ssl) ||
        !set_verification(config->ssl, config->skip_verify)) {
        return env_crypto_failed(err, "setting up TLS");
    }
    set_modes(config->ssl);
    return ENVELOPE_OK;
}

static envelope_status fill(struct env_tls_config *config, const struct env_tls_options *o,
                            envelope_error *err)
{
    envelope_status st = make(config, err);
    if (!st && (o->ca_file || !o->skip_verify)) {
        st = env_tls_trust(config, o->ca_file, err);
    }
    return st ? st : env_tls_show(config, o, err);
}

envelope_status env_tls_config_new(envelope_ctx *ctx, const struct env_tls_options *options,
                                   struct env_tls_config **out, envelope_error *err)
{
    *out = NULL;
    struct env_tls_config *config = env_alloc(ctx, sizeof *config);
    if (!config) {
        return env_nomem(err);
    }
    atomic_init(&config->refs, 1);
    config->ctx = env_ctx_retain(ctx);
    config->skip_verify = options->skip_verify;
    struct env_host_errors host;
    env_host_errors_aside(&host);
    envelope_status st = fill(config, options, err);
    env_host_errors_back(&host);
    if (st) {
        env_tls_config_free(config);
        return st;
    }
    *out = config;
    return ENVELOPE_OK;
}

void env_tls_config_free(struct env_tls_config *config)
{
    /* acq_rel: what other connections did with it comes before its end */
    if (!config || atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    envelope_ctx *ctx = config->ctx;
    env_crypto_mark();
    SSL_CTX_free(config->ssl);
    env_crypto_unmark();
    env_free(ctx, config);
    env_ctx_release(ctx);
}

void env_tls_own_certificate(const struct env_tls_config *config, struct env_certificate_facts *out)
{
    *out = config->own;
}
