/* Every bit of both header copies flipped, in one copy and in both, with the CRC as it was and made
 * right again: the verdict is the one that the flipper knows, a twin serves where it can, and a
 * wrong DEK or box never comes out. In the zeros one bit of each byte, all with ENVELOPE_THOROUGH.
 */
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

/* What became of it: the status of the first call that failed, and the states of the copies. */
struct outcome {
    envelope_status read;
    envelope_status open;
    int32_t state[2];
};

static struct outcome try(struct scene *s)
{
    struct outcome o = {.state = {-1, -1}};
    struct env_headers *h;
    struct env_object *object;
    o.read = env_headers_read(s->ctx, memory_read, &s->object, s->object.len, &h, NULL);
    if (o.read) {
        ck_assert_ptr_null(h);
        return o;
    }
    o.open = env_object_unlock_with(h, s->dek, &object, NULL);
    if (o.open) {
        ck_assert_ptr_null(object);
        return o;
    }
    memcpy(o.state, object->state, sizeof o.state);
    ck_assert_mem_eq(object->box.root, kit_root, 32);
    ck_assert_mem_eq(object->headers->link, s->link, sizeof s->link);
    env_object_free(object);
    return o;
}

/* Bits of byte `at` to be flipped: all, or in the zeros, unless ENVELOPE_THOROUGH is set, one. */
static unsigned bits_of(const struct scene *s, size_t at)
{
    size_t used = 32 + s->copy.core.len + 32 + s->copy.mut.len;
    bool zeros = at >= used && at < s->capacity - 36;
    return zeros && !getenv("ENVELOPE_THOROUGH") ? 1u << at % 8 : 0xff;
}

/* A flip in copy `which` (2: the same one in both), CRC mended or not. */
typedef void (*verdict_fn)(struct scene *s, int which, size_t at, unsigned bit);

static void flip_one(struct scene *s, int which, size_t at, unsigned bit, bool mend)
{
    for (int copy = 0; copy < 2; copy++) {
        uint8_t *p = s->object.p + (copy ? s->capacity : 0);
        if (which == copy || which == 2) {
            p[at] ^= (uint8_t)bit;
            if (mend) {
                kit_mend_crc(p, s->capacity);
            }
        }
    }
}

static void flip_all(int which, bool mend, verdict_fn verdict)
{
    struct scene s = begin();
    struct memory saved = memory_copy(&s.object);
    long flips = 0;
    for (size_t at = 0; at < s.capacity - (mend ? 4 : 0); at++) {
        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            if (!(bits_of(&s, at) & bit)) {
                continue;
            }
            flip_one(&s, which, at, bit, mend);
            verdict(&s, which, at, bit);
            memcpy(s.object.p, saved.p, 2 * s.capacity);
            flips++;
        }
    }
    ck_assert_int_gt(flips, 20000);
    struct outcome o = try(&s); /* the control: nothing is left over */
    ck_assert(!o.read && !o.open && !o.state[0] && !o.state[1]);
    memory_free(&saved);
    end(&s);
}

/* The CRC shows every flip: the twin serves, and both flipped is damage. */
static void with_old_crc(struct scene *s, int which, size_t at, unsigned bit)
{
    struct outcome o = try(s);
    if (which == 2) {
        ck_assert_msg(o.read == ENVELOPE_E_FORMAT, "byte %zu bit %u: %d", at, bit, o.read);
        return;
    }
    ck_assert_msg(!o.read && !o.open, "copy %d byte %zu bit %u: %d %d", which, at, bit, o.read,
                  o.open);
    ck_assert_int_eq(o.state[which], ENV_COPY_DAMAGED);
    ck_assert_int_eq(o.state[1 - which], ENV_COPY_GOOD);
}

/* Where in the copy is that? */
enum place { SHAPE, VERSION, FORMAT, ID, CORE, REVISION, SLOTS, TAG };
static enum place place_of(const struct scene *s, size_t at)
{
    size_t mut = 32 + s->copy.core.len + 32;
    size_t used = mut + s->copy.mut.len;
    if (at < 32) {
        bool version = at == 8 || at == 9 || (at >= 12 && at < 20);
        return version ? VERSION : SHAPE;
    }
    if (at < 32 + ENV_ID_BYTES) {
        return at == 32 ? FORMAT : ID;
    }
    if (at < mut) {
        size_t box_len = 32 + ENV_ID_BYTES + ENV_PAYLOAD_PREFIX_BYTES;
        return at >= box_len && at < box_len + 4 ? SHAPE : CORE;
    }
    if (at < used) {
        return at < mut + 8 ? REVISION : at < mut + 12 ? SHAPE : SLOTS;
    }
    return at < s->capacity - 36 ? SHAPE : TAG;
}

static bool damaged(const struct outcome *o, int which)
{
    return !o->read && !o->open && o->state[which] == ENV_COPY_DAMAGED &&
           o->state[1 - which] == ENV_COPY_GOOD;
}

static bool altered(const struct outcome *o, int which)
{
    return !o->read && !o->open && o->state[which] == ENV_COPY_ALTERED &&
           o->state[1 - which] == ENV_COPY_GOOD;
}

/* In one copy: what breaks a rule is damage; what the copies must agree in is tampering; the rest
 * only TAG shows, and the twin serves. */
static bool right_in_one(enum place place, const struct outcome *o, int which)
{
    bool tampered = o->read == ENVELOPE_E_AUTH;
    switch (place) {
    case SHAPE:
        return damaged(o, which);
    case FORMAT:
        return o->read == ENVELOPE_E_UNSUPPORTED;
    case VERSION:
    case CORE:
        return tampered;
    case ID:
    case SLOTS:
        return tampered || damaged(o, which);
    case REVISION: /* 1 flipped to 0 breaks a rule */
        return altered(o, which) || damaged(o, which);
    case TAG:
        return altered(o, which);
    }
    return false;
}

static bool right_in_both(enum place place, const struct outcome *o)
{
    envelope_status st = o->read ? o->read : o->open;
    switch (place) {
    case SHAPE:
        return st == ENVELOPE_E_FORMAT;
    case FORMAT:
        return st == ENVELOPE_E_UNSUPPORTED;
    case VERSION:
        return st == ENVELOPE_E_UNSUPPORTED || o->open == ENVELOPE_E_AUTH;
    case ID:
    case SLOTS:
    case REVISION:
        return o->read == ENVELOPE_E_FORMAT || o->open == ENVELOPE_E_AUTH;
    case CORE:
    case TAG:
        return o->open == ENVELOPE_E_AUTH;
    }
    return false;
}

static void with_new_crc(struct scene *s, int which, size_t at, unsigned bit)
{
    struct outcome o = try(s);
    enum place place = place_of(s, at);
    bool right = which == 2 ? right_in_both(place, &o) : right_in_one(place, &o, which);
    ck_assert_msg(right, "copy %d byte %zu bit %u, place %d: read %d, open %d, states %d %d", which,
                  at, bit, place, o.read, o.open, o.state[0], o.state[1]);
}

START_TEST(flipped)
{
    flip_all(_i, false, with_old_crc);
}
END_TEST

START_TEST(flipped_with_crc)
{
    flip_all(_i, true, with_new_crc);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("object_flips");
    TCase *t = tcase_create("flips");
    tcase_set_timeout(t, 3600);
    tcase_add_loop_test(t, flipped, 0, 3);
    tcase_add_loop_test(t, flipped_with_crc, 0, 3);
    suite_add_tcase(s, t);
    return s;
}
