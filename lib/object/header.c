#include "object/header.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "format/box.h"
#include "format/slots.h"
#include "keys/dek.h"
#include "kms/keyring.h"
#include "object/seal.h"
#include "object/tag.h"
#include <string.h>

struct envelope_header {
    envelope_ctx *ctx;
    uint8_t *bytes;
    size_t len;
    struct env_copy copy; /* points into bytes */
    struct env_slots *slots;
    envelope_key_ref ref[ENV_SLOTS_LIMIT];
    envelope_slot slot[ENV_SLOTS_LIMIT];
};

envelope_ctx *env_header_ctx(const envelope_header *header)
{
    return header->ctx;
}

const struct env_copy *env_header_copy(const envelope_header *header)
{
    return &header->copy;
}

void envelope_header_free(envelope_header *header)
{
    if (!header) {
        return;
    }
    envelope_ctx *ctx = header->ctx;
    env_free(ctx, header->slots);
    env_free(ctx, header->bytes);
    env_free(ctx, header);
    env_ctx_release(ctx);
}

static void describe_slots(envelope_header *h)
{
    for (size_t i = 0; i < h->slots->count; i++) {
        const struct env_slot *s = &h->slots->slot[i];
        h->ref[i] = env_slot_ref(s);
        h->slot[i] = (envelope_slot){.size = sizeof h->slot[i],
                                     .key = &h->ref[i],
                                     .algorithm = s->algorithm,
                                     .wrapped = s->wrapped,
                                     .wrapped_len = s->wrapped_len};
    }
}

static envelope_status parse(envelope_header *h, envelope_error *err)
{
    envelope_status st = env_copy_parse(h->bytes, h->len, ENV_ROLE_FOREIGN, &h->copy, err);
    if (st) {
        return st;
    }
    /* A chain's objects are chain.h's, and are refused before any slot is tried (crypto.md 3). */
    if (h->copy.id.kind != ENV_KIND_FOREIGN || h->copy.capacity != h->len) {
        return env_fail(err, ENVELOPE_E_FORMAT, "these bytes are not one header of a container");
    }
    const struct env_bytes *slots = &h->copy.slots;
    st = env_slots_decode(h->ctx, slots->p, slots->len, h->copy.minor, &h->slots, err);
    if (!st) {
        describe_slots(h);
    }
    return st;
}

envelope_status envelope_header_parse(envelope_ctx *ctx, const void *bytes, size_t len,
                                      envelope_header **out, envelope_error *err)
{
    if (!out || (len && !bytes)) {
        return env_fail(err, ENVELOPE_E_INVALID, "bytes and out are needed");
    }
    *out = NULL;
    envelope_status st = env_enter(ctx, err);
    if (st) {
        return st;
    }
    if (len > ENV_CAPACITY_MAX) {
        return env_fail(err, ENVELOPE_E_FORMAT, "no header has %zu bytes", len);
    }
    envelope_header *h = env_alloc(ctx, sizeof *h);
    if (!h) {
        return env_nomem(err);
    }
    h->ctx = env_ctx_retain(ctx);
    h->len = len;
    h->bytes = env_alloc(ctx, len);
    if (h->bytes && len) {
        memcpy(h->bytes, bytes, len);
    }
    st = h->bytes ? parse(h, err) : env_nomem(err);
    if (st) {
        envelope_header_free(h);
        return st;
    }
    *out = h;
    return ENVELOPE_OK;
}

const void *envelope_header_bytes(const envelope_header *header, size_t *len)
{
    if (len) {
        *len = header ? header->len : 0;
    }
    return header ? header->bytes : NULL;
}

const void *envelope_header_context(const envelope_header *header, size_t *len)
{
    if (len) {
        *len = header ? header->copy.context.len : 0;
    }
    return header ? header->copy.context.p : NULL;
}

size_t envelope_header_slot_count(const envelope_header *header)
{
    return header ? header->slots->count : 0;
}

const envelope_slot *envelope_header_slot(const envelope_header *header, size_t i)
{
    return header && i < header->slots->count ? &header->slot[i] : NULL;
}

static envelope_status check_tag(const envelope_header *h, const uint8_t dek[32],
                                 envelope_error *err)
{
    uint8_t *key;
    envelope_status st = env_secret_new(h->ctx, ENV_KEY_BYTES, &key, err);
    if (st) {
        return st;
    }
    st = env_key_header(h->ctx, dek, key, err);
    st = st ? st : env_tag_check(h->ctx, key, &h->copy, err);
    env_secret_free(h->ctx, key, ENV_KEY_BYTES);
    return st;
}

static envelope_status check_unwrapped(void *user, const uint8_t dek[32])
{
    return check_tag(user, dek, NULL);
}

envelope_status envelope_header_open(const envelope_header *header, envelope_keyring *keyring,
                                     size_t slot, envelope_dek **out, envelope_error *err)
{
    if (!out) {
        return env_fail(err, ENVELOPE_E_INVALID, "out is NULL");
    }
    *out = NULL;
    if (!header || !keyring) {
        return env_fail(err, ENVELOPE_E_INVALID, "header and keyring are needed");
    }
    envelope_status st = env_enter(header->ctx, err);
    if (st) {
        return st;
    }
    if (slot != ENVELOPE_ANY_SLOT && slot >= header->slots->count) {
        return env_fail(err, ENVELOPE_E_INVALID, "slot %zu: the header has %zu", slot,
                        header->slots->count);
    }
    const struct env_listener events = ENV_LISTENER(env_keyring_ctx(keyring));
    struct env_opening opening = env_opening_begin(keyring, &events);
    envelope_header *self = (envelope_header *)(uintptr_t)header; /* user has no const */
    struct env_call call;
    env_call_begin(env_keyring_ctx(keyring), &call);
    st = env_keyring_open(keyring, &opening, header->slots, slot, check_unwrapped, self, out, NULL,
                          err);
    return env_keyring_end(keyring, &call, st);
}

envelope_status env_header_enter(const envelope_header *header, const envelope_dek *dek,
                                 envelope_error *err)
{
    if (!header || !dek) {
        return env_fail(err, ENVELOPE_E_INVALID, "header and dek are needed");
    }
    envelope_status st = env_enter(header->ctx, err);
    return st ? st : check_tag(header, env_dek_key(dek), err);
}

envelope_status envelope_header_verify(const envelope_header *header, const envelope_dek *dek,
                                       envelope_error *err)
{
    return env_header_enter(header, dek, err);
}

envelope_status envelope_header_sealed(const envelope_header *header, const envelope_dek *dek,
                                       void *buf, size_t cap, size_t *len, envelope_error *err)
{
    if (!len || (cap && !buf)) {
        return env_fail(err, ENVELOPE_E_INVALID, "buf and len are needed");
    }
    *len = 0;
    envelope_status st = env_header_enter(header, dek, err);
    if (st) {
        return st;
    }
    uint8_t *plain;
    size_t plain_len;
    struct env_box box;
    st = env_box_open(header->ctx, dek, &header->copy, true, &plain, &plain_len, &box, err);
    if (st) {
        return st;
    }
    *len = box.attributes.len;
    if (*len > cap) {
        st = env_fail(err, ENVELOPE_E_RANGE, "buf has %zu bytes, %zu are needed", cap, *len);
    } else if (*len) {
        memcpy(buf, box.attributes.p, *len);
    }
    env_secret_free(header->ctx, plain, plain_len);
    return st;
}
