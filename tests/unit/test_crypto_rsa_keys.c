/* Which RSA keys are let in, and that one key has one fingerprint. */
#include "base/bytes.h"
#include "base/text.h"
#include "check_main.h"
#include "crypto/rsa.h"
#include "failing.h"
#include "keys.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <string.h>

static struct env_rsa_private *pool(envelope_ctx *ctx, int number)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(number, pem);
    struct env_rsa_private *key;
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_msg(!env_rsa_private_parse(ctx, pem, len, NULL, 0, &key, &err), "%s", err.message);
    return key;
}

/* SHA-256 of `openssl pkey -pubout -outform DER`, by sha256sum */
START_TEST(fingerprint_is_of_the_spki)
{
    envelope_ctx *ctx = test_ctx();
    struct env_rsa_private *key = pool(ctx, 1);
    struct env_rsa_public *pub = env_rsa_private_public(key);
    char hex[65];
    ck_assert_str_eq(env_hex(hex, env_rsa_public_fingerprint(pub), 32),
                     "4f1621bd3c6ba1f0c8a1198e954bc9b59832698a82252d2c10d400b34544e30c");
    ck_assert_uint_eq(env_rsa_public_bits(pub), 4096);
    env_rsa_private_free(key);
    env_rsa_private_free(NULL);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(public_half_survives_and_reads_back)
{
    envelope_ctx *ctx = test_ctx();
    struct env_rsa_private *key = pool(ctx, 2);
    struct env_rsa_public *pub = env_rsa_public_retain(env_rsa_private_public(key));
    env_rsa_private_free(key);
    envelope_ctx_free(ctx); /* the key holds it */
    size_t len;
    const uint8_t *spki = env_rsa_public_spki(pub, &len);
    char pem[2048];
    size_t pem_len;
    ck_assert_int_eq(env_rsa_public_pem(pub, pem, sizeof pem, &pem_len, NULL), ENVELOPE_OK);
    ck_assert(memcmp(pem, "-----BEGIN PUBLIC KEY-----\n", 27) == 0);
    envelope_ctx *other = test_ctx();
    struct env_rsa_public *again[2];
    ck_assert_int_eq(env_rsa_public_parse(other, pem, pem_len, &again[0], NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_rsa_public_parse(other, spki, len, &again[1], NULL), ENVELOPE_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_mem_eq(env_rsa_public_fingerprint(again[i]), env_rsa_public_fingerprint(pub), 32);
        env_rsa_public_free(again[i]);
    }
    size_t need;
    ck_assert_int_eq(env_rsa_public_pem(pub, pem, pem_len - 1, &need, NULL), ENVELOPE_E_RANGE);
    ck_assert_uint_eq(need, pem_len);
    env_rsa_public_free(pub);
    env_rsa_public_free(NULL);
    envelope_ctx_free(other);
}
END_TEST

static void expect_no_public(envelope_ctx *ctx, const void *data, size_t len)
{
    struct env_rsa_public *key = (struct env_rsa_public *)&len;
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_int_eq(env_rsa_public_parse(ctx, data, len, &key, &err), ENVELOPE_E_FORMAT);
    ck_assert_ptr_null(key);
    ck_assert_int_ne(err.message[0], 0);
}

START_TEST(damaged_public_keys)
{
    envelope_ctx *ctx = test_ctx();
    struct env_rsa_private *key = pool(ctx, 1);
    size_t len;
    const uint8_t *spki = env_rsa_public_spki(env_rsa_private_public(key), &len);
    uint8_t copy[ENV_SPKI_BYTES_MAX + 1] = {0};
    memcpy(copy, spki, len);
    for (size_t cut = 0; cut < len; cut++) {
        expect_no_public(ctx, copy, cut);
    }
    expect_no_public(ctx, copy, len + 1);
    expect_no_public(ctx, copy, sizeof copy);
    expect_no_public(ctx, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 58);
    expect_no_public(ctx, "nothing", 7);
    /* a non-minimal length is BER: the same key, other bytes, another fingerprint */
    uint8_t ber[ENV_SPKI_BYTES_MAX];
    ck_assert(copy[0] == 0x30 && copy[1] == 0x82);
    ber[0] = 0x30;
    ber[1] = 0x83;
    ber[2] = 0;
    memcpy(ber + 3, copy + 2, len - 2);
    expect_no_public(ctx, ber, len + 1);
    char pem[TEST_KEY_PEM_MAX];
    expect_no_public(ctx, pem, test_key_pem(1, pem)); /* a private one */
    env_rsa_private_free(key);
    envelope_ctx_free(ctx);
}
END_TEST

/* SubjectPublicKeyInfo of an RSA key with this modulus length and exponent; only what a parser
 * looks at is right. */
static size_t made_spki(int bits, uint64_t exponent, int lowest_byte, uint8_t *out)
{
    BIGNUM *n = BN_new();
    BIGNUM *e = BN_new();
    BN_set_bit(n, bits - 1);
    BN_add_word(n, (BN_ULONG)lowest_byte);
    BN_set_word(e, exponent);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *pkey = NULL;
    ck_assert(EVP_PKEY_fromdata_init(c) > 0 &&
              EVP_PKEY_fromdata(c, &pkey, EVP_PKEY_PUBLIC_KEY, params) > 0);
    EVP_PKEY_CTX_free(c);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    int len = i2d_PUBKEY(pkey, &out);
    EVP_PKEY_free(pkey);
    return len > 0 ? (size_t)len : 0;
}

static envelope_status made(envelope_ctx *ctx, int bits, uint64_t exponent, int lowest_byte)
{
    uint8_t der[4096];
    struct env_rsa_public *key;
    size_t len = made_spki(bits, exponent, lowest_byte, der);
    ck_assert_uint_gt(len, 0);
    envelope_status st = env_rsa_public_from_der(ctx, der, len, &key, NULL);
    env_rsa_public_free(key);
    return st;
}

START_TEST(sizes_and_exponents)
{
    envelope_ctx *ctx = test_ctx();
    ck_assert_int_eq(made(ctx, 2048, 65537, 1), ENVELOPE_OK);
    ck_assert_int_eq(made(ctx, 8192, 65537, 1), ENVELOPE_OK);
    ck_assert_int_eq(made(ctx, 2047, 65537, 1), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(made(ctx, 8193, 65537, 1), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(made(ctx, 4096, 65537, 2), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(made(ctx, 4096, 3, 1), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(made(ctx, 4096, 65535, 1), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(made(ctx, 4096, 65538, 1), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(made(ctx, 4096, UINT64_MAX, 1), ENVELOPE_OK);
    envelope_ctx_free(ctx);
}
END_TEST

static size_t other_key(const char *type, bool private_half, char *out)
{
    EVP_PKEY *pkey = strcmp(type, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, type, "P-256")
                                             : EVP_PKEY_Q_keygen(NULL, NULL, type);
    BIO *bio = BIO_new(BIO_s_mem());
    if (private_half) {
        PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    } else {
        PEM_write_bio_PUBKEY(bio, pkey);
    }
    int len = BIO_read(bio, out, TEST_KEY_PEM_MAX);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return (size_t)len;
}

START_TEST(keys_of_other_kinds)
{
    envelope_ctx *ctx = test_ctx();
    char pem[TEST_KEY_PEM_MAX];
    struct env_rsa_private *key;
    static const char *const kinds[] = {"EC", "X25519", "ED25519"};
    for (int i = 0; i < 3; i++) {
        expect_no_public(ctx, pem, other_key(kinds[i], false, pem));
        size_t len = other_key(kinds[i], true, pem);
        ck_assert_int_eq(env_rsa_private_parse(ctx, pem, len, NULL, 0, &key, NULL),
                         ENVELOPE_E_FORMAT);
        ck_assert_ptr_null(key);
    }
    envelope_ctx_free(ctx);
}
END_TEST

/* rsaEncryption becomes id-RSASSA-PSS: same octets but the last of the OID */
START_TEST(signing_only_keys)
{
    envelope_ctx *ctx = test_ctx();
    struct env_rsa_private *key = pool(ctx, 1);
    size_t len;
    const uint8_t *spki = env_rsa_public_spki(env_rsa_private_public(key), &len);
    const uint8_t oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
    uint8_t copy[ENV_SPKI_BYTES_MAX];
    memcpy(copy, spki, len);
    uint8_t *at = memmem(copy, len, oid, sizeof oid);
    ck_assert_ptr_nonnull(at);
    at[sizeof oid - 1] = 0x0a;
    expect_no_public(ctx, copy, len);
    env_rsa_private_free(key);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(fresh_pair)
{
    envelope_ctx *ctx = test_ctx();
    struct env_rsa_private *key;
    ck_assert_int_eq(env_rsa_private_generate(ctx, &key, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(env_rsa_public_bits(env_rsa_private_public(key)), 4096);
    uint8_t der[ENV_PKCS8_BYTES_MAX];
    size_t len;
    ck_assert_int_eq(env_rsa_private_der(key, der, sizeof der, &len, NULL), ENVELOPE_OK);
    struct env_rsa_private *again;
    ck_assert_int_eq(env_rsa_private_parse(ctx, der, len, NULL, 0, &again, NULL), ENVELOPE_OK);
    ck_assert_mem_eq(env_rsa_public_fingerprint(env_rsa_private_public(again)),
                     env_rsa_public_fingerprint(env_rsa_private_public(key)), 32);
    env_wipe(der, sizeof der);
    env_rsa_private_free(again);
    env_rsa_private_free(key);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {fingerprint_is_of_the_spki,
                                public_half_survives_and_reads_back,
                                damaged_public_keys,
                                sizes_and_exponents,
                                keys_of_other_kinds,
                                signing_only_keys,
                                fresh_pair,
                                NULL};
    return suite_of("crypto rsa keys", 120, all);
}
