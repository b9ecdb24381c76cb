#include "proto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct proto *p, const void *bytes, size_t len)
{
    if (len > sizeof p->bytes - p->len) {
        printf("Bail out! a message of a test is too long\n");
        exit(1);
    }
    if (len) {
        memcpy(p->bytes + p->len, bytes, len);
    }
    p->len += len;
}

void proto_varint(struct proto *p, uint64_t v)
{
    while (v > 0x7f) {
        uint8_t b = (uint8_t)(v | 0x80);
        put(p, &b, 1);
        v >>= 7;
    }
    uint8_t b = (uint8_t)v;
    put(p, &b, 1);
}

void proto_tag(struct proto *p, uint32_t field, uint32_t wire_type)
{
    proto_varint(p, (uint64_t)field << 3 | wire_type);
}

void proto_number(struct proto *p, uint32_t field, uint64_t v)
{
    proto_tag(p, field, 0);
    proto_varint(p, v);
}

void proto_bytes(struct proto *p, uint32_t field, const void *bytes, size_t len)
{
    proto_tag(p, field, 2);
    proto_varint(p, len);
    put(p, bytes, len);
}

void proto_message(struct proto *p, uint32_t field, const struct proto *inner)
{
    proto_bytes(p, field, inner->bytes, inner->len);
}

static void put_field(struct proto *p, const struct proto_field *f)
{
    char many[4096];
    if (!f->text && f->number) {
        proto_number(p, f->field, f->number);
        return;
    }
    if (!f->text || !f->text[0]) {
        return;
    }
    /* not strcmp: bytes of a given length need not end with a zero */
    if (f->text[0] != '*' || f->text[1]) {
        proto_bytes(p, f->field, f->text, f->len ? f->len : strlen(f->text));
        return;
    }
    memset(many, 'x', sizeof many);
    proto_bytes(p, f->field, many, f->len < sizeof many ? f->len : sizeof many);
}

void proto_fields(struct proto *p, const struct proto_field *list, struct proto_field instead)
{
    int done = instead.field == 0;
    for (; list->field; list++) {
        int same = list->field == instead.field;
        put_field(p, same ? &instead : list);
        done = done || same;
    }
    if (!done) {
        put_field(p, &instead);
    }
}
