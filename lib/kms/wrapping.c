/* Slots for today's recipients, and the proof that a KMS opens what is wrapped for its key. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "keys/ref.h"
#include "keys/slot.h"
#include "kms/asking.h"
#include "kms/parts.h"
#include <string.h>

static void name_slot(const struct env_target *t, struct env_slot *slot)
{
    memset(slot, 0, sizeof *slot);
    slot->kind = t->recipient.kind;
    env_text_copy(slot->name, sizeof slot->name, t->recipient.name);
    env_text_copy(slot->kms_id, sizeof slot->kms_id, t->recipient.kms_id);
    slot->has_fingerprint = t->key.has_fingerprint;
    memcpy(slot->fingerprint, t->key.fingerprint, sizeof slot->fingerprint);
    if (t->kms) {
        env_text_copy(slot->key_id, sizeof slot->key_id, t->key.key_id);
        slot->version = t->key.version;
    }
}

static envelope_status wrap_at_kms(const struct env_target *t, const envelope_dek *dek,
                                   struct env_slot *slot, envelope_error *err)
{
    size_t len = 0;
    envelope_key_ref ref = env_slot_ref(slot);
    slot->algorithm = ENVELOPE_AES_KWP;
    envelope_status st = env_kms_wrap(t->kms, &ref, ENVELOPE_AES_KWP, env_dek_key(dek),
                                      slot->wrapped, sizeof slot->wrapped, &len, err);
    slot->wrapped_len = (uint16_t)len;
    return st;
}

/* SHA-1 needs two words: that of the KMS's configuration, and that of the keyring. */
static envelope_status choose_oaep(const envelope_keyring *ring, const struct env_target *t,
                                   int32_t *out, envelope_error *err)
{
    *out = t->kms ? env_kms_oaep(t->kms) : ENVELOPE_RSA_OAEP_SHA256;
    if (*out == ENVELOPE_RSA_OAEP_SHA1 && !(ring->options.flags & ENVELOPE_ALLOW_SHA1)) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "the KMS is set up for RSA-OAEP with SHA-1, and the keyring does not allow "
                        "that: nothing is sealed for it");
    }
    return ENVELOPE_OK;
}

/* OAEP is randomised: where an asking KMS is to unwrap what is wrapped here, the question repeats
 * only if the bytes do. kept NULL: they need not. */
static envelope_status wrap_public(const struct env_target *t, int32_t oaep,
                                   const envelope_dek *dek, struct env_draw_wrapped *kept,
                                   struct env_slot *slot, envelope_error *err)
{
    if (kept && kept->len) {
        slot->algorithm = oaep;
        slot->wrapped_len = kept->len;
        memcpy(slot->wrapped, kept->bytes, kept->len);
        return ENVELOPE_OK;
    }
    envelope_status st = env_slot_wrap_rsa(t->public, oaep, dek, slot, err);
    if (!st && kept) {
        kept->len = slot->wrapped_len;
        memcpy(kept->bytes, slot->wrapped, slot->wrapped_len);
    }
    return st;
}

static envelope_status wrap_one(const envelope_keyring *ring, const struct env_target *t,
                                const struct env_drawn *drawn, size_t place, struct env_slot *slot,
                                envelope_error *err)
{
    name_slot(t, slot);
    if (t->recipient.kind == ENV_SLOT_PASSWORD) {
        const struct env_ring_password *p = &ring->password[t->password];
        bool fips = ring->options.flags & ENVELOPE_FIPS_PASSWORDS;
        return env_slot_wrap_password(p->text, p->len,
                                      fips ? ENVELOPE_PBKDF2_SHA256 : ENVELOPE_ARGON2ID, drawn->dek,
                                      slot, err);
    }
    if (!t->public) {
        return wrap_at_kms(t, drawn->dek, slot, err);
    }
    int32_t oaep;
    bool asks = drawn->draw && t->kms && env_kms_asking(t->kms);
    struct env_draw_wrapped *kept = asks ? env_draw_place(drawn->draw, place) : NULL;
    envelope_status st = choose_oaep(ring, t, &oaep, err);
    return st ? st : wrap_public(t, oaep, drawn->dek, kept, slot, err);
}

/* -- W3's possession test */

static envelope_status possession(envelope_keyring *ring, const struct env_target *t,
                                  const struct env_drawn *value, uint8_t back[32],
                                  envelope_error *err)
{
    struct env_slot slot;
    envelope_status st = wrap_one(ring, t, value, 0, &slot, err);
    if (st) {
        return st;
    }
    envelope_key_ref ref = env_slot_ref(&slot);
    st = env_kms_unwrap(t->kms, &ref, slot.algorithm, slot.wrapped, slot.wrapped_len, back, err);
    bool same = !st && env_equal_secret(back, env_dek_key(value->dek), ENVELOPE_DEK_BYTES);
    if (st == ENVELOPE_E_AUTH || (!st && !same)) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "the KMS does not unwrap what was wrapped for the key that it names: it is "
                        "not that key's KMS, and nothing is sealed for it");
    }
    return st;
}

