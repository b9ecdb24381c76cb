/* What is asked of one object, or of many, and what of the answers is believed. */
#include "base/error.h"
#include "kms/kmip/jobs.h"
#include <stdio.h>
#include <string.h>

enum { TEXT_ROOM = 1024, AES_BITS = 256 };

static void put_locate(struct env_ttlv_out *o, const void *what)
{
    env_kmip_put_locate(o, what);
}

static envelope_status page(struct env_kmip_job *job, const struct env_kmip_locate *what,
                            struct env_kmip_located *out, envelope_error *err)
{
    const void *const items[] = {what};
    const struct env_kmip_ask ask = {.operation = ENV_KMIP_LOCATE,
                                     .repeatable = true,
                                     .count = 1,
                                     .room = TEXT_ROOM,
                                     .put = put_locate,
                                     .what = items};
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    memset(out, 0, sizeof *out);
    envelope_status st = env_kmip_ask_one(job, &ask, &reply, &result, err);
    st = st ? st : env_kmip_succeeded(&result, "Locate", err);
    st = st ? st : env_kmip_take_locate(result.payload, job->ctx, out, err);
    env_kmip_reply_free(job->ctx, &reply);
    return st;
}

static bool has(const struct env_kmip_located *located, const char *uid)
{
    for (size_t i = 0; i < located->count; i++) {
        if (strcmp(located->uid[i], uid) == 0) {
            return true;
        }
    }
    return false;
}

/* A page that brings nothing new would be asked for for ever. */
static envelope_status append(envelope_ctx *ctx, struct env_kmip_located *all,
                              const struct env_kmip_located *more, envelope_error *err)
{
    size_t count = all->count + more->count;
    bool new = more->count > 0;
    for (size_t i = 0; i < more->count; i++) {
        new = new && !has(all, more->uid[i]);
    }
    if (!new || count > ENV_KMIP_LOCATED_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "Locate: the KMS has %lld objects of that name and shows %zu of them",
                        (long long)all->total, all->count);
    }
    env_kmip_text *uid = env_alloc_array(ctx, count, sizeof *uid);
    if (!uid) {
        return env_nomem(err);
    }
    if (all->count) {
        memcpy(uid, all->uid, all->count * sizeof *uid);
    }
    memcpy(uid + all->count, more->uid, more->count * sizeof *uid);
    env_free(ctx, all->uid);
    all->uid = uid;
    all->count = count;
    return ENVELOPE_OK;
}

envelope_status env_kmip_locate(struct env_kmip_job *job, uint32_t type, const char *key_name,
                                struct env_kmip_located *out, envelope_error *err)
{
    bool group = job->policy->selector == ENVELOPE_SELECT_GROUP;
    struct env_kmip_locate what = {
        .object_type = type, .name = group ? NULL : key_name, .group = group ? key_name : NULL};
    envelope_status st = page(job, &what, out, err);
    while (!st && out->total > (int64_t)out->count) {
        struct env_kmip_located more = {0};
        what.offset = (uint32_t)out->count;
        bool pages = env_kmip_at_least(&job->facts->version, 1, 3);
        st = pages ? page(job, &what, &more, err) : ENVELOPE_OK;
        st = st ? st : append(job->ctx, out, &more, err);
        env_free(job->ctx, more.uid);
    }
    if (st) {
        env_free(job->ctx, out->uid);
        memset(out, 0, sizeof *out);
    }
    return st;
}

/* -- attributes */

struct question {
    const char *uid;
    bool with_links;
};

static void put_attributes(struct env_ttlv_out *o, const void *what)
{
    const struct question *q = what;
    env_kmip_put_get_attributes(o, q->uid, q->with_links);
}

static const struct env_kmip_ask attributes_ask = {.operation = ENV_KMIP_GET_ATTRIBUTES,
                                                   .repeatable = true,
                                                   .count = 1,
                                                   .room = TEXT_ROOM,
                                                   .put = put_attributes};

