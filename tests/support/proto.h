/* proto.h - protobuf by hand, so that tests can write what an encoder never would. */
#ifndef TESTS_PROTO_H
#define TESTS_PROTO_H
#include <stddef.h>
#include <stdint.h>

enum { PROTO_MAX = 131072 };
struct proto {
    size_t len;
    uint8_t bytes[PROTO_MAX];
};
void proto_varint(struct proto *p, uint64_t v);
void proto_tag(struct proto *p, uint32_t field, uint32_t wire_type);
void proto_number(struct proto *p, uint32_t field, uint64_t v);
void proto_bytes(struct proto *p, uint32_t field, const void *bytes, size_t len);
void proto_message(struct proto *p, uint32_t field, const struct proto *inner);

/* One field of a message: a number, or with text the bytes of it; len 0 with text: strlen, and
 * text "*" is len times 'x'. field 0 ends a list. */
struct proto_field {
    uint32_t field;
    uint64_t number;
    const char *text;
    size_t len;
};
/* The list, except that a field that is also in instead (may be field 0) is taken from there; one
 * that the list has not is added. A number of 0 and an empty text are left out. */
void proto_fields(struct proto *p, const struct proto_field *list, struct proto_field instead);
#endif
