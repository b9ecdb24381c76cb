/* Unlocking: which copy counts, what a DEK must prove, and what forgeries come to (crypto.md 4.3 to
 * 4.6, T6, T8). */
#include "base/bytes.h"
#include "check_main.h"
#include "failing.h"
#include "object/open.h"
#include "object/seal.h"
#include "object_kit.h"
#include <stdlib.h>
#include <string.h>

struct scene {
    envelope_ctx *ctx;
    envelope_dek *dek;
    envelope_keyring *keyring; /* with KIT_KEY's private half */
    struct memory object;
    size_t capacity;
};

static struct scene begin_with(const struct kit_plan *changed)
{
    struct scene s = {.ctx = test_ctx()};
    s.dek = kit_dek(s.ctx);
    s.keyring = kit_keyring(s.ctx, KIT_KEY);
    struct kit_plan plan = changed ? *changed : kit_plan(s.ctx, s.dek);
    plan.dek = s.dek;
    s.object = kit_object(s.ctx, &plan, "data", 4);
    s.capacity = 16384;
    return s;
}

static struct scene begin(void)
{
    return begin_with(NULL);
}

static void end(struct scene *s)
{
    memory_free(&s->object);
    envelope_keyring_free(s->keyring);
    envelope_dek_free(s->dek);
    envelope_ctx_free(s->ctx);
}

static envelope_status unlock(struct scene *s, struct env_object **out, uint32_t *failures)
{
    const struct env_listener events = ENV_LISTENER(s->ctx);
    struct env_opening opening = env_opening_begin(s->keyring, &events);
    struct env_headers *h = kit_headers(s->ctx, &s->object);
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status st = env_object_unlock(h, s->keyring, &opening, out, &err);
    ck_assert_int_eq(st == ENVELOPE_OK, *out != NULL);
    ck_assert_int_eq(st, err.status); /* and nothing was said of a success */
    if (failures) {
        *failures = opening.failures;
    }
    return st;
}

static void expect(struct scene *s, int32_t a, int32_t b, uint64_t revision, uint32_t failures)
{
    struct env_object *o;
    uint32_t counted;
    ck_assert_int_eq(unlock(s, &o, &counted), ENVELOPE_OK);
    ck_assert_mem_eq(env_dek_key(o->dek), env_dek_key(s->dek), 32);
    ck_assert_int_eq(o->state[0], a);
    ck_assert_int_eq(o->state[1], b);
    ck_assert_uint_eq(o->copy->revision, revision);
    ck_assert_ptr_eq(o->slots, o->headers->slots[o->copy == &o->headers->copy[1]]);
    ck_assert_mem_eq(o->box.block_hash, kit_block_hash_key, 32);
    ck_assert_uint_eq(counted, failures);
    env_object_free(o);
}

static void expect_failure(struct scene *s, envelope_status expected)
{
    struct env_object *o;
    ck_assert_int_eq(unlock(s, &o, NULL), expected);
}

START_TEST(both_good)
{
    struct scene s = begin();
    expect(&s, ENV_COPY_GOOD, ENV_COPY_GOOD, 1, 0);
    end(&s);
}
END_TEST

START_TEST(other_key)
{
    struct scene s = begin();
    envelope_keyring_free(s.keyring);
    s.keyring = kit_keyring(s.ctx, KIT_OTHER_KEY);
    expect_failure(&s, ENVELOPE_E_NO_KEY);
    end(&s);
}
END_TEST

/* A rewrap cut off between the copies: the newer one counts, wherever it is. */
START_TEST(stale)
{
    struct scene s = begin();
    struct env_slots *slots = kit_slots(s.ctx, s.dek, KIT_KEY);
    kit_retag(s.ctx, &s.object, _i, s.dek, 2, slots);
    expect(&s, _i ? ENV_COPY_STALE : ENV_COPY_GOOD, _i ? ENV_COPY_GOOD : ENV_COPY_STALE, 2, 0);
    env_free(s.ctx, slots);
    end(&s);
}
END_TEST

