/* Who is sealed for, and which generation is used, one rule at a time (crypto.md W1 to W4). Where
 * an attacker would need a key, what the handle holds is altered in his stead. */
#include "chain/chain.h"
#include "chain_kit.h"
#include <stdio.h>
#include <string.h>

static struct memory_store mem;
static struct test_kms kms;
static struct host h;

static envelope_chain *begin_at(int newest)
{
    memset(&mem, 0, sizeof mem);
    memset(&kms, 0, sizeof kms);
    host_begin(&h, &kms, 1, 3);
    kms.newest = newest;
    return host_create(&h, &mem, "vm");
}

static void end(envelope_chain *chain)
{
    envelope_chain_free(chain);
    host_end(&h);
    memory_store_clear(&mem);
}

/* Nothing is written, and this is said. */
static void refused(envelope_chain *chain, envelope_status want)
{
    size_t files = mem.count;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status st = envelope_chain_refresh(chain, 0, NULL, &err);
    ck_assert_msg(st == want, "%s: %s", envelope_status_name(st), err.message);
    ck_assert_uint_eq(mem.count, files);
}

/* -- W2 */

START_TEST(version_from_before_the_chain)
{
    envelope_chain *chain = begin_at(2);
    kms.newest = 1;
    refused(chain, ENVELOPE_E_KMS_UNREACHED);
    end(chain);
}
END_TEST

START_TEST(another_key_of_one_number)
{
    envelope_chain *chain = begin_at(1);
    kms.public_of = 2;
    refused(chain, ENVELOPE_E_KMS_UNREACHED);
    end(chain);
}
END_TEST

/* Metadata or the pin alone says it, with no higher version known. */
START_TEST(superseded)
{
    envelope_chain *chain = begin_at(1);
    struct env_keys *keys = _i ? &chain->pin.keys : &chain->catalogue->head.keys;
    ck_assert_uint_eq(keys->count, 1);
    keys->item[0].superseded = true;
    refused(chain, ENVELOPE_E_KMS_UNREACHED);
    end(chain);
}
END_TEST

/* The pin has seen a version that metadata does not know: the KMS lags, and the repository too. */
START_TEST(pin_knows_a_newer_version)
{
    envelope_chain *chain = begin_at(1);
    chain->pin.keys.item[0].version = 2;
    chain->pin.keys.item[0].fingerprint[0] ^= 1;
    refused(chain, ENVELOPE_E_KMS_UNREACHED);
    end(chain);
}
END_TEST

/* -- W3 */

START_TEST(evidence)
{
    static const char *const links[] = {NULL, "vm/9", "vm/1"};
    memset(&mem, 0, sizeof mem);
    memset(&kms, 0, sizeof kms);
    host_begin(&h, &kms, 1, 3);
    h.exclusive = false;
    envelope_chain *chain = host_create(&h, &mem, "vm");
    kms.newest = 2;
    kms.replaces = links[_i];
    if (_i < 2) {
        refused(chain, ENVELOPE_E_REFUSED);
    } else {
        ck_assert_int_eq(envelope_chain_refresh(chain, 0, NULL, NULL), ENVELOPE_OK);
    }
    end(chain);
}
END_TEST

/* The KMS shows a public key that it has no private half of: seen before anything is sealed. */
START_TEST(no_possession)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = begin_at(1);
    size_t files = mem.count;
    kms.newest = 2;
    kms.public_of = 3;
    ck_assert_int_ne(envelope_chain_refresh(chain, 0, NULL, &err), ENVELOPE_OK);
    ck_assert_msg(!strstr(err.message, "what was sealed"), "%s", err.message);
    ck_assert_uint_eq(mem.count, files);
    end(chain);
}
END_TEST

/* The private half is lost later: a generation that nobody could open is not put into place. */
START_TEST(generation_is_proven)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = begin_at(1);
    size_t files = mem.count;
    void *lost = kms.pair[1];
    kms.pair[1] = kms.pair[2];
    kms.pair[2] = lost;
    kms.public_of = 2; /* shows the public half that it always showed */
    ck_assert_int_ne(envelope_chain_refresh(chain, ENVELOPE_REFRESH_NEW_GENERATION, NULL, &err),
                     ENVELOPE_OK);
    ck_assert_msg(strstr(err.message, "what was sealed"), "%s", err.message);
    ck_assert_uint_eq(mem.count, files);
    end(chain);
}
END_TEST

/* -- W4 */

/* Serial, names and key versions are the same in the pin, in metadata and today, else a generation
 * is drawn. */
