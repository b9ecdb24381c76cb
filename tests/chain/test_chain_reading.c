/* What is served, and what is said about it (storage.md S1, sections 1 and 2), when objects are not
 * as they were written; what verify, find and the survey look at. */
#include "chain/chain.h"
#include "chain_kit.h"
#include <stdio.h>
#include <string.h>

static struct memory_store mem;
static struct test_kms kms;
static struct host h;
static struct memory_file point; /* the first, as it lies there; a copy of the entry */

static struct memory_file *file(void)
{
    return memory_find(&mem, point.name);
}

static envelope_chain *begin(void)
{
    memset(&mem, 0, sizeof mem);
    memset(&kms, 0, sizeof kms);
    host_begin(&h, &kms, 1, 3);
    envelope_chain *chain = host_create(&h, &mem, "vm");
    back_up(chain, 1, 40000);
    point = *memory_next(&mem, "-full-", &(size_t){0});
    back_up(chain, 2, 40000);
    h.events = 0;
    return chain;
}

static void end(envelope_chain *chain)
{
    envelope_chain_free(chain);
    host_end(&h);
    memory_store_clear(&mem);
}

static void served(envelope_chain *chain, const char *how)
{
    check_point(chain, 1, 1, 40000);
    const struct seen_event *e = host_event(&h, ENVELOPE_EVENT_REPAIRED);
    ck_assert_ptr_nonnull(e);
    ck_assert_msg(strstr(e->message, how), "%s", e->message);
}

static envelope_status reads(envelope_chain *chain)
{
    envelope_reader *r = NULL;
    envelope_status st = envelope_reader_new(chain, 1, &r, NULL);
    envelope_reader_free(r);
    return st;
}

static void found(envelope_chain *chain, envelope_status want, const char *what)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status st = envelope_chain_verify(chain, NULL, &err);
    ck_assert_msg(st == want && strstr(err.message, what), "%s: %s", envelope_status_name(st),
                  err.message);
}

/* -- a listed point */

START_TEST(header_damaged)
{
    envelope_chain *chain = begin();
    file()->data[50] ^= 1;
    if (_i) {
        file()->data[16384 + 50] ^= 1;
    }
    served(chain, _i ? "by the catalogue alone" : "from the other copy");
    end(chain);
}
END_TEST

/* Rewritten under its own DEK by somebody who could open it: it has another LINK, and the catalogue
 * does not serve it either. */
START_TEST(another_link)
{
    envelope_chain *chain = begin();
    chain->catalogue->rows[0].link[5] ^= 1;
    ck_assert_int_eq(reads(chain), ENVELOPE_E_AUTH);
    found(chain, ENVELOPE_E_AUTH, "header copies A and B");
    end(chain);
}
END_TEST

START_TEST(another_size)
{
    envelope_chain *chain = begin();
    chain->catalogue->rows[0].bytes++;
    ck_assert_int_eq(reads(chain), ENVELOPE_E_AUTH);
    end(chain);
}
END_TEST

START_TEST(longer_and_shorter)
{
    static uint8_t longer[100000];
    envelope_chain *chain = begin();
    size_t len = point.len;
    memcpy(longer, file()->data, len);
    memory_remove(&mem, point.name);
    memory_put(&mem, point.name, longer, len + 100);
    check_point(chain, 1, 1, 40000); /* the catalogue knows the length */
    file()->len = len - 64;          /* the tail is a hint */
    check_point(chain, 1, 1, 40000);
    file()->len = len - 65;
    ck_assert_int_eq(reads(chain), ENVELOPE_E_FORMAT);
    found(chain, ENVELOPE_E_FORMAT, "object: ");
    end(chain);
}
END_TEST

/* -- verify */

