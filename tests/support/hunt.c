#include "hunt.h"
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MASK = 0xa5, BUFFER = 1 << 20, GUARD = 4096 };

const char *hunt_is_void(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return "a sanitizer keeps what was freed, and maps terabytes";
#else
    const char *preloaded = getenv("LD_PRELOAD");
    bool valgrind = preloaded && strstr(preloaded, "vgpreload");
    return valgrind ? "valgrind keeps what was freed, and registers in memory of its own" : NULL;
#endif
}

/* Pages without rights around it keep the kernel from merging it with another mapping. */
void hunt_begin(struct hunt *h)
{
    memset(h, 0, sizeof *h);
    h->buffer = mmap(NULL, BUFFER + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(h->buffer, MAP_FAILED);
    h->buffer += GUARD;
    ck_assert_int_eq(mprotect(h->buffer, BUFFER, PROT_READ | PROT_WRITE), 0);
}

void hunt_end(struct hunt *h)
{
    munmap(h->buffer - GUARD, BUFFER + 2 * GUARD);
}

void hunt_remember(struct hunt *h, size_t which, const uint8_t secret[HUNT_SECRET])
{
    ck_assert_uint_lt(which, HUNT_MAX);
    for (int i = 0; i < HUNT_SECRET; i++) {
        h->masked[which][i] = (uint8_t)(secret[i] ^ MASK);
    }
    h->known[which] = true;
}

static bool matches(const uint8_t *p, const uint8_t *masked)
{
    for (int i = 0; i < HUNT_SECRET; i++) {
        if ((p[i] ^ MASK) != masked[i]) {
            return false;
        }
    }
    return true;
}

static void search_buffer(struct hunt *h, size_t len, long *found)
{
    for (size_t at = 0; at + HUNT_SECRET <= len; at++) {
        for (int i = 0; i < HUNT_MAX; i++) {
            found[i] += (h->buffer[at] ^ MASK) == h->masked[i][0] && h->known[i] &&
                        matches(h->buffer + at, h->masked[i]);
        }
    }
}

static void search_mapping(struct hunt *h, int mem, uint64_t from, uint64_t to)
{
    uint64_t own = (uint64_t)(uintptr_t)h->buffer;
    uint64_t arena = (uint64_t)(uintptr_t)h->arena;
    if (own >= from && own < to) {
        ck_assert_uint_eq(to - from, BUFFER); /* nothing was merged with it */
        return;
    }
    long *found = arena >= from && arena < to ? h->inside : h->outside;
    /* one that stands across two pieces is in the second, whole */
    for (uint64_t at = from; at < to; at += BUFFER - (HUNT_SECRET - 1)) {
        size_t len = to - at < BUFFER ? (size_t)(to - at) : BUFFER;
        ssize_t n = pread(mem, h->buffer, len, (off_t)at);
        search_buffer(h, n > 0 ? (size_t)n : 0, found);
    }
}

void hunt_search(struct hunt *h)
{
    memset(h->inside, 0, sizeof h->inside);
    memset(h->outside, 0, sizeof h->outside);
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    ck_assert(mem >= 0 && maps);
    char line[512];
    long mappings = 0;
    while (fgets(line, sizeof line, maps)) {
        uint64_t from;
        uint64_t to;
        char mode[8];
        ck_assert_int_eq(sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, mode), 3);
        if (mode[0] == 'r' && mode[1] == 'w') {
            search_mapping(h, mem, from, to);
            mappings++;
        }
    }
    ck_assert_int_gt(mappings, 5);
    fclose(maps);
    close(mem);
}

void hunt_expect_none(struct hunt *h, bool also_inside)
{
    hunt_search(h);
    for (int i = 0; i < HUNT_MAX; i++) {
        ck_assert_msg(h->outside[i] == 0, "secret %d stands %ld times outside the arena", i,
                      h->outside[i]);
        ck_assert_msg(!also_inside || h->inside[i] == 0, "secret %d stands %ld times in the arena",
                      i, h->inside[i]);
    }
}
