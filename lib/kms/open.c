/* Opening by slots (crypto.md 4.1 and 4.3): scope before any KMS is called, what is at hand before
 * any KMS, one failure path from the cryptography on. */
#include "base/error.h"
#include "base/text.h"
#include "keys/ref.h"
#include "keys/slot.h"
#include "kms/parts.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct attempt {
    const envelope_keyring *ring;
    struct env_opening *opening;
    struct env_listener events;
    const struct env_slots *slots;
    size_t only;
    env_dek_check check;
    void *user;
    uint8_t *dek;  /* 32 bytes in the arena */
    size_t opened; /* slot, once done is OK */
    bool decided;  /* nothing more is tried; result says how it ended */
    bool named;    /* a key or a KMS that a slot names answered, and it did not open */
    bool password; /* a password did not open */
    bool refused;  /* a policy of ours or of a KMS said no */
    envelope_status result;
    envelope_status kms_status; /* the failure of a KMS that is told */
    envelope_error kms_said;
    bool tried[ENV_SLOTS_LIMIT];
    struct env_ring_failure failure;
};

struct env_opening env_opening_begin(const envelope_keyring *ring,
                                     const struct env_listener *events)
{
    return (struct env_opening){.events = events, .limit = ring->options.max_failures};
}

static bool selected(const struct attempt *a, size_t i)
{
    return (a->only == SIZE_MAX || a->only == i) && !a->tried[i];
}

static void decide(struct attempt *a, envelope_status st)
{
    a->decided = true;
    a->result = st;
}

__attribute__((format(printf, 5, 6))) static void
tell(const struct attempt *a, int32_t kind, size_t i, envelope_status st, const char *format, ...)
{
    char line[512];
    char text[ENV_REF_TEXT_MAX];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    envelope_key_ref ref = env_slot_ref(&a->slots->slot[i]);
    struct env_subject subject = {
        .object = a->opening->object, .slot = (uint32_t)i + 1, .key = &ref};
    env_emit(&a->events, kind, st, &subject, "the header claims %s: %s", env_ref_text(text, &ref),
             line);
}

/* May one more be tried? A forged header must not cost an unbounded number of tries. */
static bool within_limit(struct attempt *a, envelope_error *err)
{
    if (a->opening->failures < a->opening->limit) {
        return true;
    }
    decide(a, env_fail(err, ENVELOPE_E_LIMIT,
                       "%u slots did not open in this call, which is the limit: is it damaged, or "
                       "forged? keyring_options.max_failures raises it",
                       a->opening->failures));
    return false;
}

/* The unwrapping went well: is it the DEK? Whether it was the unwrapping or this that failed is
 * told to nobody. */
static envelope_status verify(struct attempt *a, envelope_status unwrapped, envelope_error *err)
{
    if (unwrapped) {
        return unwrapped;
    }
    envelope_status st = a->check(a->user, a->dek);
    if (st && st != ENVELOPE_E_AUTH) {
        env_fail(err, st, "checking a header failed (%s)", envelope_status_name(st));
    }
    return st;
}

/* How one try went. true: go on with the next. */
static bool settle(struct attempt *a, size_t i, envelope_status st, envelope_error *err)
{
    if (!st) {
        tell(a, ENVELOPE_EVENT_UNWRAP, i, st, "it opens");
        a->opened = i;
        decide(a, ENVELOPE_OK);
        return false;
    }
    if (st == ENVELOPE_E_AUTH) {
        tell(a, ENVELOPE_EVENT_UNWRAP, i, st, ENV_DOES_NOT_OPEN);
        a->opening->failures++;
        return true;
    }
    tell(a, ENVELOPE_EVENT_UNWRAP, i, st, "%s", err ? err->message : envelope_status_name(st));
    decide(a, st);
    return false;
}

static envelope_status unwrap_private(struct attempt *a, const struct env_slot *slot,
                                      const struct env_ring_private *key, envelope_error *err)
{
    struct env_rsa_private *private = NULL;
    envelope_status st =
        env_rsa_private_parse(a->ring->ctx, key->der, key->len, NULL, 0, &private, err);
    st = st ? st : env_slot_unwrap_rsa(slot, private, a->dek, err);
    env_rsa_private_free(private);
    return st;
}

