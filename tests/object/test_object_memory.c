/* Secrets lie in the arena while they are needed, and nowhere once their handles are freed: the
 * process's own memory is searched for them. One program, since other tests leave copies. */
#include "base/arena.h"
#include "check_main.h"
#include "crypto/digest.h"
#include "failing.h"
#include "hunt.h"
#include "object/open.h"
#include "object/reader.h"
#include "object/tag.h"
#include "object_kit.h"
#include <stdlib.h>
#include <string.h>

enum { SECRET = HUNT_SECRET, CHUNK = 16384 };
enum { DEK, K_PAY, K_BOX, K_HDR, ROOT, BLOCK_HASH };

/* The derived ones are made in the arena, masked, and wiped. */
static void remember_keys(struct hunt *h, envelope_ctx *ctx, const envelope_dek *dek)
{
    uint8_t *key;
    ck_assert_int_eq(env_secret_new(ctx, SECRET, &key, NULL), ENVELOPE_OK);
    hunt_remember(h, DEK, env_dek_key(dek));
    ck_assert_int_eq(env_key_payload(ctx, env_dek_key(dek), key, NULL), ENVELOPE_OK);
    hunt_remember(h, K_PAY, key);
    ck_assert_int_eq(env_key_box(ctx, env_dek_key(dek), key, NULL), ENVELOPE_OK);
    hunt_remember(h, K_BOX, key);
    ck_assert_int_eq(env_key_header(ctx, env_dek_key(dek), key, NULL), ENVELOPE_OK);
    hunt_remember(h, K_HDR, key);
    env_secret_free(ctx, key, SECRET);
    h->arena = env_dek_key(dek);
}

struct point {
    struct memory object;
    uint8_t chain_id[32];
};

/* A point whose chain secrets are random and stand nowhere else; its DEK is freed again. */
static struct point make_point(struct hunt *h, envelope_ctx *ctx)
{
    struct point p = {.object = {.p = NULL}};
    envelope_dek *dek = kit_dek(ctx);
    envelope_dek *root = kit_dek(ctx);
    envelope_dek *block_hash = kit_dek(ctx);
    remember_keys(h, ctx, dek);
    hunt_remember(h, ROOT, env_dek_key(root));
    hunt_remember(h, BLOCK_HASH, env_dek_key(block_hash));
    struct kit_plan plan = kit_plan(ctx, dek);
    plan.box.root = env_dek_key(root);
    plan.box.block_hash = env_dek_key(block_hash);
    ck_assert_int_eq(env_derive(ctx, plan.box.root, "chain id", NULL, 0, plan.id.chain_id, NULL),
                     ENVELOPE_OK);
    uint8_t *data = kit_data(3 * CHUNK);
    p.object = kit_object(ctx, &plan, data, 3 * CHUNK);
    free(data);
    envelope_dek_free(block_hash);
    envelope_dek_free(root);
    envelope_dek_free(dek);
    return p;
}

static struct env_object *open_point(envelope_ctx *ctx, struct point *p)
{
    envelope_keyring *keyring = kit_keyring(ctx, KIT_KEY);
    struct env_listener events = ENV_LISTENER(ctx);
    struct env_opening opening = env_opening_begin(keyring, &events);
    struct env_object *o;
    ck_assert_int_eq(env_object_unlock(kit_headers(ctx, &p->object), keyring, &opening, &o, NULL),
                     ENVELOPE_OK);
    envelope_keyring_free(keyring);
    return o;
}

static void read_point(envelope_ctx *ctx, struct point *p, const struct env_object *o)
{
    struct env_payload_place place = {2 * o->copy->capacity,
                                      p->object.len - 2 * o->copy->capacity - 64};
    struct env_payload_reader *r;
    ck_assert_int_eq(env_payload_reader_new(ctx, o->dek, o->copy->id_bytes, o->copy->prefix, place,
                                            memory_read, &p->object, false, &r, NULL),
                     ENVELOPE_OK);
    uint8_t *buf = malloc(3 * CHUNK);
    ck_assert_ptr_nonnull(buf);
    ck_assert_int_eq(env_payload_read(r, 0, buf, 3 * CHUNK, NULL, NULL), ENVELOPE_OK);
    free(buf);
    env_payload_reader_free(r);
}

