/* An asking KMS beside others, its failures, and a commit that is left: always the result that KMSs
 * which are called would have given. */
#include "asking_kit.h"
#include "hunt.h"
#include "keystores.h"
#include "scratch.h"
#include <stdlib.h>
#include <string.h>

struct stage {
    envelope_ctx *ctx;
    struct room room[2];
    struct desk desk[2];
    struct desk *desks[2];
    size_t desk_count;
    envelope_keyring *ring;
    envelope_store *store;
    struct memory_store mem;
    struct memory_store *watched;
    envelope_chain *chain;
    envelope_writer *writer;
    envelope_header *header;
    envelope_dek *dek;
    envelope_dek *opened;
    uint32_t refresh_flags;
    uint64_t number;
    uint8_t pin[ENVELOPE_PIN_MAX];
    size_t pin_len;
};
static const uint32_t ALL_USES =
    ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP | ENVELOPE_USE_NAMES_EXCLUSIVE;

static void begin(struct stage *s, bool symmetric)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    memset(s, 0, sizeof *s);
    s->ctx = test_ctx();
    for (int i = 0; i < 2; i++) {
        room_open(&s->room[i], symmetric, 1 + i * ROOM_VERSIONS);
        desk_open(&s->desk[i], s->ctx, &s->room[i], PROMPT);
        s->desks[i] = &s->desk[i];
    }
    s->desk_count = 2;
    s->store = memory_store_open(s->ctx, &s->mem);
    MUST(envelope_keyring_new(s->ctx, NULL, &s->ring, &err));
    MUST(envelope_dek_generate(s->ctx, &s->dek, &err));
}

static void end(struct stage *s)
{
    envelope_chain_free(s->chain);
    envelope_header_free(s->header);
    envelope_dek_free(s->dek);
    envelope_dek_free(s->opened);
    envelope_keyring_free(s->ring);
    envelope_store_free(s->store);
    memory_store_clear(&s->mem);
    for (int i = 0; i < 2; i++) {
        desk_close(&s->desk[i]);
        room_close(&s->room[i]);
    }
    envelope_ctx_free(s->ctx);
}

static void add(struct stage *s, const char *id, envelope_kms *kms, int32_t priority, bool wraps)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    MUST(envelope_keyring_add_kms(s->ring, id, kms, ALL_USES, priority, &err));
    if (wraps) {
        MUST(envelope_keyring_wrap_for(s->ring, id, "vm", &err));
    }
}

static envelope_status save_pin(void *user, const void *pin, size_t len, envelope_error *err)
{
    struct stage *s = user;
    (void)err;
    memcpy(s->pin, pin, len);
    s->pin_len = len;
    return ENVELOPE_OK;
}

static envelope_status create(void *user, envelope_error *err)
{
    struct stage *s = user;
    envelope_chain_options o = {.size = sizeof o, .save_pin = save_pin, .user = s};
    return envelope_chain_create(s->store, s->ring, &o, &s->chain, err);
}

static envelope_status open_chain(void *user, envelope_error *err)
{
    struct stage *s = user;
    envelope_chain_options o = {.size = sizeof o,
                                .save_pin = save_pin,
                                .user = s,
                                .pin = s->pin_len ? s->pin : NULL,
                                .pin_len = s->pin_len};
    return envelope_chain_open(s->store, s->ring, &o, &s->chain, err);
}

static envelope_status refresh(void *user, envelope_error *err)
{
    struct stage *s = user;
    return envelope_chain_refresh(s->chain, s->refresh_flags, NULL, err);
}

static envelope_status new_writer(void *user, envelope_error *err)
{
    struct stage *s = user;
    return envelope_writer_new(s->chain, NULL, &s->writer, err);
}

static envelope_status commit(void *user, envelope_error *err)
{
    struct stage *s = user;
    return envelope_writer_commit(s->writer, &s->number, err);
}

static envelope_status new_header(void *user, envelope_error *err)
{
    struct stage *s = user;
    return envelope_header_new(s->ring, s->dek, NULL, &s->header, err);
}

static envelope_status open_header(void *user, envelope_error *err)
{
    struct stage *s = user;
    return envelope_header_open(s->header, s->ring, ENVELOPE_ANY_SLOT, &s->opened, err);
}

