/* Cobblestone-256: an answer computed elsewhere, round trips, and everything that must not open. */
#include "base/bytes.h"
#include "base/text.h"
#include "check_main.h"
#include "crypto/chunked.h"
#include "crypto/digest.h"
#include "failing.h"
#include <stdlib.h>
#include <string.h>

static const uint8_t *test_key(void)
{
    static const uint8_t key[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    return key;
}

static const struct env_bytes parts[] = {{"part one", 8}, {"part two", 8}};

/* The salt is 00..17, the message 16,384 times "a" and "tail": computed with Python's cryptography
 * and an HKDF of a few lines. */
START_TEST(known_answer)
{
    envelope_ctx *ctx = test_ctx();
    static uint8_t out[ENV_PREFIX_BYTES + ENV_SEALED_CHUNK_BYTES + 20];
    uint8_t plain[ENV_CHUNK_BYTES];
    uint8_t digest[32];
    char hex[65];
    struct env_chunked *c;
    memset(plain, 'a', sizeof plain);
    memcpy(out, test_key(), ENV_SALT_BYTES);
    ck_assert_int_eq(
        env_chunked_new(ctx, test_key(), "box", parts, 2, out, 1, out + ENV_SALT_BYTES, &c, NULL),
        ENVELOPE_OK);
    uint8_t *chunk = out + ENV_PREFIX_BYTES;
    ck_assert_int_eq(env_chunked_seal(c, 0, plain, sizeof plain, chunk, NULL), ENVELOPE_OK);
    chunk += ENV_SEALED_CHUNK_BYTES;
    ck_assert_int_eq(env_chunked_seal(c, 1, "tail", 4, chunk, NULL), ENVELOPE_OK);
    const struct env_bytes all = {out, sizeof out};
    ck_assert_int_eq(env_sha256(ctx, &all, 1, digest, NULL), ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, digest, sizeof digest),
                     "7499c47d2cb9443e7f90f72b4c15c94c95188b8cb0bd95ac56d24ba7a1f20b06");
    ck_assert_int_eq(env_chunked_seal(c, ENV_CHUNKS_MAX - 1, "x", 1, chunk, NULL), ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, chunk, 17), "b94be7a5156db8d5281f26336830d97b6e");
    env_chunked_free(c);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(round_trips)
{
    static const size_t lengths[] = {0, 1, 16383, 16384, 16385, 32767, 32768, 32769, 100000};
    envelope_ctx *ctx = test_ctx();
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = lengths[i];
        size_t sealed_len = (size_t)env_chunked_sealed_len(len);
        uint8_t *plain = malloc(len + 1);
        uint8_t *back = malloc(len + 1);
        uint8_t *sealed = malloc(sealed_len);
        uint64_t plain_len;
        for (size_t k = 0; k < len; k++) {
            plain[k] = (uint8_t)(k * 7 + k / 16384);
        }
        ck_assert(env_chunked_plain_len(sealed_len, &plain_len) && plain_len == len);
        ck_assert_int_eq(
            env_chunked_seal_whole(ctx, test_key(), "box", parts, 2, plain, len, sealed, NULL),
            ENVELOPE_OK);
        ck_assert_int_eq(env_chunked_open_whole(ctx, test_key(), "box", parts, 2, sealed,
                                                sealed_len, back, NULL),
                         ENVELOPE_OK);
        ck_assert(memcmp(back, plain, len) == 0);
        free(plain);
        free(back);
        free(sealed);
    }
    envelope_ctx_free(ctx);
}
END_TEST

static void expect_sealed_out(envelope_ctx *ctx, const uint8_t *key, const char *purpose,
                              const struct env_bytes *context, size_t count, const uint8_t *sealed,
                              size_t len, uint8_t *out)
{
    uint64_t plain = 0;
    bool possible = env_chunked_plain_len(len, &plain);
    memset(out, 0xff, plain);
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_int_eq(
        env_chunked_open_whole(ctx, key, purpose, context, count, sealed, len, out, &err),
        ENVELOPE_E_AUTH);
    ck_assert_str_eq(err.message, "sealed bytes do not verify");
    ck_assert(!possible || env_all_zero(out, plain));
}

