#include "format/keystore.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/password.h"
#include "crypto/rsa.h"
#include <envelope/key.h>
#include <string.h>

static const uint8_t magic[8] = {0x89, 0x45, 0x4b, 0x53, 0x0d, 0x0a, 0x1a, 0x0a};
enum { VERSION = 1, HEAD_BYTES = 88, MAC_BYTES = 32 };
/* What an entry has besides name, SPKI and sealed bytes, and a name's least. */
enum { ENTRY_FIXED = 1 + 4 + 1 + 8 + 32 + 2 + 4, ENTRY_MIN = ENTRY_FIXED + 1 };

static bool state_known(uint8_t state)
{
    return state == ENVELOPE_KEY_ACTIVE || state == ENVELOPE_KEY_DEACTIVATED ||
           state == ENVELOPE_KEY_DESTROYED;
}

static const char *entry_fault(const struct env_keystore_entry *e)
{
    if (!env_kms_id_valid(e->name, strlen(e->name)) || e->version == 0 || !state_known(e->state)) {
        return "no such name, version or state";
    }
    if (e->spki_len > ENV_SPKI_BYTES_MAX || e->sealed_len > ENV_KEYSTORE_SEALED_MAX) {
        return "a key is too long";
    }
    bool destroyed = e->state == ENVELOPE_KEY_DESTROYED;
    if (destroyed != (e->sealed_len == 0)) {
        return "destroyed ones, and only they, have no private half";
    }
    return destroyed || e->spki_len ? NULL : "it has no public half";
}

/* By name, then version; the newest version of a name is its active one, and no other is. */
static const char *order_fault(const struct env_keystore_entry *e,
                               const struct env_keystore_entry *next)
{
    int d = next ? strcmp(e->name, next->name) : -1;
    if (d > 0 || (d == 0 && e->version >= next->version)) {
        return "out of order";
    }
    return (d == 0) == (e->state == ENVELOPE_KEY_ACTIVE)
               ? "the newest version, and only it, is active"
               : NULL;
}

static envelope_status check(const struct env_keystore_file *f, envelope_status status,
                             envelope_error *err)
{
    bool cost = f->memory_kib >= ENV_ARGON2_MEMORY_KIB_MIN &&
                f->memory_kib <= ENV_ARGON2_MEMORY_KIB_MAX && f->passes >= 1 &&
                f->passes <= ENV_ARGON2_PASSES_MAX;
    if (!cost || f->revision == 0 || f->count > ENV_KEYSTORE_ENTRIES_LIMIT) {
        return env_fail(err, status, "keystore: Argon2id's cost, revision or count beyond limits");
    }
    for (size_t i = 0; i < f->count; i++) {
        const struct env_keystore_entry *next = i + 1 < f->count ? &f->entry[i + 1] : NULL;
        const char *why = entry_fault(&f->entry[i]);
        why = why ? why : order_fault(&f->entry[i], next);
        if (why) {
            return env_fail(err, status, "keystore, entry %zu: %s", i + 1, why);
        }
    }
    return ENVELOPE_OK;
}

static bool copy_bytes(envelope_ctx *ctx, const uint8_t *from, size_t len, uint8_t **to)
{
    *to = env_alloc(ctx, len);
    if (*to && len) {
        memcpy(*to, from, len);
    }
    return *to;
}

/* Limits are asked before memory is. */
static envelope_status get_entry(envelope_ctx *ctx, struct env_cursor *c,
                                 struct env_keystore_entry *e, envelope_error *err)
{
    size_t name_len = env_get_u8(c);
    const uint8_t *name = env_get_slice(c, name_len);
    e->version = env_get_u32(c);
    e->state = env_get_u8(c);
    e->created_ms = env_get_i64(c);
    env_get_copy(c, e->fingerprint, sizeof e->fingerprint);
    e->spki_len = env_get_u16(c);
    const uint8_t *spki = env_get_slice(c, e->spki_len);
    e->sealed_len = env_get_u32(c);
    const uint8_t *sealed = env_get_slice(c, e->sealed_len);
    if (c->bad || name_len > ENV_KEYSTORE_NAME_MAX ||
        !env_kms_id_valid((const char *)name, name_len)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "keystore: cut, or an entry without a name");
    }
    memcpy(e->name, name, name_len);
    const char *why = entry_fault(e);
    if (why) {
        return env_fail(err, ENVELOPE_E_FORMAT, "keystore, version %u of %s: %s", e->version,
                        e->name, why);
    }
    bool copied = copy_bytes(ctx, spki, e->spki_len, &e->spki) &&
                  copy_bytes(ctx, sealed, e->sealed_len, &e->sealed);
    return copied ? ENVELOPE_OK : env_nomem(err);
}

static envelope_status get_entries(envelope_ctx *ctx, struct env_cursor *c, size_t count,
                                   struct env_keystore_file *f, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    if (count > ENV_KEYSTORE_ENTRIES_LIMIT || count > c->left / ENTRY_MIN) {
        return env_fail(err, ENVELOPE_E_FORMAT, "keystore: it cannot have %zu entries", count);
    }
    f->entry = env_alloc_array(ctx, count, sizeof *f->entry);
    f->room = f->entry ? count : 0;
    if (!f->entry) {
        return env_nomem(err);
    }
    for (size_t i = 0; i < count && !st; i++) {
        f->count = i + 1;
        st = get_entry(ctx, c, &f->entry[i], err);
    }
    if (!st && !env_cursor_done(c)) {
        st = env_fail(err, ENVELOPE_E_FORMAT, "keystore: bytes behind the last entry");
    }
    return st;
}