static envelope_status run(struct stage *s, asking_call call)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    return drive(s->desks, s->desk_count, &s->mem, call, s, &err);
}

/* -- two that ask */

/* Both are asked in each round, so two take no more rounds than one. */
START_TEST(two_desks)
{
    struct stage s;
    begin(&s, _i);
    add(&s, "one", s.desk[0].kms, 0, true);
    add(&s, "two", s.desk[1].kms, 1, true);
    ck_assert_int_eq(create(&s, NULL), ENVELOPE_E_AGAIN);
    ck_assert_uint_eq(desk_take(&s.desk[0]), 1);
    ck_assert_uint_eq(desk_take(&s.desk[1]), 1);
    ck_assert_int_eq(run(&s, create), ENVELOPE_OK);
    ck_assert_uint_eq(s.desk[0].rounds, s.desk[1].rounds);
    /* newest, possession, proof; with AES both of these are wrapped there first */
    ck_assert_uint_eq(s.desk[0].rounds, _i ? 5 : 3);
    ck_assert_uint_eq(s.desk[0].questions, s.desk[1].questions);
    envelope_chain_free(s.chain);
    s.chain = NULL;
    /* either alone opens it, and the first by priority is asked alone */
    unsigned second = s.desk[1].questions;
    s.pin_len = 0;
    ck_assert_int_eq(run(&s, open_chain), ENVELOPE_OK);
    ck_assert_uint_eq(s.desk[1].questions, second);
    envelope_chain_free(s.chain);
    s.chain = NULL;
    s.room[0].fail[ENVELOPE_ASK_UNWRAP] = ENVELOPE_E_KMS_UNREACHED;
    ck_assert_int_eq(run(&s, open_chain), ENVELOPE_OK);
    ck_assert_uint_gt(s.desk[1].questions, second);
    end(&s);
}
END_TEST

/* What failed already is told once the other has answered: an outage may be over by then. */
START_TEST(unreached_beside_asking)
{
    struct stage s;
    begin(&s, false);
    envelope_kms *called = room_blocking(s.ctx, &s.room[1]);
    add(&s, "called", called, 0, true);
    add(&s, "asked", s.desk[0].kms, 1, true);
    s.room[1].fail[ENVELOPE_ASK_NEWEST] = ENVELOPE_E_KMS_UNREACHED;
    ck_assert_int_eq(create(&s, NULL), ENVELOPE_E_AGAIN);
    desk_round(&s.desk[0]);
    ck_assert_int_eq(create(&s, NULL), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_uint_eq(s.mem.count, 0);
    s.room[1].fail[ENVELOPE_ASK_NEWEST] = ENVELOPE_OK;
    ck_assert_int_eq(run(&s, create), ENVELOPE_OK);
    envelope_kms_free(called);
    end(&s);
}
END_TEST

START_TEST(beside_a_keystore)
{
    struct stage s;
    char dir[SCRATCH_PATH_MAX];
    char path[SCRATCH_PATH_MAX];
    scratch_make(dir);
    begin(&s, false);
    envelope_kms *store = keystore_make(s.ctx, scratch_path(path, dir, "keys"));
    keystore_add(store, "vm", 12);
    add(&s, "own", store, 0, true);
    add(&s, "asked", s.desk[0].kms, 1, true);
    ck_assert_int_eq(run(&s, create), ENVELOPE_OK);
    ck_assert_int_eq(run(&s, new_writer), ENVELOPE_OK);
    ck_assert_int_eq(commit(&s, NULL), ENVELOPE_E_AGAIN);
    ck_assert_int_eq(run(&s, commit), ENVELOPE_OK);
    envelope_writer_free(s.writer);
    envelope_chain_free(s.chain);
    unsigned before = s.desk[0].questions;
    ck_assert_int_eq(open_chain(&s, NULL),
                     ENVELOPE_OK); /* the keystore comes first: none is asked */
    ck_assert_uint_eq(desk_take(&s.desk[0]), 0);
    ck_assert_uint_eq(s.desk[0].questions, before);
    envelope_kms_free(store);
    end(&s);
    scratch_remove(dir);
}
END_TEST

/* -- failures of each kind are those of a KMS that is called */

struct failing_case {
    asking_call call;
    int kind;
    bool symmetric;
};
static const struct failing_case failing_cases[] = {
    {create, ENVELOPE_ASK_NEWEST, false},     {create, ENVELOPE_ASK_UNWRAP, false},
    {create, ENVELOPE_ASK_WRAP, true},        {new_header, ENVELOPE_ASK_NEWEST, false},
    {new_header, ENVELOPE_ASK_UNWRAP, false}, {new_header, ENVELOPE_ASK_WRAP, true},
};
static const envelope_status failures[] = {ENVELOPE_E_KMS_UNREACHED, ENVELOPE_E_REFUSED,
                                           ENVELOPE_E_NO_KEY, ENVELOPE_E_AUTH};

static envelope_status outcome(const struct failing_case *c, envelope_status failure, bool asks,
                               envelope_error *err)
{
    struct stage s;
    begin(&s, c->symmetric);
    envelope_kms *called = room_blocking(s.ctx, &s.room[0]);
    add(&s, "lab", asks ? s.desk[0].kms : called, 0, true);
    s.room[0].fail[c->kind] = failure;
    envelope_status st = drive(s.desks, asks, &s.mem, c->call, &s, err);
    ck_assert_uint_eq(s.mem.count, 0);
    ck_assert_ptr_null(s.chain);
    ck_assert_ptr_null(s.header);
    envelope_kms_free(called);
    end(&s);
    return st;
}

START_TEST(failures_are_alike)
{
    const struct failing_case *c = &failing_cases[_i];
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        envelope_error a = ENVELOPE_ERROR_INIT;
        envelope_error b = ENVELOPE_ERROR_INIT;
        envelope_status want = outcome(c, failures[i], false, &a);
        envelope_status got = outcome(c, failures[i], true, &b);
        ck_assert_int_ne(want, ENVELOPE_OK);
        ck_assert_msg(got == want, "%s: %s", envelope_status_name(got), b.message);
        bool ours = want == ENVELOPE_E_CALLBACK; /* names the table's function */
        ck_assert_msg(ours || !strstr(a.message, "as ordered") == !strstr(b.message, "as ordered"),
                      "%s | %s", a.message, b.message);
    }
}
END_TEST

