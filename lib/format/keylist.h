/* format/keylist.h - recipients by name, and key versions that were seen: what the head of a
 * catalogue and a pin have in common. */
#ifndef ENV_FORMAT_KEYLIST_H
#define ENV_FORMAT_KEYLIST_H
#include "base/context.h"
#include <envelope/key.h>
#include <stdbool.h>

enum { ENV_RECIPIENTS_LIMIT = 16, ENV_KEYS_LIMIT = 65536 };

/* A recipient by name: kind as in format/slots.h. */
struct env_recipient {
    int32_t kind;
    bool has_fingerprint;                 /* escrow */
    char kms_id[ENVELOPE_KMS_ID_MAX + 1]; /* KMS */
    char name[ENVELOPE_KEY_NAME_MAX + 1]; /* KMS: key name; password, escrow: label */
    uint8_t fingerprint[32];
};
struct env_recipients {
    size_t count;
    struct env_recipient item[ENV_RECIPIENTS_LIMIT];
};
/* Compared as sets: KMS by (kms id, name), escrow by fingerprint, password by name. */
bool env_recipients_equal(const struct env_recipients *a, const struct env_recipients *b);

/* One key version that was seen. Strings are env_alloc'ed, "" where there is none. */
struct env_key {
    int32_t kind;
    uint32_t version;
    char *kms_id;
    char *name;
    char *key_id;
    bool has_fingerprint;
    bool superseded;
    uint8_t fingerprint[32];
    uint8_t *spki; /* pins only */
    size_t spki_len;
};
struct env_keys {
    size_t count;
    size_t room;
    struct env_key *item;
};
/* A copy of *key behind the others. E_LIMIT, E_NOMEM. */
envelope_status env_keys_add(envelope_ctx *ctx, struct env_keys *keys, const struct env_key *key,
                             envelope_error *err);
envelope_status env_keys_copy(envelope_ctx *ctx, struct env_keys *to, const struct env_keys *from,
                              envelope_error *err);
void env_keys_free(envelope_ctx *ctx, struct env_keys *keys);
/* Index of the same version: kind, and (kms id, name, fingerprint) or, without one, (kms id, name,
 * key id); password and escrow: name, fingerprint. SIZE_MAX: not there. */
size_t env_keys_find(const struct env_keys *keys, const struct env_key *key);
/* Borrowed. */
envelope_key_ref env_key_as_ref(const struct env_key *key);

/* The rules of docs/format.md about them; status is E_FORMAT for what was read, E_INVALID for what
 * was made here. what: "head". */
envelope_status env_recipients_check(const struct env_recipients *recipients, const char *what,
                                     envelope_status status, envelope_error *err);
/* spki: may stand there. */
envelope_status env_keys_check(const struct env_keys *keys, bool spki, const char *what,
                               envelope_status status, envelope_error *err);
#endif
