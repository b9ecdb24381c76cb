/* envelope_kms_unwrap_many: by a table without the member, with it, and by an asking KMS. */
#include "asking_kit.h"
#include "crypto/keywrap.h"
#include "kms/handle.h"
#include <string.h>

enum { COUNT = 5 };
static struct room room;
static envelope_ctx *ctx;
static uint8_t plain[COUNT][32];
static uint8_t wrapped[COUNT][ENV_KWP_BYTES];
static uint8_t out[COUNT][64];
static envelope_unwrap item[COUNT];
static const envelope_key_ref key = {.size = sizeof key, .kms_id = "x", .key_id = "vm/1"};

static void begin(void)
{
    ctx = test_ctx();
    room_open(&room, true, 1);
    for (size_t i = 0; i < COUNT; i++) {
        size_t len;
        memset(plain[i], (int)i + 1, 32);
        ck_assert(
            !env_kwp_wrap(ctx, room.kek[1], plain[i], 32, wrapped[i], ENV_KWP_BYTES, &len, NULL));
        item[i] = (envelope_unwrap){.size = sizeof item[i],
                                    .key = &key,
                                    .algorithm = ENVELOPE_AES_KWP,
                                    .in = wrapped[i],
                                    .in_len = ENV_KWP_BYTES,
                                    .out = out[i],
                                    .cap = sizeof out[i]};
    }
    wrapped[3][0] ^= 1;
    memset(out, 0xee, sizeof out);
}

static void end(void)
{
    room_close(&room);
    envelope_ctx_free(ctx);
}

static void expect_answers(void)
{
    static const uint8_t zeros[64];
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_int_eq(item[i].status, i == 3 ? ENVELOPE_E_AUTH : ENVELOPE_OK);
        ck_assert_uint_eq(item[i].len, i == 3 ? 0 : 32);
        ck_assert(!memcmp(out[i], i == 3 ? zeros : plain[i], 32));
    }
}

START_TEST(one_by_one)
{
    begin();
    envelope_kms *kms = room_blocking(ctx, &room);
    ck_assert_int_eq(envelope_kms_unwrap_many(kms, item, COUNT, NULL), ENVELOPE_OK);
    expect_answers();
    ck_assert_uint_eq(room.asked[ENVELOPE_ASK_UNWRAP], COUNT);
    room.fail[ENVELOPE_ASK_UNWRAP] = ENVELOPE_E_REFUSED;
    ck_assert_int_eq(envelope_kms_unwrap_many(kms, item, COUNT, NULL), ENVELOPE_OK);
    ck_assert_int_eq(item[0].status, ENVELOPE_E_REFUSED);
    envelope_kms_free(kms);
    end();
}
END_TEST

/* -- a table that does it at once, with every mistake */

static unsigned calls;
static envelope_status whole;
static envelope_status many(void *self, envelope_unwrap *items, size_t count, envelope_error *err)
{
    struct room *r = self;
    calls++;
    for (size_t i = 0; i < count; i++) {
        static const size_t len[COUNT] = {32, 31, 0, 32, 4000};
        memcpy(items[i].out, plain[i], 32);
        items[i].len = len[i];
        items[i].status = i == 3 ? r->fail[0] : ENVELOPE_OK;
        items[i].out = NULL; /* its own copy */
    }
    return whole ? envelope_error_set(err, whole, 0, "none of them") : ENVELOPE_OK;
}

