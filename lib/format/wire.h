/* format/wire.h - protobuf from outside. The bytes are scanned before protobuf-c sees them, because
 * it keeps the last of a singular field given twice, keeps unknown fields, takes any U+0000, and
 * turns a megabyte of empty submessages into fifty. */
#ifndef ENV_FORMAT_WIRE_H
#define ENV_FORMAT_WIRE_H
#include "base/context.h"
#include <stdbool.h>

struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;

enum {
    ENV_WIRE_DEPTH = 3,         /* messages within each other, the outermost counted */
    ENV_WIRE_UNKNOWN_MAX = 1024 /* unknown fields that are passed over, in one message of all */
};

/* How often a repeated field may stand in one message; one without a limit here is refused. */
struct env_wire_limit {
    const struct ProtobufCMessageDescriptor *message;
    uint32_t field;
    uint32_t count;
};
struct env_wire_rules {
    const struct ProtobufCMessageDescriptor *message;
    const char *what; /* for errors: "head" */
    bool newer;       /* unknown fields are passed over */
    const struct env_wire_limit *limits;
    size_t limit_count;
};

/* Fields in any order and defaults written out are accepted, and so are varints longer than they
 * must be; docs/format.md, "Protobuf", numbers what is refused. E_FORMAT, E_NOMEM. */
envelope_status env_wire_unpack(envelope_ctx *ctx, const struct env_wire_rules *rules,
                                const void *bytes, size_t len, struct ProtobufCMessage **out,
                                envelope_error *err);
void env_wire_free(envelope_ctx *ctx, struct ProtobufCMessage *message);

/* Zeroed bytes before the message and after it, for what it stands in. */
struct env_wire_frame {
    size_t before;
    size_t after;
};
/* *out is env_alloc'ed. E_NOMEM. */
envelope_status env_wire_pack(envelope_ctx *ctx, const struct ProtobufCMessage *message,
                              struct env_wire_frame frame, uint8_t **out, size_t *len,
                              envelope_error *err);
#endif
