/* crypto/tls_parts.h - what the files of TLS share. */
#ifndef ENV_CRYPTO_TLS_PARTS_H
#define ENV_CRYPTO_TLS_PARTS_H
#include "base/text.h"
#include "crypto/tls.h"
#include <openssl/ssl.h>
#include <stdatomic.h>

struct env_tls_config {
    atomic_uint refs;
    bool skip_verify;
    envelope_ctx *ctx;
    SSL_CTX *ssl;
    char ca[ENV_PRINTABLE_MAX];   /* for texts: where the trusted certificates come from */
    char cert[ENV_PRINTABLE_MAX]; /* the file */
    struct env_certificate_facts own;
};

/* Room for one name in a line that has several. */
enum { ENV_TLS_NAME_MAX = 128, ENV_TLS_DATE_MAX = 16 };

/* The first thing that was found wrong with the peer's chain. */
struct env_tls_finding {
    int code;  /* X509_V_ERR_…; 0: nothing */
    int depth; /* 0: the peer's own certificate */
    struct env_certificate_facts about;
    char issuer[ENV_TLS_NAME_MAX];
    char names[ENV_TLS_NAME_MAX]; /* of the peer's own: hosts it is for */
};

struct env_tls {
    struct env_tls_config *config;
    SSL *ssl;
    BIO *in; /* both belong to ssl */
    BIO *out;
    bool done;  /* with the handshake */
    bool asked; /* for a certificate of ours, and not answered since */
    uint8_t first_len;
    uint8_t first[5];            /* what the peer said first: HTTP, for one */
    char name[ENV_TLS_NAME_MAX]; /* printable */
    struct env_certificate_facts peer;
    struct env_tls_finding finding;
    envelope_error broken; /* once it failed, every call fails the same way */
};

/* tls_file.c: a file read whole, at once, through a descriptor that is closed on exec. */
struct env_tls_file {
    envelope_ctx *ctx;
    char name[ENV_PRINTABLE_MAX];
    uint8_t *bytes;
    size_t len;
    bool secret; /* in the arena, and refused when others can read the file */
};
envelope_status env_tls_load(envelope_ctx *ctx, const char *path, bool secret,
                             struct env_tls_file *out, envelope_error *err);
void env_tls_forget(struct env_tls_file *file);

/* tls_trust.c */
envelope_status env_tls_trust(struct env_tls_config *config, const char *ca_file,
                              envelope_error *err);
/* All in the file, in its order; *out is the caller's, also after a failure. */
envelope_status env_tls_certificates(envelope_ctx *ctx, const char *path, STACK_OF(X509) * *out,
                                     envelope_error *err);

/* tls_own.c */
envelope_status env_tls_show(struct env_tls_config *config, const struct env_tls_options *options,
                             envelope_error *err);
struct env_tls_passphrase {
    const void *text; /* NULL: there is none */
    size_t len;
    bool asked;
};
/* pem_password_cb. Always given: OpenSSL's own asks at the terminal. */
int env_tls_passphrase(char *buf, int cap, int writing, void *user);

/* tls_text.c */
void env_tls_certificate(const X509 *x, struct env_certificate_facts *out);
void env_tls_subject(const X509_NAME *name, char *out, size_t cap);
/* "a.example, 192.0.2.1"; empty: none. */
void env_tls_names(const X509 *x, char *out, size_t cap);
/* "2026-01-02", of UTC. Returns out. */
char *env_tls_date(char out[ENV_TLS_DATE_MAX], int64_t ms);

/* tls_verify.c */
int env_tls_on_certificate(int ok, X509_STORE_CTX *store);
envelope_status env_tls_tell_finding(const struct env_tls *tls, envelope_error *err);

/* tls_failed.c: after a call of libssl that failed, with the error queue as it left it. */
envelope_status env_tls_failed(struct env_tls *tls, int ssl_error, envelope_error *err);
#endif
