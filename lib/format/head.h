/* format/head.h - the head of a catalogue (protobuf message Head) and the pin's message share
 * recipients and keys. Decoded strictly: wire scanned before unpacking, unknown fields refused
 * (Head: as minor says), no singular field twice, no U+0000, counts and lengths limited. */
#ifndef ENV_FORMAT_HEAD_H
#define ENV_FORMAT_HEAD_H
#include "base/context.h"
#include "format/id.h"
#include <envelope/key.h>
#include <stdbool.h>

enum {
    ENV_RECIPIENTS_LIMIT = 16,
    ENV_KEYS_LIMIT = 65536,
    ENV_KEY_SETS_LIMIT = 65536,
    ENV_TOMBSTONES_LIMIT = 1048576,
    ENV_PAST_LIMIT = 1024,
    ENV_HEAD_MAX = 16777216, /* SECRETS and head together */
    ENV_PENDING_LIMIT = 128
};

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

struct env_key_set {
    uint32_t count;
    uint32_t *key; /* indexes into keys, rising */
};
struct env_tombstone {
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    uint64_t number;
    int64_t time_ms;
};
struct env_past {
    uint64_t number;
    uint8_t link[ENV_LINK_BYTES];
};
struct env_head {
    char chain_name[65];
    bool rebuilt;
    uint64_t serial;
    struct env_recipients recipients;
    struct env_keys keys;
    size_t key_set_count;
    struct env_key_set *key_sets;
    size_t tombstone_count;
    struct env_tombstone *tombstones;
    size_t past_count;
    struct env_past *past; /* rising, the newest ENV_PAST_LIMIT */
};
envelope_status env_head_decode(envelope_ctx *ctx, const void *bytes, size_t len, uint8_t minor,
                                struct env_head *out, envelope_error *err);
envelope_status env_head_encode(envelope_ctx *ctx, const struct env_head *head, uint8_t **out,
                                size_t *len, envelope_error *err);
/* A deep copy. */
envelope_status env_head_copy(envelope_ctx *ctx, struct env_head *to, const struct env_head *from,
                              envelope_error *err);
void env_head_free(envelope_ctx *ctx, struct env_head *head);
/* Index of the set with just these keys, added if it is new. E_LIMIT, E_NOMEM. */
envelope_status env_head_key_set(envelope_ctx *ctx, struct env_head *head, const uint32_t *key,
                                 uint32_t count, uint32_t *index, envelope_error *err);
#endif
