/* Unwrapping at a KMS: how the form of Decrypt is found, what its failures say, when a key is
 * fetched, where it is looked for (docs/kmip.md). */
#include "base/text.h"
#include "check_main.h"
#include "keys/slot.h"
#include "paper.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHA256 = ENVELOPE_RSA_OAEP_SHA256, SHA1 = ENVELOPE_RSA_OAEP_SHA1, KWP = ENVELOPE_AES_KWP };

static struct bench *b;
static struct paper_object *public_half;
static struct paper_object *private_half;

static void set_up(void)
{
    b = bench_new();
    public_half = paper_pair(&b->paper, "a", "vm", 1, 100, true);
    private_half = public_half + 1;
}

static void tear_down(void)
{
    bench_free(b);
}

static const char *unwrap(const char *key_id, int32_t algorithm)
{
    static envelope_key_ref ref;
    ref = bench_ref(b, "vm", key_id, 1);
    return bench_unwrap(b, &ref, algorithm, 1);
}

static int exports(void)
{
    return b->events[ENVELOPE_EVENT_EXPORT];
}

START_TEST(found_once_then_one_exchange)
{
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_str_eq(b->paper.log, "Discover Versions;Get Attributes a-priv;Get a-pub;"
                                   "Decrypt a-priv;Decrypt a-priv;");
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_str_eq(b->paper.log, "Decrypt a-priv;");
    ck_assert_int_eq(exports(), 0);
}
END_TEST

/* By what newest learned, nothing is left to find out. */
START_TEST(known_from_newest)
{
    private_half->public_key[0] = 0;
    public_half->private_key[0] = 0;
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_str_eq(b->paper.log, "Decrypt a-priv;");
}
END_TEST

static void expect_form(const char *expected, bool with_mask, bool unsaid)
{
    b->facts.pairs = 0;
    b->facts.has_version = false;
    ck_assert_str_eq(unwrap("a-priv", SHA256), expected);
    if (strcmp(expected, "OK") == 0) {
        ck_assert_uint_eq(b->facts.pairs, 1);
        ck_assert_int_eq(b->facts.pair[0].form.with_mask, with_mask);
        ck_assert_int_eq(b->facts.pair[0].form.unsaid, unsaid);
    }
}

START_TEST(forms)
{
    b->paper.masks = MASK_AS_SPECIFIED;
    expect_form("OK", true, false);
    b->paper.masks = MASK_AS_HASH;
    expect_form("OK", true, false);
    b->paper.masks = MASK_NOT_PARSED;
    expect_form("OK", false, false);
    b->paper.own_parameters = true;
    expect_form("OK", false, true);
    b->paper.own_parameters = false;
    b->paper.minor = 2; /* no mask fields before 1.4 */
    b->paper.masks = MASK_AS_HASH;
    expect_form("OK", false, false);
    b->paper.masks = MASK_AS_SPECIFIED;
    expect_form("OK", false, true);
    b->paper.padding_is_random = true; /* a wrong form is not even a failure */
    expect_form("OK", false, true);
}
END_TEST

/* No form is ever tried with the data: each Decrypt that holds it is the one that is meant. */
START_TEST(form_found_with_a_value_of_our_own)
{
    uint8_t dek[32];
    uint8_t in[1024];
    memset(dek, 7, sizeof dek);
    size_t len = paper_wrap(&b->paper, 1, SHA256, dek, in);
    envelope_key_ref ref = bench_ref(b, "vm", "a-priv", 1);
    b->paper.watch = in;
    b->paper.watch_len = len;
    b->paper.masks = MASK_NOT_PARSED;
    b->paper.own_parameters = true;
    ck_assert_str_eq(bench_unwrap_bytes(b, &ref, SHA256, in, len, dek), "OK");
    ck_assert_uint_eq(b->paper.watched, 1);
    in[100] ^= 1;
    b->facts.pairs = 0;
    b->paper.watched = 0;
    ck_assert_str_eq(bench_unwrap_bytes(b, &ref, SHA256, in, len, dek), "E_AUTH");
    ck_assert_uint_eq(b->paper.watched, 1);
    ck_assert_str_eq(bench_unwrap_bytes(b, &ref, SHA256, in, len, dek), "E_AUTH");
    ck_assert_uint_eq(b->paper.watched, 2);
    ck_assert(!b->paper.sha1_seen);
}
END_TEST