START_TEST(opening_fails_alike)
{
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        struct stage s;
        begin(&s, false);
        add(&s, "lab", s.desk[0].kms, 0, true);
        ck_assert_int_eq(run(&s, new_header), ENVELOPE_OK);
        s.room[0].fail[ENVELOPE_ASK_UNWRAP] = failures[i];
        ck_assert_int_eq(run(&s, open_header), failures[i]);
        s.room[0].fail[ENVELOPE_ASK_UNWRAP] = ENVELOPE_OK;
        ck_assert_int_eq(run(&s, open_header), ENVELOPE_OK); /* nothing of it was kept */
        end(&s);
    }
}
END_TEST

/* -- commit */

static void write_point(struct stage *s)
{
    ck_assert_int_eq(run(s, new_writer), ENVELOPE_OK);
    ck_assert_int_eq(envelope_writer_write(s->writer, "data", 4, NULL), ENVELOPE_OK);
}

static size_t points(struct stage *s)
{
    envelope_points *p;
    ck_assert_int_eq(envelope_chain_points(s->chain, &p, NULL), ENVELOPE_OK);
    size_t n = envelope_points_count(p);
    envelope_points_free(p);
    return n;
}

/* Safe, not listed yet; the next run lists it. */
START_TEST(commit_is_left)
{
    struct stage s;
    begin(&s, false);
    add(&s, "lab", s.desk[0].kms, 0, true);
    ck_assert_int_eq(run(&s, create), ENVELOPE_OK);
    write_point(&s);
    size_t files = s.mem.count;
    ck_assert_int_eq(commit(&s, NULL), ENVELOPE_E_AGAIN);
    ck_assert_uint_eq(s.mem.count, files + 1);
    ck_assert_int_eq(commit(&s, NULL), ENVELOPE_E_AGAIN); /* changes nothing more */
    ck_assert_uint_eq(s.mem.count, files + 1);
    envelope_writer_free(s.writer);
    envelope_chain_free(s.chain);
    ck_assert_int_eq(run(&s, open_chain), ENVELOPE_OK);
    ck_assert_int_eq(run(&s, refresh), ENVELOPE_OK);
    ck_assert_uint_eq(points(&s), 1);
    ck_assert_uint_eq(s.mem.count, files + 2); /* the point, and metadata that lists it */
    end(&s);
}
END_TEST

