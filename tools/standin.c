#include "standin.h"
#include <stdio.h>
#include <stdlib.h>

struct standin {
    envelope_status status;
    char reason[400];
};

static envelope_status answer(void *self, envelope_error *err)
{
    const struct standin *standin = self;
    return envelope_error_set(err, standin->status, 0, standin->reason);
}

static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    (void)key_name;
    (void)sink;
    return answer(self, err);
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    (void)key;
    (void)algorithm;
    (void)in;
    (void)in_len;
    (void)out;
    (void)cap;
    *len = 0;
    return answer(self, err);
}

static envelope_status state(void *self, const envelope_key_ref *key, int32_t *out,
                             envelope_error *err)
{
    (void)key;
    *out = ENVELOPE_KEY_UNKNOWN;
    return answer(self, err);
}

envelope_status standin_new(envelope_ctx *ctx, const char *kind, envelope_status status,
                            const char *reason, envelope_kms **out, envelope_error *err)
{
    const envelope_kms_ops ops = {
        .size = sizeof ops,
        .kind = kind,
        .newest = newest,
        .unwrap = unwrap,
        .state = state,
        .destroy = free,
    };
    struct standin *standin = calloc(1, sizeof *standin);
    *out = NULL;
    if (!standin) {
        return envelope_error_set(err, ENVELOPE_E_NOMEM, 0, "no memory");
    }
    standin->status = status;
    snprintf(standin->reason, sizeof standin->reason, "%s", reason);
    return envelope_kms_new(ctx, &ops, standin, out, err);
}
