/* OAEP with implicit rejection: whatever is wrong, the same status, and bytes that are never the
 * message. */
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/context.h"
#include "crypto/digest.h"
#include "crypto/rsa_key.h"
#include "failing.h"
#include "keys.h"
#include "oaep_block.h"
#include <envelope/key.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    envelope_ctx *ctx;
    struct env_rsa_private *key;
    const EVP_MD *md;
    int32_t algorithm;
    size_t k;
    size_t hash;
    uint8_t message[32];
    uint8_t em[ENV_RSA_BYTES_MAX]; /* unmasked: 00 | seed | DB */
};

static struct fixture *fixture_new(int32_t algorithm)
{
    struct fixture *f = calloc(1, sizeof *f);
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(4, pem);
    f->ctx = test_ctx();
    ck_assert_int_eq(env_rsa_private_parse(f->ctx, pem, len, NULL, 0, &f->key, NULL), ENVELOPE_OK);
    f->algorithm = algorithm;
    f->md = algorithm == ENVELOPE_RSA_OAEP_SHA256 ? f->ctx->crypto->sha256 : f->ctx->crypto->sha1;
    f->hash = (size_t)EVP_MD_get_size(f->md);
    f->k = 512;
    memset(f->message, 'm', sizeof f->message);
    return f;
}

static void fixture_free(struct fixture *f)
{
    env_rsa_private_free(f->key);
    envelope_ctx_free(f->ctx);
    free(f);
}

static void compose(struct fixture *f, size_t message_len)
{
    oaep_block_compose(f->em, f->k, f->md, message_len);
}

static void mask(const struct fixture *f, uint8_t *out)
{
    oaep_block_mask(out, f->em, f->k, f->md);
}

static const uint8_t reject[32] = {0xee, 1, 2, 3};

static bool decodes(const struct fixture *f, const uint8_t *masked)
{
    uint8_t em[ENV_RSA_BYTES_MAX];
    uint8_t scratch[ENV_OAEP_SCRATCH_BYTES];
    uint8_t out[32];
    memcpy(em, masked, f->k);
    ck_assert_int_eq(env_oaep_decode(f->md, em, f->k, reject, scratch, out, NULL), ENVELOPE_OK);
    bool rejected = memcmp(out, reject, sizeof out) == 0;
    ck_assert(rejected || memcmp(out, f->message, sizeof out) == 0);
    return !rejected;
}

static bool composed_decodes(const struct fixture *f)
{
    uint8_t masked[ENV_RSA_BYTES_MAX];
    mask(f, masked);
    return decodes(f, masked);
}

