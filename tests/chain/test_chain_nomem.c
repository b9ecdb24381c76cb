/* Allocations through the caller's allocator made to fail in turn, once and for ever, during
 * init, backup and restore: an error or the right result, nothing leaks, and the chain is unharmed.
 */
#include "chain_kit.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LEN = 57344, STEPS_MAX = 100000 };

/* The suite takes a sample, script/thorough every one; under sanitizers all is several times
 * slower. */
static long stride(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const long sample = 19;
#else
    const long sample = 5;
#endif
    return getenv("ENVELOPE_THOROUGH") ? 1 : sample;
}

static struct failing alloc;
static struct memory_store mem;
static struct memory_store before;
static struct test_kms kms;
static uint8_t expected[LEN];

/* A host whose library allocates through `alloc`. */
struct stage {
    envelope_ctx *ctx;
    envelope_kms *handle;
    envelope_keyring *ring;
    envelope_store *store;
};

static void stage_free(struct stage *s)
{
    envelope_keyring_free(s->ring);
    envelope_kms_free(s->handle);
    envelope_store_free(s->store);
    envelope_ctx_free(s->ctx);
}

/* The parts that are not under test allocate undisturbed. */
static void stage_make(struct stage *s)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_ctx_options o = failing_options(&alloc);
    alloc.fail_at = 0;
    memset(s, 0, sizeof *s);
    MUST(envelope_ctx_new(&o, &s->ctx, &err));
    s->handle = test_kms_attach(s->ctx, &kms);
    s->store = memory_store_open(s->ctx, &mem);
    MUST(envelope_keyring_new(s->ctx, NULL, &s->ring, &err));
    MUST(envelope_keyring_add_kms(
        s->ring, "lab", s->handle,
        ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP | ENVELOPE_USE_NAMES_EXCLUSIVE, 0, &err));
    MUST(envelope_keyring_wrap_for(s->ring, "lab", "vm", &err));
}

static envelope_status init(struct stage *s, envelope_error *err)
{
    envelope_chain *chain;
    envelope_chain_options o = {.size = sizeof o, .name = "vm"};
    envelope_status st = envelope_chain_create(s->store, s->ring, &o, &chain, err);
    envelope_chain_free(chain);
    return st;
}

static envelope_status backup(struct stage *s, envelope_error *err)
{
    envelope_chain *chain;
    uint64_t number;
    envelope_status st = envelope_chain_open(s->store, s->ring, NULL, &chain, err);
    st = st ? st : try_back_up(chain, 1, LEN, &number, err);
    envelope_chain_free(chain);
    return st;
}

static envelope_status restore(struct stage *s, envelope_error *err)
{
    static uint8_t data[LEN + 1];
    envelope_chain *chain;
    envelope_reader *r = NULL;
    size_t got = 0;
    envelope_status st = envelope_chain_open(s->store, s->ring, NULL, &chain, err);
    st = st ? st : envelope_reader_new(chain, 0, &r, err);
    st = st ? st : envelope_reader_pread(r, 0, data, sizeof data, &got, err);
    if (!st) {
        ck_assert_uint_eq(got, LEN);
        ck_assert(!memcmp(data, expected, LEN));
    }
    envelope_reader_free(r);
    envelope_chain_free(chain);
    return st;
}

/* Whatever happened: every committed point is there and reads. */
static void unharmed(bool has_point, envelope_status st, size_t points_before)
{
    struct host h;
    envelope_points *p;
    host_begin(&h, &kms, 1, 1);
    envelope_chain *chain = host_open(&h, &mem, NULL);
    ck_assert(!envelope_chain_points(chain, &p, NULL));
    size_t now = envelope_points_count(p);
    ck_assert(now >= points_before && now <= points_before + 1);
    ck_assert(st || !has_point || now == points_before + 1 || now == points_before);
    for (size_t i = 0; i < now; i++) {
        check_point(chain, envelope_points_at(p, i)->number, 1, LEN);
    }
    envelope_points_free(p);
    envelope_chain_free(chain);
    host_end(&h);
}

struct counts {
    unsigned failed;
    unsigned right;
};

static long campaign(const char *what, envelope_status (*run)(struct stage *, envelope_error *),
                     bool for_ever, size_t points_before, struct counts *n)
{
    const long step = run == init ? 1 : stride();
    const long first = 1 + (long)(time(NULL) % step); /* printed: it is the seed */
    long at = first;
    for (; at < STEPS_MAX; at += step) {
        struct stage s;
        envelope_error err = ENVELOPE_ERROR_INIT;
        memory_store_clear(&mem);
        memory_copy(&mem, &before);
        stage_make(&s);
        alloc.calls = 0;
        alloc.fail_at = at;
        alloc.for_ever = for_ever;
        envelope_status st = run(&s, &err);
        long calls = alloc.calls;
        alloc.fail_at = 0;
        ck_assert_msg(st == ENVELOPE_OK || st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_CALLBACK,
                      "%s, allocation %ld: %s: %s", what, at, envelope_status_name(st),
                      err.message);
        n->failed += st != ENVELOPE_OK;
        n->right += st == ENVELOPE_OK;
        stage_free(&s);
        ck_assert_msg(alloc.live == 0, "%s, allocation %ld: %ld blocks leak", what, at, alloc.live);
        if (calls < at) {
            break; /* it ran through without reaching that allocation */
        }
        if (run == backup && at % 10 < step) {
            unharmed(true, st, points_before);
        }
    }
    ck_assert_int_lt(at, STEPS_MAX);
    /* a share, since the sample is a smaller one under sanitizers */
    ck_assert_uint_gt(4 * n->failed, n->failed + n->right);
    tap_note("%s, %s: every %ldth of %ld allocations (first: %ld), %u errors, %u right results",
             what, for_ever ? "for ever" : "once", step, at - 1, first, n->failed, n->right);
    return at;
}

static void prepare(bool with_chain, bool with_point)
{
    struct host h;
    memset(&mem, 0, sizeof mem);
    memset(&before, 0, sizeof before);
    memset(&kms, 0, sizeof kms);
    memset(&alloc, 0, sizeof alloc);
    static envelope_ctx *keeper; /* outlives every stage: the pairs are its */
    envelope_error err = ENVELOPE_ERROR_INIT;
    if (!keeper) {
        MUST(envelope_ctx_new(NULL, &keeper, &err));
    }
    envelope_kms_free(test_kms_open(keeper, &kms, 1, 1));
    fill_bytes(expected, 1, LEN);
    host_begin(&h, &kms, 1, 1);
    if (with_chain) {
        envelope_chain_free(host_create(&h, &mem, "vm"));
    }
    if (with_point) {
        job(&h, &mem, 1, LEN);
    }
    host_end(&h);
    memory_copy(&before, &mem);
}

static void clean_up(void)
{
    memory_store_clear(&mem);
    memory_store_clear(&before);
    test_kms_clear(&kms);
}

START_TEST(during_init)
{
    struct counts n = {0};
    prepare(false, false);
    campaign("init", init, _i, 0, &n);
    clean_up();
}
END_TEST

START_TEST(during_backup)
{
    struct counts n = {0};
    prepare(true, true);
    campaign("backup", backup, _i, 1, &n);
    clean_up();
}
END_TEST

START_TEST(during_restore)
{
    struct counts n = {0};
    prepare(true, true);
    campaign("restore", restore, _i, 1, &n);
    clean_up();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_nomem");
    TCase *t = tcase_create("nomem");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, during_init, 0, 2);
    tcase_add_loop_test(t, during_backup, 0, 2);
    tcase_add_loop_test(t, during_restore, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