static void try_private(struct attempt *a, size_t i, envelope_error *err)
{
    const struct env_slot *slot = &a->slots->slot[i];
    const struct env_ring_private *key = env_ring_find_private(a->ring, slot->fingerprint);
    if (!within_limit(a, err)) {
        return;
    }
    a->tried[i] = true;
    envelope_status st = verify(a, unwrap_private(a, slot, key, err), err);
    a->named |= st == ENVELOPE_E_AUTH;
    settle(a, i, st, err);
}

static void try_passwords(struct attempt *a, size_t i, envelope_error *err)
{
    const struct env_slot *slot = &a->slots->slot[i];
    a->tried[i] = true;
    for (size_t k = 0; k < a->ring->password_count && !a->decided; k++) {
        const struct env_ring_password *p = &a->ring->password[k];
        if (!env_ring_password_fits(p, slot) || !within_limit(a, err)) {
            continue;
        }
        envelope_status st =
            env_slot_unwrap_password(a->ring->ctx, slot, p->text, p->len, a->dek, err);
        st = verify(a, st, err);
        a->password |= st == ENVELOPE_E_AUTH;
        a->failure.word[i] = "a wrong password, or an altered header";
        settle(a, i, st, err);
    }
}

/* Private keys are quick, passwords take tens of milliseconds by design. */
static void try_local(struct attempt *a, int32_t pass, envelope_error *err)
{
    for (size_t i = 0; i < a->slots->count && !a->decided; i++) {
        const struct env_slot *slot = &a->slots->slot[i];
        bool password = slot->kind == ENV_SLOT_PASSWORD;
        if (!selected(a, i) || password != (pass == ENV_SLOT_PASSWORD) ||
            env_ring_at_hand(a->ring, slot, a->opening->chain_id) != ENV_HAND_LOCAL) {
            continue;
        }
        if (password) {
            try_passwords(a, i, err);
            continue;
        }
        try_private(a, i, err);
    }
}

/* What is there and may not be used is said before any KMS is called. */
static void tell_refused(struct attempt *a)
{
    for (size_t i = 0; i < a->slots->count; i++) {
        const char *why = NULL;
        switch (env_ring_at_hand(a->ring, &a->slots->slot[i], a->opening->chain_id)) {
        case ENV_HAND_USE:
            why = "its KMS is not to be asked to unwrap";
            break;
        case ENV_HAND_SCOPE:
            why = "out of the keyring's scope";
            break;
        case ENV_HAND_ALGORITHM:
            why = "its algorithm is not allowed";
            break;
        case ENV_HAND_NOTHING:
        case ENV_HAND_LOCAL:
        case ENV_HAND_KMS:
            break;
        }
        if (why && selected(a, i)) {
            a->refused = true;
            a->failure.word[i] = why;
            tell(a, ENVELOPE_EVENT_REFUSED, i, ENVELOPE_E_REFUSED, "%s", why);
        }
    }
}

static const char *word_for(envelope_status st)
{
    switch (st) {
    case ENVELOPE_E_KMS_UNREACHED:
        return "its KMS is not reached";
    case ENVELOPE_E_REFUSED:
        return "its KMS refuses";
    case ENVELOPE_E_NO_KEY:
        return "its KMS has no such key";
    default:
        return "its KMS failed";
    }
}

/* A failure of memory or of a library is the call's; of a KMS, only this slot's. */
static bool is_ours(envelope_status st)
{
    return st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_CRYPTO;
}

/* Which failure of several KMSs is told: what may be over soon, what is to be mended, what was
 * decided. */
static int rank(envelope_status st)
{
    switch (st) {
    case ENVELOPE_OK:
        return 0;
    case ENVELOPE_E_NO_KEY:
        return 1;
    case ENVELOPE_E_REFUSED:
        return 2;
    case ENVELOPE_E_KMS_UNREACHED:
        return 4;
    default:
        return 3;
    }
}

static void note_kms(struct attempt *a, const struct env_ring_kms *kms, size_t i,
                     envelope_status st, const envelope_error *said)
{
    a->failure.word[i] = word_for(st);
    a->refused |= st == ENVELOPE_E_REFUSED;
    tell(a, ENVELOPE_EVENT_UNWRAP, i, st, "KMS %s: %s", kms->id, said->message);
    if (rank(st) > rank(a->kms_status)) {
        a->kms_status = st;
        a->kms_said = *said;
        env_error_prefix(&a->kms_said, "KMS %s", kms->id);
    }
}

