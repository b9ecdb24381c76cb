/* What its owner does with a keystore: make, rotate, remove, export, import. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/event.h"
#include "base/text.h"
#include "crypto/random.h"
#include "kms/keystore/keystore.h"
#include <stdio.h>
#include <string.h>

/* What a new version may, must or must not find. */
enum rule { NAME_IS_NEW, NAME_IS_THERE, ANY_NAME };

struct addition {
    const char *name;
    const struct env_rsa_private *key;
    uint8_t *sealed; /* freed by whoever asked for the change */
    enum rule rule;
    uint32_t reserved;
};

static envelope_status check_name(const char *name, envelope_error *err)
{
    if (!env_kms_id_valid(name, strnlen(name, ENV_KEYSTORE_NAME_MAX + 1))) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "a keystore's key name has 1 to %d of [A-Za-z0-9._-]",
                        ENV_KEYSTORE_NAME_MAX);
    }
    return ENVELOPE_OK;
}

static envelope_status check_rule(const struct env_keystore_file *file, const char *name,
                                  enum rule rule, envelope_error *err)
{
    bool there = env_ks_find(file, name, 0) != NULL;
    if (there && rule == NAME_IS_NEW) {
        return env_fail(err, ENVELOPE_E_EXISTS, "the keystore has a key %s: rotate it instead",
                        name);
    }
    if (!there && rule == NAME_IS_THERE) {
        return env_fail(err, ENVELOPE_E_NOT_FOUND, "the keystore has no key %s", name);
    }
    return ENVELOPE_OK;
}

/* A fingerprint stands for one version for ever, removed ones too: else what was given up would
 * come back as the newest. */
static envelope_status check_fingerprint(const struct env_keystore_file *file,
                                         const uint8_t *fingerprint, envelope_error *err)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct env_keystore_entry *e = &file->entry[i];
        if (memcmp(e->fingerprint, fingerprint, sizeof e->fingerprint) == 0) {
            return env_fail(err, ENVELOPE_E_EXISTS, "this key is version %u of %s already%s",
                            e->version, e->name,
                            e->state == ENVELOPE_KEY_DESTROYED ? ", and was removed" : "");
        }
    }
    return ENVELOPE_OK;
}

static void insert(struct env_keystore_file *file, const struct env_keystore_entry *entry)
{
    size_t at = file->count++;
    while (at > 0 && strcmp(file->entry[at - 1].name, entry->name) > 0) {
        file->entry[at] = file->entry[at - 1];
        at--;
    }
    file->entry[at] = *entry;
}

static envelope_status add_version(struct env_ks *ks, struct env_keystore_file *file, void *user,
                                   envelope_error *err)
{
    struct addition *a = user;
    const struct env_rsa_public *public = env_rsa_private_public(a->key);
    size_t spki_len;
    const uint8_t *spki = env_rsa_public_spki(public, &spki_len);
    struct env_keystore_entry *last =
        (struct env_keystore_entry *)env_ks_find(file, a->name, 0); /* of our own copy */
    struct env_keystore_entry e = {.state = ENVELOPE_KEY_ACTIVE,
                                   .version = last ? last->version + 1 : 1,
                                   .spki_len = (uint16_t)spki_len,
                                   .spki = (uint8_t *)spki,
                                   .created_ms = env_now_ms()};
    snprintf(e.name, sizeof e.name, "%s", a->name);
    memcpy(e.fingerprint, env_rsa_public_fingerprint(public), sizeof e.fingerprint);
    envelope_status st = check_rule(file, a->name, a->rule, err);
    st = st ? st : check_fingerprint(file, e.fingerprint, err);
    if (!st && file->count >= ENV_KEYSTORE_ENTRIES_LIMIT) {
        st = env_fail(err, ENVELOPE_E_LIMIT, "a keystore holds %d versions at most",
                      ENV_KEYSTORE_ENTRIES_LIMIT);
    }
    st = st ? st : env_ks_seal(ks, a->key, &e, err);
    if (st) {
        return st;
    }
    if (last) {
        last->state = ENVELOPE_KEY_DEACTIVATED;
    }
    a->sealed = e.sealed;
    insert(file, &e);
    return ENVELOPE_OK;
}

static envelope_status add(struct env_ks *ks, const char *name, const struct env_rsa_private *key,
                           enum rule rule, envelope_error *err)
{
    struct addition a = {.name = name, .key = key, .rule = rule};
    envelope_status st = env_ks_change(ks, add_version, &a, err);
    env_free(ks->ctx, a.sealed);
    return st;
}

/* Making a pair takes seconds: what will fail is asked first, and the lock is not held meanwhile.
 */
