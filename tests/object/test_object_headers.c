/* Both header copies read and compared, each alone, cut, and not to be read. */
#include "check_main.h"
#include "failing.h"
#include "object/open.h"
#include "object/tag.h"
#include "object_kit.h"
#include <stdlib.h>
#include <string.h>

struct scene {
    envelope_ctx *ctx;
    envelope_dek *dek;
    struct memory object;
    size_t capacity;
    struct env_copy copy; /* A, for its layout */
    uint8_t link[32];
};

static struct scene begin(void)
{
    struct scene s = {.ctx = test_ctx()};
    s.dek = kit_dek(s.ctx);
    const struct kit_plan plan = kit_plan(s.ctx, s.dek);
    s.object = kit_object(s.ctx, &plan, "data", 4);
    ck_assert_int_eq(env_copy_parse(s.object.p, s.object.len, ENV_ROLE_A, &s.copy, NULL),
                     ENVELOPE_OK);
    s.capacity = s.copy.capacity;
    ck_assert_int_eq(env_link(s.ctx, s.copy.core, s.copy.att, s.link, NULL), ENVELOPE_OK);
    return s;
}

static void end(struct scene *s)
{
    memory_free(&s->object);
    envelope_dek_free(s->dek);
    envelope_ctx_free(s->ctx);
}

START_TEST(both_copies)
{
    struct scene s = begin();
    s.object.reads = 0;
    struct env_headers *h = kit_headers(s.ctx, &s.object);
    ck_assert_int_eq(s.object.reads, 1);
    ck_assert(h->whole[0] && h->whole[1]);
    ck_assert_uint_eq(h->first, 0);
    ck_assert_uint_eq(h->capacity, 16384);
    ck_assert_uint_eq(env_headers_id(h)->generation, 3);
    ck_assert_uint_eq(h->slots[0]->count, 1);
    ck_assert_mem_eq(s.link, h->link, sizeof s.link);
    bool yes;
    ck_assert_int_eq(env_object_attested(h, kit_attest_key, &yes, NULL), ENVELOPE_OK);
    ck_assert(yes);
    ck_assert_int_eq(env_object_attested(h, kit_root, &yes, NULL), ENVELOPE_OK);
    ck_assert(!yes);
    env_headers_free(h);
    end(&s);
}
END_TEST

enum { PAIRS = 1000 };
static const size_t ancestors[] = {0, 150, 300, 700};

/* Of the four capacities the i-th. */
static struct memory of_capacity(int i, const envelope_dek *dek, envelope_ctx *ctx,
                                 const uint8_t *pairs, const void *data, size_t len)
{
    struct kit_plan plan = kit_plan(ctx, dek);
    plan.id.kind = ENV_KIND_INCREMENT;
    memcpy(plan.id.parent, pairs, sizeof plan.id.parent);
    plan.box.count = (uint32_t)ancestors[i];
    plan.box.pairs = pairs;
    return kit_object(ctx, &plan, data, len);
}

/* A copy at each of the four capacities is found by itself when A is dead. */
START_TEST(b_alone)
{
    envelope_ctx *ctx = test_ctx();
    envelope_dek *dek = kit_dek(ctx);
    uint8_t *pairs = kit_data((size_t)PAIRS * ENV_PAIR_BYTES);
    struct memory m = of_capacity(_i, dek, ctx, pairs, "x", 1);
    m.p[0] ^= 1;
    struct env_headers *h = kit_headers(ctx, &m);
    ck_assert_uint_eq(h->capacity, (uint32_t)16384 << _i);
    ck_assert(!h->whole[0] && h->whole[1]);
    ck_assert_uint_eq(h->first, 1);
    ck_assert_int_ne(h->damage[0][0], 0);
    struct env_object *object;
    ck_assert_int_eq(env_object_unlock_with(h, dek, &object, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(object->box.count, ancestors[_i]);
    ck_assert_mem_eq(object->box.pairs, pairs, ancestors[_i] * ENV_PAIR_BYTES);
    env_object_free(object);
    memory_free(&m);
    free(pairs);
    envelope_dek_free(dek);
    envelope_ctx_free(ctx);
}
END_TEST

/* A scan reads the headers of every object: where they are short, no more than them, at once. */
START_TEST(what_is_read)
{
    envelope_ctx *ctx = test_ctx();
    envelope_dek *dek = kit_dek(ctx);
    uint8_t *pairs = kit_data((size_t)PAIRS * ENV_PAIR_BYTES);
    uint8_t *data = kit_data((size_t)3 * ENV_CAPACITY_MAX);
    struct memory m = of_capacity(_i, dek, ctx, pairs, data, (size_t)3 * ENV_CAPACITY_MAX);
    m.reads = 0;
    m.bytes_read = 0;
    struct env_headers *h = kit_headers(ctx, &m);
    ck_assert_uint_eq(h->capacity, (uint32_t)ENV_CAPACITY_MIN << _i);
    ck_assert_int_eq(m.reads, _i ? 2 : 1);
    ck_assert_uint_eq(m.bytes_read, 2 * ENV_CAPACITY_MIN + (_i ? 2 * ENV_CAPACITY_MAX : 0));
    env_headers_free(h);
    memory_free(&m);
    free(data);
    free(pairs);
    envelope_dek_free(dek);
    envelope_ctx_free(ctx);
}
END_TEST

/* Every length of what is left of the front. */
START_TEST(cut)
{
    struct scene s = begin();
    size_t whole = s.object.len;
    for (size_t len = 0; len <= 2 * s.capacity; len += len % 64 == 63 ? 2 : 61) {
        s.object.len = len;
        struct env_headers *h;
        envelope_status st = env_headers_read(s.ctx, memory_read, &s.object, len, &h, NULL);
        ck_assert_int_eq(st, len < s.capacity ? ENVELOPE_E_FORMAT : ENVELOPE_OK);
        if (h) {
            ck_assert(h->whole[0]);
            ck_assert_int_eq(h->whole[1], len == 2 * s.capacity);
        }
        env_headers_free(h);
    }
    s.object.len = whole;
    end(&s);
}
END_TEST

START_TEST(unreadable)
{
    struct scene s = begin();
    struct env_headers *h;
    s.object.broken = ENVELOPE_E_IO;
    ck_assert_int_eq(env_headers_read(s.ctx, memory_read, &s.object, s.object.len, &h, NULL),
                     ENVELOPE_E_IO);
    ck_assert_ptr_null(h);
    end(&s);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("object_headers");
    TCase *t = tcase_create("headers");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, both_copies);
    tcase_add_loop_test(t, b_alone, 0, 4);
    tcase_add_loop_test(t, what_is_read, 0, 4);
    tcase_add_test(t, cut);
    tcase_add_test(t, unreadable);
    suite_add_tcase(s, t);
    return s;
}
