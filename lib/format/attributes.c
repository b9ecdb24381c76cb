#include "format/attributes.h"
#include "base/error.h"
#include "base/text.h"
#include "format/id.h"
#include <envelope/key.h>
#include <string.h>

struct attribute {
    struct env_bytes name;
    struct env_bytes value;
};

static bool next(struct env_cursor *c, struct attribute *a)
{
    a->name.len = env_get_u8(c);
    a->name.p = env_get_slice(c, a->name.len);
    a->value.len = env_get_u16(c);
    a->value.p = env_get_slice(c, a->value.len);
    return !c->bad;
}

static int compare(struct env_bytes a, struct env_bytes b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int d = shorter ? memcmp(a.p, b.p, shorter) : 0;
    return d ? d : (a.len > b.len) - (a.len < b.len);
}

static bool is(struct env_bytes name, const char *text)
{
    return compare(name, ENV_BYTES(text, strlen(text))) == 0;
}

static bool name_valid(struct env_bytes name)
{
    const uint8_t *p = name.p;
    for (size_t i = 0; i < name.len; i++) {
        bool ok = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '.' ||
                  p[i] == '_' || p[i] == '-';
        if (!ok) {
            return false;
        }
    }
    return name.len >= 1 && name.len <= ENV_ATTRIBUTE_NAME_MAX;
}

/* What we ourselves read later must be readable. */
static bool own_valid(const struct attribute *a)
{
    if (is(a->name, ENV_ATTRIBUTE_LABEL)) {
        return a->value.len <= ENVELOPE_KEY_NAME_MAX && env_utf8_valid(a->value.p, a->value.len);
    }
    if (is(a->name, ENV_ATTRIBUTE_NUMBER)) {
        struct env_cursor c = env_cursor_over(a->value.p, a->value.len);
        uint64_t number = env_get_u64(&c);
        return env_cursor_done(&c) && number >= 1 && number < ENV_NUMBER_LIMIT;
    }
    return !is(a->name, ENV_ATTRIBUTE_BEGUN) || a->value.len == 8;
}

envelope_status env_attributes_check(struct env_bytes attributes, envelope_error *err)
{
    struct env_cursor c = env_cursor_over(attributes.p, attributes.len);
    struct env_bytes before = {NULL, 0};
    struct attribute a;
    if (attributes.len > ENV_ATTRIBUTES_MAX) {
        return env_fail(err, ENVELOPE_E_FORMAT, "attributes: more than %d bytes",
                        ENV_ATTRIBUTES_MAX);
    }
    while (c.left > 0) {
        if (!next(&c, &a) || !name_valid(a.name) || compare(a.name, before) <= 0) {
            return env_fail(err, ENVELOPE_E_FORMAT, "attributes: malformed, or out of order");
        }
        if (!own_valid(&a)) {
            return env_fail(err, ENVELOPE_E_FORMAT, "attributes: %.*s has an impossible value",
                            (int)a.name.len, (const char *)a.name.p);
        }
        before = a.name;
    }
    return ENVELOPE_OK;
}

bool env_attributes_find(struct env_bytes attributes, const char *name, struct env_bytes *value)
{
    struct env_cursor c = env_cursor_over(attributes.p, attributes.len);
    struct attribute a;
    while (c.left > 0 && next(&c, &a)) {
        if (is(a.name, name)) {
            *value = a.value;
            return true;
        }
    }
    *value = ENV_BYTES(NULL, 0);
    return false;
}

bool env_attribute_name_valid(const char *name)
{
    return name && name[0] != '.' && name_valid(ENV_BYTES(name, strlen(name)));
}

/* Where an attribute of this name stands or belongs, and how many bytes it has there now. */
static size_t place(const uint8_t *buf, size_t len, struct env_bytes name, size_t *old)
{
    struct env_cursor c = env_cursor_over(buf, len);
    struct attribute a;
    *old = 0;
    while (c.left > 0) {
        size_t at = len - c.left;
        int d = next(&c, &a) ? compare(a.name, name) : 1;
        if (d >= 0) {
            *old = d == 0 ? len - c.left - at : 0;
            return at;
        }
    }
    return len;
}

envelope_status env_attributes_set(uint8_t *buf, size_t cap, size_t *len, const char *name,
                                   const void *value, size_t value_len, envelope_error *err)
{
    struct attribute a = {ENV_BYTES(name, strlen(name)), ENV_BYTES(value, value_len)};
    if (!name_valid(a.name) || (value_len <= UINT16_MAX && !own_valid(&a))) {
        return env_fail(err, ENVELOPE_E_INVALID, "attribute: no such name, or an impossible value");
    }
    size_t limit = cap < ENV_ATTRIBUTES_MAX ? cap : ENV_ATTRIBUTES_MAX;
    size_t size = 1 + a.name.len + 2 + value_len;
    size_t old;
    size_t at = place(buf, *len, a.name, &old);
    if (value_len > UINT16_MAX || *len - old > limit || size > limit - (*len - old)) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "attribute %s: all together take more than %zu bytes", name, limit);
    }
    memmove(buf + at + size, buf + at + old, *len - at - old);
    struct env_out o = env_out_over(buf + at, size);
    env_put_u8(&o, (uint8_t)a.name.len);
    env_put_bytes(&o, a.name.p, a.name.len);
    env_put_u16(&o, (uint16_t)value_len);
    env_put_bytes(&o, value, value_len);
    *len = *len - old + size;
    return ENVELOPE_OK;
}
