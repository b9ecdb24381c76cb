/* keys.h - RSA-4096 pairs of tests/keys, made before: making one takes seconds. */
#ifndef TESTS_KEYS_H
#define TESTS_KEYS_H
#include <envelope/base.h>
#include <stddef.h>

enum { TEST_KEYS = 12, TEST_KEY_PEM_MAX = 4096 };

/* PEM text (PKCS#8, plain) of pool-NN.pem, number from 1 to TEST_KEYS; NUL-terminated. The program
 * ends when it cannot be read. */
size_t test_key_pem(int number, char out[TEST_KEY_PEM_MAX]);
/* Its public half, as PEM. */
size_t test_key_public_pem(envelope_ctx *ctx, int number, char out[TEST_KEY_PEM_MAX]);
#endif
