/* Messages out of a stream: split anywhere, dribbling, too long, wiped. */
#include "base/arena.h"
#include "check_main.h"
#include "failing.h"
#include "kms/kmip/link.h"
#include <stdlib.h>
#include <string.h>

enum { MOST = ENV_KMIP_RESPONSE_MAX };

/* A response of any length that is a multiple of 8: one byte string within. */
static uint8_t *response(size_t len)
{
    uint8_t *b = malloc(len);
    ck_assert_ptr_nonnull(b);
    struct env_ttlv_out o = env_ttlv_out_over(b, len);
    env_ttlv_open(&o, ENV_TAG_RESPONSE_MESSAGE);
    if (len > 8) {
        uint8_t *text = calloc(1, len);
        ck_assert_ptr_nonnull(text);
        memset(text, 0x6b, len);
        env_ttlv_put_bytes(&o, ENV_TAG_DATA, text, len - 16);
        free(text);
    }
    env_ttlv_close(&o);
    ck_assert_uint_eq(env_ttlv_out_done(&o), len);
    return b;
}

/* Feeds pieces of at most step bytes, each in memory of its own size. */
static envelope_status feed(envelope_ctx *ctx, struct env_kmip_frame *frame, const uint8_t *b,
                            size_t len, size_t step, size_t *taken, struct env_kmip_reply *out,
                            envelope_error *err)
{
    bool done = false;
    envelope_status st = ENVELOPE_OK;
    *taken = 0;
    while (!st && !done && *taken < len) {
        size_t used;
        size_t n = len - *taken < step ? len - *taken : step;
        uint8_t *piece = malloc(n);
        ck_assert_ptr_nonnull(piece);
        memcpy(piece, b + *taken, n);
        size_t wanted = env_kmip_frame_wanted(frame);
        ck_assert_uint_gt(wanted, 0);
        st = env_kmip_frame_feed(ctx, frame, piece, n, &used, &done, out, err);
        ck_assert_uint_eq(used, n < wanted ? n : wanted);
        ck_assert(done == (out->bytes != NULL) && !(st && done));
        *taken += used;
        free(piece);
    }
    return st;
}

START_TEST(any_step)
{
    envelope_ctx *ctx = test_ctx();
    struct env_kmip_frame frame;
    struct env_kmip_reply reply;
    size_t taken;
    uint8_t *b = response(104);
    env_kmip_frame_begin(&frame, _i, MOST);
    for (size_t step = 1; step <= 104; step++) {
        ck_assert_uint_eq(env_kmip_frame_wanted(&frame), 8);
        ck_assert_int_eq(feed(ctx, &frame, b, 104, step, &taken, &reply, NULL), ENVELOPE_OK);
        ck_assert(taken == 104 && reply.len == 104 && reply.cap == 104 && reply.secret == _i);
        ck_assert_mem_eq(reply.bytes, b, 104);
        env_kmip_reply_free(ctx, &reply);
        ck_assert(!reply.bytes && !reply.len);
    }
    free(b);
    envelope_ctx_free(ctx);
}
END_TEST