static bool refuses_links(const struct env_kmip_result *result)
{
    return result->status == ENV_RESULT_FAILED && (result->reason == ENV_REASON_INVALID_MESSAGE ||
                                                   result->reason == ENV_REASON_INVALID_FIELD);
}

static envelope_status take_attributes(const struct env_kmip_result *result, const char *uid,
                                       struct env_kmip_attributes *out, envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    char what[ENV_PRINTABLE_MAX + 32];
    memset(out, 0, sizeof *out);
    snprintf(what, sizeof what, "Get Attributes of %s", env_printable(shown, uid));
    envelope_status st = env_kmip_succeeded(result, what, err);
    st = st ? st : env_kmip_take_get_attributes(result->payload, out, err);
    if (!st && strcmp(out->uid, uid) != 0) {
        st = env_fail(err, ENVELOPE_E_FORMAT, "%s: the answer is about another object", what);
    }
    if (st) {
        memset(out, 0, sizeof *out);
    }
    return st;
}

static envelope_status look_once(struct env_kmip_job *job, const char *uid,
                                 struct env_kmip_attributes *out, bool *refused,
                                 envelope_error *err)
{
    const struct question q = {uid, !job->facts->no_links};
    const void *const items[] = {&q};
    struct env_kmip_ask ask = attributes_ask;
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    ask.what = items;
    envelope_status st = env_kmip_ask_one(job, &ask, &reply, &result, err);
    *refused = !st && q.with_links && refuses_links(&result);
    st = st ? st : take_attributes(&result, uid, out, err);
    env_kmip_reply_free(job->ctx, &reply);
    return st;
}

envelope_status env_kmip_look(struct env_kmip_job *job, const char *uid,
                              struct env_kmip_attributes *out, envelope_error *err)
{
    bool refused = false;
    envelope_status st = look_once(job, uid, out, &refused, err);
    if (!refused) {
        return st;
    }
    job->facts->no_links = true;
    st = look_once(job, uid, out, &refused, err);
    if (st && st != ENVELOPE_E_AGAIN) {
        job->facts->no_links = false; /* it was not about them */
    }
    return st;
}

static bool not_shown(envelope_status st)
{
    return st == ENVELOPE_E_NO_KEY || st == ENVELOPE_E_REFUSED;
}

envelope_status env_kmip_glance(struct env_kmip_job *job, const char *uid,
                                struct env_kmip_attributes *out, envelope_error *err)
{
    envelope_status st = env_kmip_look(job, uid, out, err);
    return not_shown(st) ? ENVELOPE_OK : st;
}

struct glances {
    struct env_kmip_job *job;
    env_kmip_text *uid; /* from the second on */
    struct env_kmip_attributes *out;
};

static envelope_status take_glance(void *user, size_t i, const struct env_kmip_result *result,
                                   envelope_error *err)
{
    struct glances *g = user;
    envelope_status st = take_attributes(result, g->uid[i], &g->out[i], err);
    return not_shown(st) ? ENVELOPE_OK : st;
}

static envelope_status glance_rest(struct env_kmip_job *job, env_kmip_text *uid, size_t count,
                                   struct env_kmip_attributes *out, envelope_error *err)
{
    struct glances g = {job, uid, out};
    struct question *q = env_alloc_array(job->ctx, count, sizeof *q);
    const void **what = env_alloc_array(job->ctx, count, sizeof *what);
    struct env_kmip_ask ask = attributes_ask;
    envelope_status st = q && what ? ENVELOPE_OK : env_nomem(err);
    for (size_t i = 0; !st && i < count; i++) {
        q[i] = (struct question){uid[i], !job->facts->no_links};
        what[i] = &q[i];
    }
    ask.count = count;
    ask.what = what;
    st = st ? st : env_kmip_each(job, &ask, ENV_KMIP_BATCH_MAX, take_glance, &g, err);
    env_free(job->ctx, what);
    env_free(job->ctx, q);
    return st;
}

