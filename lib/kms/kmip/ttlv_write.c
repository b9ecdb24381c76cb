#include "base/text.h"
#include "kms/kmip/ttlv.h"
#include <string.h>

struct env_ttlv_out env_ttlv_out_over(void *buf, size_t cap)
{
    return (struct env_ttlv_out){.out = env_out_over(buf, cap)};
}

static void head(struct env_ttlv_out *o, uint32_t tag, uint8_t type, size_t len)
{
    if (tag > 0xffffff || len > UINT32_MAX) {
        o->bad = true;
        return;
    }
    env_put_u32(&o->out, tag << 8 | type);
    env_put_u32(&o->out, (uint32_t)len);
}

/* Sticky: nothing is written behind what went wrong. */
static void leaf(struct env_ttlv_out *o, uint32_t tag, uint8_t type, struct env_bytes v)
{
    if (o->bad) {
        return;
    }
    head(o, tag, type, v.len);
    env_put_bytes(&o->out, v.p, v.len);
    env_put_zeros(&o->out, (8 - v.len % 8) % 8);
    o->bad |= o->out.full;
}

static void number(struct env_ttlv_out *o, uint32_t tag, uint8_t type, uint64_t v, size_t len)
{
    uint8_t b[8];
    struct env_out value = env_out_over(b, sizeof b);
    env_put_u64(&value, v);
    leaf(o, tag, type, ENV_BYTES(b + sizeof b - len, len));
}

void env_ttlv_open(struct env_ttlv_out *o, uint32_t tag)
{
    if (o->bad || o->depth == ENV_TTLV_DEPTH) {
        o->bad = true;
        return;
    }
    leaf(o, tag, ENV_TTLV_STRUCTURE, ENV_BYTES(NULL, 0));
    o->open[o->depth++] = o->out.len;
}

void env_ttlv_close(struct env_ttlv_out *o)
{
    if (o->bad || !o->depth) {
        o->bad = true;
        return;
    }
    size_t start = o->open[--o->depth];
    size_t len = o->out.len - start;
    if (len > UINT32_MAX) {
        o->bad = true;
        return;
    }
    struct env_out length = env_out_over(o->out.p + start - 4, 4);
    env_put_u32(&length, (uint32_t)len);
}

void env_ttlv_put_int(struct env_ttlv_out *o, uint32_t tag, int32_t v)
{
    number(o, tag, ENV_TTLV_INTEGER, (uint32_t)v, 4);
}

void env_ttlv_put_long(struct env_ttlv_out *o, uint32_t tag, int64_t v)
{
    number(o, tag, ENV_TTLV_LONG, (uint64_t)v, 8);
}

/* Sign bytes in front to a multiple of 8 (KMIP 1.4, section 9.1.1.4), at least 8 in all. */
void env_ttlv_put_big(struct env_ttlv_out *o, uint32_t tag, const void *v, size_t len)
{
    static const uint8_t sign[2][8] = {{0}, {255, 255, 255, 255, 255, 255, 255, 255}};
    const uint8_t *p = v;
    size_t front = (8 - len % 8) % 8;
    if (o->bad || !len || len > UINT32_MAX - 7) {
        o->bad = true;
        return;
    }
    head(o, tag, ENV_TTLV_BIG, front + len);
    env_put_bytes(&o->out, sign[p[0] >> 7], front);
    env_put_bytes(&o->out, p, len);
    o->bad |= o->out.full;
}

void env_ttlv_put_enum(struct env_ttlv_out *o, uint32_t tag, uint32_t v)
{
    number(o, tag, ENV_TTLV_ENUM, v, 4);
}

void env_ttlv_put_bool(struct env_ttlv_out *o, uint32_t tag, bool v)
{
    number(o, tag, ENV_TTLV_BOOLEAN, v, 8);
}

void env_ttlv_put_text(struct env_ttlv_out *o, uint32_t tag, const char *v)
{
    size_t len = strlen(v);
    o->bad |= !env_utf8_valid(v, len);
    leaf(o, tag, ENV_TTLV_TEXT, ENV_BYTES(v, len));
}

void env_ttlv_put_bytes(struct env_ttlv_out *o, uint32_t tag, const void *v, size_t len)
{
    leaf(o, tag, ENV_TTLV_BYTES, ENV_BYTES(v, len));
}

void env_ttlv_put_date(struct env_ttlv_out *o, uint32_t tag, int64_t v)
{
    number(o, tag, ENV_TTLV_DATE, (uint64_t)v, 8);
}

void env_ttlv_put_interval(struct env_ttlv_out *o, uint32_t tag, uint32_t v)
{
    number(o, tag, ENV_TTLV_INTERVAL, v, 4);
}

/* Recursion ends with the depth: open makes it bad. */
void env_ttlv_put_item(struct env_ttlv_out *o, const struct env_ttlv_item *item)
{
    if (item->type != ENV_TTLV_STRUCTURE) {
        leaf(o, item->tag, item->type, ENV_BYTES(item->value, item->len));
        return;
    }
    struct env_ttlv inside = env_ttlv_inside(item);
    struct env_ttlv_item child;
    env_ttlv_open(o, item->tag);
    while (!o->bad && env_ttlv_next(&inside, &child)) {
        env_ttlv_put_item(o, &child);
    }
    env_ttlv_close(o);
}

size_t env_ttlv_out_done(const struct env_ttlv_out *o)
{
    return o->bad || o->out.full || o->depth ? 0 : o->out.len;
}
