/* Chunks of a foreign container's payload through the public API: any order, several threads, every
 * number once, and nothing given out that did not verify. */
#include "base/bytes.h"
#include "check_main.h"
#include "failing.h"
#include "object_kit.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = ENVELOPE_CHUNK, SEALED = ENVELOPE_SEALED_CHUNK };

struct scene {
    envelope_ctx *ctx;
    envelope_dek *dek;
    envelope_keyring *keyring;
    envelope_header *header;
    envelope_payload *seal;
    uint8_t prefix[ENVELOPE_PREFIX];
};

static envelope_header *new_header(envelope_keyring *keyring, const envelope_dek *dek,
                                   const char *context)
{
    envelope_header_options o = {
        .size = sizeof o, .context = context, .context_len = strlen(context)};
    envelope_header *header;
    ck_assert_int_eq(envelope_header_new(keyring, dek, &o, &header, NULL), ENVELOPE_OK);
    return header;
}

static struct scene begin_in(envelope_ctx *ctx)
{
    struct scene s = {.ctx = ctx};
    s.dek = kit_dek(s.ctx);
    s.keyring = kit_escrow(s.ctx, KIT_KEY);
    s.header = new_header(s.keyring, s.dek, "disk-0");
    ck_assert_int_eq(envelope_payload_seal_new(s.header, s.dek, 3, s.prefix, &s.seal, NULL),
                     ENVELOPE_OK);
    return s;
}

static struct scene begin(void)
{
    return begin_in(test_ctx());
}

static void end(struct scene *s)
{
    envelope_payload_free(s->seal);
    envelope_header_free(s->header);
    envelope_keyring_free(s->keyring);
    envelope_dek_free(s->dek);
    envelope_ctx_free(s->ctx);
}

static envelope_payload *open_payload(const struct scene *s)
{
    envelope_payload *p;
    ck_assert_int_eq(envelope_payload_open_new(s->header, s->dek, 3, s->prefix, &p, NULL),
                     ENVELOPE_OK);
    return p;
}

/* len plaintext bytes from chunk `first` on, sealed to where they belong in out */
static envelope_status seal(struct scene *s, const uint8_t *data, uint64_t first, size_t len,
                            uint32_t flags, uint8_t *out)
{
    size_t got = 1;
    size_t whole = len / CHUNK * SEALED;
    size_t tail = flags & ENVELOPE_LAST ? len % CHUNK + 16 : 0;
    envelope_status st = envelope_payload_seal(s->seal, first, data + first * CHUNK, len, flags,
                                               out + first * SEALED, whole + tail, &got, NULL);
    ck_assert_uint_eq(got, st ? 0 : whole + tail);
    return st;
}

static uint8_t *room(size_t len)
{
    uint8_t *p = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(p);
    memset(p, 0x55, len);
    return p;
}

static void expect_data(const struct scene *s, const uint8_t *sealed, size_t sealed_len,
                        const uint8_t *data, size_t len)
{
    envelope_payload *p = open_payload(s);
    uint8_t *out = room(len);
    size_t got;
    int32_t last;
    ck_assert_int_eq(envelope_payload_open(p, 0, sealed, sealed_len, out, len, &got, &last, NULL),
                     ENVELOPE_OK);
    ck_assert_uint_eq(got, len);
    ck_assert_int_eq(last, 1);
    ck_assert(len == 0 || memcmp(out, data, len) == 0);
    free(out);
    envelope_payload_free(p);
}

static const size_t lengths[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + CHUNK / 2};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

START_TEST(round_trip)
{
    struct scene s = begin();
    size_t len = lengths[_i];
    size_t sealed_len = len + (len / CHUNK + 1) * 16;
    uint8_t *data = kit_data(len);
    uint8_t *sealed = room(sealed_len);
    ck_assert_int_eq(seal(&s, data, 0, len, ENVELOPE_LAST, sealed), ENVELOPE_OK);
    expect_data(&s, sealed, sealed_len, data, len);
    free(sealed);
    free(data);
    end(&s);
}
END_TEST

enum { MANY = 67, REST = 1234, MANY_BYTES = MANY * CHUNK + REST };
enum { MANY_SEALED = MANY * SEALED + REST + 16 };

