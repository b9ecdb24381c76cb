/* kms/keystore/keystore.h - the embedded keystore from inside: a directory that behaves as a KMS.
 *
 * What was read is an immutable state with a count of references; the mutex guards the pointer to
 * the newest one and nothing else, so no callback (the caller's allocator) and no RSA runs under
 * it. */
#ifndef ENV_KMS_KEYSTORE_KEYSTORE_H
#define ENV_KMS_KEYSTORE_KEYSTORE_H
#include "crypto/rsa.h"
#include "format/keystore.h"
#include "kms/keystore/dir.h"
#include "kms/kms.h"
#include <pthread.h>

struct env_ks_state {
    atomic_uint refs;
    uint32_t reserved;
    struct env_ks_identity identity;
    struct env_keystore_file file;
    uint8_t mac[32];
};

struct env_ks {
    envelope_ctx *ctx; /* kept alive by the KMS handle */
    char *dir;         /* absolute */
    uint8_t *keys;     /* arena: seal key, MAC key; NULL until unlocked */
    uint32_t memory_kib;
    uint32_t passes;
    uint8_t salt[16];
    uint8_t wrapped[40]; /* with these the keys were unlocked */
    pthread_mutex_t lock;
    struct env_ks_state *state; /* under lock; NULL until the first read */
};

struct env_ks_passphrase {
    const void *text;
    size_t len;
};

/* -- seal.c */
enum { ENV_KS_SEAL_KEY = 0, ENV_KS_MAC_KEY = 32, ENV_KS_KEYS_BYTES = 64 };
/* Draws a store key and wraps it into file. */
envelope_status env_ks_new_keys(struct env_ks *ks, const struct env_ks_passphrase *passphrase,
                                struct env_keystore_file *file, envelope_error *err);
/* E_NO_KEY: wrong passphrase, or another header. */
envelope_status env_ks_unlock(struct env_ks *ks, const struct env_ks_passphrase *passphrase,
                              const struct env_keystore_file *file, envelope_error *err);
/* The header with which keys were unlocked is still this one? E_NO_KEY. */
envelope_status env_ks_same_keys(const struct env_ks *ks, const struct env_keystore_file *file,
                                 envelope_error *err);
/* Of all but the last 32 bytes. */
envelope_status env_ks_mac(struct env_ks *ks, const uint8_t *bytes, size_t len, uint8_t mac[32],
                           envelope_error *err);
/* Name, version and fingerprint of entry are set; sealed is env_alloc'ed. */
envelope_status env_ks_seal(struct env_ks *ks, const struct env_rsa_private *key,
                            struct env_keystore_entry *entry, envelope_error *err);
/* E_AUTH: it is not what was sealed. E_NO_KEY: removed. */
envelope_status env_ks_unseal(struct env_ks *ks, const struct env_keystore_entry *entry,
                              struct env_rsa_private **out, envelope_error *err);
/* Is the public half the fingerprint's? E_AUTH. */
envelope_status env_ks_check_public(struct env_ks *ks, const struct env_keystore_entry *entry,
                                    envelope_error *err);

/* -- state.c */
/* The state on disk, read if it changed. passphrase: the first time only. E_NOT_FOUND, E_REFUSED,
 * E_IO, E_FORMAT, E_AUTH, E_NO_KEY, E_ROLLBACK. Give back by env_ks_state_release. */
envelope_status env_ks_current(struct env_ks *ks, int dir_fd,
                               const struct env_ks_passphrase *passphrase,
                               struct env_ks_state **out, envelope_error *err);
/* The same, by the directory's name. */
envelope_status env_ks_look(struct env_ks *ks, struct env_ks_state **out, envelope_error *err);
/* What was looked at is on disk. E_NOT_FOUND, E_REFUSED, E_IO. */
envelope_status env_ks_settled(struct env_ks *ks, envelope_error *err);
void env_ks_state_release(struct env_ks *ks, struct env_ks_state *state);
/* edit gets a copy whose entries may be changed: there is room for one more, pointers in them are
 * borrowed. Under the keystore's lock; written as a whole, or not at all. */
typedef envelope_status (*env_ks_edit)(struct env_ks *ks, struct env_keystore_file *file,
                                       void *user, envelope_error *err);
envelope_status env_ks_change(struct env_ks *ks, env_ks_edit edit, void *user, envelope_error *err);
/* file, with its MAC, in place of what is there. */
envelope_status env_ks_write(struct env_ks *ks, int dir_fd, const struct env_keystore_file *file,
                             envelope_error *err);

/* -- entry.c */
enum { ENV_KS_ID_MAX = ENV_KEYSTORE_NAME_MAX + 12 };
/* NAME/N. Returns out. */
char *env_ks_key_id(char out[ENV_KS_ID_MAX], const char *name, uint32_t version);
/* What a keystore says of an entry; strings borrowed from entry and id. */
envelope_key_ref env_ks_ref(const struct env_keystore_entry *entry, const char *id);
/* Newest version of name; version 0: any; NULL: not there. */
const struct env_keystore_entry *env_ks_find(const struct env_keystore_file *file, const char *name,
                                             uint32_t version);
/* The one a slot speaks of. */
const struct env_keystore_entry *env_ks_find_ref(const struct env_keystore_file *file,
                                                 const envelope_key_ref *ref);

/* -- ops.c, admin.c */
extern const envelope_kms_ops env_ks_ops; /* without destroy */
extern const struct env_kms_admin_ops env_ks_admin_ops;
#endif
