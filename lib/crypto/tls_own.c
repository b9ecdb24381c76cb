#include "base/error.h"
#include "crypto/context.h"
#include "crypto/rsa_key.h"
#include "crypto/tls_parts.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

int env_tls_passphrase(char *buf, int cap, int writing, void *user)
{
    (void)writing;
    struct env_tls_passphrase *pass = user;
    pass->asked = true;
    if (!pass->text || pass->len > (size_t)cap) {
        return -1;
    }
    memcpy(buf, pass->text, pass->len);
    return (int)pass->len;
}

static envelope_status no_key(const struct env_tls_file *file,
                              const struct env_tls_passphrase *pass, envelope_error *err)
{
    if (!pass->asked) {
        return env_fail(err, ENVELOPE_E_FORMAT, "no private key (PEM) in %s", file->name);
    }
    return env_fail(err, ENVELOPE_E_NO_KEY, "%s %s",
                    pass->text ? "the passphrase does not open the private key in"
                               : "a passphrase is needed for the private key in",
                    file->name);
}

static envelope_status read_key(const struct env_tls_file *file, const struct env_tls_options *o,
                                EVP_PKEY **out, envelope_error *err)
{
    struct env_tls_passphrase pass = {o->key_passphrase, o->key_passphrase_len, false};
    BIO *bio = BIO_new_mem_buf(file->bytes, (int)file->len);
    *out = bio ? PEM_read_bio_PrivateKey_ex(bio, NULL, env_tls_passphrase, &pass,
                                            file->ctx->crypto->lib, NULL)
               : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return *out ? ENVELOPE_OK : no_key(file, &pass, err);
}

static envelope_status load_key(envelope_ctx *ctx, const struct env_tls_options *o, EVP_PKEY **out,
                                envelope_error *err)
{
    *out = NULL;
    struct env_tls_file file;
    envelope_status st = env_tls_load(ctx, o->key_file, true, &file, err);
    if (st) {
        return st;
    }
    st = read_key(&file, o, out, err);
    env_tls_forget(&file);
    return st;
}

static envelope_status show_chain(struct env_tls_config *config, STACK_OF(X509) * chain,
                                  EVP_PKEY *key, envelope_error *err)
{
    X509 *own = sk_X509_value(chain, 0);
    env_tls_certificate(own, &config->own);
    if (X509_check_private_key(own, key) != 1) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "certificate and private key do not belong together: the first certificate "
                        "in %s must be the one that was issued for the key",
                        config->cert);
    }
    bool ok = SSL_CTX_use_certificate(config->ssl, own) == 1 &&
              SSL_CTX_use_PrivateKey(config->ssl, key) == 1;
    for (int i = 1; ok && i < sk_X509_num(chain); i++) {
        ok = SSL_CTX_add1_chain_cert(config->ssl, sk_X509_value(chain, i)) == 1;
    }
    return ok ? ENVELOPE_OK : env_crypto_failed(err, "using our own certificate");
}

static envelope_status check_options(const struct env_tls_options *o, envelope_error *err)
{
    if (!o->cert_file != !o->key_file) {
        return env_fail(err, ENVELOPE_E_INVALID, "a certificate and its key file go together");
    }
    if (o->key_passphrase && o->key_passphrase_len > ENV_PASSPHRASE_BYTES_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "a passphrase of more than %d bytes",
                        ENV_PASSPHRASE_BYTES_MAX);
    }
    return ENVELOPE_OK;
}

envelope_status env_tls_show(struct env_tls_config *config, const struct env_tls_options *o,
                             envelope_error *err)
{
    envelope_status st = check_options(o, err);
    if (st || !o->cert_file) {
        return st;
    }
    env_printable(config->cert, o->cert_file);
    STACK_OF(X509) *chain = NULL;
    EVP_PKEY *key = NULL;
    st = env_tls_certificates(config->ctx, o->cert_file, &chain, err);
    st = st ? st : load_key(config->ctx, o, &key, err);
    st = st ? st : show_chain(config, chain, key, err);
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
    return st;
}
