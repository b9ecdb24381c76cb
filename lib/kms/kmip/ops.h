/* kms/kmip/ops.h - one operation each: what its request payload says, what is read from its
 * response payload (KMIP 1.4, section 4). put_ writes into an open item, take_ reads the payload of
 * a successful one (E_FORMAT). Files op_*.c, writer and reader side by side. */
#ifndef ENV_KMIP_OPS_H
#define ENV_KMIP_OPS_H
#include "kms/kmip/message.h"
#include <envelope/key.h>

enum { ENV_KMIP_TEXT_MAX = ENVELOPE_KEY_NAME_MAX + 1 };
typedef char env_kmip_text[ENV_KMIP_TEXT_MAX]; /* identifiers and names: UTF-8, terminated */

/* -- Discover Versions, Query */
enum { ENV_KMIP_VERSIONS_MAX = 16 };
struct env_kmip_versions {
    size_t count;
    struct env_kmip_version item[ENV_KMIP_VERSIONS_MAX]; /* the server's order of preference */
};
void env_kmip_put_discover(struct env_ttlv_out *o); /* 1.4 to 1.0 */
envelope_status env_kmip_take_discover(struct env_ttlv payload, struct env_kmip_versions *out,
                                       envelope_error *err);
struct env_kmip_abilities {
    uint64_t operations; /* bit n: operation n, n below 64 */
    uint64_t objects;    /* bit n: object type n */
    char vendor[128];    /* printable */
};
void env_kmip_put_query(struct env_ttlv_out *o); /* operations, objects, server information */
envelope_status env_kmip_take_query(struct env_ttlv payload, struct env_kmip_abilities *out,
                                    envelope_error *err);

/* -- Locate */
struct env_kmip_locate {
    uint32_t object_type; /* 0: not said */
    const char *name;     /* or NULL */
    const char *group;    /* Object Group, or NULL */
    uint32_t max;         /* Maximum Items; 0: not said */
    uint32_t offset;      /* Offset Items (1.3); 0: not said */
};
enum { ENV_KMIP_LOCATED_MAX = 1024 };
struct env_kmip_located {
    int64_t total; /* that there are: Located Items, where the server says it (1.3); else count */
    size_t count;  /* that this answer names */
    env_kmip_text *uid; /* env_alloc'd; free with env_free */
};
void env_kmip_put_locate(struct env_ttlv_out *o, const struct env_kmip_locate *what);
/* More than ENV_KMIP_LOCATED_MAX: E_LIMIT. Identifiers that are too long, or twice there: E_FORMAT.
 */
envelope_status env_kmip_take_locate(struct env_ttlv payload, envelope_ctx *ctx,
                                     struct env_kmip_located *out, envelope_error *err);

/* -- Get Attributes */
enum { ENV_KMIP_NAMES_MAX = 8, ENV_KMIP_GROUPS_MAX = 8 };
struct env_kmip_attributes {
    env_kmip_text uid;
    uint32_t object_type; /* 0: not said; so are the next five */
    uint32_t algorithm;
    uint32_t bits;
    uint32_t usage;
    uint32_t state;
    /* Text names and groups of 1 to 255 bytes; others cannot be meant. More than fit: E_LIMIT. */
    size_t names;
    env_kmip_text name[ENV_KMIP_NAMES_MAX];
    size_t groups;
    env_kmip_text group[ENV_KMIP_GROUPS_MAX];
    env_kmip_text public_key; /* Links; "": none. Two of one type: E_FORMAT */
    env_kmip_text private_key;
    env_kmip_text replacement;
    env_kmip_text replaced;
    bool has_initial_date;
    bool has_activation_date;
    bool has_generation;  /* x-rotate-generation, where it is a number */
    int64_t initial_date; /* seconds since 1970 */
    int64_t activation_date;
    int64_t generation;
};
/* All that the struct holds; with_links false: not Link (a server may refuse the name). */
void env_kmip_put_get_attributes(struct env_ttlv_out *o, const char *uid, bool with_links);
envelope_status env_kmip_take_get_attributes(struct env_ttlv payload,
                                             struct env_kmip_attributes *out, envelope_error *err);

/* -- Get. The material points into the reply, which lies in the arena. */
struct env_kmip_key {
    env_kmip_text uid;
    uint32_t object_type;
    uint32_t format; /* ENV_FORMAT_* */
    uint32_t algorithm;
    uint32_t bits;
    struct env_bytes material; /* RAW, PKCS#1, PKCS#8, X.509, transparent symmetric */
    struct env_bytes modulus;  /* transparent RSA public key; no zeros in front */
    struct env_bytes exponent;
};
void env_kmip_put_get(struct env_ttlv_out *o, const char *uid);
/* Attributes behind the material are passed over. E_UNSUPPORTED: wrapped key material, other
 * objects than keys, other formats. */
envelope_status env_kmip_take_get(struct env_ttlv payload, struct env_kmip_key *out,
                                  envelope_error *err);

/* -- Create Key Pair, Create, Register, Re-key Key Pair: names and usage are set at creation */
struct env_kmip_pair {
    env_kmip_text private_key;
    env_kmip_text public_key;
};
void env_kmip_put_create_pair(struct env_ttlv_out *o, const char *name, const char *group,
                              uint32_t bits);
envelope_status env_kmip_take_create_pair(struct env_ttlv payload, struct env_kmip_pair *out,
                                          envelope_error *err);
void env_kmip_put_rekey_pair(struct env_ttlv_out *o, const char *private_key);
envelope_status env_kmip_take_rekey_pair(struct env_ttlv payload, struct env_kmip_pair *out,
                                         envelope_error *err);
void env_kmip_put_create(struct env_ttlv_out *o, const char *name, const char *group); /* AES-256 */
envelope_status env_kmip_take_create(struct env_ttlv payload, env_kmip_text uid,
                                     envelope_error *err);
/* material: AES 32 bytes raw; public key X.509 (SubjectPublicKeyInfo); private key PKCS#8. */
void env_kmip_put_register(struct env_ttlv_out *o, uint32_t object_type, const char *name,
                           const char *group, uint32_t bits, struct env_bytes material);
envelope_status env_kmip_take_register(struct env_ttlv payload, env_kmip_text uid,
                                       envelope_error *err);

/* -- Activate, Revoke */
void env_kmip_put_activate(struct env_ttlv_out *o, const char *uid);
void env_kmip_put_revoke(struct env_ttlv_out *o, const char *uid, uint32_t reason,
                         const char *message);
/* For both: the identifier that was acted on must be uid. */
envelope_status env_kmip_take_done(struct env_ttlv payload, const char *uid, envelope_error *err);

/* -- Encrypt, Decrypt with RSA-OAEP */
struct env_kmip_oaep {
    uint32_t hash;  /* ENV_HASH_* */
    bool with_mask; /* Mask Generator and its hash are said (1.4) */
    bool unsaid;    /* no Cryptographic Parameters at all: those of the key */
};
void env_kmip_put_encrypt(struct env_ttlv_out *o, const char *uid, const struct env_kmip_oaep *oaep,
                          struct env_bytes data);
void env_kmip_put_decrypt(struct env_ttlv_out *o, const char *uid, const struct env_kmip_oaep *oaep,
                          struct env_bytes data);
/* Points into the reply. The identifier must be uid. */
envelope_status env_kmip_take_data(struct env_ttlv payload, const char *uid, struct env_bytes *out,
                                   envelope_error *err);
#endif
