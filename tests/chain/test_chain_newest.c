/* Which metadata is the newest (crypto.md 4.6), against somebody with an old key who names in
 * `past` what he can read in the headers of metadata that he cannot open. */
#include "chain/chain.h"
#include "chain_kit.h"
#include <string.h>

static struct memory_store mem;
static struct memory_store old; /* of before the rotation */
static struct test_kms kms;
static struct host h;

static void begin(void)
{
    memset(&mem, 0, sizeof mem);
    memset(&old, 0, sizeof old);
    memset(&kms, 0, sizeof kms);
    host_begin(&h, &kms, 1, 2);
    envelope_chain_free(host_create(&h, &mem, "vm"));
    job(&h, &mem, 1, 100);
    memory_copy(&old, &mem);
    kms.newest = 2;
    job(&h, &mem, 2, 100);
}

static void end(void)
{
    host_end(&h);
    memory_store_clear(&old);
    memory_store_clear(&mem);
}

static void name_past(struct env_catalogue *c, const struct env_pin *pin)
{
    struct env_head *head = &c->head;
    struct env_past *past = env_alloc_array(c->ctx, head->past_count + 1, sizeof *past);
    ck_assert_ptr_nonnull(past);
    memcpy(past, head->past, head->past_count * sizeof *past);
    past[head->past_count].number = pin->number;
    memcpy(past[head->past_count].link, pin->link, ENV_LINK_BYTES);
    env_free(c->ctx, head->past);
    head->past = past;
    head->past_count++;
}

static void copy_metadata(void)
{
    for (size_t at = 0; memory_next(&old, "/meta/", &at);) {
        const struct memory_file *f = &old.file[at - 1];
        if (!memory_find(&mem, f->name)) {
            memory_put(&mem, f->name, f->data, f->len);
        }
    }
}

/* Two numbers above the genuine one, with the genuine one in its past; sealed for version 2 by a
 * KMS of his own, under a generation that he drew on top of what he knows. */
static void plant(void)
{
    struct test_kms his = {0};
    struct host evil;
    envelope_error err = ENVELOPE_ERROR_INIT;
    host_begin(&evil, &his, 1, 2);
    his.newest = 2;
    evil.private_key = 1;
    evil.wrap_only = true;
    envelope_chain *genuine = host_open(&h, &mem, NULL);
    envelope_chain *chain = host_open(&evil, &old, NULL);
    const uint64_t number = genuine->pin.number;
    ck_assert_uint_gt(number, chain->catalogue->id.number);
    name_past(chain->catalogue, &genuine->pin);
    chain->catalogue->id.number = number + 1;
    MUST(envelope_chain_refresh(chain, ENVELOPE_REFRESH_NEW_GENERATION, NULL, &err));
    ck_assert_uint_eq(chain->catalogue->id.number, number + 2);
    envelope_chain_free(chain);
    envelope_chain_free(genuine);
    copy_metadata();
    host_end(&evil);
}

START_TEST(pinned)
{
    envelope_points *p;
    begin();
    plant();
    ck_assert_uint_eq(job(&h, &mem, 3, 100), 3);
    envelope_chain *chain = host_open(&h, &mem, NULL);
    ck_assert(!envelope_chain_points(chain, &p, NULL));
    ck_assert_uint_eq(envelope_points_count(p), 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(envelope_points_at(p, i)->flags, 0);
        check_point(chain, i + 1, i + 1, 100);
    }
    envelope_points_free(p);
    envelope_chain_free(chain);
    end();
}
END_TEST

/* Another branch of the same generation, and longer: who wrote one of them goes on with his. */
START_TEST(longer_branch)
{
    struct host two;
    memset(&mem, 0, sizeof mem);
    memset(&old, 0, sizeof old);
    memset(&kms, 0, sizeof kms);
    host_begin(&h, &kms, 1, 1);
    host_begin(&two, &kms, 1, 1);
    envelope_chain_free(host_create(&h, &mem, "vm"));
    job(&h, &mem, 1, 100);
    memory_copy(&old, &mem);
    memcpy(two.pin, h.pin, h.pin_len);
    two.pin_len = h.pin_len;
    job(&h, &mem, 2, 100);
    for (uint64_t i = 5; i < 9; i++) {
        job(&two, &old, i, 100);
    }
    size_t files = mem.count;
    copy_metadata();
    ck_assert_uint_ge(mem.count, files + 3);
    h.events = 0;
    ck_assert_uint_eq(job(&h, &mem, 3, 100), 3);
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_FORK));
    envelope_chain *chain = host_open(&h, &mem, NULL);
    check_point(chain, 2, 2, 100);
    check_point(chain, 3, 3, 100);
    envelope_chain_free(chain);
    host_end(&two);
    end();
}
END_TEST

/* Without a pin it cannot be said which is the right one: its secrets do not extend the other's. */
START_TEST(without_a_pin)
{
    envelope_status st;
    begin();
    plant();
    h.keeps = false;
    ck_assert_ptr_null(host_open(&h, &mem, &st));
    ck_assert_int_eq(st, ENVELOPE_E_ROLLBACK);
    ck_assert_ptr_nonnull(host_event(&h, ENVELOPE_EVENT_FORK));
    end();
}
END_TEST

START_TEST(control)
{
    envelope_status st;
    begin();
    h.keeps = false;
    envelope_chain_free(host_open(&h, &mem, &st));
    ck_assert_int_eq(st, ENVELOPE_OK);
    end();
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {pinned, longer_branch, without_a_pin, control, NULL};
    return suite_of("chain_newest", 60, tests);
}
