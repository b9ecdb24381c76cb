#include "base/error.h"
#include "keys/ref.h"
#include "kms/kmip/jobs.h"

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

/* A public half's state says who may wrap; a key's is that of the half that unwraps. */
static envelope_status of_half(struct env_kmip_job *job, struct env_kmip_attributes *a,
                               envelope_error *err)
{
    struct env_kmip_half half;
    struct env_kmip_attributes *private = env_alloc(job->ctx, sizeof *private);
    if (!private) {
        return env_nomem(err);
    }
    envelope_status st = env_kmip_linked_half(job, a, NULL, &half, err);
    st = st || !*half.uid ? st : env_kmip_glance(job, half.uid, private, err);
    if (!st && *private->uid) {
        *a = *private;
    }
    env_free(job->ctx, private);
    return st;
}

static envelope_status look(struct env_kmip_job *job, const envelope_key_ref *key,
                            struct env_kmip_attributes *a, envelope_error *err)
{
    struct env_kmip_resolved resolved;
    envelope_status st = env_kmip_look(job, key->key_id, a, err);
    if (st == ENVELOPE_E_NO_KEY && key->has_fingerprint) {
        st = env_kmip_resolve_by_name(job, key, &resolved, err);
        if (st) {
            return st;
        }
        st = env_kmip_look(job, resolved.uid, a, err);
        env_kmip_resolved_end(&resolved);
    }
    return !st && a->object_type == ENV_OBJECT_PUBLIC ? of_half(job, a, err) : st;
}

envelope_status env_kmip_state(struct env_kmip_job *job, const envelope_key_ref *key,
                               int32_t *state, envelope_error *err)
{
    const envelope_key_ref view = env_ref_view(key);
    *state = 0;
    if (!view.key_id) {
        return env_fail(err, ENVELOPE_E_INVALID, "a key without an identifier");
    }
    struct env_kmip_attributes *a = env_alloc(job->ctx, sizeof *a);
    if (!a) {
        return env_nomem(err);
    }
    envelope_status st = look(job, &view, a, err);
    *state = st ? 0 : env_kmip_state_of(a->state);
    env_free(job->ctx, a);
    return st;
}
