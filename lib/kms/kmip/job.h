/* kms/kmip/job.h - what a KMS is asked for, as straight code over a link: a job makes one exchange
 * after the other. It can be run again from its beginning with the replies it already had, so what
 * it does depends on nothing but the replies, its facts, and its draw. */
#ifndef ENV_KMIP_JOB_H
#define ENV_KMIP_JOB_H
#include "base/event.h"
#include "crypto/rsa.h"
#include "kms/kmip/link.h"
#include "kms/kmip/ops.h"
#include <envelope/kmip.h>

/* From the options, never changed. */
struct env_kmip_policy {
    int32_t unwrap;   /* ENVELOPE_UNWRAP_* */
    int32_t selector; /* ENVELOPE_SELECT_* */
    int32_t oaep;     /* ENVELOPE_RSA_OAEP_* that new keys are tried with */
    bool exclusive;
    uint32_t max_response;
};

/* What is learned about a KMS and stays true while it is used. A value: a job works on a copy,
 * which the client takes back when the job has ended well. */
enum { ENV_KMIP_PAIRS_MAX = 64 };
struct env_kmip_known_pair {
    env_kmip_text public_key; /* "": not known */
    env_kmip_text private_key;
    uint8_t fingerprint[32];
    bool proven;   /* private_key was seen to belong to the public key */
    bool bound;    /* and names this very object as its public half */
    bool has_oaep; /* form: how Decrypt was found to work, with a value of our own */
    struct env_kmip_oaep form;
};
struct env_kmip_facts {
    bool has_version;
    struct env_kmip_version version;
    bool has_abilities;
    struct env_kmip_abilities abilities;
    bool no_batches; /* this KMS does not take several items in one request */
    bool no_links;   /* nor be asked for Links */
    size_t pairs;    /* the oldest makes room */
    struct env_kmip_known_pair pair[ENV_KMIP_PAIRS_MAX];
};

struct env_kmip_job {
    envelope_ctx *ctx;
    struct env_listener events;
    const struct env_kmip_policy *policy;
    struct env_kmip_facts *facts;
    struct env_kmip_link link;
    uint8_t *draw;  /* 32 bytes in the arena, drawn once: the value that tries are made with */
    int64_t now_ms; /* when the job began */
    bool again;     /* the last reply was handed out in an earlier run: what it leads to was told */
};
/* Draws. link, facts and policy are the caller's to set. */
envelope_status env_kmip_job_begin(envelope_ctx *ctx, struct env_kmip_job *job,
                                   envelope_error *err);
void env_kmip_job_end(struct env_kmip_job *job);

/* -- one exchange, for the jobs: job_exchange.c. Finds the version out first if it is not known. */
typedef void (*env_kmip_put)(struct env_ttlv_out *o, const void *what);
struct env_kmip_ask {
    uint32_t operation;
    bool secret_request; /* written in the arena */
    bool secret_reply;
    bool repeatable;
    bool makes_key;
    size_t count; /* items; each with its own `what` */
    size_t room;  /* bytes that the payloads may take together */
    env_kmip_put put;
    const void *const *what; /* count */
};
/* OK: reply is there and begun; take its items with env_kmip_response_next. */
envelope_status env_kmip_ask(struct env_kmip_job *job, const struct env_kmip_ask *ask,
                             struct env_kmip_reply *reply, struct env_kmip_response *response,
                             envelope_error *err);

/* -- jobs. As the members of envelope_kms_ops say. */
envelope_status env_kmip_newest(struct env_kmip_job *job, const char *key_name,
                                envelope_key_sink *sink, envelope_error *err);
envelope_status env_kmip_unwrap(struct env_kmip_job *job, const envelope_key_ref *key,
                                int32_t algorithm, const void *in, size_t in_len, void *out,
                                size_t cap, size_t *len, envelope_error *err);
/* Decrypts inside in one round trip per ENV_KMIP_BATCH_MAX; the rest one by one. */
envelope_status env_kmip_unwrap_many(struct env_kmip_job *job, envelope_unwrap *item, size_t count,
                                     envelope_error *err);
envelope_status env_kmip_wrap(struct env_kmip_job *job, const envelope_key_ref *key,
                              int32_t algorithm, const void *in, size_t in_len, void *out,
                              size_t cap, size_t *len, envelope_error *err);
envelope_status env_kmip_state(struct env_kmip_job *job, const envelope_key_ref *key,
                               int32_t *state, envelope_error *err);
/* All versions, predecessors that lost their name included, each with what it replaces. */
envelope_status env_kmip_list(struct env_kmip_job *job, const char *key_name,
                              envelope_key_sink *sink, envelope_error *err);

/* -- for the administrator */
envelope_status env_kmip_create_key(struct env_kmip_job *job, const char *key_name,
                                    int32_t algorithm, envelope_error *err);
/* Re-key Key Pair where the KMS has one, else a new pair, activated, and the old public key revoked
 * as superseded (kmip.md). Nothing is destroyed. */
envelope_status env_kmip_rotate_key(struct env_kmip_job *job, const char *key_name,
                                    envelope_error *err);
/* Register, both halves, activated. E_EXISTS as for create. */
envelope_status env_kmip_import_key(struct env_kmip_job *job, const char *key_name,
                                    const struct env_rsa_private *key, envelope_error *err);
/* Versions, abilities, and with key_name a wrap and an unwrap of the draw. */
envelope_status env_kmip_check(struct env_kmip_job *job, const char *key_name,
                               void (*line)(void *user, const char *name, const char *value),
                               void *user, envelope_error *err);
#endif
