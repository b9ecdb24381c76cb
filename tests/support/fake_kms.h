/* fake_kms.h - a KMS of the caller's in this process: pool keys, counted calls, failures to order.
 */
#ifndef TESTS_FAKE_KMS_H
#define TESTS_FAKE_KMS_H
#include "crypto/rsa.h"
#include <envelope/kms.h>
#include <stdatomic.h>

enum { FAKE_KEYS = 8 };
struct fake_key {
    char name[64];
    char id[64];
    uint32_t version;
    int32_t state;
    struct env_rsa_private *key;
};
struct fake_kms {
    envelope_ctx *ctx; /* borrowed */
    size_t count;
    struct fake_key key[FAKE_KEYS]; /* the last of a name is its newest */
    envelope_status newest_status;  /* not OK: what `newest` returns */
    envelope_status unwrap_status;
    const char *said; /* with it */
    atomic_int newest_calls;
    atomic_int unwrap_calls;
    atomic_int destroyed;
};
/* Adds version N of name with a key of the pool. */
void fake_kms_add(struct fake_kms *fake, const char *name, uint32_t version, int pool);
/* fake must outlive it; free the keys by fake_kms_done. */
envelope_kms *fake_kms_new(struct fake_kms *fake);
void fake_kms_done(struct fake_kms *fake);

/* A key of the pool. The test fails when it is not read. */
struct env_rsa_private *test_private(envelope_ctx *ctx, int pool);
/* Its public half as PEM. */
size_t test_public_pem(envelope_ctx *ctx, int pool, char *out, size_t cap);
#endif
