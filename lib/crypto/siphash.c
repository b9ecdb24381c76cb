#include "crypto/siphash.h"
#include <sodium.h>

uint64_t env_siphash(const uint8_t key[ENV_SIPHASH_KEY_BYTES], const void *p, size_t len)
{
    uint8_t raw[crypto_shorthash_BYTES];
    uint64_t value = 0;
    (void)crypto_shorthash(raw, p, len, key); /* cannot fail */
    for (size_t i = sizeof raw; i-- > 0;) {
        value = value << 8 | raw[i];
    }
    return value;
}
