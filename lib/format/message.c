#include "format/message.h"
#include "base/error.h"
#include "format/envelope.pb-c.h"
#include <string.h>

bool env_message_text(char *out, size_t cap, const char *text)
{
    size_t len = strlen(text);
    if (len >= cap) {
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

bool env_message_fixed(void *out, size_t len, const ProtobufCBinaryData *in)
{
    if (in->len != len) {
        return false;
    }
    if (len) {
        memcpy(out, in->data, len);
    }
    return true;
}

bool env_message_fingerprint(uint8_t out[32], bool *has, const ProtobufCBinaryData *in)
{
    *has = in->len != 0;
    return !*has || env_message_fixed(out, ENVELOPE_FINGERPRINT_BYTES, in);
}

/* protobuf-c has no const; packing only reads. */
ProtobufCBinaryData env_message_bytes(const void *p, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)p};
}

void *env_message_array(envelope_ctx *ctx, size_t count, size_t size)
{
    uint8_t *block = env_alloc_array(ctx, count, sizeof(void *) + size);
    for (size_t i = 0; block && i < count; i++) {
        void *item = block + count * sizeof(void *) + i * size;
        memcpy(block + i * sizeof item, &item, sizeof item);
    }
    return block;
}

static bool get_recipient(const Libenvelope__Recipient *in, struct env_recipient *out)
{
    out->kind = in->kind <= INT32_MAX ? (int32_t)in->kind : 0;
    return env_message_text(out->kms_id, sizeof out->kms_id, in->kms_id) &&
           env_message_text(out->name, sizeof out->name, in->name) &&
           env_message_fingerprint(out->fingerprint, &out->has_fingerprint, &in->fingerprint);
}

envelope_status env_message_get_recipients(Libenvelope__Recipient *const *in, size_t count,
                                           const char *what, struct env_recipients *out,
                                           envelope_error *err)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < count && i < ENV_RECIPIENTS_LIMIT; i++) {
        if (!get_recipient(in[i], &out->item[i])) {
            return env_fail(err, ENVELOPE_E_FORMAT, "%s, recipient %zu: a member is too long", what,
                            i + 1);
        }
    }
    out->count = count;
    return env_recipients_check(out, what, ENVELOPE_E_FORMAT, err);
}

static envelope_status get_key(envelope_ctx *ctx, const Libenvelope__Key *in, const char *what,
                               struct env_keys *out, envelope_error *err)
{
    /* Borrowed: env_keys_add copies. */
    struct env_key key = {.kind = in->kind <= INT32_MAX ? (int32_t)in->kind : 0,
                          .version = in->version,
                          .kms_id = in->kms_id,
                          .name = in->name,
                          .key_id = in->key_id,
                          .superseded = in->superseded,
                          .spki = in->spki.data,
                          .spki_len = in->spki.len};
    if (!env_message_fingerprint(key.fingerprint, &key.has_fingerprint, &in->fingerprint)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "%s, key %zu: a fingerprint has 32 bytes", what,
                        out->count + 1);
    }
    return env_keys_add(ctx, out, &key, err);
}

envelope_status env_message_get_keys(envelope_ctx *ctx, Libenvelope__Key *const *in, size_t count,
                                     bool spki, const char *what, struct env_keys *out,
                                     envelope_error *err)
{
    memset(out, 0, sizeof *out);
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; i < count && !st; i++) {
        st = get_key(ctx, in[i], what, out, err);
    }
    st = st ? st : env_keys_check(out, spki, what, ENVELOPE_E_FORMAT, err);
    if (st) {
        env_keys_free(ctx, out);
    }
    return st;
}

Libenvelope__Recipient **env_message_put_recipients(envelope_ctx *ctx,
                                                    const struct env_recipients *in)
{
    Libenvelope__Recipient **out = env_message_array(ctx, in->count, sizeof **out);
    for (size_t i = 0; out && i < in->count; i++) {
        const struct env_recipient *r = &in->item[i];
        libenvelope__recipient__init(out[i]);
        out[i]->kind = (uint32_t)r->kind;
        out[i]->kms_id = (char *)r->kms_id;
        out[i]->name = (char *)r->name;
        out[i]->fingerprint =
            env_message_bytes(r->fingerprint, r->has_fingerprint ? sizeof r->fingerprint : 0);
    }
    return out;
}

Libenvelope__Key **env_message_put_keys(envelope_ctx *ctx, const struct env_keys *in)
{
    Libenvelope__Key **out = env_message_array(ctx, in->count, sizeof **out);
    for (size_t i = 0; out && i < in->count; i++) {
        const struct env_key *k = &in->item[i];
        libenvelope__key__init(out[i]);
        out[i]->kind = (uint32_t)k->kind;
        out[i]->kms_id = k->kms_id;
        out[i]->name = k->name;
        out[i]->key_id = k->key_id;
        out[i]->version = k->version;
        out[i]->fingerprint =
            env_message_bytes(k->fingerprint, k->has_fingerprint ? sizeof k->fingerprint : 0);
        out[i]->superseded = k->superseded;
        out[i]->spki = env_message_bytes(k->spki, k->spki_len);
    }
    return out;
}