START_TEST(sha1_only_where_the_slot_says_so)
{
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert(!b->paper.sha1_seen);
    ck_assert_str_eq(unwrap("a-priv", SHA1), "OK");
    ck_assert(b->paper.sha1_seen);
    ck_assert_uint_eq(b->facts.pair[0].form.hash, ENV_HASH_SHA1);
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_uint_eq(b->facts.pair[0].form.hash, ENV_HASH_SHA256);
    const uint8_t dek[32] = {0};
    envelope_key_ref ref = bench_ref(b, "vm", "a-priv", 1);
    ck_assert_str_eq(bench_unwrap_bytes(b, &ref, ENVELOPE_ARGON2ID, dek, 32, dek), "E_UNSUPPORTED");
}
END_TEST

/* W12: status, text, origin and number are one, whatever the KMS says of the data. */
START_TEST(failures_of_data_look_alike)
{
    static const struct {
        uint32_t reason;
        const char *text;
    } all[] = {{ENV_REASON_CRYPTOGRAPHIC_FAILURE, "RSA decrypt failed"},
               {ENV_REASON_CRYPTOGRAPHIC_FAILURE, "padding is 00 03"},
               {ENV_REASON_INVALID_FIELD, "the data is too short"},
               {ENV_REASON_INVALID_MESSAGE, "the data is too long"},
               {ENV_REASON_GENERAL_FAILURE, "Operation failed"},
               {ENV_REASON_ILLEGAL_OPERATION, "lHash differs"},
               {ENV_REASON_FEATURE_NOT_SUPPORTED, "?"},
               {0x12, "encoding"},
               {0x80000001u, "a vendor's own"}};
    uint8_t dek[32] = {1};
    uint8_t in[1024];
    envelope_key_ref ref = bench_ref(b, "vm", "a-priv", 1);
    size_t len = paper_wrap(&b->paper, 1, SHA256, dek, in);
    ck_assert_str_eq(bench_unwrap_bytes(b, &ref, SHA256, in, len, dek), "OK");
    in[0] ^= 1;
    in[200] ^= 4;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        b->paper.bad_data = all[i].reason;
        b->paper.bad_text = all[i].text;
        ck_assert_str_eq(bench_unwrap_bytes(b, &ref, SHA256, in, len, dek), "E_AUTH");
        ck_assert_str_eq(b->err.message, ENV_DOES_NOT_OPEN);
        ck_assert_int_eq(b->err.origin, ENVELOPE_ORIGIN_NONE);
        ck_assert_int_eq(b->err.native, 0);
        ck_assert_str_eq(b->paper.log, "Decrypt a-priv;");
    }
    /* and what a key wrapped with another hash says */
    len = paper_wrap(&b->paper, 1, SHA1, dek, in);
    ck_assert_str_eq(bench_unwrap_bytes(b, &ref, SHA256, in, len, dek), "E_AUTH");
    ck_assert_str_eq(b->err.message, ENV_DOES_NOT_OPEN);
    /* a KMS that rejects in silence gives something, which is not the DEK */
    b->paper.padding_is_random = true;
    ck_assert_str_eq(bench_unwrap_bytes(b, &ref, SHA256, in, len, dek), "OTHER");
    ck_assert_int_eq(exports(), 0);
}
END_TEST

START_TEST(failures_of_the_key_are_told)
{
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    b->paper.fail = ENV_REASON_AUTHENTICATION;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_REFUSED");
    b->paper.fail = 0;
    b->paper.wrong = 2;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_FORMAT");
    b->paper.wrong = 0;
    b->paper.down = ENVELOPE_E_KMS_UNREACHED;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_KMS_UNREACHED");
}
END_TEST

/* -- not inside */

