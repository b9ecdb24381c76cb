#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "keys/ref.h"
#include "keys/slot.h"
#include "kms/parts.h"
#include <stdio.h>
#include <string.h>

static void set_text(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from);
}

static void name_recipient(const envelope_keyring *ring, const struct env_ring_want *want,
                           struct env_recipient *out)
{
    memset(out, 0, sizeof *out);
    out->kind = want->kind;
    if (want->kind == ENV_SLOT_KMS) {
        set_text(out->kms_id, sizeof out->kms_id, ring->pair[want->index].kms_id);
        set_text(out->name, sizeof out->name, ring->pair[want->index].key_name);
        return;
    }
    if (want->kind == ENV_SLOT_PASSWORD) {
        set_text(out->name, sizeof out->name, ring->password[want->index].label);
        return;
    }
    const struct env_ring_escrow *escrow = &ring->escrow[want->index];
    set_text(out->name, sizeof out->name, escrow->label);
    out->has_fingerprint = true;
    memcpy(out->fingerprint, env_rsa_public_fingerprint(escrow->key), sizeof out->fingerprint);
}

static envelope_status any(const envelope_keyring *ring, envelope_error *err)
{
    if (!ring->want_count) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "the keyring has no recipient: name one by wrap_for, or add a password or "
                        "a public key to wrap for");
    }
    return ENVELOPE_OK;
}

envelope_status env_keyring_recipients(const envelope_keyring *ring, struct env_recipients *out,
                                       envelope_error *err)
{
    memset(out, 0, sizeof *out);
    envelope_status st = any(ring, err);
    for (size_t i = 0; !st && i < ring->want_count; i++) {
        name_recipient(ring, &ring->want[i], &out->item[i]);
        out->count++;
    }
    return st;
}

static envelope_status own_key(envelope_ctx *ctx, struct env_target *t, envelope_error *err)
{
    t->key.kind = t->recipient.kind;
    t->key.version = 0;
    t->key.kms_id = env_strdup(ctx, "");
    t->key.name = env_strdup(ctx, t->recipient.name);
    t->key.key_id = env_strdup(ctx, "");
    t->key.has_fingerprint = t->recipient.has_fingerprint;
    memcpy(t->key.fingerprint, t->recipient.fingerprint, sizeof t->key.fingerprint);
    return t->key.kms_id && t->key.name && t->key.key_id ? ENVELOPE_OK : env_nomem(err);
}

static envelope_status check_bits(const envelope_keyring *ring, const struct env_target *t,
                                  envelope_error *err)
{
    uint32_t bits = env_rsa_public_bits(t->public);
    if (bits >= ring->options.min_wrap_bits) {
        return ENVELOPE_OK;
    }
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "the key has %u bits: nothing is wrapped for less than %u", bits,
                    ring->options.min_wrap_bits);
}

static envelope_status take_public(const envelope_keyring *ring, struct env_target *t,
                                   envelope_error *err)
{
    if (!t->key.spki) {
        return env_kms_offers_wrap(t->kms)
                   ? ENVELOPE_OK
                   : env_fail(err, ENVELOPE_E_REFUSED,
                              "the key has no public half, and its KMS does not offer to wrap");
    }
    envelope_status st =
        env_rsa_public_from_der(ring->ctx, t->key.spki, t->key.spki_len, &t->public, err);
    return st ? st : check_bits(ring, t, err);
}

static envelope_status ask_kms(const envelope_keyring *ring, struct env_target *t,
                               envelope_error *err)
{
    const struct env_ring_kms *kms = env_ring_find_kms(ring, t->recipient.kms_id);
    struct env_found found;
    t->kms = kms->kms;
    t->exclusive =
        env_kms_names_exclusive(kms->kms) || (kms->use & ENVELOPE_USE_NAMES_EXCLUSIVE) != 0;
    t->may_unwrap = (kms->use & ENVELOPE_USE_UNWRAP) && env_kms_offers_unwrap(kms->kms);
    envelope_status st =
        env_kms_newest(kms->kms, t->recipient.kms_id, t->recipient.name, &found, err);
    if (!st) {
        t->key = found.key;
        t->replaces = found.replaces;
        st = take_public(ring, t, err);
    }
    char name[ENV_PRINTABLE_MAX];
    if (st) {
        env_error_prefix(err, "%s/%s", t->recipient.kms_id, env_printable(name, t->recipient.name));
    }
    return st;
}

