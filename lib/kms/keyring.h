/* kms/keyring.h - a keyring from inside: who are the recipients, make slots for them, open slots.
 */
#ifndef ENV_KMS_KEYRING_H
#define ENV_KMS_KEYRING_H
#include "base/call.h"
#include "base/event.h"
#include "crypto/rsa.h"
#include "format/head.h"
#include "format/slots.h"
#include "keys/dek.h"
#include "kms/kms.h"
#include <envelope/keyring.h>

envelope_keyring *env_keyring_retain(envelope_keyring *keyring);
envelope_ctx *env_keyring_ctx(const envelope_keyring *keyring);

/* A public call that may ask this keyring's KMSs begins with env_call_begin and ends with this:
 * returns st. E_AGAIN keeps what was asked; all else wipes it. */
envelope_status env_keyring_end(envelope_keyring *keyring, struct env_call *call,
                                envelope_status st);
bool env_keyring_asks(const envelope_keyring *keyring); /* is one of them an asking KMS? */

/* -- recipients: wrap_for's pairs, passwords and public keys with use WRAP, in the order given */
/* By name; no KMS is asked. E_INVALID: there is none. E_LIMIT: more than 16, or 4 passwords. */
envelope_status env_keyring_recipients(const envelope_keyring *keyring, struct env_recipients *out,
                                       envelope_error *err);

/* One recipient with the key that is to be wrapped for today. */
struct env_target {
    struct env_recipient recipient;
    struct env_key key; /* KMS: the newest version; password: name; escrow: name, fingerprint */
    struct env_rsa_public *public; /* KMS with RSA, escrow; else NULL */
    envelope_kms *kms;             /* KMS; borrowed from the keyring */
    char *replaces;                /* what the KMS says this version replaces, or NULL */
    size_t password;               /* index, for kind password */
    uint32_t others;               /* keys of the same name that the KMS has beside it */
    bool exclusive;                /* W3: a newer key is believed without further evidence */
    bool may_unwrap;               /* the keyring may have the KMS unwrap */
    bool proven;                   /* the possession test went well in this call */
};
struct env_targets {
    size_t count;
    struct env_target item[ENV_RECIPIENTS_LIMIT];
};
/* [kms] Asks every KMS that is a recipient for its newest version. Asks all before it fails on one;
 * where one asks in turn, E_AGAIN is what is returned. E_KMS_UNREACHED, E_REFUSED, E_NO_KEY. RSA
 * keys below min_wrap_bits: E_REFUSED. */
envelope_status env_keyring_ask(envelope_keyring *keyring, const struct env_listener *events,
                                struct env_targets *out, envelope_error *err);
/* The same by a host that has recorded keys before: the newest of a name, or NULL. */
struct env_records {
    const struct env_key *(*newest)(void *user, const char *kms_id, const char *key_name);
    void *user;
};
envelope_status env_keyring_ask_after(envelope_keyring *keyring, const struct env_records *records,
                                      const struct env_listener *events, struct env_targets *out,
                                      envelope_error *err);
void env_targets_free(envelope_ctx *ctx, struct env_targets *targets);
/* [kms] W3's possession test for a KMS target: wrap a random value, have the KMS unwrap it,
 * compare. Where the keyring may not unwrap: OK with proven false. E_REFUSED: it is not that key's
 * KMS. */
envelope_status env_target_prove(envelope_keyring *keyring, struct env_target *target,
                                 envelope_error *err);
/* A DEK for one object. Where an asking KMS is among the targets it is the one that an attempt
 * before left, which E_AGAIN had cut off (docs/design.md, "The asking KMS"). dek is the caller's to
 * free, whatever is returned. purpose: ENV_DRAW_METADATA or ENV_DRAW_POINT. */
struct env_drawn {
    envelope_dek *dek;
    struct env_draw *draw; /* NULL: no asking KMS is concerned, or it is spent */
    struct env_asking *at;
};
envelope_status env_targets_draw(const envelope_keyring *keyring, const struct env_targets *targets,
                                 int32_t purpose, struct env_drawn *out, envelope_error *err);
/* The value of one target's possession test. */
envelope_status env_draw_proof(const envelope_keyring *keyring, const struct env_target *target,
                               struct env_drawn *out, envelope_error *err);
/* As env_targets_wrap, the same bytes at each attempt where an asking KMS is to open them. */
envelope_status env_drawn_wrap(envelope_keyring *keyring, const struct env_targets *targets,
                               const struct env_drawn *drawn, const struct env_listener *events,
                               const char *object, struct env_slots *out, envelope_error *err);
/* Before anything is sealed under it: from now on it is given to nobody else. */
void env_drawn_spend(struct env_drawn *drawn);
/* [kms] Has target's own KMS open slot i and compares. One UNWRAP event. E_AUTH: it is another DEK.
 */
envelope_status env_target_opens(envelope_keyring *keyring, const struct env_target *target,
                                 const struct env_slots *slots, size_t i, const envelope_dek *dek,
                                 const struct env_listener *events, const char *object,
                                 envelope_error *err);
/* [kms] only for AES keys. Slots for all targets, in their order; key.version must be set (>= 1)
 * for KMS targets. One WRAP event each. */
envelope_status env_targets_wrap(envelope_keyring *keyring, const struct env_targets *targets,
                                 const envelope_dek *dek, const struct env_listener *events,
                                 const char *object, struct env_slots *out, envelope_error *err);

/* Do the passwords that are recipients open these slots (of the newest metadata, whose DEK is
 * known)? A password without a slot of its label is passed over. E_REFUSED: one was changed ("raise
 * the serial"). */
envelope_status env_keyring_check_passwords(const envelope_keyring *keyring,
                                            const struct env_slots *slots, const envelope_dek *dek,
                                            envelope_error *err);

/* -- opening */
/* One public call's attempts. */
struct env_opening {
    const struct env_listener *events;
    const uint8_t *chain_id; /* 32, as the header claims; NULL: foreign object */
    const char *object;      /* for messages and events */
    uint32_t failures;       /* slots that failed so far */
    uint32_t limit;          /* set by env_opening_begin: max_failures */
};
struct env_opening env_opening_begin(const envelope_keyring *keyring,
                                     const struct env_listener *events);
/* Is this DEK the object's? OK, E_AUTH, or a failure of the library. */
typedef envelope_status (*env_dek_check)(void *user, const uint8_t dek[32]);
/* [kms] crypto.md 4.1 (scope) and 4.3: private keys and passwords at hand first, then KMSs by
 * priority; each slot once; one UNWRAP event for each slot tried. only: one slot's index, or
 * SIZE_MAX. *slot (NULL allowed) tells which. Failures: architecture.md 3: E_AUTH if a key or KMS
 * that a slot names answered and check failed, else E_KMS_UNREACHED, else E_REFUSED (algorithm or
 * scope), else E_NO_KEY (also when only passwords were tried); E_LIMIT. The text of a failure says
 * why each slot did not open as far as that is known before the cryptography, and names the keys
 * that would. */
envelope_status env_keyring_open(envelope_keyring *keyring, struct env_opening *opening,
                                 const struct env_slots *slots, size_t only, env_dek_check check,
                                 void *user, envelope_dek **out, size_t *slot, envelope_error *err);
/* Is there anything at hand that might open a slot for this key (no KMS is asked)? OK, E_NO_KEY, or
 * E_REFUSED (out of scope, or not allowed). */
envelope_status env_keyring_has(const envelope_keyring *keyring, const struct env_slot *slot,
                                const uint8_t *chain_id);
#endif
