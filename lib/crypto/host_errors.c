/* ERR_get_state is deprecated in favour of a call that OpenSSL 3.0 does not have yet. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/host_errors.h"
#include <openssl/crypto.h>
#include <string.h>

#if OPENSSL_VERSION_MAJOR >= 4

void env_host_errors_aside(struct env_host_errors *host)
{
    host->saved = OSSL_ERR_STATE_new();
    if (host->saved) {
        OSSL_ERR_STATE_save(host->saved);
    }
}

void env_host_errors_back(struct env_host_errors *host)
{
    if (host->saved) {
        ERR_clear_error();
        OSSL_ERR_STATE_restore(host->saved);
        OSSL_ERR_STATE_free(host->saved);
    }
}

#else

void env_host_errors_aside(struct env_host_errors *host)
{
    host->live = ERR_get_state();
    if (host->live) {
        host->saved = *host->live;
        memset(host->live, 0, sizeof *host->live);
    }
}

void env_host_errors_back(struct env_host_errors *host)
{
    if (!host->live) {
        return;
    }
    /* All else is written over; ERR_clear_error would keep some of these for the next error. */
    for (int i = 0; i < ERR_NUM_ERRORS; i++) {
        OPENSSL_free(host->live->err_file[i]);
        OPENSSL_free(host->live->err_func[i]);
        if (host->live->err_data_flags[i] & ERR_TXT_MALLOCED) {
            OPENSSL_free(host->live->err_data[i]);
        }
    }
    *host->live = host->saved;
}

#endif
