/* AES-256-GCM by lanes: known answers come from the engine's self-test and Wycheproof; here are the
 * promises around them. */
#include "base/bytes.h"
#include "base/text.h"
#include "check_main.h"
#include "crypto/aead.h"
#include "crypto/context.h"
#include "crypto/digest.h"
#include "failing.h"
#include <pthread.h>
#include <string.h>

static const uint8_t key[32] = {1, 2, 3};
static const uint8_t nonce[ENV_NONCE_BYTES] = {9};

static struct env_aead *aead_of(envelope_ctx *ctx, size_t lanes)
{
    struct env_aead *aead;
    ck_assert_int_eq(env_aead_new(ctx, key, lanes, &aead, NULL), ENVELOPE_OK);
    return aead;
}

START_TEST(engine_is_known)
{
    envelope_ctx *ctx = test_ctx();
    const struct env_aead_engine *engine;
    ck_assert_int_eq(env_aead_choose(ctx, NULL, &engine, NULL), ENVELOPE_OK);
    ck_assert_ptr_eq(engine, &env_aead_openssl);
    ck_assert_int_eq(env_aead_choose(ctx, "none", &engine, NULL), ENVELOPE_E_UNSUPPORTED);
    ck_assert_ptr_null(engine);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(round_trip_in_place)
{
    envelope_ctx *ctx = test_ctx();
    struct env_aead *aead = aead_of(ctx, 1);
    uint8_t buf[300 + ENV_TAG_BYTES];
    for (size_t len = 0; len <= 300; len++) {
        memset(buf, (int)len, sizeof buf);
        ck_assert_int_eq(env_aead_seal(aead, nonce, buf, len, buf, NULL), ENVELOPE_OK);
        ck_assert_int_eq(env_aead_open(aead, nonce, buf, len + ENV_TAG_BYTES, buf, NULL),
                         ENVELOPE_OK);
        for (size_t i = 0; i < len; i++) {
            ck_assert_uint_eq(buf[i], (uint8_t)len);
        }
    }
    env_aead_free(aead);
    env_aead_free(NULL);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(every_flip_is_refused_and_wiped)
{
    envelope_ctx *ctx = test_ctx();
    struct env_aead *aead = aead_of(ctx, 1);
    uint8_t sealed[50 + ENV_TAG_BYTES];
    uint8_t out[50];
    memset(out, 'm', sizeof out);
    ck_assert_int_eq(env_aead_seal(aead, nonce, out, sizeof out, sealed, NULL), ENVELOPE_OK);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        envelope_error err = ENVELOPE_ERROR_INIT;
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(out, 0xff, sizeof out);
        ck_assert_int_eq(env_aead_open(aead, nonce, sealed, sizeof sealed, out, &err),
                         ENVELOPE_E_AUTH);
        ck_assert_str_eq(err.message, "sealed bytes do not verify");
        ck_assert(env_all_zero(out, sizeof out));
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < sizeof sealed; len++) {
        ck_assert_int_eq(env_aead_open(aead, nonce, sealed, len, out, NULL), ENVELOPE_E_AUTH);
    }
    const uint8_t other[ENV_NONCE_BYTES] = {8};
    ck_assert_int_eq(env_aead_open(aead, other, sealed, sizeof sealed, out, NULL), ENVELOPE_E_AUTH);
    ck_assert_int_eq(env_aead_open(aead, nonce, sealed, sizeof sealed, out, NULL), ENVELOPE_OK);
    env_aead_free(aead);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(lanes_are_counted)
{
    envelope_ctx *ctx = test_ctx();
    struct env_aead *aead;
    ck_assert_int_eq(env_aead_new(ctx, key, 0, &aead, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_aead_new(ctx, key, ENV_AEAD_LANES + 1, &aead, NULL), ENVELOPE_E_INVALID);
    ck_assert_ptr_null(aead);
    envelope_ctx_free(ctx);
}
END_TEST

enum { THREADS = 12, ROUNDS = 200, LEN = 1024 };

struct worker {
    pthread_t thread;
    struct env_aead *aead;
    uint8_t number;
    bool ok;
};

/* Everybody has nonces of its own, and the answers must not mix. */
static void *work(void *arg)
{
    struct worker *w = arg;
    uint8_t plain[LEN];
    uint8_t sealed[LEN + ENV_TAG_BYTES];
    uint8_t mine[ENV_NONCE_BYTES] = {w->number};
    memset(plain, w->number, sizeof plain);
    w->ok = true;
    for (int i = 0; i < ROUNDS && w->ok; i++) {
        mine[1] = (uint8_t)i;
        w->ok = !env_aead_seal(w->aead, mine, plain, LEN, sealed, NULL) &&
                !env_aead_open(w->aead, mine, sealed, sizeof sealed, sealed, NULL) &&
                memcmp(sealed, plain, LEN) == 0;
    }
    return NULL;
}

static void many_threads(size_t lanes)
{
    struct failing f = {0};
    envelope_ctx_options o = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_OK);
    struct env_aead *aead = aead_of(ctx, lanes);
    long calls = f.calls;
    struct worker w[THREADS];
    for (uint8_t i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.aead = aead, .number = i};
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(w[i].thread, NULL);
        ck_assert(w[i].ok);
    }
    ck_assert_int_eq(f.calls, calls); /* nothing is allocated after env_aead_new */
    env_aead_free(aead);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
}

START_TEST(more_threads_than_lanes)
{
    many_threads(ENV_AEAD_LANES);
    many_threads(1);
}
END_TEST

/* docs/format.md, 15.1 */
static const char bk_2[] = "2e5a991afa81c71bb6672a42ba5c7b2466a38152cac9e0f0f3a9bf8c0c86517c";
static const char dek_key[] = "ddfcd0d927ca5e3e35cfccd8aab1df4e82219f32128f676c32fd7411de0e08e2";
static const char zeros_hash[] = "4ab51aec0d7167a3e41514510d1e21bd";
enum { BLOCK = 65536 };

static void expect_hex(const uint8_t *p, size_t len, const char *want)
{
    char hex[129];
    ck_assert_str_eq(env_hex(hex, p, len), want);
}

static struct env_block_hash *hash_of(envelope_ctx *ctx, const char *hex, size_t lanes)
{
    struct env_block_hash *hash;
    uint8_t k[32];
    ck_assert(env_unhex(k, sizeof k, hex));
    ck_assert_int_eq(env_block_hash_new(ctx, k, lanes, &hash, NULL), ENVELOPE_OK);
    return hash;
}

START_TEST(block_hash_of_the_worked_example)
{
    static const uint8_t zeros[BLOCK];
    envelope_ctx *ctx = test_ctx();
    uint8_t dek[32];
    uint8_t out[32];
    for (uint8_t i = 0; i < sizeof dek; i++) {
        dek[i] = i;
    }
    ck_assert_int_eq(env_derive(ctx, dek, "block hash", NULL, 0, out, NULL), ENVELOPE_OK);
    expect_hex(out, sizeof out, dek_key);
    struct env_block_hash *hash = hash_of(ctx, bk_2, 1);
    const size_t given[] = {BLOCK, 0, 1, BLOCK - 1, 4095, 16385};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        ck_assert_int_eq(env_block_hash_of(hash, zeros, given[i], BLOCK, out, NULL), ENVELOPE_OK);
        expect_hex(out, ENV_TAG_BYTES, zeros_hash);
    }
    ck_assert_int_eq(env_block_hash_of(hash, zeros, BLOCK, BLOCK - 1, out, NULL),
                     ENVELOPE_E_INVALID);
    env_block_hash_free(hash);
    env_block_hash_free(NULL);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(zeros_left_out_are_zeros_given)
{
    static uint8_t block[4096];
    envelope_ctx *ctx = test_ctx();
    struct env_block_hash *hash = hash_of(ctx, bk_2, 1);
    uint8_t before[ENV_TAG_BYTES] = {0};
    for (size_t len = 0; len <= sizeof block; len += len < 70 ? 1 : 509) {
        uint8_t given[ENV_TAG_BYTES];
        uint8_t left_out[ENV_TAG_BYTES];
        memset(block, 0xa5, len);
        ck_assert_int_eq(env_block_hash_of(hash, block, sizeof block, sizeof block, given, NULL),
                         ENVELOPE_OK);
        ck_assert_int_eq(env_block_hash_of(hash, block, len, sizeof block, left_out, NULL),
                         ENVELOPE_OK);
        ck_assert_mem_eq(given, left_out, sizeof given);
        ck_assert_mem_ne(given, before, sizeof given);
        memcpy(before, given, sizeof before);
    }
    env_block_hash_free(hash);
    envelope_ctx_free(ctx);
}
END_TEST

struct hasher {
    pthread_t thread;
    struct env_block_hash *hash;
    uint8_t number;
    bool ok;
};

static void *hash_away(void *arg)
{
    struct hasher *h = arg;
    uint8_t block[LEN];
    uint8_t want[ENV_TAG_BYTES];
    uint8_t got[ENV_TAG_BYTES];
    memset(block, h->number, sizeof block);
    h->ok = !env_block_hash_of(h->hash, block, LEN - h->number, LEN, want, NULL);
    for (int i = 0; i < ROUNDS && h->ok; i++) {
        h->ok = !env_block_hash_of(h->hash, block, LEN - h->number, LEN, got, NULL) &&
                memcmp(want, got, sizeof got) == 0;
    }
    return NULL;
}

static void many_hashers(size_t lanes)
{
    struct failing f = {0};
    envelope_ctx_options o = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_OK);
    struct env_block_hash *hash = hash_of(ctx, bk_2, lanes);
    long calls = f.calls;
    struct hasher h[THREADS];
    for (uint8_t i = 0; i < THREADS; i++) {
        h[i] = (struct hasher){.hash = hash, .number = i};
        ck_assert_int_eq(pthread_create(&h[i].thread, NULL, hash_away, &h[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(h[i].thread, NULL);
        ck_assert(h[i].ok);
    }
    ck_assert_int_eq(f.calls, calls); /* nothing is allocated after env_block_hash_new */
    env_block_hash_free(hash);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
}

START_TEST(more_hashing_threads_than_lanes)
{
    many_hashers(ENV_AEAD_LANES);
    many_hashers(1);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {engine_is_known,
                                round_trip_in_place,
                                every_flip_is_refused_and_wiped,
                                lanes_are_counted,
                                more_threads_than_lanes,
                                block_hash_of_the_worked_example,
                                zeros_left_out_are_zeros_given,
                                more_hashing_threads_than_lanes,
                                NULL};
    return suite_of("crypto aead", 60, all);
}
