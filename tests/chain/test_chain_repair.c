/* Repair: what was damaged, altered or left behind is bit for bit as it was, whatever cuts the
 * repair off; the copy that is right is never touched, and without it nothing is. */
#include "chain/catalogue.h"
#include "chain/chain.h"
#include "chain_kit.h"
#include "format/crc32c.h"
#include "object/seal.h"
#include "object/twin.h"
#include <string.h>

enum { COPY = 16384, BYTES = 40000, REVISION_AT = 7 };

static struct test_kms kms;
static struct memory_store mem;
static struct memory_store was; /* before anything was damaged */
static struct host h;
static envelope_chain *chain;
static int tear;           /* the way in which the next overwrite is cut off; -1: none is */
static uint64_t only;      /* the point that is repaired; 0: all there is */
static char names[2][208]; /* a point that is listed, and the metadata that is read first */

static void setup(void)
{
    memset(&kms, 0, sizeof kms);
    memset(&mem, 0, sizeof mem);
    memset(&was, 0, sizeof was);
    only = 0;
    tear = -1;
    host_begin(&h, &kms, 1, 3);
    h.keeps = true;
    chain = host_create(&h, &mem, "vm");
    back_up(chain, 1, BYTES);
    back_up(chain, 2, BYTES);
    size_t at = 0;
    strcpy(names[0], memory_next(&mem, "-full-", &at)->name);
    for (at = 0; at < mem.count;) {
        const struct memory_file *f = memory_next(&mem, "/meta/", &at);
        if (f) {
            strcpy(names[1], f->name);
        }
    }
    memory_copy(&was, &mem);
    h.events = 0;
}

static void teardown(void)
{
    envelope_chain_free(chain);
    host_end(&h);
    memory_store_clear(&mem);
    memory_store_clear(&was);
}

static uint8_t *copy_of(int object, int copy)
{
    return memory_find(&mem, names[object])->data + copy * COPY;
}

static void mend_crc(uint8_t *copy)
{
    uint32_t crc = env_crc32c(copy, COPY - 4);
    for (int i = 0; i < 4; i++) {
        copy[COPY - 4 + i] = (uint8_t)(crc >> (8 * (3 - i)));
    }
}

static uint8_t *revision_of(uint8_t *copy)
{
    const uint8_t *core_len = copy + 24;
    size_t core = (size_t)core_len[0] << 24 | (size_t)core_len[1] << 16 | (size_t)core_len[2] << 8 |
                  core_len[3];
    return copy + 32 + core + 32;
}

/* -- what may have happened to a copy */

static void flipped(uint8_t *copy)
{
    copy[200] ^= 4;
}

static void blank(uint8_t *copy)
{
    memset(copy, 0, COPY);
}

/* By somebody who has no key: whole, and TAG does not verify. */
static void altered(uint8_t *copy)
{
    revision_of(copy)[REVISION_AT]++;
    mend_crc(copy);
}

/* The same; at equal revision the two disagree, and none says which is right. */
static void tampered(uint8_t *copy)
{
    revision_of(copy)[20] ^= 1;
    mend_crc(copy);
}

/* Whole, of another object. */
static void foreign(uint8_t *copy)
{
    size_t at = 0;
    memory_next(&was, "-full-", &at);
    const struct memory_file *other = memory_next(&was, "-full-", &at);
    memcpy(copy, other->data + (copy == copy_of(0, 1) ? COPY : 0), COPY);
}

static const struct {
    void (*happens)(uint8_t *copy);
    bool points_only; /* the slots of metadata are not tried then: only a row has the DEK */
} damages[] = {
    {flipped, false}, {blank, false}, {altered, false}, {tampered, true}, {foreign, true}};
enum { DAMAGES = sizeof damages / sizeof damages[0] };

/* -- repair */

static envelope_status repair(envelope_error *err)
{
    const envelope_verify_options o = {
        .size = sizeof o, .flags = ENVELOPE_VERIFY_REPAIR, .point = only};
    return envelope_chain_verify(chain, &o, err);
}

static void open_again(void)
{
    envelope_chain_free(chain);
    chain = host_open(&h, &mem, NULL);
}

static void check_all(void)
{
    check_point(chain, 1, 1, BYTES);
    check_point(chain, 2, 2, BYTES);
}

static void as_it_was(void)
{
    for (size_t i = 0; i < was.count; i++) {
        const struct memory_file *f = memory_find(&mem, was.file[i].name);
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(f->len, was.file[i].len);
        ck_assert_msg(!memcmp(f->data, was.file[i].data, f->len), "%s", f->name);
    }
}

