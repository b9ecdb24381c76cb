/* Each allocation of ours fails in turn, and the arena runs full: an error, and nothing stays. */
#include "base/context.h"
#include "check_main.h"
#include "crypto/aead.h"
#include "crypto/chunked.h"
#include "crypto/rsa.h"
#include "failing.h"
#include "keys.h"
#include <envelope/key.h>
#include <string.h>

static const uint8_t key[32] = {1};

static envelope_status chunked(envelope_ctx *ctx)
{
    uint8_t sealed[100];
    uint8_t out[8];
    envelope_status st =
        env_chunked_seal_whole(ctx, key, "box", NULL, 0, "message", 7, sealed, NULL);
    return st ? st
              : env_chunked_open_whole(ctx, key, "box", NULL, 0, sealed,
                                       (size_t)env_chunked_sealed_len(7), out, NULL);
}

static envelope_status lanes(envelope_ctx *ctx)
{
    struct env_aead *aead;
    envelope_status st = env_aead_new(ctx, key, ENV_AEAD_LANES, &aead, NULL);
    ck_assert(!st == (aead != NULL));
    env_aead_free(aead);
    return st;
}

static envelope_status block_hash(envelope_ctx *ctx)
{
    struct env_block_hash *hash;
    envelope_status st = env_block_hash_new(ctx, key, ENV_AEAD_LANES, &hash, NULL);
    ck_assert(!st == (hash != NULL));
    env_block_hash_free(hash);
    return st;
}

static envelope_status use(const struct env_rsa_private *pair)
{
    uint8_t c[512];
    uint8_t out[32];
    size_t len;
    envelope_status st = env_oaep_wrap(env_rsa_private_public(pair), ENVELOPE_RSA_OAEP_SHA256, key,
                                       c, sizeof c, &len, NULL);
    st = st ? st : env_oaep_unwrap(pair, ENVELOPE_RSA_OAEP_SHA256, c, len, out, NULL);
    ck_assert(st || memcmp(out, key, sizeof out) == 0);
    return st;
}

static envelope_status keys(envelope_ctx *ctx)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(6, pem);
    struct env_rsa_private *pair;
    envelope_status st = env_rsa_private_parse(ctx, pem, len, NULL, 0, &pair, NULL);
    ck_assert(!st == (pair != NULL));
    st = st ? st : use(pair);
    env_rsa_private_free(pair);
    return st;
}

static envelope_status attempt(struct failing *f, envelope_status (*what)(envelope_ctx *))
{
    envelope_ctx_options o = failing_options(f);
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_ctx *ctx;
    envelope_status st = envelope_ctx_new(&o, &ctx, &err);
    ck_assert(!st == (ctx != NULL));
    st = st ? st : what(ctx);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f->live, 0);
    return st;
}

static void each_in_turn(const char *name, envelope_status (*what)(envelope_ctx *))
{
    struct failing whole = {0};
    ck_assert_int_eq(attempt(&whole, what), ENVELOPE_OK);
    ck_assert_int_ge(whole.calls, 3);
    for (long at = 1; at <= whole.calls; at++) {
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            struct failing f = {.fail_at = at, .for_ever = for_ever};
            ck_assert_int_eq(attempt(&f, what), ENVELOPE_E_NOMEM);
        }
    }
    tap_note("%s: %ld allocations, each failed once and for ever", name, whole.calls);
}

START_TEST(allocations)
{
    each_in_turn("chunked", chunked);
    each_in_turn("lanes", lanes);
    each_in_turn("block hash", block_hash);
    each_in_turn("keys", keys);
}
END_TEST

/* The arena is left `room` bytes; below what is needed the call fails, else it works. */
static void with_room(const char *name, envelope_status (*what)(envelope_ctx *))
{
    int refused = 0;
    envelope_status st = ENVELOPE_E_NOMEM;
    for (size_t room = 0; room <= 4096 && st; room += 64) {
        struct failing f = {.locked_kib = 8};
        envelope_ctx_options o = failing_options(&f);
        envelope_ctx *ctx;
        ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_OK);
        void *last = NULL;
        if (room) {
            last = env_arena_take(ctx->arena, room);
        }
        while (env_arena_take(ctx->arena, 64)) {
        }
        env_arena_give(ctx->arena, last, room);
        st = what(ctx);
        ck_assert(st == ENVELOPE_OK || st == ENVELOPE_E_NOMEM);
        refused += st != ENVELOPE_OK;
        envelope_ctx_free(ctx);
        ck_assert_int_eq(f.live, 0);
    }
    ck_assert_int_eq(st, ENVELOPE_OK);
    ck_assert_int_gt(refused, 0);
    tap_note("%s: %d sizes of arena too small", name, refused);
}

START_TEST(arena)
{
    with_room("chunked", chunked);
    with_room("keys", keys);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {allocations, arena, NULL};
    return suite_of("crypto nomem", 120, all);
}
