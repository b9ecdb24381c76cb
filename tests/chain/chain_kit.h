/* chain_kit.h - hosts, keys and points for the tests of lib/chain: everything in memory, RSA keys
 * from the pool. A call that fails where it must not ends the test with the library's own message.
 */
#ifndef TESTS_CHAIN_KIT_H
#define TESTS_CHAIN_KIT_H
#include "check_main.h"
#include "failing.h"
#include "keys.h"
#include "memory_store.h"
#include "test_kms.h"
#include <envelope/envelope.h>

enum { EVENTS_MAX = 512 };
struct seen_event {
    int32_t kind;
    envelope_status status;
    uint64_t point;
    char object[208];
    char message[256];
};

/* One host: a context of its own, its configuration, its pin. */
struct host {
    envelope_ctx *ctx;
    struct test_kms *kms; /* shared by hosts */
    envelope_kms *handle;
    bool exclusive;
    bool wrap_only; /* the KMS may not unwrap */
    uint64_t serial;
    const char *password;     /* recipient "ops", NULL: none */
    int escrow;               /* pool key as escrow recipient "board", 0: none */
    int private_key;          /* pool key at hand for opening, 0: none */
    bool no_kms;              /* opens without its KMS */
    const char *other_kms_id; /* a second KMS as recipient, NULL: none */
    struct test_kms *other;
    envelope_kms *other_handle;
    bool keeps; /* its pin, between jobs */
    unsigned char pin[ENVELOPE_PIN_MAX];
    size_t pin_len;
    unsigned pins_saved;
    struct seen_event event[EVENTS_MAX];
    size_t events;
};
void host_begin(struct host *h, struct test_kms *kms, int first_pool, int versions);
void host_end(struct host *h);
/* A second KMS of the host, key name "vm" too. */
void host_other(struct host *h, const char *id, struct test_kms *kms, int first_pool, int versions);
envelope_keyring *host_keyring(struct host *h);
/* Options as the host has them. */
envelope_chain_options host_options(struct host *h);
/* NULL and *st on failure when st is given; ends the test otherwise. */
envelope_chain *host_create(struct host *h, struct memory_store *mem, const char *name);
envelope_chain *host_open(struct host *h, struct memory_store *mem, envelope_status *st);
const struct seen_event *host_event(const struct host *h, int32_t kind);

/* A point of len bytes made from seed; returns its number. */
uint64_t back_up(envelope_chain *chain, uint64_t seed, size_t len);
envelope_status try_back_up(envelope_chain *chain, uint64_t seed, size_t len, uint64_t *number,
                            envelope_error *err);
/* Reads the point back and compares it with what seed gives. */
void check_point(envelope_chain *chain, uint64_t number, uint64_t seed, size_t len);
void fill_bytes(uint8_t *out, uint64_t seed, size_t len);

/* One whole job of a host: open, back up, close. */
uint64_t job(struct host *h, struct memory_store *mem, uint64_t seed, size_t len);
envelope_status try_job(struct host *h, struct memory_store *mem, uint64_t seed, size_t len);
envelope_status try_refresh(struct host *h, struct memory_store *mem, uint32_t flags,
                            uint32_t *rotated);

#define MUST(call) must_ok((call), &err, #call, __FILE__, __LINE__)
void must_ok(envelope_status st, const envelope_error *err, const char *call, const char *file,
             int line);
/* Everything below the part of the name is removed. */
void remove_all(struct memory_store *mem, const char *part);
size_t count_files(struct memory_store *mem, const char *part);

/* Offsets in ID, and what an outsider can do with them: the field is changed in both copies, the
 * CRC is right, TAG is not. */
enum { ID_CHAIN = 4, ID_GENERATION = 52, ID_SERIAL = 56, ID_NUMBER = 64 };
void forge_header(struct memory_file *f, size_t field, int width, uint64_t value);
#endif
