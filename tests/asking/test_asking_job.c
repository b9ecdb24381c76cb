/* The main job with a KMS that asks: create, back up, rotate, refresh, open, verify, restore, the
 * worst day, containers; with RSA and AES keys, answers of every bad habit; and the same job with
 * the blocking table for comparison. */
#include "asking_kit.h"
#include <stdlib.h>
#include <string.h>

enum { LEN = 50000, POINTS = 3 };

struct job {
    envelope_ctx *ctx;
    struct room room;
    struct desk desk;
    struct desk *desks[1];
    size_t desk_count; /* 0: the blocking table */
    envelope_kms *kms;
    envelope_keyring *ring;
    envelope_store *store;
    struct memory_store mem;
    uint8_t pin[ENVELOPE_PIN_MAX];
    size_t pin_len;
    envelope_chain *chain;
    envelope_writer *writer;
    envelope_survey *survey;
    uint64_t number;
    uint32_t rotated;
    unsigned damaged; /* told by verify */
    envelope_dek *dek;
    envelope_dek *opened;
    envelope_header *header;
    envelope_header *rewrapped;
};

static envelope_status save_pin(void *user, const void *pin, size_t len, envelope_error *err)
{
    struct job *j = user;
    (void)err;
    memcpy(j->pin, pin, len);
    j->pin_len = len;
    return ENVELOPE_OK;
}

static void begin(struct job *j, bool symmetric, bool blocking, enum desk_mode mode)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    memset(j, 0, sizeof *j);
    j->ctx = test_ctx();
    room_open(&j->room, symmetric, 1);
    desk_open(&j->desk, j->ctx, &j->room, mode);
    j->desks[0] = &j->desk;
    j->desk_count = blocking ? 0 : 1;
    j->kms = blocking ? room_blocking(j->ctx, &j->room) : j->desk.kms;
    j->store = memory_store_open(j->ctx, &j->mem);
    MUST(envelope_keyring_new(j->ctx, NULL, &j->ring, &err));
    MUST(envelope_keyring_add_kms(
        j->ring, "lab", j->kms,
        ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP | ENVELOPE_USE_NAMES_EXCLUSIVE, 0, &err));
    MUST(envelope_keyring_wrap_for(j->ring, "lab", "vm", &err));
}

static void end(struct job *j)
{
    if (!j->desk_count) {
        envelope_kms_free(j->kms);
    }
    envelope_header_free(j->header);
    envelope_header_free(j->rewrapped);
    envelope_dek_free(j->dek);
    envelope_dek_free(j->opened);
    envelope_chain_free(j->chain);
    envelope_survey_free(j->survey);
    envelope_keyring_free(j->ring);
    envelope_store_free(j->store);
    memory_store_clear(&j->mem);
    desk_close(&j->desk);
    room_close(&j->room);
    envelope_ctx_free(j->ctx);
}

static envelope_chain_options options(struct job *j)
{
    return (envelope_chain_options){.size = sizeof(envelope_chain_options),
                                    .save_pin = save_pin,
                                    .user = j,
                                    .pin = j->pin_len ? j->pin : NULL,
                                    .pin_len = j->pin_len};
}

/* -- the calls */

static envelope_status create(void *user, envelope_error *err)
{
    struct job *j = user;
    envelope_chain_options o = options(j);
    o.name = "vm";
    return envelope_chain_create(j->store, j->ring, &o, &j->chain, err);
}

static envelope_status open_chain(void *user, envelope_error *err)
{
    struct job *j = user;
    envelope_chain_options o = options(j);
    return envelope_chain_open(j->store, j->ring, &o, &j->chain, err);
}

static envelope_status new_writer(void *user, envelope_error *err)
{
    struct job *j = user;
    return envelope_writer_new(j->chain, NULL, &j->writer, err);
}

static envelope_status commit(void *user, envelope_error *err)
{
    struct job *j = user;
    return envelope_writer_commit(j->writer, &j->number, err);
}

