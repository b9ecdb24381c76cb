/* The version of the protocol, the state of a key, what an administrator asks for. */
#include "check_main.h"
#include "fake_kms.h"
#include "paper.h"
#include <stdio.h>
#include <string.h>

static struct bench *b;
static char lines[2048];

static void set_up(void)
{
    b = bench_new();
    lines[0] = 0;
}

static void tear_down(void)
{
    bench_free(b);
}

/* -- version */

static const char *version(void)
{
    static char text[32];
    int32_t state;
    envelope_key_ref ref = bench_ref(b, "vm", "a-priv", 0);
    b->facts.has_version = false;
    bench_job(b);
    envelope_status st = env_kmip_state(&b->job, &ref, &state, &b->err);
    if (st) {
        return envelope_status_name(st);
    }
    snprintf(text, sizeof text, "%d.%d", b->facts.version.major, b->facts.version.minor);
    return text;
}

START_TEST(versions)
{
    char expected[8];
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    for (int minor = 0; minor <= 4; minor++) {
        b->paper.minor = minor;
        snprintf(expected, sizeof expected, "1.%d", minor);
        b->paper.no_discover = minor == 0;
        b->paper.strict_version = false;
        ck_assert_str_eq(version(), expected);
        ck_assert_uint_eq(paper_count(&b->paper, "Discover"), 1);
        b->paper.strict_version = true;
        ck_assert_str_eq(version(), expected);
        ck_assert_uint_eq(paper_count(&b->paper, "too new"), 4 - (unsigned)minor);
    }
    b->paper.no_discover = true; /* answered in 1.4, so 1.4 is spoken */
    ck_assert_str_eq(version(), "1.4");
    b->paper.minor = -1; /* nothing in common */
    ck_assert_str_eq(version(), "E_KMS_UNREACHED");
    b->paper.strict_version = false;
    b->paper.no_discover = false;
    ck_assert_str_eq(version(), "E_FORMAT");
}
END_TEST

/* -- state */

static int32_t state_of(const char *key_id, int pool)
{
    int32_t state = 77;
    envelope_key_ref ref = bench_ref(b, "vm", key_id, pool);
    bench_job(b);
    envelope_status st = env_kmip_state(&b->job, &ref, &state, &b->err);
    ck_assert(!st || state == 0);
    return st ? st : state;
}