enum { LEN = ENV_CHUNK_BYTES + 40, SEALED = ENV_PREFIX_BYTES + ENV_SEALED_CHUNK_BYTES + 56 };

struct sealed {
    envelope_ctx *ctx;
    uint8_t bytes[SEALED + 16];
    uint8_t out[LEN + 16];
};

static struct sealed *sealed_new(void)
{
    struct sealed *s = calloc(1, sizeof *s);
    s->ctx = test_ctx();
    memset(s->out, 'p', LEN);
    ck_assert_uint_eq(env_chunked_sealed_len(LEN), SEALED);
    ck_assert_int_eq(
        env_chunked_seal_whole(s->ctx, test_key(), "box", parts, 2, s->out, LEN, s->bytes, NULL),
        ENVELOPE_OK);
    return s;
}

/* The second chunk and the prefix bit by bit, the first chunk by samples. */
START_TEST(flips)
{
    struct sealed *s = sealed_new();
    const size_t second = ENV_PREFIX_BYTES + ENV_SEALED_CHUNK_BYTES;
    for (size_t at = 0; at < SEALED; at += at < ENV_PREFIX_BYTES || at >= second ? 1 : 79) {
        for (int bit = 0; bit < 8; bit++) {
            s->bytes[at] ^= (uint8_t)(1 << bit);
            expect_sealed_out(s->ctx, test_key(), "box", parts, 2, s->bytes, SEALED, s->out);
            s->bytes[at] ^= (uint8_t)(1 << bit);
        }
    }
    ck_assert_int_eq(
        env_chunked_open_whole(s->ctx, test_key(), "box", parts, 2, s->bytes, SEALED, s->out, NULL),
        ENVELOPE_OK);
    envelope_ctx_free(s->ctx);
    free(s);
}
END_TEST

START_TEST(truncations_and_additions)
{
    struct sealed *s = sealed_new();
    for (size_t len = 0; len < SEALED + 16; len += len < 100 || len > SEALED - 100 ? 1 : 61) {
        if (len != SEALED) {
            expect_sealed_out(s->ctx, test_key(), "box", parts, 2, s->bytes, len, s->out);
        }
    }
    /* a whole chunk and no last one */
    expect_sealed_out(s->ctx, test_key(), "box", parts, 2, s->bytes,
                      ENV_PREFIX_BYTES + ENV_SEALED_CHUNK_BYTES, s->out);
    envelope_ctx_free(s->ctx);
    free(s);
}
END_TEST

