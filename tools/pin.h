/* tools/pin.h - what this host remembers of a chain, in a file (crypto.md W9: whoever can write a
 * pin decides what is believed). */
#ifndef ENVELOPE_TOOLS_PIN_H
#define ENVELOPE_TOOLS_PIN_H
#include "options.h"
#include <envelope/chain.h>

struct pin {
    struct report *report;
    const char *path; /* NULL: nowhere to keep it */
    int lock;         /* held to the end of the job; -1: none */
    const char *bytes;
    size_t len; /* 0: nothing is remembered */
};

/* For reading: no lock, and a pin that cannot be used is a warning. */
int pin_read(struct report *report, const struct options *options, const char *chain_hex,
             struct pin *out);
/* For writing: locked first, so that no other job's pin is overwritten with an older one. */
int pin_take(struct report *report, const struct options *options, const char *chain_hex,
             struct pin *out);
/* For init: the chain's id is known only afterwards, so it is saved under another name and gets
 * its own by pin_settle. */
int pin_begin(struct report *report, const struct options *options, struct pin *out);
int pin_settle(struct pin *pin, const struct options *options, const char *chain_hex);
void pin_discard(const struct pin *pin); /* init failed */
void pin_end(struct pin *pin);

/* For chain_options.save_pin; user is the struct pin. */
envelope_status pin_save(void *user, const void *bytes, size_t len, envelope_error *err);
#endif
