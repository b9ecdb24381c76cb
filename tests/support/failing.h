/* failing.h - a context whose allocator fails at a chosen call, and counts what is not given back.
 */
#ifndef TESTS_FAILING_H
#define TESTS_FAILING_H
#include <envelope/base.h>

struct failing {
    long calls;
    long fail_at;   /* the call, from 1, that fails; 0: none */
    int for_ever;   /* and every one after it */
    long live;      /* allocations not yet released */
    uint32_t flags; /* of the context */
    uint32_t locked_kib;
};

/* options that allocate through f. */
envelope_ctx_options failing_options(struct failing *f);

/* A plain context; the program ends when there is none. */
envelope_ctx *test_ctx(void);
#endif
