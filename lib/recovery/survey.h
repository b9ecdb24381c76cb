/* recovery/survey.h - a survey from inside. Of each object only what is needed to find it again and
 * to say which keys it names is kept, so that a repository of 100,000 points fits into memory. */
#ifndef ENV_RECOVERY_SURVEY_H
#define ENV_RECOVERY_SURVEY_H
#include "chain/scan.h"
#include <envelope/recovery.h>

struct env_surveyed {
    envelope_object public; /* strings are the survey's */
    struct env_id id;
    uint8_t link[ENV_LINK_BYTES];
    bool whole; /* headers could be read: it can be tried */
    uint8_t key_count;
    uint16_t reserved;
    uint32_t key[ENV_SLOTS_LIMIT]; /* indexes into keys */
};
struct env_key_state {
    envelope_status status; /* as envelope_key_info.status */
    bool used;              /* some object was opened that names it */
};
/* How many points name a key; of these, how many do not open. */
struct env_key_use {
    uint64_t points;
    uint64_t closed;
};
struct envelope_survey {
    envelope_ctx *ctx;
    envelope_store *store;
    envelope_progress_fn progress;
    void *user;
    size_t count;
    size_t room;
    struct env_surveyed *item;
    size_t *by_chain;            /* items in the order of their chains, metadata before points */
    struct env_keys keys;        /* every key that any object names */
    struct env_key_use *use;     /* one a key */
    struct env_key_state *state; /* one a key, after a try */
    bool tried;
};
bool env_surveyed_names(const struct env_surveyed *item, size_t key);
bool env_surveyed_closed(const struct env_surveyed *item); /* a point that does not open */

/* -- order.c */
/* After the last item: by_chain and use. */
envelope_status env_survey_prepare(envelope_survey *survey, envelope_error *err);
/* Fills `use` again. */
void env_survey_count(envelope_survey *survey);
/* Index into by_chain of the chain's first item, or of what stands where it would. */
size_t env_survey_first(const envelope_survey *survey, const uint8_t chain_id[ENV_CHAIN_ID_BYTES]);
/* The item there, if it is of that chain; else NULL. */
struct env_surveyed *env_survey_of(const envelope_survey *survey, size_t at,
                                   const uint8_t chain_id[ENV_CHAIN_ID_BYTES]);
#endif