/* The chunks in a mixed order: number i * 29 mod 68; the last one somewhere among them. */
START_TEST(any_order)
{
    struct scene s = begin();
    uint8_t *data = kit_data(MANY_BYTES);
    uint8_t *sealed = room(MANY_SEALED);
    for (uint64_t i = 0; i <= MANY; i++) {
        uint64_t n = i * 29 % (MANY + 1);
        uint32_t flags = n == MANY ? ENVELOPE_LAST : 0;
        ck_assert_int_eq(seal(&s, data, n, n == MANY ? REST : CHUNK, flags, sealed), ENVELOPE_OK);
        ck_assert_int_eq(seal(&s, data, n, n == MANY ? REST : CHUNK, flags, sealed),
                         ENVELOPE_E_INVALID);
    }
    expect_data(&s, sealed, MANY_SEALED, data, MANY_BYTES);
    free(sealed);
    free(data);
    end(&s);
}
END_TEST

struct worker {
    struct scene *s;
    const uint8_t *data;
    uint8_t *sealed;
    uint64_t *next;
    uint32_t done; /* chunks that this thread sealed */
    envelope_status status;
    pthread_t thread;
};

/* Every thread tries every chunk: each must be sealed by exactly one of them. */
static void *race_for_chunks(void *arg)
{
    struct worker *w = arg;
    for (uint64_t n = 0; n <= MANY; n++) {
        uint8_t own[SEALED];
        size_t got;
        size_t len = n == MANY ? REST : CHUNK;
        envelope_status st =
            envelope_payload_seal(w->s->seal, n, w->data + n * CHUNK, len,
                                  n == MANY ? ENVELOPE_LAST : 0, own, sizeof own, &got, NULL);
        if (!st) {
            memcpy(w->sealed + n * SEALED, own, got);
            w->done++;
        } else if (st != ENVELOPE_E_INVALID) {
            w->status = st;
        }
    }
    return NULL;
}

static void *open_all(void *arg)
{
    struct worker *w = arg;
    envelope_payload *p = w->s->seal;
    uint8_t *out = malloc(MANY_BYTES);
    size_t got;
    int32_t last = 0;
    w->status = out ? envelope_payload_open(p, 0, w->sealed, MANY_SEALED, out, MANY_BYTES, &got,
                                            &last, NULL)
                    : ENVELOPE_E_NOMEM;
    if (!w->status && (memcmp(out, w->data, MANY_BYTES) || !last)) {
        w->status = ENVELOPE_E_FORMAT;
    }
    free(out);
    return NULL;
}

enum { THREADS = 12 }; /* more than there are lanes */

static uint32_t run_all(struct worker *w, void *(*work)(void *))
{
    uint32_t done = 0;
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(w[i].thread, NULL), 0);
        ck_assert_int_eq(w[i].status, ENVELOPE_OK);
        done += w[i].done;
    }
    return done;
}

START_TEST(threads)
{
    struct scene s = begin();
    uint8_t *data = kit_data(MANY_BYTES);
    uint8_t *sealed = room(MANY_SEALED);
    struct worker w[THREADS];
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.s = &s, .data = data, .sealed = sealed};
    }
    ck_assert_uint_eq(run_all(w, race_for_chunks), MANY + 1);
    run_all(w, open_all);
    expect_data(&s, sealed, MANY_SEALED, data, MANY_BYTES);
    free(sealed);
    free(data);
    end(&s);
}
END_TEST