START_TEST(every_copy_is_as_it_was)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    for (int object = 0; object < 2; object++) {
        for (int copy = 0; copy < 2; copy++) {
            if (object == 1 && damages[_i].points_only) {
                continue;
            }
            damages[_i].happens(copy_of(object, copy));
            open_again();
            h.events = 0;
            mem.overwritten = 0;
            MUST(repair(&err));
            ck_assert_uint_eq(mem.overwritten, 1);
            as_it_was();
            MUST(repair(&err));
            ck_assert_uint_eq(mem.overwritten, 1);
            check_all();
        }
    }
}
END_TEST

START_TEST(what_was_rewritten_is_told)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    flipped(copy_of(0, 1));
    ck_assert_int_eq(envelope_chain_verify(chain, NULL, &err), ENVELOPE_E_FORMAT);
    ck_assert_uint_eq(mem.overwritten, 0);
    h.events = 0;
    MUST(repair(&err));
    size_t told = 0;
    for (size_t i = 0; i < h.events; i++) {
        const struct seen_event *e = &h.event[i];
        if (e->kind == ENVELOPE_EVENT_REPAIRED && !e->status) {
            ck_assert_str_eq(e->object, names[0]);
            ck_assert_str_eq(e->message, "header copy B: rewritten from copy A");
            told++;
        }
    }
    ck_assert_uint_eq(told, 1);
}
END_TEST

/* Copy A of the point as whoever has its DEK makes it. */
static void seal_a(uint64_t revision, bool other_att)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_copy good;
    envelope_dek *dek;
    uint8_t att[ENV_ATT_BYTES];
    MUST(env_copy_parse(copy_of(0, 1), COPY, ENV_ROLE_B, &good, &err));
    MUST(env_row_dek(chain->catalogue, 0, &dek, &err));
    memcpy(att, good.att, sizeof att);
    att[3] ^= other_att;
    const struct env_copy_parts parts = {
        .core = good.core, .att = att, .revision = revision, .slots = good.slots};
    MUST(env_copy_seal(h.ctx, dek, &parts, ENV_ROLE_A, COPY, copy_of(0, 0), &err));
    envelope_dek_free(dek);
}

/* By a former recipient, who has the DEK and no generation: LINK says that it is another's. */
START_TEST(a_copy_with_another_link_is_not_taken)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    seal_a(9, true);
    MUST(repair(&err));
    as_it_was();
}
END_TEST

/* Both by the DEK: the higher revision is right, as for whoever reads. */
START_TEST(a_copy_that_was_left_behind_follows)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    seal_a(2, false);
    MUST(repair(&err));
    ck_assert_uint_eq(revision_of(copy_of(0, 1))[REVISION_AT], 2);
    ck_assert_uint_eq(mem.overwritten, 1);
    mem.overwritten = 0;
    MUST(repair(&err));
    ck_assert_uint_eq(mem.overwritten, 0);
    open_again();
    check_all();
}
END_TEST

START_TEST(a_tail_is_as_it_was)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    for (int object = 0; object < 2; object++) {
        struct memory_file *f = memory_find(&mem, names[object]);
        memset(f->data + f->len - 64, 7, 64);
        MUST(repair(&err));
        as_it_was();
    }
}
END_TEST

/* -- cut off */

enum { SECTOR = 512 };

static bool kept(int how, size_t sector, size_t sectors)
{
    switch (how) {
    case 0:
        return false;
    case 1:
        return sector < sectors / 2;
    case 2:
        return sector % 2 == 1;
    case 3:
        return sector > 0;
    default:
        return true;
    }
}
enum { TEARS = 5 };

static envelope_status cut_off(void *user, struct memory_file *f, uint64_t offset, const void *data,
                               size_t len)
{
    (void)user;
    if (tear < 0) {
        return ENVELOPE_OK;
    }
    for (size_t at = 0; at < len; at += SECTOR) {
        if (kept(tear, at / SECTOR, len / SECTOR)) {
            memcpy(f->data + offset + at, (const uint8_t *)data + at, SECTOR);
        }
    }
    return ENVELOPE_E_IO; /* the power is gone: nobody hears it */
}

/* A repair cut off in each way, and the repair of that again: everything reads all the time. */
START_TEST(cut_off_and_cut_off_again)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    int object = _i / 2;
    int copy = _i % 2;
    mem.before_overwrite = cut_off;
    only = object ? 0 : 1;
    for (int n = 0; n < TEARS * TEARS; n++) {
        damages[n % 2].happens(copy_of(object, copy));
        for (int k = 0; k < 2; k++) {
            tear = k ? n / TEARS : n % TEARS;
            (void)repair(&err);
            open_again();
            check_all();
        }
        tear = -1;
        MUST(repair(&err));
        as_it_was();
    }
}
END_TEST

