/* The host's OpenSSL error queue is after every call what it was before, whether the call worked
 * or failed. */
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/chunked.h"
#include "crypto/context.h"
#include "crypto/keywrap.h"
#include "crypto/password.h"
#include "crypto/rsa.h"
#include "failing.h"
#include "keys.h"
#include <envelope/key.h>
#include <openssl/err.h>
#include <string.h>

/* OpenSSL keeps 16, and a decoder that fails leaves five: with more than this its oldest go. */
enum { HOST_ERRORS = 10 };

static void host_fails(int count)
{
    ERR_clear_error();
    for (int i = 0; i < count; i++) {
        ERR_raise(ERR_LIB_USER, 100 + i);
    }
}

static void expect_untouched(int count, const char *after)
{
    for (int i = 0; i < count; i++) {
        unsigned long code = ERR_get_error();
        ck_assert_msg(ERR_GET_LIB(code) == ERR_LIB_USER && ERR_GET_REASON(code) == 100 + i,
                      "after %s error %d is %lx", after, i, code);
    }
    ck_assert_msg(ERR_peek_error() == 0, "%s left an error", after);
}

static void contexts(void)
{
    envelope_ctx *ctx;
    envelope_ctx_options o = {.size = sizeof o, .openssl_propq = "provider=none"};
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_E_CRYPTO);
    o.openssl_propq = "=";
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_E_CRYPTO);
    o.openssl_propq = NULL;
    o.openssl_config = "/nonexistent";
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_E_CRYPTO);
    envelope_ctx_free(test_ctx());
}

static void symmetric(void)
{
    envelope_ctx *ctx = test_ctx();
    const uint8_t key[32] = {0};
    uint8_t buf[128] = {0};
    size_t len;
    ck_assert_int_eq(env_kwp_unwrap(ctx, key, buf, 40, buf, 40, &len, NULL), ENVELOPE_E_AUTH);
    ck_assert_int_eq(env_chunked_seal_whole(ctx, key, "box", NULL, 0, "x", 1, buf, NULL),
                     ENVELOPE_OK);
    buf[60] ^= 1;
    ck_assert_int_eq(env_chunked_open_whole(ctx, key, "box", NULL, 0, buf, 73, buf + 80, NULL),
                     ENVELOPE_E_AUTH);
    ck_assert_int_eq(env_pbkdf2(ctx, "p", 1, key, 16, 1, buf, 32, NULL), ENVELOPE_OK);
    envelope_ctx_free(ctx);
}

static void keys(void)
{
    envelope_ctx *ctx = test_ctx();
    char pem[TEST_KEY_PEM_MAX];
    char text[8192];
    size_t len = test_key_pem(5, pem);
    size_t text_len;
    struct env_rsa_private *key;
    struct env_rsa_private *none;
    struct env_rsa_public *no_public;
    ck_assert_int_eq(env_rsa_private_parse(ctx, pem, len, NULL, 0, &key, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_rsa_private_parse(ctx, pem, len / 2, NULL, 0, &none, NULL),
                     ENVELOPE_E_FORMAT);
    ck_assert_int_eq(env_rsa_private_parse(ctx, "junk", 4, NULL, 0, &none, NULL),
                     ENVELOPE_E_FORMAT);
    ck_assert_int_eq(env_rsa_public_parse(ctx, pem, len, &no_public, NULL), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(env_rsa_public_parse(ctx, "\x30\x03\x02\x01\x01", 5, &no_public, NULL),
                     ENVELOPE_E_FORMAT);
    ck_assert_int_eq(env_rsa_private_pem(key, "pass", 4, text, sizeof text, &text_len, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(env_rsa_private_parse(ctx, text, text_len, NULL, 0, &none, NULL),
                     ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(env_rsa_private_parse(ctx, text, text_len, "word", 4, &none, NULL),
                     ENVELOPE_E_NO_KEY);
    uint8_t c[512] = {1};
    uint8_t out[32];
    ck_assert_int_eq(env_oaep_unwrap(key, ENVELOPE_RSA_OAEP_SHA256, c, sizeof c, out, NULL),
                     ENVELOPE_OK);
    env_rsa_private_free(key);
    envelope_ctx_free(ctx);
}

/* With an empty queue there is no place for a mark: that is another way through OpenSSL. */
static void around(void (*calls)(void), const char *name)
{
    for (int count = 0; count <= HOST_ERRORS; count += HOST_ERRORS) {
        host_fails(count);
        calls();
        expect_untouched(count, name);
    }
}

START_TEST(of_contexts)
{
    around(contexts, "a context");
}
END_TEST

START_TEST(of_symmetric_calls)
{
    around(symmetric, "a symmetric call");
}
END_TEST

START_TEST(of_keys)
{
    around(keys, "a key");
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {of_contexts, of_symmetric_calls, of_keys, NULL};
    return suite_of("crypto queue", 120, all);
}
