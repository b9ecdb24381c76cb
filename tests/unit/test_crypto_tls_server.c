/* Which certificates of a server are believed, and what is said of the others. */
#include "check_main.h"
#include "tls_kit.h"
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
enum { HOUR = 3600, DAY = 24 * HOUR };
static struct tls_kit kit;

static void set_up(void)
{
    tls_kit_make(&kit);
}

static void tear_down(void)
{
    tls_kit_free(&kit);
}

struct meeting {
    const char *name; /* that the client asks for */
    const struct cert *cert;
    const struct cert *between;
    const char *ca; /* NULL: the kit's */
    int version;
};

static envelope_status meet(const struct meeting *m, bool skip, envelope_error *err)
{
    struct tls_pair pair;
    tls_pair_make(
        &pair, &kit,
        &(struct client_wish){
            .name = m->name, .ca = m->ca ? m->ca : kit.ca_file, .skip_verify = skip},
        &(struct peer_wish){.cert = m->cert, .between = m->between, .version = m->version});
    envelope_status st = peer_handshake(&pair.peer, pair.tls, err);
    struct env_tls_facts facts;
    env_tls_facts(pair.tls, &facts);
    /* What was refused is told all the same, and the server is told that it was refused. */
    ck_assert(facts.peer.there && facts.peer.not_after_ms > facts.peer.not_before_ms);
    if (st) {
        bool done;
        envelope_error again = ENVELOPE_ERROR_INIT;
        ck_assert(pair.peer.failed);
        ck_assert_int_eq(env_tls_handshake(pair.tls, &done, &again), st);
        ck_assert(!done);
        ck_assert_str_eq(again.message, err->message);
    }
    tls_pair_end(&pair);
    return st;
}

static void believed(const struct meeting *m)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct meeting one = *m;
    for (size_t v = 0; v < 2; v++) {
        one.version = versions[v];
        ck_assert_msg(meet(&one, false, &err) == ENVELOPE_OK, "%s: %s", m->name, err.message);
    }
}

/* In both versions, with these words; and never where the operator wants no verification. */
static void refused(const struct meeting *m, const char *words, const char *more)
{
    struct meeting one = *m;
    for (size_t v = 0; v < 2; v++) {
        envelope_error err = ENVELOPE_ERROR_INIT;
        one.version = versions[v];
        envelope_status st = meet(&one, false, &err);
        ck_assert_msg(st == ENVELOPE_E_REFUSED, "%s: %d, not refused: %s", m->name, st, words);
        ck_assert_msg(strstr(err.message, words) && strstr(err.message, more),
                      "\"%s\" does not say \"%s\" and \"%s\"", err.message, words, more);
        ck_assert_int_eq(meet(&one, true, &err), ENVELOPE_OK);
    }
    envelope_error err = ENVELOPE_ERROR_INIT;
    (void)meet(&one, false, &err);
    tap_note("%s", err.message);
}

static struct cert issue(const char *san)
{
    return cert_make(&(struct cert_wish){.name = "test KMS", .san = san}, &kit.ca);
}

START_TEST(names)
{
    static const char *const good[] = {"kms-a",          "KMS-A",         "kms-a.",
                                       "192.0.2.1",      "2001:db8::1",   "2001:DB8:0:0::1",
                                       "x.example.test", "2001:db8::1%lo"};
    static const char *const bad[] = {
        "kms-b",     "kms-a.example", "a.b.example.test",       "example.test",
        "192.0.2.2", "2001:db8::2",   "192.0.2.1.example.test", "ms-a"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        believed(&(struct meeting){.name = good[i], .cert = &kit.kms});
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refused(&(struct meeting){.name = bad[i], .cert = &kit.kms},
                "is for kms-a, *.example.test, 192.0.2.1, 2001:db8::1, not ", bad[i]);
    }
}
END_TEST

/* A name in the place of an address, and the other way round, are not the same. */
START_TEST(addresses_are_no_names)
{
    struct cert c = issue("DNS:192.0.2.1");
    refused(&(struct meeting){.name = "192.0.2.1", .cert = &c}, "is for DNS:192.0.2.1, not",
            "192.0.2.1");
    cert_free(&c);
    c = cert_make(&(struct cert_wish){.name = "kms-a"}, &kit.ca);
    refused(&(struct meeting){.name = "kms-a", .cert = &c}, "names no host", "common name");
    cert_free(&c);
    c = cert_make(&(struct cert_wish){.name = "kms-a", .san = "email:kms-a@example.test"}, &kit.ca);
    refused(&(struct meeting){.name = "kms-a", .cert = &c}, "names no host", "common name");
    cert_free(&c);
}
END_TEST

