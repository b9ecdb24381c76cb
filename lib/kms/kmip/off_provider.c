/* In place of provider.c where KMIP was left out of the build. */
#include "base/error.h"
#include <envelope/kmip.h>

envelope_status envelope_kmip_new(envelope_ctx *ctx, const envelope_kmip_options *options,
                                  envelope_kms **out, envelope_error *err)
{
    (void)ctx;
    if (options && options->size >= sizeof *options && options->pipe && options->pipe->destroy) {
        options->pipe->destroy(options->pipe_self);
    }
    if (out) {
        *out = NULL;
    }
    return env_fail(err, ENVELOPE_E_UNSUPPORTED, "KMIP was left out of this build");
}
