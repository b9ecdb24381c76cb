/* crypto/host_errors.h - the host's OpenSSL error queue put aside, whole, with its marks. Around
 * TLS a mark of ours is not enough: a handshake clears the queue, and SSL_get_error takes whatever
 * lies in it for an error of the connection. */
#ifndef ENV_CRYPTO_HOST_ERRORS_H
#define ENV_CRYPTO_HOST_ERRORS_H
#include <openssl/err.h>

#if OPENSSL_VERSION_MAJOR >= 4
struct env_host_errors {
    ERR_STATE *saved;
};
#else
struct env_host_errors {
    ERR_STATE *live;
    ERR_STATE saved;
};
#endif

/* From here on the queue is empty; in the same thread _back must follow. */
void env_host_errors_aside(struct env_host_errors *host);
void env_host_errors_back(struct env_host_errors *host);
#endif
