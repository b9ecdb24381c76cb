/* crypto/siphash.h - SipHash-2-4, for tables whose places nobody outside may foresee. Not for
 * anything that is stored. */
#ifndef ENV_CRYPTO_SIPHASH_H
#define ENV_CRYPTO_SIPHASH_H
#include <stddef.h>
#include <stdint.h>

enum { ENV_SIPHASH_KEY_BYTES = 16 };

uint64_t env_siphash(const uint8_t key[ENV_SIPHASH_KEY_BYTES], const void *p, size_t len);
#endif
