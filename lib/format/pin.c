#include "format/pin.h"
#include "base/error.h"
#include "format/crc32c.h"
#include "format/envelope.pb-c.h"
#include "format/message.h"
#include "format/wire.h"
#include <envelope/chain.h>
#include <string.h>

static const uint8_t magic[8] = {0x89, 0x45, 0x4e, 0x50, 0x0d, 0x0a, 0x1a, 0x0a};
static const char what[] = "pin";
enum { BEFORE = 8 + 4, AFTER = 4 };

static const struct env_wire_limit limits[] = {
    {&libenvelope__pin__descriptor, 7, ENV_RECIPIENTS_LIMIT},
    {&libenvelope__pin__descriptor, 8, ENV_KEYS_LIMIT},
    {&libenvelope__pin__descriptor, 10, ENV_PENDING_LIMIT},
};

static envelope_status check(const struct env_pin *pin, envelope_status status, envelope_error *err)
{
    bool numbers = pin->generation >= 1 && pin->generation < ENV_GENERATION_LIMIT &&
                   pin->number >= 1 && pin->number < ENV_NUMBER_LIMIT && pin->serial >= 1 &&
                   pin->serial < ENV_NUMBER_LIMIT;
    if (!numbers) {
        return env_fail(err, status, "pin: no generation, number or serial, or beyond the limit");
    }
    envelope_status st = env_recipients_check(&pin->recipients, what, status, err);
    st = st ? st : env_keys_check(&pin->keys, true, what, status, err);
    if (!st && pin->pending_count > ENV_PENDING_LIMIT) {
        st = env_fail(err, status, "pin: more than %d points are pending", ENV_PENDING_LIMIT);
    }
    return st;
}

static envelope_status get_pending(const Libenvelope__Pin *in, struct env_pin *out,
                                   envelope_error *err)
{
    for (size_t i = 0; i < in->n_pending && i < ENV_PENDING_LIMIT; i++) {
        struct env_pending *p = &out->pending[i];
        if (!env_message_fixed(p->object_id, sizeof p->object_id, &in->pending[i]->object_id) ||
            !env_message_fixed(p->link, sizeof p->link, &in->pending[i]->link)) {
            return env_fail(err, ENVELOPE_E_FORMAT, "pin, pending %zu: a wrong length", i + 1);
        }
    }
    out->pending_count = (uint32_t)in->n_pending;
    return ENVELOPE_OK;
}

static envelope_status get_all(envelope_ctx *ctx, const Libenvelope__Pin *in, struct env_pin *out,
                               envelope_error *err)
{
    out->generation = in->generation;
    out->number = in->number;
    out->serial = in->serial;
    out->kms_ms = in->kms_ms;
    if (!env_message_fixed(out->chain_id, sizeof out->chain_id, &in->chain_id) ||
        !env_message_fixed(out->pin, sizeof out->pin, &in->pin) ||
        !env_message_fixed(out->link, sizeof out->link, &in->link)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "pin: chain id, PIN and LINK have 32 bytes each");
    }
    envelope_status st =
        env_message_get_recipients(in->recipient, in->n_recipient, what, &out->recipients, err);
    st = st ? st : env_message_get_keys(ctx, in->key, in->n_key, true, what, &out->keys, err);
    st = st ? st : get_pending(in, out, err);
    return st ? st : check(out, ENVELOPE_E_FORMAT, err);
}

/* The message within its frame. */
static envelope_status unframe(const void *bytes, size_t len, struct env_bytes *message,
                               envelope_error *err)
{
    struct env_cursor c = env_cursor_over(bytes, len);
    const uint8_t *m = env_get_slice(&c, sizeof magic);
    if (!m || memcmp(m, magic, sizeof magic) || len > ENVELOPE_PIN_MAX) {
        return env_fail(err, ENVELOPE_E_FORMAT, "pin: this is no pin");
    }
    message->len = env_get_u32(&c);
    message->p = env_get_slice(&c, message->len);
    uint32_t crc = env_get_u32(&c);
    if (!env_cursor_done(&c) || crc != env_crc32c(bytes, len - AFTER)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "pin: damaged (length or CRC)");
    }
    return ENVELOPE_OK;
}

