/* bench_points [ROUNDS [AT-MOST [POINTS...]]]: what a chain of 1,000, 10,000 and 100,000 points
 * costs to open, to list, to add to, to refresh and to forget from, in a directory store. Processor
 * time of the process, the kernel's included, medians; and the most memory that it had. All objects
 * are there (tests/support/many.h says how they were made), 36 KiB each: 100,000 take 3.6 GB in
 * /dev/shm, or in TMPDIR where it is set.
 *
 * Fails when a point costs more than AT-MOST times as much in the longest chain as in the one
 * before it, for any of these. */
#include "many.h"
#include "quick_kms.h"
#include <ftw.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SIZES_MAX = 8, ROUNDS_MAX = 9, FORGOTTEN = 1000 };

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench_points: %s\n", what);
        exit(1);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -- a repository */

struct bench {
    struct many_host host;
    struct quick_kms kms;
    envelope_kms *handle;
    envelope_store *store;
    size_t points;
    size_t forgotten;
    char folder[256];
};

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *where)
{
    (void)s;
    (void)kind;
    (void)where;
    return remove(path);
}

static void begin(struct bench *b, size_t points)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const char *tmp = getenv("TMPDIR");
    memset(b, 0, sizeof *b);
    b->host.name = "vm";
    b->points = points;
    snprintf(b->folder, sizeof b->folder, "%s/bench-points-XXXXXX",
             tmp                        ? tmp
             : access("/dev/shm", W_OK) ? "/tmp"
                                        : "/dev/shm");
    must(mkdtemp(b->folder) != NULL, "no folder");
    MANY_MUST(envelope_ctx_new(NULL, &b->host.ctx, &err));
    b->handle = quick_kms_open(b->host.ctx, &b->kms);
    MANY_MUST(envelope_keyring_new(b->host.ctx, NULL, &b->host.ring, &err));
    MANY_MUST(envelope_keyring_add_kms(
        b->host.ring, "lab", b->handle,
        ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP | ENVELOPE_USE_NAMES_EXCLUSIVE, 0, &err));
    MANY_MUST(envelope_keyring_wrap_for(b->host.ring, "lab", "vm", &err));
    MANY_MUST(envelope_store_dir(b->host.ctx, b->folder, 0, &b->store, &err));
    many_create(&b->host, b->store);
    many_add(&b->host, b->store, points);
}

static void end(struct bench *b)
{
    envelope_store_free(b->store);
    envelope_keyring_free(b->host.ring);
    envelope_kms_free(b->handle);
    envelope_ctx_free(b->host.ctx);
    must(!nftw(b->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), "cannot remove its folder");
}

/* -- what is measured: each gives the seconds that it took */

static double open_it(struct bench *b)
{
    double from = now();
    envelope_chain_free(many_open(&b->host, b->store));
    return now() - from;
}

/* Every field that a listing shows. */
static size_t walk(const envelope_points *p)
{
    size_t len;
    size_t seen = 0;
    for (size_t i = 0; i < envelope_points_count(p); i++) {
        const envelope_point *point = envelope_points_at(p, i);
        seen += envelope_points_attribute(p, i, "source", &len) && point->object &&
                envelope_points_key(p, i, 0) && !point->flags;
    }
    return seen;
}

static double list_it(struct bench *b)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_points *points;
    envelope_chain *chain = many_open(&b->host, b->store);
    double from = now();
    MANY_MUST(envelope_chain_points(chain, &points, &err));
    must(walk(points) >= b->points - b->forgotten, "points are missing");
    envelope_points_free(points);
    double spent = now() - from;
    envelope_chain_free(chain);
    return spent;
}

static double add(struct bench *b, int32_t kind)
{
    envelope_chain *chain = many_open(&b->host, b->store);
    double from = now();
    many_back_up(chain, kind);
    double spent = now() - from;
    envelope_chain_free(chain);
    return spent;
}

static double add_full(struct bench *b)
{
    return add(b, ENVELOPE_FULL);
}

static double add_increment(struct bench *b)
{
    return add(b, ENVELOPE_INCREMENT);
}

static double refresh(struct bench *b, uint32_t rotated)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint32_t found;
    envelope_chain *chain = many_open(&b->host, b->store);
    double from = now();
    MANY_MUST(envelope_chain_refresh(chain, 0, &found, &err));
    double spent = now() - from;
    must(found == rotated, "a rotation is not seen, or is where there is none");
    envelope_chain_free(chain);
    return spent;
}

static double refresh_same(struct bench *b)
{
    return refresh(b, 0);
}

static double refresh_rotated(struct bench *b)
{
    b->kms.newest++;
    return refresh(b, 1);
}

static double forget(struct bench *b, const uint64_t *numbers, size_t count)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint64_t waiting;
    envelope_chain *chain = many_open(&b->host, b->store);
    double from = now();
    MANY_MUST(envelope_chain_forget(chain, numbers, count, NULL, &waiting, &err));
    double spent = now() - from;
    must(!waiting, "forgotten objects wait");
    envelope_chain_free(chain);
    return spent;
}

