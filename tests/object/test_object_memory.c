/* Secrets lie in the arena while they are needed, and nowhere once their handles are freed: the
 * process's own memory is searched for them. One program, since other tests leave copies. */
#include "base/arena.h"
#include "check_main.h"
#include "crypto/digest.h"
#include "failing.h"
#include "object/open.h"
#include "object/reader.h"
#include "object/tag.h"
#include "object_kit.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is searched for is kept under a mask, or the search would find itself. */
enum { MASK = 0xa5, SECRET = 32, SECRETS = 6, CHUNK = 16384, BUFFER = 1 << 20 };
enum { DEK, K_PAY, K_BOX, K_HDR, ROOT, BLOCK_HASH };

struct hunt {
    uint8_t masked[SECRETS][SECRET];
    uint8_t *buffer; /* a mapping of its own, not searched */
    const void *arena;
    long inside[SECRETS]; /* the arena's mapping */
    long outside[SECRETS];
};

static void remember(struct hunt *h, int which, const uint8_t *secret)
{
    for (int i = 0; i < SECRET; i++) {
        h->masked[which][i] = (uint8_t)(secret[i] ^ MASK);
    }
}

static bool matches(const uint8_t *p, const uint8_t *masked)
{
    for (int i = 0; i < SECRET; i++) {
        if ((p[i] ^ MASK) != masked[i]) {
            return false;
        }
    }
    return true;
}

static void search_buffer(struct hunt *h, size_t len, long *found)
{
    for (size_t at = 0; at + SECRET <= len; at++) {
        for (int i = 0; i < SECRETS; i++) {
            found[i] +=
                (h->buffer[at] ^ MASK) == h->masked[i][0] && matches(h->buffer + at, h->masked[i]);
        }
    }
}

static void search_mapping(struct hunt *h, int mem, uint64_t from, uint64_t to)
{
    uint64_t own = (uint64_t)(uintptr_t)h->buffer;
    uint64_t arena = (uint64_t)(uintptr_t)h->arena;
    if (own >= from && own < to) {
        ck_assert_uint_eq(to - from, BUFFER); /* nothing was merged with it */
        return;
    }
    long *found = arena >= from && arena < to ? h->inside : h->outside;
    for (uint64_t at = from; at < to; at += BUFFER - SECRET) {
        size_t len = to - at < BUFFER ? (size_t)(to - at) : BUFFER;
        ssize_t n = pread(mem, h->buffer, len, (off_t)at);
        search_buffer(h, n > 0 ? (size_t)n : 0, found);
    }
}

static void search(struct hunt *h)
{
    memset(h->inside, 0, sizeof h->inside);
    memset(h->outside, 0, sizeof h->outside);
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    ck_assert(mem >= 0 && maps);
    char line[512];
    long mappings = 0;
    while (fgets(line, sizeof line, maps)) {
        uint64_t from;
        uint64_t to;
        char mode[8];
        ck_assert_int_eq(sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, mode), 3);
        if (mode[0] == 'r' && mode[1] == 'w') {
            search_mapping(h, mem, from, to);
            mappings++;
        }
    }
    ck_assert_int_gt(mappings, 5);
    fclose(maps);
    close(mem);
}