/* false: this KMS is not asked again in this call. */
static bool try_kms(struct attempt *a, const struct env_ring_kms *kms, size_t i,
                    envelope_error *err)
{
    const struct env_slot *slot = &a->slots->slot[i];
    envelope_key_ref ref = env_slot_ref(slot);
    envelope_error said = ENVELOPE_ERROR_INIT;
    if (!within_limit(a, err)) {
        return false;
    }
    a->tried[i] = true;
    envelope_status st = env_kms_unwrap(kms->kms, &ref, slot->algorithm, slot->wrapped,
                                        slot->wrapped_len, a->dek, &said);
    if (st == ENVELOPE_E_AGAIN) { /* as a call that has not returned yet: nothing is told */
        decide(a, env_error_pass(err, st, &said));
        return false;
    }
    if (st && st != ENVELOPE_E_AUTH && !is_ours(st)) {
        note_kms(a, kms, i, st, &said);
        return st != ENVELOPE_E_KMS_UNREACHED;
    }
    if (is_ours(st)) {
        env_error_pass(err, st, &said);
    }
    st = verify(a, st, err);
    a->named |= st == ENVELOPE_E_AUTH;
    return settle(a, i, st, err);
}

static void try_one_kms(struct attempt *a, const struct env_ring_kms *kms, envelope_error *err)
{
    bool reached = true;
    for (size_t i = 0; i < a->slots->count && !a->decided; i++) {
        const struct env_slot *slot = &a->slots->slot[i];
        if (slot->kind != ENV_SLOT_KMS || strcmp(slot->kms_id, kms->id) != 0 || !selected(a, i) ||
            env_ring_at_hand(a->ring, slot, a->opening->chain_id) != ENV_HAND_KMS) {
            continue;
        }
        if (!reached) {
            a->failure.word[i] = word_for(ENVELOPE_E_KMS_UNREACHED);
            continue;
        }
        reached = try_kms(a, kms, i, err);
    }
}

/* architecture.md 3: the status depends on what was at hand and answered, never on what the
 * cryptography said. */
static envelope_status conclude(struct attempt *a, envelope_error *err)
{
    struct env_ring_failure *f = &a->failure;
    bool kms_failed =
        a->kms_status && a->kms_status != ENVELOPE_E_REFUSED && a->kms_status != ENVELOPE_E_NO_KEY;
    if (a->named) {
        f->status = ENVELOPE_E_AUTH;
        return env_ring_explain(a->slots, f, a->opening->object, err);
    }
    f->status = kms_failed ? a->kms_status : a->refused ? ENVELOPE_E_REFUSED : ENVELOPE_E_NO_KEY;
    if (a->kms_status == f->status) {
        f->lead = a->kms_said.message;
    }
    if (f->status == ENVELOPE_E_NO_KEY && a->password) {
        f->lead = "a wrong password, or an altered header";
    }
    env_ring_explain(a->slots, f, a->opening->object, err);
    if (a->kms_status == f->status) {
        env_error_origin(err, a->kms_said.origin, a->kms_said.native);
    }
    return f->status;
}

static envelope_status run(struct attempt *a, envelope_error *err)
{
    try_local(a, 0, err);
    try_local(a, ENV_SLOT_PASSWORD, err);
    if (!a->decided) {
        tell_refused(a);
    }
    for (size_t k = 0; k < a->ring->kms_count && !a->decided; k++) {
        try_one_kms(a, &a->ring->kms[k], err);
    }
    return a->decided ? a->result : conclude(a, err);
}

envelope_status env_keyring_open(envelope_keyring *ring, struct env_opening *opening,
                                 const struct env_slots *slots, size_t only, env_dek_check check,
                                 void *user, envelope_dek **out, size_t *slot, envelope_error *err)
{
    *out = NULL;
    struct attempt a = {.ring = ring,
                        .opening = opening,
                        .slots = slots,
                        .only = only,
                        .check = check,
                        .user = user,
                        .failure = {.only = only}};
    if (only != SIZE_MAX && only >= slots->count) {
        return env_fail(err, ENVELOPE_E_INVALID, "there is no slot %zu", only);
    }
    a.events = opening->events ? *opening->events : ENV_LISTENER(ring->ctx);
    a.kms_said.size = sizeof a.kms_said;
    envelope_status st = env_secret_new(ring->ctx, ENVELOPE_DEK_BYTES, &a.dek, err);
    if (st) {
        return st;
    }
    st = run(&a, err);
    st = st ? st : env_dek_from(ring->ctx, a.dek, out, err);
    env_secret_free(ring->ctx, a.dek, ENVELOPE_DEK_BYTES);
    if (!st && slot) {
        *slot = a.opened;
    }
    return st;
}
