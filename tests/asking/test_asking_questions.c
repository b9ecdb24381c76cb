/* The table of questions and the pool of draws, without a chain: what may be answered and when,
 * what is kept and for how long, and how much of it. */
#include "asking_kit.h"
#include "base/call.h"
#include "kms/handle.h"
#include "kms/keyring.h"
#include <string.h>

static struct room room;
static struct desk desk;
static envelope_ctx *ctx;
static envelope_keyring *ring;
static envelope_dek *dek;
static envelope_header *header;

static void begin(bool symmetric)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    ctx = test_ctx();
    room_open(&room, symmetric, 1);
    desk_open(&desk, ctx, &room, PROMPT);
    MUST(envelope_keyring_new(ctx, NULL, &ring, &err));
    MUST(envelope_keyring_add_kms(ring, "lab", desk.kms, ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP, 0,
                                  &err));
    MUST(envelope_keyring_wrap_for(ring, "lab", "vm", &err));
    MUST(envelope_dek_generate(ctx, &dek, &err));
}

static void end(void)
{
    envelope_dek_free(dek);
    envelope_header_free(header);
    header = NULL;
    envelope_keyring_free(ring);
    desk_close(&desk);
    room_close(&room);
    envelope_ctx_free(ctx);
}

static envelope_status new_header(void)
{
    return envelope_header_new(ring, dek, NULL, &header, NULL);
}

/* -- the call is repeated without an answer */

static void repeat(size_t questions, size_t draws)
{
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(new_header(), ENVELOPE_E_AGAIN);
        ck_assert_ptr_null(header);
        ck_assert_uint_eq(desk_take(&desk), 1);
        ck_assert_uint_eq(desk.questions, questions);
        ck_assert_uint_eq(desk.kms->asking->ask_count, questions);
        ck_assert_uint_eq(desk.kms->asking->draw_count, draws);
    }
}

START_TEST(never_answered)
{
    begin(_i);
    repeat(1, 0); /* the newest key */
    desk_answer(&desk, 0);
    repeat(2, 1); /* the possession test: wrapped here, or (AES) to be wrapped there */
    desk_answer(&desk, 0);
    if (_i) {
        repeat(3, 1);
        desk_answer(&desk, 0);
        repeat(4, 1);
        desk_answer(&desk, 0);
    }
    ck_assert_int_eq(new_header(), ENVELOPE_OK);
    ck_assert_uint_eq(desk.kms->asking->ask_count, 0);
    ck_assert_uint_eq(desk.kms->asking->draw_count, 0);
    end();
}
END_TEST

/* -- answers that may not be given */

static envelope_status answer(uint64_t id, envelope_status st, const envelope_key_ref *key,
                              int32_t state, const void *bytes, size_t len)
{
    return envelope_kms_answer(desk.kms, id, st, "said", key, state, bytes, len, NULL);
}

