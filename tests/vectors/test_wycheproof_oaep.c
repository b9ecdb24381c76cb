/* Wycheproof: RSA-OAEP decryption, through crypto/rsa.h. The library unwraps 32 bytes under an
 * empty label and nothing else: a case that is valid with another length or a label must end in the
 * rejection value, as the invalid ones do. */
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/context.h"
#include "crypto/digest.h"
#include "crypto/rsa.h"
#include "failing.h"
#include "wycheproof.h"
#include <envelope/key.h>
#include <stdlib.h>
#include <string.h>

struct state {
    envelope_ctx *ctx;
    const json_t *group; /* whose key this is */
    struct env_rsa_private *key;
    int opened;
    int refused; /* valid for others */
};

/* 0: no call of the library has these hashes */
static int32_t algorithm_of(const json_t *group)
{
    const char *hash = text_of(group, "sha");
    if (strcmp(hash, text_of(group, "mgfSha")) != 0) {
        return 0;
    }
    if (strcmp(hash, "SHA-256") == 0) {
        return ENVELOPE_RSA_OAEP_SHA256;
    }
    return strcmp(hash, "SHA-1") == 0 ? ENVELOPE_RSA_OAEP_SHA1 : 0;
}

/* NULL when the library lets no such key in. */
static struct env_rsa_private *key_of(struct state *s, const json_t *group)
{
    if (s->group != group) {
        struct octets der = octets_of(group, "privateKeyPkcs8");
        env_rsa_private_free(s->key);
        envelope_status st = env_rsa_private_parse(s->ctx, der.p, der.len, NULL, 0, &s->key, NULL);
        ck_assert_int_eq(st,
                         number_of(group, "keySize") < ENV_RSA_BITS_MIN ? ENVELOPE_E_FORMAT : 0);
        s->group = group;
        free(der.p);
    }
    return s->key;
}

static bool rejection(const struct state *s, const struct octets *ct, const uint8_t out[32])
{
    uint8_t expected[ENV_HASH_BYTES];
    const struct env_bytes all = {ct->p, ct->len};
    ck_assert_int_eq(
        env_hmac_sha256(s->ctx, s->ctx->crypto->rejection_secret, 32, &all, 1, expected, NULL),
        ENVELOPE_OK);
    return memcmp(out, expected, sizeof expected) == 0;
}

static void run(struct tally *t, struct state *s, int32_t algorithm, const json_t *test)
{
    struct octets ct = octets_of(test, "ct");
    struct octets msg = octets_of(test, "msg");
    uint8_t out[32];
    envelope_status st = env_oaep_unwrap(s->key, algorithm, ct.p, ct.len, out, NULL);
    bool ours = !is_invalid(test) && msg.len == sizeof out && !*text_of(test, "label");
    bool right = ours ? memcmp(out, msg.p, sizeof out) == 0 : rejection(s, &ct, out);
    s->opened += ours;
    s->refused += !ours && !is_invalid(test);
    verdict(t, test, !st && right);
    free(ct.p);
    free(msg.p);
}

static void oaep_case(struct tally *t, const json_t *group, const json_t *test)
{
    struct state *s = t->user;
    int32_t algorithm = algorithm_of(group);
    if (!key_of(s, group)) {
        apart(t, "keys below 2048 bits (refused)");
    } else if (!algorithm) {
        apart(t, "other hashes, or MGF1 with another hash");
    } else {
        run(t, s, algorithm, test);
    }
}

static int walk_oaep(const char *file)
{
    struct state s = {.ctx = test_ctx()};
    walk(file, oaep_case, &s);
    tap_note("%s: %d opened; %d that are valid with another length or a label, rejected", file,
             s.opened, s.refused);
    env_rsa_private_free(s.key);
    envelope_ctx_free(s.ctx);
    return s.opened;
}

START_TEST(oaep_4096)
{
    ck_assert_int_gt(walk_oaep("rsa_oaep_4096_sha256_mgf1sha256_test.json"), 0);
}
END_TEST

START_TEST(oaep_misc)
{
    walk_oaep("rsa_oaep_misc_test.json");
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {oaep_4096, oaep_misc, NULL};
    return wycheproof_there() ? suite_of("wycheproof oaep", 240, all) : NULL;
}
