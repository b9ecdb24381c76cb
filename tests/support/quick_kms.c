#include "quick_kms.h"
#include "crypto/keywrap.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void kek_of(uint32_t version, uint8_t kek[32])
{
    memset(kek, (int)version, 32);
}

static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    const struct quick_kms *k = self;
    char id[64];
    (void)err;
    snprintf(id, sizeof id, "%s/%u", key_name, k->newest);
    envelope_key_ref ref = {.size = sizeof ref, .key_id = id, .version = k->newest};
    return envelope_key_sink_add(sink, &ref, ENVELOPE_KEY_ACTIVE, NULL, 0);
}

static envelope_status wrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                            const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                            envelope_error *err)
{
    const struct quick_kms *k = self;
    uint8_t kek[32];
    (void)algorithm;
    kek_of(key->version, kek);
    return env_kwp_wrap(k->ctx, kek, in, in_len, out, cap, len, err);
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    struct quick_kms *k = self;
    uint8_t kek[32];
    uint8_t plain[64];
    if (algorithm != ENVELOPE_AES_KWP || in_len > sizeof plain) {
        return ENVELOPE_E_NO_KEY;
    }
    k->unwrapped++;
    kek_of(key->version, kek);
    envelope_status st = env_kwp_unwrap(k->ctx, kek, in, in_len, plain, sizeof plain, len, err);
    if (!st && *len > cap) {
        return ENVELOPE_E_REFUSED;
    }
    if (!st) {
        memcpy(out, plain, *len);
    }
    return st;
}

envelope_kms *quick_kms_open(envelope_ctx *ctx, struct quick_kms *kms)
{
    const envelope_kms_ops ops = {
        .size = sizeof ops, .kind = "quick", .newest = newest, .unwrap = unwrap, .wrap = wrap};
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_kms *out;
    *kms = (struct quick_kms){.ctx = ctx, .newest = 1};
    if (envelope_kms_new(ctx, &ops, kms, &out, &err)) {
        fprintf(stderr, "quick KMS: %s\n", err.message);
        abort();
    }
    return out;
}