/* The newer copy is for another key only: the older one opens, and then the newer one verifies. */
START_TEST(newer_for_others)
{
    struct scene s = begin();
    struct env_slots *slots = kit_slots(s.ctx, s.dek, KIT_OTHER_KEY);
    kit_retag(s.ctx, &s.object, _i, s.dek, 2, slots);
    expect(&s, _i ? ENV_COPY_STALE : ENV_COPY_GOOD, _i ? ENV_COPY_GOOD : ENV_COPY_STALE, 2, 0);
    env_free(s.ctx, slots);
    end(&s);
}
END_TEST

/* A newer revision made by somebody without the DEK: the older one is what counts. */
START_TEST(newer_forged)
{
    struct scene s = begin();
    envelope_dek *other = kit_dek(s.ctx);
    struct env_slots *slots = kit_slots(s.ctx, other, KIT_KEY);
    kit_retag(s.ctx, &s.object, _i, other, 9, slots);
    expect(&s, _i ? ENV_COPY_GOOD : ENV_COPY_ALTERED, _i ? ENV_COPY_ALTERED : ENV_COPY_GOOD, 1, 1);
    env_free(s.ctx, slots);
    envelope_dek_free(other);
    end(&s);
}
END_TEST

/* TAG of one copy altered: the other has the same slots, so no slot is tried twice. */
START_TEST(tag_altered)
{
    struct scene s = begin();
    uint8_t *copy = s.object.p + (_i ? s.capacity : 0);
    copy[s.capacity - 36] ^= 1;
    kit_mend_crc(copy, s.capacity);
    expect(&s, _i ? ENV_COPY_GOOD : ENV_COPY_ALTERED, _i ? ENV_COPY_ALTERED : ENV_COPY_GOOD, 1, 0);
    end(&s);
}
END_TEST

/* T8, without repair: copies of different DEKs; and one alone whose other is damaged. */
START_TEST(two_deks)
{
    struct scene s = begin();
    envelope_dek *other = kit_dek(s.ctx);
    struct kit_plan forged = kit_plan(s.ctx, other);
    static const uint8_t guess[32] = "a root made up by an outsider..";
    forged.box.root = guess;
    struct memory theirs = kit_object(s.ctx, &forged, "data", 4);
    size_t at = _i ? s.capacity : 0;
    memcpy(s.object.p + at, theirs.p + at, s.capacity);
    struct env_headers *h;
    ck_assert_int_eq(env_headers_read(s.ctx, memory_read, &s.object, s.object.len, &h, NULL),
                     ENVELOPE_E_AUTH);
    s.object.p[s.capacity - at] ^= 1;    /* ours is damaged: theirs is what there is */
    expect_failure(&s, ENVELOPE_E_AUTH); /* and its root does not give the chain id */
    memory_free(&theirs);
    envelope_dek_free(other);
    end(&s);
}
END_TEST

/* T6: ID and ATT of a genuine object on another DEK, everything else made anew. */
START_TEST(genuine_id_and_att)
{
    struct scene s = begin();
    struct env_copy genuine;
    ck_assert_int_eq(env_copy_parse(s.object.p, s.object.len, ENV_ROLE_A, &genuine, NULL),
                     ENVELOPE_OK);
    uint8_t att[ENV_ATT_BYTES];
    memcpy(att, genuine.att, sizeof att);
    envelope_dek *dek = kit_dek(s.ctx);
    struct kit_plan forged = kit_plan(s.ctx, dek);
    static const uint8_t guess[32] = "a root made up by an outsider..";
    forged.box.root = guess;
    struct memory theirs = kit_object(s.ctx, &forged, "data", 4);
    for (int i = 0; i < 2; i++) {
        uint8_t *copy = theirs.p + (i ? s.capacity : 0);
        struct env_copy c;
        ck_assert_int_eq(env_copy_parse(copy, s.capacity, i ? ENV_ROLE_B : ENV_ROLE_A, &c, NULL),
                         ENVELOPE_OK);
        memcpy(copy + (c.att - copy), att, sizeof att);
        kit_mend_crc(copy, s.capacity);
        kit_retag(s.ctx, &theirs, i, dek, 1, NULL);
    }
    struct env_headers *h = kit_headers(s.ctx, &theirs);
    bool yes = true;
    ck_assert_int_eq(env_object_attested(h, kit_attest_key, &yes, NULL), ENVELOPE_OK);
    ck_assert(!yes);
    env_headers_free(h);
    struct memory ours = s.object;
    s.object = theirs;
    expect_failure(&s, ENVELOPE_E_AUTH);
    s.object = ours;
    memory_free(&theirs);
    envelope_dek_free(dek);
    end(&s);
}
END_TEST