/* Any other failure of listing is an event, as with a KMS that is called. */
START_TEST(commit_with_an_outage)
{
    struct stage s;
    begin(&s, false);
    add(&s, "lab", s.desk[0].kms, 0, true);
    ck_assert_int_eq(run(&s, create), ENVELOPE_OK);
    write_point(&s);
    s.room[0].fail[ENVELOPE_ASK_NEWEST] = ENVELOPE_E_KMS_UNREACHED;
    ck_assert_int_eq(commit(&s, NULL), ENVELOPE_E_AGAIN);
    desk_round(&s.desk[0]);
    ck_assert_int_eq(commit(&s, NULL), ENVELOPE_OK);
    envelope_writer_free(s.writer);
    s.room[0].fail[ENVELOPE_ASK_NEWEST] = ENVELOPE_OK;
    ck_assert_int_eq(run(&s, refresh), ENVELOPE_OK);
    ck_assert_uint_eq(points(&s), 1);
    end(&s);
}
END_TEST

/* -- the KMS itself opens, whatever private key is at hand */

START_TEST(private_key_proves_nothing)
{
    struct stage s;
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(1, pem);
    begin(&s, false);
    envelope_kms *called = room_blocking(s.ctx, &s.room[0]);
    add(&s, "lab", called, 0, true);
    ck_assert_int_eq(envelope_keyring_add_key(s.ring, NULL, pem, len, NULL, 0, NULL), ENVELOPE_OK);
    s.room[0].fail[ENVELOPE_ASK_UNWRAP] = ENVELOPE_E_REFUSED;
    ck_assert_int_eq(create(&s, NULL), ENVELOPE_E_REFUSED); /* the possession test */
    ck_assert_int_eq(new_header(&s, NULL), ENVELOPE_E_REFUSED);
    s.room[0].fail[ENVELOPE_ASK_UNWRAP] = ENVELOPE_OK;
    ck_assert_int_eq(create(&s, NULL), ENVELOPE_OK);
    size_t files = s.mem.count;
    s.room[0].fail[ENVELOPE_ASK_UNWRAP] = ENVELOPE_E_REFUSED;
    s.refresh_flags = ENVELOPE_REFRESH_NEW_GENERATION;
    ck_assert_int_eq(refresh(&s, NULL), ENVELOPE_E_REFUSED); /* the new generation's proof */
    ck_assert_uint_eq(s.mem.count, files);
    envelope_kms_free(called);
    end(&s);
}
END_TEST

/* -- answers and draws are wiped */

START_TEST(nothing_stays)
{
    struct stage s;
    struct hunt h;
    begin(&s, true);
    add(&s, "lab", s.desk[0].kms, 0, true);
    hunt_begin(&h);
    h.arena = envelope_dek_reveal(s.dek);
    hunt_remember(&h, 0, envelope_dek_reveal(s.dek));
    envelope_status st;
    while ((st = new_header(&s, NULL)) == ENVELOPE_E_AGAIN) {
        hunt_expect_none(&h, false); /* the question shows it: in the arena alone */
        desk_round(&s.desk[0]);
    }
    ck_assert_int_eq(st, ENVELOPE_OK);
    ck_assert_int_eq(run(&s, open_header), ENVELOPE_OK);
    hunt_expect_none(&h, false);
    envelope_dek_free(s.dek);
    envelope_dek_free(s.opened);
    s.dek = NULL;
    s.opened = NULL;
    hunt_expect_none(&h, true);
    hunt_end(&h);
    end(&s);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("asking_mixed");
    TCase *t = tcase_create("mixed");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, two_desks, 0, 2);
    tcase_add_test(t, unreached_beside_asking);
    tcase_add_test(t, beside_a_keystore);
    tcase_add_loop_test(t, failures_are_alike, 0, 6);
    tcase_add_test(t, opening_fails_alike);
    tcase_add_test(t, commit_is_left);
    tcase_add_test(t, commit_with_an_outage);
    tcase_add_test(t, private_key_proves_nothing);
    if (!hunt_is_void()) {
        tcase_add_test(t, nothing_stays);
    }
    suite_add_tcase(s, t);
    return s;
}
