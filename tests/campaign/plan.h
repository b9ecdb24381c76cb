/* plan.h - which flips of a campaign are done in this run: all, a sample, a shard of either.
 *
 * ENVELOPE_THOROUGH  leaves nothing out
 * ENVELOPE_SHARD     "i/n": the i-th of n equal parts, from 0
 * ENVELOPE_SEED      of the sample; printed */
#ifndef TESTS_CAMPAIGN_PLAN_H
#define TESTS_CAMPAIGN_PLAN_H
#include <stdbool.h>
#include <stdint.h>

struct plan {
    bool whole;
    uint64_t seed;
    uint64_t shard;
    uint64_t shards;
    uint64_t met;  /* so far, asked for */
    uint64_t done; /* so far, taken */
};
struct plan plan_new(void);
/* Is this one, number `at` of its kind, done here? every: how many of its kind are passed over for
 * each that a sample takes; 1: all. */
bool plan_takes(struct plan *plan, uint64_t at, uint64_t every);
#endif