static envelope_status ask_one(const envelope_keyring *ring, const struct env_ring_want *want,
                               struct env_target *t, envelope_error *err)
{
    name_recipient(ring, want, &t->recipient);
    if (want->kind == ENV_SLOT_KMS) {
        return ask_kms(ring, t, err);
    }
    if (want->kind == ENV_SLOT_PASSWORD) {
        t->password = want->index;
    }
    if (want->kind == ENV_SLOT_ESCROW) {
        t->public = env_rsa_public_retain(ring->escrow[want->index].key);
    }
    return own_key(ring->ctx, t, err);
}

/* Two names that lead to one key would give two slots for it, which no reader accepts. */
static envelope_status all_different(const struct env_targets *targets, envelope_error *err)
{
    for (size_t i = 1; i < targets->count; i++) {
        const struct env_target *a = &targets->item[i];
        for (size_t j = 0; j < i && a->kms; j++) {
            const struct env_target *b = &targets->item[j];
            if (b->kms && !strcmp(a->key.kms_id, b->key.kms_id) &&
                !strcmp(a->key.key_id, b->key.key_id)) {
                char one[ENV_PRINTABLE_MAX];
                char two[ENV_PRINTABLE_MAX];
                return env_fail(err, ENVELOPE_E_REFUSED,
                                "KMS %s gives the same key for the names %s and %s: keep one of "
                                "them as recipient",
                                a->key.kms_id, env_printable(one, a->key.name),
                                env_printable(two, b->key.name));
            }
        }
    }
    return ENVELOPE_OK;
}

static void refused(const envelope_keyring *ring, const struct env_listener *events,
                    const struct env_target *t, const envelope_error *why)
{
    struct env_listener own = ENV_LISTENER(ring->ctx);
    envelope_key_ref ref = {
        .size = sizeof ref, .kms_id = t->recipient.kms_id, .key_name = t->recipient.name};
    struct env_subject subject = {.key = &ref};
    env_emit(events ? events : &own, ENVELOPE_EVENT_REFUSED, ENVELOPE_E_REFUSED, &subject, "%s",
             why->message);
}

envelope_status env_keyring_ask(envelope_keyring *ring, const struct env_listener *events,
                                struct env_targets *out, envelope_error *err)
{
    memset(out, 0, sizeof *out);
    envelope_status first = any(ring, err);
    for (size_t i = 0; i < ring->want_count; i++) {
        envelope_error why = ENVELOPE_ERROR_INIT;
        struct env_target *t = &out->item[out->count++];
        envelope_status st = ask_one(ring, &ring->want[i], t, &why);
        if (st == ENVELOPE_E_REFUSED) {
            refused(ring, events, t, &why);
        }
        if (st && !first) {
            first = env_fail(err, st, "%s", why.message);
            env_error_origin(err, why.origin, why.native);
        }
    }
    first = first ? first : all_different(out, err);
    if (first) {
        env_targets_free(ring->ctx, out);
    }
    return first;
}

void env_targets_free(envelope_ctx *ctx, struct env_targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        struct env_target *t = &targets->item[i];
        env_rsa_public_free(t->public);
        env_free(ctx, t->key.kms_id);
        env_free(ctx, t->key.name);
        env_free(ctx, t->key.key_id);
        env_free(ctx, t->key.spki);
        env_free(ctx, t->replaces);
    }
    memset(targets, 0, sizeof *targets);
}

