/* What an administrator asks for: make, rotate, bring in. Nothing is destroyed. */
#include "base/error.h"
#include "kms/kmip/jobs.h"
#include <errno.h>
#include <string.h>
#include <time.h>

enum { ROOM = 1024, REGISTER_ROOM = 1024 + ENV_PKCS8_BYTES_MAX };

struct names {
    const char *name;
    const char *group;
};

static struct names names_of(const struct env_kmip_job *job, const char *key_name)
{
    bool group = job->policy->selector == ENVELOPE_SELECT_GROUP;
    return (struct names){key_name, group ? key_name : NULL};
}

/* -- one exchange each */

static bool makes_key(uint32_t operation)
{
    return operation == ENV_KMIP_CREATE_KEY_PAIR || operation == ENV_KMIP_CREATE ||
           operation == ENV_KMIP_REKEY_KEY_PAIR;
}

static envelope_status ask(struct env_kmip_job *job, uint32_t operation, env_kmip_put put,
                           const void *what, struct env_kmip_reply *reply,
                           struct env_kmip_result *result, envelope_error *err)
{
    const void *const items[] = {what};
    const struct env_kmip_ask one = {.operation = operation,
                                     .makes_key = makes_key(operation),
                                     .count = 1,
                                     .room = ROOM,
                                     .put = put,
                                     .what = items};
    return env_kmip_ask_one(job, &one, reply, result, err);
}

static void put_pair(struct env_ttlv_out *o, const void *what)
{
    const struct names *n = what;
    env_kmip_put_create_pair(o, n->name, n->group, ENV_RSA_BITS);
}

static envelope_status create_pair(struct env_kmip_job *job, const char *key_name,
                                   struct env_kmip_pair *out, envelope_error *err)
{
    const struct names n = names_of(job, key_name);
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    envelope_status st = ask(job, ENV_KMIP_CREATE_KEY_PAIR, put_pair, &n, &reply, &result, err);
    st = st ? st : env_kmip_succeeded(&result, "Create Key Pair", err);
    st = st ? st : env_kmip_take_create_pair(result.payload, out, err);
    env_kmip_reply_free(job->ctx, &reply);
    return st;
}

static void put_aes(struct env_ttlv_out *o, const void *what)
{
    const struct names *n = what;
    env_kmip_put_create(o, n->name, n->group);
}

static envelope_status create_aes(struct env_kmip_job *job, const char *key_name, env_kmip_text out,
                                  envelope_error *err)
{
    const struct names n = names_of(job, key_name);
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    envelope_status st = ask(job, ENV_KMIP_CREATE, put_aes, &n, &reply, &result, err);
    st = st ? st : env_kmip_succeeded(&result, "Create", err);
    st = st ? st : env_kmip_take_create(result.payload, out, err);
    env_kmip_reply_free(job->ctx, &reply);
    return st;
}

static void put_activate(struct env_ttlv_out *o, const void *what)
{
    env_kmip_put_activate(o, what);
}

static envelope_status activate(struct env_kmip_job *job, const char *uid, envelope_error *err)
{
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    envelope_status st = ask(job, ENV_KMIP_ACTIVATE, put_activate, uid, &reply, &result, err);
    st = st ? st : env_kmip_succeeded(&result, "Activate", err);
    st = st ? st : env_kmip_take_done(result.payload, uid, err);
    env_kmip_reply_free(job->ctx, &reply);
    char shown[ENV_PRINTABLE_MAX];
    if (st) {
        env_error_prefix(err, "key %s was made, and is not active", env_printable(shown, uid));
    }
    return st;
}

static void put_revoke(struct env_ttlv_out *o, const void *what)
{
    env_kmip_put_revoke(o, what, ENV_REVOKE_SUPERSEDED, "superseded by a newer version");
}

static envelope_status supersede(struct env_kmip_job *job, const char *uid, envelope_error *err)
{
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    envelope_status st = ask(job, ENV_KMIP_REVOKE, put_revoke, uid, &reply, &result, err);
    st = st ? st : env_kmip_succeeded(&result, "Revoke", err);
    st = st ? st : env_kmip_take_done(result.payload, uid, err);
    env_kmip_reply_free(job->ctx, &reply);
    char shown[ENV_PRINTABLE_MAX];
    if (st) {
        env_error_prefix(err,
                         "the new version is there, and %s, which it is to supersede, is still "
                         "active: revoke it at the KMS",
                         env_printable(shown, uid));
    }
    return st;
}

/* -- create */

static envelope_status may_name(const struct env_kmip_job *job, envelope_error *err)
{
    if (job->policy->selector == ENVELOPE_SELECT_ID) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "keys are known by identifier here, and identifiers are given by the KMS: "
                        "make the key where keys are known by name");
    }
    return ENVELOPE_OK;
}

