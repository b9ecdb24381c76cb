/* format/head.h - the head of a catalogue (protobuf message Head) and the pin's message share
 * recipients and keys. Decoded strictly: wire scanned before unpacking, unknown fields refused
 * (Head: as minor says), no singular field twice, no U+0000, counts and lengths limited. */
#ifndef ENV_FORMAT_HEAD_H
#define ENV_FORMAT_HEAD_H
#include "format/id.h"
#include "format/keylist.h"

enum {
    ENV_KEY_SETS_LIMIT = 65536,
    ENV_TOMBSTONES_LIMIT = 1048576,
    ENV_PAST_LIMIT = 1024,
    ENV_HEAD_MAX = 16777216, /* SECRETS and head together */
    ENV_PENDING_LIMIT = 128
};

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