START_TEST(refused_where_nothing_may_leave)
{
    b->paper.no_decrypt = true;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "private-key=inside-or-get"));
    ck_assert_int_eq(exports(), 0);
    ck_assert_uint_eq(paper_count(&b->paper, "Get a-priv"), 0);
    b->paper.no_decrypt = false;
    private_half->not_decrypted = true;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "private-key=inside-or-get"));
    private_half->not_decrypted = false;
    private_half->pool = 2; /* it does not open what was wrapped for its public half */
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_REFUSED");
    ck_assert_uint_eq(paper_count(&b->paper, "Get a-priv"), 0);
    ck_assert_int_eq(exports(), 0);
}
END_TEST

START_TEST(fetched_where_that_is_allowed)
{
    b->policy.unwrap = ENVELOPE_UNWRAP_INSIDE_OR_GET;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_int_eq(exports(), 0);
    b->facts.pairs = 0;
    b->paper.no_decrypt = true;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_int_eq(exports(), 1);
    ck_assert_ptr_nonnull(strstr(b->event, "a-priv"));
    ck_assert_str_eq(unwrap("a-priv", SHA1), "OK");
    ck_assert_int_eq(exports(), 2);
    b->policy.unwrap = ENVELOPE_UNWRAP_GET;
    b->paper.no_decrypt = false;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_int_eq(exports(), 3);
    ck_assert_str_eq(b->paper.log, "Get a-priv;");
    private_half->format = ENV_FORMAT_PKCS1;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    private_half->state = ENV_STATE_DEACTIVATED;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
}
END_TEST

/* Implicit rejection: what does not open gives bytes that are no DEK, the same each time. */
START_TEST(fetched_rejects_in_silence)
{
    uint8_t dek[32] = {1};
    uint8_t in[1024];
    b->policy.unwrap = ENVELOPE_UNWRAP_GET;
    envelope_key_ref ref = bench_ref(b, "vm", "a-priv", 1);
    size_t len = paper_wrap(&b->paper, 1, SHA256, dek, in);
    in[9] ^= 1;
    ck_assert_str_eq(bench_unwrap_bytes(b, &ref, SHA256, in, len, dek), "OTHER");
    ck_assert_str_eq(bench_unwrap_bytes(b, &ref, SHA256, in, len - 1, dek), "OTHER");
}
END_TEST

START_TEST(versions_before_1_2_have_no_decrypt)
{
    b->paper.minor = 1;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_REFUSED");
    ck_assert_uint_eq(paper_count(&b->paper, "Decrypt"), 0);
    ck_assert_ptr_nonnull(strstr(b->err.message, "KMIP 1.1"));
    b->policy.unwrap = ENVELOPE_UNWRAP_INSIDE_OR_GET;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_uint_eq(paper_count(&b->paper, "Decrypt"), 0);
}
END_TEST

START_TEST(denied_is_explained)
{
    b->paper.active_only = true;
    private_half->state = ENV_STATE_DEACTIVATED;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "deactivated"));
    ck_assert_int_eq(b->err.native, ENV_REASON_PERMISSION_DENIED);
    private_half->state = ENV_STATE_PRE_ACTIVE;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "activate it"));
    private_half->state = ENV_STATE_ACTIVE;
    private_half->located_only = true;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "not this client's"));
    b->policy.unwrap = ENVELOPE_UNWRAP_GET;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_REFUSED");
    private_half->located_only = false;
    b->paper.active_only = false;
    private_half->not_exported = true;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "private-key=inside)"));
    ck_assert_int_eq(exports(), 0);
}
END_TEST

/* -- where the key is */

