/* What grows with a chain grows no faster than it: the calls of the store and the bytes that go
 * through them, the allocations, and the steps that the library's own code takes (steps.h). They
 * are counted for three chains, so that what does not grow can be taken off: no clock is asked. And
 * listed points are not opened. */
#include "check_main.h"
#include "failing.h"
#include "many.h"
#include "memory_store.h"
#include "quick_kms.h"
#include "steps.h"
#include <envelope/envelope.h>
#include <stdlib.h>
#include <string.h>

enum { SIDES = 3, LOCKED_KIB = 48 };

/* One chain: as the library made it, and as it was before most of it was listed. */
struct side {
    size_t points;
    struct memory_store mem;
    struct memory_store early; /* metadata and keys copies of then */
    struct many_host host;     /* its pin */
    struct many_host then;
};
static struct side sides[SIDES];

/* What is counted. */
struct work {
    uint64_t opened;
    uint64_t points_opened;
    uint64_t read;
    uint64_t written;
    uint64_t lists;
    uint64_t allocations;
    uint64_t steps;
};

/* A host at work on a copy of a side's chain. */
struct stage {
    struct side *side;
    struct failing alloc;
    struct memory_store mem;
    struct many_host host;
    struct quick_kms kms;
    envelope_kms *handle;
    envelope_store *store;
    struct work done;
};

static void on_open(void *user, const char *name)
{
    struct stage *s = user;
    s->done.opened++;
    s->done.points_opened += strstr(name, "/points/") && !strstr(name, "-keys-");
}

static void on_list(void *user, const char *prefix)
{
    struct stage *s = user;
    (void)prefix;
    s->done.lists++;
}

static void on_write(void *user, const char *name, const void *data, size_t len)
{
    struct stage *s = user;
    (void)name;
    (void)data;
    s->done.written += len;
}

static struct work now(const struct stage *s)
{
    struct work w = s->done;
    w.read = s->mem.read;
    w.allocations = (uint64_t)s->alloc.calls;
    w.steps = steps_taken();
    return w;
}

/* -- chains */

static void keys_begin(struct many_host *h, struct quick_kms *kms, envelope_kms **handle)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    *handle = quick_kms_open(h->ctx, kms);
    MANY_MUST(envelope_keyring_new(h->ctx, NULL, &h->ring, &err));
    MANY_MUST(envelope_keyring_add_kms(
        h->ring, "lab", *handle,
        ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP | ENVELOPE_USE_NAMES_EXCLUSIVE, 0, &err));
    MANY_MUST(envelope_keyring_wrap_for(h->ring, "lab", "vm", &err));
}

static void keep_metadata(void *user)
{
    struct side *side = user;
    for (size_t i = 0; i < side->mem.count; i++) {
        const struct memory_file *f = &side->mem.file[i];
        if (strstr(f->name, "/meta/") || strstr(f->name, "-keys-")) {
            memory_put(&side->early, f->name, f->data, f->len);
        }
    }
    side->then = side->host;
}

static void make(struct side *side, size_t points)
{
    struct quick_kms kms;
    envelope_kms *handle;
    struct many_host *h = &side->host;
    *side = (struct side){.points = points,
                          .host = {.name = "vm", .begun = keep_metadata, .user = side}};
    h->ctx = test_ctx();
    keys_begin(h, &kms, &handle);
    envelope_store *store = memory_store_open(h->ctx, &side->mem);
    many_create(h, store);
    many_add(h, store, points);
    envelope_store_free(store);
    envelope_keyring_free(h->ring);
    envelope_kms_free(handle);
    envelope_ctx_free(h->ctx);
}

/* In the process that forks: a chain lives longer than a context, which no child may use. */
static void make_all(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    static const size_t sample[SIDES] = {60, 240, 720}; /* several times slower */
#else
    static const size_t sample[SIDES] = {60, 240, 1500};
#endif
    static const size_t all[SIDES] = {60, 600, 6000};
    for (size_t i = 0; i < SIDES; i++) {
        make(&sides[i], getenv("ENVELOPE_THOROUGH") ? all[i] : sample[i]);
    }
}

static void free_all(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        memory_store_clear(&sides[i].mem);
        memory_store_clear(&sides[i].early);
    }
}

