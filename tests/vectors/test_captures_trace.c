/* Of the keys, data and credentials in the recorded messages not 6 bytes in a row are in the trace.
 */
#include "captures.h"
#include "check_main.h"
#include "failing.h"
#include "kms/kmip/link.h"
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 6, DIFFERENT = 4 };

struct seen {
    const struct capture *from;
    int calls;
    int with_secrets; /* messages */
    size_t windows;
    size_t shown; /* bytes that are as they were */
    size_t all;
};

/* Bytes that anything may hold, as 00 00 00 00 00 01, tell nothing. */
static bool telling(const uint8_t *p)
{
    bool seen[256] = {false};
    int different = 0;
    for (int i = 0; i < WINDOW; i++) {
        different += !seen[p[i]];
        seen[p[i]] = true;
    }
    return different >= DIFFERENT;
}

static void search(struct seen *s, const struct env_ttlv_item *item, const uint8_t *trace,
                   size_t len)
{
    for (size_t i = 0; i + WINDOW <= item->len; i++) {
        if (telling(item->value + i)) {
            ck_assert_msg(!memmem(trace, len, item->value + i, WINDOW), "%s: tag %06x leaks",
                          s->from->file, item->tag);
            s->windows++;
        }
    }
}

/* What must not be seen, found by its place: not as trace.c finds it. */
static void each_secret(struct seen *s, struct env_ttlv c, bool secret, const uint8_t *trace,
                        size_t len)
{
    struct env_ttlv_item item;
    while (env_ttlv_next(&c, &item)) {
        bool within =
            secret || item.tag == 0x420040 || item.tag == 0x420023 || item.tag == 0x4200c2;
        bool data =
            item.type == ENV_TTLV_BYTES || item.type == ENV_TTLV_BIG || item.type == ENV_TTLV_TEXT;
        if (item.type == ENV_TTLV_STRUCTURE) {
            each_secret(s, env_ttlv_inside(&item), within, trace, len);
        } else if (within && data) {
            search(s, &item, trace, len);
        }
    }
}

static void note(void *user, int32_t outgoing, const void *ttlv, size_t len)
{
    struct seen *s = user;
    const struct capture *c = s->from;
    const uint8_t *trace = ttlv;
    size_t before = s->windows;
    ck_assert(outgoing == !c->response && len == c->len);
    ck_assert(env_ttlv_whole(ttlv, len, NULL));
    each_secret(s, env_ttlv_over(c->bytes, c->len), false, trace, len);
    for (size_t i = 0; i < len; i++) {
        s->shown += trace[i] == c->bytes[i];
    }
    s->all += len;
    s->calls++;
    s->with_secrets += s->windows > before;
}

struct run {
    envelope_ctx *ctx;
    struct seen seen;
    int wrong;
};

static void one(void *user, const struct capture *c)
{
    struct run *run = user;
    const struct env_kmip_tracer tracer = {note, &run->seen};
    int calls = run->seen.calls;
    run->seen.from = c;
    env_kmip_trace(run->ctx, &tracer, !c->response, c->bytes, c->len);
    run->wrong += run->seen.calls == calls;
}

START_TEST(nothing_leaks)
{
    struct run run = {.ctx = test_ctx()};
    size_t n = captures_each(one, &run);
    tap_note(
        "%zu messages: %d traced, %d of them with secrets, %zu pieces searched for; %zu of %zu "
        "bytes are as they were; %d malformed, not traced",
        n, run.seen.calls, run.seen.with_secrets, run.seen.windows, run.seen.shown, run.seen.all,
        run.wrong);
    ck_assert_int_eq(run.wrong, 2);
    ck_assert_int_ge(run.seen.with_secrets, 50);
    ck_assert_uint_ge(run.seen.windows, 20000);
    ck_assert_uint_ge(run.seen.shown * 10, run.seen.all * 5);
    envelope_ctx_free(run.ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {nothing_leaks, NULL};
    return captures_there() ? suite_of("captures/trace", 120, tests) : NULL;
}