/* The KMS was migrated: other identifiers, the same keys. */
START_TEST(found_by_name_and_fingerprint)
{
    paper_pair(&b->paper, "newer", "vm", 2, 900, true);
    paper_pair(&b->paper, "n", "db", 3, 900, true);
    for (int way = 0; way < 2; way++) {
        b->facts.pairs = 0;
        b->policy.unwrap = way ? ENVELOPE_UNWRAP_GET : ENVELOPE_UNWRAP_INSIDE;
        ck_assert_str_eq(unwrap("4711", SHA256), "OK");
        ck_assert_int_eq(exports(), way);
        /* never the newest, or any other */
        envelope_key_ref ref = bench_ref(b, "vm", "4711", 4);
        ck_assert_str_eq(bench_unwrap(b, &ref, SHA256, 4), "E_NO_KEY");
        ref = bench_ref(b, "vm", "4711", 3); /* there, under another name */
        ck_assert_str_eq(bench_unwrap(b, &ref, SHA256, 3), "E_NO_KEY");
        ref = bench_ref(b, "vm", "4711", 0);
        ck_assert_str_eq(bench_unwrap(b, &ref, SHA256, 1), "E_NO_KEY");
        b->events[ENVELOPE_EVENT_EXPORT] = 0;
    }
}
END_TEST

START_TEST(identifier_given_to_another_key)
{
    struct paper_object *o = paper_pair(&b->paper, "c", "vm", 2, 200, true);
    envelope_key_ref ref = bench_ref(b, "vm", "a-priv", 2);
    ck_assert_str_eq(bench_unwrap(b, &ref, SHA256, 2), "OK");
    ck_assert_str_eq(b->facts.pair[b->facts.pairs - 1].private_key, "c-priv");
    b->policy.unwrap = ENVELOPE_UNWRAP_GET;
    b->facts.pairs = 0;
    ck_assert_str_eq(bench_unwrap(b, &ref, SHA256, 2), "OK");
    o->not_shown = true;
    o[1].not_shown = true;
    ck_assert_str_eq(bench_unwrap(b, &ref, SHA256, 2), "E_NO_KEY");
}
END_TEST

START_TEST(moved_since_it_was_learned)
{
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    strcpy(private_half->uid, "z-priv");
    strcpy(public_half->private_key, "z-priv");
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_str_eq(b->facts.pair[0].private_key, "z-priv");
}
END_TEST

/* A host that only writes named the public half. */
START_TEST(public_identifier)
{
    ck_assert_str_eq(unwrap("a-pub", SHA256), "OK");
    ck_assert_str_eq(unwrap("a-pub", SHA256), "OK");
    ck_assert_str_eq(b->paper.log, "Decrypt a-priv;");
    for (int way = 0; way < 2; way++) {
        b->facts.pairs = 0;
        public_half->private_key[0] = 0;
        private_half->public_key[0] = 0;
        b->policy.unwrap = way ? ENVELOPE_UNWRAP_GET : ENVELOPE_UNWRAP_INSIDE;
        ck_assert_str_eq(unwrap("a-pub", SHA256), "OK");
    }
    private_half->not_shown = true;
    b->facts.pairs = 0;
    ck_assert_str_eq(unwrap("a-pub", SHA256), "E_NO_KEY");
}
END_TEST

/* Nothing to make a value of our own with: bytes that are nothing find out what is taken. */
START_TEST(public_half_is_gone)
{
    public_half->type = 0;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    b->paper.masks = MASK_NOT_PARSED;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_uint_eq(b->facts.pairs, 0);
    b->policy.unwrap = ENVELOPE_UNWRAP_GET;
    ck_assert_str_eq(unwrap("a-priv", SHA256), "OK");
    ck_assert_str_eq(unwrap("4711", SHA256), "OK");
}
END_TEST

/* -- AES */

static const char *both_ways(const char *wrap_with, const char *unwrap_with)
{
    uint8_t dek[32];
    uint8_t wrapped[64];
    size_t len = 0;
    memset(dek, 0x22, sizeof dek);
    envelope_key_ref ref = bench_ref(b, "kek", wrap_with, 0);
    bench_job(b);
    envelope_status st =
        env_kmip_wrap(&b->job, &ref, KWP, dek, sizeof dek, wrapped, sizeof wrapped, &len, &b->err);
    if (st) {
        return envelope_status_name(st);
    }
    ck_assert_uint_eq(len, 40);
    ref = bench_ref(b, "kek", unwrap_with, 0);
    return bench_unwrap_bytes(b, &ref, KWP, wrapped, len, dek);
}