START_TEST(at_once)
{
    static const uint8_t zeros[64];
    const envelope_kms_ops ops = {.size = sizeof ops, .kind = "many", .unwrap_many = many};
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_kms *kms;
    begin();
    calls = 0;
    whole = ENVELOPE_OK;
    MUST(envelope_kms_new(ctx, &ops, &room, &kms, &err));
    room.fail[0] = ENVELOPE_E_IO;
    MUST(envelope_kms_unwrap_many(kms, item, COUNT, &err));
    ck_assert_uint_eq(calls, 1);
    static const envelope_status want[COUNT] = {ENVELOPE_OK, ENVELOPE_E_AUTH, ENVELOPE_E_CALLBACK,
                                                ENVELOPE_E_CALLBACK, ENVELOPE_E_CALLBACK};
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_int_eq(item[i].status, want[i]);
        ck_assert_ptr_eq(item[i].out, out[i]);
        ck_assert(!memcmp(out[i], i ? zeros : plain[0], 32));
    }
    whole = ENVELOPE_E_KMS_UNREACHED;
    ck_assert_int_eq(envelope_kms_unwrap_many(kms, item, COUNT, &err), whole);
    ck_assert(strstr(err.message, "none of them"));
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_int_eq(item[i].status, whole);
        ck_assert(!memcmp(out[i], zeros, 64));
    }
    envelope_kms_free(kms);
    end();
}
END_TEST

START_TEST(asking)
{
    struct desk d;
    begin();
    desk_open(&d, ctx, &room, REVERSED);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(envelope_kms_unwrap_many(d.kms, item, COUNT, NULL), ENVELOPE_E_AGAIN);
        const envelope_question *q;
        while ((q = envelope_kms_next_question(d.kms))) {
            d.open[d.open_count++] = q;
        }
        ck_assert_uint_eq(d.open_count, COUNT);
    }
    while (d.open_count) {
        desk_answer(&d, d.open_count - 1);
    }
    ck_assert_int_eq(envelope_kms_unwrap_many(d.kms, item, COUNT, NULL), ENVELOPE_OK);
    expect_answers();
    ck_assert_uint_eq(d.kms->asking->ask_count, 0);
    desk_close(&d);
    end();
}
END_TEST

START_TEST(arguments)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    begin();
    envelope_kms *kms = room_blocking(ctx, &room);
    ck_assert_int_eq(envelope_kms_unwrap_many(NULL, item, 1, &err), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_kms_unwrap_many(kms, NULL, 1, &err), ENVELOPE_E_INVALID);
    MUST(envelope_kms_unwrap_many(kms, NULL, 0, &err));
    item[1].cap = 31;
    ck_assert_int_eq(envelope_kms_unwrap_many(kms, item, COUNT, &err), ENVELOPE_E_RANGE);
    ck_assert_uint_eq(item[1].len, 32);
    item[1].cap = 64;
    item[1].key = NULL;
    ck_assert_int_eq(envelope_kms_unwrap_many(kms, item, COUNT, &err), ENVELOPE_E_INVALID);
    item[1].key = &key;
    item[1].size--;
    ck_assert_int_eq(envelope_kms_unwrap_many(kms, item, COUNT, &err), ENVELOPE_E_INVALID);
    ck_assert_uint_eq(room.asked[ENVELOPE_ASK_UNWRAP], 0);
    envelope_kms_free(kms);
    end();
}
END_TEST

/* Built against a later header: zeros behind what is known here, and a longer stride. */
START_TEST(larger_items)
{
    struct later {
        envelope_unwrap now;
        uint64_t more;
    } later[2] = {0};
    begin();
    envelope_kms *kms = room_blocking(ctx, &room);
    for (size_t i = 0; i < 2; i++) {
        later[i].now = item[i];
        later[i].now.size = sizeof later[i];
    }
    ck_assert_int_eq(envelope_kms_unwrap_many(kms, &later[0].now, 2, NULL), ENVELOPE_OK);
    ck_assert(!memcmp(out[1], plain[1], 32));
    ck_assert_uint_eq(later[1].now.len, 32);
    later[1].more = 1;
    ck_assert_int_eq(envelope_kms_unwrap_many(kms, &later[0].now, 2, NULL), ENVELOPE_E_INVALID);
    envelope_kms_free(kms);
    end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("asking_many");
    TCase *t = tcase_create("many");
    tcase_add_test(t, one_by_one);
    tcase_add_test(t, at_once);
    tcase_add_test(t, asking);
    tcase_add_test(t, arguments);
    tcase_add_test(t, larger_items);
    suite_add_tcase(s, t);
    return s;
}
