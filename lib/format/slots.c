#include "format/slots.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/keywrap.h"
#include "crypto/password.h"
#include "format/envelope.pb-c.h"
#include "format/id.h"
#include "format/message.h"
#include "format/wire.h"
#include <string.h>

enum { WRAPPED_RSA_MIN = 256 };

static const struct env_wire_limit limits[] = {
    {&libenvelope__slots__descriptor, 1, ENV_SLOTS_LIMIT}};

static bool is_rsa(const struct env_slot *s)
{
    return s->algorithm == ENVELOPE_RSA_OAEP_SHA256 || s->algorithm == ENVELOPE_RSA_OAEP_SHA1;
}

static bool no_password_members(const struct env_slot *s)
{
    return env_all_zero(s->salt, sizeof s->salt) && s->memory_kib == 0 && s->passes == 0;
}

/* An RSA key is known by its fingerprint; a symmetric one has none. */
static bool wrapped_fits(const struct env_slot *s)
{
    if (is_rsa(s)) {
        return s->has_fingerprint && s->wrapped_len >= WRAPPED_RSA_MIN &&
               s->wrapped_len <= ENV_SLOT_WRAPPED_MAX;
    }
    return !s->has_fingerprint && s->wrapped_len == ENV_KWP_BYTES;
}

static const char *kms_fault(const struct env_slot *s)
{
    if (!is_rsa(s) && s->algorithm != ENVELOPE_AES_KWP) {
        return "a KMS key with another algorithm";
    }
    if (!env_kms_id_valid(s->kms_id, strlen(s->kms_id)) ||
        !env_key_name_valid(s->key_id, strlen(s->key_id)) || s->version == 0) {
        return "a KMS key has a KMS's id, a key id and a version";
    }
    return no_password_members(s) ? NULL : "a KMS key with members of a password";
}

static const char *password_fault(const struct env_slot *s)
{
    if (s->kms_id[0] || s->key_id[0] || s->version) {
        return "a password with members of a KMS key";
    }
    if (s->algorithm == ENVELOPE_ARGON2ID) {
        bool ok = s->memory_kib >= ENV_ARGON2_MEMORY_KIB_MIN &&
                  s->memory_kib <= ENV_ARGON2_MEMORY_KIB_MAX && s->passes >= 1 &&
                  s->passes <= ENV_ARGON2_PASSES_MAX;
        return ok ? NULL : "Argon2id beyond its limits";
    }
    if (s->algorithm == ENVELOPE_PBKDF2_SHA256) {
        bool ok = s->memory_kib == 0 && s->passes >= 1 && s->passes <= ENV_PBKDF2_ITERATIONS_MAX;
        return ok ? NULL : "PBKDF2 beyond its limits";
    }
    return "a password with another algorithm";
}

static const char *escrow_fault(const struct env_slot *s)
{
    if (!is_rsa(s)) {
        return "an escrow key with another algorithm";
    }
    bool ok = !s->kms_id[0] && !s->key_id[0] && !s->version && no_password_members(s);
    return ok ? NULL : "an escrow key with members of another kind";
}

static const char *fault(const struct env_slot *s)
{
    if (!env_key_name_valid(s->name, strlen(s->name))) {
        return "it has no name";
    }
    if (!wrapped_fits(s)) {
        return "fingerprint or wrapped key have a wrong length";
    }
    if (s->kind == ENV_SLOT_KMS) {
        return kms_fault(s);
    }
    if (s->kind == ENV_SLOT_PASSWORD) {
        return password_fault(s);
    }
    return s->kind == ENV_SLOT_ESCROW ? escrow_fault(s) : "unknown kind";
}

/* Two slots for one key would let a header ask one KMS for the same key again and again. */
static bool same_key(const struct env_slot *a, const struct env_slot *b)
{
    if (a->wrapped_len == b->wrapped_len && !memcmp(a->wrapped, b->wrapped, a->wrapped_len)) {
        return true;
    }
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind == ENV_SLOT_KMS) {
        return !strcmp(a->kms_id, b->kms_id) && !strcmp(a->key_id, b->key_id);
    }
    return a->kind == ENV_SLOT_PASSWORD ? !strcmp(a->name, b->name)
                                        : !memcmp(a->fingerprint, b->fingerprint, 32);
}

static envelope_status check_one(const struct env_slots *slots, size_t i, envelope_status status,
                                 envelope_error *err)
{
    const char *why = fault(&slots->slot[i]);
    for (size_t j = 0; j < i && !why; j++) {
        why = same_key(&slots->slot[j], &slots->slot[i]) ? "its key has a slot already" : NULL;
    }
    return why ? env_fail(err, status, "slot %zu: %s", i + 1, why) : ENVELOPE_OK;
}

static envelope_status check(const struct env_slots *slots, envelope_status status,
                             envelope_error *err)
{
    size_t passwords = 0;
    if (slots->count < 1 || slots->count > ENV_SLOTS_LIMIT) {
        return env_fail(err, status, "slots: there must be 1 to %d", ENV_SLOTS_LIMIT);
    }
    for (size_t i = 0; i < slots->count; i++) {
        envelope_status st = check_one(slots, i, status, err);
        if (st) {
            return st;
        }
        passwords += slots->slot[i].kind == ENV_SLOT_PASSWORD;
    }
    return passwords > ENV_PASSWORDS_LIMIT
               ? env_fail(err, status, "slots: more than %d passwords", ENV_PASSWORDS_LIMIT)
               : ENVELOPE_OK;
}