START_TEST(aes)
{
    paper_aes(&b->paper, "k1", "kek", 100);
    paper_aes(&b->paper, "other", "kek", 100);
    ck_assert_str_eq(both_ways("k1", "k1"), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "private-key=get"));
    ck_assert_int_eq(exports(), 0);
    b->policy.unwrap = ENVELOPE_UNWRAP_GET;
    ck_assert_str_eq(both_ways("k1", "k1"), "OK");
    ck_assert_int_eq(exports(), 2);
    ck_assert_str_eq(both_ways("k1", "other"), "E_AUTH");
    ck_assert_str_eq(b->err.message, ENV_DOES_NOT_OPEN);
    ck_assert_str_eq(both_ways("k1", "gone"), "E_NO_KEY");
    ck_assert_str_eq(both_ways("a-priv", "k1"), "E_FORMAT");
    ck_assert_str_eq(both_ways("a-pub", "k1"), "E_FORMAT");
    paper_find(&b->paper, "k1")->format = ENV_FORMAT_RAW;
    ck_assert_str_eq(both_ways("k1", "k1"), "OK");
}
END_TEST

/* What is said of a key that was fetched does not hold it. */
START_TEST(nothing_secret_is_said)
{
    char hex[65];
    b->policy.unwrap = ENVELOPE_UNWRAP_GET;
    struct paper_object *o = paper_aes(&b->paper, "k1", "kek", 100);
    ck_assert_str_eq(both_ways("k1", "k1"), "OK");
    env_hex(hex, o->aes, 32);
    hex[8] = 0;
    ck_assert_ptr_null(strstr(b->event, hex));
    ck_assert_ptr_null(strstr(b->event, (const char[]){(char)o->aes[0], (char)o->aes[1],
                                                       (char)o->aes[2], (char)o->aes[3], 0}));
    ck_assert_ptr_nonnull(strstr(b->event, "k1"));
}
END_TEST

/* -- many */

enum { MANY = 300 };
struct many {
    envelope_unwrap item[MANY];
    uint8_t in[1024];
    uint8_t bad[1024];
    uint8_t out[MANY][32];
    envelope_key_ref ref;
};

static struct many *many_new(void)
{
    struct many *m = calloc(1, sizeof *m);
    uint8_t dek[32];
    memset(dek, 0x33, sizeof dek);
    m->ref = bench_ref(b, "vm", "a-priv", 1);
    size_t len = paper_wrap(&b->paper, 1, SHA256, dek, m->in);
    memcpy(m->bad, m->in, len);
    m->bad[17] ^= 1;
    for (size_t i = 0; i < MANY; i++) {
        m->item[i] = (envelope_unwrap){.size = sizeof m->item[i],
                                       .key = &m->ref,
                                       .algorithm = SHA256,
                                       .in = i % 7 == 3 ? m->bad : m->in,
                                       .in_len = len,
                                       .out = m->out[i],
                                       .cap = 32};
    }
    return m;
}

static void many_check(struct many *m, size_t count)
{
    uint8_t dek[32];
    memset(dek, 0x33, sizeof dek);
    bench_job(b);
    ck_assert_int_eq(env_kmip_unwrap_many(&b->job, m->item, count, &b->err), ENVELOPE_OK);
    for (size_t i = 0; i < count; i++) {
        bool good = i % 7 != 3;
        ck_assert_int_eq(m->item[i].status, good ? ENVELOPE_OK : ENVELOPE_E_AUTH);
        ck_assert_uint_eq(m->item[i].len, good ? 32 : 0);
        ck_assert(!good || memcmp(m->out[i], dek, 32) == 0);
        memset(m->out[i], 0, 32);
    }
}

START_TEST(many_in_one_request)
{
    struct many *m = many_new();
    many_check(m, 10);
    ck_assert_uint_eq(b->paper.requests, 6); /* version, attributes, key, form, first, nine */
    many_check(m, MANY);
    ck_assert_uint_eq(b->paper.requests, 2); /* 256 and 44 */
    free(m);
}
END_TEST

