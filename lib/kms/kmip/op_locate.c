#include "base/error.h"
#include "kms/kmip/op_parts.h"
#include <string.h>

void env_kmip_put_locate(struct env_ttlv_out *o, const struct env_kmip_locate *what)
{
    if (what->max) {
        env_ttlv_put_int(o, ENV_TAG_MAXIMUM_ITEMS, (int32_t)what->max);
    }
    if (what->offset) {
        env_ttlv_put_int(o, ENV_TAG_OFFSET_ITEMS, (int32_t)what->offset);
    }
    env_kmip_put_selector(o, what->name, what->group);
    if (what->object_type) {
        env_kmip_put_attribute_enum(o, "Object Type", what->object_type);
    }
}

static size_t count(struct env_ttlv payload, struct env_ttlv_item item)
{
    size_t n = 0;
    for (bool more = item.tag; more; more = env_ttlv_again(payload, &item)) {
        n++;
    }
    return n;
}

static bool has(const struct env_kmip_located *located, size_t before, const char *uid)
{
    for (size_t i = 0; i < before; i++) {
        if (!strcmp(located->uid[i], uid)) {
            return true;
        }
    }
    return false;
}

static envelope_status fill(struct env_ttlv payload, struct env_ttlv_item item,
                            struct env_kmip_located *out, envelope_error *err)
{
    for (size_t i = 0; i < out->count; i++) {
        envelope_status st = env_kmip_take_text(&item, out->uid[i], "Locate", err);
        if (st) {
            return st;
        }
        if (has(out, i, out->uid[i])) {
            return env_fail(err, ENVELOPE_E_FORMAT, "Locate: an identifier stands twice (K-OP-04)");
        }
        (void)env_ttlv_again(payload, &item);
    }
    return ENVELOPE_OK;
}

/* How many there are says the server, if it likes (1.3); never fewer than it names. */
static envelope_status take_total(const struct env_ttlv_item *item, struct env_kmip_located *out,
                                  envelope_error *err)
{
    out->total = item->tag ? env_ttlv_int(item) : (int64_t)out->count;
    if (out->total < (int64_t)out->count) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "Locate: more identifiers than Located Items (K-OP-05)");
    }
    if (out->count > ENV_KMIP_LOCATED_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "Locate: %zu objects, more than %d (K-OP-06)",
                        out->count, ENV_KMIP_LOCATED_MAX);
    }
    return ENVELOPE_OK;
}

envelope_status env_kmip_take_locate(struct env_ttlv payload, envelope_ctx *ctx,
                                     struct env_kmip_located *out, envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_LOCATED_ITEMS, ENV_TTLV_INTEGER, false, false},
        {ENV_TAG_UNIQUE_IDENTIFIER, ENV_TTLV_TEXT, false, true},
    };
    struct env_ttlv_item got[2];
    memset(out, 0, sizeof *out);
    envelope_status st = env_ttlv_fields(payload, fields, 2, got, "Locate", err);
    if (!st) {
        out->count = count(payload, got[1]);
        st = take_total(&got[0], out, err);
    }
    if (!st && out->count) {
        out->uid = env_alloc_array(ctx, out->count, sizeof out->uid[0]);
        st = out->uid ? fill(payload, got[1], out, err) : env_nomem(err);
    }
    if (st) {
        env_free(ctx, out->uid);
        memset(out, 0, sizeof *out);
    }
    return st;
}