/* -- what is done, and counted */

enum chain_as { AS_IT_IS, UNLISTED, WITHOUT_METADATA, WITHOUT_POINTS };

static bool wanted(const struct memory_file *f, enum chain_as as)
{
    bool metadata = strstr(f->name, "/meta/") || strstr(f->name, "-keys-");
    bool point = strstr(f->name, "/points/") && !metadata;
    return as == AS_IT_IS || (as == WITHOUT_POINTS ? !point : !metadata);
}

static void begin(struct stage *s, struct side *side, enum chain_as as)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    memset(s, 0, sizeof *s);
    s->side = side;
    for (size_t i = 0; i < side->mem.count; i++) {
        const struct memory_file *f = &side->mem.file[i];
        if (wanted(f, as)) {
            memory_put(&s->mem, f->name, f->data, f->len);
        }
    }
    s->host = as == UNLISTED ? side->then : side->host;
    if (as == UNLISTED) {
        memory_copy(&s->mem, &side->early);
    }
    s->alloc.locked_kib = LOCKED_KIB;
    envelope_ctx_options o = failing_options(&s->alloc);
    MANY_MUST(envelope_ctx_new(&o, &s->host.ctx, &err));
    keys_begin(&s->host, &s->kms, &s->handle);
    s->store = memory_store_open(s->host.ctx, &s->mem);
    s->mem.user = s;
    s->mem.before_open = on_open;
    s->mem.before_list = on_list;
    s->mem.after_write = on_write;
}

static void end(struct stage *s)
{
    envelope_store_free(s->store);
    envelope_keyring_free(s->host.ring);
    envelope_kms_free(s->handle);
    envelope_ctx_free(s->host.ctx);
    ck_assert_int_eq(s->alloc.live, 0);
    memory_store_clear(&s->mem);
}

typedef void (*task)(struct stage *s, struct work *from);

static struct work count(struct side *side, enum chain_as as, task run)
{
    struct stage s;
    begin(&s, side, as);
    struct work from = now(&s);
    run(&s, &from);
    struct work to = now(&s);
    end(&s);
    return (struct work){to.opened - from.opened, to.points_opened - from.points_opened,
                         to.read - from.read,     to.written - from.written,
                         to.lists - from.lists,   to.allocations - from.allocations,
                         to.steps - from.steps};
}

/* n[i] is of chain i. What comes from the second to the third is in proportion to what did from the
 * first to the second, and to what does not grow smoothly. share: sorting takes a logarithm more.
 */
static void grows(const char *what, const char *how, const uint64_t n[SIDES], double rough,
                  double share)
{
    double line =
        (double)(sides[2].points - sides[0].points) / (double)(sides[1].points - sides[0].points);
    double first = (double)n[1] - (double)n[0];
    double all = (double)n[2] - (double)n[0];
    ck_assert_msg(all <= share * line * (first + rough), "%s: %s grow from %llu over %llu to %llu",
                  what, how, (unsigned long long)n[0], (unsigned long long)n[1],
                  (unsigned long long)n[2]);
}

static void grows_all(const char *what, const struct work w[SIDES])
{
    /* A look at the headers takes the front of an object, up to this. */
    const double looks = 262144 * (double)w[0].opened;
#define COLUMN(member) ((const uint64_t[SIDES]){w[0].member, w[1].member, w[2].member})
    grows(what, "opened files", COLUMN(opened), 1, 1.02);
    grows(what, "bytes read", COLUMN(read), looks, 1.02);
    grows(what, "bytes written", COLUMN(written), 16384, 1.02);
    grows(what, "allocations", COLUMN(allocations), 20, 1.02);
    grows(what, "steps", COLUMN(steps), 1000, 1.15);
#undef COLUMN
}

