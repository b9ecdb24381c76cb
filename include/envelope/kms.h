/* envelope/kms.h - key services: bring your own, or open the embedded keystore. */
#ifndef ENVELOPE_KMS_H
#define ENVELOPE_KMS_H
#include <envelope/key.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Threads: share it freely (the ops below must allow that). */
typedef struct envelope_kms envelope_kms;

/* Where `newest` and `list` put what they find, during that call only. All of it is copied. */
typedef struct envelope_key_sink envelope_key_sink;
ENVELOPE_TRY envelope_status envelope_key_sink_add(envelope_key_sink *sink,
                                                   const envelope_key_ref *key, int32_t state,
                                                   const void *spki_der, size_t spki_len);

/* One of several to unwrap. len and status are the answer; the rest is as for `unwrap` below. */
typedef struct envelope_unwrap {
    size_t size;
    const envelope_key_ref *key;
    int32_t algorithm;
    envelope_status status; /* of this one */
    const void *in;
    size_t in_len;
    void *out;
    size_t cap;
    size_t len;
} envelope_unwrap;

/* Bring your own. The table is copied; a NULL member is "not offered". Called from whatever thread
 * called the library, several at once; may wait, but not beyond a deadline of your own. Errors to
 * return: E_KMS_UNREACHED, E_REFUSED, E_NO_KEY (no such key), E_AUTH (does not unwrap; your text
 * for this one is not shown). Anything else becomes E_CALLBACK. */
typedef struct envelope_kms_ops {
    size_t size;
    const char *kind; /* for messages: "vault" */
    /* Newest version of key_name that may wrap: exactly one envelope_key_sink_add. */
    envelope_status (*newest)(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err);
    /* in is the wrapped DEK, key and algorithm as recorded with it; write at most cap bytes, set
     * *len. */
    envelope_status (*unwrap)(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err);
    /* Only for KEKs that have no public half. */
    envelope_status (*wrap)(void *self, const envelope_key_ref *key, int32_t algorithm,
                            const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                            envelope_error *err);
    envelope_status (*state)(void *self, const envelope_key_ref *key, int32_t *state,
                             envelope_error *err);
    /* All versions of key_name (NULL: of every key), for listings. */
    envelope_status (*list)(void *self, const char *key_name, envelope_key_sink *sink,
                            envelope_error *err);
    void (*destroy)(void *self); /* exactly once, also when envelope_kms_new fails */
    /* Where several cost as much as one. Sets status and len of each item; fails only when nothing
     * can be said of any. NULL: `unwrap` is called for each. Items lie items->size apart. */
    envelope_status (*unwrap_many)(void *self, envelope_unwrap *items, size_t count,
                                   envelope_error *err);
} envelope_kms_ops;

ENVELOPE_TRY envelope_status envelope_kms_new(envelope_ctx *ctx, const envelope_kms_ops *ops,
                                              void *self, envelope_kms **out, envelope_error *err);
ENVELOPE_API void envelope_kms_free(envelope_kms *kms);

/* Or be asked instead of called: for event loops, and for languages whose callbacks are a trouble.
 * A call that needs such a KMS returns E_AGAIN and has changed nothing (see [kms] at the calls).
 * Take the questions, find the answers your way, hand them in, make the same call again: with the
 * same handles, from any thread. A question that waits counts as a call that has not returned yet:
 * E_AGAIN comes before whatever would follow, and events of the steps before it are told again. An
 * answer is wiped once the call that asked has ended. Answer all you have taken, with
 * E_KMS_UNREACHED those that nobody needs any more: more than 1,024 that wait are E_LIMIT. */
enum {
    ENVELOPE_ASK_NEWEST = 1,
    ENVELOPE_ASK_UNWRAP = 2,
    ENVELOPE_ASK_WRAP = 3,
    ENVELOPE_ASK_STATE = 4
};
typedef struct envelope_question {
    size_t size;
    uint64_t id;
    int32_t kind;
    int32_t algorithm;
    const envelope_key_ref *key; /* NEWEST: kms_id and key_name only */
    const void *in;              /* UNWRAP, WRAP */
    size_t in_len;
} envelope_question;

ENVELOPE_TRY envelope_status envelope_kms_new_asking(envelope_ctx *ctx, const char *kind,
                                                     envelope_kms **out, envelope_error *err);
