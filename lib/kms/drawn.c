/* A DEK for an object, or a value for a proof: fresh, unless an asking KMS keeps one that an
 * earlier attempt of the same call had to leave. */
#include "crypto/digest.h"
#include "kms/asking.h"
#include "kms/parts.h"
#include <string.h>

enum { PARTS = 7 };

static struct env_bytes text_of(const char *text)
{
    return text ? ENV_BYTES(text, strlen(text) + 1) : ENV_BYTES("", 1);
}

/* For whom: a draw that was shown to one KMS is used for exactly those recipients or for nobody. */
static envelope_status add_target(envelope_ctx *ctx, const struct env_target *t, uint8_t tag[32],
                                  envelope_error *err)
{
    uint8_t fixed[9];
    bool at_kms = t->kms && !t->public; /* the DEK itself is shown to this one */
    struct env_out o = env_out_over(fixed, sizeof fixed);
    env_put_u32(&o, (uint32_t)t->recipient.kind);
    env_put_u32(&o, t->key.version);
    env_put_u8(&o, t->key.has_fingerprint);
    const struct env_bytes parts[PARTS] = {
        {tag, 32},
        {fixed, sizeof fixed},
        text_of(t->recipient.kms_id),
        text_of(t->recipient.name),
        text_of(t->key.key_id),
        {t->key.fingerprint, sizeof t->key.fingerprint},
        {(const uint8_t *)&t->kms, at_kms ? sizeof t->kms : 0},
    };
    return env_sha256(ctx, parts, PARTS, tag, err);
}

static struct env_asking *asked_first(const struct env_target *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].kms && env_kms_asking(items[i].kms)) {
            return env_kms_asking(items[i].kms);
        }
    }
    return NULL;
}

static envelope_status draw(const envelope_keyring *ring, const struct env_target *items,
                            size_t count, int32_t purpose, struct env_drawn *out,
                            envelope_error *err)
{
    uint8_t tag[32] = {0};
    envelope_status st = ENVELOPE_OK;
    memset(out, 0, sizeof *out);
    out->at = asked_first(items, count);
    for (size_t i = 0; !st && out->at && i < count; i++) {
        st = add_target(ring->ctx, &items[i], tag, err);
    }
    if (!st && out->at) {
        st = env_draw_take(out->at, purpose, tag, count, &out->draw, err);
    }
    if (st) {
        return st;
    }
    if (out->draw) {
        out->dek = env_dek_retain(env_draw_dek(out->draw));
        return ENVELOPE_OK;
    }
    return envelope_dek_generate(ring->ctx, &out->dek, err);
}

envelope_status env_targets_draw(const envelope_keyring *ring, const struct env_targets *targets,
                                 int32_t purpose, struct env_drawn *out, envelope_error *err)
{
    return draw(ring, targets->item, targets->count, purpose, out, err);
}

envelope_status env_draw_proof(const envelope_keyring *ring, const struct env_target *target,
                               struct env_drawn *out, envelope_error *err)
{
    return draw(ring, target, 1, ENV_DRAW_PROOF, out, err);
}

void env_drawn_spend(struct env_drawn *drawn)
{
    if (drawn->draw) {
        env_draw_spend(drawn->at, drawn->draw);
        drawn->draw = NULL;
    }
}

envelope_status env_keyring_end(envelope_keyring *ring, struct env_call *call, envelope_status st)
{
    for (size_t i = 0; i < ring->kms_count; i++) {
        env_kms_settle(ring->kms[i].kms, call->id, st);
    }
    env_call_end(call);
    return st;
}

bool env_keyring_asks(const envelope_keyring *ring)
{
    for (size_t i = 0; i < ring->kms_count; i++) {
        if (env_kms_asking(ring->kms[i].kms)) {
            return true;
        }
    }
    return false;
}
