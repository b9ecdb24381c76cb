/* Our own certificate: which files are taken, and what is said when the server does not want it. */
#include "check_main.h"
#include "tls_kit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
enum { DAY = 86400 };
static struct tls_kit kit;

static void set_up(void)
{
    tls_kit_make(&kit);
}

static void tear_down(void)
{
    tls_kit_free(&kit);
}

/* With the kit's files, but for what wish names. */
static struct client_wish of_kit(void)
{
    return (struct client_wish){"kms-a", kit.ca_file, kit.cert_file, kit.key_file, NULL, false};
}

static void no_config(const struct client_wish *wish, envelope_status expected, const char *words)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_tls_config *config = (void *)&err;
    ck_assert_int_eq(client_config(kit.ctx, wish, &config, &err), expected);
    ck_assert_ptr_null(config);
    ck_assert_msg(strstr(err.message, words), "\"%s\" does not say \"%s\"", err.message, words);
    tap_note("%s", err.message);
}

static void good_config(const struct client_wish *wish)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_tls_config *config;
    ck_assert_msg(client_config(kit.ctx, wish, &config, &err) == ENVELOPE_OK, "%s", err.message);
    env_tls_config_free(config);
}

START_TEST(key_open_to_others)
{
    static const mode_t shut[] = {0600, 0400, 0700};
    static const mode_t open_to_others[] = {0640, 0620, 0610, 0604, 0602, 0601, 0644, 0444};
    struct client_wish w = of_kit();
    for (size_t i = 0; i < sizeof shut / sizeof shut[0]; i++) {
        ck_assert_int_eq(chmod(kit.key_file, shut[i]), 0);
        good_config(&w);
    }
    for (size_t i = 0; i < sizeof open_to_others / sizeof open_to_others[0]; i++) {
        ck_assert_int_eq(chmod(kit.key_file, open_to_others[i]), 0);
        no_config(&w, ENVELOPE_E_REFUSED, "chmod 600");
    }
    /* a link is as open as what it leads to */
    char link[SCRATCH_PATH_MAX];
    ck_assert_int_eq(symlink("client.key", scratch_path(link, kit.dir, "link")), 0);
    w.key = link;
    no_config(&w, ENVELOPE_E_REFUSED, "chmod 600");
    ck_assert_int_eq(chmod(kit.key_file, 0600), 0);
    good_config(&w);
    /* what is public may be open */
    ck_assert_int_eq(chmod(kit.ca_file, 0644), 0);
    ck_assert_int_eq(chmod(kit.cert_file, 0644), 0);
    good_config(&w);
}
END_TEST

START_TEST(missing_and_strange_files)
{
    char path[SCRATCH_PATH_MAX];
    struct client_wish w = of_kit();
    scratch_path(path, kit.dir, "none.pem");
    const char **const each[] = {&w.ca, &w.cert, &w.key};
    for (size_t i = 0; i < 3; i++) {
        const char *kept = *each[i];
        *each[i] = path;
        envelope_error err = ENVELOPE_ERROR_INIT;
        struct env_tls_config *config;
        ck_assert_int_eq(client_config(kit.ctx, &w, &config, &err), ENVELOPE_E_IO);
        ck_assert_int_eq(err.origin, ENVELOPE_ORIGIN_ERRNO);
        ck_assert_int_eq(err.native, ENOENT);
        *each[i] = kit.dir;
        no_config(&w, ENVELOPE_E_INVALID, "not a regular file");
        scratch_write(path, "", 0);
        *each[i] = path;
        no_config(&w, ENVELOPE_E_FORMAT, "empty");
        scratch_write(path, "hello\n", 6);
        no_config(&w, ENVELOPE_E_FORMAT, "(PEM) in ");
        ck_assert_int_eq(truncate(path, i == 2 ? 65537 : (4 << 20) + 1), 0);
        no_config(&w, ENVELOPE_E_LIMIT, "more than");
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        no_config(&w, ENVELOPE_E_INVALID, "not a regular file");
        ck_assert_int_eq(unlink(path), 0);
        *each[i] = kept;
    }
}
END_TEST