/* Every bit that is not seed or message decides. */
static void every_bit(struct fixture *f)
{
    for (size_t bit = 0; bit < 8 * (f->k - 32); bit++) {
        if (bit / 8 >= 1 && bit / 8 < 1 + f->hash) {
            continue; /* any seed is a good seed */
        }
        f->em[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(!composed_decodes(f), "bit %zu of byte %zu", bit % 8, bit / 8);
        f->em[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert(composed_decodes(f));
}

static void decode_of(int32_t algorithm)
{
    struct fixture *f = fixture_new(algorithm);
    static const size_t sizes[] = {256, 257, 512, 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        f->k = sizes[i];
        compose(f, 32);
        ck_assert(composed_decodes(f));
        for (size_t len = 0; len < f->k - 2 * f->hash - 1; len++) {
            compose(f, len);
            ck_assert(composed_decodes(f) == (len == 32));
        }
    }
    f->k = 512;
    compose(f, 32);
    every_bit(f);
    fixture_free(f);
}

START_TEST(decoding)
{
    decode_of(ENVELOPE_RSA_OAEP_SHA256);
    decode_of(ENVELOPE_RSA_OAEP_SHA1);
}
END_TEST

/* The rejection value is HMAC(secret of the context, ciphertext), and nothing else. */
static void expect_rejected(const struct fixture *f, const uint8_t *in, size_t len)
{
    uint8_t out[32];
    uint8_t expected[32];
    envelope_error err = ENVELOPE_ERROR_INIT;
    const struct env_bytes all = {in, len};
    ck_assert_int_eq(
        env_hmac_sha256(f->ctx, f->ctx->crypto->rejection_secret, 32, &all, 1, expected, NULL),
        ENVELOPE_OK);
    ck_assert_int_eq(env_oaep_unwrap(f->key, f->algorithm, in, len, out, &err), ENVELOPE_OK);
    ck_assert_int_eq(err.status, 0);
    ck_assert_mem_eq(out, expected, sizeof out);
    ck_assert(memcmp(out, f->message, sizeof out) != 0);
}

static void expect_composed_rejected(const struct fixture *f)
{
    uint8_t masked[ENV_RSA_BYTES_MAX];
    uint8_t c[ENV_RSA_BYTES_MAX];
    mask(f, masked);
    oaep_block_encrypt(f->key->public_half, masked, f->k, c);
    expect_rejected(f, c, f->k);
}

static void wrap(const struct fixture *f, uint8_t *out)
{
    size_t len;
    ck_assert_int_eq(env_oaep_wrap(f->key->public_half, f->algorithm, f->message, out,
                                   ENV_RSA_BYTES_MAX, &len, NULL),
                     ENVELOPE_OK);
    ck_assert_uint_eq(len, f->k);
}

static void round_trip_of(int32_t algorithm, int32_t other)
{
    struct fixture *f = fixture_new(algorithm);
    uint8_t c[ENV_RSA_BYTES_MAX];
    uint8_t second[ENV_RSA_BYTES_MAX];
    uint8_t out[32];
    wrap(f, c);
    wrap(f, second);
    ck_assert(memcmp(c, second, f->k) != 0);
    ck_assert_int_eq(env_oaep_unwrap(f->key, algorithm, c, f->k, out, NULL), ENVELOPE_OK);
    ck_assert_mem_eq(out, f->message, sizeof out);
    f->algorithm = other;
    expect_rejected(f, c, f->k);
    fixture_free(f);
}

START_TEST(round_trip)
{
    round_trip_of(ENVELOPE_RSA_OAEP_SHA256, ENVELOPE_RSA_OAEP_SHA1);
    round_trip_of(ENVELOPE_RSA_OAEP_SHA1, ENVELOPE_RSA_OAEP_SHA256);
}
END_TEST

/* Every class of invalid ciphertext, through the private operation. */
START_TEST(invalid_classes)
{
    struct fixture *f = fixture_new(ENVELOPE_RSA_OAEP_SHA256);
    const size_t db = 1 + f->hash;
    const size_t places[] = {0, db, db + 31, db + 32, db + 200, 512 - 34, 512 - 33};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        compose(f, 32);
        f->em[places[i]] ^= 1;
        expect_composed_rejected(f);
    }
    static const size_t lengths[] = {0, 1, 31, 33, 64, 446};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        compose(f, lengths[i]);
        expect_composed_rejected(f);
    }
    fixture_free(f);
}
END_TEST

/* Length and range are public, and end the same way. */
START_TEST(ciphertext_out_of_range)
{
    struct fixture *f = fixture_new(ENVELOPE_RSA_OAEP_SHA256);
    uint8_t c[ENV_RSA_BYTES_MAX] = {0};
    wrap(f, c);
    for (size_t len = 0; len < 600; len += len < 505 ? 63 : 1) {
        if (len != f->k) {
            expect_rejected(f, c, len);
        }
    }
    memset(c, 0, sizeof c);
    expect_rejected(f, c, f->k);
    c[f->k - 1] = 1;
    expect_rejected(f, c, f->k);
    memcpy(c, f->key->modulus, f->k);
    expect_rejected(f, c, f->k); /* the modulus itself */
    c[f->k - 1] ^= 1;            /* odd: the modulus less 1 */
    expect_rejected(f, c, f->k);
    memset(c, 0xff, f->k);
    expect_rejected(f, c, f->k);
    fixture_free(f);
}
END_TEST

START_TEST(every_context_has_its_own_secret)
{
    struct fixture *f[2];
    uint8_t out[2][32];
    const uint8_t c[512] = {1};
    for (int i = 0; i < 2; i++) {
        f[i] = fixture_new(ENVELOPE_RSA_OAEP_SHA256);
        ck_assert_int_eq(env_oaep_unwrap(f[i]->key, f[i]->algorithm, c, 512, out[i], NULL),
                         ENVELOPE_OK);
    }
    ck_assert(memcmp(out[0], out[1], 32) != 0);
    fixture_free(f[0]);
    fixture_free(f[1]);
}
END_TEST

START_TEST(arguments)
{
    struct fixture *f = fixture_new(ENVELOPE_RSA_OAEP_SHA256);
    uint8_t c[ENV_RSA_BYTES_MAX];
    uint8_t out[32];
    size_t len;
    wrap(f, c);
    memset(out, 0xff, sizeof out);
    ck_assert_int_eq(env_oaep_unwrap(f->key, 99, c, f->k, out, NULL), ENVELOPE_E_UNSUPPORTED);
    ck_assert(env_all_zero(out, sizeof out));
    ck_assert_int_eq(env_oaep_wrap(f->key->public_half, 99, f->message, c, sizeof c, &len, NULL),
                     ENVELOPE_E_UNSUPPORTED);
    ck_assert_int_eq(
        env_oaep_wrap(f->key->public_half, f->algorithm, f->message, c, 511, &len, NULL),
        ENVELOPE_E_RANGE);
    ck_assert_uint_eq(len, 512);
    fixture_free(f);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {decoding,
                                round_trip,
                                invalid_classes,
                                ciphertext_out_of_range,
                                every_context_has_its_own_secret,
                                arguments,
                                NULL};
    return suite_of("crypto oaep", 240, all);
}
