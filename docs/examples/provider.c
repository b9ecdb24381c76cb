/* provider: a KMS of somebody else's (an HTTP service) as a table of functions. Two suffice: which
 * key is the newest, and unwrap this. */
#include "provider.h"
#include <stdio.h>
#include <string.h>

/* Chosen by what the caller would do next: look for the key, ask for the right, try again. */
static envelope_status meaning(int code)
{
    switch (code) {
    case 200:
        return ENVELOPE_OK;
    case 400:
        return ENVELOPE_E_AUTH; /* does not unwrap; this text is not shown to anybody */
    case 403:
        return ENVELOPE_E_REFUSED;
    case 404:
        return ENVELOPE_E_NO_KEY;
    default:
        return ENVELOPE_E_KMS_UNREACHED;
    }
}

static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    struct reply r;
    char path[300];
    snprintf(path, sizeof path, "/keys/%s/newest", key_name);
    int code = http_wait(self, path, "", 0, &r);
    if (code != 200) {
        return envelope_error_set(err, meaning(code), code, "the cloud has no such key for us");
    }
    /* On the stack: the sink copies. */
    envelope_key_ref key = {.size = sizeof key, .key_name = key_name, .key_id = r.key_id};
    return envelope_key_sink_add(sink, &key, ENVELOPE_KEY_ACTIVE, r.body, r.len);
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    struct reply r;
    char path[300];
    if (algorithm != ENVELOPE_RSA_OAEP_SHA256 || !key->key_id) {
        return envelope_error_set(err, ENVELOPE_E_REFUSED, 0, "the cloud knows OAEP-SHA-256 only");
    }
    snprintf(path, sizeof path, "/keys/%s/decrypt", key->key_id);
    int code = http_wait(self, path, in, in_len, &r);
    if (code != 200) {
        return envelope_error_set(err, meaning(code), code, "the cloud does not decrypt");
    }
    envelope_status st = r.len > cap ? ENVELOPE_E_RANGE : ENVELOPE_OK;
    if (!st) {
        memcpy(out, r.body, r.len);
        *len = r.len; /* without this the call has failed, whatever it returns */
    }
    explicit_bzero(&r, sizeof r); /* it holds a key */
    return st;
}

envelope_status cloud_new(envelope_ctx *ctx, struct http *http, envelope_kms **out,
                          envelope_error *err)
{
    const envelope_kms_ops ops = {
        .size = sizeof ops, .kind = "cloud", .newest = newest, .unwrap = unwrap};
    return envelope_kms_new(ctx, &ops, http, out, err);
}