static envelope_status read_file(void *user, uint64_t offset, void *buf, size_t len,
                                 envelope_error *err)
{
    const struct memory_file *f = user;
    (void)err;
    ck_assert_uint_le(offset + len, f->len);
    memcpy(buf, f->data + offset, len);
    return ENVELOPE_OK;
}

/* Another process may have been quicker: then there is nothing left to write. */
START_TEST(both_are_good_already)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct memory_file *f = memory_find(&mem, names[0]);
    struct env_twin twin;
    envelope_dek *dek;
    MUST(env_row_dek(chain->catalogue, 0, &dek, &err));
    MUST(env_twin_read(h.ctx, dek, chain->catalogue->rows[0].link, read_file, f, f->len, &twin,
                       &err));
    ck_assert_int_eq(twin.which, ENV_TWINS_GOOD);
    ck_assert_ptr_null(twin.bytes);
    envelope_dek_free(dek);
}
END_TEST

/* -- where nothing may be written */

START_TEST(without_a_right_copy_nothing_is_written)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    flipped(copy_of(0, 0));
    tampered(copy_of(0, 1));
    ck_assert_int_eq(repair(&err), ENVELOPE_E_FORMAT);
    ck_assert_uint_eq(mem.overwritten, 0);
    ck_assert_msg(strstr(err.message, "header cop"), "%s", err.message);
    check_all(); /* the catalogue serves it */
}
END_TEST

START_TEST(damaged_data_is_not_touched)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct memory_file *f = memory_find(&mem, names[0]);
    f->data[2 * COPY + 1000] ^= 1;
    ck_assert_int_eq(repair(&err), ENVELOPE_E_AUTH);
    ck_assert_uint_eq(mem.overwritten, 0);
    f = memory_find(&mem, names[1]); /* nor a tail of which nothing proves how long the data is */
    f->data[2 * COPY + 100] ^= 1;
    f->data[f->len - 20] ^= 1;
    ck_assert_int_eq(repair(&err), ENVELOPE_E_AUTH);
    ck_assert_uint_eq(mem.overwritten, 0);
}
END_TEST

START_TEST(not_through_a_handle_for_reading)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    chain->flags |= ENVELOPE_CHAIN_READONLY;
    flipped(copy_of(0, 0));
    ck_assert_int_eq(repair(&err), ENVELOPE_E_REFUSED);
    ck_assert_uint_eq(mem.overwritten, 0);
    chain->flags &= ~(uint32_t)ENVELOPE_CHAIN_READONLY;
}
END_TEST

static envelope_status retained(void *user, struct memory_file *f, uint64_t offset,
                                const void *data, size_t len)
{
    (void)user;
    (void)f;
    (void)offset;
    (void)data;
    (void)len;
    return ENVELOPE_E_REFUSED;
}

/* The finding stays, and says why. */
START_TEST(a_store_that_keeps_everything)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    flipped(copy_of(0, 0));
    mem.before_overwrite = retained;
    ck_assert_int_eq(repair(&err), ENVELOPE_E_FORMAT);
    bool said = false;
    for (size_t i = 0; i < h.events; i++) {
        said = said || strstr(h.event[i].message, "not repaired: ");
    }
    ck_assert(said);
}
END_TEST

START_TEST(what_does_not_read_back_is_not_repaired)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    mem.overwrite_lies = true;
    flipped(copy_of(0, 1));
    ck_assert_int_eq(repair(&err), ENVELOPE_E_FORMAT);
    struct memory_file *f = memory_find(&mem, names[0]);
    flipped(copy_of(0, 1));
    f->data[f->len - 20] ^= 1;
    ck_assert_int_eq(repair(&err), ENVELOPE_E_FORMAT);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_repair");
    TCase *tc = tcase_create("repair");
    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, every_copy_is_as_it_was, 0, DAMAGES);
    tcase_add_test(tc, what_was_rewritten_is_told);
    tcase_add_test(tc, a_copy_that_was_left_behind_follows);
    tcase_add_test(tc, a_copy_with_another_link_is_not_taken);
    tcase_add_test(tc, a_tail_is_as_it_was);
    tcase_add_loop_test(tc, cut_off_and_cut_off_again, 0, 4);
    tcase_add_test(tc, both_are_good_already);
    tcase_add_test(tc, without_a_right_copy_nothing_is_written);
    tcase_add_test(tc, damaged_data_is_not_touched);
    tcase_add_test(tc, not_through_a_handle_for_reading);
    tcase_add_test(tc, a_store_that_keeps_everything);
    tcase_add_test(tc, what_does_not_read_back_is_not_repaired);
    return s;
}
