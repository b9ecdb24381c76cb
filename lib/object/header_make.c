#include "base/error.h"
#include "crypto/random.h"
#include "format/box.h"
#include "format/slots.h"
#include "keys/dek.h"
#include "kms/keyring.h"
#include "object/header.h"
#include "object/seal.h"

enum { SEALED_MAX = 8192 };

/* [kms] Before anything is sealed for a key: does the KMS hold it (crypto.md, W3)? */
static envelope_status settle_targets(envelope_keyring *keyring, struct env_targets *targets,
                                      envelope_error *err)
{
    envelope_status again = ENVELOPE_OK;
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < targets->count; i++) {
        struct env_target *t = &targets->item[i];
        if (t->recipient.kind != ENV_SLOT_KMS) {
            continue;
        }
        t->key.version = t->key.version ? t->key.version : 1;
        st = env_target_prove(keyring, t, err);
        if (st == ENVELOPE_E_AGAIN) { /* the others are asked in the same round */
            again = st;
            st = ENVELOPE_OK;
        }
    }
    return st ? st : again;
}

/* [kms] */
static envelope_status make_slots(envelope_keyring *keyring, const envelope_dek *dek,
                                  struct env_slots *out, envelope_error *err)
{
    envelope_ctx *ctx = env_keyring_ctx(keyring);
    const struct env_listener events = ENV_LISTENER(ctx);
    struct env_targets *targets = env_alloc(ctx, sizeof *targets);
    if (!targets) {
        return env_nomem(err);
    }
    envelope_status st = env_keyring_ask(keyring, &events, targets, err);
    if (!st) {
        st = settle_targets(keyring, targets, err);
        st = st ? st : env_targets_wrap(keyring, targets, dek, &events, NULL, out, err);
        env_targets_free(ctx, targets);
    }
    env_free(ctx, targets);
    return st;
}

/* PRE | core | zeros | MUT | TAG | CRC, read back and verified before it is given out. */
static envelope_status assemble(envelope_ctx *ctx, const envelope_dek *dek, struct env_bytes core,
                                uint64_t revision, struct env_bytes slots, envelope_header **out,
                                envelope_error *err)
{
    static const uint8_t no_att[ENV_ATT_BYTES];
    const struct env_copy_parts parts = {
        .core = core, .att = no_att, .revision = revision, .slots = slots, .foreign = true};
    uint32_t capacity = env_copy_capacity(&parts);
    if (capacity == 0) {
        return env_fail(err, ENVELOPE_E_LIMIT, "the header would have %zu bytes",
                        env_copy_need(&parts));
    }
    uint8_t *bytes = env_alloc(ctx, capacity);
    if (!bytes) {
        return env_nomem(err);
    }
    envelope_status st = env_copy_seal(ctx, dek, &parts, ENV_ROLE_FOREIGN, capacity, bytes, err);
    envelope_header *h = NULL;
    st = st ? st : envelope_header_parse(ctx, bytes, capacity, &h, err);
    st = st ? st : env_header_enter(h, dek, err);
    env_free(ctx, bytes);
    if (st) {
        envelope_header_free(h);
        return st;
    }
    *out = h;
    return ENVELOPE_OK;
}

/* [kms] Slots for today's recipients around a CORE. */
static envelope_status wrap_around(envelope_ctx *ctx, envelope_keyring *keyring,
                                   const envelope_dek *dek, struct env_bytes core,
                                   uint64_t revision, envelope_header **out, envelope_error *err)
{
    struct env_slots *slots = env_alloc(ctx, sizeof *slots);
    if (!slots) {
        return env_nomem(err);
    }
    uint8_t *encoded = NULL;
    size_t len = 0;
    envelope_status st = make_slots(keyring, dek, slots, err);
    st = st ? st : env_slots_encode(ctx, slots, &encoded, &len, err);
    st = st ? st : assemble(ctx, dek, core, revision, ENV_BYTES(encoded, len), out, err);
    env_free(ctx, encoded);
    env_free(ctx, slots);
    return st;
}

