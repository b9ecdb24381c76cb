#include "format/wire.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>
#include <stdio.h>

enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };
enum { FIELDS_MAX = 16, TAG_BYTES_MAX = 5, LENGTH_BYTES_MAX = 5, VARINT_BYTES_MAX = 10 };
enum { MEMORY_BASE = 65536, MEMORY_FACTOR = 64, MEMORY_MAX = 268435456 };

struct scan {
    const struct env_wire_rules *rules;
    envelope_error *err;
    uint32_t unknown;
};

__attribute__((format(printf, 2, 3))) static envelope_status bad(const struct scan *s,
                                                                 const char *format, ...)
{
    char why[128];
    va_list ap;
    va_start(ap, format);
    vsnprintf(why, sizeof why, format, ap);
    va_end(ap);
    return env_fail(s->err, ENVELOPE_E_FORMAT, "%s: %s", s->rules->what, why);
}

/* Little-endian groups of seven bits; bad beyond max bytes or 64 bits. */
static uint64_t varint(struct env_cursor *c, size_t max)
{
    uint64_t v = 0;
    for (size_t i = 0; i < max; i++) {
        uint8_t b = env_get_u8(c);
        if (i == 9 && b > 1) {
            break;
        }
        v |= (uint64_t)(b & 0x7f) << 7 * i;
        if (!(b & 0x80)) {
            return v;
        }
    }
    c->bad = true;
    return 0;
}

static uint64_t biggest(ProtobufCType type)
{
    return type == PROTOBUF_C_TYPE_BOOL     ? 1
           : type == PROTOBUF_C_TYPE_UINT32 ? UINT32_MAX
                                            : UINT64_MAX;
}

static uint32_t wire_type(ProtobufCType type)
{
    bool bytes = type == PROTOBUF_C_TYPE_STRING || type == PROTOBUF_C_TYPE_BYTES ||
                 type == PROTOBUF_C_TYPE_MESSAGE;
    return bytes ? LENGTH : VARINT;
}

static uint32_t limit_of(const struct scan *s, const ProtobufCMessageDescriptor *message,
                         const ProtobufCFieldDescriptor *field)
{
    for (size_t i = 0; field->label == PROTOBUF_C_LABEL_REPEATED && i < s->rules->limit_count;
         i++) {
        const struct env_wire_limit *limit = &s->rules->limits[i];
        if (limit->message == message && limit->field == field->id) {
            return limit->count;
        }
    }
    return field->label == PROTOBUF_C_LABEL_REPEATED ? 0 : 1;
}

/* One more value of a field; used counts those before it. */
static envelope_status counted(const struct scan *s, const ProtobufCMessageDescriptor *message,
                               const ProtobufCFieldDescriptor *field, uint32_t *used)
{
    if (*used < limit_of(s, message, field)) {
        (*used)++;
        return ENVELOPE_OK;
    }
    return bad(s, "%s.%s is there %s", message->short_name, field->name,
               field->label == PROTOBUF_C_LABEL_REPEATED ? "too often" : "twice");
}

static envelope_status scan_number(const struct scan *s, const ProtobufCMessageDescriptor *message,
                                   const ProtobufCFieldDescriptor *field, struct env_cursor *c,
                                   uint32_t *used)
{
    uint64_t v = varint(c, VARINT_BYTES_MAX);
    if (c->bad || v > biggest(field->type)) {
        return bad(s, "%s.%s is no number of its kind", message->short_name, field->name);
    }
    return counted(s, message, field, used);
}

static envelope_status scan_packed(const struct scan *s, const ProtobufCMessageDescriptor *message,
                                   const ProtobufCFieldDescriptor *field, struct env_bytes value,
                                   uint32_t *used)
{
    struct env_cursor c = env_cursor_over(value.p, value.len);
    envelope_status st = ENVELOPE_OK;
    while (!st && c.left > 0) {
        st = scan_number(s, message, field, &c, used);
    }
    return st;
}

static envelope_status skip_unknown(struct scan *s, const ProtobufCMessageDescriptor *message,
                                    uint64_t number, uint32_t type, struct env_cursor *c)
{
    if (!s->rules->newer || s->unknown >= ENV_WIRE_UNKNOWN_MAX) {
        return bad(s, "%s has an unknown field %u", message->short_name, (unsigned)number);
    }
    s->unknown++;
    if (type == VARINT) {
        (void)varint(c, VARINT_BYTES_MAX);
    } else if (type == LENGTH) {
        (void)env_get_slice(c, varint(c, LENGTH_BYTES_MAX));
    } else if (type == FIXED64 || type == FIXED32) {
        (void)env_get_slice(c, type == FIXED64 ? 8 : 4);
    } else {
        c->bad = true;
    }
    return c->bad ? bad(s, "%s is cut or malformed", message->short_name) : ENVELOPE_OK;
}

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *message,
                                                uint64_t number, size_t *index)
{
    for (size_t i = 0; i < message->n_fields && i < FIELDS_MAX; i++) {
        if (message->fields[i].id == number) {
            *index = i;
            return &message->fields[i];
        }
    }
    return NULL;
}