envelope_status env_pin_decode(envelope_ctx *ctx, const void *bytes, size_t len,
                               struct env_pin *out, envelope_error *err)
{
    const struct env_wire_rules rules = {.message = &libenvelope__pin__descriptor,
                                         .what = what,
                                         .limits = limits,
                                         .limit_count = sizeof limits / sizeof limits[0]};
    struct env_bytes packed = {NULL, 0};
    ProtobufCMessage *message = NULL;
    memset(out, 0, sizeof *out);
    envelope_status st = unframe(bytes, len, &packed, err);
    st = st ? st : env_wire_unpack(ctx, &rules, packed.p, packed.len, &message, err);
    if (st) {
        return st;
    }
    st = get_all(ctx, (const Libenvelope__Pin *)message, out, err);
    env_wire_free(ctx, message);
    if (st) {
        env_pin_free(ctx, out);
    }
    return st;
}

static envelope_status put_all(envelope_ctx *ctx, const struct env_pin *in, Libenvelope__Pin *out,
                               envelope_error *err)
{
    out->chain_id = env_message_bytes(in->chain_id, sizeof in->chain_id);
    out->generation = in->generation;
    out->pin = env_message_bytes(in->pin, sizeof in->pin);
    out->number = in->number;
    out->link = env_message_bytes(in->link, sizeof in->link);
    out->serial = in->serial;
    out->kms_ms = in->kms_ms;
    out->recipient = env_message_put_recipients(ctx, &in->recipients);
    out->key = env_message_put_keys(ctx, &in->keys);
    out->pending = env_message_array(ctx, in->pending_count, sizeof *out->pending[0]);
    if (!out->recipient || !out->key || !out->pending) {
        return env_nomem(err);
    }
    out->n_recipient = in->recipients.count;
    out->n_key = in->keys.count;
    out->n_pending = in->pending_count;
    for (uint32_t i = 0; i < in->pending_count; i++) {
        const struct env_pending *p = &in->pending[i];
        libenvelope__pending__init(out->pending[i]);
        out->pending[i]->object_id = env_message_bytes(p->object_id, sizeof p->object_id);
        out->pending[i]->link = env_message_bytes(p->link, sizeof p->link);
    }
    return ENVELOPE_OK;
}

static void put_frame(uint8_t *bytes, size_t len)
{
    struct env_out o = env_out_over(bytes, BEFORE);
    env_put_bytes(&o, magic, sizeof magic);
    env_put_u32(&o, (uint32_t)(len - BEFORE - AFTER));
    struct env_out end = env_out_over(bytes + len - AFTER, AFTER);
    env_put_u32(&end, env_crc32c(bytes, len - AFTER));
}

envelope_status env_pin_encode(envelope_ctx *ctx, const struct env_pin *pin, uint8_t **out,
                               size_t *len, envelope_error *err)
{
    const struct env_wire_frame frame = {BEFORE, AFTER};
    Libenvelope__Pin message = LIBENVELOPE__PIN__INIT;
    *out = NULL;
    *len = 0;
    envelope_status st = check(pin, ENVELOPE_E_INVALID, err);
    if (st) {
        return st;
    }
    st = put_all(ctx, pin, &message, err);
    st = st ? st : env_wire_pack(ctx, &message.base, frame, out, len, err);
    env_free(ctx, message.recipient);
    env_free(ctx, message.key);
    env_free(ctx, message.pending);
    if (!st && *len > ENVELOPE_PIN_MAX) {
        env_free(ctx, *out);
        *out = NULL;
        *len = 0;
        return env_fail(err, ENVELOPE_E_LIMIT, "the pin passes %u bytes", ENVELOPE_PIN_MAX);
    }
    if (!st) {
        put_frame(*out, *len);
    }
    return st;
}

envelope_status env_pin_copy(envelope_ctx *ctx, struct env_pin *to, const struct env_pin *from,
                             envelope_error *err)
{
    *to = *from;
    envelope_status st = env_keys_copy(ctx, &to->keys, &from->keys, err);
    if (st) {
        memset(to, 0, sizeof *to);
    }
    return st;
}

void env_pin_free(envelope_ctx *ctx, struct env_pin *pin)
{
    env_keys_free(ctx, &pin->keys);
    memset(pin, 0, sizeof *pin);
}
