/* tools/standin.h - what stands in for a KMS that is not at hand, so that other keys still get
 * their turn. */
#ifndef ENVELOPE_TOOLS_STANDIN_H
#define ENVELOPE_TOOLS_STANDIN_H
#include <envelope/kms.h>

/* A KMS that answers everything with status and reason. */
envelope_status standin_new(envelope_ctx *ctx, const char *kind, envelope_status status,
                            const char *reason, envelope_kms **out, envelope_error *err);
#endif