envelope_status env_kmip_glance_each(struct env_kmip_job *job, env_kmip_text *uid, size_t count,
                                     struct env_kmip_attributes *out, envelope_error *err)
{
    if (count == 0) {
        return ENVELOPE_OK;
    }
    /* The first alone: it tells whether this server can be asked for links. */
    envelope_status st = env_kmip_glance(job, uid[0], &out[0], err);
    return st || count == 1 ? st : glance_rest(job, uid + 1, count - 1, out + 1, err);
}

/* -- finding */

static bool among(const char *text, const env_kmip_text *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_meant(const struct env_kmip_job *job, const struct env_kmip_attributes *a,
                     uint32_t type, const char *key_name)
{
    if (!*a->uid || a->object_type != type) {
        return false;
    }
    if (!key_name) {
        return true;
    }
    return job->policy->selector == ENVELOPE_SELECT_GROUP ? among(key_name, a->group, a->groups)
                                                          : among(key_name, a->name, a->names);
}

static void keep_meant(const struct env_kmip_job *job, uint32_t type, const char *key_name,
                       struct env_kmip_objects *objects)
{
    size_t kept = 0;
    for (size_t i = 0; i < objects->count; i++) {
        if (is_meant(job, &objects->item[i], type, key_name)) {
            memmove(&objects->item[kept++], &objects->item[i], sizeof objects->item[0]);
        }
    }
    objects->count = kept;
}

envelope_status env_kmip_find(struct env_kmip_job *job, uint32_t type, const char *key_name,
                              struct env_kmip_objects *out, envelope_error *err)
{
    struct env_kmip_located located;
    memset(out, 0, sizeof *out);
    envelope_status st = env_kmip_locate(job, type, key_name, &located, err);
    if (!st && located.count) {
        out->item = env_alloc_array(job->ctx, located.count, sizeof *out->item);
        out->count = located.count;
        st = out->item ? ENVELOPE_OK : env_nomem(err);
        st = st ? st : env_kmip_glance_each(job, located.uid, located.count, out->item, err);
    }
    env_free(job->ctx, located.uid);
    if (st) {
        env_free(job->ctx, out->item);
        memset(out, 0, sizeof *out);
        return st;
    }
    keep_meant(job, type, key_name, out);
    return ENVELOPE_OK;
}

/* -- public keys */

static void put_get(struct env_ttlv_out *o, const void *what)
{
    env_kmip_put_get(o, what);
}

static envelope_status parse_public(envelope_ctx *ctx, const struct env_kmip_key *key,
                                    struct env_rsa_public **out, envelope_error *err)
{
    if (key->format == ENV_FORMAT_TRANSPARENT_RSA_PUBLIC) {
        return env_rsa_public_from_numbers(ctx, key->modulus, key->exponent, out, err);
    }
    if (key->format == ENV_FORMAT_PKCS1) {
        return env_rsa_public_from_pkcs1(ctx, key->material.p, key->material.len, out, err);
    }
    if (key->format == ENV_FORMAT_X509) {
        return env_rsa_public_from_der(ctx, key->material.p, key->material.len, out, err);
    }
    return env_fail(err, ENVELOPE_E_FORMAT, "a public key in format %u", key->format);
}

envelope_status env_kmip_get_public(struct env_kmip_job *job, const char *uid,
                                    struct env_rsa_public **out, envelope_error *err)
{
    char shown[ENV_PRINTABLE_MAX];
    const void *const items[] = {uid};
    const struct env_kmip_ask ask = {.operation = ENV_KMIP_GET,
                                     .repeatable = true,
                                     .count = 1,
                                     .room = TEXT_ROOM,
                                     .put = put_get,
                                     .what = items};
    struct env_kmip_reply reply;
    struct env_kmip_result result;
    struct env_kmip_key key;
    *out = NULL;
    envelope_status st = env_kmip_ask_one(job, &ask, &reply, &result, err);
    st = st ? st : env_kmip_succeeded(&result, "Get", err);
    st = st ? st : env_kmip_take_get(result.payload, &key, err);
    if (!st && (strcmp(key.uid, uid) != 0 || key.object_type != ENV_OBJECT_PUBLIC)) {
        st = env_fail(err, ENVELOPE_E_FORMAT, "Get: the answer is no public key, or another one");
        env_kmip_distrust(job, st);
    }
    st = st ? st : parse_public(job->ctx, &key, out, err);
    env_kmip_reply_free(job->ctx, &reply);
    if (st && st != ENVELOPE_E_AGAIN) {
        env_error_prefix(err, "public key %s", env_printable(shown, uid));
    }
    return st;
}

envelope_status env_kmip_public_by_fingerprint(struct env_kmip_job *job, const char *key_name,
                                               const uint8_t fingerprint[32],
                                               struct env_kmip_attributes *attributes,
                                               struct env_rsa_public **out, envelope_error *err)
{
    struct env_kmip_objects found;
    *out = NULL;
    envelope_status st = env_kmip_find(job, ENV_OBJECT_PUBLIC, key_name, &found, err);
    for (size_t i = 0; !st && !*out && i < found.count; i++) {
        struct env_rsa_public *key;
        st = env_kmip_get_public(job, found.item[i].uid, &key, err);
        if (st == ENVELOPE_E_FORMAT || not_shown(st)) {
            st = ENVELOPE_OK; /* a neighbour's, or no RSA key: not the one */
            continue;
        }
        if (!st && memcmp(env_rsa_public_fingerprint(key), fingerprint, 32) == 0) {
            *out = key;
            *attributes = found.item[i];
            continue;
        }
        env_rsa_public_free(key);
    }
    env_free(job->ctx, found.item);
    return st;
}

/* -- what attributes mean */

static const char *state_word(uint32_t state)
{
    switch (state) {
    case ENV_STATE_PRE_ACTIVE:
        return "not active yet";
    case ENV_STATE_DEACTIVATED:
        return "deactivated";
    case ENV_STATE_COMPROMISED:
        return "compromised";
    case ENV_STATE_DESTROYED:
    case ENV_STATE_DESTROYED_COMPROMISED:
        return "destroyed";
    default:
        return "in no state that the KMS tells";
    }
}

const char *env_kmip_why_not(const struct env_kmip_job *job, const struct env_kmip_attributes *a)
{
    bool aes = a->object_type == ENV_OBJECT_SYMMETRIC;
    uint32_t algorithm = aes ? ENV_ALGORITHM_AES : ENV_ALGORITHM_RSA;
    if (a->state != ENV_STATE_ACTIVE) {
        return state_word(a->state);
    }
    if (a->algorithm && a->algorithm != algorithm) {
        return "of an algorithm that is not used here";
    }
    if (a->bits && (aes ? a->bits != AES_BITS : a->bits < ENV_RSA_BITS_MIN)) {
        return "of a length that is not used here";
    }
    if (a->usage && !(a->usage & (ENV_USAGE_ENCRYPT | ENV_USAGE_WRAP))) {
        return "not meant for encrypting or wrapping";
    }
    if (a->has_activation_date && a->activation_date > job->now_ms / 1000) {
        return "to become active later";
    }
    return NULL;
}

int32_t env_kmip_state_of(uint32_t state)
{
    switch (state) {
    case ENV_STATE_ACTIVE:
        return ENVELOPE_KEY_ACTIVE;
    case ENV_STATE_DEACTIVATED:
        return ENVELOPE_KEY_DEACTIVATED;
    case ENV_STATE_COMPROMISED:
        return ENVELOPE_KEY_COMPROMISED;
    case ENV_STATE_DESTROYED:
    case ENV_STATE_DESTROYED_COMPROMISED:
        return ENVELOPE_KEY_DESTROYED;
    default:
        return ENVELOPE_KEY_UNKNOWN;
    }
}
