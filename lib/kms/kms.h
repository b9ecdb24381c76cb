/* kms/kms.h - the provider table from inside: every answer is checked here, once, so that nobody
 * else meets a callback's mistakes. */
#ifndef ENV_KMS_KMS_H
#define ENV_KMS_KMS_H
#include "base/context.h"
#include "format/head.h"
#include <envelope/kms.h>

struct env_asking; /* kms/asking.h */

/* What an administrator's command may do; a NULL member is E_UNSUPPORTED. Built-in KMSs only. */
struct env_kms_admin_ops {
    envelope_status (*create_key)(void *self, const char *key_name, int32_t algorithm,
                                  envelope_error *err);
    envelope_status (*rotate_key)(void *self, const char *key_name, envelope_error *err);
    envelope_status (*remove_key)(void *self, const char *key_name, uint32_t version,
                                  envelope_error *err);
    envelope_status (*export_key)(void *self, const char *key_name, uint32_t version,
                                  uint32_t flags, const void *passphrase, size_t passphrase_len,
                                  char *buf, size_t cap, size_t *len, envelope_error *err);
    envelope_status (*import_key)(void *self, const char *key_name, const void *pem, size_t pem_len,
                                  const void *passphrase, size_t passphrase_len,
                                  envelope_error *err);
    envelope_status (*check)(void *self, const char *key_name,
                             void (*line)(void *user, const char *name, const char *value),
                             void *user, envelope_error *err);
};
/* names_exclusive: nobody else can make keys there (a keystore). What a built-in KMS returns and
 * says is passed on as it is. */
envelope_status env_kms_new_builtin(envelope_ctx *ctx, const envelope_kms_ops *ops,
                                    const struct env_kms_admin_ops *admin, bool names_exclusive,
                                    void *self, envelope_kms **out, envelope_error *err);
/* The KMS that asks; NULL: one that is called. */
struct env_asking *env_kms_asking(const envelope_kms *kms);
/* A public call that may have asked it has ended with st: see base/call.h. */
void env_kms_settle(envelope_kms *kms, uint64_t call, envelope_status st);
envelope_kms *env_kms_retain(envelope_kms *kms);
envelope_ctx *env_kms_ctx(const envelope_kms *kms);
const char *env_kms_kind(const envelope_kms *kms);
bool env_kms_names_exclusive(const envelope_kms *kms);
/* What is wrapped here for its RSA keys, since it may unwrap nothing else. By itself SHA-256. */
void env_kms_set_oaep(envelope_kms *kms, int32_t algorithm); /* before it is shared */
int32_t env_kms_oaep(const envelope_kms *kms);
/* For admin.c. NULL: not a built-in KMS. */
const struct env_kms_admin_ops *env_kms_admin(const envelope_kms *kms, void **self);

/* Does the KMS show that a key which names `replaces` as its predecessor (NULL: none) replaces
 * key_id: itself, or by its list over at most 64 versions? *yes is false where it cannot list. */
envelope_status env_kms_replaces(envelope_kms *kms, const char *key_name, const char *replaces,
                                 const char *key_id, bool *yes, envelope_error *err);
/* One answer of `newest`: exactly one candidate with a key id, a state that may wrap, and either an
 * RSA public key (fingerprint computed here, compared with what was said) or none. key.kms_id is
 * set to kms_id. Free with env_found_free. E_CALLBACK: OK without a usable answer; E_REFUSED:
 * several, unless exactly one of them is the recorded key (NULL: there is none) or is shown to
 * replace it: a neighbour who puts a key under our name must not be able to stop every backup. */
struct env_found {
    struct env_key key; /* spki filled; version 0 if the provider gives none */
    char *replaces;     /* key id, or NULL */
    int32_t state;
    uint32_t
        others; /* candidates of that name that were passed over: nothing shows what they are */
};
envelope_status env_kms_newest(envelope_kms *kms, const char *kms_id, const char *key_name,
                               struct env_found *out, envelope_error *err);
envelope_status env_kms_newest_after(envelope_kms *kms, const char *kms_id, const char *key_name,
                                     const struct env_key *recorded, struct env_found *out,
                                     envelope_error *err);
void env_found_free(envelope_ctx *ctx, struct env_found *found);
/* 32 bytes into out (arena). Any other length is E_AUTH; what a provider says of E_AUTH is not
 * shown. */
envelope_status env_kms_unwrap(envelope_kms *kms, const envelope_key_ref *key, int32_t algorithm,
                               const void *in, size_t in_len, uint8_t out[32], envelope_error *err);
envelope_status env_kms_wrap(envelope_kms *kms, const envelope_key_ref *key, int32_t algorithm,
                             const uint8_t in[32], void *out, size_t cap, size_t *len,
                             envelope_error *err);
bool env_kms_offers_unwrap(const envelope_kms *kms);
bool env_kms_offers_wrap(const envelope_kms *kms);
#endif
