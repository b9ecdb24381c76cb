/* chain/metadata.h - PUT_META of storage.md: a change is applied to whatever is newest, so that a
 * conflict with another host is read again and applied again, never lost work. */
#ifndef ENV_CHAIN_METADATA_H
#define ENV_CHAIN_METADATA_H
#include "chain/listing.h"
#include "chain/newest.h"

/* A point's DEK, wrapped for today's recipients before put writes anything: whom a KMS is to be
 * asked for is known before the repository changes. */
struct env_point_key {
    const char *object;      /* its name, for events */
    struct env_slots *slots; /* filled */
    struct env_drawn drawn;  /* dek is to be freed, whatever is returned */
};
struct env_put {
    bool new_generation;         /* draw one even if nothing changed */
    const struct env_extra *own; /* a point that this handle has just written, to be listed */
    struct env_point_key *point; /* NULL: none is wanted */
    const uint64_t *forget;      /* numbers of points to forget, rising; may be NULL */
    size_t forget_count;
    /* results */
    bool wrote;
    bool drew;
    bool proven;      /* what was sealed was opened again by every KMS that may */
    uint32_t rotated; /* keys that changed */
    uint64_t own_number;
    struct env_policy policy; /* today's; free with env_policy_free */
};
/* [kms] Afterwards the handle's catalogue is the newest. Writes nothing when nothing changes, and
 * nothing before every KMS has answered. */
envelope_status env_put_metadata(envelope_chain *chain, const struct env_listener *events,
                                 struct env_put *put, envelope_error *err);
/* [kms] Metadata 1 of a new chain: root and GS_1 drawn, chain_id and folder set in the handle. */
envelope_status env_first_metadata(envelope_chain *chain, const struct env_listener *events,
                                   envelope_error *err);
/* README.txt of the repository, unless it is there. */
envelope_status env_put_readme(envelope_chain *chain, envelope_error *err);

/* forget.c: E_REFUSED: a point that stays needs one that is to go. *any: one of them is still
 * there. */
envelope_status env_forget_check(const struct env_put *put, const struct env_catalogue *base,
                                 const struct env_extras *extras, bool *any, envelope_error *err);
/* sweep.c: removes the objects of forgotten points, children before parents, but for those that a
 * write under way may inherit from. events tell what goes and what waits. */
struct env_swept {
    uint64_t freed;   /* bytes */
    uint64_t waiting; /* bytes */
};
envelope_status env_sweep(envelope_chain *chain, const struct env_listener *events,
                          const struct env_catalogue *newest, struct env_swept *out,
                          envelope_error *err);

/* The store is full: of old metadata the newest two stay. Whether something went. */
bool env_make_room(envelope_chain *chain, const struct env_listener *events,
                   const struct env_catalogue *newest);
/* The newest metadata object's bytes, also beside the points. OK if it is there already. */
envelope_status env_put_keys_copy(envelope_chain *chain, const struct env_catalogue *catalogue,
                                  envelope_error *err);
/* Old metadata and keys copies that are not to be kept (storage.md, section 1). proven as in
 * env_put. */
void env_prune(envelope_chain *chain, const struct env_listener *events,
               const struct env_catalogue *newest, bool proven);
#endif
