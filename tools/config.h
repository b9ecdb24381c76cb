/* tools/config.h - the configuration: which KMSs there are, and whom each chain is sealed for. It
 * is the only source of recipients; a repository never is. */
#ifndef ENVELOPE_TOOLS_CONFIG_H
#define ENVELOPE_TOOLS_CONFIG_H
#include "config_kms.h"
#include "options.h"

/* key, unwrap: KMS id and key name; password, escrow: name and file. */
struct config_entry {
    const char *left;
    const char *right;
    const char *where;
};
struct config_entries {
    struct config_entry *item;
    size_t count;
};
enum config_list { CONFIG_KEY, CONFIG_PASSWORD, CONFIG_ESCROW, CONFIG_UNWRAP, CONFIG_LISTS };
struct config_chain {
    const char *id; /* 64 hex digits */
    const char *name;
    uint64_t serial;
    struct config_entries list[CONFIG_LISTS];
};
struct config {
    const char *path; /* NULL: no --config, no HOME */
    bool exists;
    struct config_kms *kms;
    size_t kms_count;
    struct config_chain *chain;
    size_t chain_count;
};

/* A missing file is an empty configuration, unless it was named by --config and must_exist.
 * Everything wrong in it is said with file and line; then END_USAGE. All of it is from the report's
 * pool. */
int config_load(struct report *report, const struct options *options, bool must_exist,
                struct config *out);
const struct config_kms *config_find_kms(const struct config *config, const char *id);
const struct config_chain *config_find_chain(const struct config *config, const char *id);

/* Values as they stand in the file and on the command line: false, with *why, for what is not
 * allowed. */
bool config_split(struct pool *pool, enum config_list list, const char *value,
                  struct config_entry *out, const char **why);
/* The section for init: lines as they will stand. */
const char *config_chain_section(struct pool *pool, const struct config_chain *chain);
/* Adds text to the file (0600, temporary file and rename), making folders as needed. */
int config_append(struct report *report, const char *path, const char *text);
/* The section that is missing, with places to fill in, on standard error; END_USAGE. */
int config_explain_missing(struct report *report, const struct config *config, const char *chain_id,
                           const char *name);
#endif
