/* chain/catalogue_parts.h - what the files of the catalogue share. */
#ifndef ENV_CHAIN_CATALOGUE_PARTS_H
#define ENV_CHAIN_CATALOGUE_PARTS_H
#include "chain/catalogue.h"

/* An empty one with a key of its own. */
envelope_status env_catalogue_make(envelope_ctx *ctx, struct env_catalogue **out,
                                   envelope_error *err);
/* Checks SECRETS, keeps them encrypted, sets generation. */
envelope_status env_catalogue_set_secrets(struct env_catalogue *catalogue, const uint8_t *secrets,
                                          size_t len, envelope_error *err);
/* Brings by_object, by_link, by_stone and `forgotten` up to what rows and tombstones there are. */
envelope_status env_catalogue_index(struct env_catalogue *catalogue, envelope_error *err);
/* Room for one row more, and for more bytes of strings. */
envelope_status env_catalogue_grow(struct env_catalogue *catalogue, size_t strings,
                                   envelope_error *err);
#endif
