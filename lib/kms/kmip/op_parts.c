#include "kms/kmip/op_parts.h"
#include "base/error.h"

static void open_attribute(struct env_ttlv_out *o, const char *name)
{
    env_ttlv_open(o, ENV_TAG_ATTRIBUTE);
    env_ttlv_put_text(o, ENV_TAG_ATTRIBUTE_NAME, name);
}

void env_kmip_put_attribute_int(struct env_ttlv_out *o, const char *name, int32_t v)
{
    open_attribute(o, name);
    env_ttlv_put_int(o, ENV_TAG_ATTRIBUTE_VALUE, v);
    env_ttlv_close(o);
}

void env_kmip_put_attribute_enum(struct env_ttlv_out *o, const char *name, uint32_t v)
{
    open_attribute(o, name);
    env_ttlv_put_enum(o, ENV_TAG_ATTRIBUTE_VALUE, v);
    env_ttlv_close(o);
}

uint32_t env_kmip_usage(uint32_t object_type)
{
    const uint32_t seals = ENV_USAGE_ENCRYPT | ENV_USAGE_WRAP;
    const uint32_t opens = ENV_USAGE_DECRYPT | ENV_USAGE_UNWRAP;
    return object_type == ENV_OBJECT_PUBLIC    ? seals
           : object_type == ENV_OBJECT_PRIVATE ? opens
                                               : seals | opens;
}

void env_kmip_put_selector(struct env_ttlv_out *o, const char *name, const char *group)
{
    if (name) {
        open_attribute(o, "Name");
        env_ttlv_open(o, ENV_TAG_ATTRIBUTE_VALUE);
        env_ttlv_put_text(o, ENV_TAG_NAME_VALUE, name);
        env_ttlv_put_enum(o, ENV_TAG_NAME_TYPE, ENV_NAME_TEXT);
        env_ttlv_close(o);
        env_ttlv_close(o);
    }
    if (group) {
        open_attribute(o, "Object Group");
        env_ttlv_put_text(o, ENV_TAG_ATTRIBUTE_VALUE, group);
        env_ttlv_close(o);
    }
}

envelope_status env_kmip_take_text(const struct env_ttlv_item *item, env_kmip_text out,
                                   const char *what, envelope_error *err)
{
    if (!env_ttlv_text(item, out, ENV_KMIP_TEXT_MAX) || !*out) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "%s: an identifier of %u bytes, not of 1 to %d (K-OP-01)", what, item->len,
                        ENV_KMIP_TEXT_MAX - 1);
    }
    return ENVELOPE_OK;
}

envelope_status env_kmip_take_count(const struct env_ttlv_item *item, uint32_t *out,
                                    const char *what, envelope_error *err)
{
    *out = 0;
    if (!item->tag) {
        return ENVELOPE_OK;
    }
    if (env_ttlv_int(item) < 1) {
        return env_fail(err, ENVELOPE_E_FORMAT, "%s: a number below 1 (K-OP-14)", what);
    }
    *out = (uint32_t)env_ttlv_int(item);
    return ENVELOPE_OK;
}

envelope_status env_kmip_same_uid(const struct env_ttlv_item *item, const char *uid,
                                  const char *what, envelope_error *err)
{
    if (!env_ttlv_text_is(item, uid)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "%s: the answer is about another object (K-OP-02)",
                        what);
    }
    return ENVELOPE_OK;
}