START_TEST(states)
{
    static const int32_t expected[] = {ENVELOPE_KEY_UNKNOWN,     ENVELOPE_KEY_ACTIVE,
                                       ENVELOPE_KEY_DEACTIVATED, ENVELOPE_KEY_COMPROMISED,
                                       ENVELOPE_KEY_DESTROYED,   ENVELOPE_KEY_DESTROYED};
    struct paper_object *o = paper_pair(&b->paper, "a", "vm", 1, 100, true);
    paper_aes(&b->paper, "k", "kek", 100);
    for (uint32_t i = 1; i <= 6; i++) {
        o[1].state = i;
        ck_assert_int_eq(state_of("a-priv", 1), expected[i - 1]);
    }
    o[1].state = ENV_STATE_ACTIVE;
    o->state = ENV_STATE_DEACTIVATED; /* retired from wrapping only */
    ck_assert_int_eq(state_of("a-pub", 1), ENVELOPE_KEY_ACTIVE);
    ck_assert_int_eq(state_of("4711", 1), ENVELOPE_KEY_ACTIVE);
    ck_assert_int_eq(state_of("4711", 0), ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(state_of("4711", 2), ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(state_of("k", 0), ENVELOPE_KEY_ACTIVE);
    o[1].not_shown = true;
    ck_assert_int_eq(state_of("a-pub", 1), ENVELOPE_KEY_DEACTIVATED);
    ck_assert_int_eq(state_of("a-priv", 1), ENVELOPE_E_REFUSED);
}
END_TEST

/* -- create, rotate, import */

static const char *create(const char *name, int32_t algorithm)
{
    bench_job(b);
    return envelope_status_name(env_kmip_create_key(&b->job, name, algorithm, &b->err));
}

static const char *rotate(const char *name)
{
    bench_job(b);
    return envelope_status_name(env_kmip_rotate_key(&b->job, name, &b->err));
}

START_TEST(created)
{
    ck_assert_str_eq(create("vm", 0), "OK");
    ck_assert_uint_eq(paper_find(&b->paper, "made1-pub")->state, ENV_STATE_ACTIVE);
    ck_assert_uint_eq(paper_find(&b->paper, "made1-priv")->state, ENV_STATE_ACTIVE);
    ck_assert_str_eq(bench_newest(b, "vm"), "made1-priv");
    ck_assert_str_eq(create("vm", 0), "E_EXISTS");
    ck_assert_str_eq(create("vm", ENVELOPE_AES_KWP), "E_EXISTS");
    paper_find(&b->paper, "made1-pub")->state = ENV_STATE_PRE_ACTIVE;
    ck_assert_str_eq(create("vm", 0), "E_EXISTS");
    paper_find(&b->paper, "made1-pub")->state = ENV_STATE_DEACTIVATED;
    ck_assert_str_eq(create("vm", ENVELOPE_AES_KWP), "OK");
    ck_assert_str_eq(bench_newest(b, "vm"), "made2");
    ck_assert_str_eq(create("db", ENVELOPE_ARGON2ID), "E_UNSUPPORTED");
    b->policy.selector = ENVELOPE_SELECT_ID;
    ck_assert_str_eq(create("db", 0), "E_UNSUPPORTED");
}
END_TEST

START_TEST(rotated_by_rekey)
{
    ck_assert_str_eq(create("vm", 0), "OK");
    ck_assert_str_eq(rotate("vm"), "OK");
    ck_assert_uint_eq(paper_count(&b->paper, "Re-key Key Pair"), 1);
    ck_assert_uint_eq(paper_count(&b->paper, "Create"), 0);
    ck_assert_uint_eq(paper_count(&b->paper, "Revoke"), 0);
    ck_assert_str_eq(bench_newest(b, "vm"), "made2-priv replaces made1-priv");
    ck_assert_str_eq(rotate("vm"), "OK");
    ck_assert_str_eq(bench_list(b, "vm"), "made1-priv made2-priv<made1-priv made3-priv<made2-priv");
    ck_assert_str_eq(rotate("nothing"), "E_NO_KEY");
}
END_TEST

/* Only the public half is retired: what the old key opens stays within reach. */
START_TEST(rotated_by_hand)
{
    b->paper.no_rekey = true;
    ck_assert_str_eq(create("vm", 0), "OK");
    b->paper.now += 2;
    ck_assert_str_eq(rotate("vm"), "OK");
    ck_assert_uint_eq(paper_find(&b->paper, "made1-pub")->state, ENV_STATE_DEACTIVATED);
    ck_assert_uint_eq(paper_find(&b->paper, "made1-priv")->state, ENV_STATE_ACTIVE);
    ck_assert_str_eq(bench_newest(b, "vm"), "made2-priv");
    ck_assert_uint_eq(paper_count(&b->paper, "Destroy"), 0);
    envelope_key_ref old = bench_ref(b, "vm", "made1-priv", 7);
    ck_assert_str_eq(bench_unwrap(b, &old, ENVELOPE_RSA_OAEP_SHA256, 7), "OK");
}
END_TEST

START_TEST(rotated_aes)
{
    ck_assert_str_eq(create("vm", ENVELOPE_AES_KWP), "OK");
    ck_assert_str_eq(rotate("vm"), "OK");
    ck_assert_uint_eq(paper_find(&b->paper, "made1")->state, ENV_STATE_DEACTIVATED);
    ck_assert_str_eq(bench_newest(b, "vm"), "made2");
}
END_TEST

START_TEST(rotation_of_which)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    paper_pair(&b->paper, "n", "vm", 2, 200, true);
    ck_assert_str_eq(rotate("vm"), "E_REFUSED");
    ck_assert_uint_eq(paper_count(&b->paper, "Re-key"), 0);
    ck_assert_uint_eq(paper_count(&b->paper, "Create"), 0);
}
END_TEST

START_TEST(imported)
{
    struct env_rsa_private *key = test_private(b->paper.ctx, 3);
    bench_job(b);
    ck_assert_int_eq(env_kmip_import_key(&b->job, "vm", key, &b->err), ENVELOPE_OK);
    ck_assert_uint_eq(paper_find(&b->paper, "made1")->type, ENV_OBJECT_PRIVATE);
    ck_assert_uint_eq(paper_find(&b->paper, "made2")->type, ENV_OBJECT_PUBLIC);
    ck_assert_uint_eq(paper_find(&b->paper, "made2")->state, ENV_STATE_ACTIVE);
    ck_assert_str_eq(bench_newest(b, "vm"), "made1");
    ck_assert_int_eq(env_kmip_import_key(&b->job, "vm", key, &b->err), ENVELOPE_E_EXISTS);
    env_rsa_private_free(key);
}
END_TEST

/* -- check */

static void line(void *user, const char *name, const char *value)
{
    (void)user;
    size_t used = strlen(lines);
    snprintf(lines + used, sizeof lines - used, "%s=%s;", name, value);
}

static const char *checked(const char *name)
{
    lines[0] = 0;
    bench_job(b);
    return envelope_status_name(env_kmip_check(&b->job, name, line, NULL, &b->err));
}

START_TEST(check_of_a_kms)
{
    struct paper_object *o = paper_pair(&b->paper, "a", "vm", 1, 100, true);
    paper_aes(&b->paper, "k", "kek", 100);
    ck_assert_str_eq(checked(NULL), "OK");
    ck_assert_ptr_nonnull(strstr(lines, "kmip=1.4;vendor=a KMS on paper;operations="));
    ck_assert_ptr_nonnull(strstr(lines, "Re-key Key Pair"));
    ck_assert_ptr_null(strstr(lines, "unwrap="));
    ck_assert_str_eq(checked("vm"), "OK");
    ck_assert_ptr_nonnull(strstr(lines, "key-id=a-priv;fingerprint="));
    ck_assert_ptr_nonnull(strstr(lines, "unwrap=inside the KMS, RSA-OAEP with all parameters"));
    ck_assert_str_eq(checked("kek"), "E_REFUSED");
    ck_assert_str_eq(checked("none"), "E_NO_KEY");
    b->policy.unwrap = ENVELOPE_UNWRAP_GET;
    b->facts.pairs = 0;
    ck_assert_str_eq(checked("vm"), "OK");
    ck_assert_ptr_nonnull(strstr(lines, "unwrap=here, with the private key fetched"));
    ck_assert_str_eq(checked("kek"), "OK");
    ck_assert_ptr_nonnull(strstr(lines, "unwrap=here, with the AES key fetched"));
    b->policy.unwrap = ENVELOPE_UNWRAP_INSIDE;
    b->facts.pairs = 0;
    o[1].pool = 2;
    ck_assert_str_eq(checked("vm"), "E_REFUSED");
    ck_assert_ptr_null(strstr(lines, "unwrap="));
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {versions,        states,      created,           rotated_by_rekey,
                                  rotated_by_hand, rotated_aes, rotation_of_which, imported,
                                  check_of_a_kms,  NULL};
    Suite *s = suite_create("administration of a KMS");
    TCase *c = tcase_create("admin");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, set_up, tear_down);
    for (size_t i = 0; tests[i]; i++) {
        tcase_add_test(c, tests[i]);
    }
    suite_add_tcase(s, c);
    return s;
}
