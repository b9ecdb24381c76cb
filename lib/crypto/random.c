#include "crypto/random.h"
#include "base/error.h"
#include <errno.h>
#include <sys/random.h>

envelope_status env_random(void *buf, size_t len, envelope_error *err)
{
    uint8_t *p = buf;
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno != EINTR) {
            return env_fail_errno(err, ENVELOPE_E_CRYPTO, errno, "getrandom failed");
        }
        size_t got = n > 0 ? (size_t)n : 0;
        p += got;
        len -= got;
    }
    return ENVELOPE_OK;
}
