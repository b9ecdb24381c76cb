#include "format/box.h"
#include "base/error.h"
#include "format/attributes.h"
#include <string.h>

enum { FIXED_BYTES = 32 + 32 + 4 + 4 };

size_t env_box_bytes(const struct env_box *box)
{
    size_t len = FIXED_BYTES + box->attributes.len + (size_t)box->count * ENV_PAIR_BYTES;
    return (len + ENV_BOX_STEP - 1) / ENV_BOX_STEP * ENV_BOX_STEP;
}

static void put_secret(struct env_out *o, const uint8_t *secret)
{
    if (secret) {
        env_put_bytes(o, secret, 32);
        return;
    }
    env_put_zeros(o, 32);
}

void env_box_put(const struct env_box *box, void *out, size_t len)
{
    struct env_out o = env_out_over(out, len);
    put_secret(&o, box->root);
    put_secret(&o, box->block_hash);
    env_put_u32(&o, (uint32_t)box->attributes.len);
    env_put_bytes(&o, box->attributes.p, box->attributes.len);
    env_put_u32(&o, box->count);
    env_put_bytes(&o, box->pairs, (size_t)box->count * ENV_PAIR_BYTES);
    env_put_zeros(&o, len - o.len);
}

static bool get(const void *plain, size_t len, struct env_box *box)
{
    struct env_cursor c = env_cursor_over(plain, len);
    box->root = env_get_slice(&c, 32);
    box->block_hash = env_get_slice(&c, 32);
    box->attributes.len = env_get_u32(&c);
    box->attributes.p = env_get_slice(&c, box->attributes.len);
    box->count = env_get_u32(&c);
    if (box->attributes.len > ENV_ATTRIBUTES_MAX || box->count > ENV_ANCESTORS_MAX) {
        return false;
    }
    box->pairs = env_get_slice(&c, (size_t)box->count * ENV_PAIR_BYTES);
    bool shortest = c.left < ENV_BOX_STEP && len % ENV_BOX_STEP == 0;
    env_get_zeros(&c, c.left);
    return shortest && env_cursor_done(&c);
}

envelope_status env_box_get(const void *plain, size_t len, bool foreign, struct env_box *out,
                            envelope_error *err)
{
    struct env_box box = {0};
    memset(out, 0, sizeof *out);
    if (!get(plain, len, &box)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "box: malformed");
    }
    bool empty = env_all_zero(box.root, 32) && env_all_zero(box.block_hash, 32) && box.count == 0;
    if (foreign && !empty) {
        return env_fail(err, ENVELOPE_E_FORMAT, "box: foreign, but it has secrets of a chain");
    }
    envelope_status st = foreign ? ENVELOPE_OK : env_attributes_check(box.attributes, err);
    if (!st) {
        *out = box;
    }
    return st;
}
