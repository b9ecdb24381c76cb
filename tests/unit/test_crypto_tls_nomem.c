/* Each allocation of ours fails in turn, and the arena runs full: an error, and nothing stays. */
#include "base/context.h"
#include "check_main.h"
#include "tls_kit.h"

static struct tls_kit kit;

static void set_up(void)
{
    tls_kit_make(&kit);
}

static void tear_down(void)
{
    tls_kit_free(&kit);
}

static envelope_status all_of_it(envelope_ctx *ctx)
{
    struct client_wish w = {"kms-a", kit.ca_file, kit.cert_file, kit.key_file, NULL, false};
    struct tls_pair pair = {0};
    envelope_status st = client_config(ctx, &w, &pair.config, NULL);
    ck_assert(!st == (pair.config != NULL));
    st = st ? st : env_tls_new(pair.config, "kms-a", &pair.tls, NULL);
    ck_assert(!st == (pair.tls != NULL));
    if (!st) {
        peer_start(&pair.peer, &(struct peer_wish){.cert = &kit.kms, .demands = &kit.ca});
        st = peer_handshake(&pair.peer, pair.tls, NULL);
        peer_end(&pair.peer);
    }
    env_tls_free(pair.tls);
    env_tls_config_free(pair.config);
    return st;
}

static envelope_status attempt(struct failing *f)
{
    envelope_ctx_options o = failing_options(f);
    envelope_ctx *ctx;
    envelope_status st = envelope_ctx_new(&o, &ctx, NULL);
    st = st ? st : all_of_it(ctx);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f->live, 0);
    return st;
}

START_TEST(allocations)
{
    struct failing whole = {0};
    ck_assert_int_eq(attempt(&whole), ENVELOPE_OK);
    for (long at = 1; at <= whole.calls; at++) {
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            struct failing f = {.fail_at = at, .for_ever = for_ever};
            ck_assert_int_eq(attempt(&f), ENVELOPE_E_NOMEM);
        }
    }
    tap_note("%ld allocations, each failed once and for ever", whole.calls);
}
END_TEST

START_TEST(arena)
{
    struct failing f = {.locked_kib = 8};
    envelope_ctx_options o = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_OK);
    void *last = env_arena_take(ctx->arena, 512);
    while (env_arena_take(ctx->arena, 64)) {
    }
    ck_assert_int_eq(all_of_it(ctx), ENVELOPE_E_NOMEM);
    env_arena_give(ctx->arena, last, 512);
    ck_assert_int_eq(all_of_it(ctx), ENVELOPE_OK);
    ck_assert_int_eq(all_of_it(ctx), ENVELOPE_OK); /* it was given back */
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("crypto tls nomem");
    TCase *t = tcase_create("crypto tls nomem");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, allocations);
    tcase_add_test(t, arena);
    suite_add_tcase(s, t);
    return s;
}