START_TEST(window)
{
    struct scene s = begin();
    uint8_t in[CHUNK] = {0};
    uint8_t out[SEALED];
    size_t got;
    const uint64_t far = (1u << 20) + 1;
    ck_assert_int_eq(envelope_payload_seal(s.seal, far, in, CHUNK, 0, out, sizeof out, &got, NULL),
                     0);
    ck_assert_int_eq(envelope_payload_seal(s.seal, 0, in, CHUNK, 0, out, sizeof out, &got, NULL),
                     ENVELOPE_E_LIMIT);
    ck_assert_uint_eq(got, 0);
    ck_assert_int_eq(envelope_payload_seal(s.seal, 1, in, CHUNK, 0, out, sizeof out, &got, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(
        envelope_payload_seal(s.seal, (uint64_t)1 << 38, in, CHUNK, 0, out, sizeof out, &got, NULL),
        ENVELOPE_E_LIMIT);
    end(&s);
}
END_TEST

START_TEST(after_the_end)
{
    struct scene s = begin();
    uint8_t *data = kit_data(6 * CHUNK);
    uint8_t *sealed = room(6 * SEALED + 16);
    ck_assert_int_eq(seal(&s, data, 4, CHUNK, 0, sealed), ENVELOPE_OK);
    ck_assert_int_eq(seal(&s, data, 2, 7, ENVELOPE_LAST, sealed), ENVELOPE_E_INVALID);
    ck_assert_int_eq(seal(&s, data, 5, 7, ENVELOPE_LAST, sealed), ENVELOPE_OK);
    ck_assert_int_eq(seal(&s, data, 5, CHUNK, 0, sealed), ENVELOPE_E_INVALID);
    ck_assert_int_eq(seal(&s, data, 5, 7, ENVELOPE_LAST, sealed), ENVELOPE_E_INVALID);
    ck_assert_int_eq(seal(&s, data, 0, 4 * CHUNK, 0, sealed), ENVELOPE_OK);
    expect_data(&s, sealed, 5 * SEALED + 7 + 16, data, 5 * CHUNK + 7);
    free(sealed);
    free(data);
    end(&s);
}
END_TEST

/* What is wrong in the call takes no number. */
START_TEST(wrong_calls)
{
    struct scene s = begin();
    uint8_t in[2 * CHUNK] = {0};
    uint8_t out[2 * SEALED + 16];
    size_t got;
    envelope_payload *p = s.seal;
    ck_assert_int_eq(envelope_payload_seal(p, 0, in, 5, 0, out, sizeof out, &got, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_payload_seal(p, 0, in, CHUNK, 2, out, sizeof out, &got, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(
        envelope_payload_seal(p, 0, in, sizeof in, ENVELOPE_LAST, out, 2 * SEALED, &got, NULL),
        ENVELOPE_E_RANGE);
    ck_assert_uint_eq(got, 2 * SEALED + 16);
    ck_assert_int_eq(envelope_payload_seal(p, 0, out + 8, CHUNK, 0, out, SEALED, &got, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_payload_seal(p, 0, NULL, CHUNK, 0, out, SEALED, &got, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_payload_seal(NULL, 0, in, CHUNK, 0, out, SEALED, &got, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_payload_seal(p, 0, in, 0, 0, out, SEALED, &got, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(got, 0);
    ck_assert_int_eq(
        envelope_payload_seal(p, 0, in, sizeof in, ENVELOPE_LAST, out, sizeof out, &got, NULL),
        ENVELOPE_OK);
    envelope_payload *o = open_payload(&s);
    ck_assert_int_eq(envelope_payload_seal(o, 0, in, CHUNK, 0, out, SEALED, &got, NULL),
                     ENVELOPE_E_INVALID);
    int32_t last = 7;
    ck_assert_int_eq(envelope_payload_open(o, 0, out, sizeof out, in, 1, &got, &last, NULL),
                     ENVELOPE_E_RANGE);
    ck_assert_uint_eq(got, 2 * CHUNK);
    ck_assert_int_eq(envelope_payload_open(o, 0, out, SEALED + 15, in, CHUNK, &got, &last, NULL),
                     ENVELOPE_E_FORMAT);
    ck_assert_int_eq(
        envelope_payload_open(o, 0, out, SEALED, out + 1, 2 * SEALED, &got, &last, NULL),
        ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_payload_open(o, 0, out, SEALED, in, CHUNK, &got, NULL, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(
        envelope_payload_open(o, (uint64_t)1 << 38, out, SEALED, in, CHUNK, &got, &last, NULL),
        ENVELOPE_E_LIMIT);
    ck_assert_int_eq(envelope_payload_open(o, 0, out, SEALED, in, CHUNK, &got, &last, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(last, 0);
    envelope_payload_free(o);
    end(&s);
}
END_TEST

/* In place: the plaintext where the sealed chunks were. */
START_TEST(in_place)
{
    struct scene s = begin();
    uint8_t *data = kit_data(MANY_BYTES);
    uint8_t *sealed = room(MANY_SEALED);
    ck_assert_int_eq(seal(&s, data, 0, MANY_BYTES, ENVELOPE_LAST, sealed), ENVELOPE_OK);
    uint8_t *kept = room(MANY_SEALED);
    memcpy(kept, sealed, MANY_SEALED);
    envelope_payload *o = open_payload(&s);
    size_t got;
    int32_t last;
    ck_assert_int_eq(
        envelope_payload_open(o, 0, sealed, MANY_SEALED, sealed, MANY_SEALED, &got, &last, NULL),
        ENVELOPE_OK);
    ck_assert_uint_eq(got, MANY_BYTES);
    ck_assert(memcmp(sealed, data, MANY_BYTES) == 0);
    memcpy(sealed, kept, MANY_SEALED);
    sealed[MANY_SEALED - 1] ^= 1; /* the last of them */
    ck_assert_int_eq(
        envelope_payload_open(o, 0, sealed, MANY_SEALED, sealed, MANY_SEALED, &got, &last, NULL),
        ENVELOPE_E_AUTH);
    ck_assert_uint_eq(got, 0);
    ck_assert_int_eq(last, 0);
    ck_assert(env_all_zero(sealed, MANY_SEALED));
    envelope_payload_free(o);
    free(kept);
    free(sealed);
    free(data);
    end(&s);
}
END_TEST

/* A payload belongs to its DEK, header, context and stream. */
START_TEST(binding)
{
    struct scene s = begin();
    envelope_dek *other = kit_dek(s.ctx);
    envelope_header *twin = new_header(s.keyring, s.dek, "disk-0"); /* another object id */
    envelope_header *foreign = new_header(s.keyring, other, "disk-0");
    envelope_payload *p;
    ck_assert_int_eq(envelope_payload_open_new(s.header, s.dek, 4, s.prefix, &p, NULL),
                     ENVELOPE_E_AUTH);
    ck_assert_ptr_null(p);
    ck_assert_int_eq(envelope_payload_open_new(s.header, other, 3, s.prefix, &p, NULL),
                     ENVELOPE_E_AUTH);
    ck_assert_int_eq(envelope_payload_open_new(twin, s.dek, 3, s.prefix, &p, NULL),
                     ENVELOPE_E_AUTH);
    ck_assert_int_eq(envelope_payload_open_new(foreign, other, 3, s.prefix, &p, NULL),
                     ENVELOPE_E_AUTH);
    for (size_t i = 0; i < ENVELOPE_PREFIX; i++) {
        s.prefix[i] ^= 0x10;
        ck_assert_int_eq(envelope_payload_open_new(s.header, s.dek, 3, s.prefix, &p, NULL),
                         ENVELOPE_E_AUTH);
        s.prefix[i] ^= 0x10;
    }
    ck_assert_int_eq(envelope_payload_open_new(NULL, s.dek, 3, s.prefix, &p, NULL),
                     ENVELOPE_E_INVALID);
    envelope_header_free(foreign);
    envelope_header_free(twin);
    envelope_dek_free(other);
    end(&s);
}
END_TEST

/* The context lies in the header that a thief may exchange: bytes of one, context of another. */
START_TEST(context_exchanged)
{
    struct scene s = begin();
    size_t len;
    const uint8_t *bytes = envelope_header_bytes(s.header, &len);
    uint8_t *copy = room(len);
    memcpy(copy, bytes, len);
    uint8_t *context = memmem(copy, len, "disk-0", 6);
    ck_assert_ptr_nonnull(context);
    context[5] = '1';
    kit_mend_crc(copy, len);
    envelope_header *header;
    ck_assert_int_eq(envelope_header_parse(s.ctx, copy, len, &header, NULL), ENVELOPE_OK);
    envelope_payload *p;
    ck_assert_int_eq(envelope_payload_open_new(header, s.dek, 3, s.prefix, &p, NULL),
                     ENVELOPE_E_AUTH);
    envelope_header_free(header);
    free(copy);
    end(&s);
}
END_TEST

/* Swapped, moved, cut or flipped: all of the output is wiped. */
START_TEST(altered)
{
    struct scene s = begin();
    enum { LEN = 3 * CHUNK + 100, ALL = 3 * SEALED + 116 };
    uint8_t *data = kit_data(LEN);
    uint8_t *sealed = room(ALL);
    uint8_t *out = room(LEN);
    ck_assert_int_eq(seal(&s, data, 0, LEN, ENVELOPE_LAST, sealed), ENVELOPE_OK);
    envelope_payload *o = open_payload(&s);
    size_t got;
    int32_t last;
    for (size_t at = 0; at < ALL; at += 509) {
        sealed[at] ^= (uint8_t)(1u << at % 8);
        memset(out, 0x55, LEN);
        ck_assert_int_eq(envelope_payload_open(o, 0, sealed, ALL, out, LEN, &got, &last, NULL),
                         ENVELOPE_E_AUTH);
        ck_assert(env_all_zero(out, LEN));
        ck_assert_int_eq(last, 0);
        sealed[at] ^= (uint8_t)(1u << at % 8);
    }
    ck_assert_int_eq(envelope_payload_open(o, 1, sealed, SEALED, out, LEN, &got, &last, NULL),
                     ENVELOPE_E_AUTH);
    for (size_t len = 3 * SEALED + 16; len < ALL; len++) { /* a shorter end */
        ck_assert_int_eq(envelope_payload_open(o, 0, sealed, len, out, LEN, &got, &last, NULL),
                         ENVELOPE_E_AUTH);
    }
    ck_assert_int_eq(envelope_payload_open(o, 0, sealed, 3 * SEALED, out, LEN, &got, &last, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(last, 0); /* the end was not seen, and the caller is told */
    ck_assert_int_eq(envelope_payload_open(o, 0, sealed, ALL, out, LEN, &got, &last, NULL),
                     ENVELOPE_OK);
    envelope_payload_free(o);
    free(out);
    free(sealed);
    free(data);
    end(&s);
}
END_TEST

START_TEST(no_allocation)
{
    struct failing f = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    struct scene s = begin_in(ctx);
    uint8_t *data = kit_data(MANY_BYTES);
    uint8_t *sealed = room(MANY_SEALED);
    envelope_payload *o = open_payload(&s);
    long calls = f.calls;
    size_t got;
    int32_t last;
    ck_assert_int_eq(seal(&s, data, 0, MANY_BYTES, ENVELOPE_LAST, sealed), ENVELOPE_OK);
    ck_assert_int_eq(
        envelope_payload_open(o, 0, sealed, MANY_SEALED, sealed, MANY_SEALED, &got, &last, NULL),
        ENVELOPE_OK);
    ck_assert_int_eq(f.calls, calls);
    envelope_payload_free(o);
    free(sealed);
    free(data);
    end(&s);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

static envelope_status both_new(struct scene *s, envelope_payload **a, envelope_payload **b)
{
    uint8_t prefix[ENVELOPE_PREFIX];
    *b = NULL;
    envelope_status st = envelope_payload_seal_new(s->header, s->dek, 9, prefix, a, NULL);
    return st ? st : envelope_payload_open_new(s->header, s->dek, 9, prefix, b, NULL);
}

START_TEST(no_memory)
{
    struct failing f = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    struct scene s = begin_in(ctx);
    long before = f.live;
    long failed = 0;
    for (long n = 1; n < 60; n++) {
        envelope_payload *a;
        envelope_payload *b;
        f.calls = 0;
        f.fail_at = n;
        envelope_status st = both_new(&s, &a, &b);
        long calls = f.calls;
        f.fail_at = 0;
        ck_assert(st == ENVELOPE_E_NOMEM || (!st && calls < n));
        failed += st == ENVELOPE_E_NOMEM;
        envelope_payload_free(a);
        envelope_payload_free(b);
        ck_assert_int_eq(f.live, before);
    }
    ck_assert_int_gt(failed, 3);
    ck_assert_int_lt(failed, 50);
    end(&s);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("object_chunks");
    TCase *t = tcase_create("chunks");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, round_trip, 0, LENGTHS);
    tcase_add_test(t, any_order);
    tcase_add_test(t, threads);
    tcase_add_test(t, window);
    tcase_add_test(t, after_the_end);
    tcase_add_test(t, wrong_calls);
    tcase_add_test(t, in_place);
    tcase_add_test(t, binding);
    tcase_add_test(t, context_exchanged);
    tcase_add_test(t, altered);
    tcase_add_test(t, no_allocation);
    tcase_add_test(t, no_memory);
    suite_add_tcase(s, t);
    return s;
}
