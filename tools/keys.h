/* tools/keys.h - from configuration and options to a keyring. */
#ifndef ENVELOPE_TOOLS_KEYS_H
#define ENVELOPE_TOOLS_KEYS_H
#include "config.h"
#include "secretfile.h"
#include <envelope/keyring.h>

struct keys_request {
    struct report *report;
    envelope_ctx *ctx;
    const struct options *options;
    const struct config *config;
    const struct config_chain *chain; /* NULL: only what --key-file and --password-file give */
    const uint8_t *chain_id;          /* NULL: not known yet (init) */
    uint32_t patience_s;              /* where the configuration has no deadline; 0: as usual */
    uint32_t reserved;
};

/* A KMS that cannot be had now is replaced by one that says so (standin.h), with a warning, and
 * report->keys_end remembers why: other keys may open. */
int keys_open(const struct keys_request *request, envelope_keyring **out);
bool keys_by_hand(const struct options *options); /* --key-file or --password-file given? */

/* value is PRIVATE.pem[:PASSFILE]. */
int keys_add_file(const struct keys_request *request, const char *value, envelope_keyring *keyring);

/* --kms as given, else the configuration's section; NULL: neither. *end: a wrong --kms. */
const struct config_kms *keys_kms(const struct keys_request *request, const char *id, int *end);
/* Names of the KMSs that a chain's keys live in, each once. */
struct strings keys_kms_ids(struct pool *pool, const struct config_chain *chain);

/* One keystore that must open (the keystore commands); flags as envelope_keystore_open. */
int keys_open_keystore(struct report *report, envelope_ctx *ctx, const struct options *options,
                       const char *dir, uint32_t flags, envelope_kms **out);
/* What went wrong with a keystore, as an exit status. */
int keys_keystore_end(envelope_status status);
#endif
