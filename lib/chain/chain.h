/* chain/chain.h - the handle from inside. */
#ifndef ENV_CHAIN_CHAIN_H
#define ENV_CHAIN_CHAIN_H
#include "base/event.h"
#include "chain/catalogue.h"
#include "format/names.h"
#include "format/pin.h"
#include "kms/keyring.h"
#include "store/store.h"
#include <envelope/chain.h>
#include <pthread.h>
#include <stdatomic.h>

struct env_extras; /* chain/extra.h */

struct envelope_chain {
    atomic_uint refs;
    uint32_t flags;
    envelope_ctx *ctx;
    envelope_store *store;
    envelope_keyring *keyring;
    envelope_status (*save_pin)(void *user, const void *pin, size_t len, envelope_error *err);
    void *user;
    uint64_t serial; /* of the host's configuration */
    char name[65];
    char folder[ENV_NAME_MAX + 1]; /* "chains/NAME-<16 hex>/" */
    uint8_t chain_id[ENV_CHAIN_ID_BYTES];
    atomic_flag writing; /* one writer in this handle */
    /* The rest changes only under lock, which is never held while foreign code runs. */
    pthread_mutex_t lock;
    struct env_catalogue *catalogue; /* NULL: no metadata opens */
    struct env_extras *extras;       /* points that the catalogue does not list; may be NULL */
    struct env_pin pin;
    bool pinned;
    bool provisional; /* opened without a pin */
};

envelope_chain *env_chain_retain(envelope_chain *chain);
/* Retained; NULL if there is none. */
struct env_catalogue *env_chain_catalogue(envelope_chain *chain);
/* Takes the reference over. */
void env_chain_set_catalogue(envelope_chain *chain, struct env_catalogue *catalogue);
/* Retained; NULL if there is none. */
struct env_extras *env_chain_extras(envelope_chain *chain);
void env_chain_set_extras(envelope_chain *chain, struct env_extras *extras);

/* E_BUSY, E_REFUSED (opened read only). */
envelope_status env_chain_begin_write(envelope_chain *chain, envelope_error *err);
void env_chain_end_write(envelope_chain *chain);
#endif
