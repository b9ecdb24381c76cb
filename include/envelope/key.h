/* envelope/key.h - a key by name (KEK), and a key in hand (DEK). */
#ifndef ENVELOPE_KEY_H
#define ENVELOPE_KEY_H
#include <envelope/base.h>
#ifdef __cplusplus
extern "C" {
#endif

/* how a slot holds its DEK */
enum {
    ENVELOPE_RSA_OAEP_SHA256 = 1, /* MGF1 with the same hash */
    ENVELOPE_RSA_OAEP_SHA1 = 2,   /* only where the keyring allows it */
    ENVELOPE_AES_KWP = 3,         /* RFC 5649 */
    ENVELOPE_ARGON2ID = 4,
    ENVELOPE_PBKDF2_SHA256 = 5
};

/* 0 is not an answer */
enum {
    ENVELOPE_KEY_ACTIVE = 1,
    ENVELOPE_KEY_DEACTIVATED = 2, /* still unwraps */
    ENVELOPE_KEY_COMPROMISED = 3,
    ENVELOPE_KEY_DESTROYED = 4,
    ENVELOPE_KEY_UNKNOWN = 5
};

#define ENVELOPE_KMS_ID_MAX        64u  /* [A-Za-z0-9._-] */
#define ENVELOPE_KEY_NAME_MAX      255u /* bytes of UTF-8; also for key ids and labels */
#define ENVELOPE_FINGERPRINT_BYTES 32u

/* One version of one KEK. A password has kms_id NULL and its label as key_name; a bare public key
 * likewise. */
typedef struct envelope_key_ref {
    size_t size;
    const char *kms_id;
    const char *key_name;
    const char *key_id; /* the KMS's own id of this version */
    uint32_t version;   /* our counter; 0: not known yet */
    int32_t has_fingerprint;
    uint8_t fingerprint[32]; /* SHA-256 of SubjectPublicKeyInfo */
    const char *replaces;    /* key id that the KMS says this one replaces; NULL: it says nothing */
} envelope_key_ref;

/* envelope_key_info.flags */
enum {
    ENVELOPE_KEY_NEWEST = 1u << 0,
    ENVELOPE_KEY_IN_SMALLEST_SET = 1u << 1 /* recovery: get these first */
};

typedef struct envelope_key_info {
    size_t size;
    const envelope_key_ref *ref;
    int32_t state;
    envelope_status status; /* OK: at hand. E_NO_KEY, E_KMS_UNREACHED, E_REFUSED: why not */
    uint32_t flags;
    uint32_t reserved;
    uint64_t points;       /* points with a slot for it */
    uint64_t points_alone; /* of these, those that nothing at hand opens */
    const uint8_t *spki;   /* DER, NULL for symmetric keys and passwords */
    size_t spki_len;
} envelope_key_info;

/* Immutable. Threads: share it freely. */
typedef struct envelope_key_list envelope_key_list;
ENVELOPE_API size_t envelope_key_list_count(const envelope_key_list *list);
ENVELOPE_API const envelope_key_info *envelope_key_list_at(const envelope_key_list *list, size_t i);
ENVELOPE_API void envelope_key_list_free(envelope_key_list *list);

#define ENVELOPE_DEK_BYTES 32u

/* 32 bytes in the locked arena. Threads: share it freely. Reveal and import exist for foreign
 * formats: whoever calls them answers for the copies he makes. */
typedef struct envelope_dek envelope_dek;
ENVELOPE_TRY envelope_status envelope_dek_generate(envelope_ctx *ctx, envelope_dek **out,
                                                   envelope_error *err);
ENVELOPE_TRY envelope_status envelope_dek_import(envelope_ctx *ctx, const void *key, size_t len,
                                                 envelope_dek **out, envelope_error *err);
ENVELOPE_API const uint8_t *envelope_dek_reveal(const envelope_dek *dek); /* borrowed */
ENVELOPE_API void envelope_dek_free(envelope_dek *dek);

#ifdef __cplusplus
}
#endif
#endif
