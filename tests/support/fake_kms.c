#include "fake_kms.h"
#include "keys.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

struct env_rsa_private *test_private(envelope_ctx *ctx, int pool)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(pool, pem);
    struct env_rsa_private *key;
    ck_assert_int_eq(env_rsa_private_parse(ctx, pem, len, NULL, 0, &key, NULL), ENVELOPE_OK);
    return key;
}

size_t test_public_pem(envelope_ctx *ctx, int pool, char *out, size_t cap)
{
    struct env_rsa_private *key = test_private(ctx, pool);
    size_t len = 0;
    ck_assert_int_eq(env_rsa_public_pem(env_rsa_private_public(key), out, cap, &len, NULL),
                     ENVELOPE_OK);
    env_rsa_private_free(key);
    return len;
}

void fake_kms_add(struct fake_kms *fake, const char *name, uint32_t version, int pool)
{
    struct fake_key *k = &fake->key[fake->count++];
    snprintf(k->name, sizeof k->name, "%s", name);
    snprintf(k->id, sizeof k->id, "%s-%u", name, version);
    k->version = version;
    k->state = ENVELOPE_KEY_ACTIVE;
    k->key = test_private(fake->ctx, pool);
}

static envelope_status give(const struct fake_key *k, envelope_key_sink *sink)
{
    size_t len;
    const uint8_t *spki = env_rsa_public_spki(env_rsa_private_public(k->key), &len);
    envelope_key_ref ref = {
        .size = sizeof ref, .key_name = k->name, .key_id = k->id, .version = k->version};
    return envelope_key_sink_add(sink, &ref, k->state, spki, len);
}

static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    struct fake_kms *fake = self;
    fake->newest_calls++;
    if (fake->newest_status) {
        return envelope_error_set(err, fake->newest_status, 7, fake->said);
    }
    for (size_t i = fake->count; i-- > 0;) {
        if (strcmp(fake->key[i].name, key_name) == 0) {
            return give(&fake->key[i], sink);
        }
    }
    return envelope_error_set(err, ENVELOPE_E_NO_KEY, 404, "no such key");
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    struct fake_kms *fake = self;
    fake->unwrap_calls++;
    if (fake->unwrap_status) {
        return envelope_error_set(err, fake->unwrap_status, 7, fake->said);
    }
    for (size_t i = 0; i < fake->count && cap >= 32; i++) {
        if (strcmp(fake->key[i].id, key->key_id) == 0) {
            *len = 32;
            return env_oaep_unwrap(fake->key[i].key, algorithm, in, in_len, out, err);
        }
    }
    return envelope_error_set(err, ENVELOPE_E_NO_KEY, 404, "no such key");
}

static envelope_status list(void *self, const char *key_name, envelope_key_sink *sink,
                            envelope_error *err)
{
    struct fake_kms *fake = self;
    (void)err;
    for (size_t i = 0; i < fake->count; i++) {
        if (!key_name || strcmp(fake->key[i].name, key_name) == 0) {
            envelope_status st = give(&fake->key[i], sink);
            if (st) {
                return st;
            }
        }
    }
    return ENVELOPE_OK;
}

static void destroy(void *self)
{
    struct fake_kms *fake = self;
    fake->destroyed++;
}

envelope_kms *fake_kms_new(struct fake_kms *fake)
{
    const envelope_kms_ops ops = {.size = sizeof ops,
                                  .kind = "fake",
                                  .newest = newest,
                                  .unwrap = unwrap,
                                  .list = list,
                                  .destroy = destroy};
    envelope_kms *kms;
    ck_assert_int_eq(envelope_kms_new(fake->ctx, &ops, fake, &kms, NULL), ENVELOPE_OK);
    return kms;
}

void fake_kms_done(struct fake_kms *fake)
{
    for (size_t i = 0; i < fake->count; i++) {
        env_rsa_private_free(fake->key[i].key);
    }
    fake->count = 0;
}