/* Two in a row: of the second no byte is taken with the first. */
START_TEST(split_at_every_byte)
{
    envelope_ctx *ctx = test_ctx();
    struct env_kmip_frame frame;
    struct env_kmip_reply reply;
    size_t taken;
    size_t more;
    uint8_t *b = response(48);
    for (size_t at = 0; at <= 48; at++) {
        env_kmip_frame_begin(&frame, false, MOST);
        ck_assert_int_eq(feed(ctx, &frame, b, at, 48, &taken, &reply, NULL), ENVELOPE_OK);
        ck_assert_uint_eq(taken, at);
        if (at == 48) {
            env_kmip_reply_free(ctx, &reply);
            taken = 0;
        }
        ck_assert_int_eq(feed(ctx, &frame, b + taken, 48 - taken, 48, &more, &reply, NULL),
                         ENVELOPE_OK);
        ck_assert(reply.bytes && taken + more == 48);
        env_kmip_reply_free(ctx, &reply);
    }
    free(b);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(only_the_head)
{
    envelope_ctx *ctx = test_ctx();
    struct env_kmip_frame frame;
    struct env_kmip_reply reply;
    size_t taken;
    uint8_t *b = response(8);
    env_kmip_frame_begin(&frame, true, MOST);
    ck_assert_int_eq(feed(ctx, &frame, b, 8, 3, &taken, &reply, NULL), ENVELOPE_OK);
    ck_assert(reply.bytes && reply.len == 8);
    env_kmip_reply_free(ctx, &reply);
    free(b);
    envelope_ctx_free(ctx);
}
END_TEST

struct bad_head {
    const char *head;
    envelope_status status;
    const char *rule;
    bool secret;
    uint32_t most;
};
static const struct bad_head heads[] = {
    {"\x42\x00\x78\x01\x00\x00\x00\x08", ENVELOPE_E_FORMAT, "K-FRAME-01", false, MOST},
    {"\x42\x00\x7b\x02\x00\x00\x00\x08", ENVELOPE_E_FORMAT, "K-FRAME-01", false, MOST},
    {"\x00\x42\x00\x7b\x01\x00\x00\x00", ENVELOPE_E_FORMAT, "K-FRAME-01", false, MOST},
    {"HTTP/1.1", ENVELOPE_E_FORMAT, "K-FRAME-01", false, MOST},
    {"\x15\x03\x03\x00\x02\x02\x28\x00", ENVELOPE_E_FORMAT, "K-FRAME-01", true, MOST},
    {"\x42\x00\x7b\x01\x00\x00\x00\x09", ENVELOPE_E_FORMAT, "K-FRAME-02", false, MOST},
    {"\x42\x00\x7b\x01\x00\x00\x00\x04", ENVELOPE_E_FORMAT, "K-FRAME-02", false, MOST},
    {"\x42\x00\x7b\x01\xff\xff\xff\xff", ENVELOPE_E_FORMAT, "K-FRAME-02", false, MOST},
    {"\x42\x00\x7b\x01\xff\xff\xff\xf8", ENVELOPE_E_LIMIT, "K-FRAME-03", false, MOST},
    {"\x42\x00\x7b\x01\xff\xff\xff\xf8", ENVELOPE_E_LIMIT, "K-FRAME-03", true, MOST},
    {"\x42\x00\x7b\x01\xff\xff\xff\xf8", ENVELOPE_E_LIMIT, "K-FRAME-03", false, UINT32_MAX},
    {"\x42\x00\x7b\x01\x80\x00\x00\x00", ENVELOPE_E_LIMIT, "K-FRAME-03", false, MOST},
    {"\x42\x00\x7b\x01\x00\x10\x00\x00", ENVELOPE_E_LIMIT, "K-FRAME-03", false, MOST},
    {"\x42\x00\x7b\x01\x00\x01\x00\x00", ENVELOPE_E_LIMIT, "K-FRAME-03", true, MOST},
    {"\x42\x00\x7b\x01\x00\x00\x00\x60", ENVELOPE_E_LIMIT, "K-FRAME-03", true, 96},
    {"\x42\x00\x7b\x01\x00\x00\x00\x60", ENVELOPE_E_LIMIT, "K-FRAME-03", false, 96},
};

/* Refused by its first 8 bytes, and nothing was allocated for it. */
START_TEST(head_refused)
{
    const struct bad_head *bad = &heads[_i];
    struct failing f = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_ctx *ctx;
    struct env_kmip_frame frame;
    struct env_kmip_reply reply;
    size_t taken;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    long calls = f.calls;
    env_kmip_frame_begin(&frame, bad->secret, bad->most);
    ck_assert_int_eq(feed(ctx, &frame, (const uint8_t *)bad->head, 8, 8, &taken, &reply, &err),
                     bad->status);
    ck_assert_msg(strstr(err.message, bad->rule) != NULL, "%s", err.message);
    ck_assert_int_eq(f.calls, calls);
    ck_assert(!frame.reply.bytes && !reply.bytes);
    env_kmip_frame_end(ctx, &frame);
    envelope_ctx_free(ctx);
}
END_TEST

/* The longest that the caps allow. */
START_TEST(at_the_cap)
{
    envelope_ctx *ctx = test_ctx();
    struct env_kmip_frame frame;
    struct env_kmip_reply reply;
    size_t taken;
    size_t len = _i ? ENV_KMIP_SECRET_MAX : MOST;
    uint8_t *b = response(len);
    env_kmip_frame_begin(&frame, _i, MOST);
    ck_assert_int_eq(feed(ctx, &frame, b, len, 16384, &taken, &reply, NULL), ENVELOPE_OK);
    ck_assert(reply.len == len && !memcmp(reply.bytes, b, len));
    env_kmip_reply_free(ctx, &reply);
    free(b);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(body_refused)
{
    envelope_ctx *ctx = test_ctx();
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_kmip_frame frame;
    struct env_kmip_reply reply;
    size_t taken;
    uint8_t *b = response(48);
    b[11] = 0; /* a type that there is not */
    env_kmip_frame_begin(&frame, true, MOST);
    ck_assert_int_eq(feed(ctx, &frame, b, 48, 5, &taken, &reply, &err), ENVELOPE_E_FORMAT);
    ck_assert_msg(strstr(err.message, "K-TTLV-03") != NULL, "%s", err.message);
    ck_assert(taken == 48 && !reply.bytes && !frame.reply.bytes);
    free(b);
    envelope_ctx_free(ctx);
}
END_TEST

/* Where the caller's memory was, once it is given back to him. */
static size_t key_bytes(const uint8_t *p, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        n += p[i] == 0x6b;
    }
    return n;
}

/* A reply with a key never leaves the arena, not even half of it, and nothing stays. */
START_TEST(secret_in_the_arena)
{
    struct failing f = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    struct env_kmip_frame frame;
    struct env_kmip_reply reply;
    size_t taken;
    uint8_t *b = response(1024);
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    long calls = f.calls;
    env_kmip_frame_begin(&frame, true, MOST);
    for (size_t len = 100; len <= 1024; len += 924) {
        ck_assert_int_eq(feed(ctx, &frame, b, len, 7, &taken, &reply, NULL), ENVELOPE_OK);
        const uint8_t *p = reply.bytes ? reply.bytes : frame.reply.bytes;
        ck_assert_uint_eq(key_bytes(p, 1024), len == 100 ? 100 - 16 : 1024 - 16);
        env_kmip_frame_end(ctx, &frame);
        env_kmip_reply_free(ctx, &reply);
        ck_assert_uint_eq(key_bytes(p, 1024), 0); /* of the arena: still mapped */
        ck_assert_int_eq(f.calls, calls);
    }
    free(b);
    envelope_ctx_free(ctx);
}
END_TEST

/* An allocator that looks at what it is given back: the length stands in front. */
enum { BEFORE = 64 };
static void *sized(void *user, size_t len)
{
    (void)user;
    uint8_t *p = malloc(BEFORE + len);
    ck_assert_ptr_nonnull(p);
    memcpy(p, &len, sizeof len);
    return p + BEFORE;
}

static void look(void *user, void *p)
{
    size_t len;
    if (!p) {
        return;
    }
    uint8_t *block = (uint8_t *)p - BEFORE;
    memcpy(&len, block, sizeof len);
    *(size_t *)user += key_bytes(p, len);
    free(block);
}

/* What is no key may still be somebody's name: nothing of a reply is left in the heap. */
START_TEST(others_wiped_too)
{
    size_t found = 0;
    const envelope_ctx_options options = {
        .size = sizeof options, .alloc = sized, .release = look, .user = &found};
    envelope_ctx *ctx;
    struct env_kmip_frame frame;
    struct env_kmip_reply reply;
    size_t taken;
    uint8_t *b = response(1024);
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    env_kmip_frame_begin(&frame, false, MOST);
    ck_assert_int_eq(feed(ctx, &frame, b, 1024, 100, &taken, &reply, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(key_bytes(reply.bytes, reply.len), 1024 - 16);
    size_t before = found;
    env_kmip_reply_free(ctx, &reply);
    ck_assert_int_eq(feed(ctx, &frame, b, 500, 100, &taken, &reply, NULL), ENVELOPE_OK);
    env_kmip_frame_end(ctx, &frame);
    b[11] = 0;
    ck_assert_int_eq(feed(ctx, &frame, b, 1024, 100, &taken, &reply, NULL), ENVELOPE_E_FORMAT);
    ck_assert_uint_eq(found, before);
    free(b);
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(no_memory)
{
    struct failing f = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    struct env_kmip_frame frame;
    struct env_kmip_reply reply;
    size_t taken;
    uint8_t *b = response(48);
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    env_kmip_frame_begin(&frame, false, MOST);
    f.fail_at = f.calls + 1;
    ck_assert_int_eq(feed(ctx, &frame, b, 48, 48, &taken, &reply, NULL), ENVELOPE_E_NOMEM);
    ck_assert(!reply.bytes && !frame.reply.bytes && taken == 8);
    free(b);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

/* An arena that is full says which option makes it larger. */
START_TEST(no_arena)
{
    envelope_ctx *ctx = test_ctx();
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_kmip_reply replies[64];
    size_t n = 0;
    envelope_status st = ENVELOPE_OK;
    while (!st && n < 64) {
        st = env_kmip_reply_new(ctx, ENV_KMIP_SECRET_MAX, true, MOST, &replies[n], &err);
        n += !st;
    }
    ck_assert_int_eq(st, ENVELOPE_E_NOMEM);
    ck_assert_msg(strstr(err.message, "locked_kib") != NULL, "%s", err.message);
    while (n > 0) {
        env_kmip_reply_free(ctx, &replies[--n]);
    }
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kmip/frame");
    TCase *t = tcase_create("frame");
    tcase_add_loop_test(t, any_step, 0, 2);
    tcase_add_test(t, split_at_every_byte);
    tcase_add_test(t, only_the_head);
    tcase_add_loop_test(t, head_refused, 0, sizeof heads / sizeof heads[0]);
    tcase_add_loop_test(t, at_the_cap, 0, 2);
    tcase_add_test(t, body_refused);
    tcase_add_test(t, secret_in_the_arena);
    tcase_add_test(t, others_wiped_too);
    tcase_add_test(t, no_memory);
    tcase_add_test(t, no_arena);
    suite_add_tcase(s, t);
    return s;
}
