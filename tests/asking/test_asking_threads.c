/* One asking KMS, many threads: each makes containers, a chain and a point of its own, one thread
 * answers. Run under ThreadSanitizer. */
#include "asking_kit.h"
#include "kms/handle.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 3, TRIES = 20000, PAUSE_US = 500 };

static envelope_ctx *ctx;
static struct room room;
static struct desk desk;
static envelope_keyring *ring;
static atomic_bool over;
static uint8_t first_slot[THREADS][ROUNDS][1024];

static void *answer(void *user)
{
    (void)user;
    while (!atomic_load(&over)) {
        desk_round(&desk);
        usleep(PAUSE_US);
    }
    return NULL;
}

struct worker {
    int number;
    envelope_status failed;
    envelope_dek *dek;
    envelope_dek *opened;
    envelope_header *header;
    envelope_store *store;
    envelope_chain *chain;
    envelope_writer *writer;
};

static envelope_status until_answered(envelope_status (*call)(struct worker *), struct worker *w)
{
    envelope_status st = ENVELOPE_E_AGAIN;
    for (int i = 0; i < TRIES && st == ENVELOPE_E_AGAIN; i++) {
        st = call(w);
        if (st == ENVELOPE_E_AGAIN) {
            usleep(PAUSE_US);
        }
    }
    w->failed = w->failed ? w->failed : st;
    return st;
}

static envelope_status make(struct worker *w)
{
    return envelope_header_new(ring, w->dek, NULL, &w->header, NULL);
}

static envelope_status open_it(struct worker *w)
{
    return envelope_header_open(w->header, ring, ENVELOPE_ANY_SLOT, &w->opened, NULL);
}

static envelope_status create(struct worker *w)
{
    return envelope_chain_create(w->store, ring, NULL, &w->chain, NULL);
}

static envelope_status begin_point(struct worker *w)
{
    return envelope_writer_new(w->chain, NULL, &w->writer, NULL);
}

static envelope_status commit(struct worker *w)
{
    return envelope_writer_commit(w->writer, NULL, NULL);
}

static void container(struct worker *w, int round)
{
    w->failed = envelope_dek_generate(ctx, &w->dek, NULL);
    if (!w->failed && !until_answered(make, w) && !until_answered(open_it, w)) {
        const envelope_slot *slot = envelope_header_slot(w->header, 0);
        memcpy(first_slot[w->number][round], slot->wrapped, slot->wrapped_len);
        bool same = !memcmp(envelope_dek_reveal(w->dek), envelope_dek_reveal(w->opened), 32);
        w->failed = same ? ENVELOPE_OK : ENVELOPE_E_AUTH;
    }
    envelope_header_free(w->header);
    envelope_dek_free(w->dek);
    envelope_dek_free(w->opened);
    w->header = NULL;
    w->opened = NULL;
}

static void *work(void *user)
{
    struct worker *w = user;
    struct memory_store mem = {0};
    for (int round = 0; round < ROUNDS && !w->failed; round++) {
        container(w, round);
    }
    w->store = memory_store_open(ctx, &mem);
    if (!w->failed && !until_answered(create, w) && !until_answered(begin_point, w)) {
        until_answered(commit, w);
    }
    envelope_writer_free(w->writer);
    envelope_chain_free(w->chain);
    envelope_store_free(w->store);
    memory_store_clear(&mem);
    return NULL;
}

START_TEST(many_at_once)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    pthread_t thread[THREADS];
    pthread_t clerk;
    struct worker worker[THREADS] = {0};
    ctx = test_ctx();
    room_open(&room, _i, 1);
    desk_open(&desk, ctx, &room, PROMPT);
    atomic_store(&over, false);
    memset(first_slot, 0, sizeof first_slot);
    MUST(envelope_keyring_new(ctx, NULL, &ring, &err));
    MUST(envelope_keyring_add_kms(
        ring, "lab", desk.kms,
        ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP | ENVELOPE_USE_NAMES_EXCLUSIVE, 0, &err));
    MUST(envelope_keyring_wrap_for(ring, "lab", "vm", &err));
    ck_assert(!pthread_create(&clerk, NULL, answer, NULL));
    for (int i = 0; i < THREADS; i++) {
        worker[i].number = i;
        ck_assert(!pthread_create(&thread[i], NULL, work, &worker[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        ck_assert_msg(!worker[i].failed, "%s", envelope_status_name(worker[i].failed));
    }
    atomic_store(&over, true);
    pthread_join(clerk, NULL);
    for (int a = 0; a < THREADS * ROUNDS; a++) { /* KWP is not random: equal slots, equal DEKs */
        for (int b = 0; b < a; b++) {
            ck_assert(memcmp(first_slot[a / ROUNDS][a % ROUNDS], first_slot[b / ROUNDS][b % ROUNDS],
                             40) != 0);
        }
    }
    envelope_keyring_free(ring);
    desk_close(&desk);
    room_close(&room);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("asking_threads");
    TCase *t = tcase_create("threads");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, many_at_once, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