START_TEST(tail_of_another)
{
    size_t at = 0;
    envelope_chain *chain = begin();
    memory_next(&mem, "-full-", &at);
    const struct memory_file *other = memory_next(&mem, "-full-", &at);
    ck_assert_uint_eq(other->len, point.len);
    memcpy(file()->data + point.len - 64, other->data + point.len - 64, 64);
    check_point(chain, 1, 1, 40000);
    found(chain, ENVELOPE_E_FORMAT, "tail: another object's");
    end(chain);
}
END_TEST

START_TEST(metadata_damaged)
{
    envelope_chain *chain = begin();
    memory_next(&mem, "/meta/", &(size_t){0})->data[32768 + 100] ^= 1;
    found(chain, ENVELOPE_E_AUTH, "payload");
    end(chain);
}
END_TEST

static void spoil(const char *part)
{
    size_t at = 0;
    for (struct memory_file *f = memory_next(&mem, part, &at); f;
         f = memory_next(&mem, part, &at)) {
        f->data[32768 + 100] ^= 1;
    }
}

/* The points are read all the same, and whoever reads them learns why. */
START_TEST(no_metadata_opens)
{
    envelope_chain *chain = begin();
    envelope_chain_free(chain);
    spoil("/meta/");
    spoil("-keys-");
    chain = host_open(&h, &mem, NULL);
    check_point(chain, 1, 1, 40000);
    const struct seen_event *e = host_event(&h, ENVELOPE_EVENT_ROLLBACK);
    ck_assert_ptr_nonnull(e);
    ck_assert_msg(strstr(e->message, "own keys: ") && strstr(e->message, "does not verify"), "%s",
                  e->message);
    end(chain);
}
END_TEST

START_TEST(stranger)
{
    char name[300];
    envelope_chain *chain = begin();
    snprintf(name, sizeof name, "%spoints/20000101T000000Z-full-%032d.env", chain->folder, 0);
    memory_put(&mem, name, file()->data, point.len);
    forge_header(memory_find(&mem, name), ID_GENERATION, 4, 9);
    found(chain, ENVELOPE_E_AUTH, "not listed");
    end(chain);
}
END_TEST

/* -- find: names carry only half of the id */

/* The first header in order of names has another id that begins as the folder says; then more of
 * another chain altogether. */
START_TEST(votes)
{
    char name[300];
    envelope_status st;
    envelope_chain *chain = begin();
    for (unsigned i = 0; i < (_i ? 20u : 1u); i++) {
        snprintf(name, sizeof name, "%smeta/%c0000000000000000000.env", chain->folder,
                 "0123456789abcdefghij"[i]);
        const struct memory_file *f = file();
        memory_put(&mem, name, f->data, f->len);
        forge_header(memory_find(&mem, name), ID_CHAIN + (_i ? 0 : 16), 8, 7);
    }
    envelope_chain_free(chain);
    chain = host_open(&h, &mem, &st);
    ck_assert_int_eq(st, ENVELOPE_OK);
    check_point(chain, 1, 1, 40000);
    end(chain);
}
END_TEST

/* -- survey */

struct look {
    envelope_survey *survey;
    envelope_key_list *keys;
    envelope_status st;
};

static void look(struct look *l, bool with_kms, int private_key)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_store *store = memory_store_open(h.ctx, &mem);
    h.no_kms = !with_kms;
    h.private_key = private_key;
    envelope_keyring *ring = host_keyring(&h);
    MUST(envelope_survey_new(store, NULL, &l->survey, &err));
    l->st = envelope_survey_try(l->survey, ring, &err);
    MUST(envelope_survey_keys(l->survey, &l->keys, &err));
    envelope_keyring_free(ring);
    envelope_store_free(store);
}

static void look_end(struct look *l)
{
    envelope_key_list_free(l->keys);
    envelope_survey_free(l->survey);
}

static envelope_status state_of(const struct look *l, uint32_t version)
{
    for (size_t i = 0; i < envelope_key_list_count(l->keys); i++) {
        const envelope_key_info *k = envelope_key_list_at(l->keys, i);
        if (k->ref->version == version) {
            return k->status;
        }
    }
    ck_abort_msg("no key of version %u", version);
    return ENVELOPE_OK;
}

