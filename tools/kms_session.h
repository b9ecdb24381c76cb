/* tools/kms_session.h - one KMS of the configuration or of --kms, opened for `envelope kms ...`. */
#ifndef ENVELOPE_TOOLS_KMS_SESSION_H
#define ENVELOPE_TOOLS_KMS_SESSION_H
#include "keys.h"

struct kms_session {
    struct report *report;
    const struct options *options;
    envelope_ctx *ctx;
    struct config config;
    const struct config_kms *kms;
    envelope_kms *opened;
};

/* Reads the configuration, finds the KMS id and opens it. patience_s: of keys_request. On failure
 * everything was said; kms_session_close is needed all the same. */
int kms_session_open(struct kms_session *session, struct report *report,
                     const struct options *options, const char *id, uint32_t patience_s);
void kms_session_close(struct kms_session *session);
/* Those of the configuration, or instead of them what --kms gives under the same name. */
int kms_session_all(struct report *report, const struct options *options, struct config *config);

/* Names of the keys that the configuration's chains have at this KMS, each once. */
struct strings kms_session_keys(struct pool *pool, const struct config *config, const char *id);
/* A call failed, for key_name (NULL: none): says so and what to do. 5: not reached. 3: refused, or
 * no such key. */
int kms_session_failed(struct kms_session *session, envelope_status status,
                       const envelope_error *err, const char *key_name);
/* All versions of key_name (NULL: of every key), into the table and into keys. */
int kms_session_list(struct kms_session *session, const char *key_name, json_t *keys);
void kms_session_head(const struct report *report); /* of that table */
void kms_session_show(struct report *report, const envelope_key_list *list, json_t *keys);
#endif