static envelope_status make(struct env_ks *ks, const char *name, enum rule rule,
                            envelope_error *err)
{
    struct env_ks_state *state;
    struct env_rsa_private *key = NULL;
    envelope_status st = check_name(name, err);
    st = st ? st : env_ks_look(ks, &state, err);
    if (st) {
        return st;
    }
    st = check_rule(&state->file, name, rule, err);
    env_ks_state_release(ks, state);
    st = st ? st : env_rsa_private_generate(ks->ctx, &key, err);
    st = st ? st : add(ks, name, key, rule, err);
    env_rsa_private_free(key);
    return st;
}

static envelope_status create_key(void *self, const char *name, int32_t algorithm,
                                  envelope_error *err)
{
    if (algorithm == ENVELOPE_AES_KWP) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED, "a keystore holds RSA pairs only");
    }
    if (algorithm && algorithm != ENVELOPE_RSA_OAEP_SHA256) {
        return env_fail(err, ENVELOPE_E_INVALID, "no key can be made for algorithm %d", algorithm);
    }
    return make(self, name, NAME_IS_NEW, err);
}

static envelope_status rotate_key(void *self, const char *name, envelope_error *err)
{
    return make(self, name, NAME_IS_THERE, err);
}

struct removal {
    const char *name;
    uint32_t version;
    uint32_t reserved;
};

static envelope_status remove_version(struct env_ks *ks, struct env_keystore_file *file, void *user,
                                      envelope_error *err)
{
    (void)ks;
    const struct removal *r = user;
    const struct env_keystore_entry *newest = env_ks_find(file, r->name, 0);
    struct env_keystore_entry *e =
        (struct env_keystore_entry *)env_ks_find(file, r->name, r->version);
    if (!e || e->state == ENVELOPE_KEY_DESTROYED) {
        return env_fail(err, ENVELOPE_E_NOT_FOUND, "the keystore has no version %u of key %s%s",
                        r->version, r->name, e ? " any more" : "");
    }
    if (e == newest) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "version %u is the newest of key %s: rotate it first, and refresh what it "
                        "seals",
                        r->version, r->name);
    }
    e->state = ENVELOPE_KEY_DESTROYED;
    e->sealed = NULL;
    e->sealed_len = 0;
    return ENVELOPE_OK;
}

static envelope_status remove_key(void *self, const char *name, uint32_t version,
                                  envelope_error *err)
{
    struct removal r = {.name = name, .version = version};
    envelope_status st = check_name(name, err);
    if (st) {
        return st;
    }
    if (!version) {
        return env_fail(err, ENVELOPE_E_INVALID, "which version of key %s is to be removed?", name);
    }
    return env_ks_change(self, remove_version, &r, err);
}

static envelope_status import_key(void *self, const char *name, const void *pem, size_t pem_len,
                                  const void *passphrase, size_t passphrase_len,
                                  envelope_error *err)
{
    struct env_ks *ks = self;
    struct env_rsa_private *key = NULL;
    envelope_status st = check_name(name, err);
    st = st ? st
            : env_rsa_private_parse(ks->ctx, pem, pem_len, passphrase, passphrase_len, &key, err);
    if (!st && env_rsa_public_bits(env_rsa_private_public(key)) < ENV_RSA_BITS) {
        st = env_fail(err, ENVELOPE_E_REFUSED, "a keystore's keys have at least %d bits",
                      ENV_RSA_BITS);
    }
    st = st ? st : add(ks, name, key, ANY_NAME, err);
    env_rsa_private_free(key);
    return st;
}

static void audit(struct env_ks *ks, const struct env_keystore_entry *e, bool encrypted)
{
    char id[ENV_KS_ID_MAX];
    struct env_listener events = ENV_LISTENER(ks->ctx);
    envelope_key_ref ref = env_ks_ref(e, env_ks_key_id(id, e->name, e->version));
    struct env_subject subject = {.key = &ref};
    env_emit(&events, ENVELOPE_EVENT_EXPORT, ENVELOPE_OK, &subject,
             "the private half of %s leaves the keystore%s", id,
             encrypted ? " under a passphrase" : " in plain");
}

struct export
{
    const void *passphrase;
    size_t passphrase_len;
    char *buf;
    size_t cap;
    size_t *len;
    bool public;
};

static envelope_status export_entry(struct env_ks *ks, const struct env_keystore_entry *e,
                                    const struct export *x, envelope_error *err)
{
    if (x->public) {
        struct env_rsa_public *public = NULL;
        envelope_status st = env_ks_check_public(ks, e, err);
        st = st ? st : env_rsa_public_from_der(ks->ctx, e->spki, e->spki_len, &public, err);
        st = st ? st : env_rsa_public_pem(public, x->buf, x->cap, x->len, err);
        env_rsa_public_free(public);
        return st;
    }
    struct env_rsa_private *key = NULL;
    envelope_status st = env_ks_unseal(ks, e, &key, err);
    st = st ? st
            : env_rsa_private_pem(key, x->passphrase, x->passphrase_len, x->buf, x->cap, x->len,
                                  err);
    env_rsa_private_free(key);
    if (!st) {
        audit(ks, e, x->passphrase != NULL);
    }
    return st;
}