static envelope_status get_head(struct env_cursor *c, struct env_keystore_file *f, size_t *count,
                                envelope_error *err)
{
    const uint8_t *m = env_get_slice(c, sizeof magic);
    if (!m || memcmp(m, magic, sizeof magic)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "keystore: this is no keystore");
    }
    uint16_t version = env_get_u16(c);
    env_get_zeros(c, 2);
    f->memory_kib = env_get_u32(c);
    f->passes = env_get_u32(c);
    env_get_copy(c, f->salt, sizeof f->salt);
    env_get_copy(c, f->wrapped, sizeof f->wrapped);
    f->revision = env_get_u64(c);
    *count = env_get_u32(c);
    if (c->bad || version != VERSION) {
        return env_fail(err, ENVELOPE_E_FORMAT, "keystore: damaged, or of an unknown version");
    }
    return ENVELOPE_OK;
}

envelope_status env_keystore_decode(envelope_ctx *ctx, const void *bytes, size_t len,
                                    struct env_keystore_file *out, const uint8_t **mac,
                                    envelope_error *err)
{
    memset(out, 0, sizeof *out);
    *mac = NULL;
    if (len < HEAD_BYTES + MAC_BYTES || len > ENV_KEYSTORE_BYTES_LIMIT) {
        return env_fail(err, ENVELOPE_E_FORMAT, "keystore: a length of %zu is not possible", len);
    }
    size_t count = 0;
    struct env_cursor c = env_cursor_over(bytes, len - MAC_BYTES);
    envelope_status st = get_head(&c, out, &count, err);
    st = st ? st : get_entries(ctx, &c, count, out, err);
    st = st ? st : check(out, ENVELOPE_E_FORMAT, err);
    if (st) {
        env_keystore_file_free(ctx, out);
        return st;
    }
    *mac = (const uint8_t *)bytes + len - MAC_BYTES;
    return ENVELOPE_OK;
}

static size_t entry_bytes(const struct env_keystore_entry *e)
{
    return ENTRY_FIXED + strlen(e->name) + e->spki_len + e->sealed_len;
}

static void put_entry(struct env_out *o, const struct env_keystore_entry *e)
{
    env_put_u8(o, (uint8_t)strlen(e->name));
    env_put_bytes(o, e->name, strlen(e->name));
    env_put_u32(o, e->version);
    env_put_u8(o, e->state);
    env_put_i64(o, e->created_ms);
    env_put_bytes(o, e->fingerprint, sizeof e->fingerprint);
    env_put_u16(o, e->spki_len);
    env_put_bytes(o, e->spki, e->spki_len);
    env_put_u32(o, e->sealed_len);
    env_put_bytes(o, e->sealed, e->sealed_len);
}

static void put_all(const struct env_keystore_file *file, struct env_out *o)
{
    env_put_bytes(o, magic, sizeof magic);
    env_put_u16(o, VERSION);
    env_put_zeros(o, 2);
    env_put_u32(o, file->memory_kib);
    env_put_u32(o, file->passes);
    env_put_bytes(o, file->salt, sizeof file->salt);
    env_put_bytes(o, file->wrapped, sizeof file->wrapped);
    env_put_u64(o, file->revision);
    env_put_u32(o, (uint32_t)file->count);
    for (size_t i = 0; i < file->count; i++) {
        put_entry(o, &file->entry[i]);
    }
    env_put_zeros(o, MAC_BYTES);
}

envelope_status env_keystore_encode(envelope_ctx *ctx, const struct env_keystore_file *file,
                                    uint8_t **out, size_t *len, envelope_error *err)
{
    *out = NULL;
    *len = 0;
    envelope_status st = check(file, ENVELOPE_E_INVALID, err);
    if (st) {
        return st;
    }
    size_t size = HEAD_BYTES + MAC_BYTES;
    for (size_t i = 0; i < file->count; i++) {
        size += entry_bytes(&file->entry[i]);
    }
    if (size > ENV_KEYSTORE_BYTES_LIMIT) {
        return env_fail(err, ENVELOPE_E_LIMIT, "the keystore passes %d bytes",
                        ENV_KEYSTORE_BYTES_LIMIT);
    }
    uint8_t *bytes = env_alloc(ctx, size);
    if (!bytes) {
        return env_nomem(err);
    }
    struct env_out o = env_out_over(bytes, size);
    put_all(file, &o);
    *out = bytes;
    *len = size;
    return ENVELOPE_OK;
}

void env_keystore_file_free(envelope_ctx *ctx, struct env_keystore_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        env_free(ctx, file->entry[i].spki);
        env_free(ctx, file->entry[i].sealed);
    }
    env_free(ctx, file->entry);
    memset(file, 0, sizeof *file);
}
