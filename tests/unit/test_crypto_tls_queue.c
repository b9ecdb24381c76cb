/* The host's OpenSSL error queue after TLS: as it was, with its marks and texts, though a handshake
 * clears it; and what lies in it is not taken for an error of the connection. */
#include "check_main.h"
#include "tls_kit.h"
#include <openssl/err.h>
#include <string.h>

enum { HOST_ERRORS = 15 }; /* OpenSSL keeps no more */
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static struct tls_kit kit;
static int host_errors;

static void set_up(void)
{
    tls_kit_make(&kit);
}

static void tear_down(void)
{
    tls_kit_free(&kit);
}

static void host_fails(int count)
{
    ERR_clear_error();
    for (int i = 0; i < count; i++) {
        ERR_raise_data(ERR_LIB_USER, 100 + i, "host %d", i);
        if (i == count / 2) {
            ERR_set_mark();
        }
    }
    host_errors = count;
}

static void expect_untouched(const char *after)
{
    for (int i = 0; i < host_errors; i++) {
        const char *data;
        int flags;
        char text[16];
        snprintf(text, sizeof text, "host %d", i);
        if (i == host_errors / 2 + 1) {
            break; /* the rest goes with the mark */
        }
        unsigned long code = ERR_peek_error_all(NULL, NULL, NULL, &data, &flags);
        ck_assert_msg(ERR_GET_LIB(code) == ERR_LIB_USER && ERR_GET_REASON(code) == 100 + i,
                      "after %s error %d is %lx", after, i, code);
        ck_assert_str_eq(data, text);
        if (i == 0) {
            ck_assert_int_eq(ERR_GET_REASON(ERR_peek_last_error()), 100 + host_errors - 1);
            ck_assert_int_eq(ERR_pop_to_mark(), 1);
        }
        (void)ERR_get_error();
    }
    ck_assert_msg(ERR_peek_error() == 0, "%s left an error", after);
}

/* Our calls only: the server of the test is not the library's. Each ends with a look at the queue.
 */
#define CALL(what) (host_fails(_i / 2 ? HOST_ERRORS : 0), st = (what), expect_untouched(#what), st)

START_TEST(good_and_bad)
{
    struct client_wish w = {"kms-a", kit.ca_file, kit.cert_file, kit.key_file, NULL, false};
    struct env_tls_config *config;
    struct tls_pair pair = {0};
    envelope_status st;
    uint8_t buf[8];
    size_t got;
    bool done = false;
    bool closed;
    ck_assert_int_eq(CALL(client_config(kit.ctx, &w, &pair.config, NULL)), ENVELOPE_OK);
    ck_assert_int_eq(CALL(env_tls_new(pair.config, "kms-a", &pair.tls, NULL)), ENVELOPE_OK);
    peer_start(&pair.peer, &(struct peer_wish){
                               .cert = &kit.kms, .demands = &kit.ca, .version = versions[_i % 2]});
    for (int i = 0; i < 8 && !done; i++) {
        ck_assert_int_eq(CALL(env_tls_handshake(pair.tls, &done, NULL)), ENVELOPE_OK);
        peer_take(&pair.peer, pair.tls);
        peer_give(&pair.peer, pair.tls);
    }
    ck_assert(done);
    ck_assert_int_eq(CALL(env_tls_read(pair.tls, buf, 8, &got, &closed, NULL)), ENVELOPE_OK);
    ck_assert_int_eq(CALL(env_tls_write(pair.tls, "hello", 5, NULL)), ENVELOPE_OK);
    ck_assert_int_eq(CALL(env_tls_feed(pair.tls, "\x17\x03\x03\x00\x20", 5, NULL)), ENVELOPE_OK);
    ck_assert_int_eq(CALL(env_tls_feed(pair.tls, "01234567012345670123456701234567", 32, NULL)),
                     ENVELOPE_OK);
    ck_assert_int_eq(CALL(env_tls_read(pair.tls, buf, 8, &got, &closed, NULL)),
                     ENVELOPE_E_KMS_UNREACHED);
    ck_assert_int_eq(CALL((env_tls_close(pair.tls), 0)), 0);
    size_t len;
    ck_assert_int_eq(CALL((env_tls_pending(pair.tls, &len), 0)), 0);
    ck_assert_int_eq(CALL((env_tls_sent(pair.tls, len), 0)), 0);
    peer_end(&pair.peer);
    ck_assert_int_eq(CALL((env_tls_free(pair.tls), 0)), 0);
    ck_assert_int_eq(CALL((env_tls_config_free(pair.config), 0)), 0);
    w.ca = kit.key_file;
    ck_assert_int_eq(CALL(client_config(kit.ctx, &w, &config, NULL)), ENVELOPE_E_FORMAT);
    w.ca = kit.ca_file;
    w.key = kit.ca_file;
    ck_assert_int_eq(CALL(client_config(kit.ctx, &w, &config, NULL)), ENVELOPE_E_FORMAT);
    w.ca = NULL;
    w.key = kit.key_file;
    (void)CALL(client_config(kit.ctx, &w, &config, NULL));
    env_tls_config_free(config);
}
END_TEST

START_TEST(refused)
{
    envelope_status st;
    struct tls_pair pair;
    bool done = false;
    tls_pair_make(&pair, &kit, &(struct client_wish){.name = "kms-b", .ca = kit.ca_file},
                  &(struct peer_wish){.cert = &kit.kms, .version = versions[_i % 2]});
    for (int i = 0; i < 8; i++) {
        if (CALL(env_tls_handshake(pair.tls, &done, NULL))) {
            break;
        }
        peer_take(&pair.peer, pair.tls);
        peer_give(&pair.peer, pair.tls);
    }
    ck_assert_int_eq(st, ENVELOPE_E_REFUSED);
    tls_pair_end(&pair);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("crypto tls queue");
    TCase *t = tcase_create("crypto tls queue");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, good_and_bad, 0, 4);
    tcase_add_loop_test(t, refused, 0, 4);
    suite_add_tcase(s, t);
    return s;
}
