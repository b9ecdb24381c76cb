/* chain/listing.h - points that the catalogue does not list: which of them are authentic, which may
 * be listed by themselves (crypto.md W5), which can only be read. */
#ifndef ENV_CHAIN_LISTING_H
#define ENV_CHAIN_LISTING_H
#include "chain/extra.h"
#include "chain/policy.h"
#include "chain/scan.h"

struct env_listing {
    const struct env_catalogue
        *base; /* NULL: no metadata opens; then every point that opens is shown */
    const struct env_policy *policy; /* to list: W5's rules apply; NULL: to read */
    const uint8_t *skip_link;        /* this call's own point, in hand already; may be NULL */
    uint8_t *present;                /* as env_scan_points; may be NULL */
};
struct env_listed {
    struct env_extras *extras;
    bool missing; /* 4.7: an attested point of the newest generation names later metadata */
    uint32_t top_generation; /* the highest claimed by a header, within 1,000 of the base's */
    envelope_status closed;  /* the failure of a point that did not open, if any (E_NO_KEY, ...) */
    envelope_error why;
};
/* [kms] Points that are forged, misplaced, ahead of this host or not to be opened are events. */
envelope_status env_unlisted(envelope_chain *chain, const struct env_listing *how,
                             const struct env_listener *events, struct env_listed *out,
                             envelope_error *err);
/* Does this LINK stand in the host's pending list? */
bool env_is_pending(const envelope_chain *chain, const uint8_t link[ENV_LINK_BYTES]);
/* listing_order.c: parents before their children; an increment whose parent is neither here nor in
 * how->base, and which is not pending, is told and left out. */
envelope_status env_parents_first(envelope_chain *chain, const struct env_listing *how,
                                  const struct env_listener *events, struct env_extras *extras,
                                  envelope_error *err);
/* What a slot says of its key; borrowed from the slot. */
struct env_key env_slot_key(const struct env_slot *slot);
/* A row for extra, whose dek is set, in the catalogue that is being made: key set, late flag,
 * number (the expected one if it is free, else the next). provenance is one of ENV_FROM_*. */
envelope_status env_catalogue_list(envelope_chain *chain, struct env_catalogue *catalogue,
                                   const struct env_extra *extra, uint8_t provenance,
                                   const struct env_listener *events, uint64_t *number,
                                   envelope_error *err);
#endif
