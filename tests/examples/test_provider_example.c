/* docs/examples/provider.c beside an HTTP client that is none: a service in the process, with one
 * key of the pool. Linked with the shared library, as its readers do. */
#include "../../docs/examples/provider.h"
#include "check_main.h"
#include <envelope/envelope.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct http {
    EVP_PKEY *pair;
    int fails_with; /* a code, or 0 */
    char last[300]; /* path */
};

static int decrypt(EVP_PKEY *pair, const void *body, size_t len, struct reply *r)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pair, NULL);
    r->len = sizeof r->body;
    int ok = c && EVP_PKEY_decrypt_init(c) > 0 &&
             EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) > 0 &&
             EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) > 0 &&
             EVP_PKEY_decrypt(c, r->body, &r->len, body, len) > 0;
    EVP_PKEY_CTX_free(c);
    return ok ? 200 : 400;
}

int http_wait(struct http *http, const char *path, const void *body, size_t len, struct reply *r)
{
    memset(r, 0, sizeof *r);
    snprintf(http->last, sizeof http->last, "%s", path);
    if (http->fails_with) {
        return http->fails_with;
    }
    if (!strcmp(path, "/keys/vm/newest")) {
        unsigned char *at = r->body;
        snprintf(r->key_id, sizeof r->key_id, "cloud-7");
        r->len = (size_t)i2d_PUBKEY(http->pair, &at);
        return 200;
    }
    return strcmp(path, "/keys/cloud-7/decrypt") ? 404 : decrypt(http->pair, body, len, r);
}

static struct http http;
static envelope_ctx *ctx;
static envelope_keyring *keys;

static void set_up(void)
{
    char path[4096];
    envelope_kms *kms;
    snprintf(path, sizeof path, "%s/pool-01.pem", getenv("TEST_KEYS"));
    BIO *bio = BIO_new_file(path, "r");
    ck_assert_ptr_nonnull(bio);
    http = (struct http){.pair = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)};
    BIO_free(bio);
    ck_assert_int_eq(envelope_ctx_new(NULL, &ctx, NULL), ENVELOPE_OK);
    ck_assert_int_eq(cloud_new(ctx, &http, &kms, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_new(ctx, NULL, &keys, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_kms(keys, "cloud", kms,
                                              ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP |
                                                  ENVELOPE_USE_NAMES_EXCLUSIVE,
                                              0, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(keys, "cloud", "vm", NULL), ENVELOPE_OK);
    envelope_kms_free(kms);
}

static void tear_down(void)
{
    envelope_keyring_free(keys);
    envelope_ctx_free(ctx);
    EVP_PKEY_free(http.pair);
}

/* Seals, then opens with the service answering by code; 0: as it should. */
static envelope_status seal_and_open(int code, envelope_error *err)
{
    envelope_dek *dek;
    envelope_dek *again = NULL;
    envelope_header *header;
    envelope_header_options about = {.size = sizeof about, .context = "disk-0", .context_len = 6};
    ck_assert_int_eq(envelope_dek_generate(ctx, &dek, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_header_new(keys, dek, &about, &header, NULL), ENVELOPE_OK);
    http.fails_with = code;
    envelope_status st = envelope_header_open(header, keys, ENVELOPE_ANY_SLOT, &again, err);
    if (!st) {
        ck_assert_mem_eq(envelope_dek_reveal(again), envelope_dek_reveal(dek), ENVELOPE_DEK_BYTES);
    }
    envelope_dek_free(again);
    envelope_dek_free(dek);
    envelope_header_free(header);
    return st;
}

START_TEST(seals_and_opens)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_msg(seal_and_open(0, &err) == ENVELOPE_OK, "%s", err.message);
    ck_assert_str_eq(http.last, "/keys/cloud-7/decrypt");
}
END_TEST

static const struct {
    int code;
    envelope_status status;
} answers[] = {
    {400, ENVELOPE_E_AUTH},
    {403, ENVELOPE_E_REFUSED},
    {404, ENVELOPE_E_NO_KEY},
    {503, ENVELOPE_E_KMS_UNREACHED},
};

START_TEST(answers_have_a_meaning)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_int_eq(seal_and_open(answers[_i].code, &err), answers[_i].status);
    bool shown = strstr(err.message, "the cloud does not decrypt") != NULL;
    ck_assert(shown == (answers[_i].status != ENVELOPE_E_AUTH)); /* which would be an oracle */
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("provider example");
    TCase *t = tcase_create("cloud");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, seals_and_opens);
    tcase_add_loop_test(t, answers_have_a_meaning, 0, sizeof answers / sizeof answers[0]);
    suite_add_tcase(s, t);
    return s;
}
