/* The session without sockets: the same answers as with a blocking link, however the replies are
 * cut; nothing of an interrupted question is left; an asking KMS is answered. */
#include "check_main.h"
#include "kms/kms.h"
#include "kms/sink.h"
#include "paper.h"
#include <envelope/kmip_session.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bench *b;
static envelope_kmip_session *session;
static uint8_t wire[1 << 20];

static envelope_kmip_session *session_new(int32_t unwrap)
{
    envelope_kmip_session *s = NULL;
    const envelope_kmip_options options = {.size = sizeof options, .unwrap = unwrap};
    ck_assert_int_eq(envelope_kmip_session_new(b->paper.ctx, &options, &s, NULL), ENVELOPE_OK);
    return s;
}

static void set_up(void)
{
    b = bench_new();
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    paper_pair(&b->paper, "c", "vm", 2, 200, true);
    paper_replace(&b->paper, "a", "c");
    session = session_new(ENVELOPE_UNWRAP_INSIDE);
}

static void tear_down(void)
{
    envelope_kmip_session_free(session);
    bench_free(b);
}

static envelope_question question(int32_t kind, const envelope_key_ref *key)
{
    return (envelope_question){.size = sizeof(envelope_question),
                               .id = 17,
                               .kind = kind,
                               .algorithm = ENVELOPE_RSA_OAEP_SHA256,
                               .key = key};
}

/* How replies are cut: all at once, byte by byte, or at a place. */
struct cut {
    size_t step; /* 0: at `at` */
    size_t at;
};

/* One exchange: takes the request, puts the reply in. */
static envelope_status feed(envelope_kmip_session *s, const struct cut *cut)
{
    size_t len;
    uint8_t request[8192];
    const void *out = envelope_kmip_session_output(s, &len);
    ck_assert_uint_gt(len, 0);
    ck_assert_uint_le(len, sizeof request);
    ck_assert_uint_eq(envelope_kmip_session_wanted(s), 0);
    memcpy(request, out, len);
    envelope_kmip_session_sent(s, 1); /* the rest of it later */
    envelope_kmip_session_sent(s, len - 1);
    ck_assert_ptr_null(envelope_kmip_session_output(s, &(size_t){1}));
    size_t have = paper_answer(&b->paper, request, len, wire, sizeof wire);
    for (size_t done = 0; done < have;) {
        size_t wanted = envelope_kmip_session_wanted(s);
        ck_assert_uint_gt(wanted, 0);
        size_t step = cut->step ? cut->step : done < cut->at ? cut->at - done : have - done;
        size_t n = step < wanted ? step : wanted;
        ck_assert_uint_le(n, have - done);
        envelope_status st = envelope_kmip_session_input(s, wire + done, n, &b->err);
        if (st) {
            return st;
        }
        done += n;
        if (done < have) {
            ck_assert_int_eq(envelope_kmip_session_step(s, NULL), ENVELOPE_E_AGAIN);
        }
    }
    return ENVELOPE_OK;
}

static envelope_status run(envelope_kmip_session *s, const envelope_question *q,
                           const struct cut *cut)
{
    envelope_status st;
    ck_assert_int_eq(envelope_kmip_session_begin(s, q, &b->err), ENVELOPE_OK);
    while ((st = envelope_kmip_session_step(s, &b->err)) == ENVELOPE_E_AGAIN) {
        st = feed(s, cut);
        if (st) {
            return st;
        }
    }
    ck_assert_int_eq(envelope_kmip_session_step(s, NULL), st);
    return st;
}

static const struct cut whole = {SIZE_MAX, 0};

/* -- asking */

struct asked {
    envelope_kms *kms;
    const envelope_question *q;
};

