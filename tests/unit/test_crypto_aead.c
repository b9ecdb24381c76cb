/* AES-256-GCM by lanes: known answers come from the engine's self-test and Wycheproof; here are the
 * promises around them. */
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/aead.h"
#include "crypto/context.h"
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

Suite *suite(void)
{
    const TTest *const all[] = {
        engine_is_known,   round_trip_in_place,     every_flip_is_refused_and_wiped,
        lanes_are_counted, more_threads_than_lanes, NULL};
    return suite_of("crypto aead", 60, all);
}
