/* What an administrator asks of a KMS that is built in. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "kms/kms.h"
#include <string.h>

static envelope_status enter(const envelope_kms *kms, envelope_error *err)
{
    return env_enter(kms ? env_kms_ctx(kms) : NULL, err);
}

static envelope_status named(const envelope_kms *kms, const char *key_name, envelope_error *err)
{
    envelope_status st = enter(kms, err);
    if (st) {
        return st;
    }
    if (!key_name || !env_key_name_valid(key_name, strnlen(key_name, ENVELOPE_KEY_NAME_MAX + 1))) {
        return env_fail(err, ENVELOPE_E_INVALID, "a key name has 1 to 255 bytes of UTF-8");
    }
    return ENVELOPE_OK;
}

static envelope_status none(const envelope_kms *kms, const char *what, envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_UNSUPPORTED, "%s does not offer to %s from here",
                    env_kms_kind(kms), what);
}

envelope_status envelope_kms_create_key(envelope_kms *kms, const char *key_name, int32_t algorithm,
                                        envelope_error *err)
{
    void *self;
    envelope_status st = named(kms, key_name, err);
    if (st) {
        return st;
    }
    const struct env_kms_admin_ops *ops = env_kms_admin(kms, &self);
    return ops && ops->create_key ? ops->create_key(self, key_name, algorithm, err)
                                  : none(kms, "make keys", err);
}

envelope_status envelope_kms_rotate_key(envelope_kms *kms, const char *key_name,
                                        envelope_error *err)
{
    void *self;
    envelope_status st = named(kms, key_name, err);
    if (st) {
        return st;
    }
    const struct env_kms_admin_ops *ops = env_kms_admin(kms, &self);
    return ops && ops->rotate_key ? ops->rotate_key(self, key_name, err)
                                  : none(kms, "rotate keys", err);
}

envelope_status envelope_kms_remove_key(envelope_kms *kms, const char *key_name, uint32_t version,
                                        envelope_error *err)
{
    void *self;
    envelope_status st = named(kms, key_name, err);
    if (st) {
        return st;
    }
    const struct env_kms_admin_ops *ops = env_kms_admin(kms, &self);
    return ops && ops->remove_key ? ops->remove_key(self, key_name, version, err)
                                  : none(kms, "remove keys", err);
}

static envelope_status check_passphrase(const void *passphrase, size_t len, envelope_error *err)
{
    if (!passphrase != !len) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "a passphrase that is empty, or has no length: NULL and 0 mean none");
    }
    return ENVELOPE_OK;
}

envelope_status envelope_kms_export_key(envelope_kms *kms, const char *key_name, uint32_t version,
                                        uint32_t flags, const void *passphrase,
                                        size_t passphrase_len, char *buf, size_t cap, size_t *len,
                                        envelope_error *err)
{
    void *self;
    envelope_status st = named(kms, key_name, err);
    st = st ? st : check_passphrase(passphrase, passphrase_len, err);
    if (st) {
        return st;
    }
    if (!len || (!buf && cap) || (flags & ~(uint32_t)ENVELOPE_EXPORT_PUBLIC)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "envelope_kms_export_key: a pointer is NULL, or a flag is unknown");
    }
    *len = 0;
    const struct env_kms_admin_ops *ops = env_kms_admin(kms, &self);
    if (!ops || !ops->export_key) {
        return none(kms, "export keys", err);
    }
    st = ops->export_key(self, key_name, version, flags, passphrase, passphrase_len, buf, cap, len,
                         err);
    if (st) {
        env_wipe(buf, cap);
    }
    return st;
}

envelope_status envelope_kms_import_key(envelope_kms *kms, const char *key_name, const void *pem,
                                        size_t pem_len, const void *passphrase,
                                        size_t passphrase_len, envelope_error *err)
{
    void *self;
    envelope_status st = named(kms, key_name, err);
    st = st ? st : check_passphrase(passphrase, passphrase_len, err);
    if (st) {
        return st;
    }
    if (!pem || !pem_len) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_kms_import_key: no key was given");
    }
    const struct env_kms_admin_ops *ops = env_kms_admin(kms, &self);
    return ops && ops->import_key
               ? ops->import_key(self, key_name, pem, pem_len, passphrase, passphrase_len, err)
               : none(kms, "import keys", err);
}

envelope_status envelope_kms_check(envelope_kms *kms, const char *key_name,
                                   void (*line)(void *user, const char *name, const char *value),
                                   void *user, envelope_error *err)
{
    void *self;
    envelope_status st = key_name ? named(kms, key_name, err) : enter(kms, err);
    if (st) {
        return st;
    }
    if (!line) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_kms_check: line is NULL");
    }
    const struct env_kms_admin_ops *ops = env_kms_admin(kms, &self);
    return ops && ops->check ? ops->check(self, key_name, line, user, err)
                             : none(kms, "be checked", err);
}
