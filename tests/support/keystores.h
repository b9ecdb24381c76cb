/* keystores.h - small keystores for tests: pool keys instead of keys made for the occasion. */
#ifndef TESTS_KEYSTORES_H
#define TESTS_KEYSTORES_H
#include "format/keystore.h"
#include <envelope/kms.h>

#define TEST_PASSPHRASE     "correct horse"
#define TEST_PASSPHRASE_LEN 13u

/* Makes dir and a keystore in it. */
envelope_kms *keystore_make(envelope_ctx *ctx, const char *dir);
envelope_status keystore_open(envelope_ctx *ctx, const char *dir, envelope_kms **out,
                              envelope_error *err);
/* The next version of name is a key of the pool. */
void keystore_add(envelope_kms *kms, const char *name, int pool);
/* Writes dir/keystore with an Argon2id that costs nothing, for tests that open it thousands of
 * times: version 1 of "vm" destroyed, version 2 a key of the pool. */
void keystore_write_cheap(envelope_ctx *ctx, const char *dir, int pool);
/* The same, its second entry changed by somebody who has the passphrase. */
void keystore_write_spoiled(envelope_ctx *ctx, const char *dir, int pool,
                            void (*spoil)(struct env_keystore_entry *entry));
/* Version N of name is in this state, or (0) not there. */
void keystore_expect(envelope_kms *kms, const char *name, uint32_t version, int32_t state);
#endif
