/* Each allocation of a job made to fail in turn: E_NOMEM or the right result, and nothing is left
 * over. */
#include "check_main.h"
#include "failing.h"
#include "kms/sink.h"
#include "paper.h"
#include <envelope/kmip_session.h>
#include <stdlib.h>
#include <string.h>

static struct failing f;
static struct bench *b;
static uint8_t wrapped[1024];
static size_t wrapped_len;
static envelope_key_ref ref;

typedef envelope_status (*deed)(void);

static void prepare(bool linked)
{
    static const uint8_t dek[32] = {7};
    envelope_ctx *ctx;
    memset(&f, 0, sizeof f);
    const envelope_ctx_options options = failing_options(&f);
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    b = bench_on(ctx);
    paper_pair(&b->paper, "a", "vm", 1, 100, linked);
    paper_pair(&b->paper, "c", "vm", 2, 200, linked);
    paper_find(&b->paper, "a-pub")->state = ENV_STATE_DEACTIVATED;
    if (linked) {
        paper_replace(&b->paper, "a", "c");
    }
    wrapped_len = paper_wrap(&b->paper, 2, ENVELOPE_RSA_OAEP_SHA256, dek, wrapped);
    ref = bench_ref(b, "vm", "c-priv", 2);
}

static void expect_survived(deed fn, bool linked, int32_t unwrap)
{
    for (long n = 1;; n++) {
        prepare(linked);
        b->policy.unwrap = unwrap;
        f.fail_at = f.calls + n;
        envelope_status st = fn();
        bool failed = f.calls >= f.fail_at;
        f.fail_at = 0;
        ck_assert_msg(failed ? st == ENVELOPE_OK || st == ENVELOPE_E_NOMEM : st == ENVELOPE_OK,
                      "allocation %ld: %s", n, envelope_status_name(st));
        bench_free(b);
        ck_assert_int_eq(f.live, 0);
        if (!failed) {
            ck_assert_int_gt(n, 3);
            return;
        }
    }
}

static envelope_status newest(void)
{
    struct envelope_key_sink sink;
    envelope_status st = env_sink_begin(b->paper.ctx, "vm", &sink, NULL);
    if (!st) {
        st = env_kmip_newest(&b->job, "vm", &sink, NULL);
        st = st ? st : sink.failed;
        env_sink_end(&sink);
    }
    return st == ENVELOPE_E_CALLBACK ? ENVELOPE_E_NOMEM : st;
}

static envelope_status list(void)
{
    struct envelope_key_sink sink;
    envelope_status st = env_sink_begin(b->paper.ctx, NULL, &sink, NULL);
    if (!st) {
        st = env_kmip_list(&b->job, NULL, &sink, NULL);
        env_sink_end(&sink);
    }
    return st;
}

static envelope_status unwrap(void)
{
    uint8_t out[32];
    size_t len;
    return env_kmip_unwrap(&b->job, &ref, ENVELOPE_RSA_OAEP_SHA256, wrapped, wrapped_len, out,
                           sizeof out, &len, NULL);
}

static envelope_status many(void)
{
    uint8_t out[3][32];
    envelope_unwrap item[3];
    for (size_t i = 0; i < 3; i++) {
        item[i] = (envelope_unwrap){.size = sizeof item[i],
                                    .key = &ref,
                                    .algorithm = ENVELOPE_RSA_OAEP_SHA256,
                                    .in = wrapped,
                                    .in_len = wrapped_len,
                                    .out = out[i],
                                    .cap = 32};
    }
    return env_kmip_unwrap_many(&b->job, item, 3, NULL);
}

static envelope_status step(envelope_kmip_session *s)
{
    static uint8_t reply[1 << 16];
    uint8_t request[8192];
    size_t len;
    const void *out = envelope_kmip_session_output(s, &len);
    memcpy(request, out, len);
    envelope_kmip_session_sent(s, len);
    size_t have = paper_answer(&b->paper, request, len, reply, sizeof reply);
    for (size_t done = 0; done < have;) {
        size_t n = envelope_kmip_session_wanted(s);
        envelope_status st = envelope_kmip_session_input(s, reply + done, n, NULL);
        if (st) {
            return st;
        }
        done += n;
    }
    return ENVELOPE_OK;
}

static envelope_status session(void)
{
    envelope_kmip_session *s = NULL;
    const envelope_key_ref name = {.size = sizeof name, .key_name = "vm"};
    const envelope_question q = {.size = sizeof q, .kind = ENVELOPE_ASK_NEWEST, .key = &name};
    envelope_status st = envelope_kmip_session_new(b->paper.ctx, NULL, &s, NULL);
    st = st ? st : envelope_kmip_session_begin(s, &q, NULL);
    while (!st && (st = envelope_kmip_session_step(s, NULL)) == ENVELOPE_E_AGAIN) {
        st = step(s);
    }
    envelope_kmip_session_free(s);
    return st;
}

START_TEST(newest_with_links)
{
    expect_survived(newest, true, ENVELOPE_UNWRAP_INSIDE);
}
END_TEST

START_TEST(newest_without_links)
{
    expect_survived(newest, false, ENVELOPE_UNWRAP_INSIDE);
}
END_TEST

START_TEST(newest_by_modulus)
{
    expect_survived(newest, false, ENVELOPE_UNWRAP_GET);
}
END_TEST

START_TEST(listing)
{
    expect_survived(list, true, ENVELOPE_UNWRAP_INSIDE);
}
END_TEST

START_TEST(unwrapping)
{
    expect_survived(unwrap, true, ENVELOPE_UNWRAP_INSIDE);
    expect_survived(unwrap, true, ENVELOPE_UNWRAP_GET);
    expect_survived(many, true, ENVELOPE_UNWRAP_INSIDE);
}
END_TEST

START_TEST(without_sockets)
{
    expect_survived(session, true, ENVELOPE_UNWRAP_INSIDE);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {newest_with_links,
                                  newest_without_links,
                                  newest_by_modulus,
                                  listing,
                                  unwrapping,
                                  without_sockets,
                                  NULL};
    return suite_of("KMIP without memory", 240, tests);
}
