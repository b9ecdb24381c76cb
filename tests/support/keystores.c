#include "keystores.h"
#include "crypto/digest.h"
#include "crypto/keywrap.h"
#include "crypto/password.h"
#include "fake_kms.h"
#include "keys.h"
#include "kms/keystore/keystore.h"
#include "scratch.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

envelope_kms *keystore_make(envelope_ctx *ctx, const char *dir)
{
    envelope_kms *kms;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status st = envelope_keystore_open(ctx, dir, TEST_PASSPHRASE, TEST_PASSPHRASE_LEN,
                                                ENVELOPE_KEYSTORE_CREATE, &kms, &err);
    ck_assert_msg(!st, "%s", err.message);
    return kms;
}

envelope_status keystore_open(envelope_ctx *ctx, const char *dir, envelope_kms **out,
                              envelope_error *err)
{
    return envelope_keystore_open(ctx, dir, TEST_PASSPHRASE, TEST_PASSPHRASE_LEN, 0, out, err);
}

void keystore_add(envelope_kms *kms, const char *name, int pool)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(pool, pem);
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status st = envelope_kms_import_key(kms, name, pem, len, NULL, 0, &err);
    ck_assert_msg(!st, "%s", err.message);
}

static void cheap_keys(struct env_ks *ks, struct env_keystore_file *file)
{
    uint8_t kek[32];
    uint8_t store_key[32];
    size_t len;
    memset(store_key, 0x51, sizeof store_key);
    memset(file->salt, 0x52, sizeof file->salt);
    file->memory_kib = ENV_ARGON2_MEMORY_KIB_MIN;
    file->passes = 1;
    ck_assert_int_eq(env_argon2id(ks->ctx, TEST_PASSPHRASE, TEST_PASSPHRASE_LEN, file->salt,
                                  file->memory_kib, file->passes, kek, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(
        env_kwp_wrap(ks->ctx, kek, store_key, 32, file->wrapped, sizeof file->wrapped, &len, NULL),
        ENVELOPE_OK);
    const struct env_ks_passphrase pass = {TEST_PASSPHRASE, TEST_PASSPHRASE_LEN};
    ck_assert_int_eq(env_ks_unlock(ks, &pass, file, NULL), ENVELOPE_OK);
}

void keystore_write_spoiled(envelope_ctx *ctx, const char *dir, int pool,
                            void (*spoil)(struct env_keystore_entry *entry))
{
    char path[SCRATCH_PATH_MAX];
    struct env_ks ks = {.ctx = ctx};
    struct env_keystore_entry entry[2] = {
        {.name = "vm", .version = 1, .state = ENVELOPE_KEY_DESTROYED, .created_ms = 1000},
        {.name = "vm", .version = 2, .state = ENVELOPE_KEY_ACTIVE, .created_ms = 2000}};
    struct env_keystore_file file = {.revision = 9, .count = 2, .entry = entry};
    struct env_rsa_private *key = test_private(ctx, pool);
    size_t spki_len;
    size_t len;
    uint8_t *bytes;
    const uint8_t *spki = env_rsa_public_spki(env_rsa_private_public(key), &spki_len);
    entry[1].spki = (uint8_t *)spki;
    entry[1].spki_len = (uint16_t)spki_len;
    memcpy(entry[1].fingerprint, env_rsa_public_fingerprint(env_rsa_private_public(key)), 32);
    cheap_keys(&ks, &file);
    ck_assert_int_eq(env_ks_seal(&ks, key, &entry[1], NULL), ENVELOPE_OK);
    if (spoil) {
        spoil(&entry[1]);
    }
    ck_assert_int_eq(env_keystore_encode(ctx, &file, &bytes, &len, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_ks_mac(&ks, bytes, len, bytes + len - 32, NULL), ENVELOPE_OK);
    mkdir(dir, 0700);
    scratch_write(scratch_path(path, dir, "keystore"), bytes, len);
    env_free(ctx, bytes);
    env_free(ctx, entry[1].sealed);
    env_secret_free(ctx, ks.keys, ENV_KS_KEYS_BYTES);
    env_rsa_private_free(key);
}

void keystore_write_cheap(envelope_ctx *ctx, const char *dir, int pool)
{
    keystore_write_spoiled(ctx, dir, pool, NULL);
}

void keystore_expect(envelope_kms *kms, const char *name, uint32_t version, int32_t state)
{
    envelope_key_list *list;
    int32_t found = 0;
    ck_assert_int_eq(envelope_kms_list(kms, name, &list, NULL), ENVELOPE_OK);
    for (size_t i = 0; i < envelope_key_list_count(list); i++) {
        const envelope_key_info *info = envelope_key_list_at(list, i);
        found = info->ref->version == version ? info->state : found;
    }
    envelope_key_list_free(list);
    ck_assert_int_eq(found, state);
}
