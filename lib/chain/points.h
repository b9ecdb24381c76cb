/* chain/points.h - listed and unlisted points as one sequence. */
#ifndef ENV_CHAIN_POINTS_H
#define ENV_CHAIN_POINTS_H
#include "chain/listing.h"
#include "format/names.h"

/* One point: a row of the catalogue, or an extra. */
struct env_point_at {
    uint64_t number;
    size_t row;   /* SIZE_MAX: an extra */
    size_t extra; /* SIZE_MAX: a row */
};
struct env_view {
    envelope_ctx *ctx;
    struct env_catalogue *catalogue; /* NULL: no metadata */
    struct env_extras *extras;       /* may be NULL */
    size_t count;
    struct env_point_at *at; /* by number */
    uint64_t *extra_number;  /* of each extra; 0: the catalogue lists it by now */
};
/* As of this moment; numbers of unlisted points: the expected one if it is free, else the next. */
envelope_status env_view_new(envelope_chain *chain, struct env_view *out, envelope_error *err);
void env_view_free(struct env_view *view);
/* The row of a point, also of an extra. */
const struct env_row *env_view_row(const struct env_view *view, size_t i);
/* W5 (d): greatest (metadata number, number), never of unverified origin. SIZE_MAX: none. */
size_t env_view_latest(const envelope_chain *chain, const struct env_view *view);
size_t env_view_find(const struct env_view *view, uint64_t number);
/* The name that its writer gave the object: where to look first, and for messages. */
void env_row_name(const envelope_chain *chain, const struct env_row *row,
                  char out[ENV_NAME_MAX + 1]);
#endif
