/* The payload of an object: written in any pieces, read anywhere, and whatever is cut, swapped or
 * flipped is noticed before a byte of it is given out. */
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/chunked.h"
#include "failing.h"
#include "format/tail.h"
#include "object/open.h"
#include "object/reader.h"
#include "object_kit.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK = ENV_CHUNK_BYTES, SEALED = ENV_SEALED_CHUNK_BYTES, CAPACITY = 16384 };
enum { MIDDLE = 3 * CHUNK + CHUNK / 2 };

struct scene {
    envelope_ctx *ctx;
    envelope_dek *dek;
    uint8_t *data;
    size_t len;
    struct memory object;
    uint8_t id_short[ENV_ID_SHORT_BYTES];
    bool secret;
};

static struct scene begin(size_t len, size_t step, bool secret)
{
    struct scene s = {.ctx = test_ctx(), .len = len, .secret = secret};
    s.dek = kit_dek(s.ctx);
    s.data = kit_data(len);
    struct kit_plan plan = kit_plan(s.ctx, s.dek);
    plan.step = step;
    plan.secret = secret;
    s.object = kit_object(s.ctx, &plan, s.data, len);
    uint8_t id[ENV_ID_BYTES];
    env_id_put(&plan.id, id);
    memcpy(s.id_short, id, sizeof s.id_short);
    return s;
}

static void end(struct scene *s)
{
    memory_free(&s->object);
    free(s->data);
    envelope_dek_free(s->dek);
    envelope_ctx_free(s->ctx);
}

static uint8_t *payload(struct scene *s)
{
    return s->object.p + 2 * CAPACITY;
}

static size_t payload_bytes(const struct scene *s)
{
    return s->object.len - 2 * CAPACITY - ENV_TAIL_BYTES;
}

/* prefix NULL: as with both headers dead */
static envelope_status open_at(struct scene *s, size_t bytes, const uint8_t *prefix,
                               struct env_payload_reader **out)
{
    const struct env_payload_place place = {.offset = 2 * CAPACITY, .bytes = bytes};
    envelope_status st = env_payload_reader_new(s->ctx, s->dek, s->id_short, prefix, place,
                                                memory_read, &s->object, s->secret, out, NULL);
    ck_assert_int_eq(st == ENVELOPE_OK, *out != NULL);
    return st;
}

static struct env_payload_reader *open_payload(struct scene *s)
{
    struct env_payload_reader *r;
    ck_assert_int_eq(open_at(s, payload_bytes(s), NULL, &r), ENVELOPE_OK);
    return r;
}

static const size_t lengths[] = {0,      1,   CHUNK - 1,  CHUNK,      CHUNK + 1,      2 * CHUNK,
                                 MIDDLE, 128, 65 * CHUNK, 64 * CHUNK, 200 * CHUNK + 7};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