static envelope_status make_core(envelope_ctx *ctx, const envelope_dek *dek,
                                 const envelope_header_options *o, uint8_t **core, size_t *core_len,
                                 envelope_error *err)
{
    static const uint8_t zeros[ENV_PAYLOAD_PREFIX_BYTES];
    struct env_id id = {.format = ENV_FORMAT_MAJOR, .kind = ENV_KIND_FOREIGN};
    envelope_status st = env_random(id.object_id, sizeof id.object_id, err);
    if (st) {
        return st;
    }
    uint8_t id_bytes[ENV_ID_BYTES];
    env_id_put(&id, id_bytes);
    const struct env_box box = {
        .root = zeros, .block_hash = zeros, .attributes = ENV_BYTES(o->sealed, o->sealed_len)};
    const struct env_bytes context = ENV_BYTES(o->context, o->context_len);
    uint8_t *sealed;
    size_t sealed_len;
    st = env_box_seal(ctx, dek, id_bytes, &box, &sealed, &sealed_len, err);
    if (st) {
        return st;
    }
    st = env_core_make(ctx, id_bytes, zeros, ENV_BYTES(sealed, sealed_len), &context, core,
                       core_len, err);
    env_free(ctx, sealed);
    return st;
}

static envelope_status check_options(const envelope_header_options *o, envelope_error *err)
{
    if ((o->context_len && !o->context) || (o->sealed_len && !o->sealed)) {
        return env_fail(err, ENVELOPE_E_INVALID, "header_options: a length without bytes");
    }
    if (o->context_len > ENV_FOREIGN_CONTEXT_MAX || o->sealed_len > SEALED_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "header_options: context has at most %d bytes, sealed %d",
                        ENV_FOREIGN_CONTEXT_MAX, SEALED_MAX);
    }
    return ENVELOPE_OK;
}

static envelope_status enter_wrap(envelope_keyring *keyring, const envelope_dek *dek,
                                  envelope_header **out, envelope_error *err)
{
    if (!out) {
        return env_fail(err, ENVELOPE_E_INVALID, "out is NULL");
    }
    *out = NULL;
    if (!keyring || !dek) {
        return env_fail(err, ENVELOPE_E_INVALID, "keyring and dek are needed");
    }
    return env_enter(env_keyring_ctx(keyring), err);
}

envelope_status envelope_header_new(envelope_keyring *keyring, const envelope_dek *dek,
                                    const envelope_header_options *options, envelope_header **out,
                                    envelope_error *err)
{
    envelope_header_options o;
    envelope_status st = enter_wrap(keyring, dek, out, err);
    st = st ? st : env_options(options, &o, sizeof o, "header_options", err);
    st = st ? st : check_options(&o, err);
    if (st) {
        return st;
    }
    envelope_ctx *ctx = env_keyring_ctx(keyring);
    uint8_t *core = NULL;
    size_t core_len = 0;
    struct env_call call;
    env_call_begin(ctx, &call);
    st = make_core(ctx, dek, &o, &core, &core_len, err);
    st = st ? st : wrap_around(ctx, keyring, dek, ENV_BYTES(core, core_len), 1, out, err);
    env_free(ctx, core);
    return env_keyring_end(keyring, &call, st);
}

envelope_status envelope_header_rewrap(const envelope_header *header, const envelope_dek *dek,
                                       envelope_keyring *keyring, envelope_header **out,
                                       envelope_error *err)
{
    envelope_status st = enter_wrap(keyring, dek, out, err);
    st = st ? st : env_header_enter(header, dek, err);
    if (st) {
        return st;
    }
    const struct env_copy *copy = env_header_copy(header);
    if (copy->ro_compat || copy->minor > ENV_FORMAT_MINOR || copy->revision == UINT64_MAX) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "the header is of a newer version: this library may only read it");
    }
    struct env_call call;
    env_call_begin(env_keyring_ctx(keyring), &call);
    st =
        wrap_around(env_header_ctx(header), keyring, dek, copy->core, copy->revision + 1, out, err);
    return env_keyring_end(keyring, &call, st);
}
