/* What is exported reads elsewhere, the passphrase's cost is what is promised, and private keys of
 * every accepted form are read. */
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/password.h"
#include "crypto/rsa.h"
#include "failing.h"
#include "keys.h"
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 8192 };
static const char passphrase[] = "correct horse battery staple";

struct pair {
    envelope_ctx *ctx;
    struct env_rsa_private *key;
};

static struct pair pair_new(void)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(3, pem);
    struct pair p = {test_ctx(), NULL};
    ck_assert_int_eq(env_rsa_private_parse(p.ctx, pem, len, NULL, 0, &p.key, NULL), ENVELOPE_OK);
    return p;
}

static void pair_free(struct pair *p)
{
    env_rsa_private_free(p->key);
    envelope_ctx_free(p->ctx);
}

static EVP_PKEY *openssl_reads(const char *text, size_t len, const char *pass)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    EVP_PKEY *pkey =
        PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t)(pass ? pass : ""));
    BIO_free(bio);
    return pkey;
}

static void expect_same(const struct pair *p, EVP_PKEY *pkey)
{
    uint8_t *der = NULL;
    size_t len;
    const uint8_t *spki = env_rsa_public_spki(env_rsa_private_public(p->key), &len);
    ck_assert_ptr_nonnull(pkey);
    ck_assert_int_eq(i2d_PUBKEY(pkey, &der), (int)len);
    ck_assert_mem_eq(der, spki, len);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
}

static envelope_status reads(const struct pair *p, const void *data, size_t len, const char *pass)
{
    struct env_rsa_private *key;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status st =
        env_rsa_private_parse(p->ctx, data, len, pass, pass ? strlen(pass) : 0, &key, &err);
    ck_assert(!st == (key != NULL));
    ck_assert(!st == (err.message[0] == 0));
    if (key) {
        ck_assert_mem_eq(env_rsa_public_fingerprint(env_rsa_private_public(key)),
                         env_rsa_public_fingerprint(env_rsa_private_public(p->key)), 32);
    }
    env_rsa_private_free(key);
    return st;
}

START_TEST(plain_pem_and_der)
{
    struct pair p = pair_new();
    char text[TEXT_MAX];
    size_t len;
    ck_assert_int_eq(env_rsa_private_pem(p.key, NULL, 0, text, sizeof text, &len, NULL),
                     ENVELOPE_OK);
    ck_assert(memcmp(text, "-----BEGIN PRIVATE KEY-----\n", 28) == 0);
    expect_same(&p, openssl_reads(text, len, NULL));
    ck_assert_int_eq(reads(&p, text, len, NULL), ENVELOPE_OK);
    uint8_t der[ENV_PKCS8_BYTES_MAX];
    ck_assert_int_eq(env_rsa_private_der(p.key, der, sizeof der, &len, NULL), ENVELOPE_OK);
    const uint8_t *at = der;
    expect_same(&p, d2i_AutoPrivateKey(NULL, &at, (long)len));
    ck_assert_int_eq(reads(&p, der, len, NULL), ENVELOPE_OK);
    size_t need;
    ck_assert_int_eq(env_rsa_private_der(p.key, der, len - 1, &need, NULL), ENVELOPE_E_RANGE);
    ck_assert_uint_eq(need, len);
    pair_free(&p);
}
END_TEST

/* The EncryptedPrivateKeyInfo of a PEM text, read as RFC 8018 says. */
static X509_SIG *sealed_of(const char *text, size_t len)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    X509_SIG *sealed = PEM_read_bio_PKCS8(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ck_assert_ptr_nonnull(sealed);
    return sealed;
}

static void expect_cost(const X509_SIG *sealed)
{
    const X509_ALGOR *algorithm;
    const ASN1_OBJECT *oid;
    int type;
    const void *value;
    X509_SIG_get0(sealed, &algorithm, NULL);
    X509_ALGOR_get0(&oid, &type, &value, algorithm);
    ck_assert_int_eq(OBJ_obj2nid(oid), NID_pbes2);
    PBE2PARAM *pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
    ck_assert_ptr_nonnull(pbe);
    ck_assert_int_eq(OBJ_obj2nid(pbe->keyfunc->algorithm), NID_id_pbkdf2);
    ck_assert_int_eq(OBJ_obj2nid(pbe->encryption->algorithm), NID_aes_256_cbc);
    PBKDF2PARAM *kdf =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), pbe->keyfunc->parameter);
    ck_assert_ptr_nonnull(kdf);
    ck_assert_int_ge(ASN1_INTEGER_get(kdf->iter), 600000);
    ck_assert_int_eq(OBJ_obj2nid(kdf->prf->algorithm), NID_hmacWithSHA256);
    ck_assert_int_eq(kdf->salt->value.octet_string->length, 16);
    PBKDF2PARAM_free(kdf);
    PBE2PARAM_free(pbe);
}