static void read_all(struct scene *s)
{
    struct env_payload_reader *r = open_payload(s);
    ck_assert_uint_eq(env_payload_reader_bytes(r), s->len);
    uint8_t *buf = malloc(s->len + 1);
    ck_assert_ptr_nonnull(buf);
    ck_assert_int_eq(env_payload_read(r, 0, buf, s->len, NULL, NULL), ENVELOPE_OK);
    if (s->len) {
        ck_assert(memcmp(buf, s->data, s->len) == 0);
    }
    ck_assert_int_eq(env_payload_read(r, s->len, buf, 0, NULL, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_payload_read(r, s->len, buf, 1, NULL, NULL), ENVELOPE_E_RANGE);
    ck_assert_int_eq(env_payload_read(r, 0, buf, s->len + 1, NULL, NULL), ENVELOPE_E_RANGE);
    ck_assert_int_eq(env_payload_read(r, UINT64_MAX, buf, 2, NULL, NULL), ENVELOPE_E_RANGE);
    free(buf);
    env_payload_reader_free(r);
}

START_TEST(round_trip)
{
    static const size_t steps[] = {0, 1000, CHUNK, 3 * CHUNK + 1};
    for (size_t i = 0; i < 4; i++) {
        for (int secret = 0; secret < 2; secret++) {
            struct scene s = begin(lengths[_i], steps[i], secret);
            ck_assert_uint_eq(payload_bytes(&s), env_chunked_sealed_len(s.len));
            read_all(&s);
            end(&s);
        }
    }
}
END_TEST

START_TEST(tail)
{
    struct scene s = begin(MIDDLE, 0, false);
    struct env_tail t;
    ck_assert_int_eq(env_tail_get(s.object.p + s.object.len - ENV_TAIL_BYTES, &t, NULL),
                     ENVELOPE_OK);
    ck_assert_uint_eq(t.payload_bytes, payload_bytes(&s));
    struct env_headers *h = kit_headers(s.ctx, &s.object);
    ck_assert_mem_eq(t.link, h->link, sizeof t.link);
    ck_assert_mem_eq(t.object_id, env_headers_id(h)->object_id, sizeof t.object_id);
    ck_assert_mem_eq(h->copy[0].prefix, payload(&s), ENV_PREFIX_BYTES);
    env_headers_free(h);
    end(&s);
}
END_TEST

/* Anywhere, any length; in metadata too, where all goes through one buffer. */
START_TEST(anywhere)
{
    struct scene s = begin(70 * CHUNK + 999, 0, _i);
    struct env_payload_reader *r = open_payload(&s);
    uint8_t *buf = malloc(s.len);
    ck_assert_ptr_nonnull(buf);
    uint32_t x = 7;
    for (int i = 0; i < 300; i++) {
        x = x * 1664525u + 1013904223u;
        size_t at = x % s.len;
        x = x * 1664525u + 1013904223u;
        size_t len = i % 3 ? x % (2 * CHUNK) : x % s.len;
        at = i % 5 ? at : at / CHUNK * CHUNK;
        len = len > s.len - at ? s.len - at : len;
        ck_assert_int_eq(env_payload_read(r, at, buf, len, NULL, NULL), ENVELOPE_OK);
        ck_assert(memcmp(buf, s.data + at, len) == 0);
    }
    free(buf);
    env_payload_reader_free(r);
    end(&s);
}
END_TEST

/* 64 chunks in one read of the store. */
START_TEST(batches)
{
    struct scene s = begin(128 * CHUNK, 0, false);
    struct env_payload_reader *r = open_payload(&s);
    s.object.reads = 0;
    uint8_t *buf = malloc(s.len);
    ck_assert_ptr_nonnull(buf);
    ck_assert_int_eq(env_payload_read(r, 0, buf, s.len, NULL, NULL), ENVELOPE_OK);
    ck_assert_int_eq(s.object.reads, 2);
    free(buf);
    env_payload_reader_free(r);
    end(&s);
}
END_TEST

/* Every end that is near a border of chunks, and many that are not. */
START_TEST(cut)
{
    struct scene s = begin(MIDDLE, 0, false);
    size_t whole = payload_bytes(&s);
    long tried = 0;
    for (size_t n = 0; n < whole; n++) {
        size_t in_chunk = n < ENV_PREFIX_BYTES ? 0 : (n - ENV_PREFIX_BYTES) % SEALED;
        if (in_chunk > 40 && in_chunk < SEALED - 40 && n % 151 && n < whole - 40) {
            continue;
        }
        struct env_payload_reader *r;
        uint64_t plain;
        envelope_status st = open_at(&s, n, NULL, &r);
        bool possible = env_chunked_plain_len(n, &plain);
        ck_assert_msg(st == (possible ? ENVELOPE_E_AUTH : ENVELOPE_E_FORMAT), "%zu bytes: %d", n,
                      st);
        tried++;
    }
    ck_assert_int_gt(tried, 500);
    struct env_payload_reader *r;
    for (size_t more = 1; more <= ENV_TAIL_BYTES; more++) {
        ck_assert_int_eq(open_at(&s, whole + more, NULL, &r), ENVELOPE_E_AUTH);
    }
    env_payload_reader_free(open_payload(&s));
    end(&s);
}
END_TEST

START_TEST(other_prefix)
{
    struct scene s = begin(10, 0, false);
    struct env_payload_reader *r;
    uint8_t prefix[ENV_PREFIX_BYTES];
    memcpy(prefix, payload(&s), sizeof prefix);
    ck_assert_int_eq(open_at(&s, payload_bytes(&s), prefix, &r), ENVELOPE_OK);
    env_payload_reader_free(r);
    for (size_t i = 0; i < sizeof prefix; i++) {
        prefix[i] ^= 1;
        ck_assert_int_eq(open_at(&s, payload_bytes(&s), prefix, &r), ENVELOPE_E_AUTH);
        payload(&s)[i] ^= 1; /* both: now only the commitment stands against it */
        ck_assert_int_eq(open_at(&s, payload_bytes(&s), prefix, &r), ENVELOPE_E_AUTH);
        prefix[i] ^= 1;
        ck_assert_int_eq(open_at(&s, payload_bytes(&s), NULL, &r), ENVELOPE_E_AUTH);
        payload(&s)[i] ^= 1;
    }
    for (size_t i = 0; i < sizeof s.id_short; i++) {
        s.id_short[i] ^= 1;
        ck_assert_int_eq(open_at(&s, payload_bytes(&s), NULL, &r), ENVELOPE_E_AUTH);
        s.id_short[i] ^= 1;
    }
    envelope_dek *own = s.dek;
    s.dek = kit_dek(s.ctx);
    ck_assert_int_eq(open_at(&s, payload_bytes(&s), NULL, &r), ENVELOPE_E_AUTH);
    envelope_dek_free(s.dek);
    s.dek = own;
    end(&s);
}
END_TEST

static void expect_bad(struct scene *s, struct env_payload_reader *r, size_t chunk)
{
    uint64_t bad_at = 0;
    uint8_t *buf = malloc(s->len);
    ck_assert_ptr_nonnull(buf);
    memset(buf, 0x55, s->len);
    ck_assert_int_eq(env_payload_read(r, 0, buf, s->len, &bad_at, NULL), ENVELOPE_E_AUTH);
    ck_assert_uint_eq(bad_at, 2 * CAPACITY + ENV_PREFIX_BYTES + chunk * SEALED);
    ck_assert(env_all_zero(buf, s->len));
    if (chunk) { /* what lies before it is still to be had */
        ck_assert_int_eq(env_payload_read(r, 0, buf, chunk * CHUNK, &bad_at, NULL), ENVELOPE_OK);
        ck_assert(memcmp(buf, s->data, chunk * CHUNK) == 0);
    }
    free(buf);
}

/* A flip in any chunk, whose place is told; in the last one the reader does not begin. */
START_TEST(flipped)
{
    struct scene s = begin(MIDDLE, 0, _i);
    struct env_payload_reader *r = open_payload(&s);
    for (size_t at = ENV_PREFIX_BYTES; at < payload_bytes(&s); at += 331) {
        size_t chunk = (at - ENV_PREFIX_BYTES) / SEALED;
        payload(&s)[at] ^= (uint8_t)(1u << at % 8);
        expect_bad(&s, r, chunk);
        struct env_payload_reader *again;
        ck_assert_int_eq(open_at(&s, payload_bytes(&s), NULL, &again),
                         chunk == 3 ? ENVELOPE_E_AUTH : ENVELOPE_OK);
        env_payload_reader_free(again);
        payload(&s)[at] ^= (uint8_t)(1u << at % 8);
    }
    env_payload_reader_free(r);
    end(&s);
}
END_TEST

START_TEST(swapped)
{
    struct scene s = begin(MIDDLE, 0, false);
    uint8_t *first = payload(&s) + ENV_PREFIX_BYTES;
    uint8_t saved[SEALED];
    memcpy(saved, first, SEALED);
    memcpy(first, first + SEALED, SEALED);
    memcpy(first + SEALED, saved, SEALED);
    struct env_payload_reader *r = open_payload(&s);
    expect_bad(&s, r, 0);
    env_payload_reader_free(r);
    end(&s);
}
END_TEST

START_TEST(unreadable)
{
    struct scene s = begin(MIDDLE, 0, _i);
    struct env_payload_reader *r = open_payload(&s);
    struct env_payload_reader *other;
    uint8_t buf[2 * CHUNK];
    memset(buf, 0x55, sizeof buf);
    s.object.broken = ENVELOPE_E_IO;
    ck_assert_int_eq(env_payload_read(r, 5, buf, sizeof buf, NULL, NULL), ENVELOPE_E_IO);
    ck_assert(env_all_zero(buf, sizeof buf));
    ck_assert_int_eq(open_at(&s, payload_bytes(&s), NULL, &other), ENVELOPE_E_IO);
    env_payload_reader_free(r);
    end(&s);
}
END_TEST

START_TEST(footer)
{
    struct env_footer f = {.content = ENV_CONTENT_STREAM, .bytes = 1000, .begun_ms = 5};
    uint8_t plain[1000 + ENV_FOOTER_BYTES] = {1};
    env_footer_put(&f, plain + 1000);
    envelope_ctx *ctx = test_ctx();
    envelope_dek *dek = kit_dek(ctx);
    const struct kit_plan plan = kit_plan(ctx, dek);
    struct scene s = {.ctx = ctx, .dek = dek};
    s.object = kit_object(ctx, &plan, plain, sizeof plain);
    uint8_t id[ENV_ID_BYTES];
    env_id_put(&plan.id, id);
    memcpy(s.id_short, id, sizeof s.id_short);
    struct env_payload_reader *r = open_payload(&s);
    struct env_footer got;
    ck_assert_int_eq(env_payload_footer(r, ENV_CONTENT_STREAM, &got, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(got.bytes, 1000);
    ck_assert_int_eq(env_payload_footer(r, ENV_CONTENT_NONE, &got, NULL), ENVELOPE_E_FORMAT);
    env_payload_reader_free(r);
    end(&s);
    s = begin(127, 0, false);
    r = open_payload(&s);
    ck_assert_int_eq(env_payload_footer(r, ENV_CONTENT_STREAM, &got, NULL), ENVELOPE_E_FORMAT);
    env_payload_reader_free(r);
    end(&s);
}
END_TEST

/* A store that fails while an object is written. */
START_TEST(unwritable)
{
    envelope_ctx *ctx = test_ctx();
    envelope_dek *dek = kit_dek(ctx);
    struct kit_plan kit = kit_plan(ctx, dek);
    struct env_slots *slots = kit_slots(ctx, dek, KIT_KEY);
    struct env_object_plan plan = {
        .id = &kit.id, .box = &kit.box, .attest_key = kit_attest_key, .slots = slots, .dek = dek};
    struct memory m = {.broken = ENVELOPE_E_NO_SPACE};
    struct env_object_writer *w;
    ck_assert_int_eq(env_object_writer_new(ctx, &plan, memory_write, &m, &w, NULL),
                     ENVELOPE_E_NO_SPACE);
    ck_assert_ptr_null(w);
    m.broken = ENVELOPE_OK;
    ck_assert_int_eq(env_object_writer_new(ctx, &plan, memory_write, &m, &w, NULL), ENVELOPE_OK);
    m.broken = ENVELOPE_E_NO_SPACE;
    uint8_t *data = kit_data(65 * CHUNK);
    uint64_t bytes;
    ck_assert_int_eq(env_object_append(w, data, 65 * CHUNK, NULL), ENVELOPE_E_NO_SPACE);
    m.broken = ENVELOPE_OK;
    ck_assert_int_eq(env_object_append(w, data, 1, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_object_finish(w, &bytes, NULL), ENVELOPE_E_INVALID);
    env_object_writer_free(w);
    plan.attest_key = NULL;
    ck_assert_int_eq(env_object_writer_new(ctx, &plan, memory_write, &m, &w, NULL),
                     ENVELOPE_E_INVALID);
    free(data);
    memory_free(&m);
    env_free(ctx, slots);
    envelope_dek_free(dek);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(no_memory)
{
    struct failing f = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    envelope_dek *dek = kit_dek(ctx);
    struct kit_plan kit = kit_plan(ctx, dek);
    struct env_slots *slots = kit_slots(ctx, dek, KIT_KEY);
    const struct env_object_plan plan = {.id = &kit.id,
                                         .box = &kit.box,
                                         .attest_key = kit_attest_key,
                                         .slots = slots,
                                         .dek = dek,
                                         .secret = _i};
    long before = f.live;
    long failed = 0;
    for (long n = 1; n < 200; n++) {
        struct memory m = {0};
        struct env_object_writer *w;
        uint64_t bytes;
        f.calls = 0;
        f.fail_at = n;
        envelope_status st = env_object_writer_new(ctx, &plan, memory_write, &m, &w, NULL);
        st = st ? st : env_object_append(w, "data", 4, NULL);
        st = st ? st : env_object_finish(w, &bytes, NULL);
        long calls = f.calls;
        f.fail_at = 0;
        ck_assert(st == ENVELOPE_E_NOMEM || (!st && calls < n));
        failed += st == ENVELOPE_E_NOMEM;
        env_object_writer_free(w);
        memory_free(&m);
        ck_assert_int_eq(f.live, before);
    }
    ck_assert_int_gt(failed, 5);
    ck_assert_int_lt(failed, 190);
    env_free(ctx, slots);
    envelope_dek_free(dek);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("object_payload");
    TCase *t = tcase_create("payload");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, round_trip, 0, LENGTHS);
    tcase_add_test(t, tail);
    tcase_add_loop_test(t, anywhere, 0, 2);
    tcase_add_test(t, batches);
    tcase_add_test(t, cut);
    tcase_add_test(t, other_prefix);
    tcase_add_loop_test(t, flipped, 0, 2);
    tcase_add_test(t, swapped);
    tcase_add_loop_test(t, unreadable, 0, 2);
    tcase_add_test(t, footer);
    tcase_add_test(t, unwritable);
    tcase_add_loop_test(t, no_memory, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
