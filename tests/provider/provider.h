/* provider.h - the service of service.h as a KMS of the library, by the blocking table. Written as
 * a vendor would: against the installed headers only. */
#ifndef TESTS_PROVIDER_PROVIDER_H
#define TESTS_PROVIDER_PROVIDER_H
#include "service.h"
#include <envelope/kms.h>

struct provider {
    struct service *service;
    int destroyed;
};
envelope_status provider_new(envelope_ctx *ctx, struct provider *provider, envelope_kms **out,
                             envelope_error *err);
#endif
