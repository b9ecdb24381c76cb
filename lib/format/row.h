/* format/row.h - one point in a catalogue, 192 bytes. */
#ifndef ENV_FORMAT_ROW_H
#define ENV_FORMAT_ROW_H
#include "format/id.h"

enum { ENV_ROW_BYTES = 192, ENV_ROWS_LIMIT = 1048576, ENV_ROW_DEK_AT = 48 };
enum {
    ENV_FROM_OWN = 1,
    ENV_FROM_GENERATION = 2,
    ENV_FROM_PENDING = 3,
    ENV_FROM_OPERATOR = 4, /* origin unverified */
    ENV_FROM_REBUILD = 5
};
enum { ENV_ROW_DEK_UNKNOWN = 1u << 0, ENV_ROW_LATE = 1u << 1 };

struct env_row {
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    uint8_t link[ENV_LINK_BYTES];
    uint8_t dek[32]; /* as the row holds it: in memory encrypted (chain/catalogue.h) */
    uint64_t number;
    uint64_t parent; /* a number, 0 none */
    uint64_t metadata_number;
    uint64_t serial;
    uint64_t revision; /* least */
    int64_t begun_ms;
    int64_t ended_ms;
    uint64_t bytes;
    uint64_t stored_bytes;
    uint32_t generation;
    uint32_t key_set;
    uint32_t label_at;
    uint32_t attributes_at;
    uint16_t label_len;
    uint16_t attributes_len;
    uint8_t format;
    uint8_t kind;
    uint8_t standing;
    uint8_t content;
    uint8_t capacity_log2; /* k: capacity = 16384 << k */
    uint8_t provenance;
    uint16_t flags;
};
void env_row_put(const struct env_row *row, uint8_t out[ENV_ROW_BYTES]);
/* strings_len and key_sets bound what it points into; previous_number: rows rise. E_FORMAT. */
envelope_status env_row_get(const uint8_t in[ENV_ROW_BYTES], uint64_t previous_number,
                            uint64_t strings_len, uint32_t key_sets, struct env_row *out,
                            envelope_error *err);
/* ID[0..55] of the object that a row lists. */
void env_row_id(const struct env_row *row, const uint8_t chain_id[ENV_CHAIN_ID_BYTES],
                uint8_t out[ENV_ID_SHORT_BYTES]);
#endif
