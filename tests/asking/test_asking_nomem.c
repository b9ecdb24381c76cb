/* Allocations that fail once, in turn, while an asking KMS is at work: an error or the right
 * result, nothing leaks, and what the call that failed leaves behind is little. */
#include "asking_kit.h"
#include "kms/handle.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STEPS_MAX = 100000 };

static struct failing alloc;
static struct room room;

struct stage {
    envelope_ctx *ctx;
    struct desk desk;
    struct desk *desks[1];
    envelope_keyring *ring;
    envelope_store *store;
    struct memory_store mem;
    envelope_chain *chain;
    envelope_writer *writer;
    envelope_header *header;
    envelope_dek *dek;
};

static void begin(struct stage *s)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_ctx_options o = failing_options(&alloc);
    alloc.fail_at = 0;
    memset(s, 0, sizeof *s);
    MUST(envelope_ctx_new(&o, &s->ctx, &err));
    desk_open(&s->desk, s->ctx, &room, PROMPT);
    s->desk.patient = true;
    s->desks[0] = &s->desk;
    s->store = memory_store_open(s->ctx, &s->mem);
    MUST(envelope_keyring_new(s->ctx, NULL, &s->ring, &err));
    MUST(envelope_keyring_add_kms(
        s->ring, "lab", s->desk.kms,
        ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP | ENVELOPE_USE_NAMES_EXCLUSIVE, 0, &err));
    MUST(envelope_keyring_wrap_for(s->ring, "lab", "vm", &err));
    MUST(envelope_dek_generate(s->ctx, &s->dek, &err));
}

static void end(struct stage *s)
{
    envelope_writer_free(s->writer);
    envelope_chain_free(s->chain);
    envelope_header_free(s->header);
    envelope_dek_free(s->dek);
    envelope_keyring_free(s->ring);
    envelope_store_free(s->store);
    memory_store_clear(&s->mem);
    desk_close(&s->desk);
    envelope_ctx_free(s->ctx);
}

static envelope_status create(void *user, envelope_error *err)
{
    struct stage *s = user;
    return envelope_chain_create(s->store, s->ring, NULL, &s->chain, err);
}

static envelope_status new_writer(void *user, envelope_error *err)
{
    struct stage *s = user;
    return envelope_writer_new(s->chain, NULL, &s->writer, err);
}

static envelope_status new_header(void *user, envelope_error *err)
{
    struct stage *s = user;
    return envelope_header_new(s->ring, s->dek, NULL, &s->header, err);
}

static envelope_status run(struct stage *s, envelope_error *err)
{
    envelope_status st = drive(s->desks, 1, &s->mem, new_header, s, err);
    st = st ? st : drive(s->desks, 1, &s->mem, create, s, err);
    return st ? st : drive(s->desks, 1, &s->mem, new_writer, s, err);
}

static long stride(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return getenv("ENVELOPE_THOROUGH") ? 1 : 11;
#else
    return getenv("ENVELOPE_THOROUGH") ? 1 : 3;
#endif
}

START_TEST(once)
{
    const long step = stride();
    const long first = 1 + (long)(time(NULL) % step);
    unsigned failed = 0;
    unsigned right = 0;
    long at = first;
    room_open(&room, _i, 1);
    for (; at < STEPS_MAX; at += step) {
        struct stage s;
        envelope_error err = ENVELOPE_ERROR_INIT;
        begin(&s);
        alloc.calls = 0;
        alloc.fail_at = at;
        envelope_status st = run(&s, &err);
        long calls = alloc.calls;
        alloc.fail_at = 0;
        ck_assert_msg(st == ENVELOPE_OK || st == ENVELOPE_E_NOMEM, "allocation %ld: %s: %s", at,
                      envelope_status_name(st), err.message);
        /* a call that failed before it came to its questions again leaves them, at most all of
         * one call: they give way later */
        ck_assert_uint_le(s.desk.kms->asking->ask_count, st ? 6 : 0);
        ck_assert_uint_le(s.desk.kms->asking->draw_count, st ? 3 : 0);
        failed += st != ENVELOPE_OK;
        right += st == ENVELOPE_OK;
        end(&s);
        ck_assert_msg(alloc.live == 0, "allocation %ld: %ld blocks leak", at, alloc.live);
        if (calls < at) {
            break;
        }
    }
    room_close(&room);
    ck_assert_int_lt(at, STEPS_MAX);
    ck_assert_uint_gt(4 * failed, failed + right);
    tap_note("every %ldth of %ld allocations (first: %ld): %u errors, %u right results", step,
             at - 1, first, failed, right);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("asking_nomem");
    TCase *t = tcase_create("nomem");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, once, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
