/* crypto/random.h - getrandom, each time. */
#ifndef ENV_CRYPTO_RANDOM_H
#define ENV_CRYPTO_RANDOM_H
#include <envelope/base.h>

/* E_CRYPTO. */
envelope_status env_random(void *buf, size_t len, envelope_error *err);
#endif
