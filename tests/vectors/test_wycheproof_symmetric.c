/* Wycheproof: AES-256-GCM, GMAC and AES-256-KWP, through crypto/aead.h and crypto/keywrap.h. */
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/aead.h"
#include "crypto/keywrap.h"
#include "failing.h"
#include "wycheproof.h"
#include <stdlib.h>
#include <string.h>

struct gcm {
    struct octets key;
    struct octets iv;
    struct octets msg;
    struct octets sealed; /* with the tag behind it */
};

static struct gcm gcm_of(const json_t *test)
{
    struct octets tag = octets_of(test, "tag");
    struct gcm g = {octets_of(test, "key"), octets_of(test, "iv"), octets_of(test, "msg"),
                    octets_of(test, "ct")};
    g.sealed.p = realloc(g.sealed.p, g.sealed.len + tag.len + 1);
    memcpy(g.sealed.p + g.sealed.len, tag.p, tag.len);
    g.sealed.len += tag.len;
    free(tag.p);
    return g;
}

static void gcm_free(struct gcm *g)
{
    free(g->key.p);
    free(g->iv.p);
    free(g->msg.p);
    free(g->sealed.p);
}

static bool gcm_right(struct env_aead *aead, const struct gcm *g, bool invalid)
{
    uint8_t out[4096];
    ck_assert_uint_lt(g->sealed.len, sizeof out);
    envelope_status st = env_aead_open(aead, g->iv.p, g->sealed.p, g->sealed.len, out, NULL);
    if (invalid) {
        return st == ENVELOPE_E_AUTH && env_all_zero(out, g->sealed.len - ENV_TAG_BYTES);
    }
    if (st || g->sealed.len != g->msg.len + ENV_TAG_BYTES || memcmp(out, g->msg.p, g->msg.len)) {
        return false;
    }
    return env_aead_seal(aead, g->iv.p, g->msg.p, g->msg.len, out, NULL) == ENVELOPE_OK &&
           memcmp(out, g->sealed.p, g->sealed.len) == 0;
}

static void gcm_case(struct tally *t, const json_t *group, const json_t *test)
{
    if (number_of(group, "keySize") != 256) {
        apart(t, "keys of other sizes than 256 bits");
        return;
    }
    if (number_of(group, "ivSize") != 96) {
        apart(t, "nonces of other sizes than 96 bits");
        return;
    }
    if (*text_of(test, "aad")) {
        apart(t, "associated data");
        return;
    }
    ck_assert_int_eq(number_of(group, "tagSize"), 128);
    struct gcm g = gcm_of(test);
    struct env_aead *aead;
    ck_assert_int_eq(env_aead_new(t->user, g.key.p, 1, &aead, NULL), ENVELOPE_OK);
    verdict(t, test, gcm_right(aead, &g, is_invalid(test)));
    env_aead_free(aead);
    gcm_free(&g);
}

/* GCM without a message is GMAC; the zeros behind the data are given, and left to the engine. */
static bool mac_right(void *lane, const json_t *test, bool invalid)
{
    struct octets iv = octets_of(test, "iv");
    struct octets data = octets_of(test, "aad");
    struct octets tag = octets_of(test, "tag");
    uint8_t out[ENV_TAG_BYTES];
    uint8_t padded[ENV_TAG_BYTES];
    size_t zeros = 0;
    while (zeros < data.len && data.p[data.len - 1 - zeros] == 0) {
        zeros++;
    }
    bool ran = !env_aead_openssl.mac(lane, iv.p, data.p, data.len, 0, out, NULL) &&
               !env_aead_openssl.mac(lane, iv.p, data.p, data.len - zeros, zeros, padded, NULL);
    bool same = tag.len == sizeof out && memcmp(out, tag.p, sizeof out) == 0;
    bool right = ran && same != invalid && memcmp(out, padded, sizeof out) == 0;
    free(iv.p);
    free(data.p);
    free(tag.p);
    return right;
}

static void mac_case(struct tally *t, const json_t *group, const json_t *test)
{
    if (number_of(group, "keySize") != 256) {
        apart(t, "keys of other sizes than 256 bits");
        return;
    }
    if (number_of(group, "ivSize") != 96) {
        apart(t, "nonces of other sizes than 96 bits");
        return;
    }
    if (*text_of(test, "msg") || *text_of(test, "ct")) {
        apart(t, "with a message");
        return;
    }
    struct octets key = octets_of(test, "key");
    void *lane;
    ck_assert_int_eq(env_aead_openssl.lane_new(t->user, key.p, &lane, NULL), ENVELOPE_OK);
    verdict(t, test, mac_right(lane, test, is_invalid(test)));
    env_aead_openssl.lane_free(t->user, lane);
    free(key.p);
}

static bool kwp_right(envelope_ctx *ctx, const struct octets *key, const struct octets *msg,
                      const struct octets *ct, bool invalid)
{
    uint8_t out[512];
    size_t len;
    ck_assert_uint_lt(ct->len, sizeof out);
    envelope_status st = env_kwp_unwrap(ctx, key->p, ct->p, ct->len, out, sizeof out, &len, NULL);
    if (invalid) {
        return st == ENVELOPE_E_AUTH && len == 0 && env_all_zero(out, sizeof out);
    }
    if (st || len != msg->len || memcmp(out, msg->p, len)) {
        return false;
    }
    return env_kwp_wrap(ctx, key->p, msg->p, msg->len, out, sizeof out, &len, NULL) ==
               ENVELOPE_OK &&
           len == ct->len && memcmp(out, ct->p, len) == 0;
}

static void kwp_case(struct tally *t, const json_t *group, const json_t *test)
{
    if (number_of(group, "keySize") != 256) {
        apart(t, "keys of other sizes than 256 bits");
        return;
    }
    struct octets key = octets_of(test, "key");
    struct octets msg = octets_of(test, "msg");
    struct octets ct = octets_of(test, "ct");
    verdict(t, test, kwp_right(t->user, &key, &msg, &ct, is_invalid(test)));
    free(key.p);
    free(msg.p);
    free(ct.p);
}

START_TEST(aes_gcm)
{
    envelope_ctx *ctx = test_ctx();
    walk("aes_gcm_test.json", gcm_case, ctx);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(aes_gmac)
{
    envelope_ctx *ctx = test_ctx();
    walk("aes_gcm_test.json", mac_case, ctx);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(aes_kwp)
{
    envelope_ctx *ctx = test_ctx();
    walk("aes_kwp_test.json", kwp_case, ctx);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {aes_gcm, aes_gmac, aes_kwp, NULL};
    return wycheproof_there() ? suite_of("wycheproof symmetric", 120, all) : NULL;
}
