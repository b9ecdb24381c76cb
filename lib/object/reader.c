#include "object/reader.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/chunked.h"
#include "crypto/digest.h"
#include "object/tag.h"
#include <string.h>

enum { BATCH = 64 }; /* sealed chunks in one read of the store: 1 MiB */

struct env_payload_reader {
    envelope_ctx *ctx;
    struct env_chunked *chunked;
    struct env_payload_place place;
    uint64_t plain_bytes;
    env_read_fn read;
    void *user;
    bool secret;
};

/* Buffers of one call. */
struct work {
    const struct env_payload_reader *reader;
    uint8_t *sealed; /* batch * ENV_SEALED_CHUNK_BYTES */
    size_t batch;
    uint8_t *plain; /* secret: one chunk, in the arena */
    uint64_t *bad_at;
    envelope_error *err;
};

static uint64_t place_of(const struct env_payload_reader *r, uint64_t chunk)
{
    return r->place.offset + ENV_PREFIX_BYTES + chunk * ENV_SEALED_CHUNK_BYTES;
}

/* Only the authenticated length says how long a chunk is, never who asks for it. */
static size_t plain_len_of(const struct env_payload_reader *r, uint64_t chunk)
{
    uint64_t left = r->plain_bytes - chunk * ENV_CHUNK_BYTES;
    return left < ENV_CHUNK_BYTES ? (size_t)left : ENV_CHUNK_BYTES;
}

static envelope_status work_begin(struct work *w, const struct env_payload_reader *r, size_t batch,
                                  uint64_t *bad_at, envelope_error *err)
{
    *w = (struct work){.reader = r, .batch = r->secret ? 1 : batch, .bad_at = bad_at, .err = err};
    w->sealed = env_alloc_array(r->ctx, w->batch, ENV_SEALED_CHUNK_BYTES);
    if (!w->sealed) {
        return env_nomem(err);
    }
    return r->secret ? env_secret_new(r->ctx, ENV_CHUNK_BYTES, &w->plain, err) : ENVELOPE_OK;
}

static void work_end(struct work *w)
{
    if (w->sealed && !w->reader->secret) {
        env_wipe(w->sealed, ENV_CHUNK_BYTES); /* a part of a chunk is opened in place */
    }
    env_free(w->reader->ctx, w->sealed);
    env_secret_free(w->reader->ctx, w->plain, ENV_CHUNK_BYTES);
}

static envelope_status open_chunk(struct work *w, uint64_t chunk, const uint8_t *sealed,
                                  uint8_t *out)
{
    const struct env_payload_reader *r = w->reader;
    envelope_status st = env_chunked_open(r->chunked, chunk, sealed,
                                          plain_len_of(r, chunk) + ENV_TAG_BYTES, out, w->err);
    if (st != ENVELOPE_E_AUTH) {
        return st;
    }
    if (w->bad_at) {
        *w->bad_at = place_of(r, chunk);
    }
    return env_fail(w->err, st, "damaged or altered at byte %llu: the chunk there does not verify",
                    (unsigned long long)place_of(r, chunk));
}

/* One chunk, of which the caller wants a part: *plain is where it then lies. */
static envelope_status fetch(struct work *w, uint64_t chunk, const uint8_t **plain)
{
    const struct env_payload_reader *r = w->reader;
    uint8_t *to = r->secret ? w->plain : w->sealed;
    envelope_status st = r->read(r->user, place_of(r, chunk), w->sealed,
                                 plain_len_of(r, chunk) + ENV_TAG_BYTES, w->err);
    st = st ? st : open_chunk(w, chunk, w->sealed, to);
    *plain = to;
    return st;
}

/* count full chunks, opened straight into the caller's memory */
static envelope_status fetch_whole(struct work *w, uint64_t chunk, size_t count, uint8_t *out)
{
    const struct env_payload_reader *r = w->reader;
    envelope_status st =
        r->read(r->user, place_of(r, chunk), w->sealed, count * ENV_SEALED_CHUNK_BYTES, w->err);
    for (size_t i = 0; !st && i < count; i++) {
        st = open_chunk(w, chunk + i, w->sealed + i * ENV_SEALED_CHUNK_BYTES,
                        out + i * ENV_CHUNK_BYTES);
    }
    return st;
}

/* One step of a read: *done says how far it came. */
static envelope_status step(struct work *w, uint64_t offset, uint8_t *out, size_t len, size_t *done)
{
    uint64_t chunk = offset / ENV_CHUNK_BYTES;
    size_t skip = (size_t)(offset % ENV_CHUNK_BYTES);
    size_t count = len / ENV_CHUNK_BYTES < w->batch ? len / ENV_CHUNK_BYTES : w->batch;
    if (skip == 0 && count && !w->reader->secret) {
        *done = count * ENV_CHUNK_BYTES;
        return fetch_whole(w, chunk, count, out);
    }
    const uint8_t *plain;
    envelope_status st = fetch(w, chunk, &plain);
    if (!st) {
        size_t there = plain_len_of(w->reader, chunk) - skip;
        *done = len < there ? len : there;
        memcpy(out, plain + skip, *done);
    }
    return st;
}

