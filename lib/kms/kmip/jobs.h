/* kms/kmip/jobs.h - what the jobs share among themselves. Statuses of a link pass through all of
 * it untouched: E_AGAIN above all, which is how a session without sockets waits. */
#ifndef ENV_KMIP_JOBS_H
#define ENV_KMIP_JOBS_H
#include "base/text.h"
#include "kms/kmip/job.h"

/* -- job_exchange.c */
/* In that version of the protocol; nothing is found out first. */
envelope_status env_kmip_ask_as(struct env_kmip_job *job, const struct env_kmip_version *version,
                                const struct env_kmip_ask *ask, struct env_kmip_reply *reply,
                                struct env_kmip_response *response, envelope_error *err);
/* E_FORMAT: what comes next on this connection may be the answer to an older question. */
void env_kmip_distrust(const struct env_kmip_job *job, envelope_status st);
/* env_kmip_response_next; a connection that answers something else is not used again. */
envelope_status env_kmip_next(struct env_kmip_job *job, struct env_kmip_response *response,
                              uint32_t operation, uint32_t id, uint32_t items,
                              struct env_kmip_result *out, envelope_error *err);
/* One item and its result, which may be a failure of the server. The reply is the caller's to free,
 * whatever is returned. */
envelope_status env_kmip_ask_one(struct env_kmip_job *job, const struct env_kmip_ask *ask,
                                 struct env_kmip_reply *reply, struct env_kmip_result *result,
                                 envelope_error *err);
/* Hands the result of each of ask->count items to take, in their order: at_once in one request, or
 * one by one where this KMS takes no batches. ask->room is that of one item. The first failure of
 * take ends it. */
typedef envelope_status (*env_kmip_take)(void *user, size_t i, const struct env_kmip_result *result,
                                         envelope_error *err);
envelope_status env_kmip_each(struct env_kmip_job *job, const struct env_kmip_ask *ask,
                              size_t at_once, env_kmip_take take, void *user, envelope_error *err);

/* -- version.c: facts.version, found out if it is not known. E_UNSUPPORTED: nothing in common. */
envelope_status env_kmip_find_version(struct env_kmip_job *job, envelope_error *err);

/* -- abilities.c: facts.abilities, by Query. */
envelope_status env_kmip_find_abilities(struct env_kmip_job *job, envelope_error *err);

/* -- facts.c */
/* By the identifier of either half; NULL: not known. */
struct env_kmip_known_pair *env_kmip_known(struct env_kmip_facts *facts, const char *uid);
/* What is known of that pair, or an empty entry for it; others that name one of its halves are
 * forgotten. */
struct env_kmip_known_pair *env_kmip_learn(struct env_kmip_facts *facts, const char *public_key,
                                           const char *private_key, const uint8_t fingerprint[32]);
void env_kmip_forget(struct env_kmip_facts *facts, const char *uid);

/* -- look.c: attributes */
/* E_NO_KEY, E_REFUSED: the KMS's word. */
envelope_status env_kmip_look(struct env_kmip_job *job, const char *uid,
                              struct env_kmip_attributes *out, envelope_error *err);
/* Is it one of these two? */
bool env_kmip_not_shown(envelope_status st);
/* The same, except that an object that is not there or not shown leaves out->uid "". */
envelope_status env_kmip_glance(struct env_kmip_job *job, const char *uid,
                                struct env_kmip_attributes *out, envelope_error *err);
/* Of many, each as by env_kmip_glance. */
envelope_status env_kmip_glance_each(struct env_kmip_job *job, env_kmip_text *uid, size_t count,
                                     struct env_kmip_attributes *out, envelope_error *err);

/* -- find.c: objects by what the selector names */
/* key_name NULL: all of the type. Locate, the attributes of each, and only those that truly are of
 * that type and bear the name: servers ignore filters. out->item: env_free. */
struct env_kmip_objects {
    size_t count;
    struct env_kmip_attributes *item;
};
envelope_status env_kmip_find(struct env_kmip_job *job, uint32_t type, const char *key_name,
                              struct env_kmip_objects *out, envelope_error *err);

/* -- public_key.c */
/* Get of a public key. E_FORMAT: not an RSA public key. */
envelope_status env_kmip_get_public(struct env_kmip_job *job, const char *uid,
                                    struct env_rsa_public **out, envelope_error *err);
/* The public key of that name with that fingerprint; *out NULL: there is none. */
envelope_status env_kmip_public_by_fingerprint(struct env_kmip_job *job, const char *key_name,
                                               const uint8_t fingerprint[32],
                                               struct env_kmip_attributes *attributes,
                                               struct env_rsa_public **out, envelope_error *err);

/* -- state.c */
/* ENVELOPE_KEY_* of ENV_STATE_*. */
int32_t env_kmip_state_of(uint32_t state);

/* -- half.c: which private key belongs to a public key */
struct env_kmip_half {
    env_kmip_text uid; /* "": none is visible */
    /* Not only said, but seen: by the private key's own link, by a Decrypt of what was wrapped for
     * the public key, or by the modulus. */
    bool proven;
    /* By the private key's own link. Whoever copies our public key into an object of his own has
     * material that our private key decrypts for; its links are his all the same. Only a bound half
     * lends its identifier to what the public object says. */
    bool bound;
};
/* By what is known and by links, nothing else. */
envelope_status env_kmip_linked_half(struct env_kmip_job *job,
                                     const struct env_kmip_attributes *public_key,
                                     const struct env_rsa_public *key, struct env_kmip_half *out,
                                     envelope_error *err);
/* All the ways. key_name: where to look when there are no links. may_fetch: also by Get of private
 * keys, where the policy allows it. */