/* Each question once; NULL: no more for now. Borrowed until it is answered. in of WRAP is a DEK. */
ENVELOPE_API const envelope_question *envelope_kms_next_question(envelope_kms *kms);
/* status OK: NEWEST takes key and the SPKI in DER (len 0 for a symmetric key), UNWRAP and WRAP take
 * the bytes, STATE takes state. Else one of the errors above, message as for envelope_error_set.
 * E_INVALID: no such answer may be given, and the question stays. E_EXISTS: it is answered already.
 * E_NOT_FOUND: nobody asks that any more. Any thread. */
ENVELOPE_API envelope_status envelope_kms_answer(envelope_kms *kms, uint64_t id,
                                                 envelope_status status, const char *message,
                                                 const envelope_key_ref *key, int32_t state,
                                                 const void *bytes, size_t len,
                                                 envelope_error *err);

/* Unwrap for yourself, past any keyring: nothing is scoped here, and nothing is verified. OK: look
 * at each status. items[i].out is best in memory that you lock and wipe, of at least 32 bytes
 * (E_RANGE). E_AGAIN from an asking KMS: all are asked. */
ENVELOPE_TRY envelope_status envelope_kms_unwrap_many(envelope_kms *kms, envelope_unwrap *items,
                                                      size_t count, envelope_error *err);

/* The embedded keystore: a directory (0700) of RSA-4096 pairs with versions, under a passphrase. */
enum { ENVELOPE_KEYSTORE_CREATE = 1u << 0 }; /* E_EXISTS if it is there */
ENVELOPE_TRY envelope_status envelope_keystore_open(envelope_ctx *ctx, const char *dir,
                                                    const void *passphrase, size_t passphrase_len,
                                                    uint32_t flags, envelope_kms **out,
                                                    envelope_error *err);

/* For its owner and for tools; never called by chain.h. E_UNSUPPORTED where the KMS has no such
 * thing. */
ENVELOPE_TRY envelope_status envelope_kms_list(envelope_kms *kms, const char *key_name,
                                               envelope_key_list **out, envelope_error *err);
/* algorithm 0: RSA-4096; ENVELOPE_AES_KWP: AES-256. E_EXISTS. */
ENVELOPE_TRY envelope_status envelope_kms_create_key(envelope_kms *kms, const char *key_name,
                                                     int32_t algorithm, envelope_error *err);
/* The version's private half is gone for good; its name, number and fingerprint stay, so that none
 * is given twice. E_REFUSED: the newest. */
ENVELOPE_TRY envelope_status envelope_kms_remove_key(envelope_kms *kms, const char *key_name,
                                                     uint32_t version, envelope_error *err);
ENVELOPE_TRY envelope_status envelope_kms_rotate_key(envelope_kms *kms, const char *key_name,
                                                     envelope_error *err);

enum { ENVELOPE_EXPORT_PUBLIC = 1u << 0 };
#define ENVELOPE_PEM_MAX 16384u /* a buffer this large always suffices, so no second round trip */
/* version 0: the newest. passphrase NULL: the PEM is not encrypted. Wipe buf. */
ENVELOPE_TRY envelope_status envelope_kms_export_key(envelope_kms *kms, const char *key_name,
                                                     uint32_t version, uint32_t flags,
                                                     const void *passphrase, size_t passphrase_len,
                                                     char *buf, size_t cap, size_t *len,
                                                     envelope_error *err);
ENVELOPE_TRY envelope_status envelope_kms_import_key(envelope_kms *kms, const char *key_name,
                                                     const void *pem, size_t pem_len,
                                                     const void *passphrase, size_t passphrase_len,
                                                     envelope_error *err);
/* Reach it and say what it can do, as name and value for people: "endpoint", "certificate-until",
 * "unwrap". key_name NULL: no key is tried; else a random value is wrapped for its newest version
 * and unwrapped again, in whatever way the KMS is set up to do it. */
ENVELOPE_TRY envelope_status envelope_kms_check(envelope_kms *kms, const char *key_name,
                                                void (*line)(void *user, const char *name,
                                                             const char *value),
                                                void *user, envelope_error *err);

#ifdef __cplusplus
}
#endif
#endif
