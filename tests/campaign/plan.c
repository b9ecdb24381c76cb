#include "plan.h"
#include "check_main.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct plan plan_new(void)
{
    const char *thorough = getenv("ENVELOPE_THOROUGH");
    struct plan p = {.whole = thorough && *thorough, .shards = 1};
    const char *shard = getenv("ENVELOPE_SHARD");
    const char *seed = getenv("ENVELOPE_SEED");
    if (shard && (sscanf(shard, "%" SCNu64 "/%" SCNu64, &p.shard, &p.shards) != 2 || !p.shards ||
                  p.shard >= p.shards)) {
        fprintf(stderr, "ENVELOPE_SHARD is i/n\n");
        exit(1);
    }
    p.seed = seed ? strtoull(seed, NULL, 10) : 1;
    tap_note("seed %" PRIu64 ", shard %" PRIu64 "/%" PRIu64 ", %s", p.seed, p.shard, p.shards,
             p.whole ? "whole" : "a sample");
    return p;
}

/* splitmix64's last step: neighbours are taken or not independently of each other. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

bool plan_takes(struct plan *p, uint64_t at, uint64_t every)
{
    if (!p->whole && every > 1 && mix(p->seed * 0x9e3779b97f4a7c15u + at) % every != 0) {
        return false;
    }
    if (p->met++ % p->shards != p->shard) {
        return false;
    }
    p->done++;
    return true;
}
