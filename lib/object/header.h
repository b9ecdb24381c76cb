/* object/header.h - envelope_header from inside: the header of a foreign container. */
#ifndef ENV_OBJECT_HEADER_H
#define ENV_OBJECT_HEADER_H
#include "base/context.h"
#include "format/header.h"
#include <envelope/object.h>

envelope_ctx *env_header_ctx(const envelope_header *header);
/* Borrowed from the header. */
const struct env_copy *env_header_copy(const envelope_header *header);
/* What every call with a DEK begins with: E_INVALID, or E_AUTH unless the header's TAG verifies
 * under it. */
envelope_status env_header_enter(const envelope_header *header, const envelope_dek *dek,
                                 envelope_error *err);
#endif