START_TEST(encrypted_pem)
{
    struct pair p = pair_new();
    char text[TEXT_MAX];
    char second[TEXT_MAX];
    size_t len;
    size_t second_len;
    ck_assert_int_eq(
        env_rsa_private_pem(p.key, passphrase, strlen(passphrase), text, sizeof text, &len, NULL),
        ENVELOPE_OK);
    ck_assert(memcmp(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", 38) == 0);
    X509_SIG *sealed = sealed_of(text, len);
    expect_cost(sealed);
    X509_SIG_free(sealed);
    expect_same(&p, openssl_reads(text, len, passphrase));
    ck_assert_int_eq(reads(&p, text, len, passphrase), ENVELOPE_OK);
    ck_assert_int_eq(reads(&p, text, len, NULL), ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(reads(&p, text, len, "correct horse battery stapl"), ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(env_rsa_private_pem(p.key, passphrase, strlen(passphrase), second,
                                         sizeof second, &second_len, NULL),
                     ENVELOPE_OK);
    ck_assert(second_len != len || memcmp(text, second, len) != 0); /* a fresh salt */
    pair_free(&p);
}
END_TEST

START_TEST(passphrases_at_the_limits)
{
    struct pair p = pair_new();
    char text[TEXT_MAX];
    char longest[1026];
    size_t len;
    memset(longest, 'p', sizeof longest);
    longest[1024] = 0;
    ck_assert_int_eq(env_rsa_private_pem(p.key, longest, 1025, text, sizeof text, &len, NULL),
                     ENVELOPE_E_LIMIT);
    ck_assert_int_eq(env_rsa_private_pem(p.key, "", 0, text, sizeof text, &len, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_rsa_private_pem(p.key, longest, 1024, text, sizeof text, &len, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(reads(&p, text, len, longest), ENVELOPE_OK);
    longest[1023] = 0;
    ck_assert_int_eq(reads(&p, text, len, longest), ENVELOPE_E_NO_KEY);
    size_t need;
    ck_assert_int_eq(env_rsa_private_pem(p.key, "p", 1, text, 100, &need, NULL), ENVELOPE_E_RANGE);
    ck_assert_uint_gt(need, 3000);
    pair_free(&p);
}
END_TEST

/* Forms that other programs write: encrypted DER, traditional PEM and DER, plain and encrypted. */
START_TEST(other_forms_are_read)
{
    struct pair p = pair_new();
    char text[TEXT_MAX];
    size_t len = test_key_pem(3, text);
    EVP_PKEY *pkey = openssl_reads(text, len, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    i2d_PKCS8PrivateKey_bio(bio, pkey, EVP_aes_256_cbc(), passphrase, (int)strlen(passphrase), NULL,
                            NULL);
    len = (size_t)BIO_read(bio, text, sizeof text);
    ck_assert_int_eq(reads(&p, text, len, passphrase), ENVELOPE_OK);
    ck_assert_int_eq(reads(&p, text, len, NULL), ENVELOPE_E_NO_KEY);
    PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL);
    len = (size_t)BIO_read(bio, text, sizeof text);
    ck_assert(memcmp(text, "-----BEGIN RSA PRIVATE KEY-----\n", 32) == 0);
    ck_assert_int_eq(reads(&p, text, len, NULL), ENVELOPE_OK);
    PEM_write_bio_PrivateKey_traditional(bio, pkey, EVP_aes_128_cbc(), (const uint8_t *)passphrase,
                                         (int)strlen(passphrase), NULL, NULL);
    len = (size_t)BIO_read(bio, text, sizeof text);
    ck_assert_int_eq(reads(&p, text, len, passphrase), ENVELOPE_OK);
    ck_assert_int_eq(reads(&p, text, len, "wrong"), ENVELOPE_E_NO_KEY);
    i2d_PrivateKey_bio(bio, pkey);
    len = (size_t)BIO_read(bio, text, sizeof text);
    ck_assert_int_eq(reads(&p, text, len, NULL), ENVELOPE_OK);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    pair_free(&p);
}
END_TEST

START_TEST(what_is_no_private_key)
{
    struct pair p = pair_new();
    char text[TEXT_MAX];
    size_t len;
    ck_assert_int_eq(reads(&p, "", 0, NULL), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(reads(&p, "nothing", 7, "pass"), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(
        env_rsa_public_pem(env_rsa_private_public(p.key), text, sizeof text, &len, NULL),
        ENVELOPE_OK);
    ck_assert_int_eq(reads(&p, text, len, NULL), ENVELOPE_E_FORMAT);
    uint8_t der[ENV_PKCS8_BYTES_MAX];
    ck_assert_int_eq(env_rsa_private_der(p.key, der, sizeof der, &len, NULL), ENVELOPE_OK);
    for (size_t cut = 0; cut < len; cut += 37) {
        ck_assert_int_eq(reads(&p, der, cut, NULL), ENVELOPE_E_FORMAT);
    }
    pair_free(&p);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {plain_pem_and_der,         encrypted_pem,
                                passphrases_at_the_limits, other_forms_are_read,
                                what_is_no_private_key,    NULL};
    return suite_of("crypto export", 120, all);
}
