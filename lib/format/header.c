#include "format/header.h"
#include "base/error.h"
#include "format/crc32c.h"
#include <string.h>

static const uint8_t magic[8] = {0x89, 0x45, 0x4e, 0x56, 0x0d, 0x0a, 0x1a, 0x0a};
enum { CRC_BYTES = 4, END_BYTES = ENV_TAG_MAC_BYTES + CRC_BYTES, SCALES = 4 };

struct pre {
    uint8_t major;
    uint8_t minor;
    uint8_t role;
    uint8_t zero;
    uint32_t incompat;
    uint32_t ro_compat;
    uint32_t capacity;
    uint32_t core_len;
    uint32_t mut_len;
};

static envelope_status bad(envelope_error *err, const char *why)
{
    return env_fail(err, ENVELOPE_E_FORMAT, "header: %s", why);
}

bool env_copy_magic(const void *bytes, size_t len)
{
    return len >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

static bool padded_capacity(uint32_t capacity)
{
    for (uint32_t k = 0; k < SCALES; k++) {
        if (capacity == (uint32_t)ENV_CAPACITY_MIN << k) {
            return true;
        }
    }
    return false;
}

static envelope_status get_pre(const void *bytes, size_t len, struct pre *pre, envelope_error *err)
{
    struct env_cursor c = env_cursor_over(bytes, len);
    const uint8_t *m = env_get_slice(&c, sizeof magic);
    if (!m || memcmp(m, magic, sizeof magic)) {
        return bad(err, "no header is there");
    }
    pre->major = env_get_u8(&c);
    pre->minor = env_get_u8(&c);
    pre->role = env_get_u8(&c);
    pre->zero = env_get_u8(&c);
    pre->incompat = env_get_u32(&c);
    pre->ro_compat = env_get_u32(&c);
    pre->capacity = env_get_u32(&c);
    pre->core_len = env_get_u32(&c);
    pre->mut_len = env_get_u32(&c);
    if (c.bad || pre->capacity < ENV_PRE_BYTES + CRC_BYTES || pre->capacity > ENV_CAPACITY_MAX ||
        pre->capacity > len) {
        return bad(err, "cut, or its capacity is not possible");
    }
    return ENVELOPE_OK;
}

static envelope_status check_crc(const uint8_t *bytes, uint32_t capacity, envelope_error *err)
{
    struct env_cursor c = env_cursor_over(bytes + capacity - CRC_BYTES, CRC_BYTES);
    return env_get_u32(&c) == env_crc32c(bytes, capacity - CRC_BYTES) ? ENVELOPE_OK
                                                                      : bad(err, "damaged (CRC)");
}

static envelope_status check_pre(const struct pre *pre, uint8_t role, envelope_error *err)
{
    if (pre->major != ENV_FORMAT_MAJOR || pre->incompat) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "header: format %u with feature bits %08x needs a newer library",
                        pre->major, pre->incompat);
    }
    if (pre->role != role || pre->zero) {
        return bad(err, "another copy is here than the one expected");
    }
    uint64_t need =
        (uint64_t)ENV_PRE_BYTES + pre->core_len + ENV_ATT_BYTES + pre->mut_len + END_BYTES;
    bool foreign = role == ENV_ROLE_FOREIGN;
    if (foreign ? need != pre->capacity : need > pre->capacity || !padded_capacity(pre->capacity)) {
        return bad(err, "its lengths and its capacity do not agree");
    }
    return ENVELOPE_OK;
}

static bool get_block(struct env_cursor *c, struct env_bytes *out)
{
    size_t len = env_get_u32(c);
    out->p = env_get_slice(c, len);
    out->len = c->bad ? 0 : len;
    return !c->bad;
}

static envelope_status get_core(struct env_copy *copy, envelope_error *err)
{
    struct env_cursor c = env_cursor_over(copy->core.p, copy->core.len);
    copy->id_bytes = env_get_slice(&c, ENV_ID_BYTES);
    copy->prefix = env_get_slice(&c, ENV_PAYLOAD_PREFIX_BYTES);
    get_block(&c, &copy->box);
    bool foreign = copy->role == ENV_ROLE_FOREIGN;
    if (foreign) {
        get_block(&c, &copy->context);
    }
    if (!env_cursor_done(&c) || copy->context.len > ENV_FOREIGN_CONTEXT_MAX) {
        return bad(err, "CORE is malformed");
    }
    envelope_status st = env_id_get(copy->id_bytes, &copy->id, err);
    if (st) {
        return st;
    }
    if (foreign != (copy->id.kind == ENV_KIND_FOREIGN)) {
        return bad(err, "the kind of object does not fit the copy's role");
    }
    bool zero = env_all_zero(copy->prefix, ENV_PAYLOAD_PREFIX_BYTES);
    return foreign && !zero ? bad(err, "foreign, but P is not zero") : ENVELOPE_OK;
}

static envelope_status get_mut(struct env_copy *copy, envelope_error *err)
{
    struct env_cursor c = env_cursor_over(copy->mut.p, copy->mut.len);
    copy->revision = env_get_u64(&c);
    get_block(&c, &copy->slots);
    return env_cursor_done(&c) && copy->revision ? ENVELOPE_OK : bad(err, "MUT is malformed");
}