envelope_status env_slots_check(const struct env_slots *slots, envelope_error *err)
{
    return check(slots, ENVELOPE_E_INVALID, err);
}

static int32_t small(uint32_t v)
{
    return v <= INT32_MAX ? (int32_t)v : 0;
}

/* A salt stands there for passwords, and only for them. */
static bool get_salt(const Libenvelope__Slot *in, struct env_slot *out)
{
    size_t len = out->kind == ENV_SLOT_PASSWORD ? sizeof out->salt : 0;
    return env_message_fixed(out->salt, len, &in->salt);
}

static bool get_slot(const Libenvelope__Slot *in, struct env_slot *out)
{
    out->kind = small(in->kind);
    out->algorithm = small(in->algorithm);
    out->version = in->version;
    out->memory_kib = in->memory_kib;
    out->passes = in->passes;
    if (in->wrapped.len > sizeof out->wrapped) {
        return false;
    }
    out->wrapped_len = (uint16_t)in->wrapped.len;
    return env_message_text(out->kms_id, sizeof out->kms_id, in->kms_id) &&
           env_message_text(out->name, sizeof out->name, in->name) &&
           env_message_text(out->key_id, sizeof out->key_id, in->key_id) &&
           env_message_fingerprint(out->fingerprint, &out->has_fingerprint, &in->fingerprint) &&
           env_message_fixed(out->wrapped, in->wrapped.len, &in->wrapped) && get_salt(in, out);
}

static envelope_status get_all(const Libenvelope__Slots *in, struct env_slots *out,
                               envelope_error *err)
{
    for (size_t i = 0; i < in->n_slot; i++) {
        if (!get_slot(in->slot[i], &out->slot[i])) {
            return env_fail(err, ENVELOPE_E_FORMAT, "slot %zu: a member has a wrong length", i + 1);
        }
    }
    out->count = in->n_slot;
    return check(out, ENVELOPE_E_FORMAT, err);
}

envelope_status env_slots_decode(envelope_ctx *ctx, const void *bytes, size_t len, uint8_t minor,
                                 struct env_slots **out, envelope_error *err)
{
    const struct env_wire_rules rules = {.message = &libenvelope__slots__descriptor,
                                         .what = "slots",
                                         .newer = minor > ENV_FORMAT_MINOR,
                                         .limits = limits,
                                         .limit_count = sizeof limits / sizeof limits[0]};
    ProtobufCMessage *message = NULL;
    *out = NULL;
    envelope_status st = env_wire_unpack(ctx, &rules, bytes, len, &message, err);
    if (st) {
        return st;
    }
    struct env_slots *slots = env_alloc(ctx, sizeof *slots);
    st = slots ? get_all((const Libenvelope__Slots *)message, slots, err) : env_nomem(err);
    env_wire_free(ctx, message);
    if (st) {
        env_free(ctx, slots);
        return st;
    }
    *out = slots;
    return ENVELOPE_OK;
}

static void put_slot(const struct env_slot *in, Libenvelope__Slot *out)
{
    libenvelope__slot__init(out);
    out->kind = (uint32_t)in->kind;
    out->algorithm = (uint32_t)in->algorithm;
    out->kms_id = (char *)in->kms_id;
    out->name = (char *)in->name;
    out->key_id = (char *)in->key_id;
    out->version = in->version;
    out->fingerprint =
        env_message_bytes(in->fingerprint, in->has_fingerprint ? sizeof in->fingerprint : 0);
    out->wrapped = env_message_bytes(in->wrapped, in->wrapped_len);
    out->salt = env_message_bytes(in->salt, in->kind == ENV_SLOT_PASSWORD ? sizeof in->salt : 0);
    out->memory_kib = in->memory_kib;
    out->passes = in->passes;
}

envelope_status env_slots_encode(envelope_ctx *ctx, const struct env_slots *slots, uint8_t **out,
                                 size_t *len, envelope_error *err)
{
    *out = NULL;
    *len = 0;
    envelope_status st = env_slots_check(slots, err);
    if (st) {
        return st;
    }
    Libenvelope__Slots message = LIBENVELOPE__SLOTS__INIT;
    message.slot = env_message_array(ctx, slots->count, sizeof *message.slot[0]);
    if (!message.slot) {
        return env_nomem(err);
    }
    message.n_slot = slots->count;
    for (size_t i = 0; i < slots->count; i++) {
        put_slot(&slots->slot[i], message.slot[i]);
    }
    st = env_wire_pack(ctx, &message.base, (struct env_wire_frame){0, 0}, out, len, err);
    env_free(ctx, message.slot);
    return st;
}

envelope_key_ref env_slot_ref(const struct env_slot *slot)
{
    envelope_key_ref ref = {.size = sizeof ref,
                            .kms_id = slot->kms_id[0] ? slot->kms_id : NULL,
                            .key_name = slot->name,
                            .key_id = slot->key_id[0] ? slot->key_id : NULL,
                            .version = slot->version,
                            .has_fingerprint = slot->has_fingerprint};
    memcpy(ref.fingerprint, slot->fingerprint, sizeof ref.fingerprint);
    return ref;
}
