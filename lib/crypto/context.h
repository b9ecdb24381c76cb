/* crypto/context.h - what is fetched once per context: an OpenSSL library context of our own, the
 * algorithms, the engine of AEAD, and the secret of implicit rejection. envelope_ctx_new and
 * envelope_ctx_free are in context.c. */
#ifndef ENV_CRYPTO_CONTEXT_H
#define ENV_CRYPTO_CONTEXT_H
#include "base/context.h"

struct env_aead_engine;
struct evp_cipher_st;
struct evp_kdf_st;
struct evp_mac_st;
struct evp_md_st;
struct ossl_lib_ctx_st;

struct env_crypto {
    struct ossl_lib_ctx_st *lib;
    struct evp_md_st *sha256;
    struct evp_md_st *sha1;
    struct evp_cipher_st *aes_gcm;
    struct evp_cipher_st *aes_ctr;
    struct evp_cipher_st *aes_kwp;
    struct evp_mac_st *hmac;
    struct evp_kdf_st *hkdf;
    struct evp_kdf_st *pbkdf2;
    const struct env_aead_engine *engine;
    uint8_t *rejection_secret; /* 32 bytes in the arena */
    char openssl_version[64];
};

/* E_CRYPTO with OpenSSL's newest error as native; what says what was tried. */
envelope_status env_crypto_failed(envelope_error *err, const char *what);

/* Around every use of OpenSSL in this room: the host's error queue stays as it was. */
void env_crypto_mark(void);
void env_crypto_unmark(void);
#endif
