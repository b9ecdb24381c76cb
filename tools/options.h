/* tools/options.h - the commands, their options, and the help made from them. */
#ifndef ENVELOPE_TOOLS_OPTIONS_H
#define ENVELOPE_TOOLS_OPTIONS_H
#include "report.h"

enum option_id {
    OPTION_CHAIN,
    OPTION_LABEL,
    OPTION_STREAM,
    OPTION_FULL,
    OPTION_FULL_EVERY,
    OPTION_CHANGED_EXTENTS,
    OPTION_DIRECT,
    OPTION_BESIDE,
    OPTION_TREE,
    OPTION_RANGE,
    OPTION_POINT,
    OPTION_POINTS,
    OPTION_KEEP_LAST,
    OPTION_KEEP_DAYS,
    OPTION_DRY_RUN,
    OPTION_SOCKET,
    OPTION_OUTPUT,
    OPTION_FORCE,
    OPTION_HEADERS_ONLY,
    OPTION_REPAIR,
    OPTION_NEW_GENERATION,
    OPTION_KMS,
    OPTION_RECIPIENT_KEY,
    OPTION_ESCROW,
    OPTION_PASSWORD,
    OPTION_KEY,
    OPTION_KEY_VERSION,
    OPTION_AES,
    OPTION_PUBLIC,
    OPTION_OUT_PASSPHRASE_FILE,
    OPTION_PASSPHRASE_FILE,
    OPTION_KEY_FILE,
    OPTION_PASSWORD_FILE,
    OPTION_CONFIG,
    OPTION_STATE,
    OPTION_PROGRESS,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_COUNT
};

enum { OPERANDS_MAX = 2 };
struct options {
    const char *operand[OPERANDS_MAX];
    struct strings value[OPTION_COUNT]; /* one item each time it was given */
};

struct command {
    const char *name;     /* "keystore create" */
    const char *operands; /* "REPO SOURCE" */
    size_t operand_count;
    size_t operands_optional; /* of these, at the end */
    const char *summary;
    enum option_id options[16]; /* ends with OPTION_HELP, which all have */
    enum option_id needed[4];   /* ends with OPTION_CHAIN, which none needs */
    int (*run)(struct report *report, const struct options *options);
};

extern const struct command command_keystore_create, command_keystore_add_key,
    command_keystore_rotate, command_keystore_list, command_keystore_remove,
    command_keystore_export, command_init, command_backup, command_list, command_restore,
    command_verify, command_refresh, command_keys, command_kms_list, command_kms_keys,
    command_kms_test, command_kms_create_key, command_kms_rotate, command_forget, command_serve;

bool option_given(const struct options *options, enum option_id id);
const char *option_value(const struct options *options, enum option_id id); /* NULL: not given */

/* false: the line is wrong, and why was said. */
bool options_parse(const struct command *command, int argc, char **argv, struct pool *pool,
                   struct options *out);
void options_help(const struct command *command);
#endif
