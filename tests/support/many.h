/* many.h - chains of very many points, every object and every row of them the library's own work.
 *
 * A job costs what the chain is long, so making them one after the other would take days. Instead
 * the public API writes them in batches of a full and its increments, each on a copy of the chain
 * as it was before. Their objects are put beside each other into one store, and refresh lists them
 * there, as it lists what other hosts have written and did not live to list (crypto.md W5). A
 * failure ends the program, with the library's own message. */
#ifndef TESTS_MANY_H
#define TESTS_MANY_H
#include <envelope/envelope.h>

enum { MANY_BATCH = 30 };

/* A host of one chain, with its pin. */
struct many_host {
    envelope_ctx *ctx;
    const char *name; /* of the chain; NULL: the only one there */
    envelope_keyring *ring;
    uint64_t serial;
    /* Called by many_add, if set, when the first batch is listed and nothing else is there. */
    void (*begun)(void *user);
    void *user;
    size_t pin_len;
    unsigned char pin[ENVELOPE_PIN_MAX];
};
envelope_chain *many_open(struct many_host *host, envelope_store *store);
void many_create(struct many_host *host, envelope_store *store);
/* To a chain that is short as yet. */
void many_add(struct many_host *host, envelope_store *store, size_t points);
/* One point. */
void many_back_up(envelope_chain *chain, int32_t kind);

#define MANY_MUST(call) many_must((call), &err, #call)
void many_must(envelope_status st, const envelope_error *err, const char *call);
#endif