static void rotated(void)
{
    envelope_chain_free(begin());
    kms.newest = 2;
    ck_assert_int_eq(try_refresh(&h, &mem, 0, NULL), ENVELOPE_OK);
}

/* One unwrap opens metadata, and that opens the points. */
START_TEST(survey_asks_once_for_all)
{
    struct look l;
    rotated();
    unsigned asked = kms.unwrapped;
    look(&l, true, 0);
    ck_assert_int_eq(l.st, ENVELOPE_OK);
    ck_assert_uint_le(kms.unwrapped - asked,
                      count_files(&mem, "/meta/") + count_files(&mem, "-keys-"));
    for (size_t i = 0; i < envelope_survey_count(l.survey); i++) {
        ck_assert_int_eq(envelope_survey_at(l.survey, i)->status, ENVELOPE_OK);
    }
    look_end(&l);
    end(NULL);
}
END_TEST

START_TEST(survey_with_the_newest_key)
{
    struct look l;
    rotated();
    look(&l, false, 2);
    ck_assert_int_eq(state_of(&l, 2), ENVELOPE_OK);
    ck_assert_int_eq(state_of(&l, 1), ENVELOPE_E_NO_KEY);
    for (size_t i = 0; i < envelope_survey_count(l.survey); i++) {
        const envelope_object *o = envelope_survey_at(l.survey, i);
        ck_assert(o->kind != ENVELOPE_OBJECT_POINT || o->status == ENVELOPE_OK);
    }
    look_end(&l);
    end(NULL);
}
END_TEST

START_TEST(survey_in_an_outage)
{
    struct look l;
    rotated();
    kms.down = true;
    look(&l, true, 0);
    ck_assert_int_ne(l.st, ENVELOPE_OK);
    ck_assert_int_eq(state_of(&l, 1), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_int_eq(state_of(&l, 2), ENVELOPE_E_KMS_UNREACHED);
    look_end(&l);
    end(NULL);
}
END_TEST

/* One copy of a metadata object's header is lost: it is told while the other one still serves. */
START_TEST(metadata_by_its_twin)
{
    envelope_chain_free(begin());
    size_t at = 0;
    struct memory_file *last = NULL;
    for (struct memory_file *f; (f = memory_next(&mem, "/meta/", &at));) {
        last = f;
    }
    h.events = 0;
    envelope_chain_free(host_open(&h, &mem, NULL));
    ck_assert_ptr_null(host_event(&h, ENVELOPE_EVENT_REPAIRED));
    last->data[_i * 16384 + 100] ^= 1;
    envelope_chain_free(host_open(&h, &mem, NULL));
    const struct seen_event *e = host_event(&h, ENVELOPE_EVENT_REPAIRED);
    ck_assert_ptr_nonnull(e);
    ck_assert_str_eq(e->object, last->name);
    ck_assert_msg(strstr(e->message, _i ? "header copy B is damaged" : "header copy A is damaged"),
                  "%s", e->message);
    end(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_reading");
    TCase *t = tcase_create("reading");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, header_damaged, 0, 2);
    tcase_add_test(t, another_link);
    tcase_add_test(t, another_size);
    tcase_add_test(t, longer_and_shorter);
    tcase_add_test(t, tail_of_another);
    tcase_add_test(t, metadata_damaged);
    tcase_add_test(t, no_metadata_opens);
    tcase_add_loop_test(t, metadata_by_its_twin, 0, 2);
    tcase_add_test(t, stranger);
    tcase_add_loop_test(t, votes, 0, 2);
    tcase_add_test(t, survey_asks_once_for_all);
    tcase_add_test(t, survey_with_the_newest_key);
    tcase_add_test(t, survey_in_an_outage);
    suite_add_tcase(s, t);
    return s;
}