static envelope_status get_parts(const struct pre *pre, struct env_copy *copy, envelope_error *err)
{
    struct env_cursor c = env_cursor_over(copy->whole.p, copy->whole.len);
    (void)env_get_slice(&c, ENV_PRE_BYTES);
    copy->core = ENV_BYTES(env_get_slice(&c, pre->core_len), pre->core_len);
    copy->att = env_get_slice(&c, ENV_ATT_BYTES);
    copy->mut = ENV_BYTES(env_get_slice(&c, pre->mut_len), pre->mut_len);
    env_get_zeros(&c, c.left - END_BYTES);
    if (c.bad) {
        return bad(err, "what must be zero is not");
    }
    copy->tag = env_get_slice(&c, ENV_TAG_MAC_BYTES);
    envelope_status st = get_core(copy, err);
    st = st ? st : get_mut(copy, err);
    bool attested = copy->id.kind != ENV_KIND_FOREIGN && copy->id.standing == ENV_ATTESTED;
    if (!st && !attested && !env_all_zero(copy->att, ENV_ATT_BYTES)) {
        st = bad(err, "ATT is not zero in an object that is not attested");
    }
    return st;
}

envelope_status env_copy_parse(const void *bytes, size_t len, uint8_t role, struct env_copy *out,
                               envelope_error *err)
{
    struct pre pre = {0};
    memset(out, 0, sizeof *out);
    envelope_status st = get_pre(bytes, len, &pre, err);
    st = st ? st : check_crc(bytes, pre.capacity, err);
    st = st ? st : check_pre(&pre, role, err);
    if (st) {
        return st;
    }
    struct env_copy copy = {.minor = pre.minor,
                            .role = pre.role,
                            .ro_compat = pre.ro_compat,
                            .capacity = pre.capacity,
                            .whole = {bytes, pre.capacity}};
    st = get_parts(&pre, &copy, err);
    if (!st) {
        *out = copy;
    }
    return st;
}

/* u64 revision, u32 length, Slots */
static size_t mut_bytes(const struct env_copy_parts *parts)
{
    return 8 + 4 + parts->slots.len;
}

size_t env_copy_need(const struct env_copy_parts *parts)
{
    return ENV_PRE_BYTES + parts->core.len + ENV_ATT_BYTES + mut_bytes(parts) + END_BYTES;
}

uint32_t env_copy_capacity(const struct env_copy_parts *parts)
{
    size_t need = env_copy_need(parts);
    if (need > ENV_CAPACITY_MAX) {
        return 0;
    }
    if (parts->foreign) {
        return (uint32_t)need;
    }
    for (uint32_t k = 0; k < SCALES; k++) {
        uint32_t capacity = (uint32_t)ENV_CAPACITY_MIN << k;
        if (need <= capacity / 2) {
            return capacity;
        }
    }
    return ENV_CAPACITY_MAX;
}

void env_copy_put(const struct env_copy_parts *parts, uint8_t role, uint32_t capacity, void *out)
{
    struct env_out o = env_out_over(out, capacity);
    env_put_bytes(&o, magic, sizeof magic);
    env_put_u8(&o, ENV_FORMAT_MAJOR);
    env_put_u8(&o, ENV_FORMAT_MINOR);
    env_put_u8(&o, role);
    env_put_u8(&o, 0);
    env_put_u32(&o, 0);
    env_put_u32(&o, 0);
    env_put_u32(&o, capacity);
    env_put_u32(&o, (uint32_t)parts->core.len);
    env_put_u32(&o, (uint32_t)mut_bytes(parts));
    env_put_bytes(&o, parts->core.p, parts->core.len);
    env_put_bytes(&o, parts->att, ENV_ATT_BYTES);
    env_put_u64(&o, parts->revision);
    env_put_u32(&o, (uint32_t)parts->slots.len);
    env_put_bytes(&o, parts->slots.p, parts->slots.len);
    env_put_zeros(&o, capacity - o.len);
}

void env_copy_finish(void *copy, uint32_t capacity, const uint8_t tag[ENV_TAG_MAC_BYTES])
{
    uint8_t *end = (uint8_t *)copy + capacity - END_BYTES;
    struct env_out o = env_out_over(end, END_BYTES);
    env_put_bytes(&o, tag, ENV_TAG_MAC_BYTES);
    env_put_u32(&o, env_crc32c(copy, capacity - CRC_BYTES));
}

size_t env_core_put(const uint8_t id[ENV_ID_BYTES], const uint8_t prefix[ENV_PAYLOAD_PREFIX_BYTES],
                    struct env_bytes box, const struct env_bytes *context, void *out, size_t cap)
{
    if (box.len > ENV_CAPACITY_MAX || (context && context->len > ENV_FOREIGN_CONTEXT_MAX)) {
        return 0;
    }
    struct env_out o = env_out_over(out, cap);
    env_put_bytes(&o, id, ENV_ID_BYTES);
    env_put_bytes(&o, prefix, ENV_PAYLOAD_PREFIX_BYTES);
    env_put_u32(&o, (uint32_t)box.len);
    env_put_bytes(&o, box.p, box.len);
    if (context) {
        env_put_u32(&o, (uint32_t)context->len);
        env_put_bytes(&o, context->p, context->len);
    }
    return o.full ? 0 : o.len;
}