static struct asked ask_newest(void)
{
    struct env_found found;
    struct asked a;
    ck_assert_int_eq(envelope_kms_new_asking(b->paper.ctx, "loop", &a.kms, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_kms_newest(a.kms, "lab", "vm", &found, NULL), ENVELOPE_E_AGAIN);
    a.q = envelope_kms_next_question(a.kms);
    ck_assert_ptr_nonnull(a.q);
    return a;
}

START_TEST(newest_answered)
{
    struct env_found found;
    struct asked a = ask_newest();
    ck_assert_int_eq(run(session, a.q, &whole), ENVELOPE_OK);
    ck_assert_int_eq(envelope_kmip_session_answer(session, a.kms, &b->err), ENVELOPE_OK);
    ck_assert_int_eq(env_kms_newest(a.kms, "lab", "vm", &found, NULL), ENVELOPE_OK);
    ck_assert_str_eq(found.key.key_id, "c-priv");
    ck_assert_str_eq(found.replaces, "a-priv");
    ck_assert(found.key.spki != NULL && found.key.has_fingerprint);
    env_found_free(b->paper.ctx, &found);
    envelope_kms_free(a.kms);
}
END_TEST

START_TEST(failure_answered)
{
    struct env_found found;
    struct asked a = ask_newest();
    paper_find(&b->paper, "c-pub")->state = ENV_STATE_DEACTIVATED;
    ck_assert_int_eq(run(session, a.q, &whole), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(envelope_kmip_session_answer(session, a.kms, &b->err), ENVELOPE_OK);
    ck_assert_int_eq(env_kms_newest(a.kms, "lab", "vm", &found, &b->err), ENVELOPE_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(b->err.message, "deactivated"));
    envelope_kms_free(a.kms);
}
END_TEST

static envelope_kms *asked_to_unwrap(const envelope_key_ref *ref, const uint8_t *in, size_t len,
                                     uint8_t out[32])
{
    envelope_kms *kms;
    ck_assert_int_eq(envelope_kms_new_asking(b->paper.ctx, "loop", &kms, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_kms_unwrap(kms, ref, ENVELOPE_RSA_OAEP_SHA256, in, len, out, NULL),
                     ENVELOPE_E_AGAIN);
    return kms;
}

START_TEST(unwrap_answered)
{
    uint8_t dek[32];
    uint8_t in[1024];
    uint8_t out[32];
    memset(dek, 0x44, sizeof dek);
    size_t len = paper_wrap(&b->paper, 2, ENVELOPE_RSA_OAEP_SHA256, dek, in);
    envelope_key_ref ref = bench_ref(b, "vm", "c-priv", 2);
    for (int bad = 0; bad < 2; bad++) {
        in[5] ^= (uint8_t)bad;
        envelope_kms *kms = asked_to_unwrap(&ref, in, len, out);
        const envelope_question *q = envelope_kms_next_question(kms);
        ck_assert_int_eq(run(session, q, &whole), bad ? ENVELOPE_E_AUTH : ENVELOPE_OK);
        ck_assert_int_eq(envelope_kmip_session_answer(session, kms, &b->err), ENVELOPE_OK);
        ck_assert_int_eq(env_kms_unwrap(kms, &ref, ENVELOPE_RSA_OAEP_SHA256, in, len, out, NULL),
                         bad ? ENVELOPE_E_AUTH : ENVELOPE_OK);
        ck_assert(bad || memcmp(out, dek, 32) == 0);
        envelope_kms_free(kms);
    }
    /* what was learned is kept: one exchange */
    b->paper.requests = 0;
    in[5] ^= 1;
    envelope_kms *kms = asked_to_unwrap(&ref, in, len, out);
    ck_assert_int_eq(run(session, envelope_kms_next_question(kms), &whole), ENVELOPE_OK);
    ck_assert_uint_eq(b->paper.requests, 1);
    envelope_kms_free(kms);
}
END_TEST

/* An export is told once, however often the job is run again. */
START_TEST(told_once)
{
    uint8_t dek[32] = {1};
    uint8_t in[1024];
    envelope_kmip_session *s = session_new(ENVELOPE_UNWRAP_GET);
    size_t len = paper_wrap(&b->paper, 2, ENVELOPE_RSA_OAEP_SHA256, dek, in);
    /* the identifier is another key's: one export for nothing, then the search, then the right one
     */
    envelope_key_ref ref = bench_ref(b, "vm", "a-priv", 2);
    envelope_question q = question(ENVELOPE_ASK_UNWRAP, &ref);
    q.in = in;
    q.in_len = len;
    ck_assert_int_eq(run(s, &q, &whole), ENVELOPE_OK);
    ck_assert_int_eq(b->events[ENVELOPE_EVENT_EXPORT], 2);
    envelope_kmip_session_free(s);
}
END_TEST

/* -- cuts */

START_TEST(every_cut)
{
    envelope_key_ref ref = bench_ref(b, "vm", NULL, 0);
    const envelope_question q = question(ENVELOPE_ASK_NEWEST, &ref);
    static const size_t steps[] = {1, 2, 3, 7, 8, 9, 64};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const struct cut cut = {steps[i], 0};
        envelope_kmip_session *s = session_new(0);
        ck_assert_int_eq(run(s, &q, &cut), ENVELOPE_OK);
        envelope_kmip_session_free(s);
    }
    for (size_t at = 1; at < 900; at += 1) {
        const struct cut cut = {0, at};
        envelope_kmip_session *s = session_new(0);
        b->paper.log[0] = 0;
        ck_assert_int_eq(envelope_kmip_session_begin(s, &q, NULL), ENVELOPE_OK);
        for (int i = 0; i < 2; i++) { /* the first two replies: the others are longer, not other */
            ck_assert_int_eq(envelope_kmip_session_step(s, NULL), ENVELOPE_E_AGAIN);
            ck_assert_int_eq(feed(s, &cut), ENVELOPE_OK);
        }
        envelope_kmip_session_free(s);
    }
}
END_TEST

/* The same script, blocking and without sockets. */
START_TEST(same_as_blocking)
{
    envelope_key_ref ref = bench_ref(b, "vm", NULL, 0);
    const envelope_question q = question(ENVELOPE_ASK_NEWEST, &ref);
    for (int variant = 0; variant < 6; variant++) {
        struct envelope_key_sink sink;
        b->paper.no_batches = variant == 1;
        b->paper.refuses_links = variant == 2;
        b->paper.masks = variant == 3 ? MASK_NOT_PARSED : MASK_AS_SPECIFIED;
        b->paper.fail = variant == 4 ? ENV_REASON_GENERAL_FAILURE : 0;
        b->paper.strict_version = variant == 5;
        b->paper.minor = variant == 5 ? 2 : 4;
        memset(&b->facts, 0, sizeof b->facts);
        bench_job(b);
        ck_assert_int_eq(env_sink_begin(b->paper.ctx, "vm", &sink, NULL), ENVELOPE_OK);
        envelope_error first = ENVELOPE_ERROR_INIT;
        envelope_status st = env_kmip_newest(&b->job, "vm", &sink, &first);
        char log[PAPER_LOG];
        strcpy(log, b->paper.log);
        b->paper.log[0] = 0;
        envelope_kmip_session *s = session_new(0);
        ck_assert_int_eq(run(s, &q, &whole), st);
        ck_assert_str_eq(b->paper.log, log);
        ck_assert(!st || strcmp(b->err.message, first.message) == 0);
        envelope_kmip_session_free(s);
        env_sink_end(&sink);
    }
}
END_TEST

START_TEST(interrupted)
{
    envelope_key_ref ref = bench_ref(b, "vm", NULL, 0);
    const envelope_question q = question(ENVELOPE_ASK_NEWEST, &ref);
    for (int stop = 0; stop < 6; stop++) {
        ck_assert_int_eq(envelope_kmip_session_begin(session, &q, NULL), ENVELOPE_OK);
        for (int i = 0; i < stop; i++) {
            ck_assert_int_eq(envelope_kmip_session_step(session, NULL), ENVELOPE_E_AGAIN);
            ck_assert_int_eq(feed(session, &whole), ENVELOPE_OK);
        }
        (void)!envelope_kmip_session_step(session, NULL);
        ck_assert_int_eq(envelope_kmip_session_answer(session, NULL, NULL), ENVELOPE_E_INVALID);
        ck_assert_int_eq(run(session, &q, &whole), ENVELOPE_OK);
    }
    /* and freed in the middle */
    ck_assert_int_eq(envelope_kmip_session_begin(session, &q, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_kmip_session_step(session, NULL), ENVELOPE_E_AGAIN);
}
END_TEST

START_TEST(replies_of_the_wrong_kind)
{
    envelope_key_ref ref = bench_ref(b, "vm", NULL, 0);
    const envelope_question q = question(ENVELOPE_ASK_NEWEST, &ref);
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n";
    size_t len;
    ck_assert_int_eq(envelope_kmip_session_begin(session, &q, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_kmip_session_step(session, NULL), ENVELOPE_E_AGAIN);
    ck_assert_int_eq(envelope_kmip_session_input(session, http, 1, NULL), ENVELOPE_E_INVALID);
    (void)envelope_kmip_session_output(session, &len);
    envelope_kmip_session_sent(session, len);
    size_t wanted = envelope_kmip_session_wanted(session);
    ck_assert_int_eq(envelope_kmip_session_input(session, http, wanted + 1, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_kmip_session_input(session, http, wanted, NULL), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(envelope_kmip_session_step(session, NULL), ENVELOPE_E_FORMAT);
    ck_assert_uint_eq(envelope_kmip_session_wanted(session), 0);
    b->paper.wrong = 1;
    ck_assert_int_eq(run(session, &q, &whole), ENVELOPE_E_FORMAT);
    b->paper.wrong = 0;
    ck_assert_int_eq(run(session, &q, &whole), ENVELOPE_OK);
}
END_TEST

START_TEST(arguments)
{
    envelope_kmip_session *s = session;
    envelope_key_ref ref = bench_ref(b, "vm", NULL, 0);
    envelope_question q = question(ENVELOPE_ASK_NEWEST, &ref);
    envelope_kmip_options options = {.size = sizeof options, .endpoints = "kms:5696"};
    ck_assert_int_eq(envelope_kmip_session_new(b->paper.ctx, &options, &s, &b->err),
                     ENVELOPE_E_INVALID);
    ck_assert_ptr_null(s);
    options = (envelope_kmip_options){.size = sizeof options, .unwrap = 9};
    ck_assert_int_eq(envelope_kmip_session_new(b->paper.ctx, &options, &s, NULL),
                     ENVELOPE_E_INVALID);
    options = (envelope_kmip_options){.size = sizeof options, .max_response_bytes = 1};
    ck_assert_int_eq(envelope_kmip_session_new(b->paper.ctx, &options, &s, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_kmip_session_step(session, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_kmip_session_begin(session, NULL, NULL), ENVELOPE_E_INVALID);
    q.kind = 9;
    ck_assert_int_eq(envelope_kmip_session_begin(session, &q, NULL), ENVELOPE_E_INVALID);
    q.kind = ENVELOPE_ASK_UNWRAP;
    ck_assert_int_eq(envelope_kmip_session_begin(session, &q, NULL), ENVELOPE_E_INVALID);
    ck_assert_uint_eq(envelope_kmip_session_wanted(session), 0);
    ck_assert_uint_eq(envelope_kmip_session_wanted(NULL), 0);
    envelope_kmip_session_sent(session, 5);
    envelope_kmip_session_free(NULL);
}
END_TEST

static unsigned traced;

static void trace(void *user, int32_t outgoing, const void *ttlv, size_t len)
{
    (void)user;
    (void)outgoing;
    ck_assert(ttlv != NULL && len > 8);
    traced++;
}

START_TEST(traced_both_ways)
{
    envelope_key_ref ref = bench_ref(b, "vm", NULL, 0);
    const envelope_question q = question(ENVELOPE_ASK_NEWEST, &ref);
    const envelope_kmip_options options = {.size = sizeof options, .trace = trace};
    envelope_kmip_session *s;
    traced = 0;
    ck_assert_int_eq(envelope_kmip_session_new(b->paper.ctx, &options, &s, NULL), ENVELOPE_OK);
    b->paper.requests = 0;
    ck_assert_int_eq(run(s, &q, &whole), ENVELOPE_OK);
    ck_assert_uint_eq(traced, 2 * b->paper.requests);
    envelope_kmip_session_free(s);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {newest_answered,
                                  failure_answered,
                                  unwrap_answered,
                                  told_once,
                                  every_cut,
                                  same_as_blocking,
                                  interrupted,
                                  replies_of_the_wrong_kind,
                                  arguments,
                                  traced_both_ways,
                                  NULL};
    Suite *s = suite_create("session of KMIP");
    TCase *c = tcase_create("session");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, set_up, tear_down);
    for (size_t i = 0; tests[i]; i++) {
        tcase_add_test(c, tests[i]);
    }
    suite_add_tcase(s, c);
    return s;
}
