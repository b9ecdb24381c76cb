/* envelope/recovery.h - the worst day: a repository, some keys, and nothing else. */
#ifndef ENVELOPE_RECOVERY_H
#define ENVELOPE_RECOVERY_H
#include <envelope/chain.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Threads: one at a time. */
typedef struct envelope_survey envelope_survey;

typedef struct envelope_survey_options {
    size_t size;
    const char *chain; /* NULL: all */
    envelope_progress_fn progress;
    void *user;
} envelope_survey_options;

enum { ENVELOPE_OBJECT_POINT = 1, ENVELOPE_OBJECT_METADATA = 2, ENVELOPE_OBJECT_OTHER = 3 };

typedef struct envelope_object {
    size_t size;
    const char *object; /* name in the store */
    const char *chain;  /* as it says in clear: not proven until status is OK */
    int32_t kind;
    /* OK: opens. E_NO_KEY: not yet. E_FORMAT: damaged. E_AUTH: altered or forged. E_ROLLBACK. */
    envelope_status status;
    uint64_t point;
    uint64_t bytes;
    const char *message;
} envelope_object;

/* Reads every header, needs no key: until envelope_survey_try every key counts as missing. */
ENVELOPE_TRY envelope_status envelope_survey_new(envelope_store *store,
                                                 const envelope_survey_options *options,
                                                 envelope_survey **out, envelope_error *err);
/* [kms] What do these keys open? Again and again, with what has been found meanwhile. E_NO_KEY: not
 * everything opens. */
ENVELOPE_TRY envelope_status envelope_survey_try(envelope_survey *survey, envelope_keyring *keyring,
                                                 envelope_error *err);
ENVELOPE_API size_t envelope_survey_count(const envelope_survey *survey);
/* Borrowed until the next try. */
ENVELOPE_API const envelope_object *envelope_survey_at(const envelope_survey *survey, size_t i);
/* Every key that any object names: at hand, or missing and why, what it would open, which to get
 * first. */
ENVELOPE_TRY envelope_status envelope_survey_keys(const envelope_survey *survey,
                                                  envelope_key_list **out, envelope_error *err);
/* The keys that one object names, as its header claims. */
ENVELOPE_TRY envelope_status envelope_survey_object_keys(const envelope_survey *survey, size_t i,
                                                         envelope_key_list **out,
                                                         envelope_error *err);
ENVELOPE_API void envelope_survey_free(envelope_survey *survey);

#ifdef __cplusplus
}
#endif
#endif
