/* The store key S and what lies under it (docs/format.md, chapter "Keystore"). */
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/chunked.h"
#include "crypto/digest.h"
#include "crypto/keywrap.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "kms/keystore/keystore.h"
#include <string.h>

/* KEK, store key; KWP wants room for what was wrapped, with its block. */
enum { KEK = 0, STORE_KEY = 32, UNWRAP_ROOM = 64, SCRATCH = STORE_KEY + UNWRAP_ROOM };

static envelope_status derive_keys(struct env_ks *ks, const uint8_t *store_key, envelope_error *err)
{
    envelope_status st =
        env_derive(ks->ctx, store_key, "keystore seal", NULL, 0, ks->keys + ENV_KS_SEAL_KEY, err);
    return st ? st
              : env_derive(ks->ctx, store_key, "keystore mac", NULL, 0, ks->keys + ENV_KS_MAC_KEY,
                           err);
}

static void remember(struct env_ks *ks, const struct env_keystore_file *file)
{
    ks->memory_kib = file->memory_kib;
    ks->passes = file->passes;
    memcpy(ks->salt, file->salt, sizeof ks->salt);
    memcpy(ks->wrapped, file->wrapped, sizeof ks->wrapped);
}

static envelope_status take_keys(struct env_ks *ks, const uint8_t *store_key,
                                 const struct env_keystore_file *file, envelope_error *err)
{
    envelope_status st = env_secret_new(ks->ctx, ENV_KS_KEYS_BYTES, &ks->keys, err);
    st = st ? st : derive_keys(ks, store_key, err);
    if (st) {
        env_secret_free(ks->ctx, ks->keys, ENV_KS_KEYS_BYTES);
        ks->keys = NULL;
        return st;
    }
    remember(ks, file);
    return ENVELOPE_OK;
}

static envelope_status wrap_new(struct env_ks *ks, const struct env_ks_passphrase *passphrase,
                                struct env_keystore_file *file, uint8_t *scratch,
                                envelope_error *err)
{
    size_t len = 0;
    envelope_status st = env_random(file->salt, sizeof file->salt, err);
    st = st ? st : env_random(scratch + STORE_KEY, 32, err);
    st = st ? st
            : env_argon2id(ks->ctx, passphrase->text, passphrase->len, file->salt, file->memory_kib,
                           file->passes, scratch + KEK, err);
    st = st ? st
            : env_kwp_wrap(ks->ctx, scratch + KEK, scratch + STORE_KEY, 32, file->wrapped,
                           sizeof file->wrapped, &len, err);
    return st ? st : take_keys(ks, scratch + STORE_KEY, file, err);
}

envelope_status env_ks_new_keys(struct env_ks *ks, const struct env_ks_passphrase *passphrase,
                                struct env_keystore_file *file, envelope_error *err)
{
    uint8_t *scratch;
    file->memory_kib = ENV_ARGON2_MEMORY_KIB;
    file->passes = ENV_ARGON2_PASSES;
    envelope_status st = env_secret_new(ks->ctx, SCRATCH, &scratch, err);
    st = st ? st : wrap_new(ks, passphrase, file, scratch, err);
    env_secret_free(ks->ctx, scratch, SCRATCH);
    return st;
}

static envelope_status unwrap(struct env_ks *ks, const struct env_ks_passphrase *passphrase,
                              const struct env_keystore_file *file, uint8_t *scratch,
                              envelope_error *err)
{
    size_t len = 0;
    envelope_status st = env_argon2id(ks->ctx, passphrase->text, passphrase->len, file->salt,
                                      file->memory_kib, file->passes, scratch + KEK, err);
    st = st ? st
            : env_kwp_unwrap(ks->ctx, scratch + KEK, file->wrapped, sizeof file->wrapped,
                             scratch + STORE_KEY, UNWRAP_ROOM, &len, err);
    if (st == ENVELOPE_E_AUTH || (!st && len != 32)) {
        return env_fail(err, ENVELOPE_E_NO_KEY,
                        "wrong passphrase, or the keystore's header was altered");
    }
    return st ? st : take_keys(ks, scratch + STORE_KEY, file, err);
}

envelope_status env_ks_unlock(struct env_ks *ks, const struct env_ks_passphrase *passphrase,
                              const struct env_keystore_file *file, envelope_error *err)
{
    uint8_t *scratch;
    envelope_status st = env_secret_new(ks->ctx, SCRATCH, &scratch, err);
    st = st ? st : unwrap(ks, passphrase, file, scratch, err);
    env_secret_free(ks->ctx, scratch, SCRATCH);
    return st;
}

envelope_status env_ks_same_keys(const struct env_ks *ks, const struct env_keystore_file *file,
                                 envelope_error *err)
{
    bool same = ks->memory_kib == file->memory_kib && ks->passes == file->passes &&
                !memcmp(ks->salt, file->salt, sizeof ks->salt) &&
                !memcmp(ks->wrapped, file->wrapped, sizeof ks->wrapped);
    return same ? ENVELOPE_OK
                : env_fail(err, ENVELOPE_E_NO_KEY,
                           "the keystore has another passphrase, or is another one, than when it "
                           "was opened: open it again");
}

