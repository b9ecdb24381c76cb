#include "base/error.h"
#include "crypto/context.h"
#include "crypto/tls_parts.h"
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static X509 *next_certificate(envelope_ctx *ctx, BIO *bio)
{
    struct env_tls_passphrase none = {0};
    X509 *x = X509_new_ex(ctx->crypto->lib, NULL);
    if (!x || !PEM_read_bio_X509(bio, &x, env_tls_passphrase, &none)) {
        X509_free(x);
        return NULL;
    }
    /* What OpenSSL finds out about a certificate it keeps in it: now, before threads share it. */
    (void)X509_check_purpose(x, -1, 0);
    return x;
}

/* All in the file, in its order; *out is freed by the caller. */
static envelope_status read_certificates(const struct env_tls_file *file, STACK_OF(X509) * *out,
                                         envelope_error *err)
{
    BIO *bio = BIO_new_mem_buf(file->bytes, (int)file->len);
    *out = sk_X509_new_null();
    if (!bio || !*out) {
        BIO_free(bio);
        return env_nomem(err);
    }
    X509 *x;
    while ((x = next_certificate(file->ctx, bio)) != NULL) {
        if (!sk_X509_push(*out, x)) {
            X509_free(x);
            break;
        }
    }
    bool whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(bio);
    ERR_clear_error();
    if (!whole) {
        return env_fail(err, ENVELOPE_E_FORMAT, "certificate %d in %s cannot be read",
                        sk_X509_num(*out) + 1, file->name);
    }
    return sk_X509_num(*out) > 0
               ? ENVELOPE_OK
               : env_fail(err, ENVELOPE_E_FORMAT, "no certificate (PEM) in %s", file->name);
}

envelope_status env_tls_certificates(envelope_ctx *ctx, const char *path, STACK_OF(X509) * *out,
                                     envelope_error *err)
{
    *out = NULL;
    struct env_tls_file file;
    envelope_status st = env_tls_load(ctx, path, false, &file, err);
    if (st) {
        return st;
    }
    st = read_certificates(&file, out, err);
    env_tls_forget(&file);
    return st;
}

static envelope_status trust_file(struct env_tls_config *config, const char *path,
                                  envelope_error *err)
{
    STACK_OF(X509) * all;
    envelope_status st = env_tls_certificates(config->ctx, path, &all, err);
    X509_STORE *store = SSL_CTX_get_cert_store(config->ssl);
    for (int i = 0; !st && i < sk_X509_num(all); i++) {
        if (!X509_STORE_add_cert(store, sk_X509_value(all, i))) {
            st = env_crypto_failed(err, "trusting a CA certificate");
        }
    }
    sk_X509_pop_free(all, X509_free);
    return st;
}

/* "9d04f354.0": eight digits of a hash. The other names there are of the same certificates. */
static bool hashed(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' && name[9] >= '0' &&
           name[9] <= '9';
}

/* How many of the files of OpenSSL's folder could be read. */
static int trust_folder(struct env_tls_config *config, const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder); /* close-on-exec */
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) != NULL) {
        char path[1024];
        int n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        count += hashed(entry->d_name) && n < (int)sizeof path && !trust_file(config, path, NULL);
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

/* SSL_CTX_set_default_verify_paths would obey the environment, and read when it pleases. */
static envelope_status trust_system(struct env_tls_config *config, envelope_error *err)
{
    int count = trust_folder(config, X509_get_default_cert_dir()) +
                !trust_file(config, X509_get_default_cert_file(), NULL);
    return count > 0 ? ENVELOPE_OK
                     : env_fail(err, ENVELOPE_E_NOT_FOUND,
                                "the system has no CA certificates in %s: name the CA file of the "
                                "KMS",
                                X509_get_default_cert_dir());
}

envelope_status env_tls_trust(struct env_tls_config *config, const char *ca_file,
                              envelope_error *err)
{
    if (!ca_file) {
        snprintf(config->ca, sizeof config->ca, "the system's CA certificates");
        return trust_system(config, err);
    }
    char name[ENV_PRINTABLE_MAX];
    char cut[ENV_PRINTABLE_MAX - 16];
    env_text_copy(cut, sizeof cut, env_printable(name, ca_file));
    snprintf(config->ca, sizeof config->ca, "CA file %s", cut);
    return trust_file(config, ca_file, err);
}