/* While an object is open its DEK and box are in the arena, and there only; afterwards nowhere. */
START_TEST(object)
{
    envelope_ctx *ctx = test_ctx();
    struct hunt h;
    hunt_begin(&h);
    struct point p = make_point(&h, ctx);
    hunt_expect_none(&h, true);
    struct env_object *o = open_point(ctx, &p);
    read_point(ctx, &p, o);
    hunt_expect_none(&h, false);
    ck_assert_int_ge(h.inside[DEK], 1); /* the control: what is there is found */
    ck_assert_int_ge(h.inside[ROOT], 1);
    ck_assert_int_ge(h.inside[BLOCK_HASH], 1);
    ck_assert_int_eq(h.inside[K_PAY] + h.inside[K_BOX] + h.inside[K_HDR], 0);
    env_object_free(o);
    hunt_expect_none(&h, true);
    memory_free(&p.object);
    envelope_ctx_free(ctx);
    hunt_expect_none(&h, true);
    hunt_end(&h);
}
END_TEST

/* The search finds a copy in the ordinary heap: without this the test above could not fail. */
START_TEST(control)
{
    envelope_ctx *ctx = test_ctx();
    struct hunt h;
    hunt_begin(&h);
    envelope_dek *dek = kit_dek(ctx);
    remember_keys(&h, ctx, dek);
    static uint8_t *volatile copy; /* or the compiler sees that nobody reads it */
    copy = malloc(100);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy + 13, env_dek_key(dek), SECRET);
    hunt_search(&h);
    ck_assert_int_eq(h.outside[DEK], 1);
    free(copy);
    envelope_dek_free(dek);
    envelope_ctx_free(ctx);
    hunt_end(&h);
}
END_TEST

/* The same for a foreign container: header made, opened, sealed for, rewrapped. */
START_TEST(container)
{
    envelope_ctx *ctx = test_ctx();
    struct hunt h;
    hunt_begin(&h);
    envelope_keyring *wrap = kit_escrow(ctx, KIT_KEY);
    envelope_keyring *open_ring = kit_keyring(ctx, KIT_KEY);
    envelope_dek *dek = kit_dek(ctx);
    envelope_header *header;
    envelope_header *again;
    envelope_payload *payload;
    uint8_t prefix[ENVELOPE_PREFIX];
    uint8_t in[CHUNK] = {0};
    uint8_t out[CHUNK + 16];
    size_t len;
    remember_keys(&h, ctx, dek);
    ck_assert_int_eq(envelope_header_new(wrap, dek, NULL, &header, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_payload_seal_new(header, dek, 0, prefix, &payload, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_payload_seal(payload, 0, in, CHUNK, 0, out, sizeof out, &len, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_header_rewrap(header, dek, wrap, &again, NULL), ENVELOPE_OK);
    envelope_dek_free(dek);
    ck_assert_int_eq(envelope_header_open(again, open_ring, ENVELOPE_ANY_SLOT, &dek, NULL),
                     ENVELOPE_OK);
    hunt_expect_none(&h, false);
    ck_assert_int_ge(h.inside[DEK], 1);
    envelope_dek_free(dek);
    envelope_payload_free(payload);
    envelope_header_free(again);
    envelope_header_free(header);
    envelope_keyring_free(open_ring);
    envelope_keyring_free(wrap);
    hunt_expect_none(&h, true);
    envelope_ctx_free(ctx);
    hunt_expect_none(&h, true);
    hunt_end(&h);
}
END_TEST

Suite *suite(void)
{
    if (hunt_is_void()) {
        skip_all(hunt_is_void());
        return NULL;
    }
    Suite *s = suite_create("object_memory");
    TCase *t = tcase_create("memory");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, control);
    tcase_add_test(t, object);
    tcase_add_test(t, container);
    suite_add_tcase(s, t);
    return s;
}
