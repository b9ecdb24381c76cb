#include "base/context.h"
#include "kms/parts.h"
#include <string.h>

const struct env_ring_kms *env_ring_find_kms(const envelope_keyring *ring, const char *kms_id)
{
    for (size_t i = 0; i < ring->kms_count; i++) {
        if (strcmp(ring->kms[i].id, kms_id) == 0) {
            return &ring->kms[i];
        }
    }
    return NULL;
}

const struct env_ring_private *env_ring_find_private(const envelope_keyring *ring,
                                                     const uint8_t fingerprint[32])
{
    for (size_t i = 0; i < ring->private_count; i++) {
        if (memcmp(ring->private[i].fingerprint, fingerprint, 32) == 0) {
            return &ring->private[i];
        }
    }
    return NULL;
}

static bool admits(const struct env_ring_scope *scope, const char *kms_id, const char *key_name,
                   const uint8_t *chain_id)
{
    if (strcmp(scope->kms_id, kms_id) != 0) {
        return false;
    }
    if (scope->key_name && strcmp(scope->key_name, key_name) != 0) {
        return false;
    }
    return !scope->has_chain || (chain_id && memcmp(scope->chain_id, chain_id, 32) == 0);
}

bool env_ring_in_scope(const envelope_keyring *ring, const char *kms_id, const char *key_name,
                       const uint8_t *chain_id)
{
    if (!ring->pair_count && !ring->scope_count) {
        return env_ring_find_kms(ring, kms_id) != NULL;
    }
    for (size_t i = 0; i < ring->pair_count; i++) {
        if (admits(&ring->pair[i], kms_id, key_name, chain_id)) {
            return true;
        }
    }
    for (size_t i = 0; i < ring->scope_count; i++) {
        if (admits(&ring->scope[i], kms_id, key_name, chain_id)) {
            return true;
        }
    }
    return false;
}

bool env_ring_password_fits(const struct env_ring_password *password, const struct env_slot *slot)
{
    return (password->use & ENVELOPE_USE_UNWRAP) &&
           (!password->label[0] || strcmp(password->label, slot->name) == 0);
}

static bool allowed(const envelope_keyring *ring, const struct env_slot *slot)
{
    return slot->algorithm != ENVELOPE_RSA_OAEP_SHA1 || (ring->options.flags & ENVELOPE_ALLOW_SHA1);
}

static bool has_password(const envelope_keyring *ring, const struct env_slot *slot)
{
    for (size_t i = 0; i < ring->password_count; i++) {
        if (env_ring_password_fits(&ring->password[i], slot)) {
            return true;
        }
    }
    return false;
}

static enum env_at_hand at_kms(const envelope_keyring *ring, const struct env_slot *slot,
                               const uint8_t *chain_id)
{
    const struct env_ring_kms *kms = env_ring_find_kms(ring, slot->kms_id);
    if (slot->kind != ENV_SLOT_KMS || !kms) {
        return ENV_HAND_NOTHING;
    }
    if (!(kms->use & ENVELOPE_USE_UNWRAP) || !env_kms_offers_unwrap(kms->kms)) {
        return ENV_HAND_USE;
    }
    if (!env_ring_in_scope(ring, slot->kms_id, slot->name, chain_id)) {
        return ENV_HAND_SCOPE;
    }
    return allowed(ring, slot) ? ENV_HAND_KMS : ENV_HAND_ALGORITHM;
}

enum env_at_hand env_ring_at_hand(const envelope_keyring *ring, const struct env_slot *slot,
                                  const uint8_t *chain_id)
{
    if (slot->kind == ENV_SLOT_PASSWORD) {
        return has_password(ring, slot) ? ENV_HAND_LOCAL : ENV_HAND_NOTHING;
    }
    if (slot->has_fingerprint && env_ring_find_private(ring, slot->fingerprint)) {
        return allowed(ring, slot) ? ENV_HAND_LOCAL : ENV_HAND_ALGORITHM;
    }
    return at_kms(ring, slot, chain_id);
}

envelope_status env_keyring_has(const envelope_keyring *ring, const struct env_slot *slot,
                                const uint8_t *chain_id)
{
    switch (env_ring_at_hand(ring, slot, chain_id)) {
    case ENV_HAND_LOCAL:
    case ENV_HAND_KMS:
        return ENVELOPE_OK;
    case ENV_HAND_USE:
    case ENV_HAND_SCOPE:
    case ENV_HAND_ALGORITHM:
        return ENVELOPE_E_REFUSED;
    case ENV_HAND_NOTHING:
        break;
    }
    return ENVELOPE_E_NO_KEY;
}