START_TEST(same)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = begin_at(1);
    uint32_t before = chain->catalogue->generation;
    if (_i == 1) {
        chain->pin.serial = 7;
    } else if (_i == 2) {
        chain->pin.recipients.count = 0;
    } else if (_i == 3) {
        chain->pin.keys.item[0].fingerprint[0] ^= 1;
    } else if (_i == 4) {
        chain->catalogue->head.keys.item[0].fingerprint[0] ^= 1;
    }
    MUST(envelope_chain_refresh(chain, 0, NULL, &err));
    ck_assert_uint_eq(chain->catalogue->generation, before + (_i ? 1 : 0));
    end(chain);
}
END_TEST

/* A file of the chain, its header forged: what it claims counts, within limits. */
static void forged_copy(const char *of, const char *as, size_t field, int width, uint64_t value)
{
    char name[300];
    char folder[208];
    const char *rest;
    const struct memory_file *f = memory_next(&mem, of, &(size_t){0});
    ck_assert(env_name_split(f->name, folder, &rest));
    snprintf(name, sizeof name, "%s%s", folder, as);
    memory_put(&mem, name, f->data, f->len);
    forge_header(&mem.file[mem.count - 1], field, width, value);
}

static const char point_name[] =
    "points/20000101T000000Z-full-00000000000000000000000000000000.env";
static const char copy_name[] = "points/20000101T000000Z-keys-00000000000000000000000000000000.env";
static const char meta_name[] = "meta/00000000000000000099.env";

START_TEST(claimed_generations)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = begin_at(1);
    back_up(chain, 1, 10);
    uint32_t before = chain->catalogue->generation;
    bool near = _i < 2;
    forged_copy(_i % 2 ? "/meta/" : "-full-", _i % 2 ? meta_name : point_name, ID_GENERATION, 4,
                before + (near ? 5 : 5000));
    MUST(envelope_chain_refresh(chain, ENVELOPE_REFRESH_NEW_GENERATION, NULL, &err));
    ck_assert_uint_eq(chain->catalogue->generation, before + (near ? 6 : 1));
    end(chain);
}
END_TEST

START_TEST(claimed_numbers)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = begin_at(1);
    uint64_t before = chain->catalogue->id.number;
    bool near = _i == 0;
    remove_all(&mem, "/meta/");
    forged_copy("-keys-", copy_name, ID_NUMBER, 8, before + (near ? 5 : 5000));
    MUST(envelope_chain_refresh(chain, 0, NULL, &err));
    ck_assert_uint_eq(chain->catalogue->id.number, before + (near ? 6 : 1));
    end(chain);
}
END_TEST

/* meta/ was lost and made anew by another host from an old copy, and is lost again: the pinned
 * metadata is in nobody's past any more, the pinned generation is. */
START_TEST(meta_lost_twice)
{
    struct host two;
    size_t at = 0;
    envelope_chain_free(begin_at(1));
    char first[208];
    snprintf(first, sizeof first, "%s", memory_next(&mem, "-keys-", &at)->name);
    job(&h, &mem, 1, 10);
    remove_all(&mem, "/meta/");
    for (at = 0; memory_next(&mem, "-keys-", &at);) {
        if (strcmp(mem.file[at - 1].name, first) != 0) {
            memory_remove(&mem, mem.file[at - 1].name);
            at = 0;
        }
    }
    host_begin(&two, &kms, 1, 3);
    for (uint64_t i = 2; i < 5; i++) {
        job(&two, &mem, i, 10);
    }
    remove_all(&mem, "/meta/");
    h.events = 0;
    ck_assert_int_eq(try_job(&h, &mem, 5, 10), ENVELOPE_OK);
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_REPAIRED));
    host_end(&two);
    end(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_policy");
    TCase *t = tcase_create("policy");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, version_from_before_the_chain);
    tcase_add_test(t, another_key_of_one_number);
    tcase_add_loop_test(t, superseded, 0, 2);
    tcase_add_test(t, pin_knows_a_newer_version);
    tcase_add_loop_test(t, evidence, 0, 3);
    tcase_add_test(t, no_possession);
    tcase_add_test(t, generation_is_proven);
    tcase_add_loop_test(t, same, 0, 5);
    tcase_add_loop_test(t, claimed_generations, 0, 4);
    tcase_add_loop_test(t, claimed_numbers, 0, 2);
    tcase_add_test(t, meta_lost_twice);
    suite_add_tcase(s, t);
    return s;
}