/* Where a number stands: they rise. */
static size_t find(const envelope_points *p, uint64_t number)
{
    size_t lo = 0;
    for (size_t hi = envelope_points_count(p); lo < hi;) {
        size_t mid = lo + (hi - lo) / 2;
        bool before = envelope_points_at(p, mid)->number < number;
        lo = before ? mid + 1 : lo;
        hi = before ? hi : mid;
    }
    return lo;
}

/* The oldest fulls with all that stands on them: nothing that stays needs them. */
static size_t choose(const envelope_points *p, size_t fulls, uint64_t *numbers)
{
    size_t count = envelope_points_count(p);
    size_t n = 0;
    bool *goes = calloc(count, sizeof *goes);
    must(goes != NULL, "no memory");
    for (size_t i = 0; i < count && n < FORGOTTEN; i++) {
        const envelope_point *point = envelope_points_at(p, i);
        goes[i] = point->parent ? goes[find(p, point->parent)] : fulls && fulls--;
        if (goes[i]) {
            numbers[n++] = point->number;
        }
    }
    free(goes);
    return n;
}

/* A tenth of the chain, or 1,000. */
static double forget_many(struct bench *b)
{
    uint64_t numbers[FORGOTTEN];
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = many_open(&b->host, b->store);
    envelope_points *points;
    size_t most = b->points / 10 < FORGOTTEN ? b->points / 10 : FORGOTTEN;
    MANY_MUST(envelope_chain_points(chain, &points, &err));
    size_t n = choose(points, most < MANY_BATCH ? 1 : most / MANY_BATCH, numbers);
    envelope_points_free(points);
    envelope_chain_free(chain);
    b->forgotten += n;
    return forget(b, numbers, n);
}

static double forget_one(struct bench *b)
{
    uint64_t number = 0;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = many_open(&b->host, b->store);
    envelope_points *points;
    MANY_MUST(envelope_chain_points(chain, &points, &err));
    number = envelope_points_at(points, envelope_points_count(points) - 1)->number;
    envelope_points_free(points);
    envelope_chain_free(chain);
    return forget(b, &number, 1);
}

struct task {
    const char *name;
    double (*run)(struct bench *b);
};
static const struct task tasks[] = {
    {"open", open_it},
    {"list", list_it},
    {"add a full", add_full},
    {"add an increment", add_increment},
    {"refresh, no rotation", refresh_same},
    {"refresh, a rotation", refresh_rotated},
    {"forget 1", forget_one},
    {"forget up to 1000", forget_many},
};
enum { TASKS = sizeof tasks / sizeof *tasks };

/* -- figures */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void forget_peak(void)
{
    malloc_trim(0); /* what making the points took */
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f) {
        fputs("5", f);
        fclose(f);
    }
}

static long peak_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[128];
    long kib = 0;
    while (f && fgets(line, sizeof line, f)) {
        sscanf(line, "VmHWM: %ld", &kib);
    }
    if (f) {
        fclose(f);
    }
    return kib;
}

/* Of a point, in microseconds. */
static double measure(struct bench *b, const struct task *task, size_t rounds)
{
    double spent[ROUNDS_MAX];
    forget_peak();
    for (size_t i = 0; i < rounds; i++) {
        spent[i] = task->run(b);
    }
    qsort(spent, rounds, sizeof *spent, by_size);
    double each = spent[rounds / 2] * 1e6 / (double)b->points;
    printf("%8zu points  %-22s %10.2f ms  %6.2f us a point  %6.1f MiB at most\n", b->points,
           task->name, spent[rounds / 2] * 1e3, each, (double)peak_kib() / 1024);
    fflush(stdout);
    return each;
}

static void measure_all(size_t points, size_t rounds, double each[TASKS])
{
    static struct bench b;
    double from = now();
    begin(&b, points);
    printf("%8zu points  made in %.0f s\n", points, now() - from);
    for (size_t t = 0; t < TASKS; t++) {
        each[t] = measure(&b, &tasks[t], rounds);
    }
    end(&b);
}

int main(int argc, char **argv)
{
    size_t sizes[SIZES_MAX] = {1000, 10000, 100000};
    double each[2][TASKS];
    size_t count = argc > 3 ? 0 : 3;
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 5;
    double at_most = argc > 2 ? strtod(argv[2], NULL) : 1e9;
    for (int i = 3; i < argc && count < SIZES_MAX; i++) {
        sizes[count++] = strtoul(argv[i], NULL, 10);
    }
    must(rounds > 0 && rounds <= ROUNDS_MAX, "rounds");
    for (size_t s = 0; s < count; s++) {
        measure_all(sizes[s], rounds, each[s % 2]);
    }
    for (size_t t = 0; count > 1 && t < TASKS; t++) {
        double ratio = each[(count - 1) % 2][t] / each[count % 2][t];
        printf("%-22s a point of %zu costs %.2f of one of %zu\n", tasks[t].name, sizes[count - 1],
               ratio, sizes[count - 2]);
        must(ratio <= at_most, "that is more than in proportion");
    }
    return 0;
}