static envelope_status refresh(void *user, envelope_error *err)
{
    struct job *j = user;
    return envelope_chain_refresh(j->chain, 0, &j->rotated, err);
}

static void on_finding(void *user, const envelope_event *event)
{
    struct job *j = user;
    j->damaged += event->kind == ENVELOPE_EVENT_DAMAGED;
}

static envelope_status verify(void *user, envelope_error *err)
{
    struct job *j = user;
    const envelope_verify_options o = {.size = sizeof o, .event = on_finding, .user = j};
    return envelope_chain_verify(j->chain, &o, err);
}

static envelope_status try_survey(void *user, envelope_error *err)
{
    struct job *j = user;
    return envelope_survey_try(j->survey, j->ring, err);
}

static envelope_status header_new(void *user, envelope_error *err)
{
    struct job *j = user;
    return envelope_header_new(j->ring, j->dek, NULL, &j->header, err);
}

static envelope_status header_open(void *user, envelope_error *err)
{
    struct job *j = user;
    return envelope_header_open(j->header, j->ring, ENVELOPE_ANY_SLOT, &j->opened, err);
}

static envelope_status header_rewrap(void *user, envelope_error *err)
{
    struct job *j = user;
    return envelope_header_rewrap(j->header, j->dek, j->ring, &j->rewrapped, err);
}

static void run(struct job *j, const char *what, asking_call call)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    must_ok(drive(j->desks, j->desk_count, &j->mem, call, j, &err), &err, what, __FILE__, __LINE__);
}
#define RUN(j, call) run((j), #call, (call))

/* -- what is done with them */

static void fill(uint8_t *data, uint64_t number)
{
    for (size_t i = 0; i < LEN; i++) {
        data[i] = (uint8_t)(i * 31 + number * 7 + (i >> 8));
    }
}

/* The point is durable at the first E_AGAIN of commit: that one may change the listing. */
static void commit_point(struct job *j)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    j->number = 0;
    envelope_status st = envelope_writer_commit(j->writer, &j->number, &err);
    if (st == ENVELOPE_E_AGAIN) {
        ck_assert_uint_eq(j->number, 0);
        ck_assert_int_eq(envelope_writer_write(j->writer, "x", 1, NULL), ENVELOPE_E_INVALID);
        ck_assert_int_eq(envelope_writer_set(j->writer, "x", "y", 1, NULL), ENVELOPE_E_INVALID);
        desk_round(&j->desk);
        RUN(j, commit);
    } else {
        must_ok(st, &err, "envelope_writer_commit", __FILE__, __LINE__);
    }
    ck_assert_int_eq(envelope_writer_commit(j->writer, &j->number, NULL), ENVELOPE_E_INVALID);
}

static void back_up(struct job *j, uint64_t number)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint8_t data[LEN];
    fill(data, number);
    RUN(j, open_chain);
    RUN(j, new_writer);
    MUST(envelope_writer_write(j->writer, data, LEN, &err));
    commit_point(j);
    ck_assert_uint_eq(j->number, number);
    envelope_writer_free(j->writer);
    envelope_chain_free(j->chain);
    j->writer = NULL;
    j->chain = NULL;
}

static void restore(struct job *j, uint64_t number)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_reader *r;
    size_t got;
    uint8_t data[LEN + 1];
    uint8_t want[LEN];
    fill(want, number);
    MUST(envelope_reader_new(j->chain, number, &r, &err));
    MUST(envelope_reader_pread(r, 0, data, sizeof data, &got, &err));
    ck_assert_uint_eq(got, LEN);
    ck_assert(!memcmp(data, want, LEN));
    envelope_reader_free(r);
}

