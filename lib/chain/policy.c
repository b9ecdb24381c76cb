#include "chain/policy.h"
#include "base/error.h"
#include "base/text.h"
#include "keys/ref.h"
#include "keys/slot.h"
#include "kms/asking.h"
#include <string.h>

void env_policy_free(envelope_chain *chain, struct env_policy *policy)
{
    env_targets_free(chain->ctx, &policy->targets);
    memset(policy, 0, sizeof *policy);
}

static bool same_name(const struct env_key *a, const struct env_key *b)
{
    return a->kind == b->kind && !strcmp(a->kms_id, b->kms_id) && !strcmp(a->name, b->name);
}

/* The highest version recorded for this key name, NULL if there is none. */
static const struct env_key *newest_of(const struct env_keys *keys, const struct env_key *key)
{
    const struct env_key *best = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        const struct env_key *k = &keys->item[i];
        if (same_name(k, key) && (!best || k->version > best->version)) {
            best = k;
        }
    }
    return best;
}

static const struct env_key *recorded(const struct env_keys *keys, const struct env_key *key)
{
    size_t i = env_keys_find(keys, key);
    return i == SIZE_MAX ? NULL : &keys->item[i];
}

static const struct env_keys no_keys;

/* What verified metadata and the pin know. */
struct known {
    const struct env_keys *meta;
    const struct env_keys *pin;
};

static const struct env_key *newest_known(const struct known *known, const struct env_key *key)
{
    const struct env_key *a = newest_of(known->meta, key);
    const struct env_key *b = newest_of(known->pin, key);
    return !a || (b && b->version > a->version) ? b : a;
}

/* -- W1 */

static envelope_status check_serial(const envelope_chain *chain, const struct env_catalogue *base,
                                    const struct env_recipients *names, envelope_error *err)
{
    uint64_t theirs = base->head.serial;
    if (chain->serial < theirs) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "this host's configuration of the recipients is older than the chain's "
                        "(serial %llu, the chain has %llu): bring it up to date",
                        (unsigned long long)chain->serial, (unsigned long long)theirs);
    }
    if (chain->serial == theirs && !env_recipients_equal(names, &base->head.recipients)) {
        return env_fail(
            err, ENVELOPE_E_REFUSED,
            "the recipients in this host's configuration are not the chain's, under the "
            "same serial %llu: raise the serial if they were changed on purpose",
            (unsigned long long)theirs);
    }
    return ENVELOPE_OK;
}

/* -- W2 */

static envelope_status behind(envelope_error *err, const struct env_key *key,
                              const struct env_key *newest)
{
    char a[ENV_REF_TEXT_MAX];
    char b[ENV_REF_TEXT_MAX];
    envelope_key_ref had = env_key_as_ref(key);
    envelope_key_ref known = env_key_as_ref(newest);
    return env_fail(
        err, ENVELOPE_E_KMS_UNREACHED,
        "the KMS answers with a superseded version, %.150s; %.150s is known: it is behind",
        env_ref_text(a, &had), env_ref_text(b, &known));
}

static envelope_status give_version(const struct known *known, struct env_target *t,
                                    envelope_error *err)
{
    const struct env_key *in_meta = recorded(known->meta, &t->key);
    const struct env_key *in_pin = recorded(known->pin, &t->key);
    const struct env_key *newest = newest_known(known, &t->key);
    const struct env_key *same = in_meta ? in_meta : in_pin;
    if ((in_meta && in_meta->superseded) || (in_pin && in_pin->superseded)) {
        return behind(err, &t->key, newest);
    }
    if (t->key.version == 0) {
        t->key.version = same ? same->version : newest ? newest->version + 1 : 1;
    }
    if (newest &&
        (newest->version > t->key.version || (!same && newest->version == t->key.version))) {
        return behind(err, &t->key, newest);
    }
    return ENVELOPE_OK;
}

/* -- W3 */

static envelope_status believe(envelope_chain *chain, const struct known *known,
                               struct env_target *t, const struct env_listener *events,
                               envelope_error *err)
{
    const struct env_key *newest = newest_known(known, &t->key);
    char text[ENV_REF_TEXT_MAX];
    envelope_key_ref ref = env_key_as_ref(&t->key);
    bool replaces = false;
    envelope_status st = ENVELOPE_OK;
    if (newest && !t->exclusive) {
        st = env_kms_replaces(t->kms, t->key.name, t->replaces, newest->key_id, &replaces, err);
    }
    if (st) {
        return st;
    }
    if (newest && !replaces && !t->exclusive) {
        return env_fail(
            err, ENVELOPE_E_REFUSED,
            "%.200s is new, and nothing shows that it replaces the version known: the KMS "
            "names no predecessor that leads there, and its names are not exclusive",
            env_ref_text(text, &ref));
    }
    st = env_target_prove(chain->keyring, t, err);
    if (!st && !t->proven) {
        const struct env_subject subject = {.key = &ref};
        env_emit(events, ENVELOPE_EVENT_WRAP, ENVELOPE_OK, &subject,
                 "%s: not proven that the KMS can unwrap with it", env_ref_text(text, &ref));
    }
    return st;
}

static void tell_rotation(const struct known *known, const struct env_target *t,
                          const struct env_listener *events)
{
    const struct env_key *old = newest_known(known, &t->key);
    envelope_key_ref ref = env_key_as_ref(&t->key);
    envelope_key_ref old_ref;
    struct env_subject subject = {.key = &ref};
    char text[ENV_REF_TEXT_MAX];
    if (old) {
        old_ref = env_key_as_ref(old);
        subject.old_key = &old_ref;
    }
    env_emit(events, ENVELOPE_EVENT_ROTATED, ENVELOPE_OK, &subject, "%s is the newest version",
             env_ref_text(text, &ref));
}

