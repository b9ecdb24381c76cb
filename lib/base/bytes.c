#include "base/bytes.h"
#include <string.h>

struct env_cursor env_cursor_over(const void *p, size_t len)
{
    return (struct env_cursor){p, len, false};
}

const uint8_t *env_get_slice(struct env_cursor *c, size_t len)
{
    if (c->bad || len > c->left) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += len;
    c->left -= len;
    return p;
}

static inline uint64_t get(struct env_cursor *c, size_t len)
{
    const uint8_t *p = env_get_slice(c, len);
    uint64_t v = 0;
    for (size_t i = 0; p && i < len; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

uint8_t env_get_u8(struct env_cursor *c)
{
    return (uint8_t)get(c, 1);
}

uint16_t env_get_u16(struct env_cursor *c)
{
    return (uint16_t)get(c, 2);
}

uint32_t env_get_u32(struct env_cursor *c)
{
    return (uint32_t)get(c, 4);
}

uint64_t env_get_u64(struct env_cursor *c)
{
    return get(c, 8);
}

int64_t env_get_i64(struct env_cursor *c)
{
    return (int64_t)get(c, 8);
}

void env_get_copy(struct env_cursor *c, void *out, size_t len)
{
    const uint8_t *p = env_get_slice(c, len);
    if (!p) {
        memset(out, 0, len);
    } else if (len) {
        memcpy(out, p, len);
    }
}

void env_get_zeros(struct env_cursor *c, size_t len)
{
    const uint8_t *p = env_get_slice(c, len);
    if (p && !env_all_zero(p, len)) {
        c->bad = true;
    }
}

bool env_all_zero(const void *p, size_t len)
{
    const uint8_t *b = p;
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= b[i];
    }
    return any == 0;
}

bool env_cursor_done(const struct env_cursor *c)
{
    return !c->bad && c->left == 0;
}

struct env_out env_out_over(void *p, size_t cap)
{
    return (struct env_out){p, cap, 0, false};
}

void env_put_bytes(struct env_out *o, const void *p, size_t len)
{
    if (o->full || len > o->cap - o->len) {
        o->full = true;
        return;
    }
    if (len) {
        memcpy(o->p + o->len, p, len);
    }
    o->len += len;
}

static void put(struct env_out *o, uint64_t v, size_t len)
{
    uint8_t b[8];
    for (size_t i = 0; i < len; i++) {
        b[i] = (uint8_t)(v >> 8 * (len - 1 - i));
    }
    env_put_bytes(o, b, len);
}

void env_put_u8(struct env_out *o, uint8_t v)
{
    put(o, v, 1);
}

void env_put_u16(struct env_out *o, uint16_t v)
{
    put(o, v, 2);
}

void env_put_u32(struct env_out *o, uint32_t v)
{
    put(o, v, 4);
}

void env_put_u64(struct env_out *o, uint64_t v)
{
    put(o, v, 8);
}

void env_put_i64(struct env_out *o, int64_t v)
{
    put(o, (uint64_t)v, 8);
}

void env_put_zeros(struct env_out *o, size_t len)
{
    if (o->full || len > o->cap - o->len) {
        o->full = true;
        return;
    }
    memset(o->p + o->len, 0, len);
    o->len += len;
}

bool env_equal_secret(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t different = 0;
    for (size_t i = 0; i < len; i++) {
        different |= (uint8_t)(x[i] ^ y[i]);
    }
    return different == 0;
}

void env_wipe(void *p, size_t len)
{
    if (len) {
        explicit_bzero(p, len);
    }
}
