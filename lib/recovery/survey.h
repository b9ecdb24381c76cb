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
struct envelope_survey {
    envelope_ctx *ctx;
    envelope_store *store;
    envelope_progress_fn progress;
    void *user;
    size_t count;
    size_t room;
    struct env_surveyed *item;
    struct env_keys keys;        /* every key that any object names */
    struct env_key_state *state; /* one a key, after a try */
    bool tried;
};
#endif
