#include "base/error.h"
#include "crypto/tls_parts.h"
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/tls1.h>
#include <string.h>

static const char offer[] = "TLS 1.2 or 1.3 with ECDHE and AES-GCM or ChaCha20-Poly1305";

/* What an alert says of our certificate, and what is to be done about it. */
struct refusal {
    int alert;
    const char *says;
    const char *now;
};
static const struct refusal refusals[] = {
    {SSL_AD_BAD_CERTIFICATE, "bad certificate",
     "have another issued, or see the log of the KMS for the reason"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, "unsupported certificate",
     "have one issued with extended key usage clientAuth"},
    {SSL_AD_CERTIFICATE_REVOKED, "certificate revoked", "have a new one issued"},
    {SSL_AD_CERTIFICATE_EXPIRED, "certificate expired", "have it renewed"},
    {SSL_AD_CERTIFICATE_UNKNOWN, "certificate unknown", "see the log of the KMS for the reason"},
    {SSL_AD_UNKNOWN_CA, "unknown CA",
     "have the KMS trust its CA, or use a certificate of one that it trusts"},
    {SSL_AD_ACCESS_DENIED, "access denied", "have this host admitted at the KMS"},
    {SSL_AD_HANDSHAKE_FAILURE, "handshake failure", "see the log of the KMS for the reason"},
    {TLS13_AD_CERTIFICATE_REQUIRED, "no certificate", "name a certificate and its key"},
};

static const struct refusal *refusal_of(int alert)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (refusals[i].alert == alert) {
            return &refusals[i];
        }
    }
    return NULL;
}

static envelope_status ours_missing(const struct env_tls *tls, const char *says,
                                    envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "%s demands a certificate of ours and there is none: name a certificate and "
                    "its key (alert: %s)",
                    tls->name, says);
}

static envelope_status ours_refused(const struct env_tls *tls, const struct refusal *r,
                                    envelope_error *err)
{
    const struct env_certificate_facts *own = &tls->config->own;
    char subject[ENV_TLS_NAME_MAX];
    char file[ENV_TLS_NAME_MAX];
    char from[ENV_TLS_DATE_MAX];
    char to[ENV_TLS_DATE_MAX];
    env_text_copy(subject, sizeof subject, own->subject);
    env_text_copy(file, sizeof file, tls->config->cert);
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "%s refuses our certificate: %s; it is \"%s\" of %s, valid from %s to %s: %s",
                    tls->name, r->says, subject, file, env_tls_date(from, own->not_before_ms),
                    env_tls_date(to, own->not_after_ms), r->now);
}

/* Not our certificate: what the peer has to do with. */
static envelope_status broken_off(const struct env_tls *tls, int alert, envelope_error *err)
{
    switch (alert) {
    case SSL_AD_PROTOCOL_VERSION:
        return env_fail(err, ENVELOPE_E_KMS_UNREACHED,
                        "%s speaks no version of TLS that is safe: %s is needed", tls->name, offer);
    case SSL_AD_HANDSHAKE_FAILURE:
    case SSL_AD_INSUFFICIENT_SECURITY:
        return env_fail(err, ENVELOPE_E_KMS_UNREACHED,
                        "%s shares no cipher suite with us: %s is needed; a server with an RSA "
                        "certificate that knows CBC only wants one with P-256",
                        tls->name, offer);
    case SSL_AD_UNRECOGNIZED_NAME:
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "the server there does not know itself by the name %s: say the right one "
                        "as server name",
                        tls->name);
    default:
        return env_fail(err, ENVELOPE_E_KMS_UNREACHED, "%s broke off TLS: alert %d, %s", tls->name,
                        alert, SSL_alert_desc_string_long(alert));
    }
}

/* Which side an alert is about depends on whether we were asked for a certificate: servers use
 * handshake_failure both for "none came" and for "no suite in common", and GnuTLS calls it
 * decode_error when none came. */
static envelope_status told(const struct env_tls *tls, int alert, envelope_error *err)
{
    const struct refusal *r = refusal_of(alert);
    if (tls->asked && !tls->config->own.there) {
        return ours_missing(tls, r ? r->says : SSL_alert_desc_string_long(alert), err);
    }
    return r && tls->asked ? ours_refused(tls, r, err) : broken_off(tls, alert, err);
}

static envelope_status no_tls(const struct env_tls *tls, envelope_error *err)
{
    bool http = tls->first_len == sizeof tls->first && memcmp(tls->first, "HTTP/", 5) == 0;
    return env_fail(err, ENVELOPE_E_KMS_UNREACHED, "%s answers %s: is this the port of KMIP?",
                    tls->name, http ? "in HTTP, not TLS" : "with something that is not TLS");
}

static envelope_status closed(const struct env_tls *tls, envelope_error *err)
{
    if (tls->done) {
        return env_fail(err, ENVELOPE_E_KMS_UNREACHED,
                        "%s closed the connection without TLS's farewell: what came last may be "
                        "cut off",
                        tls->name);
    }
    return env_fail(err, ENVELOPE_E_KMS_UNREACHED,
                    "%s closed the connection in the middle of the TLS handshake: is this the port "
                    "of KMIP, and does it speak %s?",
                    tls->name, offer);
}

static envelope_status own_reason(const struct env_tls *tls, unsigned long code,
                                  envelope_error *err)
{
    const char *reason = ERR_reason_error_string(code);
    switch (ERR_GET_REASON(code)) {
    case ERR_R_MALLOC_FAILURE:
        return env_nomem(err);
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return closed(tls, err);
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
        return broken_off(tls, SSL_AD_PROTOCOL_VERSION, err);
    case SSL_R_WRONG_CIPHER_RETURNED:
    case SSL_R_UNKNOWN_CIPHER_RETURNED:
        return broken_off(tls, SSL_AD_HANDSHAKE_FAILURE, err);
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
        return env_fail(err, ENVELOPE_E_KMS_UNREACHED,
                        "what %s sent was altered on the way: its seal does not fit", tls->name);
    default:
        return env_fail(err, ENVELOPE_E_KMS_UNREACHED, "TLS with %s failed: %s", tls->name,
                        reason ? reason : "no reason given");
    }
}

static envelope_status explain(const struct env_tls *tls, int ssl_error, unsigned long code,
                               envelope_error *err)
{
    int reason = ERR_GET_REASON(code);
    if (tls->finding.code && !tls->config->skip_verify) {
        return env_tls_tell_finding(tls, err);
    }
    if (ssl_error == SSL_ERROR_ZERO_RETURN || ssl_error == SSL_ERROR_SYSCALL) {
        return closed(tls, err);
    }
    bool of_tls = ERR_GET_LIB(code) == ERR_LIB_SSL;
    if (of_tls && reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) {
        return told(tls, reason - SSL_AD_REASON_OFFSET, err);
    }
    bool begun = tls->done || SSL_get_current_cipher(tls->ssl);
    if (of_tls && !begun && reason == SSL_R_WRONG_VERSION_NUMBER) {
        return no_tls(tls, err);
    }
    return own_reason(tls, code, err);
}

envelope_status env_tls_failed(struct env_tls *tls, int ssl_error, envelope_error *err)
{
    unsigned long code = ERR_peek_last_error();
    tls->broken = (envelope_error)ENVELOPE_ERROR_INIT;
    (void)explain(tls, ssl_error, code, &tls->broken);
    env_error_origin(&tls->broken, ENVELOPE_ORIGIN_OPENSSL, (int64_t)code);
    return env_error_pass(err, tls->broken.status, &tls->broken);
}
