/* format/names.h - names of objects in a store. They are hints: what counts is in the headers. */
#ifndef ENV_FORMAT_NAMES_H
#define ENV_FORMAT_NAMES_H
#include "format/id.h"
#include <stdbool.h>

enum { ENV_NAME_MAX = 200 };
#define ENV_CHAINS_PREFIX "chains/"

/* "chains/NAME-3f9a0c5b77d1e204/" */
void env_name_chain(char out[ENV_NAME_MAX + 1], const char *chain_name,
                    const uint8_t chain_id[ENV_CHAIN_ID_BYTES]);
/* folder is the former. "…/meta/00000000000000000012.env" */
void env_name_metadata(char out[ENV_NAME_MAX + 1], const char *folder, uint64_t number);
/* "…/points/20260411T221503Z-full-<32 hex>.env"; kind_word "full", "incr" or "keys" */
void env_name_point(char out[ENV_NAME_MAX + 1], const char *folder, int64_t begun_ms,
                    const char *kind_word, const uint8_t object_id[ENV_OBJECT_ID_BYTES]);
/* Ends in ".env" (so it claims to be an object)? */
bool env_name_is_object(const char *name);
/* The folder part up to and with the chain's '/', false if name is not below chains/. */
bool env_name_split(const char *name, char folder[ENV_NAME_MAX + 1], const char **rest);
/* "NAME" of a folder "chains/NAME-<16 hex>/" and its 8 bytes; false: not such a name. */
bool env_name_parse_chain(const char *folder, char chain_name[65], uint8_t id_prefix[8]);
/* Number of a metadata object's name, 0 if it has none. */
uint64_t env_name_metadata_number(const char *rest);
/* Does the name of a point's file say "keys" (a keys copy)? */
bool env_name_is_keys_copy(const char *rest);
/* Object id in the name of a file below points/; false: none. */
bool env_name_object_id(const char *rest, uint8_t object_id[ENV_OBJECT_ID_BYTES]);
#endif
