#include "keys/slot.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keywrap.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include <string.h>

/* What KWP gives back may be longer than a DEK: it is looked at here first. */
enum { UNWRAPPED_MAX = 64 };

envelope_status env_slot_wrap_rsa(const struct env_rsa_public *key, int32_t algorithm,
                                  const envelope_dek *dek, struct env_slot *slot,
                                  envelope_error *err)
{
    size_t len = 0;
    envelope_status st = env_oaep_wrap(key, algorithm, env_dek_key(dek), slot->wrapped,
                                       sizeof slot->wrapped, &len, err);
    slot->algorithm = algorithm;
    slot->wrapped_len = st ? 0 : (uint16_t)len;
    return st;
}

static envelope_status limits(const struct env_slot *slot, envelope_error *err)
{
    bool argon = slot->algorithm == ENVELOPE_ARGON2ID;
    if (!argon && slot->algorithm != ENVELOPE_PBKDF2_SHA256) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED, "a password slot of algorithm %d",
                        slot->algorithm);
    }
    uint32_t most = argon ? ENV_ARGON2_PASSES_MAX : ENV_PBKDF2_ITERATIONS_MAX;
    if (slot->passes < 1 || slot->passes > most ||
        (argon && slot->memory_kib > ENV_ARGON2_MEMORY_KIB_MAX)) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "a password slot asks for %u passes and %u KiB: more than the limit",
                        slot->passes, slot->memory_kib);
    }
    return ENVELOPE_OK;
}

static envelope_status stretch(envelope_ctx *ctx, const struct env_slot *slot, const void *password,
                               size_t len, uint8_t kek[32], envelope_error *err)
{
    envelope_status st = limits(slot, err);
    if (st) {
        return st;
    }
    if (slot->algorithm == ENVELOPE_ARGON2ID) {
        return env_argon2id(ctx, password, len, slot->salt, slot->memory_kib, slot->passes, kek,
                            err);
    }
    return env_pbkdf2(ctx, password, len, slot->salt, sizeof slot->salt, slot->passes, kek, 32,
                      err);
}

static envelope_status wrap_under(envelope_ctx *ctx, const void *password, size_t len,
                                  const envelope_dek *dek, uint8_t kek[32], struct env_slot *slot,
                                  envelope_error *err)
{
    size_t wrapped = 0;
    envelope_status st = env_random(slot->salt, sizeof slot->salt, err);
    st = st ? st : stretch(ctx, slot, password, len, kek, err);
    st = st ? st
            : env_kwp_wrap(ctx, kek, env_dek_key(dek), ENVELOPE_DEK_BYTES, slot->wrapped,
                           sizeof slot->wrapped, &wrapped, err);
    slot->wrapped_len = st ? 0 : (uint16_t)wrapped;
    return st;
}

envelope_status env_slot_wrap_password(const void *password, size_t len, int32_t algorithm,
                                       const envelope_dek *dek, struct env_slot *slot,
                                       envelope_error *err)
{
    envelope_ctx *ctx = env_dek_ctx(dek);
    bool argon = algorithm == ENVELOPE_ARGON2ID;
    slot->algorithm = algorithm;
    slot->memory_kib = argon ? ENV_ARGON2_MEMORY_KIB : 0;
    slot->passes = argon ? ENV_ARGON2_PASSES : ENV_PBKDF2_ITERATIONS;
    uint8_t *kek;
    envelope_status st = env_secret_new(ctx, 32, &kek, err);
    st = st ? st : wrap_under(ctx, password, len, dek, kek, slot, err);
    env_secret_free(ctx, kek, 32);
    return st;
}

static envelope_status unwrap_under(envelope_ctx *ctx, const struct env_slot *slot,
                                    const uint8_t kek[32], uint8_t *plain, uint8_t out[32],
                                    envelope_error *err)
{
    size_t len = 0;
    envelope_status st = ENVELOPE_E_AUTH;
    if (slot->wrapped_len == ENV_KWP_BYTES) {
        st = env_kwp_unwrap(ctx, kek, slot->wrapped, slot->wrapped_len, plain, UNWRAPPED_MAX, &len,
                            err);
    }
    if (st == ENVELOPE_E_AUTH || (!st && len != ENVELOPE_DEK_BYTES)) {
        return env_fail(err, ENVELOPE_E_AUTH, ENV_DOES_NOT_OPEN);
    }
    if (!st) {
        memcpy(out, plain, ENVELOPE_DEK_BYTES);
    }
    return st;
}

envelope_status env_slot_unwrap_password(envelope_ctx *ctx, const struct env_slot *slot,
                                         const void *password, size_t len, uint8_t out[32],
                                         envelope_error *err)
{
    uint8_t *scratch; /* KEK, then what was unwrapped */
    envelope_status st = env_secret_new(ctx, 32 + UNWRAPPED_MAX, &scratch, err);
    st = st ? st : stretch(ctx, slot, password, len, scratch, err);
    st = st ? st : unwrap_under(ctx, slot, scratch, scratch + 32, out, err);
    env_secret_free(ctx, scratch, 32 + UNWRAPPED_MAX);
    if (st) {
        env_wipe(out, ENVELOPE_DEK_BYTES);
    }
    return st;
}

envelope_status env_slot_unwrap_rsa(const struct env_slot *slot, const struct env_rsa_private *key,
                                    uint8_t out[32], envelope_error *err)
{
    envelope_status st =
        env_oaep_unwrap(key, slot->algorithm, slot->wrapped, slot->wrapped_len, out, err);
    if (st) {
        env_wipe(out, ENVELOPE_DEK_BYTES);
    }
    return st;
}