envelope_status env_ks_mac(struct env_ks *ks, const uint8_t *bytes, size_t len, uint8_t mac[32],
                           envelope_error *err)
{
    const struct env_bytes part = ENV_BYTES(bytes, len - 32);
    return env_mac(ks->ctx, ks->keys + ENV_KS_MAC_KEY, "keystore", &part, 1, mac, err);
}

/* Name, version and fingerprint are bound in, so that no entry passes for another one. */
enum { CONTEXT_MAX = 1 + ENV_KEYSTORE_NAME_MAX + 4 + 32 };

static struct env_bytes seal_context(const struct env_keystore_entry *e, uint8_t out[CONTEXT_MAX])
{
    struct env_out o = env_out_over(out, CONTEXT_MAX);
    env_put_u8(&o, (uint8_t)strlen(e->name));
    env_put_bytes(&o, e->name, strlen(e->name));
    env_put_u32(&o, e->version);
    env_put_bytes(&o, e->fingerprint, sizeof e->fingerprint);
    return ENV_BYTES(out, o.len);
}

static envelope_status seal_der(struct env_ks *ks, const uint8_t *der, size_t len,
                                struct env_keystore_entry *entry, envelope_error *err)
{
    uint8_t context[CONTEXT_MAX];
    uint64_t sealed_len = env_chunked_sealed_len(len);
    if (sealed_len > ENV_KEYSTORE_SEALED_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "the private key is too long for the keystore");
    }
    const struct env_bytes part = seal_context(entry, context);
    entry->sealed_len = (uint32_t)sealed_len;
    entry->sealed = env_alloc(ks->ctx, entry->sealed_len);
    if (!entry->sealed) {
        return env_nomem(err);
    }
    return env_chunked_seal_whole(ks->ctx, ks->keys + ENV_KS_SEAL_KEY, "keystore", &part, 1, der,
                                  len, entry->sealed, err);
}

envelope_status env_ks_seal(struct env_ks *ks, const struct env_rsa_private *key,
                            struct env_keystore_entry *entry, envelope_error *err)
{
    uint8_t *der;
    size_t len = 0;
    entry->sealed = NULL;
    envelope_status st = env_secret_new(ks->ctx, ENV_PKCS8_BYTES_MAX, &der, err);
    st = st ? st : env_rsa_private_der(key, der, ENV_PKCS8_BYTES_MAX, &len, err);
    st = st ? st : seal_der(ks, der, len, entry, err);
    env_secret_free(ks->ctx, der, ENV_PKCS8_BYTES_MAX);
    if (st) {
        env_free(ks->ctx, entry->sealed);
        entry->sealed = NULL;
        entry->sealed_len = 0;
    }
    return st;
}

static envelope_status open_der(struct env_ks *ks, const struct env_keystore_entry *e, uint8_t *der,
                                size_t len, struct env_rsa_private **out, envelope_error *err)
{
    uint8_t context[CONTEXT_MAX];
    const struct env_bytes part = seal_context(e, context);
    envelope_status st = env_chunked_open_whole(ks->ctx, ks->keys + ENV_KS_SEAL_KEY, "keystore",
                                                &part, 1, e->sealed, e->sealed_len, der, err);
    st = st ? st : env_rsa_private_parse(ks->ctx, der, len, NULL, 0, out, err);
    if (st) {
        return st;
    }
    const uint8_t *fingerprint = env_rsa_public_fingerprint(env_rsa_private_public(*out));
    if (memcmp(fingerprint, e->fingerprint, sizeof e->fingerprint) != 0) {
        env_rsa_private_free(*out);
        *out = NULL;
        return ENVELOPE_E_AUTH;
    }
    return ENVELOPE_OK;
}

/* The MAC was right: only who has the passphrase can have done it. */
static envelope_status not_whole(const struct env_keystore_entry *e, envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_AUTH, "keystore: version %u of key %s was altered", e->version,
                    e->name);
}

envelope_status env_ks_unseal(struct env_ks *ks, const struct env_keystore_entry *e,
                              struct env_rsa_private **out, envelope_error *err)
{
    *out = NULL;
    uint64_t len = 0;
    uint8_t *der;
    if (e->state == ENVELOPE_KEY_DESTROYED) {
        return env_fail(err, ENVELOPE_E_NO_KEY,
                        "version %u of key %s was removed from the keystore", e->version, e->name);
    }
    if (!env_chunked_plain_len(e->sealed_len, &len)) {
        return not_whole(e, err);
    }
    envelope_status st = env_secret_new(ks->ctx, (size_t)len, &der, err);
    st = st ? st : open_der(ks, e, der, (size_t)len, out, err);
    env_secret_free(ks->ctx, der, (size_t)len);
    if (st == ENVELOPE_E_AUTH || st == ENVELOPE_E_FORMAT || st == ENVELOPE_E_NO_KEY) {
        return not_whole(e, err);
    }
    return st;
}

envelope_status env_ks_check_public(struct env_ks *ks, const struct env_keystore_entry *e,
                                    envelope_error *err)
{
    uint8_t own[ENV_HASH_BYTES];
    const struct env_bytes part = ENV_BYTES(e->spki, e->spki_len);
    envelope_status st = env_sha256(ks->ctx, &part, 1, own, err);
    if (st || !memcmp(own, e->fingerprint, sizeof own)) {
        return st;
    }
    return not_whole(e, err);
}
