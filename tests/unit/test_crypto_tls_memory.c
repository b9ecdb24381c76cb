/* A key that came by TLS lies where the caller wanted it, in the arena, and nowhere else: neither
 * in OpenSSL's buffers nor on the stack. One program, since other tests leave copies. */
#include "base/arena.h"
#include "base/bytes.h"
#include "check_main.h"
#include "hunt.h"
#include "tls_kit.h"
#include <openssl/rand.h>

enum { SECRET = HUNT_SECRET };
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* The server's, so far as the test knows it, is gone afterwards. */
static void send_secret(struct hunt *h, struct tls_pair *pair)
{
    uint8_t secret[SECRET];
    size_t done;
    ck_assert_int_eq(RAND_bytes_ex(certs_library(), secret, SECRET, 0), 1);
    hunt_remember(h, 0, secret);
    ck_assert_int_eq(SSL_write_ex(pair->peer.ssl, secret, SECRET, &done), 1);
    env_wipe(secret, SECRET);
    peer_give(&pair->peer, pair->tls);
}

START_TEST(key_of_an_answer)
{
    struct tls_kit kit;
    struct tls_pair pair;
    struct hunt h;
    uint8_t *key;
    size_t got;
    bool closed;
    tls_kit_make(&kit);
    tls_pair_open(&pair, &kit, versions[_i]);
    ck_assert_int_eq(env_secret_new(kit.ctx, SECRET, &key, NULL), ENVELOPE_OK);
    hunt_begin(&h);
    h.arena = key;
    send_secret(&h, &pair);
    hunt_expect_none(&h, true); /* still under TLS */
    ck_assert_int_eq(env_tls_read(pair.tls, key, SECRET, &got, &closed, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(got, SECRET);
    hunt_search(&h);
    ck_assert_int_eq(h.inside[0], 1);
    ck_assert_int_eq(h.outside[0], 0);
    env_secret_free(kit.ctx, key, SECRET);
    hunt_expect_none(&h, true);
    hunt_end(&h);
    tls_pair_end(&pair);
    tls_kit_free(&kit);
}
END_TEST

/* Nor does one that we send stay behind: records are sealed in place. */
START_TEST(key_of_a_request)
{
    struct tls_kit kit;
    struct tls_pair pair;
    struct hunt h;
    uint8_t *key;
    tls_kit_make(&kit);
    tls_pair_open(&pair, &kit, versions[_i]);
    ck_assert_int_eq(env_secret_new(kit.ctx, SECRET, &key, NULL), ENVELOPE_OK);
    ck_assert_int_eq(RAND_bytes_ex(certs_library(), key, SECRET, 0), 1);
    hunt_begin(&h);
    h.arena = key;
    hunt_remember(&h, 0, key);
    ck_assert_int_eq(env_tls_write(pair.tls, key, SECRET, NULL), ENVELOPE_OK);
    hunt_search(&h);
    ck_assert_int_eq(h.inside[0], 1);
    ck_assert_int_eq(h.outside[0], 0);
    env_secret_free(kit.ctx, key, SECRET);
    hunt_expect_none(&h, true);
    hunt_end(&h);
    tls_pair_end(&pair);
    tls_kit_free(&kit);
}
END_TEST

Suite *suite(void)
{
    const char *why = hunt_is_void();
    if (why) {
        skip_all(why);
        return NULL;
    }
    Suite *s = suite_create("crypto tls memory");
    TCase *t = tcase_create("crypto tls memory");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, key_of_an_answer, 0, 2);
    tcase_add_loop_test(t, key_of_a_request, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