envelope_status env_kmip_private_half(struct env_kmip_job *job,
                                      const struct env_kmip_attributes *public_key,
                                      const struct env_rsa_public *key, const char *key_name,
                                      bool may_fetch, struct env_kmip_half *out,
                                      envelope_error *err);

/* -- candidates.c, newest.c */
/* One version that may wrap. */
struct env_kmip_live {
    struct env_kmip_attributes object; /* the public key, or the AES key */
    env_kmip_text before;              /* whose Replacement Object Link led here; or "" */
};
struct env_kmip_candidates {
    size_t found; /* of that name, whatever their state */
    size_t count;
    struct env_kmip_live *item; /* env_free */
};
/* E_NO_KEY: nothing bears the name. None that may wrap is count 0, and why says what is wrong with
 * the last. */
envelope_status env_kmip_candidates(struct env_kmip_job *job, const char *key_name,
                                    struct env_kmip_candidates *out, const char **why,
                                    envelope_error *err);
/* The one that is meant: the only one, or where names are exclusive the newest. E_REFUSED. */
envelope_status env_kmip_choose(const struct env_kmip_job *job, const char *key_name,
                                struct env_kmip_candidates *candidates, const char *why,
                                struct env_kmip_live **out, envelope_error *err);
/* More than these are E_REFUSED at once: each costs several exchanges. */
enum { ENV_KMIP_CANDIDATES_MAX = 16 };
/* For those who asked env_kmip_newest and know no older version: E_REFUSED for several. */
envelope_status env_kmip_only_one(const struct envelope_key_sink *sink, envelope_error *err);

/* -- links.c: Replacement Object Links */
enum { ENV_KMIP_HOPS_MAX = 64 };
/* From object along its Replacement Object Links to the last; before: who named it ("": nobody,
 * object was the last). E_REFUSED: a loop; E_LIMIT: more than ENV_KMIP_HOPS_MAX. *gone: a link
 * leads to what is not there or not shown; object is then the last that is. */
envelope_status env_kmip_follow(struct env_kmip_job *job, struct env_kmip_attributes *object,
                                env_kmip_text before, const char **lost, envelope_error *err);
/* Evidence that key_id replaces another: the identifier of the one replaced, or "". Only a link on
 * the old object counts. before: from env_kmip_follow, or "". half: the private half of object,
 * uid "" if there is none. */
envelope_status env_kmip_replaces(struct env_kmip_job *job,
                                  const struct env_kmip_attributes *object, const char *before,
                                  const struct env_kmip_half *half, env_kmip_text out,
                                  envelope_error *err);

/* -- form.c: how Decrypt works there */
enum env_kmip_verdict {
    ENV_FORM_FOUND = 1,
    ENV_FORM_NONE = 2,        /* it answers, and nothing that was tried opens our value */
    ENV_FORM_DENIED = 3,      /* PERMISSION_DENIED */
    ENV_FORM_UNSUPPORTED = 4, /* no such operation, or too old a version */
    ENV_FORM_MISSING = 5      /* ITEM_NOT_FOUND */
};
/* Tries the forms with the draw, wrapped for key. key NULL: with bytes that are nothing, so that
 * only what the server does not even take is passed over. */
envelope_status env_kmip_find_form(struct env_kmip_job *job, const char *uid,
                                   const struct env_rsa_public *key, int32_t algorithm,
                                   struct env_kmip_oaep *form, enum env_kmip_verdict *verdict,
                                   envelope_error *err);
struct env_kmip_decrypt {
    const char *uid;
    struct env_kmip_oaep form;
    struct env_bytes data;
};
extern const struct env_kmip_ask env_kmip_decrypt_ask; /* without count, room, what */
size_t env_kmip_decrypt_room(const struct env_kmip_decrypt *what);
/* One Decrypt's answer. All that depends on the data is one status and one text (crypto.md, W12).
 */
envelope_status env_kmip_decrypted(const struct env_kmip_result *result, const char *uid, void *out,
                                   size_t cap, size_t *len, envelope_error *err);
/* Is form how this algorithm's hash is said? */
bool env_kmip_form_fits(const struct env_kmip_oaep *form, int32_t algorithm);

/* -- fetch.c: Get of what is secret, into the arena */
/* Told as ENVELOPE_EVENT_EXPORT. E_REFUSED where the policy does not allow it. */
envelope_status env_kmip_fetch_private(struct env_kmip_job *job, const char *uid,
                                       const envelope_key_ref *key, struct env_rsa_private **out,
                                       envelope_error *err);
/* 32 bytes in the arena: env_secret_free. */
envelope_status env_kmip_fetch_aes(struct env_kmip_job *job, const envelope_key_ref *key,
                                   uint8_t **out, envelope_error *err);
/* The server denied it (Get or Decrypt): says whether the key is not ours, not active, or not for
 * this. */
envelope_status env_kmip_denied(struct env_kmip_job *job, const char *uid, bool get,
                                envelope_error *err);

/* -- resolve.c: from what a slot says to the private key of today */
struct env_kmip_resolved {
    env_kmip_text uid;
    struct env_rsa_public *public;      /* with the slot's fingerprint; NULL: not to be had */
    struct env_kmip_attributes private; /* uid "": not looked at, or not shown */
};
/* By identifier; where that leads nowhere, by name and fingerprint. Never by "the newest".
 * E_NO_KEY.
 */
envelope_status env_kmip_resolve(struct env_kmip_job *job, const envelope_key_ref *key,
                                 struct env_kmip_resolved *out, envelope_error *err);
envelope_status env_kmip_resolve_by_name(struct env_kmip_job *job, const envelope_key_ref *key,
                                         struct env_kmip_resolved *out, envelope_error *err);
void env_kmip_resolved_end(struct env_kmip_resolved *resolved);
bool env_kmip_is_fingerprint(const envelope_key_ref *key, const struct env_rsa_public *public);
#endif
