/* envelope/object.h - for those who have a format of their own: a header (slots on one DEK) and
 * payload chunks. */
#ifndef ENVELOPE_OBJECT_H
#define ENVELOPE_OBJECT_H
#include <envelope/keyring.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Immutable. Threads: share it freely. */
typedef struct envelope_header envelope_header;

typedef struct envelope_header_options {
    size_t size;
    /* Your object's identity: readable by all, authenticated, bound into every payload. */
    const void *context;
    size_t context_len; /* at most 1024 */
    const void *sealed; /* readable with the DEK only: your attributes */
    size_t sealed_len;  /* at most 8192 */
} envelope_header_options;

typedef struct envelope_slot {
    size_t size;
    const envelope_key_ref *key;
    int32_t algorithm;
    int32_t reserved;
    const uint8_t *wrapped;
    size_t wrapped_len;
} envelope_slot;

#define ENVELOPE_SLOTS_MAX 16u

/* [kms] One slot for each thing the keyring wraps for. Asks the KMSs for their newest keys; needs
 * no private key. */
ENVELOPE_TRY envelope_status envelope_header_new(envelope_keyring *keyring, const envelope_dek *dek,
                                                 const envelope_header_options *options,
                                                 envelope_header **out, envelope_error *err);
/* Store them where you like: one copy, not padded. */
ENVELOPE_API const void *envelope_header_bytes(const envelope_header *header, size_t *len);

/* No key, no network. */
ENVELOPE_TRY envelope_status envelope_header_parse(envelope_ctx *ctx, const void *bytes, size_t len,
                                                   envelope_header **out, envelope_error *err);
ENVELOPE_API const void *envelope_header_context(const envelope_header *header, size_t *len);
ENVELOPE_API size_t envelope_header_slot_count(const envelope_header *header);
ENVELOPE_API const envelope_slot *envelope_header_slot(const envelope_header *header, size_t i);

#define ENVELOPE_ANY_SLOT SIZE_MAX
/* [kms] The DEK by any slot, or by one: so a loop over slots says why each does not open. The
 * header is verified. */
ENVELOPE_TRY envelope_status envelope_header_open(const envelope_header *header,
                                                  envelope_keyring *keyring, size_t slot,
                                                  envelope_dek **out, envelope_error *err);
/* The DEK came another way (your own unwrap of slot->wrapped, then envelope_dek_import): verify
 * header and DEK. */
ENVELOPE_TRY envelope_status envelope_header_verify(const envelope_header *header,
                                                    const envelope_dek *dek, envelope_error *err);
ENVELOPE_TRY envelope_status envelope_header_sealed(const envelope_header *header,
                                                    const envelope_dek *dek, void *buf, size_t cap,
                                                    size_t *len, envelope_error *err);
/* [kms] Same DEK, context and sealed bytes; slots made anew for what the keyring wraps for.
 * Payloads stay valid. */
ENVELOPE_TRY envelope_status envelope_header_rewrap(const envelope_header *header,
                                                    const envelope_dek *dek,
                                                    envelope_keyring *keyring,
                                                    envelope_header **out, envelope_error *err);
ENVELOPE_API void envelope_header_free(envelope_header *header);

/* C2SP chunked-encryption, Cobblestone-256: PREFIX bytes, then chunk k at PREFIX + k times
 * SEALED_CHUNK. Every chunk is full but the last, which is shorter than CHUNK, may be empty, and by
 * that marks the end. */
#define ENVELOPE_PREFIX       56u
#define ENVELOPE_CHUNK        16384u
#define ENVELOPE_SEALED_CHUNK 16400u

/* Keys for one payload, in the locked arena. Threads: share it freely. */
typedef struct envelope_payload envelope_payload;

/* stream tells payloads under one header apart (disk 0, disk 1): it is bound in. A fresh salt each
 * time, so a payload cannot be taken up again after a crash. prefix gets PREFIX bytes, to be stored
 * in front. */
ENVELOPE_TRY envelope_status envelope_payload_seal_new(const envelope_header *header,
                                                       const envelope_dek *dek, uint64_t stream,
                                                       uint8_t *prefix, envelope_payload **out,
                                                       envelope_error *err);
/* E_AUTH unless DEK, context and stream are those it was sealed with (commitment). */
ENVELOPE_TRY envelope_status envelope_payload_open_new(const envelope_header *header,
                                                       const envelope_dek *dek, uint64_t stream,
                                                       const uint8_t *prefix,
                                                       envelope_payload **out, envelope_error *err);

enum { ENVELOPE_LAST = 1u << 0 };
/* Chunks first_chunk, first_chunk + 1 ... from any thread, in any order, no allocation. Without
 * LAST len is a multiple of CHUNK; with LAST anything, and a chunk shorter than CHUNK ends the
 * payload. Each number once: a second time is E_INVALID, since it would give the key away. In any
 * order within 2^20 chunks below the highest yet given (a number below that: E_LIMIT; 128 KiB,
 * allocated by seal_new). With LAST and len a multiple of CHUNK an empty chunk is added. in and out
 * must not overlap. */
ENVELOPE_TRY envelope_status envelope_payload_seal(envelope_payload *payload, uint64_t first_chunk,
                                                   const void *in, size_t len, uint32_t flags,
                                                   void *out, size_t cap, size_t *out_len,
                                                   envelope_error *err);
/* in is whole sealed chunks; out may be in. *last is 1 when the last chunk was among them: until
 * you have seen that, the end is not proven. Nothing is given out unless all of it verified. */
ENVELOPE_TRY envelope_status envelope_payload_open(const envelope_payload *payload,
                                                   uint64_t first_chunk, const void *in, size_t len,
                                                   void *out, size_t cap, size_t *out_len,
                                                   int32_t *last, envelope_error *err);
ENVELOPE_API void envelope_payload_free(envelope_payload *payload);

#ifdef __cplusplus
}
#endif
#endif
