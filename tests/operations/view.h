/* view.h - all that is read from a response, in words: a line "key=value" for each field, so that
 * two readings can be compared; or the name of a status alone. */
#ifndef TESTS_VIEW_H
#define TESTS_VIEW_H
#include "kms/kmip/ops.h"

/* The only item of a response to that operation on uid ("": any). free() it. */
char *view_of(envelope_ctx *ctx, uint32_t operation, const char *uid, const void *bytes,
              size_t len);
#endif
