/* tools/session.h - a chain opened as the configuration and the options say: what most commands
 * begin with. */
#ifndef ENVELOPE_TOOLS_SESSION_H
#define ENVELOPE_TOOLS_SESSION_H
#include "config.h"
#include "pin.h"
#include <envelope/chain.h>

enum session_mode { SESSION_READ, SESSION_WRITE, SESSION_REPAIR };
struct session {
    struct report *report;
    const struct options *options;
    envelope_ctx *ctx;
    envelope_store *store;
    struct config config;
    const struct config_chain *section; /* NULL: keys are given by hand */
    envelope_keyring *keyring;
    struct pin pin;
    uint8_t chain_id[32];
    const char *chain_hex;
    const char *name; /* for people; the id where no name is known */
    envelope_chain *chain;
};

/* On failure everything was said, missing keys too; session_close is needed all the same. */
int session_open(struct session *session, struct report *report, const struct options *options,
                 enum session_mode mode);
void session_close(struct session *session);
/* A later call failed: says so and, where no key opened, which ones are missing. */
int session_failed(struct session *session, envelope_status status, const envelope_error *err,
                   const char *what);
#endif