static void name_slot(const struct env_target *t, struct env_slot *slot)
{
    memset(slot, 0, sizeof *slot);
    slot->kind = t->recipient.kind;
    set_text(slot->name, sizeof slot->name, t->recipient.name);
    set_text(slot->kms_id, sizeof slot->kms_id, t->recipient.kms_id);
    slot->has_fingerprint = t->key.has_fingerprint;
    memcpy(slot->fingerprint, t->key.fingerprint, sizeof slot->fingerprint);
    if (t->kms) {
        set_text(slot->key_id, sizeof slot->key_id, t->key.key_id);
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

static envelope_status wrap_one(const envelope_keyring *ring, const struct env_target *t,
                                const envelope_dek *dek, struct env_slot *slot, envelope_error *err)
{
    name_slot(t, slot);
    if (t->recipient.kind == ENV_SLOT_PASSWORD) {
        const struct env_ring_password *p = &ring->password[t->password];
        bool fips = ring->options.flags & ENVELOPE_FIPS_PASSWORDS;
        return env_slot_wrap_password(
            p->text, p->len, fips ? ENVELOPE_PBKDF2_SHA256 : ENVELOPE_ARGON2ID, dek, slot, err);
    }
    return t->public ? env_slot_wrap_rsa(t->public, ENVELOPE_RSA_OAEP_SHA256, dek, slot, err)
                     : wrap_at_kms(t, dek, slot, err);
}

static envelope_status possession(envelope_keyring *ring, const struct env_target *t,
                                  const envelope_dek *value, uint8_t back[32], envelope_error *err)
{
    struct env_slot slot;
    envelope_status st = wrap_one(ring, t, value, &slot, err);
    if (st) {
        return st;
    }
    envelope_key_ref ref = env_slot_ref(&slot);
    st = env_kms_unwrap(t->kms, &ref, slot.algorithm, slot.wrapped, slot.wrapped_len, back, err);
    bool same = !st && env_equal_secret(back, env_dek_key(value), ENVELOPE_DEK_BYTES);
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
    envelope_dek *value = NULL;
    uint8_t *back = NULL;
    envelope_status st = envelope_dek_generate(ring->ctx, &value, err);
    st = st ? st : env_secret_new(ring->ctx, ENVELOPE_DEK_BYTES, &back, err);
    st = st ? st : possession(ring, t, value, back, err);
    env_secret_free(ring->ctx, back, ENVELOPE_DEK_BYTES);
    envelope_dek_free(value);
    t->proven = !st;
    char text[ENV_REF_TEXT_MAX];
    if (st) {
        envelope_key_ref ref = env_key_as_ref(&t->key);
        env_error_prefix(err, "%s", env_ref_text(text, &ref));
    }
    return st;
}

static envelope_status wrap_all(envelope_keyring *ring, const struct env_targets *targets,
                                const envelope_dek *dek, const struct env_listener *events,
                                const char *object, struct env_slots *out, envelope_error *err)
{
    char text[ENV_REF_TEXT_MAX];
    for (size_t i = 0; i < targets->count; i++) {
        const struct env_target *t = &targets->item[i];
        if (t->kms && !t->key.version) {
            return env_fail(err, ENVELOPE_E_INVALID,
                            "a key is to be wrapped for without a version");
        }
        envelope_status st = wrap_one(ring, t, dek, &out->slot[i], err);
        envelope_key_ref ref = env_slot_ref(&out->slot[i]);
        struct env_subject subject = {.object = object, .slot = (uint32_t)i + 1, .key = &ref};
        env_ref_text(text, &ref);
        env_emit(events, ENVELOPE_EVENT_WRAP, st, &subject, "a DEK is wrapped for %s", text);
        if (st) {
            env_error_prefix(err, "%s", text);
            return st;
        }
        out->count++;
    }
    return env_slots_check(out, err);
}

envelope_status env_targets_wrap(envelope_keyring *ring, const struct env_targets *targets,
                                 const envelope_dek *dek, const struct env_listener *events,
                                 const char *object, struct env_slots *out, envelope_error *err)
{
    struct env_listener own = ENV_LISTENER(ring->ctx);
    memset(out, 0, sizeof *out);
    envelope_status st = wrap_all(ring, targets, dek, events ? events : &own, object, out, err);
    if (st) {
        memset(out, 0, sizeof *out);
    }
    return st;
}
