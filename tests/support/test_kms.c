#include "test_kms.h"
#include "crypto/rsa.h"
#include "keys.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static envelope_status show(const struct test_kms *k, envelope_key_sink *sink, const char *name,
                            int version, const char *replaces)
{
    char id[64];
    size_t len;
    snprintf(id, sizeof id, "%s/%d", name, version);
    int pair = version == 7 ? k->neighbour : k->public_of ? k->public_of : version;
    const uint8_t *spki = env_rsa_public_spki(env_rsa_private_public(k->pair[pair]), &len);
    envelope_key_ref ref = {.size = sizeof ref,
                            .key_id = id,
                            .version = k->no_version ? 0 : (uint32_t)version,
                            .replaces = replaces};
    return envelope_key_sink_add(sink, &ref, ENVELOPE_KEY_ACTIVE, spki, len);
}

/* NULL, or in out */
static const char *predecessor(const struct test_kms *k, const char *name, int version,
                               char out[64])
{
    if (!k->lists || version == 1 || version == k->gap) {
        return NULL;
    }
    snprintf(out, 64, "%s/%d", name, version == k->loop ? k->newest : version - 1);
    return out;
}

static envelope_status list(void *self, const char *key_name, envelope_key_sink *sink,
                            envelope_error *err)
{
    const struct test_kms *k = self;
    envelope_status st = ENVELOPE_OK;
    char link[64];
    if (k->list_down) {
        return envelope_error_set(err, ENVELOPE_E_KMS_UNREACHED, 0, "the list is down");
    }
    for (int v = 1; !st && v <= k->newest; v++) {
        st = show(k, sink, key_name, v, predecessor(k, key_name, v, link));
    }
    return st;
}

static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    struct test_kms *k = self;
    char link[64];
    k->asked++;
    if (k->down) {
        return envelope_error_set(err, ENVELOPE_E_KMS_UNREACHED, 0, "the KMS is down");
    }
    const char *replaces = k->replaces ? k->replaces : predecessor(k, key_name, k->newest, link);
    envelope_status st = k->neighbour ? show(k, sink, key_name, 7, k->neighbour_says) : ENVELOPE_OK;
    return st ? st : show(k, sink, key_name, k->newest, replaces);
}

static bool recall(const struct test_kms *k, int version, const void *in, size_t len, void *out)
{
    for (size_t i = 0; i < k->remembered_count; i++) {
        const struct test_kms_unwrapped *u = &k->remembered[i];
        if (u->version == version && u->len == len && !memcmp(u->wrapped, in, len)) {
            memcpy(out, u->dek, sizeof u->dek);
            return true;
        }
    }
    return false;
}

static void remember(struct test_kms *k, int version, const void *in, size_t len, const void *dek)
{
    if (!k->remembers || k->remembered_count == TEST_KMS_REMEMBERED) {
        return;
    }
    struct test_kms_unwrapped *u = &k->remembered[k->remembered_count++];
    *u = (struct test_kms_unwrapped){.version = version, .len = len};
    memcpy(u->wrapped, in, len);
    memcpy(u->dek, dek, sizeof u->dek);
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    struct test_kms *k = self;
    k->unwrapped++;
    if (k->down) {
        return envelope_error_set(err, ENVELOPE_E_KMS_UNREACHED, 0, "the KMS is down");
    }
    const char *slash = strrchr(key->key_id, '/');
    int v = slash ? atoi(slash + 1) : 0;
    if (v < 1 || v > TEST_KMS_VERSIONS || !k->pair[v] || cap < 32) {
        return ENVELOPE_E_NO_KEY;
    }
    *len = 32;
    if (recall(k, v, in, in_len, out)) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_oaep_unwrap(k->pair[v], algorithm, in, in_len, out, err);
    if (!st) {
        remember(k, v, in, in_len, out);
    }
    return st;
}

envelope_kms *test_kms_attach(envelope_ctx *ctx, struct test_kms *kms)
{
    const envelope_kms_ops ops = {.size = sizeof ops,
                                  .kind = "test",
                                  .newest = newest,
                                  .unwrap = unwrap,
                                  .list = kms->lists ? list : NULL};
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_kms *out;
    if (envelope_kms_new(ctx, &ops, kms, &out, &err)) {
        fprintf(stderr, "test KMS: %s\n", err.message);
        abort();
    }
    return out;
}

envelope_kms *test_kms_open(envelope_ctx *ctx, struct test_kms *kms, int first_pool, int versions)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    kms->ctx = ctx;
    kms->newest = 1;
    for (int v = 1; v <= versions; v++) {
        char pem[TEST_KEY_PEM_MAX];
        struct env_rsa_private *pair;
        size_t len = test_key_pem(first_pool + v - 1, pem);
        if (env_rsa_private_parse(ctx, pem, len, NULL, 0, &pair, &err)) {
            fprintf(stderr, "test KMS: %s\n", err.message);
            abort();
        }
        kms->pair[v] = pair;
        kms->pool[v] = first_pool + v - 1;
    }
    return test_kms_attach(ctx, kms);
}

void test_kms_clear(struct test_kms *kms)
{
    for (int v = 0; v <= TEST_KMS_VERSIONS; v++) {
        env_rsa_private_free(kms->pair[v]);
        kms->pair[v] = NULL;
    }
}
