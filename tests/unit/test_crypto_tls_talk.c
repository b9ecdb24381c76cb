/* TLS 1.2 and 1.3 with certificates on both sides: facts, messages of any size in any pieces, the
 * farewell told apart from an end. */
#include "check_main.h"
#include "tls_kit.h"
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 1 << 20 };
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static struct tls_kit kit;

static void set_up(void)
{
    tls_kit_make(&kit);
}

static void tear_down(void)
{
    tls_kit_free(&kit);
}

/* All that the client can read now. */
static size_t read_all(struct env_tls *tls, uint8_t *buf, size_t cap, bool *closed)
{
    size_t have = 0;
    size_t got = 1;
    *closed = false;
    while (got > 0 && have < cap) {
        ck_assert_int_eq(env_tls_read(tls, buf + have, cap - have, &got, closed, NULL),
                         ENVELOPE_OK);
        have += got;
    }
    return have;
}

START_TEST(facts)
{
    static const char *const names[] = {"TLSv1.2", "TLSv1.3"};
    struct tls_pair pair;
    struct env_tls_facts f;
    tls_pair_open(&pair, &kit, versions[_i]);
    env_tls_facts(pair.tls, &f);
    ck_assert_str_eq(f.version, names[_i]);
    ck_assert_ptr_nonnull(strstr(f.cipher, "GCM"));
    ck_assert(!f.resumed && f.peer.there);
    ck_assert_str_eq(f.peer.subject, "CN=test KMS");
    int64_t now = env_now_ms();
    ck_assert_int_lt(f.peer.not_before_ms, now);
    ck_assert_int_gt(f.peer.not_before_ms, now - 2 * 3600 * 1000);
    ck_assert_int_gt(f.peer.not_after_ms, now + 23 * 3600 * 1000);
    struct env_certificate_facts own;
    env_tls_own_certificate(pair.config, &own);
    ck_assert(own.there);
    ck_assert_str_eq(own.subject, "CN=backup host");
    X509 *shown = SSL_get0_peer_certificate(pair.peer.ssl);
    ck_assert_ptr_nonnull(shown);
    ck_assert_int_eq(X509_cmp(shown, kit.client.x), 0);
    tls_pair_end(&pair);
}
END_TEST

static void fill(uint8_t *p, size_t len, uint8_t seed)
{
    for (size_t i = 0; i < len; i++) {
        p[i] = (uint8_t)(seed + i * 7 + (i >> 8));
    }
}

static void to_server(struct tls_pair *pair, const uint8_t *sent, uint8_t *buf, size_t len)
{
    size_t have = 0;
    ck_assert_int_eq(env_tls_write(pair->tls, sent, len, NULL), ENVELOPE_OK);
    peer_take(&pair->peer, pair->tls);
    while (have < len) {
        size_t got = 0;
        ck_assert_int_eq(SSL_read_ex(pair->peer.ssl, buf + have, len - have, &got), 1);
        have += got;
    }
    ck_assert_mem_eq(buf, sent, len);
}

static void to_client(struct tls_pair *pair, const uint8_t *sent, uint8_t *buf, size_t len)
{
    size_t done = 0;
    bool closed;
    ck_assert_int_eq(SSL_write_ex(pair->peer.ssl, sent, len, &done), 1);
    peer_give(&pair->peer, pair->tls);
    ck_assert_uint_eq(read_all(pair->tls, buf, len, &closed), len);
    ck_assert_mem_eq(buf, sent, len);
}

START_TEST(large_messages)
{
    uint8_t *sent = malloc(LARGE);
    uint8_t *buf = malloc(LARGE);
    struct tls_pair pair;
    tls_pair_open(&pair, &kit, versions[_i]);
    for (size_t len = 1; len <= LARGE; len = len * 4 + 1) {
        fill(sent, len, (uint8_t)len);
        to_server(&pair, sent, buf, len);
        to_client(&pair, sent, buf, len);
    }
    fill(sent, LARGE, 9);
    to_server(&pair, sent, buf, LARGE);
    to_client(&pair, sent, buf, LARGE);
    tls_pair_end(&pair);
    free(sent);
    free(buf);
}
END_TEST

/* Handshake and message in pieces of each size: what was cut makes no difference. */
START_TEST(pieces)
{
    for (size_t step = 1; step < 64; step += step < 8 ? 1 : 11) {
        struct tls_pair pair;
        tls_pair_make(
            &pair, &kit, &(struct client_wish){"kms-a", kit.ca_file, kit.cert_file, kit.key_file},
            &(struct peer_wish){.cert = &kit.kms, .demands = &kit.ca, .version = versions[_i]});
        pair.peer.step = step;
        ck_assert_int_eq(peer_handshake(&pair.peer, pair.tls, NULL), ENVELOPE_OK);
        uint8_t sent[300];
        uint8_t buf[300];
        fill(sent, sizeof sent, (uint8_t)step);
        to_server(&pair, sent, buf, sizeof sent);
        to_client(&pair, sent, buf, sizeof sent);
        tls_pair_end(&pair);
    }
}
END_TEST

/* The first record behind a handshake of 1.3 is a session ticket: a read that stops there would
 * wait for an answer that has come. */
