/* samples.h - one valid value of everything the format room reads, the same each time: for its
 * tests and for the fuzzers' corpus. */
#ifndef TESTS_SAMPLES_H
#define TESTS_SAMPLES_H
#include "format/box.h"
#include "format/footer.h"
#include "format/head.h"
#include "format/header.h"
#include "format/id.h"
#include "format/keystore.h"
#include "format/pin.h"
#include "format/row.h"
#include "format/secrets.h"
#include "format/slots.h"
#include "format/tail.h"

/* len bytes: first, first + 1, ... */
void sample_fill(void *p, size_t len, uint8_t first);

void sample_id(struct env_id *id, uint8_t kind);
/* RSA and KWP at a KMS, Argon2id, PBKDF2, escrow */
void sample_slots(struct env_slots *slots);
void sample_recipients(struct env_recipients *recipients);
/* Freed with env_head_free, env_pin_free, env_keystore_file_free. The program ends when there is
 * no memory. */
void sample_head(envelope_ctx *ctx, struct env_head *head);
void sample_pin(envelope_ctx *ctx, struct env_pin *pin);
void sample_keystore(envelope_ctx *ctx, struct env_keystore_file *file);
void sample_row(struct env_row *row);
void sample_tail(struct env_tail *tail);
/* Of a payload of SAMPLE_STREAM_BYTES, SAMPLE_METADATA_BYTES or SAMPLE_IMAGE_BYTES of plaintext. */
enum {
    SAMPLE_STREAM_BYTES = 1000 + 40 + 128,
    SAMPLE_METADATA_BYTES = 400 + 2 * 192 + 30 + 128,
    SAMPLE_IMAGE_BYTES = 12 * 16384 + 2 * 32 + 40 + 128
};
void sample_footer(struct env_footer *footer, uint8_t content);

enum { SAMPLE_ATTRIBUTES_MAX = 128 };
size_t sample_attributes(uint8_t out[SAMPLE_ATTRIBUTES_MAX]);
enum { SAMPLE_BOX_BYTES = 256 };
void sample_box(uint8_t out[SAMPLE_BOX_BYTES]);
enum { SAMPLE_SECRETS_BYTES = ENV_ROOT_BYTES + 2 * ENV_SECRET_ENTRY_BYTES };
void sample_secrets(uint8_t out[SAMPLE_SECRETS_BYTES]);

/* A copy of a header into ENV_CAPACITY_MAX bytes; returns its length. */
size_t sample_copy(envelope_ctx *ctx, uint8_t kind, uint8_t role, uint8_t *out);
#endif