/* points: how often objects of points are opened, whatever the chain's length; -1: each may be. */
static void check(const char *what, enum chain_as as, task run, int points)
{
    struct work w[SIDES];
    for (size_t i = 0; i < SIDES; i++) {
        w[i] = count(&sides[i], as, run);
        ck_assert_msg(points < 0 || w[i].points_opened == (unsigned)points,
                      "%s: opens %llu objects of points", what,
                      (unsigned long long)w[i].points_opened);
        ck_assert_msg(w[i].lists == w[0].lists, "%s: lists %llu times, and %llu times", what,
                      (unsigned long long)w[0].lists, (unsigned long long)w[i].lists);
    }
    tap_note("%s: %llu, %llu, %llu steps", what, (unsigned long long)w[0].steps,
             (unsigned long long)w[1].steps, (unsigned long long)w[2].steps);
    grows_all(what, w);
}

static void open_it(struct stage *s, struct work *from)
{
    (void)from;
    envelope_chain_free(many_open(&s->host, s->store));
}

START_TEST(opening)
{
    check("open", AS_IT_IS, open_it, 0);
}
END_TEST

static void list_it(struct stage *s, struct work *from)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = many_open(&s->host, s->store);
    envelope_points *p;
    envelope_key_list *keys;
    *from = now(s);
    MANY_MUST(envelope_chain_points(chain, &p, &err));
    ck_assert_uint_eq(envelope_points_count(p), s->side->points);
    envelope_points_free(p);
    MANY_MUST(envelope_chain_keys(chain, &keys, &err));
    ck_assert_uint_eq(envelope_key_list_count(keys), 1);
    envelope_key_list_free(keys);
    envelope_chain_free(chain);
}

START_TEST(listing)
{
    check("list", AS_IT_IS, list_it, 0);
}
END_TEST

static void add_full(struct stage *s, struct work *from)
{
    envelope_chain *chain = many_open(&s->host, s->store);
    *from = now(s);
    many_back_up(chain, ENVELOPE_FULL);
    envelope_chain_free(chain);
}

static void add_increment(struct stage *s, struct work *from)
{
    envelope_chain *chain = many_open(&s->host, s->store);
    *from = now(s);
    many_back_up(chain, ENVELOPE_INCREMENT);
    envelope_chain_free(chain);
}

/* What is opened is the new point, to be read back, and since nothing lists it yet; and each of the
 * points that an increment stands on: 30 are made on each other. */
START_TEST(adding)
{
    check("add a full", AS_IT_IS, add_full, 2);
    check("add an increment", AS_IT_IS, add_increment, 2 + 30);
}
END_TEST

static void refresh(struct stage *s, struct work *from)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = many_open(&s->host, s->store);
    *from = now(s);
    MANY_MUST(envelope_chain_refresh(chain, 0, NULL, &err));
    envelope_chain_free(chain);
}

static void refresh_rotated(struct stage *s, struct work *from)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint32_t rotated;
    envelope_chain *chain = many_open(&s->host, s->store);
    s->kms.newest++;
    *from = now(s);
    MANY_MUST(envelope_chain_refresh(chain, 0, &rotated, &err));
    ck_assert_uint_eq(rotated, 1);
    envelope_chain_free(chain);
}

START_TEST(refreshing)
{
    check("refresh", AS_IT_IS, refresh, 0);
    check("refresh after a rotation", AS_IT_IS, refresh_rotated, 0);
}
END_TEST

/* The points that stand on the first fulls, all of them. */
static size_t choose(envelope_chain *chain, size_t fulls, uint64_t *numbers)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_points *p;
    size_t n = 0;
    MANY_MUST(envelope_chain_points(chain, &p, &err));
    size_t count = envelope_points_count(p);
    const uint64_t last = envelope_points_at(p, count - 1)->number;
    bool *goes = calloc(last + 1, sizeof *goes);
    for (size_t i = 0; i < count; i++) {
        const envelope_point *point = envelope_points_at(p, i);
        bool first = !point->parent && fulls && fulls-- > 0;
        goes[point->number] = first || (point->parent && goes[point->parent]);
        if (goes[point->number]) {
            numbers[n++] = point->number;
        }
    }
    free(goes);
    envelope_points_free(p);
    return n;
}

static void forget_half(struct stage *s, struct work *from, size_t again)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint64_t *numbers = calloc(s->side->points, sizeof *numbers);
    envelope_chain *chain = many_open(&s->host, s->store);
    size_t n = choose(chain, s->side->points / 2 / MANY_BATCH, numbers);
    ck_assert_uint_eq(n, s->side->points / 2);
    for (size_t i = 0; i <= again; i++) {
        *from = now(s);
        MANY_MUST(envelope_chain_forget(chain, numbers, n, NULL, NULL, &err));
    }
    envelope_chain_free(chain);
    free(numbers);
}

