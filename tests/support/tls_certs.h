/* tls_certs.h - certificates with keys of P-256, made on the spot. All is done in a library context
 * of the test's own, so that a process whose default one is broken can still make them. The program
 * ends where OpenSSL fails. */
#ifndef TESTS_TLS_CERTS_H
#define TESTS_TLS_CERTS_H
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

struct cert {
    EVP_PKEY *key;
    X509 *x;
};
struct cert_wish {
    const char *name; /* the common name */
    const char *san;  /* as in openssl.cnf: "DNS:kms-a,IP:127.0.0.1"; NULL: none */
    const char *eku;  /* NULL: none */
    long from;        /* seconds from now; both 0: since an hour, for a day */
    long to;
    bool ca;
    bool no_key_id;  /* its issuer is told by name alone */
    const char *key; /* NULL: "P-256"; "RSA-1024" is the other that is known */
};

OSSL_LIB_CTX *certs_library(void);
/* issuer NULL: signed by itself. */
struct cert cert_make(const struct cert_wish *wish, const struct cert *issuer);
/* Another certificate for the same key. */
struct cert cert_again(const struct cert *old, const struct cert_wish *wish,
                       const struct cert *issuer);
void cert_free(struct cert *cert);

/* PEM files of mode 0600; b, c may be NULL. */
void cert_write(const char *path, const struct cert *a, const struct cert *b, const struct cert *c);
/* passphrase NULL: plain. */
void cert_write_key(const char *path, const struct cert *cert, const char *passphrase);
#endif
