/* chain/parent.h - what a new point stands on: the parent, and the DEKs of all that it inherits
 * from, for its box. */
#ifndef ENV_CHAIN_PARENT_H
#define ENV_CHAIN_PARENT_H
#include "chain/disk.h"

struct env_parent_wish {
    int32_t kind; /* ENVELOPE_FULL, _INCREMENT, _AUTO */
    uint8_t content;
    uint8_t block_log2;  /* image */
    uint32_t full_every; /* AUTO: a full when the chain of parents is this long */
};
struct env_parent {
    size_t row; /* SIZE_MAX: none, the point is a full */
    uint64_t number;
    uint8_t link[ENV_LINK_BYTES];
    bool must_read; /* W10: not of the generation that the point will be of */
    uint32_t count; /* pairs */
    uint32_t room;
    uint32_t reserved;
    uint32_t depth; /* parents above the point */
    uint8_t *pairs; /* count x (LINK | DEK), arena */
    struct env_source source;
    struct env_disk *disk; /* image */
};
/* The newest listed point that can be a parent; else none, for AUTO with an event where there was
 * one that cannot. E_NOT_FOUND: an increment was demanded, and there is nothing to stand on. */
envelope_status env_parent_choose(envelope_chain *chain, struct env_catalogue *catalogue,
                                  const struct env_parent_wish *wish,
                                  const struct env_listener *events, struct env_parent *out,
                                  envelope_error *err);
void env_parent_free(envelope_chain *chain, struct env_parent *parent);
#endif