START_TEST(other_keys_and_contexts)
{
    struct sealed *s = sealed_new();
    uint8_t other[32];
    memcpy(other, test_key(), 32);
    for (size_t i = 0; i < 256; i++) {
        other[i / 8] ^= (uint8_t)(1 << i % 8);
        expect_sealed_out(s->ctx, other, "box", parts, 2, s->bytes, SEALED, s->out);
        other[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    const struct env_bytes third[] = {{"part one", 8}, {"part twp", 8}};
    expect_sealed_out(s->ctx, test_key(), "bax", parts, 2, s->bytes, SEALED, s->out);
    expect_sealed_out(s->ctx, test_key(), "box", parts, 1, s->bytes, SEALED, s->out);
    expect_sealed_out(s->ctx, test_key(), "box", third, 2, s->bytes, SEALED, s->out);
    expect_sealed_out(s->ctx, test_key(), NULL, parts, 2, s->bytes, SEALED, s->out);
    envelope_ctx_free(s->ctx);
    free(s);
}
END_TEST

START_TEST(chunks_do_not_change_places)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t prefix[ENV_PREFIX_BYTES];
    uint8_t chunk[3][16 + 16];
    uint8_t out[16];
    struct env_chunked *c;
    ck_assert_int_eq(env_chunked_seal_prefix(ctx, test_key(), "box", NULL, 0, prefix, 8, &c, NULL),
                     ENVELOPE_OK);
    const uint64_t numbers[3] = {0, 1, 256};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(env_chunked_seal(c, numbers[i], "0123456789abcdef", 16, chunk[i], NULL),
                         ENVELOPE_OK);
    }
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) {
            ck_assert_int_eq(env_chunked_open(c, numbers[k], chunk[i], 32, out, NULL),
                             i == k ? ENVELOPE_OK : ENVELOPE_E_AUTH);
        }
    }
    env_chunked_free(c);
    ck_assert_int_eq(env_chunked_open_prefix(ctx, test_key(), "box", NULL, 0, prefix, 1, &c, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(env_chunked_open(c, 256, chunk[2], 32, chunk[2], NULL), ENVELOPE_OK);
    env_chunked_free(c);
    prefix[ENV_PREFIX_BYTES - 1] ^= 1;
    ck_assert_int_eq(env_chunked_open_prefix(ctx, test_key(), "box", NULL, 0, prefix, 1, &c, NULL),
                     ENVELOPE_E_AUTH);
    ck_assert_ptr_null(c);
    env_chunked_free(NULL);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(limits)
{
    envelope_ctx *ctx = test_ctx();
    struct env_chunked *c;
    static uint8_t buf[ENV_SEALED_CHUNK_BYTES + 17];
    uint8_t prefix[ENV_PREFIX_BYTES];
    const struct env_bytes five[5] = {{"x", 1}, {"x", 1}, {"x", 1}, {"x", 1}, {"x", 1}};
    ck_assert_int_eq(env_chunked_seal_prefix(ctx, test_key(), "box", five, 5, prefix, 1, &c, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert(env_all_zero(prefix, sizeof prefix));
    ck_assert_int_eq(env_chunked_seal_prefix(ctx, test_key(), "box", NULL, 0, prefix, 1, &c, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(env_chunked_seal(c, ENV_CHUNKS_MAX, buf, 1, buf, NULL), ENVELOPE_E_LIMIT);
    ck_assert_int_eq(env_chunked_open(c, ENV_CHUNKS_MAX, buf, 17, buf, NULL), ENVELOPE_E_LIMIT);
    ck_assert_int_eq(env_chunked_seal(c, 0, buf, ENV_CHUNK_BYTES + 1, buf, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_chunked_open(c, 0, buf, ENV_SEALED_CHUNK_BYTES + 1, buf, NULL),
                     ENVELOPE_E_AUTH);
    env_chunked_free(c);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(lengths)
{
    uint64_t plain;
    const uint64_t longest = (ENV_CHUNKS_MAX - 1) * ENV_CHUNK_BYTES + ENV_CHUNK_BYTES - 1;
    ck_assert(env_chunked_sealed_len(0) == 72);
    ck_assert(env_chunked_sealed_len(16383) == 56 + 16399);
    ck_assert(env_chunked_sealed_len(16384) == 56 + 16400 + 16);
    ck_assert(!env_chunked_plain_len(0, &plain) && plain == 0);
    ck_assert(!env_chunked_plain_len(71, &plain));
    ck_assert(env_chunked_plain_len(72, &plain) && plain == 0);
    ck_assert(!env_chunked_plain_len(56 + 16400, &plain));
    ck_assert(!env_chunked_plain_len(56 + 16400 + 15, &plain));
    ck_assert(env_chunked_plain_len(env_chunked_sealed_len(longest), &plain) && plain == longest);
    ck_assert(env_chunked_sealed_len(longest + 1) == UINT64_MAX);
    ck_assert(env_chunked_sealed_len(UINT64_MAX) == UINT64_MAX);
    ck_assert(!env_chunked_plain_len(UINT64_MAX, &plain));
    ck_assert(!env_chunked_plain_len(env_chunked_sealed_len(longest) + 100, &plain));
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {known_answer,
                                round_trips,
                                flips,
                                truncations_and_additions,
                                other_keys_and_contexts,
                                chunks_do_not_change_places,
                                limits,
                                lengths,
                                NULL};
    return suite_of("crypto chunked", 120, all);
}