static void containers(struct job *j)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    MUST(envelope_dek_generate(j->ctx, &j->dek, &err));
    RUN(j, header_new);
    RUN(j, header_open);
    ck_assert(!memcmp(envelope_dek_reveal(j->dek), envelope_dek_reveal(j->opened), 32));
    RUN(j, header_rewrap);
    const envelope_slot *slot = envelope_header_slot(j->rewrapped, 0);
    ck_assert_str_eq(slot->key->key_id, "vm/2");
}

/* Names that lie in the repository, as far as they do not hold random parts or times. */
static size_t count_files(struct memory_store *mem, const char *part)
{
    size_t n = 0;
    for (size_t at = 0; memory_next(mem, part, &at);) {
        n++;
    }
    return n;
}

struct outcome {
    size_t meta;
    size_t copies;
    size_t points;
    size_t keys;
    unsigned asked[5];
};

static void whole_job(struct job *j, struct outcome *out)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_key_list *keys;
    memset(out, 0, sizeof *out);
    RUN(j, create);
    envelope_chain_free(j->chain);
    back_up(j, 1);
    j->room.newest = 2;
    back_up(j, 2);
    back_up(j, 3);
    j->room.newest = 3;
    RUN(j, open_chain);
    RUN(j, refresh);
    ck_assert_uint_eq(j->rotated, 1);
    envelope_chain_free(j->chain);
    j->room.newest = 2; /* the replica that lags does not matter for reading */
    j->pin_len = 0;
    unsigned rounds = j->desk.rounds;
    RUN(j, open_chain);
    if (j->desk_count && j->desk.mode == PROMPT) {
        ck_assert_uint_eq(j->desk.rounds, rounds + 1); /* for all metadata objects */
    }
    RUN(j, verify);
    ck_assert_uint_eq(j->damaged, 0);
    for (uint64_t n = 1; n <= POINTS; n++) {
        restore(j, n);
    }
    MUST(envelope_chain_keys(j->chain, &keys, &err));
    out->keys = envelope_key_list_count(keys);
    envelope_key_list_free(keys);
    MUST(envelope_survey_new(j->store, NULL, &j->survey, &err));
    RUN(j, try_survey);
    containers(j);
    out->meta = count_files(&j->mem, "/meta/");
    out->copies = count_files(&j->mem, "-keys-");
    out->points = count_files(&j->mem, "-full-");
    memcpy(out->asked, j->room.asked, sizeof out->asked);
}

/* -- */

static void compare(bool symmetric, enum desk_mode mode)
{
    struct job j;
    struct outcome blocking;
    struct outcome asking;
    begin(&j, symmetric, true, PROMPT);
    whole_job(&j, &blocking);
    end(&j);
    begin(&j, symmetric, false, mode);
    whole_job(&j, &asking);
    ck_assert_uint_gt(j.desk.rounds, 10);
    ck_assert_uint_eq(j.desk.open_count, 0);
    ck_assert_ptr_null(envelope_kms_next_question(j.desk.kms));
    end(&j);
    ck_assert_uint_eq(asking.meta, blocking.meta);
    ck_assert_uint_eq(asking.copies, blocking.copies);
    ck_assert_uint_eq(asking.points, POINTS);
    ck_assert_uint_eq(blocking.points, POINTS);
    ck_assert_uint_eq(asking.keys, blocking.keys);
    /* a question is asked once however often the call is repeated, so never more than are called */
    for (int kind = ENVELOPE_ASK_NEWEST; kind <= ENVELOPE_ASK_WRAP; kind++) {
        ck_assert_uint_le(asking.asked[kind], blocking.asked[kind]);
    }
}

START_TEST(with_rsa)
{
    compare(false, (enum desk_mode)_i);
}
END_TEST

START_TEST(with_aes)
{
    compare(true, (enum desk_mode)_i);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("asking_job");
    TCase *t = tcase_create("job");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, with_rsa, PROMPT, DESK_MODES);
    tcase_add_loop_test(t, with_aes, PROMPT, DESK_MODES);
    suite_add_tcase(s, t);
    return s;
}
