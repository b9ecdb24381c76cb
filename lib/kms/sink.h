/* kms/sink.h - where a provider puts the keys it found. Everything is checked and copied as it
 * comes; the first mistake sticks, so that a provider which ignores what _add returned is caught
 * all the same. */
#ifndef ENV_KMS_SINK_H
#define ENV_KMS_SINK_H
#include "base/context.h"
#include "keys/list.h"
#include <envelope/kms.h>

struct envelope_key_sink {
    envelope_ctx *ctx;
    envelope_key_list *list;
    const char *key_name; /* that was asked for; NULL: any */
    envelope_status failed;
    envelope_error why;
};
envelope_status env_sink_begin(envelope_ctx *ctx, const char *key_name,
                               struct envelope_key_sink *sink, envelope_error *err);
void env_sink_end(struct envelope_key_sink *sink);
#endif