static envelope_status scan_message(struct scan *s, const ProtobufCMessageDescriptor *message,
                                    struct env_bytes bytes, int depth);

static envelope_status scan_slice(struct scan *s, const ProtobufCMessageDescriptor *message,
                                  const ProtobufCFieldDescriptor *field, struct env_cursor *c,
                                  uint32_t *used, int depth)
{
    size_t len = varint(c, LENGTH_BYTES_MAX);
    struct env_bytes value = {env_get_slice(c, len), len};
    if (c->bad) {
        return bad(s, "%s is cut or malformed", message->short_name);
    }
    if (wire_type(field->type) == VARINT) {
        return scan_packed(s, message, field, value, used);
    }
    if (field->type == PROTOBUF_C_TYPE_STRING && !env_utf8_valid(value.p, value.len)) {
        return bad(s, "%s.%s is not UTF-8", message->short_name, field->name);
    }
    envelope_status st = counted(s, message, field, used);
    if (!st && field->type == PROTOBUF_C_TYPE_MESSAGE) {
        st = scan_message(s, field->descriptor, value, depth + 1);
    }
    return st;
}

static envelope_status scan_field(struct scan *s, const ProtobufCMessageDescriptor *message,
                                  struct env_cursor *c, uint32_t used[FIELDS_MAX], int depth)
{
    uint64_t tag = varint(c, TAG_BYTES_MAX);
    uint64_t number = tag >> 3;
    uint32_t type = tag & 7;
    size_t i = 0;
    if (c->bad || tag > UINT32_MAX || number == 0) {
        return bad(s, "%s is cut or malformed", message->short_name);
    }
    const ProtobufCFieldDescriptor *field = field_of(message, number, &i);
    if (!field) {
        return skip_unknown(s, message, number, type, c);
    }
    bool packed = field->flags & PROTOBUF_C_FIELD_FLAG_PACKED && type == LENGTH;
    if (type != wire_type(field->type) && !packed) {
        return bad(s, "%s.%s has a wrong wire type", message->short_name, field->name);
    }
    return type == VARINT ? scan_number(s, message, field, c, &used[i])
                          : scan_slice(s, message, field, c, &used[i], depth);
}

static envelope_status scan_message(struct scan *s, const ProtobufCMessageDescriptor *message,
                                    struct env_bytes bytes, int depth)
{
    uint32_t used[FIELDS_MAX] = {0};
    struct env_cursor c = env_cursor_over(bytes.p, bytes.len);
    envelope_status st =
        depth <= ENV_WIRE_DEPTH ? ENVELOPE_OK : bad(s, "messages are too deep in each other");
    while (!st && c.left > 0) {
        st = scan_field(s, message, &c, used, depth);
    }
    return st;
}

/* protobuf-c's memory, counted: what the scan let through takes less than the cap, so the cap is
 * the second lock of the door. */
struct purse {
    envelope_ctx *ctx;
    size_t left;
    bool over;
};

static void *purse_alloc(void *data, size_t size)
{
    struct purse *purse = data;
    if (size > purse->left) {
        purse->over = true;
        return NULL;
    }
    purse->left -= size;
    return env_alloc(purse->ctx, size);
}

static void purse_free(void *data, void *p)
{
    struct purse *purse = data;
    env_free(purse->ctx, p);
}

static size_t memory_for(size_t len)
{
    return len < (MEMORY_MAX - MEMORY_BASE) / MEMORY_FACTOR ? len * MEMORY_FACTOR + MEMORY_BASE
                                                            : MEMORY_MAX;
}

envelope_status env_wire_unpack(envelope_ctx *ctx, const struct env_wire_rules *rules,
                                const void *bytes, size_t len, ProtobufCMessage **out,
                                envelope_error *err)
{
    struct scan scan = {.rules = rules, .err = err};
    *out = NULL;
    envelope_status st = scan_message(&scan, rules->message, ENV_BYTES(bytes, len), 1);
    if (st) {
        return st;
    }
    struct purse purse = {ctx, memory_for(len), false};
    ProtobufCAllocator allocator = {purse_alloc, purse_free, &purse};
    *out = protobuf_c_message_unpack(rules->message, &allocator, len, bytes);
    if (*out) {
        return ENVELOPE_OK;
    }
    /* The scan has accepted the bytes: what is left as a reason is memory. */
    return purse.over ? bad(&scan, "takes more memory than its length allows") : env_nomem(err);
}

void env_wire_free(envelope_ctx *ctx, ProtobufCMessage *message)
{
    struct purse purse = {ctx, 0, false};
    ProtobufCAllocator allocator = {purse_alloc, purse_free, &purse};
    if (message) {
        protobuf_c_message_free_unpacked(message, &allocator);
    }
}

envelope_status env_wire_pack(envelope_ctx *ctx, const ProtobufCMessage *message,
                              struct env_wire_frame frame, uint8_t **out, size_t *len,
                              envelope_error *err)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    *len = 0;
    *out = env_alloc(ctx, frame.before + size + frame.after);
    if (!*out) {
        return env_nomem(err);
    }
    protobuf_c_message_pack(message, *out + frame.before);
    *len = frame.before + size + frame.after;
    return ENVELOPE_OK;
}