START_TEST(many_one_by_one)
{
    struct many *m = many_new();
    b->paper.no_batches = true;
    many_check(m, 12);
    ck_assert(b->facts.no_batches);
    ck_assert_uint_eq(paper_count(&b->paper, "batch refused"), 1);
    b->paper.no_batches = false;
    b->facts.no_batches = false;
    b->paper.stops_at_failure = true;
    many_check(m, 12);
    free(m);
}
END_TEST

START_TEST(many_with_the_key_fetched)
{
    struct many *m = many_new();
    b->policy.unwrap = ENVELOPE_UNWRAP_GET;
    m->item[1].in = m->in;
    bench_job(b);
    ck_assert_int_eq(env_kmip_unwrap_many(&b->job, m->item, 3, &b->err), ENVELOPE_OK);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(m->item[i].status, ENVELOPE_OK);
    }
    ck_assert_int_eq(exports(), 3);
    free(m);
}
END_TEST

START_TEST(many_of_a_key_that_is_gone)
{
    struct many *m = many_new();
    m->ref = bench_ref(b, "vm", "gone", 9);
    bench_job(b);
    ck_assert_int_eq(env_kmip_unwrap_many(&b->job, m->item, MANY, &b->err), ENVELOPE_OK);
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_int_eq(m->item[i].status, ENVELOPE_E_NO_KEY);
    }
    ck_assert_uint_lt(b->paper.requests, 10);
    free(m);
}
END_TEST

START_TEST(many_of_different_fates)
{
    struct many *m = many_new();
    envelope_key_ref gone = bench_ref(b, "vm", "gone", 9);
    many_check(m, 3);
    m->item[0].key = &gone;
    m->item[2].cap = 31;
    m->item[5].algorithm = KWP;
    m->item[6].in_len = 0;
    bench_job(b);
    ck_assert_int_eq(env_kmip_unwrap_many(&b->job, m->item, 8, &b->err), ENVELOPE_OK);
    ck_assert_int_eq(m->item[0].status, ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(m->item[1].status, ENVELOPE_OK);
    ck_assert_int_eq(m->item[2].status, ENVELOPE_E_RANGE);
    ck_assert_int_eq(m->item[3].status, ENVELOPE_E_AUTH);
    ck_assert_int_eq(m->item[4].status, ENVELOPE_OK);
    ck_assert_int_eq(m->item[5].status, ENVELOPE_E_REFUSED);
    ck_assert_int_eq(m->item[6].status, ENVELOPE_E_INVALID);
    ck_assert_int_eq(m->item[7].status, ENVELOPE_OK);
    b->paper.down = ENVELOPE_E_KMS_UNREACHED;
    ck_assert_int_eq(env_kmip_unwrap_many(&b->job, m->item + 7, 1, &b->err), ENVELOPE_OK);
    ck_assert_int_eq(m->item[7].status, ENVELOPE_E_KMS_UNREACHED);
    free(m);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {found_once_then_one_exchange,
                                  known_from_newest,
                                  forms,
                                  form_found_with_a_value_of_our_own,
                                  sha1_only_where_the_slot_says_so,
                                  failures_of_data_look_alike,
                                  failures_of_the_key_are_told,
                                  refused_where_nothing_may_leave,
                                  fetched_where_that_is_allowed,
                                  fetched_rejects_in_silence,
                                  versions_before_1_2_have_no_decrypt,
                                  denied_is_explained,
                                  found_by_name_and_fingerprint,
                                  identifier_given_to_another_key,
                                  moved_since_it_was_learned,
                                  public_identifier,
                                  public_half_is_gone,
                                  aes,
                                  nothing_secret_is_said,
                                  many_in_one_request,
                                  many_one_by_one,
                                  many_with_the_key_fetched,
                                  many_of_a_key_that_is_gone,
                                  many_of_different_fates,
                                  NULL};
    Suite *s = suite_create("unwrapping at a KMS");
    TCase *c = tcase_create("unwrap");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, set_up, tear_down);
    for (size_t i = 0; tests[i]; i++) {
        tcase_add_test(c, tests[i]);
    }
    suite_add_tcase(s, c);
    return s;
}
