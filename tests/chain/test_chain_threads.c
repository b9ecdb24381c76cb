/* One chain, many threads: readers of points and of lists while one writer writes, on the directory
 * store. A second writer is refused. Run under ThreadSanitizer. */
#include "chain_kit.h"
#include "scratch.h"
#include <pthread.h>
#include <string.h>

enum { THREADS = 6, ROUNDS = 6, LEN = 100000 };

struct shared {
    envelope_chain *chain;
    envelope_reader *reader; /* of point 1, used by all */
    uint8_t want[LEN];
    int failed;
};

static void *read_all(void *arg)
{
    struct shared *s = arg;
    uint8_t buf[20000];
    for (int round = 0; round < ROUNDS; round++) {
        envelope_points *points;
        envelope_reader *own;
        size_t got;
        int bad = envelope_chain_points(s->chain, &points, NULL) != ENVELOPE_OK;
        bad = bad || envelope_points_count(points) < 1;
        envelope_points_free(points);
        for (uint64_t at = 0; !bad && at < LEN; at += 17777) {
            bad = envelope_reader_pread(s->reader, at, buf, sizeof buf, &got, NULL) ||
                  memcmp(buf, s->want + at, got) != 0;
        }
        bad = bad || envelope_reader_new(s->chain, 1, &own, NULL) ||
              envelope_reader_pread(own, 5, buf, 100, &got, NULL) ||
              memcmp(buf, s->want + 5, 100) != 0;
        if (!bad) {
            envelope_reader_free(own);
        }
        if (bad) {
            __atomic_store_n(&s->failed, 1, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

START_TEST(readers_and_a_writer)
{
    static struct shared s;
    struct test_kms kms = {0};
    struct host h;
    char dir[SCRATCH_PATH_MAX];
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_store *store;
    pthread_t thread[THREADS];
    scratch_make(dir);
    host_begin(&h, &kms, 1, 1);
    envelope_keyring *ring = host_keyring(&h);
    MUST(envelope_store_dir(h.ctx, dir, ENVELOPE_DIR_CREATE, &store, &err));
    MUST(envelope_chain_create(store, ring, NULL, &s.chain, &err));
    fill_bytes(s.want, 1, LEN);
    back_up(s.chain, 1, LEN);
    MUST(envelope_reader_new(s.chain, 1, &s.reader, &err));
    for (int i = 0; i < THREADS; i++) {
        ck_assert(!pthread_create(&thread[i], NULL, read_all, &s));
    }
    for (uint64_t n = 2; n < 6; n++) {
        envelope_writer *first;
        envelope_writer *second;
        MUST(envelope_writer_new(s.chain, NULL, &first, &err));
        ck_assert_int_eq(envelope_writer_new(s.chain, NULL, &second, &err), ENVELOPE_E_BUSY);
        MUST(envelope_writer_write(first, "x", 1, &err));
        MUST(envelope_writer_commit(first, NULL, &err));
        envelope_writer_free(first);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    ck_assert_int_eq(s.failed, 0);
    envelope_reader_free(s.reader);
    envelope_chain_free(s.chain);
    envelope_store_free(store);
    envelope_keyring_free(ring);
    host_end(&h);
    scratch_remove(dir);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_threads");
    TCase *t = tcase_create("threads");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, readers_and_a_writer);
    suite_add_tcase(s, t);
    return s;
}