START_TEST(one_without_the_other)
{
    struct client_wish w = of_kit();
    w.key = NULL;
    no_config(&w, ENVELOPE_E_INVALID, "go together");
    w = of_kit();
    w.cert = NULL;
    no_config(&w, ENVELOPE_E_INVALID, "go together");
    w.key = NULL;
    good_config(&w);
}
END_TEST

START_TEST(damaged_pem)
{
    size_t len;
    struct client_wish w = of_kit();
    char *text = (char *)scratch_read(kit.ca_file, &len);
    memcpy(text + 60, "!", 1);
    scratch_write(kit.ca_file, text, len);
    no_config(&w, ENVELOPE_E_FORMAT, "certificate 1 in ");
    free(text);
    /* one good, one cut: not "one is enough" */
    cert_write(kit.ca_file, &kit.ca, &kit.kms, NULL);
    text = (char *)scratch_read(kit.ca_file, &len);
    scratch_write(kit.ca_file, text, len - 60);
    no_config(&w, ENVELOPE_E_FORMAT, "certificate 2 in ");
    free(text);
}
END_TEST

START_TEST(key_of_another_certificate)
{
    struct cert other = cert_make(&(struct cert_wish){.name = "other"}, &kit.ca);
    struct client_wish w = of_kit();
    cert_write_key(kit.key_file, &other, NULL);
    no_config(&w, ENVELOPE_E_INVALID, "do not belong together");
    /* chain in the wrong order */
    cert_write_key(kit.key_file, &kit.client, NULL);
    cert_write(kit.cert_file, &kit.ca, &kit.client, NULL);
    no_config(&w, ENVELOPE_E_INVALID, "the first certificate");
    cert_free(&other);
}
END_TEST

START_TEST(passphrases)
{
    struct client_wish w = of_kit();
    cert_write_key(kit.key_file, &kit.client, "correct horse");
    no_config(&w, ENVELOPE_E_NO_KEY, "a passphrase is needed");
    w.passphrase = "battery staple";
    no_config(&w, ENVELOPE_E_NO_KEY, "does not open");
    w.passphrase = "correct horse";
    good_config(&w);
    char endless[1100];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    w.passphrase = endless;
    no_config(&w, ENVELOPE_E_LIMIT, "passphrase");
}
END_TEST

/* One file for both, as some tools write them. */
START_TEST(key_behind_its_certificate)
{
    char both[SCRATCH_PATH_MAX];
    char text[8192];
    size_t a;
    size_t b;
    uint8_t *cert = scratch_read(kit.cert_file, &a);
    uint8_t *key = scratch_read(kit.key_file, &b);
    memcpy(text, cert, a);
    memcpy(text + a, key, b);
    scratch_write(scratch_path(both, kit.dir, "both.pem"), text, a + b);
    struct client_wish w = of_kit();
    w.cert = both;
    w.key = both;
    good_config(&w);
    free(cert);
    free(key);
}
END_TEST

/* Everything is read when the config is made; the files may go, or change, afterwards. */
START_TEST(files_are_read_once)
{
    struct client_wish w = of_kit();
    struct tls_pair pair;
    tls_pair_make(
        &pair, &kit, &w,
        &(struct peer_wish){.cert = &kit.kms, .demands = &kit.ca, .version = versions[_i]});
    unlink(kit.ca_file);
    unlink(kit.cert_file);
    unlink(kit.key_file);
    ck_assert_int_eq(peer_handshake(&pair.peer, pair.tls, NULL), ENVELOPE_OK);
    tls_pair_end(&pair);
}
END_TEST

