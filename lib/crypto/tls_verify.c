#include "base/error.h"
#include "crypto/tls_parts.h"
#include <openssl/x509_vfy.h>
#include <string.h>

static void note(struct env_tls *tls, X509_STORE_CTX *store)
{
    struct env_tls_finding *f = &tls->finding;
    X509 *x = X509_STORE_CTX_get_current_cert(store);
    f->code = X509_STORE_CTX_get_error(store);
    f->depth = X509_STORE_CTX_get_error_depth(store);
    f->about = tls->peer;
    if (x) {
        env_tls_certificate(x, &f->about);
        env_tls_subject(X509_get_issuer_name(x), f->issuer, sizeof f->issuer);
    }
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    if (leaf) {
        env_tls_names(leaf, f->names, sizeof f->names);
    }
}

/* Changes no verdict, except where the operator wants none. */
int env_tls_on_certificate(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct env_tls *tls = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    if (leaf && !tls->peer.there) {
        env_tls_certificate(leaf, &tls->peer);
    }
    if (!ok && !tls->finding.code) {
        note(tls, store);
    }
    return ok || tls->config->skip_verify;
}

/* "the certificate of kms-a", or of whom between it and the CA. */
struct whose {
    char text[2 * ENV_TLS_NAME_MAX + 64];
};

static const char *whose(const struct env_tls *tls, struct whose *w)
{
    char subject[ENV_TLS_NAME_MAX];
    if (tls->finding.depth == 0) {
        snprintf(w->text, sizeof w->text, "the certificate of %s", tls->name);
        return w->text;
    }
    env_text_copy(subject, sizeof subject, tls->finding.about.subject);
    snprintf(w->text, sizeof w->text, "the CA certificate \"%s\", which vouches for %s,", subject,
             tls->name);
    return w->text;
}

static envelope_status wrong_time(const struct env_tls *tls, envelope_error *err)
{
    const struct env_tls_finding *f = &tls->finding;
    char date[ENV_TLS_DATE_MAX];
    char today[ENV_TLS_DATE_MAX];
    struct whose w;
    env_tls_date(today, env_now_ms());
    if (f->code == X509_V_ERR_CERT_HAS_EXPIRED) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "%s expired on %s: have it renewed at the KMS (by the clock of this host "
                        "it is %s)",
                        whose(tls, &w), env_tls_date(date, f->about.not_after_ms), today);
    }
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "%s is not valid before %s: by the clock of this host it is %s, set whichever "
                    "is wrong",
                    whose(tls, &w), env_tls_date(date, f->about.not_before_ms), today);
}

static envelope_status wrong_name(const struct env_tls *tls, envelope_error *err)
{
    const struct env_tls_finding *f = &tls->finding;
    if (!f->names[0]) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "the certificate of %s names no host in its subjectAltName (a common name "
                        "does not count): have one issued that does",
                        tls->name);
    }
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "the certificate of %s is for %s, not %s: somebody else answers there, or the "
                    "KMS has that name too: then say it as server name",
                    tls->name, f->names, tls->name);
}

static envelope_status unknown_issuer(const struct env_tls *tls, envelope_error *err)
{
    const struct env_tls_finding *f = &tls->finding;
    if (f->code == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "the certificate of %s is signed by itself and not in %s: if it is the "
                        "right one, put it there, else somebody else answers",
                        tls->name, tls->config->ca);
    }
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "the certificate of %s comes from \"%s\", which is not in %s: if the KMS has a "
                    "new CA, put its certificate there, else somebody else answers",
                    tls->name, f->issuer, tls->config->ca);
}

static envelope_status wrong_kind(const struct env_tls *tls, envelope_error *err)
{
    struct whose w;
    if (tls->finding.depth == 0) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "the certificate of %s is not one for TLS servers: its extended key usage "
                        "lacks serverAuth; have one issued with it",
                        tls->name);
    }
    return env_fail(err, ENVELOPE_E_REFUSED, "%s is not one of a CA for TLS servers",
                    whose(tls, &w));
}

static envelope_status too_weak(const struct env_tls *tls, envelope_error *err)
{
    struct whose w;
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "%s has a key or signature that is too weak (%s): have it made anew, with RSA "
                    "of 2048 bits or P-256, and SHA-256",
                    whose(tls, &w), X509_verify_cert_error_string(tls->finding.code));
}

envelope_status env_tls_tell_finding(const struct env_tls *tls, envelope_error *err)
{
    struct whose w;
    switch (tls->finding.code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return wrong_time(tls, err);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return wrong_name(tls, err);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return unknown_issuer(tls, err);
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_CA:
        return wrong_kind(tls, err);
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return too_weak(tls, err);
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "%s does not bear the signature of \"%s\" in %s: if the KMS has a new CA "
                        "of the same name, put its certificate there, else somebody else answers",
                        whose(tls, &w), tls->finding.issuer, tls->config->ca);
    default:
        return env_fail(err, ENVELOPE_E_REFUSED, "%s is refused: %s", whose(tls, &w),
                        X509_verify_cert_error_string(tls->finding.code));
    }
}
