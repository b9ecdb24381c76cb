/* A point has its name, and another host is quicker than its own: lists it, builds on it, forgets
 * it. */
#include "chain_kit.h"
#include <string.h>

static size_t points(struct host *h, struct memory_store *mem, uint32_t flag)
{
    envelope_chain *chain = host_open(h, mem, NULL);
    envelope_points *p;
    size_t n = 0;
    ck_assert(!envelope_chain_points(chain, &p, NULL));
    for (size_t i = 0; i < envelope_points_count(p); i++) {
        n += !flag || (envelope_points_at(p, i)->flags & flag);
    }
    envelope_points_free(p);
    envelope_chain_free(chain);
    return n;
}

struct second {
    struct host *host;
    struct memory_store *mem;
    bool forgets;
    bool waits; /* what is forgotten is still there */
    int lists;
};

static envelope_status no_metadata(void *user, const char *name)
{
    (void)user;
    return strstr(name, "/meta/") ? ENVELOPE_E_IO : ENVELOPE_OK;
}

/* The new point is the last one; one more is left that nobody has listed. */
static void list_first(void *user, const char *name)
{
    struct second *s = user;
    envelope_error err = ENVELOPE_ERROR_INIT;
    if (!strstr(name, "-full-")) {
        return;
    }
    s->mem->after_finish = NULL;
    envelope_chain *chain = host_open(s->host, s->mem, NULL);
    MUST(envelope_chain_refresh(chain, 0, NULL, &err));
    const uint64_t last[] = {2};
    struct memory_file *point = memory_find(s->mem, name);
    struct memory_store kept = {0};
    memory_put(&kept, point->name, point->data, point->len);
    if (s->forgets) {
        MUST(envelope_chain_forget(chain, last, 1, NULL, NULL, &err));
    }
    if (s->waits) {
        memory_put(s->mem, kept.file[0].name, kept.file[0].data, kept.file[0].len);
    }
    memory_store_clear(&kept);
    envelope_chain_free(chain);
    s->mem->before_finish = no_metadata;
    job(s->host, s->mem, 9, 10);
    s->mem->before_finish = NULL;
}

/* Between two looks of a host that lists its point another one lists that, and builds on it. */
static void build_on_it(void *user, const char *prefix)
{
    struct second *s = user;
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {.size = sizeof o, .kind = ENVELOPE_INCREMENT};
    envelope_writer *w;
    if (!strstr(prefix, "/points/") || count_files(s->mem, "-full-") < 3 || s->lists++ != 1) {
        return;
    }
    s->mem->before_list = NULL;
    envelope_chain *chain = host_open(s->host, s->mem, NULL);
    MUST(envelope_writer_new(chain, &o, &w, &err));
    s->mem->before_finish = no_metadata;
    MUST(envelope_writer_commit(w, NULL, &err));
    s->mem->before_finish = NULL;
    envelope_writer_free(w);
    envelope_chain_free(chain);
}

START_TEST(built_on_by_another)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host one;
    struct host two;
    struct second second = {.host = &two, .mem = &mem};
    host_begin(&one, &kms, 1, 1);
    host_begin(&two, &kms, 1, 1);
    one.keeps = two.keeps = true;
    envelope_chain_free(host_create(&one, &mem, "vm"));
    job(&two, &mem, 1, 100);
    job(&one, &mem, 2, 100);
    one.events = 0;
    mem.user = &second;
    mem.before_list = build_on_it;
    ck_assert_uint_eq(job(&one, &mem, 3, 100), 3);
    mem.before_list = NULL;
    ck_assert_uint_eq(count_files(&mem, "-incr-"), 1);
    ck_assert_ptr_null(host_event(&one, ENVELOPE_EVENT_MISPLACED));
    ck_assert_uint_eq(points(&one, &mem, ENVELOPE_POINT_UNLISTED), 0);
    ck_assert_uint_eq(points(&one, &mem, 0), 4);
    host_end(&two);
    host_end(&one);
    memory_store_clear(&mem);
}
END_TEST

/* _i: 0 only listed, 1 forgotten and gone, 2 forgotten and still there. */
START_TEST(listed_by_another)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host one;
    struct host two;
    struct second second = {&two, &mem, _i != 0, _i == 2, 0};
    host_begin(&one, &kms, 1, 1);
    host_begin(&two, &kms, 1, 1);
    envelope_chain_free(host_create(&one, &mem, "vm"));
    job(&one, &mem, 1, 100);
    mem.user = &second;
    mem.after_finish = list_first;
    ck_assert_uint_eq(job(&one, &mem, 2, 100), 2);
    ck_assert_int_eq(host_event(&one, ENVELOPE_EVENT_FORGOTTEN) != NULL, _i != 0);
    ck_assert_ptr_null(host_event(&one, ENVELOPE_EVENT_DAMAGED));
    ck_assert_uint_eq(points(&one, &mem, 0), _i ? 2 : 3);
    ck_assert_uint_eq(points(&one, &mem, ENVELOPE_POINT_UNLISTED | ENVELOPE_POINT_UNREADABLE), 0);
    ck_assert_uint_eq(count_files(&mem, "-full-"), _i == 1 ? 2 : 3);
    host_end(&two);
    host_end(&one);
    memory_store_clear(&mem);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_overtaken");
    TCase *t = tcase_create("overtaken");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, listed_by_another, 0, 3);
    tcase_add_test(t, built_on_by_another);
    suite_add_tcase(s, t);
    return s;
}