envelope_status env_target_prove(envelope_keyring *ring, struct env_target *t, envelope_error *err)
{
    t->proven = false;
    if (!t->kms || !t->may_unwrap) {
        return ENVELOPE_OK;
    }
    struct env_drawn value;
    uint8_t *back = NULL;
    envelope_status st = env_draw_proof(ring, t, &value, err);
    st = st ? st : env_secret_new(ring->ctx, ENVELOPE_DEK_BYTES, &back, err);
    st = st ? st : possession(ring, t, &value, back, err);
    env_secret_free(ring->ctx, back, ENVELOPE_DEK_BYTES);
    envelope_dek_free(value.dek);
    t->proven = !st;
    char text[ENV_REF_TEXT_MAX];
    if (st) {
        envelope_key_ref ref = env_key_as_ref(&t->key);
        env_error_prefix(err, "%s", env_ref_text(text, &ref));
    }
    return st;
}

/* -- slots */

static void tell_wrapped(const struct env_listener *events, const char *object,
                         const struct env_slots *slots, size_t i, envelope_status st)
{
    char text[ENV_REF_TEXT_MAX];
    envelope_key_ref ref = env_slot_ref(&slots->slot[i]);
    struct env_subject subject = {.object = object, .slot = (uint32_t)i + 1, .key = &ref};
    env_emit(events, ENVELOPE_EVENT_WRAP, st, &subject, "a DEK is wrapped for %s",
             env_ref_text(text, &ref));
}

/* All that ask are asked before it is said. */
static envelope_status fill(envelope_keyring *ring, const struct env_targets *targets,
                            const struct env_drawn *drawn, const struct env_listener *events,
                            const char *object, struct env_slots *out, envelope_error *err)
{
    envelope_status again = ENVELOPE_OK;
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < targets->count; i++) {
        const struct env_target *t = &targets->item[i];
        if (t->kms && !t->key.version) {
            return env_fail(err, ENVELOPE_E_INVALID,
                            "a key is to be wrapped for without a version");
        }
        st = wrap_one(ring, t, drawn, i, &out->slot[i], err);
        out->count++;
        if (st) {
            char text[ENV_REF_TEXT_MAX];
            envelope_key_ref ref = env_slot_ref(&out->slot[i]);
            env_error_prefix(err, "%s", env_ref_text(text, &ref));
        }
        if (st == ENVELOPE_E_AGAIN) {
            again = st;
            st = ENVELOPE_OK;
        }
    }
    if (again) {
        return st == ENVELOPE_E_NOMEM ? st : env_asking_again(err);
    }
    for (size_t i = 0; i < out->count; i++) {
        tell_wrapped(events, object, out, i, i + 1 == out->count ? st : ENVELOPE_OK);
    }
    return st ? st : env_slots_check(out, err);
}

envelope_status env_drawn_wrap(envelope_keyring *ring, const struct env_targets *targets,
                               const struct env_drawn *drawn, const struct env_listener *events,
                               const char *object, struct env_slots *out, envelope_error *err)
{
    struct env_listener own = ENV_LISTENER(ring->ctx);
    memset(out, 0, sizeof *out);
    envelope_status st = fill(ring, targets, drawn, events ? events : &own, object, out, err);
    if (st) {
        memset(out, 0, sizeof *out);
    }
    return st;
}

envelope_status env_targets_wrap(envelope_keyring *ring, const struct env_targets *targets,
                                 const envelope_dek *dek, const struct env_listener *events,
                                 const char *object, struct env_slots *out, envelope_error *err)
{
    const struct env_drawn given = {.dek = (envelope_dek *)(uintptr_t)dek};
    return env_drawn_wrap(ring, targets, &given, events, object, out, err);
}

/* The KMS itself, whatever private key is at hand: what it cannot open is not proven. */
envelope_status env_target_opens(envelope_keyring *ring, const struct env_target *t,
                                 const struct env_slots *slots, size_t i, const envelope_dek *dek,
                                 const struct env_listener *events, const char *object,
                                 envelope_error *err)
{
    const struct env_slot *slot = &slots->slot[i];
    envelope_key_ref ref = env_slot_ref(slot);
    char text[ENV_REF_TEXT_MAX];
    uint8_t *back;
    envelope_status st = env_secret_new(ring->ctx, ENVELOPE_DEK_BYTES, &back, err);
    if (st) {
        return st;
    }
    st = env_kms_unwrap(t->kms, &ref, slot->algorithm, slot->wrapped, slot->wrapped_len, back, err);
    if (!st && !env_equal_secret(back, env_dek_key(dek), ENVELOPE_DEK_BYTES)) {
        st = env_fail(err, ENVELOPE_E_AUTH, ENV_DOES_NOT_OPEN);
    }
    env_secret_free(ring->ctx, back, ENVELOPE_DEK_BYTES);
    env_ref_text(text, &ref);
    if (st != ENVELOPE_E_AGAIN) {
        const struct env_subject subject = {.object = object, .slot = (uint32_t)i + 1, .key = &ref};
        env_emit(events, ENVELOPE_EVENT_UNWRAP, st, &subject, "the header claims %s: %s", text,
                 !st                     ? "it opens"
                 : st == ENVELOPE_E_AUTH ? ENV_DOES_NOT_OPEN
                 : err                   ? err->message
                                         : envelope_status_name(st));
    }
    if (st) {
        env_error_prefix(err, "what was sealed for %.150s does not open", text);
    }
    return st;
}
