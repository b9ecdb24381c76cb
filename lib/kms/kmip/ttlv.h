/* kms/kmip/ttlv.h - TTLV, the encoding of KMIP (KMIP 1.4, section 9.1): tag 3 bytes, type 1, length
 * 4, value, zeros to a multiple of 8. Strict when writing; when reading lenient on what the padding
 * holds, and on nothing else. Rules: docs/kmip.md. */
#ifndef ENV_KMIP_TTLV_H
#define ENV_KMIP_TTLV_H
#include "base/bytes.h"
#include "base/context.h"
#include "kms/kmip/names.h"

enum {
    ENV_TTLV_STRUCTURE = 1,
    ENV_TTLV_INTEGER = 2,
    ENV_TTLV_LONG = 3,
    ENV_TTLV_BIG = 4,
    ENV_TTLV_ENUM = 5,
    ENV_TTLV_BOOLEAN = 6,
    ENV_TTLV_TEXT = 7,
    ENV_TTLV_BYTES = 8,
    ENV_TTLV_DATE = 9,
    ENV_TTLV_INTERVAL = 10
};
enum { ENV_TTLV_HEAD = 8, ENV_TTLV_DEPTH = 16 };

/* -- reading */

/* The items of one structure, one after the other. Only over bytes that env_ttlv_whole approved. */
struct env_ttlv {
    const uint8_t *p;
    size_t left;
};
struct env_ttlv_item {
    uint32_t tag; /* 0: not there */
    uint8_t type;
    uint32_t len;
    const uint8_t *value;
};
/* Is it exactly one item, well-formed to its last leaf: tags and types known, lengths right for the
 * type and within the parent, at most ENV_TTLV_DEPTH structures within each other, text valid UTF-8
 * without U+0000? false names in *why (may be NULL) the rule of docs/kmip.md that is broken first.
 * Nothing is allocated. */
bool env_ttlv_whole(const void *bytes, size_t len, const char **why);
/* The message as one item; whole() must have been true. */
struct env_ttlv env_ttlv_over(const void *bytes, size_t len);
/* false at the end. */
bool env_ttlv_next(struct env_ttlv *c, struct env_ttlv_item *out);
struct env_ttlv env_ttlv_inside(const struct env_ttlv_item *structure);

/* One structure against what it may hold, given in the order of the specification. A field of a
 * known tag must have its type, stand in that order, and stand once unless it may be repeated;
 * others are passed over, since servers add fields. */
struct env_ttlv_field {
    uint32_t tag;
    uint8_t type; /* 0: any, the caller looks */
    bool required;
    bool repeated; /* items[i] is the first; go on with env_ttlv_again */
};
/* items[n], one for each field. E_FORMAT names the structure and the field. */
envelope_status env_ttlv_fields(struct env_ttlv c, const struct env_ttlv_field *fields, size_t n,
                                struct env_ttlv_item *items, const char *what, envelope_error *err);
/* The next item of the same tag behind `item` in the structure c; false: no more. */
bool env_ttlv_again(struct env_ttlv c, struct env_ttlv_item *item);

/* Of an item of that type (whole() checked the length). */
int32_t env_ttlv_int(const struct env_ttlv_item *item);
int64_t env_ttlv_long(const struct env_ttlv_item *item); /* LONG and DATE */
uint32_t env_ttlv_enum(const struct env_ttlv_item *item);
bool env_ttlv_bool(const struct env_ttlv_item *item);
/* Terminated; false: longer than cap - 1, then out is "". */
bool env_ttlv_text(const struct env_ttlv_item *item, char *out, size_t cap);
bool env_ttlv_text_is(const struct env_ttlv_item *item, const char *text);

/* -- writing: sticky, like env_out; check once at the end. */

struct env_ttlv_out {
    struct env_out out;
    size_t open[ENV_TTLV_DEPTH]; /* where each open structure's length stands */
    unsigned depth;
    bool bad; /* full, too deep, closed more often than opened, or text that is not UTF-8 */
};
/* buf is the caller's: the arena where the message holds a secret. */
struct env_ttlv_out env_ttlv_out_over(void *buf, size_t cap);
void env_ttlv_open(struct env_ttlv_out *o, uint32_t tag);
void env_ttlv_close(struct env_ttlv_out *o);
void env_ttlv_put_int(struct env_ttlv_out *o, uint32_t tag, int32_t v);
void env_ttlv_put_long(struct env_ttlv_out *o, uint32_t tag, int64_t v);
/* Two's complement, big-endian, 1 byte or more: a positive number begins with a bit that is 0. */
void env_ttlv_put_big(struct env_ttlv_out *o, uint32_t tag, const void *v, size_t len);
void env_ttlv_put_enum(struct env_ttlv_out *o, uint32_t tag, uint32_t v);
void env_ttlv_put_bool(struct env_ttlv_out *o, uint32_t tag, bool v);
void env_ttlv_put_text(struct env_ttlv_out *o, uint32_t tag, const char *v);
void env_ttlv_put_bytes(struct env_ttlv_out *o, uint32_t tag, const void *v, size_t len);
void env_ttlv_put_date(struct env_ttlv_out *o, uint32_t tag, int64_t v);
void env_ttlv_put_interval(struct env_ttlv_out *o, uint32_t tag, uint32_t v);
/* Any item as it was read (for proofs that reading loses nothing). */
void env_ttlv_put_item(struct env_ttlv_out *o, const struct env_ttlv_item *item);
/* Everything closed, and it fitted: its length; else 0. */
size_t env_ttlv_out_done(const struct env_ttlv_out *o);
#endif