/* The server wants it, and sends its alert: in 1.3 that comes after our handshake is done. */
static void unwanted(const struct client_wish *w, const char *words, const char *more)
{
    for (size_t v = 0; v < 2; v++) {
        envelope_error err = ENVELOPE_ERROR_INIT;
        struct tls_pair pair;
        tls_pair_make(
            &pair, &kit, w,
            &(struct peer_wish){.cert = &kit.kms, .demands = &kit.ca, .version = versions[v]});
        envelope_status st = peer_handshake(&pair.peer, pair.tls, &err);
        ck_assert(pair.peer.failed);
        if (versions[v] == TLS1_3_VERSION) {
            uint8_t buf[8];
            size_t got;
            bool closed;
            ck_assert_int_eq(st, ENVELOPE_E_AGAIN);
            peer_give(&pair.peer, pair.tls);
            st = env_tls_read(pair.tls, buf, sizeof buf, &got, &closed, &err);
            ck_assert(!closed && got == 0);
        }
        ck_assert_msg(st == ENVELOPE_E_REFUSED, "%d: %s", st, err.message);
        ck_assert_msg(strstr(err.message, words) && strstr(err.message, more),
                      "\"%s\" does not say \"%s\" and \"%s\"", err.message, words, more);
        tap_note("%s", err.message);
        /* it stays so */
        envelope_error again = ENVELOPE_ERROR_INIT;
        ck_assert_int_eq(env_tls_write(pair.tls, "x", 1, &again), ENVELOPE_E_REFUSED);
        ck_assert_str_eq(again.message, err.message);
        tls_pair_end(&pair);
    }
}

static void show(const struct cert_wish *wish, const struct cert *issuer)
{
    struct cert c = cert_make(wish, issuer);
    cert_write(kit.cert_file, &c, NULL, NULL);
    cert_write_key(kit.key_file, &c, NULL);
    cert_free(&c);
}

START_TEST(server_wants_another)
{
    struct client_wish w = of_kit();
    struct client_wish none = w;
    none.cert = none.key = NULL;
    unwanted(&none, "kms-a demands a certificate of ours and there is none", "name a certificate");

    struct cert other_ca = cert_make(&(struct cert_wish){.name = "other CA", .ca = true}, NULL);
    show(&(struct cert_wish){.name = "stranger", .eku = "clientAuth"}, &other_ca);
    unwanted(&w, "kms-a refuses our certificate: unknown CA", "\"CN=stranger\"");

    show(&(struct cert_wish){.name = "late", .eku = "clientAuth", .from = -2 * DAY, .to = -DAY},
         &kit.ca);
    unwanted(&w, "kms-a refuses our certificate: certificate expired", "valid from 2");

    show(&(struct cert_wish){.name = "no client", .eku = "serverAuth"}, &kit.ca);
    unwanted(&w, "kms-a refuses our certificate: unsupported certificate", "clientAuth");

    show(&(struct cert_wish){.name = "early", .eku = "clientAuth", .from = DAY, .to = 2 * DAY},
         &kit.ca);
    unwanted(&w, "kms-a refuses our certificate: bad certificate", "\"CN=early\"");
    cert_free(&other_ca);
}
END_TEST

/* The CA between us and the one that the server knows goes with it. */
START_TEST(own_chain)
{
    struct cert between = cert_make(&(struct cert_wish){.name = "CA between", .ca = true}, &kit.ca);
    struct cert c = cert_make(&(struct cert_wish){.name = "host", .eku = "clientAuth"}, &between);
    struct tls_pair pair;
    cert_write(kit.cert_file, &c, &between, NULL);
    cert_write_key(kit.key_file, &c, NULL);
    tls_pair_open(&pair, &kit, versions[_i]);
    tls_pair_end(&pair);
    cert_free(&between);
    cert_free(&c);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {key_open_to_others,
                                missing_and_strange_files,
                                one_without_the_other,
                                damaged_pem,
                                key_of_another_certificate,
                                passphrases,
                                key_behind_its_certificate,
                                server_wants_another,
                                NULL};
    Suite *s = suite_create("crypto tls own");
    TCase *t = tcase_create("crypto tls own");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    for (size_t i = 0; all[i]; i++) {
        tcase_add_test(t, all[i]);
    }
    tcase_add_loop_test(t, files_are_read_once, 0, 2);
    tcase_add_loop_test(t, own_chain, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