static envelope_status copy_out(struct work *w, uint64_t offset, uint8_t *out, size_t len)
{
    envelope_status st = ENVELOPE_OK;
    for (size_t at = 0, done = 0; !st && at < len; at += done) {
        done = 0;
        st = step(w, offset + at, out + at, len - at, &done);
    }
    return st;
}

envelope_status env_payload_read(const struct env_payload_reader *reader, uint64_t offset,
                                 void *buf, size_t len, uint64_t *bad_at, envelope_error *err)
{
    if (offset > reader->plain_bytes || len > reader->plain_bytes - offset) {
        return env_fail(err, ENVELOPE_E_RANGE, "%zu bytes at %llu: the payload has %llu", len,
                        (unsigned long long)offset, (unsigned long long)reader->plain_bytes);
    }
    if (len == 0) {
        return ENVELOPE_OK;
    }
    size_t batch = len / ENV_CHUNK_BYTES;
    struct work w;
    envelope_status st = work_begin(&w, reader,
                                    batch < 1       ? 1
                                    : batch < BATCH ? batch
                                                    : BATCH,
                                    bad_at, err);
    st = st ? st : copy_out(&w, offset, buf, len);
    work_end(&w);
    if (st) {
        env_wipe(buf, len);
    }
    return st;
}

/* The final chunk is shorter than the others and opens under no other number, so it proves where
 * the payload ends. */
static envelope_status prove_length(const struct env_payload_reader *r, envelope_error *err)
{
    const uint8_t *plain;
    struct work w;
    envelope_status st = work_begin(&w, r, 1, NULL, err);
    st = st ? st : fetch(&w, r->plain_bytes / ENV_CHUNK_BYTES, &plain);
    work_end(&w);
    if (st == ENVELOPE_E_AUTH) {
        return env_fail(err, st,
                        "cut short, damaged or altered: the payload's last chunk does not verify");
    }
    return st;
}

static envelope_status make_keys(struct env_payload_reader *r, const envelope_dek *dek,
                                 const uint8_t *id_short, const uint8_t *prefix,
                                 envelope_error *err)
{
    const struct env_bytes context = ENV_BYTES(id_short, ENV_ID_SHORT_BYTES);
    uint8_t *key;
    envelope_status st = env_secret_new(r->ctx, ENV_KEY_BYTES, &key, err);
    if (st) {
        return st;
    }
    st = env_key_payload(r->ctx, env_dek_key(dek), key, err);
    st = st ? st
            : env_chunked_open_prefix(r->ctx, key, "payload", &context, 1, prefix, ENV_AEAD_LANES,
                                      &r->chunked, err);
    env_secret_free(r->ctx, key, ENV_KEY_BYTES);
    return st;
}

static envelope_status begin(struct env_payload_reader *r, const envelope_dek *dek,
                             const uint8_t *id_short, const uint8_t *prefix, envelope_error *err)
{
    if (!env_chunked_plain_len(r->place.bytes, &r->plain_bytes)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "cut short: no payload has %llu bytes",
                        (unsigned long long)r->place.bytes);
    }
    uint8_t stored[ENV_PREFIX_BYTES];
    envelope_status st = r->read(r->user, r->place.offset, stored, sizeof stored, err);
    if (!st && prefix && memcmp(stored, prefix, sizeof stored)) {
        return env_fail(err, ENVELOPE_E_AUTH, "the payload is not the one that its header names");
    }
    st = st ? st : make_keys(r, dek, id_short, stored, err);
    return st ? st : prove_length(r, err);
}

envelope_status env_payload_reader_new(envelope_ctx *ctx, const envelope_dek *dek,
                                       const uint8_t id_short[ENV_ID_SHORT_BYTES],
                                       const uint8_t *prefix, struct env_payload_place place,
                                       env_read_fn read, void *user, bool secret,
                                       struct env_payload_reader **out, envelope_error *err)
{
    *out = NULL;
    struct env_payload_reader *r = env_alloc(ctx, sizeof *r);
    if (!r) {
        return env_nomem(err);
    }
    r->ctx = env_ctx_retain(ctx);
    r->place = place;
    r->read = read;
    r->user = user;
    r->secret = secret;
    envelope_status st = begin(r, dek, id_short, prefix, err);
    if (st) {
        env_payload_reader_free(r);
        return st;
    }
    *out = r;
    return ENVELOPE_OK;
}

uint64_t env_payload_reader_bytes(const struct env_payload_reader *reader)
{
    return reader->plain_bytes;
}

envelope_status env_payload_footer(const struct env_payload_reader *reader, uint8_t content,
                                   struct env_footer *out, envelope_error *err)
{
    uint8_t footer[ENV_FOOTER_BYTES];
    uint64_t len = reader->plain_bytes;
    memset(out, 0, sizeof *out);
    if (len < sizeof footer) {
        return env_fail(err, ENVELOPE_E_FORMAT, "the payload is too short to have a footer");
    }
    envelope_status st =
        env_payload_read(reader, len - sizeof footer, footer, sizeof footer, NULL, err);
    return st ? st : env_footer_get(footer, content, len, out, err);
}

void env_payload_reader_free(struct env_payload_reader *reader)
{
    if (!reader) {
        return;
    }
    envelope_ctx *ctx = reader->ctx;
    env_chunked_free(reader->chunked);
    env_free(ctx, reader);
    env_ctx_release(ctx);
}