START_TEST(bad_newest)
{
    uint8_t junk[64] = {1};
    envelope_key_ref key = {.size = sizeof key, .key_id = "vm/1"};
    envelope_key_ref other = {.size = sizeof other, .key_id = "vm/1", .key_name = "other"};
    envelope_key_ref nameless = {.size = sizeof nameless};
    const uint8_t *spki;
    begin(false);
    spki = room.spki[1];
    size_t len = room.spki_len[1];
    ck_assert_int_eq(new_header(), ENVELOPE_E_AGAIN);
    ck_assert_uint_eq(desk_take(&desk), 1);
    uint64_t id = desk.open[0]->id;
    ck_assert_int_eq(answer(id, ENVELOPE_OK, NULL, 0, spki, len), ENVELOPE_E_INVALID);
    ck_assert_int_eq(answer(id, ENVELOPE_OK, &nameless, 0, spki, len), ENVELOPE_E_INVALID);
    ck_assert_int_eq(answer(id, ENVELOPE_OK, &other, 0, spki, len), ENVELOPE_E_INVALID);
    ck_assert_int_eq(answer(id, ENVELOPE_OK, &key, 0, junk, sizeof junk), ENVELOPE_E_INVALID);
    ck_assert_int_eq(answer(id, ENVELOPE_OK, &key, 99, spki, len), ENVELOPE_E_INVALID);
    ck_assert_int_eq(answer(id, ENVELOPE_OK, &key, 0, NULL, len), ENVELOPE_E_INVALID);
    ck_assert_int_eq(answer(id, ENVELOPE_E_NOMEM, NULL, 0, NULL, 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(answer(id, ENVELOPE_E_AGAIN, NULL, 0, NULL, 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(answer(id, 1, NULL, 0, NULL, 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(new_header(), ENVELOPE_E_AGAIN);
    ck_assert_int_eq(answer(id, ENVELOPE_OK, &key, 0, spki, len), ENVELOPE_OK);
    ck_assert_int_eq(answer(id, ENVELOPE_OK, &key, 0, spki, len), ENVELOPE_E_EXISTS);
    ck_assert_int_eq(answer(id + 7, ENVELOPE_OK, &key, 0, spki, len), ENVELOPE_E_NOT_FOUND);
    end();
}
END_TEST

START_TEST(bad_bytes)
{
    static uint8_t much[2000];
    begin(false);
    ck_assert_int_eq(new_header(), ENVELOPE_E_AGAIN);
    desk_round(&desk);
    ck_assert_int_eq(new_header(), ENVELOPE_E_AGAIN);
    ck_assert_uint_eq(desk_take(&desk), 1);
    ck_assert_int_eq(desk.open[0]->kind, ENVELOPE_ASK_UNWRAP);
    uint64_t id = desk.open[0]->id;
    ck_assert_int_eq(answer(id, ENVELOPE_OK, NULL, 0, NULL, 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(answer(id, ENVELOPE_OK, NULL, 0, much, sizeof much), ENVELOPE_E_INVALID);
    /* a length that no DEK has is an answer: it does not open */
    ck_assert_int_eq(answer(id, ENVELOPE_OK, NULL, 0, much, 31), ENVELOPE_OK);
    ck_assert_int_eq(new_header(), ENVELOPE_E_REFUSED);
    end();
}
END_TEST

START_TEST(not_an_asking_one)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    begin(false);
    envelope_kms *called = room_blocking(ctx, &room);
    ck_assert_ptr_null(envelope_kms_next_question(called));
    ck_assert_ptr_null(envelope_kms_next_question(NULL));
    ck_assert_int_eq(envelope_kms_answer(called, 1, 0, NULL, NULL, 0, NULL, 0, &err),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_kms_answer(NULL, 1, 0, NULL, NULL, 0, NULL, 0, &err),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_kms_new_asking(ctx, "x", NULL, &err), ENVELOPE_E_INVALID);
    envelope_kms *none = called;
    ck_assert_int_eq(envelope_kms_new_asking(NULL, "x", &none, &err), ENVELOPE_E_INVALID);
    ck_assert_ptr_null(none);
    envelope_kms_free(called);
    end();
}
END_TEST

/* -- what is kept */

static envelope_status ask(uint32_t number)
{
    struct env_answer got;
    struct env_ask *a;
    uint8_t in[4];
    const envelope_key_ref key = {
        .size = sizeof key, .kms_id = "lab", .key_name = "vm", .key_id = "vm/1"};
    memcpy(in, &number, sizeof in);
    const envelope_question q = {
        .kind = ENVELOPE_ASK_UNWRAP, .key = &key, .in = in, .in_len = sizeof in};
    envelope_status st = env_ask(desk.kms->asking, &q, &a, &got, NULL);
    if (!st) {
        env_ask_release(desk.kms->asking, a);
    }
    return st;
}

static void settle(struct env_call *call, envelope_status st)
{
    env_kms_settle(desk.kms, call->id, st);
    env_call_end(call);
}

START_TEST(withdrawn)
{
    struct env_call call;
    begin(false);
    const struct env_asking *a = desk.kms->asking;
    env_call_begin(ctx, &call);
    ck_assert_int_eq(ask(1), ENVELOPE_E_AGAIN);
    const envelope_question *q = envelope_kms_next_question(desk.kms);
    ck_assert_int_eq(ask(2), ENVELOPE_E_AGAIN);
    settle(&call, ENVELOPE_E_REFUSED);
    ck_assert_uint_eq(a->ask_count, 1); /* what the caller may point to stays */
    ck_assert_uint_eq(q->in_len, 4);
    ck_assert_ptr_null(envelope_kms_next_question(desk.kms));
    uint64_t id = q->id;
    ck_assert_int_eq(answer(id, ENVELOPE_E_NO_KEY, NULL, 0, NULL, 0), ENVELOPE_OK);
    ck_assert_uint_eq(a->ask_count, 0);
    ck_assert_int_eq(answer(id, ENVELOPE_E_NO_KEY, NULL, 0, NULL, 0), ENVELOPE_E_NOT_FOUND);
    end();
}
END_TEST

/* Asked by a later call again before it was answered: it counts. */
START_TEST(asked_again)
{
    struct env_call call;
    begin(false);
    env_call_begin(ctx, &call);
    ck_assert_int_eq(ask(1), ENVELOPE_E_AGAIN);
    uint64_t id = envelope_kms_next_question(desk.kms)->id;
    settle(&call, ENVELOPE_E_REFUSED);
    env_call_begin(ctx, &call);
    ck_assert_int_eq(ask(1), ENVELOPE_E_AGAIN);
    settle(&call, ENVELOPE_E_AGAIN);
    ck_assert_int_eq(answer(id, ENVELOPE_OK, NULL, 0, "0123", 4), ENVELOPE_OK);
    env_call_begin(ctx, &call);
    ck_assert_int_eq(ask(1), ENVELOPE_OK);
    settle(&call, ENVELOPE_OK);
    ck_assert_uint_eq(desk.kms->asking->ask_count, 0);
    end();
}
END_TEST

START_TEST(questions_are_bounded)
{
    struct env_call call;
    begin(false);
    const struct env_asking *a = desk.kms->asking;
    for (uint32_t i = 0; i < 2 * ENV_QUESTIONS_LIMIT; i++) { /* calls that are never repeated */
        env_call_begin(ctx, &call);
        ck_assert_int_eq(ask(i), ENVELOPE_E_AGAIN);
        settle(&call, ENVELOPE_E_AGAIN);
    }
    ck_assert_uint_eq(a->ask_count, ENV_QUESTIONS_LIMIT);
    ck_assert_uint_eq(desk_take(&desk), ENV_QUESTIONS_LIMIT);
    ck_assert_int_eq(memcmp(desk.open[0]->in, &(uint32_t){ENV_QUESTIONS_LIMIT}, 4), 0);
    env_call_begin(ctx, &call);
    ck_assert_int_eq(ask(9999), ENVELOPE_E_LIMIT); /* all may be pointed to */
    uint64_t id = desk.open[0]->id;
    ck_assert_int_eq(answer(id, ENVELOPE_E_KMS_UNREACHED, NULL, 0, NULL, 0), ENVELOPE_OK);
    ck_assert_int_eq(ask(9999), ENVELOPE_E_AGAIN);
    settle(&call, ENVELOPE_OK);
    end();
}
END_TEST

/* A call that is never repeated, or failed before it came to its question again: what was answered
 * and drawn for it does not stay for ever. */
START_TEST(stale_is_wiped)
{
    struct env_call call;
    begin(false);
    env_call_begin(ctx, &call);
    ck_assert_int_eq(ask(1), ENVELOPE_E_AGAIN);
    ck_assert_int_eq(ask(2), ENVELOPE_E_AGAIN);
    uint8_t tag[32] = {0};
    struct env_draw *d;
    ck_assert_int_eq(env_draw_take(desk.kms->asking, ENV_DRAW_POINT, tag, 1, &d, NULL), 0);
    settle(&call, ENVELOPE_E_AGAIN);
    desk_take(&desk);
    uint64_t id = desk.open[1]->id;
    ck_assert_int_eq(answer(desk.open[0]->id, ENVELOPE_OK, NULL, 0, "0123", 4), ENVELOPE_OK);
    for (int i = 0; i < ENV_STALE_CALLS; i++) {
        env_call_begin(ctx, &call);
        settle(&call, ENVELOPE_E_AGAIN);
    }
    ck_assert_uint_eq(desk.kms->asking->ask_count, 2);
    ck_assert_uint_eq(desk.kms->asking->draw_count, 1);
    env_call_begin(ctx, &call);
    settle(&call, ENVELOPE_OK);
    ck_assert_uint_eq(desk.kms->asking->draw_count, 0);
    ck_assert_uint_eq(desk.kms->asking->ask_count, 1); /* what may be pointed to stays */
    ck_assert_int_eq(answer(id, ENVELOPE_OK, NULL, 0, "0123", 4), ENVELOPE_OK);
    ck_assert_uint_eq(desk.kms->asking->ask_count, 0);
    end();
}
END_TEST

/* One call's own questions never give way to each other. */
START_TEST(one_call_is_bounded)
{
    struct env_call call;
    begin(false);
    env_call_begin(ctx, &call);
    for (uint32_t i = 0; i < ENV_QUESTIONS_LIMIT; i++) {
        ck_assert_int_eq(ask(i), ENVELOPE_E_AGAIN);
    }
    ck_assert_int_eq(ask(ENV_QUESTIONS_LIMIT), ENVELOPE_E_LIMIT);
    settle(&call, ENVELOPE_E_LIMIT);
    ck_assert_uint_eq(desk.kms->asking->ask_count, 0);
    end();
}
END_TEST

/* -- draws */

static struct env_draw *take(int32_t purpose, uint8_t tag)
{
    uint8_t t[32] = {tag};
    struct env_draw *d = NULL;
    ck_assert_int_eq(env_draw_take(desk.kms->asking, purpose, t, 1, &d, NULL), ENVELOPE_OK);
    return d;
}

static bool same_key(const struct env_draw *a, const struct env_draw *b)
{
    return !memcmp(env_dek_key(env_draw_dek(a)), env_dek_key(env_draw_dek(b)), 32);
}

START_TEST(draws_are_one_calls)
{
    struct env_call outer;
    struct env_call inner;
    begin(false);
    ck_assert_ptr_null(take(ENV_DRAW_POINT, 1)); /* no call: nothing would give it back */
    env_call_begin(ctx, &outer);
    struct env_draw *a = take(ENV_DRAW_POINT, 1);
    ck_assert_ptr_eq(take(ENV_DRAW_POINT, 1), a);
    ck_assert(!same_key(take(ENV_DRAW_POINT, 2), a));
    ck_assert(!same_key(take(ENV_DRAW_METADATA, 1), a));
    env_call_begin(ctx, &inner); /* as another thread would be in */
    struct env_draw *b = take(ENV_DRAW_POINT, 1);
    ck_assert_ptr_ne(a, b);
    ck_assert(!same_key(a, b));
    settle(&inner, ENVELOPE_OK);
    ck_assert_uint_eq(desk.kms->asking->draw_count, 3);
    settle(&outer, ENVELOPE_E_AGAIN);
    env_call_begin(ctx, &outer);
    ck_assert_ptr_eq(take(ENV_DRAW_POINT, 1), a);
    settle(&outer, ENVELOPE_OK);
    ck_assert_uint_eq(desk.kms->asking->draw_count, 2); /* of the other purposes: left */
    end();
}
END_TEST

START_TEST(spent_is_gone)
{
    struct env_call call;
    uint8_t key[32];
    begin(false);
    env_call_begin(ctx, &call);
    struct env_draw *a = take(ENV_DRAW_POINT, 1);
    memcpy(key, env_dek_key(env_draw_dek(a)), 32);
    env_draw_spend(desk.kms->asking, a);
    ck_assert_uint_eq(desk.kms->asking->draw_count, 0);
    struct env_draw *b = take(ENV_DRAW_POINT, 1);
    ck_assert(memcmp(env_dek_key(env_draw_dek(b)), key, 32) != 0);
    settle(&call, ENVELOPE_E_AGAIN);
    env_call_begin(ctx, &call);
    ck_assert_ptr_eq(take(ENV_DRAW_POINT, 1), b);
    settle(&call, ENVELOPE_OK);
    end();
}
END_TEST

START_TEST(draws_are_bounded)
{
    struct env_call call;
    struct env_draw *d = NULL;
    uint8_t tag[32] = {0};
    begin(false);
    for (uint8_t i = 0; i < 2 * ENV_DRAWS_LIMIT; i++) {
        env_call_begin(ctx, &call);
        ck_assert_ptr_nonnull(take(ENV_DRAW_PROOF, i));
        settle(&call, ENVELOPE_E_AGAIN);
    }
    ck_assert_uint_eq(desk.kms->asking->draw_count, ENV_DRAWS_LIMIT);
    env_call_begin(ctx, &call);
    for (uint8_t i = 0; i < ENV_DRAWS_LIMIT; i++) {
        ck_assert_ptr_nonnull(take(ENV_DRAW_POINT, i));
    }
    tag[0] = 200;
    ck_assert_int_eq(env_draw_take(desk.kms->asking, ENV_DRAW_POINT, tag, 1, &d, NULL),
                     ENVELOPE_E_LIMIT);
    settle(&call, ENVELOPE_OK);
    ck_assert_uint_eq(desk.kms->asking->draw_count, 0);
    end();
}
END_TEST

START_TEST(state)
{
    int32_t got = 0;
    const envelope_key_ref key = {.size = sizeof key, .kms_id = "lab", .key_name = "vm"};
    begin(false);
    ck_assert_int_eq(env_asking_ops.state(desk.kms->asking, &key, &got, NULL), ENVELOPE_E_AGAIN);
    ck_assert_uint_eq(desk_take(&desk), 1);
    ck_assert_int_eq(desk.open[0]->kind, ENVELOPE_ASK_STATE);
    uint64_t id = desk.open[0]->id;
    ck_assert_int_eq(answer(id, ENVELOPE_OK, NULL, 0, NULL, 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(answer(id, ENVELOPE_OK, NULL, ENVELOPE_KEY_DEACTIVATED, NULL, 0), ENVELOPE_OK);
    ck_assert_int_eq(env_asking_ops.state(desk.kms->asking, &key, &got, NULL), ENVELOPE_OK);
    ck_assert_int_eq(got, ENVELOPE_KEY_DEACTIVATED);
    end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("asking_questions");
    TCase *t = tcase_create("questions");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, never_answered, 0, 2);
    tcase_add_test(t, bad_newest);
    tcase_add_test(t, bad_bytes);
    tcase_add_test(t, not_an_asking_one);
    tcase_add_test(t, withdrawn);
    tcase_add_test(t, asked_again);
    tcase_add_test(t, questions_are_bounded);
    tcase_add_test(t, stale_is_wiped);
    tcase_add_test(t, one_call_is_bounded);
    tcase_add_test(t, draws_are_one_calls);
    tcase_add_test(t, spent_is_gone);
    tcase_add_test(t, draws_are_bounded);
    tcase_add_test(t, state);
    suite_add_tcase(s, t);
    return s;
}
