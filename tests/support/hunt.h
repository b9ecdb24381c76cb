/* hunt.h - searches the memory of its own process for secrets: all that is mapped writable. What is
 * searched for is kept under a mask, or the search would find itself. */
#ifndef TESTS_HUNT_H
#define TESTS_HUNT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HUNT_SECRET = 32, HUNT_MAX = 16 };
struct hunt {
    bool known[HUNT_MAX];
    uint8_t masked[HUNT_MAX][HUNT_SECRET];
    uint8_t *buffer;       /* a mapping of its own, not searched */
    const void *arena;     /* any secret in the arena */
    long inside[HUNT_MAX]; /* how often each stands in the arena's mapping */
    long outside[HUNT_MAX];
};

/* Why a search would tell nothing in this process; NULL: it would. */
const char *hunt_is_void(void);
void hunt_begin(struct hunt *h);
void hunt_end(struct hunt *h);
void hunt_remember(struct hunt *h, size_t which, const uint8_t secret[HUNT_SECRET]);
/* Counts. */
void hunt_search(struct hunt *h);
/* Searches; ends the test where a secret stands outside the arena, or also_inside in it. */
void hunt_expect_none(struct hunt *h, bool also_inside);
#endif
