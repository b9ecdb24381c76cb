/* walk.h - all flips and lengths of one object, or those that the plan takes. */
#ifndef TESTS_CAMPAIGN_WALK_H
#define TESTS_CAMPAIGN_WALK_H
#include "campaign_kit.h"

struct run {
    struct campaign *c;
    struct target *t;
    struct plan plan;
    unsigned long by[BY_NOTHING + 1]; /* how often each of enum served */
    bool in_zeros; /* the flip lies between MUT and TAG, as nineteen of twenty do */
    /* NULL, or what is wrong with what is served. */
    const char *(*serves)(struct run *r, const struct truth *truth);
    /* Each flip and what was said of it, if set. */
    void (*log)(struct run *r, const struct flip *f, const struct truth *truth);
};
/* index: of the campaign's targets. */
struct run run_begin(size_t index, const char *(*serves)(struct run *, const struct truth *));
/* The control: nothing is left over. */
void run_end(struct run *r);

/* Each notes its counts. Copy A, copy B, and both; the CRC as it was, and mended. */
void walk_headers(struct run *r);
/* every: of the sample, outside of the prefix. */
void walk_payload(struct run *r, uint64_t every);
void walk_tail(struct run *r);
void walk_cuts(struct run *r);
#endif
