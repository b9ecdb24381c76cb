/* opening.h - slots made for a test, opened by a keyring, with every event kept. */
#ifndef TESTS_OPENING_H
#define TESTS_OPENING_H
#include "fake_kms.h"
#include "kms/keyring.h"

enum { EVENTS_KEPT = 64 };
struct kept_event {
    int32_t kind;
    envelope_status status;
    int32_t slot;
    char message[512];
};
struct opening_test {
    envelope_ctx *ctx;
    envelope_dek *dek;
    struct env_slots slots;
    int checks;       /* how often a DEK was checked */
    bool accept_none; /* as if TAG never verified */
    size_t event_count;
    struct kept_event event[EVENTS_KEPT];
    const uint8_t *chain_id;
    struct env_opening opening; /* of the last run */
    size_t slot;                /* that opened */
    envelope_error err;
};
void opening_set_up(struct opening_test *t);
void opening_tear_down(struct opening_test *t);
/* A slot for a key of the pool, as of KMS id, key name, version. */
struct env_slot *opening_rsa_slot(struct opening_test *t, const char *kms_id, const char *name,
                                  uint32_t version, int pool);
struct env_slot *opening_password_slot(struct opening_test *t, const char *label, const char *text);
/* A fresh opening, then env_keyring_open; the DEK that comes is compared with the one wrapped. */
envelope_status opening_run(struct opening_test *t, envelope_keyring *ring, size_t only);
/* Events of a kind. */
size_t opening_events(const struct opening_test *t, int32_t kind);
void opening_add_private(struct opening_test *t, envelope_keyring *ring, int pool);
#endif
