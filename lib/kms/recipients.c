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

static envelope_status ask_kms(const envelope_keyring *ring, const struct env_records *records,
                               struct env_target *t, envelope_error *err)
{
    const struct env_ring_kms *kms = env_ring_find_kms(ring, t->recipient.kms_id);
    struct env_found found;
    t->kms = kms->kms;
    t->exclusive =
        env_kms_names_exclusive(kms->kms) || (kms->use & ENVELOPE_USE_NAMES_EXCLUSIVE) != 0;
    t->may_unwrap = (kms->use & ENVELOPE_USE_UNWRAP) && env_kms_offers_unwrap(kms->kms);
    const struct env_key *recorded =
        records ? records->newest(records->user, t->recipient.kms_id, t->recipient.name) : NULL;
    envelope_status st = env_kms_newest_after(kms->kms, t->recipient.kms_id, t->recipient.name,
                                              recorded, &found, err);
    if (!st) {
        t->key = found.key;
        t->replaces = found.replaces;
        t->others = found.others;
        st = take_public(ring, t, err);
    }
    char name[ENV_PRINTABLE_MAX];
    if (st) {
        env_error_prefix(err, "%s/%s", t->recipient.kms_id, env_printable(name, t->recipient.name));
    }
    return st;
}

static envelope_status ask_one(const envelope_keyring *ring, const struct env_ring_want *want,
                               const struct env_records *records, struct env_target *t,
                               envelope_error *err)
{
    name_recipient(ring, want, &t->recipient);
    if (want->kind == ENV_SLOT_KMS) {
        return ask_kms(ring, records, t, err);
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

/* A neighbour's, or a rotation that the KMS does not show: whoever made it wants to know. */
static void tell_others(const envelope_keyring *ring, const struct env_listener *events,
                        const struct env_target *t)
{
    struct env_listener own = ENV_LISTENER(ring->ctx);
    char name[ENV_PRINTABLE_MAX];
    envelope_key_ref ref = env_key_as_ref(&t->key);
    struct env_subject subject = {.key = &ref};
    env_emit(
        events ? events : &own, ENVELOPE_EVENT_REFUSED, ENVELOPE_OK, &subject,
        "KMS %s: %u more of the name %.100s are passed over, because nothing shows that one of "
        "them replaces the key in use; if one does, retire the old public key, or say that "
        "names there are exclusive",
        t->recipient.kms_id, (unsigned)t->others, env_printable(name, t->recipient.name));
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
    return env_keyring_ask_after(ring, NULL, events, out, err);
}

envelope_status env_keyring_ask_after(envelope_keyring *ring, const struct env_records *records,
                                      const struct env_listener *events, struct env_targets *out,
                                      envelope_error *err)
{
    memset(out, 0, sizeof *out);
    envelope_status first = any(ring, err);
    for (size_t i = 0; i < ring->want_count; i++) {
        envelope_error why = ENVELOPE_ERROR_INIT;
        struct env_target *t = &out->item[out->count++];
        envelope_status st = ask_one(ring, &ring->want[i], records, t, &why);
        if (st == ENVELOPE_E_REFUSED) {
            refused(ring, events, t, &why);
        }
        if (!st && t->others) {
            tell_others(ring, events, t);
        }
        if (st && (!first || (st == ENVELOPE_E_AGAIN && first != ENVELOPE_E_NOMEM))) {
            first = env_error_pass(err, st, &why);
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