static void forget(struct stage *s, struct work *from)
{
    forget_half(s, from, 0);
}

/* All are known to have been points, and nothing is left to do. */
static void forget_again(struct stage *s, struct work *from)
{
    forget_half(s, from, 1);
}

START_TEST(forgetting)
{
    check("forget", AS_IT_IS, forget, -1);
    check("forget again", AS_IT_IS, forget_again, 0);
}
END_TEST

/* -- points that are not listed: more than the locked memory would hold the keys of */

static void verify_headers(struct stage *s, struct work *from)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_verify_options o = {.size = sizeof o, .flags = ENVELOPE_VERIFY_HEADERS_ONLY};
    envelope_chain *chain = many_open(&s->host, s->store);
    *from = now(s);
    MANY_MUST(envelope_chain_verify(chain, &o, &err));
    envelope_chain_free(chain);
}

START_TEST(unlisted)
{
    check("open with unlisted points", UNLISTED, open_it, -1);
    check("show them", UNLISTED, list_it, 0);
    check("verify them", UNLISTED, verify_headers, -1);
    check("list them", UNLISTED, refresh, -1);
}
END_TEST

static void read_all(struct stage *s, struct work *from)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = many_open(&s->host, s->store);
    envelope_points *p;
    *from = now(s);
    MANY_MUST(envelope_chain_points(chain, &p, &err));
    ck_assert_uint_eq(envelope_points_count(p), s->side->points);
    ck_assert_uint_ne(envelope_points_at(p, envelope_points_count(p) - 1)->parent, 0);
    envelope_points_free(p);
    envelope_chain_free(chain);
}

START_TEST(without_metadata)
{
    check("open without metadata", WITHOUT_METADATA, open_it, -1);
    check("list without metadata", WITHOUT_METADATA, read_all, 0);
}
END_TEST

static void verify_lost(struct stage *s, struct work *from)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = many_open(&s->host, s->store);
    *from = now(s);
    ck_assert_int_eq(envelope_chain_verify(chain, NULL, &err), ENVELOPE_E_FORMAT);
    envelope_chain_free(chain);
}

/* Each is looked for under other names too, in one listing. */
START_TEST(lost_points)
{
    check("verify lost points", WITHOUT_POINTS, verify_lost, -1);
}
END_TEST

static void survey_it(struct stage *s, struct work *from, bool keys_only)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_survey *found;
    envelope_key_list *keys;
    MANY_MUST(envelope_survey_new(s->store, NULL, &found, &err));
    MANY_MUST(envelope_survey_try(found, s->host.ring, &err));
    *from = keys_only ? now(s) : *from;
    MANY_MUST(envelope_survey_keys(found, &keys, &err));
    ck_assert_uint_eq(envelope_key_list_at(keys, 0)->points, s->side->points);
    envelope_key_list_free(keys);
    for (size_t i = 0; i < envelope_survey_count(found); i++) {
        MANY_MUST(envelope_survey_object_keys(found, i, &keys, &err));
        envelope_key_list_free(keys);
    }
    envelope_survey_free(found);
}

static void survey(struct stage *s, struct work *from)
{
    survey_it(s, from, false);
}

static void name_keys(struct stage *s, struct work *from)
{
    survey_it(s, from, true);
}

START_TEST(surveying)
{
    check("survey", AS_IT_IS, survey, -1);
    check("name the keys", AS_IT_IS, name_keys, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_many");
    TCase *t = tcase_create("many");
    tcase_set_timeout(t, 600);
    tcase_add_unchecked_fixture(t, make_all, free_all);
    tcase_add_test(t, opening);
    tcase_add_test(t, listing);
    tcase_add_test(t, adding);
    tcase_add_test(t, refreshing);
    tcase_add_test(t, forgetting);
    tcase_add_test(t, unlisted);
    tcase_add_test(t, without_metadata);
    tcase_add_test(t, lost_points);
    tcase_add_test(t, surveying);
    suite_add_tcase(s, t);
    return s;
}
