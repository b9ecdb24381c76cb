/* Objects by name or group, and what of the answers is believed. */
#include "base/error.h"
#include "kms/kmip/jobs.h"
#include <string.h>

enum { TEXT_ROOM = 1024 };

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

/* All objects of that type that the selector names (key_name NULL: all of the type). What a server
 * did not filter is still in it. Free by env_free(ctx, out->uid). */
static envelope_status locate(struct env_kmip_job *job, uint32_t type, const char *key_name,
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
    envelope_status st = locate(job, type, key_name, &located, err);
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
