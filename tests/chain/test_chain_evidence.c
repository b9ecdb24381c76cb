/* crypto.md W3 on a KMS whose names are not exclusive: a key that was rotated twice between jobs,
 * and a neighbour who puts a key under our name. */
#include "chain_kit.h"
#include <string.h>

static struct memory_store mem;
static struct test_kms kms;
static struct host h;

static envelope_chain *begin(bool lists)
{
    memset(&mem, 0, sizeof mem);
    memset(&kms, 0, sizeof kms);
    kms.lists = lists;
    host_begin(&h, &kms, 1, 5);
    h.exclusive = false;
    return host_create(&h, &mem, "vm");
}

static void end(envelope_chain *chain)
{
    envelope_chain_free(chain);
    host_end(&h);
    memory_store_clear(&mem);
}

static void refused(envelope_chain *chain, envelope_status status, const char *word)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    size_t files = mem.count;
    unsigned unwrapped = kms.unwrapped;
    ck_assert_int_eq(envelope_chain_refresh(chain, 0, NULL, &err), status);
    ck_assert_msg(strstr(err.message, word), "%s", err.message);
    ck_assert_uint_eq(mem.count, files);
    ck_assert_uint_eq(kms.unwrapped, unwrapped);
}

static void rotated(envelope_chain *chain, uint32_t count)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint32_t n = 9;
    MUST(envelope_chain_refresh(chain, 0, &n, &err));
    ck_assert_uint_eq(n, count);
}

START_TEST(over_several_versions)
{
    envelope_chain *chain = begin(true);
    kms.newest = 4;
    rotated(chain, 1);
    back_up(chain, 1, 100);
    end(chain);
}
END_TEST

START_TEST(chain_is_broken)
{
    envelope_chain *chain = begin(true);
    kms.newest = 4;
    kms.gap = 3;
    refused(chain, ENVELOPE_E_REFUSED, "no predecessor that leads there");
    end(chain);
}
END_TEST

START_TEST(chain_is_a_loop)
{
    envelope_chain *chain = begin(true);
    kms.newest = 4;
    kms.loop = 3;
    refused(chain, ENVELOPE_E_REFUSED, "no predecessor that leads there");
    end(chain);
}
END_TEST

START_TEST(cannot_list)
{
    envelope_chain *chain = begin(false);
    kms.newest = 3;
    kms.replaces = "vm/2";
    refused(chain, ENVELOPE_E_REFUSED, "no predecessor that leads there");
    kms.newest = 2;
    kms.replaces = "vm/1";
    rotated(chain, 1);
    end(chain);
}
END_TEST

START_TEST(list_is_down)
{
    envelope_chain *chain = begin(true);
    kms.newest = 3;
    kms.list_down = true;
    refused(chain, ENVELOPE_E_KMS_UNREACHED, "the list is down");
    kms.newest = 2; /* its own link is enough */
    rotated(chain, 1);
    end(chain);
}
END_TEST

START_TEST(neighbour_at_creation)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = begin(true);
    envelope_chain_free(chain);
    kms.neighbour = 5;
    envelope_store *store = memory_store_open(h.ctx, &mem);
    envelope_keyring *ring = host_keyring(&h);
    envelope_chain_options o = host_options(&h);
    o.name = "another";
    ck_assert_int_eq(envelope_chain_create(store, ring, &o, &chain, &err), ENVELOPE_E_REFUSED);
    ck_assert_msg(strstr(err.message, "vm/7") && strstr(err.message, "vm/1"), "%s", err.message);
    envelope_keyring_free(ring);
    envelope_store_free(store);
    end(NULL);
}
END_TEST

/* He stops nothing: the recorded key, or what replaces it, is taken. */
START_TEST(neighbour_is_passed_over)
{
    envelope_chain *chain = begin(true);
    kms.neighbour = 5;
    rotated(chain, 0);
    back_up(chain, 1, 100);
    kms.newest = 3;
    rotated(chain, 1);
    kms.neighbour_says = "vm/9";
    rotated(chain, 0);
    end(chain);
}
END_TEST

START_TEST(neighbour_claims_our_key)
{
    envelope_chain *chain = begin(true);
    kms.newest = 2;
    kms.neighbour = 5;
    kms.neighbour_says = "vm/1";
    refused(chain, ENVELOPE_E_REFUSED, "vm/7, vm/2");
    end(chain);
}
END_TEST

/* Ours does not name the recorded one, and neither does his. */
START_TEST(none_is_ours)
{
    envelope_chain *chain = begin(true);
    kms.newest = 3;
    kms.gap = 3;
    kms.neighbour = 5;
    refused(chain, ENVELOPE_E_REFUSED, "vm/7, vm/3");
    end(chain);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_evidence");
    TCase *t = tcase_create("evidence");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, over_several_versions);
    tcase_add_test(t, chain_is_broken);
    tcase_add_test(t, chain_is_a_loop);
    tcase_add_test(t, cannot_list);
    tcase_add_test(t, list_is_down);
    tcase_add_test(t, neighbour_at_creation);
    tcase_add_test(t, neighbour_is_passed_over);
    tcase_add_test(t, neighbour_claims_our_key);
    tcase_add_test(t, none_is_ours);
    suite_add_tcase(s, t);
    return s;
}