/* Not only those that may wrap today: one that is to become active would make the name ambiguous
 * tomorrow. */
static envelope_status name_is_free(struct env_kmip_job *job, const char *key_name,
                                    envelope_error *err)
{
    static const uint32_t types[] = {ENV_OBJECT_PUBLIC, ENV_OBJECT_SYMMETRIC};
    char shown[ENV_PRINTABLE_MAX];
    envelope_status st = may_name(job, err);
    for (size_t t = 0; !st && t < 2; t++) {
        struct env_kmip_objects found;
        st = env_kmip_find(job, types[t], key_name, &found, err);
        for (size_t i = 0; !st && i < found.count; i++) {
            uint32_t state = found.item[i].state;
            if (state == ENV_STATE_ACTIVE || state == ENV_STATE_PRE_ACTIVE) {
                st = env_fail(err, ENVELOPE_E_EXISTS,
                              "the KMS has a key of the name %s: rotate it, or choose another name",
                              env_printable(shown, key_name));
            }
        }
        env_free(job->ctx, found.item);
    }
    return st;
}

static envelope_status new_pair(struct env_kmip_job *job, const char *key_name, envelope_error *err)
{
    struct env_kmip_pair pair;
    envelope_status st = create_pair(job, key_name, &pair, err);
    st = st ? st : activate(job, pair.private_key, err);
    return st ? st : activate(job, pair.public_key, err);
}

static envelope_status new_aes(struct env_kmip_job *job, const char *key_name, envelope_error *err)
{
    env_kmip_text uid;
    envelope_status st = create_aes(job, key_name, uid, err);
    return st ? st : activate(job, uid, err);
}

envelope_status env_kmip_create_key(struct env_kmip_job *job, const char *key_name,
                                    int32_t algorithm, envelope_error *err)
{
    if (algorithm && algorithm != ENVELOPE_AES_KWP) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED, "a KMS makes RSA-4096 or AES-256 keys");
    }
    envelope_status st = name_is_free(job, key_name, err);
    if (st) {
        return st;
    }
    return algorithm ? new_aes(job, key_name, err) : new_pair(job, key_name, err);
}

/* -- rotate */

/* Initial Dates are whole seconds at many servers: made within one, old and new could not be told
 * apart by age. */
static void let_a_second_pass(void)
{
    struct timespec left = {1, 100000000};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
}

static void put_rekey(struct env_ttlv_out *o, const void *what)
{
    env_kmip_put_rekey_pair(o, what);
}

static envelope_status activate_if_needed(struct env_kmip_job *job, const char *uid,
                                          struct env_kmip_attributes *a, envelope_error *err)
{
    envelope_status st = env_kmip_look(job, uid, a, err);
    return st || a->state != ENV_STATE_PRE_ACTIVE ? st : activate(job, uid, err);
}

/* *done false: the KMS has no such operation. */
static envelope_status rekey(struct env_kmip_job *job, const char *private_key, bool *done,
                             envelope_error *err)
{
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    struct env_kmip_pair pair;
    envelope_status st =
        ask(job, ENV_KMIP_REKEY_KEY_PAIR, put_rekey, private_key, &reply, &result, err);
    *done = st || result.status == ENV_RESULT_SUCCESS ||
            result.reason != ENV_REASON_OPERATION_NOT_SUPPORTED;
    st = st || !*done ? st : env_kmip_succeeded(&result, "Re-key Key Pair", err);
    st = st || !*done ? st : env_kmip_take_rekey_pair(result.payload, &pair, err);
    env_kmip_reply_free(job->ctx, &reply);
    if (st || !*done) {
        return st;
    }
    struct env_kmip_attributes *a = env_alloc(job->ctx, sizeof *a);
    st = a ? activate_if_needed(job, pair.private_key, a, err) : env_nomem(err);
    st = st ? st : activate_if_needed(job, pair.public_key, a, err);
    env_free(job->ctx, a);
    return st;
}

static envelope_status offers_rekey(struct env_kmip_job *job, bool *yes, envelope_error *err)
{
    envelope_status st = env_kmip_find_abilities(job, err);
    *yes = !st && (job->facts->abilities.operations >> ENV_KMIP_REKEY_KEY_PAIR & 1);
    /* Without Query there is still the other way. */
    return st == ENVELOPE_E_UNSUPPORTED || st == ENVELOPE_E_REFUSED ? ENVELOPE_OK : st;
}

