#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { UNIT = 64 };

/* In the mapping itself: a child of fork finds zeros here. */
static const uint64_t alive = 0x656e76656c6f7065u;

struct env_arena {
    pthread_mutex_t lock;
    uint8_t *map; /* with both guard pages */
    size_t map_len;
    uint8_t *first; /* unit 0 holds the marker */
    size_t units;
    uint8_t taken[]; /* one byte a unit */
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static envelope_status map(struct env_arena *a, size_t bytes, size_t page, bool require_lock,
                           bool *locked, envelope_error *err)
{
    a->map_len = bytes + 2 * page;
    a->map = mmap(NULL, a->map_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (a->map == MAP_FAILED) {
        return env_fail_errno(err, ENVELOPE_E_NOMEM, errno, "cannot map the arena");
    }
    a->first = a->map + page;
    if (mprotect(a->first, bytes, PROT_READ | PROT_WRITE)) {
        return env_fail_errno(err, ENVELOPE_E_NOMEM, errno, "cannot map the arena");
    }
    *locked = mlock(a->first, bytes) == 0;
    if (!*locked && require_lock) {
        return env_fail_errno(err, ENVELOPE_E_NOMEM, errno,
                              "cannot lock %zu KiB of memory (raise RLIMIT_MEMLOCK, or lower "
                              "ctx_options.locked_kib)",
                              bytes / 1024);
    }
    (void)madvise(a->first, bytes, MADV_DONTDUMP);
    if (madvise(a->first, bytes, MADV_WIPEONFORK)) {
        return env_fail_errno(err, ENVELOPE_E_NOMEM, errno, "cannot protect the arena from fork");
    }
    memcpy(a->first, &alive, sizeof alive);
    a->taken[0] = 1;
    return ENVELOPE_OK;
}

envelope_status env_arena_new(size_t bytes, bool require_lock, struct env_arena **out, bool *locked,
                              envelope_error *err)
{
    *out = NULL;
    *locked = false;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    bytes = round_up(bytes, page);
    struct env_arena *a = calloc(1, sizeof *a + bytes / UNIT);
    if (!a) {
        return env_fail(err, ENVELOPE_E_NOMEM, "out of memory");
    }
    a->map = MAP_FAILED;
    a->units = bytes / UNIT;
    pthread_mutex_init(&a->lock, NULL);
    envelope_status st = map(a, bytes, page, require_lock, locked, err);
    if (st) {
        env_arena_free(a);
        return st;
    }
    *out = a;
    return ENVELOPE_OK;
}

void env_arena_free(struct env_arena *a)
{
    if (!a) {
        return;
    }
    if (a->map != MAP_FAILED) {
        if (a->first && !env_arena_lost(a)) {
            env_wipe(a->first, a->units * UNIT);
        }
        munmap(a->map, a->map_len); /* unlocks too */
    }
    pthread_mutex_destroy(&a->lock);
    free(a);
}

bool env_arena_lost(const struct env_arena *a)
{
    return memcmp(a->first, &alive, sizeof alive) != 0;
}

/* First fit: the arena is small and takes are rare next to what is done with them. */
static size_t find(const struct env_arena *a, size_t want)
{
    size_t run = 0;
    for (size_t i = 1; i < a->units; i++) {
        run = a->taken[i] ? 0 : run + 1;
        if (run == want) {
            return i + 1 - want;
        }
    }
    return 0;
}

void *env_arena_take(struct env_arena *a, size_t len)
{
    size_t want = round_up(len ? len : 1, UNIT) / UNIT;
    if (want >= a->units || env_arena_lost(a)) {
        return NULL;
    }
    pthread_mutex_lock(&a->lock);
    size_t at = find(a, want);
    if (at) {
        memset(a->taken + at, 1, want);
    }
    pthread_mutex_unlock(&a->lock);
    return at ? a->first + at * UNIT : NULL;
}

void env_arena_give(struct env_arena *a, void *p, size_t len)
{
    if (!p) {
        return;
    }
    size_t want = round_up(len ? len : 1, UNIT) / UNIT;
    size_t at = (size_t)((uint8_t *)p - a->first) / UNIT;
    env_wipe(p, want * UNIT);
    pthread_mutex_lock(&a->lock);
    memset(a->taken + at, 0, want);
    pthread_mutex_unlock(&a->lock);
}
