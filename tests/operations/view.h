/* view.h - all that is read from a response, in words: a line "key=value" for each field, so that
 * two readings can be compared; or a status with the number of the rule of docs/kmip.md
 * that refused: "E_FORMAT K-OP-04". */
#ifndef TESTS_VIEW_H
#define TESTS_VIEW_H
#include "kms/kmip/ops.h"

/* The only item of a response to that operation on uid ("": any). free() it. */
char *view_of(envelope_ctx *ctx, uint32_t operation, const char *uid, const void *bytes,
              size_t len);
/* Item `number` of `asked` ones. */
char *view_of_item(envelope_ctx *ctx, uint32_t operation, const char *uid, uint32_t number,
                   uint32_t asked, struct env_bytes message);
#endif
