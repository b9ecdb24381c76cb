/* format/keystore.h - the file of the embedded keystore (docs/format.md, "Keystore"). Bytes only;
 * MAC and seals are the keystore's (kms/keystore/).
 *
 *  0  8  magic 89 45 4B 53 0D 0A 1A 0A
 *  8  2  version 1            10  2  zeros
 * 12  4  Argon2id memory, KiB 16  4  passes
 * 20 16  salt                 36 40  store key, wrapped by KWP
 * 76  8  revision (begins at 1, plus 1 at every change)
 * 84  4  count of entries
 *        entries, ordered by name (bytes), then version:
 *        u8 name length | name | u32 version | u8 state (1 active, 2 deactivated, 4 destroyed) |
 *        i64 created ms | fingerprint 32 | u16 SPKI length | SPKI | u32 sealed length | sealed
 *        32  MAC over all before */
#ifndef ENV_FORMAT_KEYSTORE_H
#define ENV_FORMAT_KEYSTORE_H
#include "base/bytes.h"
#include "base/context.h"

enum {
    ENV_KEYSTORE_ENTRIES_LIMIT = 65536,
    ENV_KEYSTORE_BYTES_LIMIT = 268435456,
    ENV_KEYSTORE_NAME_MAX = 64, /* [A-Za-z0-9._-] */
    ENV_KEYSTORE_SEALED_MAX = 8192
};
struct env_keystore_entry {
    char name[ENV_KEYSTORE_NAME_MAX + 1];
    uint8_t state;
    uint16_t spki_len;
    uint32_t version;
    uint32_t sealed_len; /* 0 when destroyed */
    int64_t created_ms;
    uint8_t fingerprint[32];
    uint8_t *spki;   /* env_alloc'ed */
    uint8_t *sealed; /* env_alloc'ed */
};
struct env_keystore_file {
    uint32_t memory_kib;
    uint32_t passes;
    uint8_t salt[16];
    uint8_t wrapped[40];
    uint64_t revision;
    size_t count;
    size_t room;
    struct env_keystore_entry *entry;
};
/* *mac points at the last 32 bytes of the input. Rules R-KS-01 to R-KS-14 of docs/format.md: order,
 * one ACTIVE version a name and it is the newest, destroyed entries have no sealed bytes, others
 * do. E_FORMAT, E_NOMEM. */
envelope_status env_keystore_decode(envelope_ctx *ctx, const void *bytes, size_t len,
                                    struct env_keystore_file *out, const uint8_t **mac,
                                    envelope_error *err);
/* *out env_alloc'ed, the last 32 bytes (the MAC) zero. */
envelope_status env_keystore_encode(envelope_ctx *ctx, const struct env_keystore_file *file,
                                    uint8_t **out, size_t *len, envelope_error *err);
void env_keystore_file_free(envelope_ctx *ctx, struct env_keystore_file *file);
#endif