/* TAG and box right, but P is the commitment of another key: a payload of two meanings. */
START_TEST(commitment)
{
    struct scene s = begin();
    for (int i = 0; i < 2; i++) {
        s.object.p[(i ? s.capacity : 0) + 32 + ENV_ID_BYTES + (_i ? 55 : 0)] ^= 1;
        kit_mend_crc(s.object.p + (i ? s.capacity : 0), s.capacity);
        kit_retag(s.ctx, &s.object, i, s.dek, 1, NULL);
    }
    expect_failure(&s, ENVELOPE_E_AUTH);
    struct env_object *o;
    struct env_headers *h = kit_headers(s.ctx, &s.object);
    ck_assert_int_eq(env_object_unlock_with(h, s.dek, &o, NULL), ENVELOPE_E_AUTH);
    ck_assert_ptr_null(o);
    end(&s);
}
END_TEST

START_TEST(wrong_dek)
{
    struct scene s = begin();
    envelope_dek *other = kit_dek(s.ctx);
    struct env_object *o;
    struct env_headers *h = kit_headers(s.ctx, &s.object);
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_int_eq(env_object_unlock_with(h, other, &o, &err), ENVELOPE_E_AUTH);
    ck_assert_ptr_null(o);
    envelope_dek_free(other);
    end(&s);
}
END_TEST

/* What a box may hold, by kind. */
struct box_case {
    uint8_t kind;
    uint8_t standing;
    bool root;
    bool block_hash;
    bool right_root;
    uint32_t ancestors;
    envelope_status expected;
};
static const struct box_case boxes[] = {
    {ENV_KIND_FULL, ENV_ATTESTED, true, true, true, 0, ENVELOPE_OK},
    {ENV_KIND_FULL, ENV_ATTESTED, true, true, false, 0, ENVELOPE_E_AUTH},
    {ENV_KIND_FULL, ENV_ATTESTED, false, false, false, 0, ENVELOPE_E_AUTH},
    {ENV_KIND_FULL, ENV_ATTESTED, true, true, true, 1, ENVELOPE_E_FORMAT},
    {ENV_KIND_INCREMENT, ENV_ATTESTED, true, true, true, 2, ENVELOPE_OK},
    {ENV_KIND_INCREMENT, ENV_ATTESTED, true, true, false, 2, ENVELOPE_E_AUTH},
    {ENV_KIND_FULL, ENV_DETACHED, false, false, false, 0, ENVELOPE_OK},
    {ENV_KIND_FULL, ENV_DETACHED, true, false, true, 0, ENVELOPE_E_FORMAT},
    {ENV_KIND_FULL, ENV_DETACHED, false, true, false, 0, ENVELOPE_E_FORMAT},
    {ENV_KIND_METADATA, ENV_ATTESTED, false, false, false, 0, ENVELOPE_OK},
    {ENV_KIND_METADATA, ENV_ATTESTED, true, false, true, 0, ENVELOPE_E_FORMAT},
    {ENV_KIND_METADATA, ENV_ATTESTED, false, true, false, 0, ENVELOPE_E_FORMAT},
    {ENV_KIND_METADATA, ENV_ATTESTED, false, false, false, 1, ENVELOPE_E_FORMAT},
};
enum { BOXES = sizeof boxes / sizeof boxes[0] };

