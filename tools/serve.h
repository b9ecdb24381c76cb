/* tools/serve.h - what `envelope serve` hands on to its plugin in nbdkit: parameters with the names
 * of the program's options. */
#ifndef ENVELOPE_TOOLS_SERVE_H
#define ENVELOPE_TOOLS_SERVE_H
#include "options.h"

static const struct serve_parameter {
    const char *name;
    enum option_id id;
    bool is_path; /* nbdkit may go to another folder */
} serve_parameters[] = {
    {"chain", OPTION_CHAIN, false},
    {"point", OPTION_POINT, false},
    {"socket", OPTION_SOCKET, true},
    {"config", OPTION_CONFIG, true},
    {"state", OPTION_STATE, true},
    {"kms", OPTION_KMS, false},
    {"passphrase-file", OPTION_PASSPHRASE_FILE, true},
    {"key-file", OPTION_KEY_FILE, true},
    {"password-file", OPTION_PASSWORD_FILE, true},
};
enum { SERVE_PARAMETERS = sizeof serve_parameters / sizeof *serve_parameters };
#endif
