/* kms/handle.h - what stands behind an envelope_kms, for kms.c, ask.c, many.c and asking.c only. */
#ifndef ENV_KMS_HANDLE_H
#define ENV_KMS_HANDLE_H
#include "base/text.h"
#include "kms/asking.h"
#include "kms/kms.h"

struct envelope_kms {
    atomic_uint refs;
    bool exclusive;
    int32_t oaep;      /* what slots for its RSA keys are made with */
    envelope_ctx *ctx; /* retained */
    envelope_kms_ops ops;
    const struct env_kms_admin_ops *admin; /* NULL: the caller's own KMS */
    void *self;
    struct env_asking *asking; /* = self; NULL: it is called, and not asking */
    char kind[ENV_PRINTABLE_MAX];
};

/* What a callback that failed returned and said, as a failure of ours. */
envelope_status env_kms_failed(const envelope_kms *kms, const char *call, envelope_status st,
                               envelope_error *said, envelope_error *err);
/* One answer of unwrap: OK only for 32 bytes. */
envelope_status env_kms_unwrapped(const envelope_kms *kms, const char *call, envelope_status st,
                                  size_t len, envelope_error *said, envelope_error *err);
#endif
