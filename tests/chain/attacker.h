/* attacker.h - somebody with the repository in his hands and the keys of former days: learns all
 * that they give, plants objects, and must be blind to what honest hosts write afterwards. */
#ifndef TESTS_ATTACKER_H
#define TESTS_ATTACKER_H
#include "chain/catalogue.h"
#include "chain_kit.h"

enum { ATTACKER_SECRETS = 4096 };
struct attacker {
    envelope_ctx *ctx;
    envelope_keyring *ring; /* his private keys and passwords */
    uint8_t (*secret)[32];  /* every DEK, GS, root and block-hash key that he has */
    size_t count;
    struct env_catalogue *newest; /* the highest metadata that he opened */
    char folder[208];
    uint8_t chain_id[32];
    size_t opened; /* objects */
};
/* Keys of the pool (ends with 0) and a password for the label "ops", or NULL. */
void attacker_begin(struct attacker *a, const int *pool, const char *password);
void attacker_end(struct attacker *a);
/* Opens whatever his keys and secrets open, again and again until nothing is new. */
void attacker_learn(struct attacker *a, struct memory_store *mem);
/* None of his keys and secrets opens or shows in any file from index `from` on; at least one is
 * there. */
void attacker_is_blind(struct attacker *a, struct memory_store *mem, size_t from);

/* A point attested under a generation that he knows. */
struct planted {
    uint32_t generation;
    uint64_t number; /* metadata number that it names */
    uint64_t serial;
    int wrap_pool; /* the slot: lab/vm version, for this pool key */
    uint32_t wrap_version;
    bool detached;
    uint32_t claims;       /* the generation in ID, 0: the one that he knows */
    bool other_block_hash; /* BK in the box is not the chain's */
};
/* Returns the name. */
const char *attacker_plant(struct attacker *a, struct memory_store *mem,
                           const struct planted *what);
#endif