static envelope_status check_target(envelope_chain *chain, const struct known *known,
                                    struct env_target *t, const struct env_listener *events,
                                    struct env_policy *out, envelope_error *err)
{
    if (t->recipient.kind != ENV_SLOT_KMS) {
        return ENVELOPE_OK;
    }
    envelope_status st = give_version(known, t, err);
    if (st) {
        return st;
    }
    bool in_meta = recorded(known->meta, &t->key) != NULL;
    bool in_pin = recorded(known->pin, &t->key) != NULL;
    if (!in_meta && !in_pin) {
        st = believe(chain, known, t, events, err);
    }
    if (!st && !in_meta) {
        tell_rotation(known, t, events);
        out->rotated++;
        out->newer = true;
    }
    out->same = out->same && in_meta && in_pin;
    return st;
}

static struct known what_is_known(const envelope_chain *chain, const struct env_catalogue *base)
{
    return (struct known){base ? &base->head.keys : &no_keys,
                          chain->pinned ? &chain->pin.keys : &no_keys};
}

static const struct env_key *newest_recorded(void *user, const char *kms_id, const char *key_name)
{
    const struct env_key probe = {.kind = ENV_SLOT_KMS,
                                  .kms_id = (char *)(uintptr_t)kms_id,
                                  .name = (char *)(uintptr_t)key_name};
    return newest_known(user, &probe);
}

static envelope_status check(envelope_chain *chain, const struct env_catalogue *base,
                             const struct env_listener *events, struct env_policy *out,
                             envelope_error *err)
{
    const struct env_pin *pin = chain->pinned ? &chain->pin : NULL;
    const struct known known = what_is_known(chain, base);
    out->same = base && pin && pin->serial == chain->serial && base->head.serial == chain->serial &&
                env_recipients_equal(&pin->recipients, &out->names) &&
                env_recipients_equal(&base->head.recipients, &out->names);
    out->newer = base && chain->serial > base->head.serial;
    envelope_status again = ENVELOPE_OK;
    for (size_t i = 0; i < out->targets.count; i++) {
        envelope_status st = check_target(chain, &known, &out->targets.item[i], events, out, err);
        if (st && st != ENVELOPE_E_AGAIN) {
            return again ? env_asking_again(err) : st;
        }
        again = st ? st : again; /* the others are asked in the same round */
    }
    return again;
}

envelope_status env_policy_today(envelope_chain *chain, const struct env_catalogue *base,
                                 const struct env_listener *events, struct env_policy *out,
                                 envelope_error *err)
{
    memset(out, 0, sizeof *out);
    envelope_status st = env_keyring_recipients(chain->keyring, &out->names, err);
    st = st || !base ? st : check_serial(chain, base, &out->names, err);
    if (!st && base && chain->serial == base->head.serial && !base->ours) {
        st = env_keyring_check_passwords(chain->keyring, base->slots, base->dek, err);
    }
    struct known known = what_is_known(chain, base);
    const struct env_records records = {newest_recorded, &known};
    st = st ? st : env_keyring_ask_after(chain->keyring, &records, events, &out->targets, err);
    st = st ? st : check(chain, base, events, out, err);
    if (st) {
        env_policy_free(chain, out);
    }
    return st;
}

bool env_policy_covers(const struct env_policy *policy, uint64_t own_serial,
                       const struct env_catalogue *base, const struct env_pin *pin,
                       const struct env_id *id, const struct env_slots *slots)
{
    if (id->serial > own_serial) {
        return false;
    }
    for (size_t i = 0; i < slots->count; i++) {
        const struct env_slot *slot = &slots->slot[i];
        uint32_t allowed = 0;
        bool named = false;
        if (slot->kind != ENV_SLOT_KMS) {
            continue;
        }
        for (size_t k = 0; k < policy->targets.count; k++) {
            const struct env_key *key = &policy->targets.item[k].key;
            if (key->kind == ENV_SLOT_KMS && !strcmp(key->kms_id, slot->kms_id) &&
                !strcmp(key->name, slot->name)) {
                named = true;
                allowed = key->version;
            }
        }
        if (!named) { /* a recipient of former days: the highest version that is known of it */
            struct known known = {&base->head.keys, pin ? &pin->keys : &no_keys};
            const struct env_key *newest = newest_recorded(&known, slot->kms_id, slot->name);
            allowed = newest ? newest->version : UINT32_MAX;
        }
        if (slot->version > allowed) {
            return false;
        }
    }
    return true;
}

static envelope_status record_one(envelope_ctx *ctx, const struct env_key *key,
                                  struct env_keys *keys, bool with_spki, envelope_error *err)
{
    struct env_key copy = *key;
    copy.superseded = false;
    if (!with_spki) {
        copy.spki = NULL;
        copy.spki_len = 0;
    }
    for (size_t i = 0; i < keys->count; i++) {
        struct env_key *k = &keys->item[i];
        if (key->kind == ENV_SLOT_KMS && same_name(k, key) && k->version != key->version) {
            k->superseded = true;
            env_free(ctx, k->spki); /* a pin holds the newest public keys only */
            k->spki = NULL;
            k->spki_len = 0;
        }
    }
    if (env_keys_find(keys, &copy) != SIZE_MAX) {
        return ENVELOPE_OK;
    }
    return env_keys_add(ctx, keys, &copy, err);
}

envelope_status env_policy_record(envelope_ctx *ctx, const struct env_policy *policy,
                                  struct env_keys *keys, bool with_spki, envelope_error *err)
{
    for (size_t i = 0; i < policy->targets.count; i++) {
        envelope_status st = record_one(ctx, &policy->targets.item[i].key, keys, with_spki, err);
        if (st) {
            return st;
        }
    }
    return ENVELOPE_OK;
}
