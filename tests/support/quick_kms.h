/* quick_kms.h - a KMS in memory with a symmetric KEK: a wrap or an unwrap costs microseconds, not
 * the milliseconds of an RSA key, where what the library does beside it is what is looked at. */
#ifndef TESTS_QUICK_KMS_H
#define TESTS_QUICK_KMS_H
#include <envelope/keyring.h>

struct quick_kms {
    envelope_ctx *ctx;
    uint32_t newest; /* version of its key; rotated by counting up */
    uint64_t unwrapped;
};
/* newest is 1; kms must outlive the result. */
envelope_kms *quick_kms_open(envelope_ctx *ctx, struct quick_kms *kms);
#endif
