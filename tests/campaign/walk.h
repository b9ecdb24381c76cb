/* walk.h - all flips and lengths of one object, or those that the plan takes. */
#ifndef TESTS_CAMPAIGN_WALK_H
#define TESTS_CAMPAIGN_WALK_H
#include "campaign_kit.h"

struct run {
    struct campaign *c;
    struct target *t;
    struct plan plan;
    unsigned long by[BY_NOTHING + 1]; /* how often each of enum served */
    /* NULL, or what is wrong with what is served. */
    const char *(*serves)(struct run *r, const struct truth *truth);
};
/* index: of the campaign's targets. */
struct run run_begin(size_t index, const char *(*serves)(struct run *, const struct truth *));
/* Counts, and the control: nothing is left over. */
void run_end(struct run *r, const char *what);

void walk_headers(struct run *r, int copies, bool mend_it);
/* every: of the sample, outside of the prefix. */
void walk_payload(struct run *r, uint64_t every);
void walk_tail(struct run *r, bool mend_it);
void walk_cuts(struct run *r);
#endif
