/* The host's openssl.cnf and TLS. Run with OPENSSL_CONF naming host.cnf, once in each kind of host:
 * HOST=plain has done nothing with OpenSSL, HOST=shut has switched the file off. */
#include "check_main.h"
#include "tls_kit.h"
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static int seen; /* how often the file was read into the process's default */

static int on_section(CONF_IMODULE *module, const CONF *conf)
{
    (void)module;
    (void)conf;
    seen++;
    return 1;
}

static void talk(struct tls_kit *kit, int version)
{
    struct tls_pair pair;
    tls_pair_open(&pair, kit, version);
    tls_pair_end(&pair);
}

static envelope_status wrong_name(struct tls_kit *kit)
{
    struct tls_pair pair;
    tls_pair_make(&pair, kit, &(struct client_wish){.name = "kms-b", .ca = kit->ca_file},
                  &(struct peer_wish){.cert = &kit->kms});
    envelope_status st = peer_handshake(&pair.peer, pair.tls, NULL);
    tls_pair_end(&pair);
    return st;
}

/* One process has one configuration: all in one test. */
START_TEST(configuration)
{
    bool shut = strcmp(getenv("HOST"), "shut") == 0;
    struct tls_kit kit;
    ck_assert_int_eq(CONF_module_add("mark_of_host", on_section, NULL), 1);
    if (shut) {
        ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    }
    /* OpenSSL has it read at the first use of a cipher, in whatever library context, unless the
     * host decided before; libssl would at the first SSL_CTX. */
    envelope_ctx *ctx = test_ctx();
    ck_assert_int_eq(seen, shut ? 0 : 1);
    struct env_tls_config *config;
    ck_assert_int_eq(client_config(ctx, &(struct client_wish){.skip_verify = true}, &config, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(seen, shut ? 0 : 1);
    env_tls_config_free(config);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(EVP_default_properties_is_fips_enabled(NULL), shut ? 0 : 1);
    /* and none of it reaches us */
    tls_kit_make(&kit);
    talk(&kit, TLS1_2_VERSION);
    talk(&kit, TLS1_3_VERSION);
    ck_assert_int_eq(wrong_name(&kit), ENVELOPE_E_REFUSED);
    tls_kit_free(&kit);
    ck_assert_int_eq(seen, shut ? 0 : 1);
}
END_TEST

Suite *suite(void)
{
    if (!getenv("HOST") || !getenv("OPENSSL_CONF")) {
        skip_all("HOST and OPENSSL_CONF are not set");
        return NULL;
    }
    const TTest *const all[] = {configuration, NULL};
    return suite_of("crypto tls host", 60, all);
}
