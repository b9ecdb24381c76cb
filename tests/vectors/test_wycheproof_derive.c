/* Wycheproof: HKDF-SHA-512 (expand; extract is done here), HMAC-SHA-256, PBKDF2-HMAC-SHA-256. */
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/digest.h"
#include "crypto/password.h"
#include "failing.h"
#include "wycheproof.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

static void extract(const struct octets *salt, const struct octets *ikm, uint8_t prk[64])
{
    static const uint8_t zeros[64];
    const void *key = salt->len ? (const void *)salt->p : zeros;
    int len = salt->len ? (int)salt->len : (int)sizeof zeros;
    ck_assert_ptr_nonnull(HMAC(EVP_sha512(), key, len, ikm->p, ikm->len, prk, NULL));
}

static void hkdf_case(struct tally *t, const json_t *group, const json_t *test)
{
    (void)group;
    struct octets salt = octets_of(test, "salt");
    struct octets ikm = octets_of(test, "ikm");
    struct octets info = octets_of(test, "info");
    struct octets okm = octets_of(test, "okm");
    size_t size = (size_t)number_of(test, "size");
    uint8_t prk[64];
    uint8_t *out = malloc(size);
    extract(&salt, &ikm, prk);
    const struct env_bytes part = {info.p, info.len};
    envelope_status st = env_hkdf_expand(t->user, prk, sizeof prk, &part, 1, out, size, NULL);
    verdict(t, test,
            is_invalid(test) ? st == ENVELOPE_E_INVALID
                             : !st && okm.len == size && memcmp(out, okm.p, size) == 0);
    free(out);
    free(salt.p);
    free(ikm.p);
    free(info.p);
    free(okm.p);
}

static void hmac_case(struct tally *t, const json_t *group, const json_t *test)
{
    if (number_of(group, "tagSize") != 256) {
        apart(t, "truncated tags");
        return;
    }
    struct octets key = octets_of(test, "key");
    struct octets msg = octets_of(test, "msg");
    struct octets tag = octets_of(test, "tag");
    uint8_t out[ENV_HASH_BYTES];
    const struct env_bytes part = {msg.p, msg.len};
    envelope_status st = env_hmac_sha256(t->user, key.p, key.len, &part, 1, out, NULL);
    bool equal = tag.len == sizeof out && env_equal_secret(out, tag.p, sizeof out);
    verdict(t, test, !st && equal == !is_invalid(test));
    free(key.p);
    free(msg.p);
    free(tag.p);
}

static void pbkdf2_case(struct tally *t, const json_t *group, const json_t *test)
{
    (void)group;
    struct octets password = octets_of(test, "password");
    struct octets salt = octets_of(test, "salt");
    struct octets dk = octets_of(test, "dk");
    uint8_t out[256];
    ck_assert_uint_lt(dk.len, sizeof out);
    ck_assert_uint_eq(dk.len, (size_t)number_of(test, "dkLen"));
    envelope_status st = env_pbkdf2(t->user, password.p, password.len, salt.p, salt.len,
                                    (uint32_t)number_of(test, "iterationCount"), out, dk.len, NULL);
    verdict(t, test, (!st && memcmp(out, dk.p, dk.len) == 0) == !is_invalid(test));
    free(password.p);
    free(salt.p);
    free(dk.p);
}

START_TEST(hkdf)
{
    envelope_ctx *ctx = test_ctx();
    walk("hkdf_sha512_test.json", hkdf_case, ctx);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(hmac)
{
    envelope_ctx *ctx = test_ctx();
    walk("hmac_sha256_test.json", hmac_case, ctx);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(pbkdf2)
{
    envelope_ctx *ctx = test_ctx();
    walk("pbkdf2_hmacsha256_test.json", pbkdf2_case, ctx);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {hkdf, hmac, pbkdf2, NULL};
    return wycheproof_there() ? suite_of("wycheproof derive", 120, all) : NULL;
}
