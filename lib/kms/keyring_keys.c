/* Passwords and keys of a keyring. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "kms/keyring.h"
#include "kms/parts.h"
#include <string.h>

enum { PASSWORD_BYTES_MAX = 1024 };

static envelope_status enter(const envelope_keyring *ring, envelope_error *err)
{
    return env_enter(ring ? ring->ctx : NULL, err);
}

static envelope_status check_password(const envelope_keyring *ring, const char *label,
                                      const void *password, size_t len, uint32_t use,
                                      envelope_error *err)
{
    const uint32_t known = ENVELOPE_USE_UNWRAP | ENVELOPE_USE_WRAP;
    if (!use || (use & ~known)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "keyring: a password's use is UNWRAP, WRAP, or both");
    }
    if (!password || !len) {
        return env_fail(err, ENVELOPE_E_INVALID, "keyring: an empty password");
    }
    if (len > PASSWORD_BYTES_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "keyring: a password of more than %d bytes",
                        PASSWORD_BYTES_MAX);
    }
    if (!env_ring_name_ok(label) && ((use & ENVELOPE_USE_WRAP) || (label && *label))) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "keyring: a password's label has 1 to 255 bytes of UTF-8");
    }
    for (size_t i = 0; i < ring->password_count && (use & ENVELOPE_USE_WRAP); i++) {
        const struct env_ring_password *other = &ring->password[i];
        if ((other->use & ENVELOPE_USE_WRAP) && strcmp(other->label, label) == 0) {
            char name[ENV_PRINTABLE_MAX];
            return env_fail(err, ENVELOPE_E_EXISTS, "keyring: password %s is a recipient already",
                            env_printable(name, label));
        }
    }
    return ENVELOPE_OK;
}

static envelope_status keep_password(envelope_keyring *ring, const char *label,
                                     const void *password, size_t len, uint32_t use,
                                     envelope_error *err)
{
    envelope_ctx *ctx = ring->ctx;
    struct env_ring_password item = {.len = len, .use = use};
    struct env_ring_password *bigger =
        env_ring_grown(ctx, ring->password, ring->password_count, sizeof *bigger);
    ring->password = bigger ? bigger : ring->password;
    item.label = bigger ? env_strdup(ctx, label ? label : "") : NULL;
    if (!item.label) {
        return env_nomem(err);
    }
    envelope_status st = env_secret_new(ctx, len, &item.text, err);
    if (st) {
        env_free(ctx, item.label);
        return st;
    }
    memcpy(item.text, password, len);
    ring->password[ring->password_count++] = item;
    return ENVELOPE_OK;
}

envelope_status envelope_keyring_add_password(envelope_keyring *ring, const char *label,
                                              const void *password, size_t len, uint32_t use,
                                              envelope_error *err)
{
    envelope_status st = enter(ring, err);
    st = st ? st : check_password(ring, label, password, len, use, err);
    bool wraps = use & ENVELOPE_USE_WRAP;
    st = st || !wraps ? st : env_ring_room_to_want(ring, ENV_SLOT_PASSWORD, err);
    st = st ? st : keep_password(ring, label, password, len, use, err);
    if (!st && wraps) {
        env_ring_want(ring, ENV_SLOT_PASSWORD, ring->password_count - 1);
    }
    return st;
}

static envelope_status keep_private(envelope_keyring *ring, const struct env_rsa_private *key,
                                    envelope_error *err)
{
    const uint8_t *fingerprint = env_rsa_public_fingerprint(env_rsa_private_public(key));
    if (env_ring_find_private(ring, fingerprint)) {
        return ENVELOPE_OK;
    }
    struct env_ring_private *bigger =
        env_ring_grown(ring->ctx, ring->private, ring->private_count, sizeof *bigger);
    if (!bigger) {
        return env_nomem(err);
    }
    ring->private = bigger;
    struct env_ring_private item = {.len = 0};
    memcpy(item.fingerprint, fingerprint, sizeof item.fingerprint);
    uint8_t *scratch;
    envelope_status st = env_secret_new(ring->ctx, ENV_PKCS8_BYTES_MAX, &scratch, err);
    st = st ? st : env_rsa_private_der(key, scratch, ENV_PKCS8_BYTES_MAX, &item.len, err);
    st = st ? st : env_secret_new(ring->ctx, item.len, &item.der, err);
    if (!st) {
        memcpy(item.der, scratch, item.len);
        ring->private[ring->private_count++] = item;
    }
    env_secret_free(ring->ctx, scratch, ENV_PKCS8_BYTES_MAX);
    return st;
}

static envelope_status check_escrow(const envelope_keyring *ring, const char *label,
                                    const struct env_rsa_public *key, envelope_error *err)
{
    if (!env_ring_name_ok(label)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "keyring: a public key's label has 1 to 255 bytes of UTF-8");
    }
    char name[ENV_PRINTABLE_MAX];
    env_printable(name, label);
    if (env_rsa_public_bits(key) < ring->options.min_wrap_bits) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "keyring: public key %s has %u bits: nothing is wrapped for less than %u",
                        name, env_rsa_public_bits(key), ring->options.min_wrap_bits);
    }
    for (size_t i = 0; i < ring->escrow_count; i++) {
        const uint8_t *other = env_rsa_public_fingerprint(ring->escrow[i].key);
        if (!memcmp(other, env_rsa_public_fingerprint(key), ENVELOPE_FINGERPRINT_BYTES)) {
            return env_fail(err, ENVELOPE_E_EXISTS, "keyring: public key %s is a recipient already",
                            name);
        }
    }
    return ENVELOPE_OK;
}

static envelope_status keep_escrow(envelope_keyring *ring, const char *label,
                                   struct env_rsa_public *key, envelope_error *err)
{
    envelope_status st = check_escrow(ring, label, key, err);
    st = st ? st : env_ring_room_to_want(ring, ENV_SLOT_ESCROW, err);
    if (st) {
        return st;
    }
    struct env_ring_escrow *bigger =
        env_ring_grown(ring->ctx, ring->escrow, ring->escrow_count, sizeof *bigger);
    ring->escrow = bigger ? bigger : ring->escrow;
    char *name = bigger ? env_strdup(ring->ctx, label) : NULL;
    if (!name) {
        return env_nomem(err);
    }
    struct env_ring_escrow item = {.label = name, .key = env_rsa_public_retain(key)};
    ring->escrow[ring->escrow_count++] = item;
    env_ring_want(ring, ENV_SLOT_ESCROW, ring->escrow_count - 1);
    return ENVELOPE_OK;
}

static envelope_status add_public(envelope_keyring *ring, const char *label, const void *key,
                                  size_t len, envelope_error *err)
{
    struct env_rsa_public *public = NULL;
    envelope_status st = env_rsa_public_parse(ring->ctx, key, len, &public, err);
    if (st == ENVELOPE_E_FORMAT) {
        return env_fail(err, st,
                        "keyring: neither a private nor a public RSA key of 2048 to 8192 bits, PEM "
                        "or DER");
    }
    st = st ? st : keep_escrow(ring, label, public, err);
    env_rsa_public_free(public);
    return st;
}

envelope_status envelope_keyring_add_key(envelope_keyring *ring, const char *label, const void *key,
                                         size_t key_len, const void *passphrase,
                                         size_t passphrase_len, envelope_error *err)
{
    envelope_status st = enter(ring, err);
    if (st) {
        return st;
    }
    if (!key || !key_len || (!passphrase && passphrase_len)) {
        return env_fail(err, ENVELOPE_E_INVALID, "keyring: no key was given, or no passphrase");
    }
    struct env_rsa_private *private = NULL;
    st = env_rsa_private_parse(ring->ctx, key, key_len, passphrase, passphrase_len, &private, err);
    if (st == ENVELOPE_E_FORMAT) {
        return add_public(ring, label, key, key_len, err);
    }
    st = st ? st : keep_private(ring, private, err);
    env_rsa_private_free(private);
    return st;
}
