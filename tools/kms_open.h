/* tools/kms_open.h - from a section of the configuration to a KMS that can be asked. */
#ifndef ENVELOPE_TOOLS_KMS_OPEN_H
#define ENVELOPE_TOOLS_KMS_OPEN_H
#include "keys.h"

/* END_DONE: *out is there (a KMIP KMS is not connected yet). Else *why says why it is not at hand,
 * which is for the caller to tell; *why NULL: it was told. */
int kms_open(const struct keys_request *request, const struct config_kms *kms, envelope_kms **out,
             const char **why);
/* Somebody who gives keys by hand is not stopped by a file that is missing: it is the worst day.
 * Then why the KMS is not at hand, else NULL. */
const char *kms_missing_file(const struct keys_request *request, const char *what,
                             const char *path);
/* "keystore lab", "KMS lab" */
const char *kms_called(struct pool *pool, const struct config_kms *kms);
#endif
