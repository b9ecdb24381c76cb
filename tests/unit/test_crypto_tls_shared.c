/* One configuration, connections of several threads, and the last thread puts it away. */
#include "check_main.h"
#include "tls_kit.h"
#include <pthread.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 8 };
static struct tls_kit kit;
static struct env_tls_config *config;

static void round_trip(int version, const char *name, envelope_status expected)
{
    struct tls_pair pair = {.config = config};
    char buf[8];
    size_t got = 0;
    bool closed;
    ck_assert_int_eq(env_tls_new(config, name, &pair.tls, NULL), ENVELOPE_OK);
    peer_start(&pair.peer,
               &(struct peer_wish){.cert = &kit.kms, .demands = &kit.ca, .version = version});
    ck_assert_int_eq(peer_handshake(&pair.peer, pair.tls, NULL), expected);
    if (!expected) {
        size_t done;
        ck_assert_int_eq(SSL_write_ex(pair.peer.ssl, "answer", 6, &done), 1);
        peer_give(&pair.peer, pair.tls);
        ck_assert_int_eq(env_tls_read(pair.tls, buf, sizeof buf, &got, &closed, NULL), ENVELOPE_OK);
        ck_assert_uint_eq(got, 6);
    }
    peer_end(&pair.peer);
    env_tls_free(pair.tls);
}

static void *work(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        round_trip(i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION, "kms-a", ENVELOPE_OK);
        round_trip(i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION, "kms-b", ENVELOPE_E_REFUSED);
    }
    return NULL;
}

START_TEST(shared)
{
    pthread_t threads[THREADS];
    tls_kit_make(&kit);
    ck_assert_int_eq(client_config(kit.ctx,
                                   &(struct client_wish){"kms-a", kit.ca_file, kit.cert_file,
                                                         kit.key_file, NULL, false},
                                   &config, NULL),
                     ENVELOPE_OK);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    env_tls_config_free(config);
    tls_kit_free(&kit);
}
END_TEST

/* The configuration is freed while each thread still has a connection of it. */
static void *finish(void *arg)
{
    struct tls_pair *pair = arg;
    ck_assert_int_eq(peer_handshake(&pair->peer, pair->tls, NULL), ENVELOPE_OK);
    env_tls_free(pair->tls);
    return NULL;
}

START_TEST(put_away_by_the_last)
{
    pthread_t threads[THREADS];
    struct tls_pair pairs[THREADS];
    tls_kit_make(&kit);
    ck_assert_int_eq(client_config(kit.ctx,
                                   &(struct client_wish){"kms-a", kit.ca_file, kit.cert_file,
                                                         kit.key_file, NULL, false},
                                   &config, NULL),
                     ENVELOPE_OK);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(env_tls_new(config, "kms-a", &pairs[i].tls, NULL), ENVELOPE_OK);
        peer_start(&pairs[i].peer, &(struct peer_wish){.cert = &kit.kms, .demands = &kit.ca});
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, finish, &pairs[i]), 0);
    }
    env_tls_config_free(config);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        peer_end(&pairs[i].peer);
    }
    tls_kit_free(&kit);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {shared, put_away_by_the_last, NULL};
    return suite_of("crypto tls shared", 240, all);
}