START_TEST(answer_behind_a_ticket)
{
    struct tls_pair pair;
    uint8_t buf[8];
    bool closed;
    size_t done;
    tls_pair_open(&pair, &kit, TLS1_3_VERSION);
    ck_assert_int_eq(SSL_new_session_ticket(pair.peer.ssl), 1);
    ck_assert_int_eq(SSL_write_ex(pair.peer.ssl, "answer", 6, &done), 1);
    peer_give(&pair.peer, pair.tls);
    ck_assert_uint_eq(read_all(pair.tls, buf, sizeof buf, &closed), 6);
    tls_pair_end(&pair);
}
END_TEST

/* New keys on the server's wish: its answer is pending after the read. */
START_TEST(new_keys)
{
    struct tls_pair pair;
    uint8_t buf[8];
    bool closed;
    size_t len;
    tls_pair_open(&pair, &kit, TLS1_3_VERSION);
    ck_assert_int_eq(SSL_key_update(pair.peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    to_client(&pair, (const uint8_t *)"one", buf, 3);
    (void)read_all(pair.tls, buf, sizeof buf, &closed);
    (void)env_tls_pending(pair.tls, &len);
    to_server(&pair, (const uint8_t *)"two", buf, 3);
    to_client(&pair, (const uint8_t *)"three", buf, 5);
    tls_pair_end(&pair);
}
END_TEST

START_TEST(farewell_and_end)
{
    struct tls_pair pair;
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint8_t buf[8];
    size_t got;
    bool closed;
    tls_pair_open(&pair, &kit, versions[_i]);
    ck_assert_uint_eq(read_all(pair.tls, buf, sizeof buf, &closed), 0);
    ck_assert(!closed);
    SSL_shutdown(pair.peer.ssl);
    peer_give(&pair.peer, pair.tls);
    env_tls_feed_end(pair.tls);
    ck_assert_uint_eq(read_all(pair.tls, buf, sizeof buf, &closed), 0);
    ck_assert(closed);
    tls_pair_end(&pair);

    tls_pair_open(&pair, &kit, versions[_i]);
    peer_give(&pair.peer, pair.tls);
    env_tls_feed_end(pair.tls);
    ck_assert_int_eq(env_tls_read(pair.tls, buf, sizeof buf, &got, &closed, &err),
                     ENVELOPE_E_KMS_UNREACHED);
    ck_assert(!closed && got == 0);
    ck_assert_ptr_nonnull(strstr(err.message, "without TLS's farewell"));
    tls_pair_end(&pair);
}
END_TEST

START_TEST(our_farewell)
{
    struct tls_pair pair;
    uint8_t buf[8];
    size_t len;
    tls_pair_make(&pair, &kit,
                  &(struct client_wish){"kms-a", kit.ca_file, kit.cert_file, kit.key_file},
                  &(struct peer_wish){.cert = &kit.kms, .version = versions[_i]});
    env_tls_close(pair.tls); /* before there is anything to close */
    (void)env_tls_pending(pair.tls, &len);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(env_tls_write(pair.tls, "x", 1, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(peer_handshake(&pair.peer, pair.tls, NULL), ENVELOPE_OK);
    env_tls_close(pair.tls);
    peer_take(&pair.peer, pair.tls);
    int n = SSL_read(pair.peer.ssl, buf, sizeof buf);
    ck_assert_int_eq(SSL_get_error(pair.peer.ssl, n), SSL_ERROR_ZERO_RETURN);
    tls_pair_end(&pair);
}
END_TEST

/* A server may not have us begin anew with other keys, nor keep a session for the next time. */
START_TEST(no_renegotiation_no_resumption)
{
    struct tls_pair pair;
    uint8_t buf[8];
    size_t got;
    bool closed;
    tls_pair_open(&pair, &kit, TLS1_2_VERSION);
    SSL_SESSION *kept = SSL_get0_session(pair.peer.ssl);
    ck_assert(!SSL_SESSION_has_ticket(kept));
    ck_assert_int_eq(SSL_renegotiate(pair.peer.ssl), 1);
    (void)SSL_do_handshake(pair.peer.ssl);
    peer_give(&pair.peer, pair.tls);
    (void)env_tls_read(pair.tls, buf, sizeof buf, &got, &closed, NULL);
    peer_take(&pair.peer, pair.tls);
    ERR_clear_error();
    int n = SSL_read(pair.peer.ssl, buf, sizeof buf);
    ck_assert_int_eq(SSL_get_error(pair.peer.ssl, n), SSL_ERROR_SSL);
    ck_assert_int_eq(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_NO_RENEGOTIATION);
    tls_pair_end(&pair);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("crypto tls talk");
    TCase *t = tcase_create("crypto tls talk");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, facts, 0, 2);
    tcase_add_loop_test(t, large_messages, 0, 2);
    tcase_add_loop_test(t, pieces, 0, 2);
    tcase_add_loop_test(t, farewell_and_end, 0, 2);
    tcase_add_loop_test(t, our_farewell, 0, 2);
    tcase_add_test(t, answer_behind_a_ticket);
    tcase_add_test(t, new_keys);
    tcase_add_test(t, no_renegotiation_no_resumption);
    suite_add_tcase(s, t);
    return s;
}
