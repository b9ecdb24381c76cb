#include "base/error.h"
#include "base/text.h"
#include "keys/slot.h"
#include "kms/parts.h"
#include <string.h>

static const struct env_slot *slot_named(const struct env_slots *slots, const char *label)
{
    for (size_t i = 0; i < slots->count; i++) {
        if (slots->slot[i].kind == ENV_SLOT_PASSWORD && !strcmp(slots->slot[i].name, label)) {
            return &slots->slot[i];
        }
    }
    return NULL;
}

static envelope_status check_one(const envelope_keyring *ring,
                                 const struct env_ring_password *password,
                                 const struct env_slot *slot, const envelope_dek *dek,
                                 envelope_error *err)
{
    char label[ENV_PRINTABLE_MAX];
    uint8_t *key;
    envelope_status st = env_secret_new(ring->ctx, 32, &key, err);
    if (st) {
        return st;
    }
    st = env_slot_unwrap_password(ring->ctx, slot, password->text, password->len, key, err);
    if (st == ENVELOPE_E_AUTH || (!st && !env_equal_secret(key, env_dek_key(dek), 32))) {
        st = env_fail(
            err, ENVELOPE_E_REFUSED,
            "the password \"%s\" is not the one that the chain's metadata is sealed for: if "
            "it was changed on purpose, raise the serial",
            env_printable(label, password->label));
    }
    env_secret_free(ring->ctx, key, 32);
    return st;
}

envelope_status env_keyring_check_passwords(const envelope_keyring *ring,
                                            const struct env_slots *slots, const envelope_dek *dek,
                                            envelope_error *err)
{
    for (size_t i = 0; i < ring->password_count; i++) {
        const struct env_ring_password *p = &ring->password[i];
        const struct env_slot *slot = slot_named(slots, p->label);
        if (!(p->use & ENVELOPE_USE_WRAP) || !slot) {
            continue;
        }
        envelope_status st = check_one(ring, p, slot, dek, err);
        if (st) {
            return st;
        }
    }
    return ENVELOPE_OK;
}
