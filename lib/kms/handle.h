/* kms/handle.h - what stands behind an envelope_kms, for kms.c and ask.c only. */
#ifndef ENV_KMS_HANDLE_H
#define ENV_KMS_HANDLE_H
#include "base/text.h"
#include "kms/kms.h"

struct envelope_kms {
    atomic_uint refs;
    bool exclusive;
    envelope_ctx *ctx; /* retained */
    envelope_kms_ops ops;
    const struct env_kms_admin_ops *admin; /* NULL: the caller's own KMS */
    void *self;
    char kind[ENV_PRINTABLE_MAX];
};
#endif
