#include "provider.h"
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <string.h>

/* What a caller of the library would do next decides the status. */
static envelope_status meaning(int code, envelope_error *err)
{
    switch (code) {
    case SERVICE_OK:
        return ENVELOPE_OK;
    case SERVICE_GONE:
        return envelope_error_set(err, ENVELOPE_E_NO_KEY, code, "the service has no such key");
    case SERVICE_FORBIDDEN:
        return envelope_error_set(err, ENVELOPE_E_REFUSED, code, "this identity may not decrypt");
    case SERVICE_BAD:
        return envelope_error_set(err, ENVELOPE_E_AUTH, code, "padding error"); /* not shown */
    default:
        return envelope_error_set(err, ENVELOPE_E_KMS_UNREACHED, code, "the service timed out");
    }
}

static envelope_status give(const struct service_key *k, envelope_key_sink *sink)
{
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(k->pair, &spki);
    envelope_key_ref ref = {.size = sizeof ref, .key_name = k->name, .key_id = k->id};
    envelope_status st =
        len > 0 ? envelope_key_sink_add(sink, &ref, ENVELOPE_KEY_ACTIVE, spki, (size_t)len)
                : ENVELOPE_E_REFUSED;
    OPENSSL_free(spki);
    return st;
}

static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    const struct provider *p = self;
    const struct service_key *found = NULL;
    int code = service_newest(p->service, key_name, &found);
    return found ? give(found, sink) : meaning(code, err);
}

static envelope_status list(void *self, const char *key_name, envelope_key_sink *sink,
                            envelope_error *err)
{
    const struct provider *p = self;
    const struct service *s = p->service;
    envelope_status st = s->down ? meaning(SERVICE_TIMEOUT, err) : ENVELOPE_OK;
    for (size_t i = 0; !st && i < s->count; i++) {
        if (!key_name || strcmp(s->key[i].name, key_name) == 0) {
            st = give(&s->key[i], sink);
        }
    }
    return st;
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    const struct provider *p = self;
    unsigned char plain[1024];
    size_t plain_len = sizeof plain;
    const char *hash = algorithm == ENVELOPE_RSA_OAEP_SHA256 ? "SHA256"
                       : algorithm == ENVELOPE_RSA_OAEP_SHA1 ? "SHA1"
                                                             : NULL;
    if (!hash) {
        return envelope_error_set(err, ENVELOPE_E_REFUSED, 0, "RSA-OAEP only");
    }
    int code = service_decrypt(p->service, key->key_id, hash, in, in_len, plain, &plain_len);
    if (code == SERVICE_OK && plain_len <= cap) {
        memcpy(out, plain, plain_len);
        *len = plain_len;
    }
    OPENSSL_cleanse(plain, sizeof plain);
    return meaning(code, err);
}

static void destroy(void *self)
{
    struct provider *p = self;
    p->destroyed++;
}

envelope_status provider_new(envelope_ctx *ctx, struct provider *provider, envelope_kms **out,
                             envelope_error *err)
{
    const envelope_kms_ops ops = {.size = sizeof ops,
                                  .kind = "service",
                                  .newest = newest,
                                  .unwrap = unwrap,
                                  .list = list,
                                  .destroy = destroy};
    return envelope_kms_new(ctx, &ops, provider, out, err);
}