START_TEST(wildcards)
{
    static const char *const bad[][2] = {
        {"DNS:km*", "kms-a"},
        {"DNS:*", "kms-a"},
        {"DNS:*.test", "example.test"},
        {"DNS:k*.example.test", "kms.example.test"},
        {"DNS:*s.example.test", "kms.example.test"},
        {"DNS:kms.*.test", "kms.example.test"},
        {"DNS:*.*.test", "kms.example.test"},
        {"DNS:.example.test", "kms.example.test"},
        {"DNS:*.example.test", "xn--kms.a.example.test"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cert c = issue(bad[i][0]);
        refused(&(struct meeting){.name = bad[i][1], .cert = &c}, "is for", bad[i][0] + 4);
        cert_free(&c);
    }
}
END_TEST

START_TEST(names_that_are_none)
{
    static const char *const bad[] = {"",       ".",       ".example.test", "*.example.test",
                                      "kms a",  "kms-a\n", "k\xc3\xbcs",    "%lo",
                                      "kms-a/x"};
    struct env_tls_config *config;
    struct env_tls *tls;
    ck_assert_int_eq(
        client_config(kit.ctx, &(struct client_wish){.ca = kit.ca_file}, &config, NULL),
        ENVELOPE_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(env_tls_new(config, bad[i], &tls, NULL), ENVELOPE_E_INVALID);
        ck_assert_ptr_null(tls);
    }
    char long_name[300];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    ck_assert_int_eq(env_tls_new(config, long_name, &tls, NULL), ENVELOPE_E_INVALID);
    env_tls_config_free(config);
}
END_TEST

START_TEST(times)
{
    struct cert_wish w = {.name = "test KMS", .san = "DNS:kms-a", .from = -2 * DAY, .to = -DAY};
    struct cert c = cert_make(&w, &kit.ca);
    refused(&(struct meeting){.name = "kms-a", .cert = &c}, "the certificate of kms-a expired on 2",
            "renewed");
    cert_free(&c);
    w.from = DAY;
    w.to = 2 * DAY;
    c = cert_make(&w, &kit.ca);
    refused(&(struct meeting){.name = "kms-a", .cert = &c}, "not valid before 2", "clock");
    cert_free(&c);
}
END_TEST

/* What is expired is not our server's, but that of the CA in the file. */
START_TEST(times_of_the_ca)
{
    struct cert_wish w = {.name = "old CA", .from = -2 * DAY, .to = -DAY, .ca = true};
    struct cert ca = cert_make(&w, NULL);
    struct cert c = cert_make(&(struct cert_wish){.name = "test KMS", .san = "DNS:kms-a"}, &ca);
    cert_write(kit.ca_file, &ca, NULL, NULL);
    refused(&(struct meeting){.name = "kms-a", .cert = &c}, "CA certificate \"CN=old CA\"",
            "expired on 2");
    cert_free(&c);
    cert_free(&ca);
}
END_TEST

START_TEST(issuers)
{
    struct cert_wish kms = {.name = "test KMS", .san = "DNS:kms-a"};
    struct cert self = cert_make(&kms, NULL);
    refused(&(struct meeting){.name = "kms-a", .cert = &self}, "signed by itself",
            "not in CA file ");
    struct cert foreign_ca = cert_make(&(struct cert_wish){.name = "other CA", .ca = true}, NULL);
    struct cert foreign = cert_make(&kms, &foreign_ca);
    refused(&(struct meeting){.name = "kms-a", .cert = &foreign}, "comes from \"CN=other CA\"",
            "not in CA file ");
    refused(&(struct meeting){.name = "kms-a", .cert = &foreign, .between = &foreign_ca},
            "comes from \"CN=other CA\"", "not in CA file ");
    /* the CA was made anew under its old name: the old certificates are void */
    struct cert new_ca = cert_make(&(struct cert_wish){.name = "test CA", .ca = true}, NULL);
    cert_write(kit.ca_file, &new_ca, NULL, NULL);
    refused(&(struct meeting){.name = "kms-a", .cert = &kit.kms}, "\"CN=test CA\"", "new CA");
    kms.no_key_id = true;
    struct cert by_name = cert_make(&kms, &kit.ca);
    refused(&(struct meeting){.name = "kms-a", .cert = &by_name},
            "does not bear the signature of \"CN=test CA\"", "new CA");
    cert_free(&by_name);
    kms.no_key_id = false;
    struct cert renewed = cert_again(&kit.kms, &kms, &new_ca);
    believed(&(struct meeting){.name = "kms-a", .cert = &renewed});
    /* both, while it is changed */
    cert_write(kit.ca_file, &new_ca, &kit.ca, NULL);
    believed(&(struct meeting){.name = "kms-a", .cert = &renewed});
    believed(&(struct meeting){.name = "kms-a", .cert = &kit.kms});
    cert_write(kit.ca_file, &self, NULL, NULL);
    believed(&(struct meeting){.name = "kms-a", .cert = &self});
    cert_free(&self);
    cert_free(&foreign_ca);
    cert_free(&foreign);
    cert_free(&new_ca);
    cert_free(&renewed);
}
END_TEST

START_TEST(chains)
{
    struct cert_wish kms = {.name = "test KMS", .san = "DNS:kms-a"};
    struct cert between = cert_make(&(struct cert_wish){.name = "CA between", .ca = true}, &kit.ca);
    struct cert c = cert_make(&kms, &between);
    believed(&(struct meeting){.name = "kms-a", .cert = &c, .between = &between});
    refused(&(struct meeting){.name = "kms-a", .cert = &c}, "comes from \"CN=CA between\"",
            "not in CA file");
    /* the root alone is not what every operator gets to see */
    char path[SCRATCH_PATH_MAX];
    cert_write(scratch_path(path, kit.dir, "between.pem"), &between, NULL, NULL);
    believed(&(struct meeting){.name = "kms-a", .cert = &c, .ca = path});
    /* a certificate that is no CA's vouches for nothing */
    struct cert no_ca = cert_make(&(struct cert_wish){.name = "no CA"}, &kit.ca);
    struct cert forged = cert_make(&kms, &no_ca);
    refused(&(struct meeting){.name = "kms-a", .cert = &forged, .between = &no_ca}, "\"CN=no CA\"",
            "is not one of a CA");
    cert_free(&no_ca);
    cert_free(&forged);
    cert_free(&c);
    cert_free(&between);
}
END_TEST

START_TEST(purposes_and_strength)
{
    struct cert_wish w = {.name = "test KMS", .san = "DNS:kms-a", .eku = "clientAuth"};
    struct cert c = cert_make(&w, &kit.ca);
    refused(&(struct meeting){.name = "kms-a", .cert = &c}, "lacks serverAuth", "kms-a");
    cert_free(&c);
    w.eku = "clientAuth,serverAuth";
    c = cert_make(&w, &kit.ca);
    believed(&(struct meeting){.name = "kms-a", .cert = &c});
    cert_free(&c);
    w.key = "RSA-1024";
    c = cert_make(&w, &kit.ca);
    refused(&(struct meeting){.name = "kms-a", .cert = &c}, "too weak", "2048");
    cert_free(&c);
}
END_TEST

/* Names that somebody put there to be printed. */
START_TEST(texts_are_escaped)
{
    struct cert_wish w = {.name = "a\x1b[2J\nb\xc3\xa9", .ca = true};
    struct cert ca = cert_make(&w, NULL);
    struct cert c = cert_make(&(struct cert_wish){.name = "x", .san = "DNS:k\x1b]0;\x07ms"}, &ca);
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_int_eq(meet(&(struct meeting){.name = "kms-a", .cert = &c}, false, &err),
                     ENVELOPE_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(err.message, "b\xc3\xa9"));
    cert_write(kit.ca_file, &ca, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        for (const char *p = err.message; *p; p++) {
            ck_assert_msg((unsigned char)*p >= 0x20 && *p != 0x7f, "%02x", (unsigned char)*p);
        }
        ck_assert_int_eq(meet(&(struct meeting){.name = "kms-a", .cert = &c}, false, &err),
                         ENVELOPE_E_REFUSED);
    }
    ck_assert_ptr_nonnull(strstr(err.message, "is for k\\x1b]0;\\x07ms"));
    cert_free(&ca);
    cert_free(&c);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {names,
                                addresses_are_no_names,
                                wildcards,
                                names_that_are_none,
                                times,
                                times_of_the_ca,
                                issuers,
                                chains,
                                purposes_and_strength,
                                texts_are_escaped,
                                NULL};
    Suite *s = suite_create("crypto tls server");
    TCase *t = tcase_create("crypto tls server");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    for (size_t i = 0; all[i]; i++) {
        tcase_add_test(t, all[i]);
    }
    suite_add_tcase(s, t);
    return s;
}