static struct hunt hunt_new(void)
{
    struct hunt h = {.arena = NULL};
    /* pages without rights around it keep the kernel from merging it with another mapping */
    h.buffer = mmap(NULL, BUFFER + 2 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(h.buffer, MAP_FAILED);
    h.buffer += 4096;
    ck_assert_int_eq(mprotect(h.buffer, BUFFER, PROT_READ | PROT_WRITE), 0);
    return h;
}

static void expect_none(struct hunt *h, bool also_inside)
{
    search(h);
    for (int i = 0; i < SECRETS; i++) {
        ck_assert_msg(h->outside[i] == 0, "secret %d stands %ld times outside the arena", i,
                      h->outside[i]);
        ck_assert_msg(!also_inside || h->inside[i] == 0, "secret %d stands %ld times in the arena",
                      i, h->inside[i]);
    }
}

/* The derived ones are made in the arena, masked, and wiped. */
static void remember_keys(struct hunt *h, envelope_ctx *ctx, const envelope_dek *dek)
{
    uint8_t *key;
    ck_assert_int_eq(env_secret_new(ctx, SECRET, &key, NULL), ENVELOPE_OK);
    remember(h, DEK, env_dek_key(dek));
    ck_assert_int_eq(env_key_payload(ctx, env_dek_key(dek), key, NULL), ENVELOPE_OK);
    remember(h, K_PAY, key);
    ck_assert_int_eq(env_key_box(ctx, env_dek_key(dek), key, NULL), ENVELOPE_OK);
    remember(h, K_BOX, key);
    ck_assert_int_eq(env_key_header(ctx, env_dek_key(dek), key, NULL), ENVELOPE_OK);
    remember(h, K_HDR, key);
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
    remember(h, ROOT, env_dek_key(root));
    remember(h, BLOCK_HASH, env_dek_key(block_hash));
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
    struct hunt h = hunt_new();
    struct point p = make_point(&h, ctx);
    expect_none(&h, true);
    struct env_object *o = open_point(ctx, &p);
    read_point(ctx, &p, o);
    expect_none(&h, false);
    ck_assert_int_ge(h.inside[DEK], 1); /* the control: what is there is found */
    ck_assert_int_ge(h.inside[ROOT], 1);
    ck_assert_int_ge(h.inside[BLOCK_HASH], 1);
    ck_assert_int_eq(h.inside[K_PAY] + h.inside[K_BOX] + h.inside[K_HDR], 0);
    env_object_free(o);
    expect_none(&h, true);
    memory_free(&p.object);
    envelope_ctx_free(ctx);
    expect_none(&h, true);
}
END_TEST

/* The search finds a copy in the ordinary heap: without this the test above could not fail. */
START_TEST(control)
{
    envelope_ctx *ctx = test_ctx();
    struct hunt h = hunt_new();
    envelope_dek *dek = kit_dek(ctx);
    remember_keys(&h, ctx, dek);
    remember(&h, ROOT, kit_root);
    remember(&h, BLOCK_HASH, kit_root);
    static uint8_t *volatile copy; /* or the compiler sees that nobody reads it */
    copy = malloc(100);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy + 13, env_dek_key(dek), SECRET);
    search(&h);
    ck_assert_int_eq(h.outside[DEK], 1);
    free(copy);
    envelope_dek_free(dek);
    envelope_ctx_free(ctx);
}
END_TEST

/* The same for a foreign container: header made, opened, sealed for, rewrapped. */
START_TEST(container)
{
    envelope_ctx *ctx = test_ctx();
    struct hunt h = hunt_new();
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
    remember(&h, ROOT, in);
    remember(&h, BLOCK_HASH, in);
    memcpy(h.masked[ROOT], h.masked[DEK], SECRET); /* not in play */
    memcpy(h.masked[BLOCK_HASH], h.masked[DEK], SECRET);
    ck_assert_int_eq(envelope_header_new(wrap, dek, NULL, &header, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_payload_seal_new(header, dek, 0, prefix, &payload, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_payload_seal(payload, 0, in, CHUNK, 0, out, sizeof out, &len, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_header_rewrap(header, dek, wrap, &again, NULL), ENVELOPE_OK);
    envelope_dek_free(dek);
    ck_assert_int_eq(envelope_header_open(again, open_ring, ENVELOPE_ANY_SLOT, &dek, NULL),
                     ENVELOPE_OK);
    expect_none(&h, false);
    ck_assert_int_ge(h.inside[DEK], 1);
    envelope_dek_free(dek);
    envelope_payload_free(payload);
    envelope_header_free(again);
    envelope_header_free(header);
    envelope_keyring_free(open_ring);
    envelope_keyring_free(wrap);
    expect_none(&h, true);
    envelope_ctx_free(ctx);
    expect_none(&h, true);
}
END_TEST

Suite *suite(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip_all("a sanitizer keeps what was freed, and maps terabytes");
    return NULL;
#else
    Suite *s = suite_create("object_memory");
    TCase *t = tcase_create("memory");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, control);
    tcase_add_test(t, object);
    tcase_add_test(t, container);
    suite_add_tcase(s, t);
    return s;
#endif
}
