/* The keystore as a provider: what chains and keyrings ask of it. */
#include "base/error.h"
#include "kms/keystore/keystore.h"
#include <string.h>

/* A directory that is gone is a KMS that does not answer: another one may open what is wanted. */
static envelope_status reached(envelope_status st, envelope_error *err)
{
    if (st != ENVELOPE_E_NOT_FOUND && st != ENVELOPE_E_IO) {
        return st;
    }
    if (err) {
        err->status = ENVELOPE_E_KMS_UNREACHED;
    }
    return ENVELOPE_E_KMS_UNREACHED;
}

static envelope_status reach(struct env_ks *ks, struct env_ks_state **state, envelope_error *err)
{
    return reached(env_ks_look(ks, state, err), err);
}

static envelope_status give(struct env_ks *ks, const struct env_keystore_entry *e,
                            envelope_key_sink *sink, envelope_error *err)
{
    char id[ENV_KS_ID_MAX];
    char old_id[ENV_KS_ID_MAX];
    envelope_key_ref ref = env_ks_ref(e, env_ks_key_id(id, e->name, e->version));
    if (e->version > 1) {
        ref.replaces = env_ks_key_id(old_id, e->name, e->version - 1);
    }
    const uint8_t *spki = e->spki_len ? e->spki : NULL;
    envelope_status st = spki ? env_ks_check_public(ks, e, err) : ENVELOPE_OK;
    if (st) {
        return st;
    }
    st = envelope_key_sink_add(sink, &ref, e->state, spki, e->spki_len);
    return st ? env_fail(err, st, "keystore: key %s cannot be given", id) : ENVELOPE_OK;
}

/* Data is sealed for what is given here, so it must not vanish any more. */
static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    struct env_ks *ks = self;
    struct env_ks_state *state;
    envelope_status st = reach(ks, &state, err);
    if (st) {
        return st;
    }
    const struct env_keystore_entry *e = env_ks_find(&state->file, key_name, 0);
    st = e ? reached(env_ks_settled(ks, err), err)
           : env_fail(err, ENVELOPE_E_NO_KEY, "the keystore has no key of that name");
    st = st ? st : give(ks, e, sink, err);
    env_ks_state_release(ks, state);
    return st;
}

static envelope_status list(void *self, const char *key_name, envelope_key_sink *sink,
                            envelope_error *err)
{
    struct env_ks *ks = self;
    struct env_ks_state *state;
    envelope_status st = reach(ks, &state, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; !st && i < state->file.count; i++) {
        const struct env_keystore_entry *e = &state->file.entry[i];
        if (!key_name || strcmp(key_name, e->name) == 0) {
            st = give(ks, e, sink, err);
        }
    }
    env_ks_state_release(ks, state);
    return st;
}

static envelope_status find(struct env_ks *ks, const envelope_key_ref *key,
                            struct env_ks_state **state, const struct env_keystore_entry **entry,
                            envelope_error *err)
{
    envelope_status st = reach(ks, state, err);
    if (st) {
        return st;
    }
    *entry = env_ks_find_ref(&(*state)->file, key);
    if (!*entry) {
        env_ks_state_release(ks, *state);
        return env_fail(err, ENVELOPE_E_NO_KEY, "the keystore has no such version of that key");
    }
    return ENVELOPE_OK;
}

static envelope_status state_of(void *self, const envelope_key_ref *key, int32_t *state,
                                envelope_error *err)
{
    struct env_ks *ks = self;
    struct env_ks_state *now;
    const struct env_keystore_entry *e;
    envelope_status st = find(ks, key, &now, &e, err);
    if (st) {
        return st;
    }
    *state = e->state;
    env_ks_state_release(ks, now);
    return ENVELOPE_OK;
}

static envelope_status open_with(struct env_ks *ks, const struct env_keystore_entry *e,
                                 int32_t algorithm, const void *in, size_t in_len, uint8_t out[32],
                                 envelope_error *err)
{
    struct env_rsa_private *key = NULL;
    envelope_status st = env_ks_unseal(ks, e, &key, err);
    st = st ? st : env_oaep_unwrap(key, algorithm, in, in_len, out, err);
    env_rsa_private_free(key);
    return st;
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    struct env_ks *ks = self;
    struct env_ks_state *state;
    const struct env_keystore_entry *e;
    if (algorithm != ENVELOPE_RSA_OAEP_SHA256 && algorithm != ENVELOPE_RSA_OAEP_SHA1) {
        return env_fail(err, ENVELOPE_E_REFUSED, "a keystore's keys are RSA keys");
    }
    if (cap < ENVELOPE_DEK_BYTES) {
        return env_fail(err, ENVELOPE_E_RANGE, "an unwrapped key has 32 bytes");
    }
    envelope_status st = find(ks, key, &state, &e, err);
    if (!st) {
        st = open_with(ks, e, algorithm, in, in_len, out, err);
        env_ks_state_release(ks, state);
    }
    if (st == ENVELOPE_E_AUTH) {
        /* here it means: the slot does not open; what failed is the keystore's own MAC */
        st = ENVELOPE_E_FORMAT;
    }
    *len = st ? 0 : ENVELOPE_DEK_BYTES;
    return st;
}

const envelope_kms_ops env_ks_ops = {.size = sizeof env_ks_ops,
                                     .kind = "keystore",
                                     .newest = newest,
                                     .unwrap = unwrap,
                                     .state = state_of,
                                     .list = list};
