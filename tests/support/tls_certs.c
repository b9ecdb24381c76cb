#include "tls_certs.h"
#include "scratch.h"
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static OSSL_LIB_CTX *library;

static void need(bool ok, const char *what)
{
    if (!ok) {
        printf("Bail out! certificates of the test: %s\n", what);
        exit(1);
    }
}

OSSL_LIB_CTX *certs_library(void)
{
    if (!library) {
        library = OSSL_LIB_CTX_new();
        need(library, "library context");
    }
    return library;
}

static void name_it(X509_NAME *name, const char *text)
{
    need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1,
                                    0),
         "name");
}

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX c;
    if (!value) {
        return;
    }
    X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
    need(e && X509_add_ext(x, e, -1), value);
    X509_EXTENSION_free(e);
}

static void extend_all(X509 *x, X509 *issuer, const struct cert_wish *wish)
{
    extend(x, issuer, NID_basic_constraints, wish->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(x, issuer, NID_key_usage, wish->ca ? "critical,keyCertSign" : "digitalSignature");
    if (!wish->no_key_id) {
        /* not "hash": that is computed in the default library context */
        char id[20];
        snprintf(id, sizeof id, "%016lx",
                 (unsigned long)ASN1_INTEGER_get(X509_get0_serialNumber(x)));
        extend(x, issuer, NID_subject_key_identifier, id);
        extend(x, issuer, NID_authority_key_identifier, "keyid");
    }
    extend(x, issuer, NID_ext_key_usage, wish->eku);
    extend(x, issuer, NID_subject_alt_name, wish->san);
}

struct cert cert_again(const struct cert *old, const struct cert_wish *wish,
                       const struct cert *issuer)
{
    struct cert new = {.key = old->key, .x = X509_new_ex(certs_library(), NULL)};
    const struct cert *by = issuer ? issuer : &new;
    long serial;
    EVP_PKEY_up_ref(old->key);
    need(new.x &&RAND_bytes_ex(certs_library(), (unsigned char *)&serial, sizeof serial, 0) == 1,
         "serial number");
    need(X509_set_version(new.x, X509_VERSION_3) && X509_set_pubkey(new.x, new.key) &&
             ASN1_INTEGER_set(X509_get_serialNumber(new.x), serial & 0x7fffffff),
         "certificate");
    name_it(X509_get_subject_name(new.x), wish->name);
    need(X509_set_issuer_name(new.x, X509_get_subject_name(by->x)), "issuer");
    long from = wish->from || wish->to ? wish->from : -3600;
    long to = wish->from || wish->to ? wish->to : 86400;
    X509_gmtime_adj(X509_getm_notBefore(new.x), from);
    X509_gmtime_adj(X509_getm_notAfter(new.x), to);
    extend_all(new.x, by->x, wish);
    EVP_MD *md = EVP_MD_fetch(certs_library(), "SHA256", NULL);
    need(md && X509_sign(new.x, by->key, md) > 0, "signature");
    EVP_MD_free(md);
    (void)X509_check_purpose(new.x, -1, 0); /* caches, before threads share it */
    return new;
}

struct cert cert_make(const struct cert_wish *wish, const struct cert *issuer)
{
    struct cert bare = {0};
    bare.key = wish->key ? EVP_PKEY_Q_keygen(certs_library(), NULL, "RSA", (size_t)1024)
                         : EVP_PKEY_Q_keygen(certs_library(), NULL, "EC", "P-256");
    need(bare.key, "key");
    struct cert made = cert_again(&bare, wish, issuer);
    EVP_PKEY_free(bare.key);
    return made;
}

void cert_free(struct cert *cert)
{
    EVP_PKEY_free(cert->key);
    X509_free(cert->x);
    *cert = (struct cert){0};
}

static void save(const char *path, BIO *bio)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    need(len > 0, path);
    scratch_write(path, text, (size_t)len);
    BIO_free(bio);
}

void cert_write(const char *path, const struct cert *a, const struct cert *b, const struct cert *c)
{
    const struct cert *all[] = {a, b, c};
    BIO *bio = BIO_new(BIO_s_mem());
    for (size_t i = 0; i < 3; i++) {
        need(!all[i] || PEM_write_bio_X509(bio, all[i]->x), path);
    }
    save(path, bio);
}

void cert_write_key(const char *path, const struct cert *cert, const char *passphrase)
{
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(certs_library(), "AES-256-CBC", NULL);
    need(PEM_write_bio_PKCS8PrivateKey(bio, cert->key, passphrase ? cipher : NULL, passphrase,
                                       passphrase ? (int)strlen(passphrase) : 0, NULL, NULL),
         path);
    EVP_CIPHER_free(cipher);
    save(path, bio);
}