static envelope_status export_key(void *self, const char *name, uint32_t version, uint32_t flags,
                                  const void *passphrase, size_t passphrase_len, char *buf,
                                  size_t cap, size_t *len, envelope_error *err)
{
    struct env_ks *ks = self;
    struct env_ks_state *state;
    const struct export x = {.passphrase = passphrase,
                             .passphrase_len = passphrase_len,
                             .buf = buf,
                             .cap = cap,
                             .len = len,
                             .public = flags & ENVELOPE_EXPORT_PUBLIC};
    envelope_status st = check_name(name, err);
    st = st ? st : env_ks_look(ks, &state, err);
    if (st) {
        return st;
    }
    const struct env_keystore_entry *e = env_ks_find(&state->file, name, version);
    st =
        e ? export_entry(ks, e, &x, err)
          : env_fail(err, ENVELOPE_E_NOT_FOUND, "the keystore has no such version of key %s", name);
    env_ks_state_release(ks, state);
    return st;
}

static size_t names(const struct env_keystore_file *file)
{
    size_t count = 0;
    for (size_t i = 0; i < file->count; i++) {
        count += i == 0 || strcmp(file->entry[i].name, file->entry[i - 1].name) != 0;
    }
    return count;
}

/* 32 random bytes, wrapped with the public half and unwrapped with the private one. */
static envelope_status there_and_back(struct env_ks *ks, const struct env_rsa_private *key,
                                      uint8_t *value, envelope_error *err)
{
    uint8_t wrapped[ENV_RSA_BYTES_MAX];
    size_t len = 0;
    envelope_status st = env_random(value, ENVELOPE_DEK_BYTES, err);
    st = st ? st
            : env_oaep_wrap(env_rsa_private_public(key), ENVELOPE_RSA_OAEP_SHA256, value, wrapped,
                            sizeof wrapped, &len, err);
    st = st ? st
            : env_oaep_unwrap(key, ENVELOPE_RSA_OAEP_SHA256, wrapped, len,
                              value + ENVELOPE_DEK_BYTES, err);
    if (!st && !env_equal_secret(value, value + ENVELOPE_DEK_BYTES, ENVELOPE_DEK_BYTES)) {
        st = env_fail(err, ENVELOPE_E_FORMAT,
                      "keystore %s: a key does not unwrap what was wrapped for it", ks->dir);
    }
    return st;
}

static envelope_status check_key(struct env_ks *ks, const struct env_ks_state *state,
                                 const char *name, envelope_error *err)
{
    enum { BOTH = 2 * ENVELOPE_DEK_BYTES };
    struct env_rsa_private *key = NULL;
    uint8_t *value = NULL;
    const struct env_keystore_entry *e = env_ks_find(&state->file, name, 0);
    if (!e) {
        return env_fail(err, ENVELOPE_E_NO_KEY, "the keystore has no key of that name");
    }
    envelope_status st = env_secret_new(ks->ctx, BOTH, &value, err);
    st = st ? st : env_ks_unseal(ks, e, &key, err);
    st = st ? st : there_and_back(ks, key, value, err);
    env_rsa_private_free(key);
    env_secret_free(ks->ctx, value, BOTH);
    return st;
}

static envelope_status check(void *self, const char *key_name,
                             void (*line)(void *user, const char *name, const char *value),
                             void *user, envelope_error *err)
{
    struct env_ks *ks = self;
    struct env_ks_state *state;
    char text[64];
    envelope_status st = env_ks_look(ks, &state, err);
    if (st) {
        return st;
    }
    line(user, "directory", ks->dir);
    snprintf(text, sizeof text, "%zu, in %zu versions", names(&state->file), state->file.count);
    line(user, "keys", text);
    snprintf(text, sizeof text, "%llu", (unsigned long long)state->file.revision);
    line(user, "revision", text);
    st = key_name ? check_key(ks, state, key_name, err) : ENVELOPE_OK;
    env_ks_state_release(ks, state);
    if (key_name && !st) {
        line(user, "unwrap", "what was wrapped for the newest version is unwrapped again");
    }
    return st;
}

const struct env_kms_admin_ops env_ks_admin_ops = {.create_key = create_key,
                                                   .rotate_key = rotate_key,
                                                   .remove_key = remove_key,
                                                   .export_key = export_key,
                                                   .import_key = import_key,
                                                   .check = check};