static envelope_status rotate_by_rekey(struct env_kmip_job *job, const char *key_name,
                                       const struct env_kmip_attributes *old, bool *done,
                                       envelope_error *err)
{
    struct env_rsa_public *public = NULL;
    struct env_kmip_half half = {.uid = ""};
    *done = false;
    envelope_status st = offers_rekey(job, done, err);
    if (st || !*done) {
        return st;
    }
    st = env_kmip_get_public(job, old->uid, &public, err);
    st = st ? st : env_kmip_private_half(job, old, public, key_name, false, &half, err);
    env_rsa_public_free(public);
    *done = *half.uid != 0;
    return st || !*done ? st : rekey(job, half.uid, done, err);
}

/* The old private key stays as it is: servers that decrypt with active keys only would lock away
 * what it opens. */
static envelope_status rotate_by_hand(struct env_kmip_job *job, const char *key_name,
                                      const struct env_kmip_attributes *old, envelope_error *err)
{
    let_a_second_pass();
    envelope_status st = old->object_type == ENV_OBJECT_SYMMETRIC ? new_aes(job, key_name, err)
                                                                  : new_pair(job, key_name, err);
    return st ? st : supersede(job, old->uid, err);
}

static envelope_status rotate(struct env_kmip_job *job, const char *key_name,
                              const struct env_kmip_attributes *old, envelope_error *err)
{
    bool done = false;
    envelope_status st = ENVELOPE_OK;
    if (old->object_type == ENV_OBJECT_PUBLIC) {
        st = rotate_by_rekey(job, key_name, old, &done, err);
    }
    return st || done ? st : rotate_by_hand(job, key_name, old, err);
}

envelope_status env_kmip_rotate_key(struct env_kmip_job *job, const char *key_name,
                                    envelope_error *err)
{
    struct env_kmip_candidates candidates;
    struct env_kmip_live *live;
    const char *why;
    envelope_status st = may_name(job, err);
    st = st ? st : env_kmip_candidates(job, key_name, &candidates, &why, err);
    if (st) {
        return st;
    }
    st = env_kmip_choose(job, key_name, &candidates, why, &live, err);
    st = st ? st : rotate(job, key_name, &live->object, err);
    env_free(job->ctx, candidates.item);
    return st;
}

/* -- bring in */

struct registration {
    uint32_t type;
    struct names names;
    uint32_t bits;
    struct env_bytes material;
};

static void put_registration(struct env_ttlv_out *o, const void *what)
{
    const struct registration *r = what;
    env_kmip_put_register(o, r->type, r->names.name, r->names.group, r->bits, r->material);
}

static envelope_status bring_in(struct env_kmip_job *job, const struct registration *r,
                                envelope_error *err)
{
    const void *const items[] = {r};
    const struct env_kmip_ask one = {.operation = ENV_KMIP_REGISTER,
                                     .secret_request = r->type == ENV_OBJECT_PRIVATE,
                                     .count = 1,
                                     .room = REGISTER_ROOM,
                                     .put = put_registration,
                                     .what = items};
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    env_kmip_text uid;
    envelope_status st = env_kmip_ask_one(job, &one, &reply, &result, err);
    st = st ? st : env_kmip_succeeded(&result, "Register", err);
    st = st ? st : env_kmip_take_register(result.payload, uid, err);
    env_kmip_reply_free(job->ctx, &reply);
    return st ? st : activate(job, uid, err);
}

/* The private half first: a public half alone would be wrapped for. */
static envelope_status bring_in_both(struct env_kmip_job *job, const char *key_name,
                                     const struct env_rsa_private *key, uint8_t *der,
                                     envelope_error *err)
{
    const struct env_rsa_public *public = env_rsa_private_public(key);
    struct registration r = {.type = ENV_OBJECT_PRIVATE,
                             .names = names_of(job, key_name),
                             .bits = env_rsa_public_bits(public)};
    size_t len = 0;
    envelope_status st = env_rsa_private_der(key, der, ENV_PKCS8_BYTES_MAX, &len, err);
    r.material = ENV_BYTES(der, len);
    st = st ? st : bring_in(job, &r, err);
    const uint8_t *spki = env_rsa_public_spki(public, &len);
    r.type = ENV_OBJECT_PUBLIC;
    r.material = ENV_BYTES(spki, len);
    return st ? st : bring_in(job, &r, err);
}

envelope_status env_kmip_import_key(struct env_kmip_job *job, const char *key_name,
                                    const struct env_rsa_private *key, envelope_error *err)
{
    uint8_t *der = NULL;
    envelope_status st = name_is_free(job, key_name, err);
    st = st ? st : env_secret_new(job->ctx, ENV_PKCS8_BYTES_MAX, &der, err);
    st = st ? st : bring_in_both(job, key_name, key, der, err);
    env_secret_free(job->ctx, der, ENV_PKCS8_BYTES_MAX);
    return st;
}
