/* chain/newest_search.h - what newest.c (opening candidates) and newest_choose.c (which of them
 * counts) share. */
#ifndef ENV_CHAIN_NEWEST_SEARCH_H
#define ENV_CHAIN_NEWEST_SEARCH_H
#include "chain/newest.h"

/* One candidate that opened. */
struct env_verified {
    struct env_catalogue *catalogue;
    bool in_meta;
    bool holds_pin;
    bool fits; /* on the branch of the pin; without a pin: yes */
};

struct env_search {
    envelope_chain *chain;
    const struct env_listener *events;
    struct env_newest *out;
    struct env_verified *found;
    size_t count;
    uint32_t failures;
    bool any_fits;
    bool conflict;     /* headers alone show that there may be a fork */
    bool again;        /* a KMS was asked and has not answered: see again_why */
    bool blocked_meta; /* something in meta/ could not be opened or read */
    /* the failure to report when nothing opens */
    envelope_status worst;
    envelope_error why;
    envelope_error again_why;
};

bool env_is_candidate(const struct env_seen *seen);
/* E_ROLLBACK, naming both: two of the verified objects are two histories (crypto.md 4.6). */
envelope_status env_newest_forks(struct env_search *search, envelope_error *err);
/* Fills search->out: the newest, or why there is none. */
envelope_status env_newest_choose(struct env_search *search, envelope_error *err);
#endif
