/* paper.h - a KMS on paper: objects in memory, the answers of a conforming server, and the quirks
 * of others to order. It reads requests with the library's reader and is a link for jobs, or takes
 * and gives bytes. */
#ifndef TESTS_PAPER_H
#define TESTS_PAPER_H
#include "kms/kmip/job.h"

enum { PAPER_OBJECTS = 320, PAPER_TEXT = 64, PAPER_LOG = 65536 };
struct paper_object {
    char uid[PAPER_TEXT];
    char name[PAPER_TEXT]; /* "": none */
    char group[PAPER_TEXT];
    uint32_t type; /* 0: no object */
    uint32_t state;
    uint32_t usage;
    uint32_t bits;
    uint32_t algorithm;
    int64_t initial;
    int64_t activation; /* 0: not said */
    int64_t generation; /* 0: not said */
    char public_key[PAPER_TEXT];
    char private_key[PAPER_TEXT];
    char replacement[PAPER_TEXT];
    char replaced[PAPER_TEXT];
    int pool;           /* the RSA key of the pool */
    uint32_t format;    /* of Get; 0: PKCS#1 public, PKCS#8 private */
    bool not_shown;     /* not located, PERMISSION_DENIED for all */
    bool located_only;  /* Locate names it, nothing else is allowed */
    bool not_exported;  /* Get: PERMISSION_DENIED */
    bool not_decrypted; /* Decrypt: PERMISSION_DENIED */
    uint8_t aes[32];
};

enum paper_masks {
    MASK_AS_SPECIFIED, /* unsaid: SHA-1 */
    MASK_AS_HASH,      /* unsaid: the hash; said: taken */
    MASK_NOT_PARSED    /* said: INVALID_MESSAGE in a response of 1.0; unsaid: the hash */
};
struct paper {
    envelope_ctx *ctx;
    struct paper_object object[PAPER_OBJECTS];
    size_t count;
    int32_t minor;         /* highest version */
    bool no_discover;      /* OPERATION_NOT_SUPPORTED */
    bool strict_version;   /* requests above minor: INVALID_MESSAGE in 1.0 */
    bool no_batches;       /* INVALID_FIELD for several items */
    bool stops_at_failure; /* items behind a failed one are not answered */
    bool ignores_name;     /* Locate filters nothing by name */
    bool ignores_type;
    bool backwards;         /* Locate answers in the other order */
    size_t page;            /* Locate: at most so many, with Located Items; 0: all */
    bool refuses_links;     /* Get Attributes that asks for Link: INVALID_FIELD */
    bool no_decrypt;        /* OPERATION_NOT_SUPPORTED */
    bool active_only;       /* Decrypt and Get with active keys only */
    bool own_parameters;    /* Decrypt with parameters said: INVALID_FIELD */
    bool padding_is_random; /* a Decrypt that fails gives 32 bytes that are nothing */
    enum paper_masks masks;
    uint32_t bad_data; /* reason of a Decrypt that fails; 0: CRYPTOGRAPHIC_FAILURE */
    const char *bad_text;
    bool no_rekey;
    int64_t now;   /* Initial Date of what is made */
    int made;      /* numbers identifiers of what is made */
    int next_pool; /* pool key of the next pair */
    uint32_t fail; /* reason for every operation; 0: none */
    int wrong;     /* 1: answers another operation, 2: another identifier */
    unsigned requests;
    unsigned spoiled;
    char log[PAPER_LOG];  /* "Locate;Get Attributes 41;" */
    const uint8_t *watch; /* data of a Decrypt to be counted, under whatever form */
    size_t watch_len;
    unsigned watched;
    bool sha1_seen;       /* as a hash of parameters */
    envelope_status down; /* of the link, after the requests in down_after */
    unsigned down_after;
};
void paper_new(struct paper *p, envelope_ctx *ctx);
struct paper_object *paper_find(struct paper *p, const char *uid);
/* An active pair "NAME-pub", "NAME-priv" of that age; linked: with links to each other. Returns the
 * public half; the private one stands behind it. */
struct paper_object *paper_pair(struct paper *p, const char *id, const char *name, int pool,
                                int64_t initial, bool linked);
struct paper_object *paper_aes(struct paper *p, const char *id, const char *name, int64_t initial);
/* The replacement links of all halves, set on both sides as Re-key Key Pair does, and the name
 * moved. */
void paper_replace(struct paper *p, const char *old, const char *young);
/* One request, one response; returns the length. */
size_t paper_answer(struct paper *p, const void *request, size_t len, uint8_t *out, size_t cap);
struct env_kmip_link paper_link(struct paper *p);
/* 32 bytes for a key of the pool, wrapped; returns the length. */
size_t paper_wrap(struct paper *p, int pool, int32_t algorithm, const uint8_t dek[32],
                  uint8_t out[1024]);
void paper_fingerprint(struct paper *p, int pool, uint8_t out[32]);

/* How many times a word stands in the log. */
unsigned paper_count(const struct paper *p, const char *word);

/* -- a bench for jobs: policy, facts, job on a paper KMS */
enum { BENCH_EVENTS = 16 };
struct bench {
    struct paper paper;
    struct env_kmip_policy policy;
    struct env_kmip_facts facts;
    struct env_kmip_job job;
    envelope_error err;
    size_t given;    /* keys that newest put into the sink */
    int events[32];  /* by kind */
    char event[512]; /* the last one's text */
};
struct bench *bench_new(void);
/* On a context of the caller's, which bench_free frees. */
struct bench *bench_on(envelope_ctx *ctx);
void bench_free(struct bench *b);
/* A fresh job; facts stay. */
void bench_job(struct bench *b);
/* The one key that newest gives (several: E_REFUSED), as "KEYID replaces OLD" or "KEYID"; else the
 * status's name. */
const char *bench_newest(struct bench *b, const char *key_name);
/* Each key as "KEYID", "KEYID<OLD", divided by blanks; else the status's name. */
const char *bench_list(struct bench *b, const char *key_name);
/* A ref with the fingerprint of a pool key; 0: none. */
envelope_key_ref bench_ref(struct bench *b, const char *name, const char *key_id, int pool);
/* Unwraps 32 known bytes that were wrapped for pool; the name of the status, or "OTHER" for OK with
 * other bytes. */
const char *bench_unwrap_bytes(struct bench *b, const envelope_key_ref *ref, int32_t algorithm,
                               const void *in, size_t in_len, const uint8_t expected[32]);
const char *bench_unwrap(struct bench *b, const envelope_key_ref *ref, int32_t algorithm, int pool);
#endif
