#include "kms/sink.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/rsa.h"
#include "format/head.h"
#include "keys/ref.h"
#include <string.h>

envelope_status env_sink_begin(envelope_ctx *ctx, const char *key_name,
                               struct envelope_key_sink *sink, envelope_error *err)
{
    memset(sink, 0, sizeof *sink);
    sink->ctx = ctx;
    sink->key_name = key_name;
    sink->why.size = sizeof sink->why;
    return env_key_list_new(ctx, &sink->list, err);
}

void env_sink_end(struct envelope_key_sink *sink)
{
    envelope_key_list_free(sink->list);
    sink->list = NULL;
}

static bool name_ok(const char *text)
{
    return env_key_name_valid(text, strnlen(text, ENVELOPE_KEY_NAME_MAX + 1));
}

static envelope_status check_names(const struct envelope_key_sink *sink, envelope_key_ref *key,
                                   envelope_error *err)
{
    key->kms_id = NULL; /* the operator's word for it, not the provider's */
    if (!key->key_name) {
        key->key_name = sink->key_name;
    }
    if (!key->key_id || !name_ok(key->key_id)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "a key without a key id of 1 to 255 bytes of UTF-8");
    }
    if (!key->key_name || !name_ok(key->key_name)) {
        return env_fail(err, ENVELOPE_E_INVALID, "a key without a name of 1 to 255 bytes of UTF-8");
    }
    if (sink->key_name && strcmp(key->key_name, sink->key_name) != 0) {
        return env_fail(err, ENVELOPE_E_INVALID, "a key of another name than was asked for");
    }
    if (key->replaces && !name_ok(key->replaces)) {
        return env_fail(err, ENVELOPE_E_INVALID, "a replaced key id that is none");
    }
    return ENVELOPE_OK;
}

/* The fingerprint is what tells versions apart for ever, so it is never taken on trust. */
static envelope_status check_public(envelope_ctx *ctx, const void *spki, size_t len,
                                    envelope_key_ref *key, envelope_error *err)
{
    struct env_rsa_public *public = NULL;
    envelope_status st = env_rsa_public_from_der(ctx, spki, len, &public, err);
    if (st) {
        return st;
    }
    const uint8_t *own = env_rsa_public_fingerprint(public);
    if (key->has_fingerprint && memcmp(own, key->fingerprint, sizeof key->fingerprint) != 0) {
        st =
            env_fail(err, ENVELOPE_E_INVALID, "a fingerprint that is not the public key's SHA-256");
    }
    key->has_fingerprint = 1;
    memcpy(key->fingerprint, own, sizeof key->fingerprint);
    env_rsa_public_free(public);
    return st;
}

static envelope_status add(struct envelope_key_sink *sink, const envelope_key_ref *given,
                           int32_t state, const void *spki, size_t len, envelope_error *err)
{
    if (!given || given->size < sizeof given->size || given->size > 4096) {
        return env_fail(err, ENVELOPE_E_INVALID, "a key_ref without its size");
    }
    if (state < ENVELOPE_KEY_ACTIVE || state > ENVELOPE_KEY_UNKNOWN) {
        return env_fail(err, ENVELOPE_E_INVALID, "a key in state %d, which is none", state);
    }
    if (!spki != !len) {
        return env_fail(err, ENVELOPE_E_INVALID, "a public key without its length");
    }
    if (envelope_key_list_count(sink->list) >= ENV_KEYS_LIMIT) {
        return env_fail(err, ENVELOPE_E_LIMIT, "more than %d keys", ENV_KEYS_LIMIT);
    }
    envelope_key_ref key = env_ref_view(given);
    envelope_status st = check_names(sink, &key, err);
    st = st || !spki ? st : check_public(sink->ctx, spki, len, &key, err);
    if (st) {
        return st;
    }
    bool gone = state == ENVELOPE_KEY_DESTROYED;
    envelope_key_info info = {.size = sizeof info,
                              .ref = &key,
                              .state = state,
                              .status = gone ? ENVELOPE_E_NO_KEY : ENVELOPE_OK,
                              .spki = spki,
                              .spki_len = len};
    return env_key_list_add(sink->list, &info, err);
}

envelope_status envelope_key_sink_add(envelope_key_sink *sink, const envelope_key_ref *key,
                                      int32_t state, const void *spki_der, size_t spki_len)
{
    if (!sink) {
        return ENVELOPE_E_INVALID;
    }
    if (!sink->failed) {
        sink->failed = add(sink, key, state, spki_der, spki_len, &sink->why);
    }
    return sink->failed;
}
