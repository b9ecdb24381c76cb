#include "format/id.h"
#include "base/error.h"
#include <string.h>

void env_id_put(const struct env_id *id, uint8_t out[ENV_ID_BYTES])
{
    struct env_out o = env_out_over(out, ENV_ID_BYTES);
    env_put_u8(&o, id->format);
    env_put_u8(&o, id->kind);
    env_put_u8(&o, id->standing);
    env_put_u8(&o, id->content);
    env_put_bytes(&o, id->chain_id, sizeof id->chain_id);
    env_put_bytes(&o, id->object_id, sizeof id->object_id);
    env_put_u32(&o, id->generation);
    env_put_u64(&o, id->serial);
    env_put_u64(&o, id->number);
    env_put_bytes(&o, id->parent, sizeof id->parent);
}

static void get(const uint8_t in[ENV_ID_BYTES], struct env_id *id)
{
    struct env_cursor c = env_cursor_over(in, ENV_ID_BYTES);
    id->format = env_get_u8(&c);
    id->kind = env_get_u8(&c);
    id->standing = env_get_u8(&c);
    id->content = env_get_u8(&c);
    env_get_copy(&c, id->chain_id, sizeof id->chain_id);
    env_get_copy(&c, id->object_id, sizeof id->object_id);
    id->generation = env_get_u32(&c);
    id->serial = env_get_u64(&c);
    id->number = env_get_u64(&c);
    env_get_copy(&c, id->parent, sizeof id->parent);
}

static const char *foreign_fault(const struct env_id *id)
{
    bool empty = id->standing == 0 && id->content == 0 && id->generation == 0 && id->serial == 0 &&
                 id->number == 0 && env_all_zero(id->chain_id, sizeof id->chain_id) &&
                 env_all_zero(id->parent, sizeof id->parent);
    return empty ? NULL : "foreign, but a member of a chain is not zero";
}

static const char *metadata_fault(const struct env_id *id)
{
    if (id->standing != ENV_ATTESTED || id->content != ENV_CONTENT_NONE) {
        return "metadata with a standing or a content";
    }
    if (id->number == 0 || id->generation == 0) {
        return "metadata without a number or a generation";
    }
    bool linked = !env_all_zero(id->parent, sizeof id->parent);
    return id->number == 1 && linked ? "the first metadata object has no parent" : NULL;
}

static const char *point_fault(const struct env_id *id)
{
    bool linked = !env_all_zero(id->parent, sizeof id->parent);
    if (id->content != ENV_CONTENT_STREAM && id->content != ENV_CONTENT_IMAGE) {
        return "unknown content";
    }
    if (linked != (id->kind == ENV_KIND_INCREMENT)) {
        return "an increment has a parent, a full point has none";
    }
    if (id->standing == ENV_ATTESTED) {
        return id->generation == 0 ? "attested without a generation" : NULL;
    }
    bool detached = id->standing == ENV_DETACHED && id->kind == ENV_KIND_FULL;
    return !detached || id->generation ? "a detached point is full and of generation 0" : NULL;
}

static const char *fault(const struct env_id *id)
{
    if (id->serial >= ENV_NUMBER_LIMIT || id->number >= ENV_NUMBER_LIMIT ||
        id->generation >= ENV_GENERATION_LIMIT) {
        return "a number beyond its limit";
    }
    if (id->kind == ENV_KIND_FOREIGN) {
        return foreign_fault(id);
    }
    if (id->kind == ENV_KIND_METADATA) {
        return metadata_fault(id);
    }
    bool point = id->kind == ENV_KIND_FULL || id->kind == ENV_KIND_INCREMENT;
    return point ? point_fault(id) : "unknown kind";
}

envelope_status env_id_get(const uint8_t in[ENV_ID_BYTES], struct env_id *out, envelope_error *err)
{
    struct env_id id;
    memset(out, 0, sizeof *out);
    get(in, &id);
    if (id.format != ENV_FORMAT_MAJOR) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "ID: format %u is not known: a newer library is needed", id.format);
    }
    const char *why = fault(&id);
    if (why) {
        return env_fail(err, ENVELOPE_E_FORMAT, "ID: %s", why);
    }
    *out = id;
    return ENVELOPE_OK;
}