START_TEST(box_rules)
{
    const struct box_case *c = &boxes[_i];
    static const uint8_t zeros[32];
    static const uint8_t wrong[32] = "some other root, of 32 bytes...";
    static const uint8_t pairs[2 * ENV_PAIR_BYTES] = "ancestors";
    envelope_ctx *ctx = test_ctx();
    envelope_dek *dek = kit_dek(ctx);
    struct kit_plan plan = kit_plan(ctx, dek);
    plan.id.kind = c->kind;
    plan.id.standing = c->standing;
    plan.attested = c->standing == ENV_ATTESTED;
    plan.id.generation = c->standing == ENV_ATTESTED ? 3 : 0;
    plan.id.content = c->kind == ENV_KIND_METADATA ? ENV_CONTENT_NONE : ENV_CONTENT_STREAM;
    plan.id.parent[0] = c->kind == ENV_KIND_INCREMENT;
    plan.box.root = !c->root ? zeros : c->right_root ? kit_root : wrong;
    plan.box.block_hash = c->block_hash ? kit_block_hash_key : zeros;
    plan.box.count = c->ancestors;
    plan.box.pairs = pairs;
    plan.secret = c->kind == ENV_KIND_METADATA;
    struct memory m = kit_object(ctx, &plan, "data", 4);
    struct env_object *o;
    ck_assert_int_eq(env_object_unlock_with(kit_headers(ctx, &m), dek, &o, NULL), c->expected);
    env_object_free(o);
    memory_free(&m);
    envelope_dek_free(dek);
    envelope_ctx_free(ctx);
}
END_TEST

/* A foreign container's header in front of an object's bytes. */
START_TEST(foreign)
{
    struct scene s = begin();
    envelope_keyring *wrap = kit_escrow(s.ctx, KIT_KEY);
    envelope_header *header;
    ck_assert_int_eq(envelope_header_new(wrap, s.dek, NULL, &header, NULL), ENVELOPE_OK);
    size_t len;
    const void *bytes = envelope_header_bytes(header, &len);
    memcpy(s.object.p, bytes, len);
    memset(s.object.p + s.capacity, 0, s.capacity);
    struct env_headers *h;
    ck_assert_int_eq(env_headers_read(s.ctx, memory_read, &s.object, s.object.len, &h, NULL),
                     ENVELOPE_E_FORMAT);
    ck_assert_ptr_null(h);
    envelope_header_free(header);
    envelope_keyring_free(wrap);
    end(&s);
}
END_TEST

/* Each allocation fails once; nothing leaks, and success is the right one. */
START_TEST(no_memory)
{
    struct failing f = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    envelope_dek *dek = kit_dek(ctx);
    const struct kit_plan plan = kit_plan(ctx, dek);
    struct memory m = kit_object(ctx, &plan, "data", 4);
    long before = f.live;
    long failed = 0;
    for (long n = 1; n < 200; n++) {
        struct env_headers *h = NULL;
        struct env_object *o = NULL;
        f.calls = 0;
        f.fail_at = n;
        envelope_status st = env_headers_read(ctx, memory_read, &m, m.len, &h, NULL);
        st = st ? st : env_object_unlock_with(h, dek, &o, NULL);
        long calls = f.calls;
        f.fail_at = 0;
        ck_assert(st == ENVELOPE_E_NOMEM || (!st && calls < n));
        failed += st == ENVELOPE_E_NOMEM;
        env_object_free(o);
        ck_assert_int_eq(f.live, before);
    }
    ck_assert_int_gt(failed, 5);
    ck_assert_int_lt(failed, 190);
    memory_free(&m);
    envelope_dek_free(dek);
    envelope_ctx_free(ctx);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("object_open");
    TCase *t = tcase_create("open");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, both_good);
    tcase_add_test(t, other_key);
    tcase_add_loop_test(t, stale, 0, 2);
    tcase_add_loop_test(t, newer_for_others, 0, 2);
    tcase_add_loop_test(t, newer_forged, 0, 2);
    tcase_add_loop_test(t, tag_altered, 0, 2);
    tcase_add_loop_test(t, two_deks, 0, 2);
    tcase_add_test(t, genuine_id_and_att);
    tcase_add_loop_test(t, commitment, 0, 2);
    tcase_add_test(t, wrong_dek);
    tcase_add_loop_test(t, box_rules, 0, BOXES);
    tcase_add_test(t, foreign);
    tcase_add_test(t, no_memory);
    suite_add_tcase(s, t);
    return s;
}
