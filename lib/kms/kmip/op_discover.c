#include "base/error.h"
#include "kms/kmip/ops.h"
#include <string.h>

void env_kmip_put_discover(struct env_ttlv_out *o)
{
    for (int32_t minor = 4; minor >= 0; minor--) {
        env_kmip_put_version(o, 1, minor);
    }
}

envelope_status env_kmip_take_discover(struct env_ttlv payload, struct env_kmip_versions *out,
                                       envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_PROTOCOL_VERSION, ENV_TTLV_STRUCTURE, false, true},
    };
    struct env_ttlv_item item;
    memset(out, 0, sizeof *out);
    envelope_status st = env_ttlv_fields(payload, fields, 1, &item, "Discover Versions", err);
    for (bool more = item.tag; !st && more; more = env_ttlv_again(payload, &item)) {
        st = out->count == ENV_KMIP_VERSIONS_MAX
                 ? env_fail(err, ENVELOPE_E_LIMIT,
                            "Discover Versions: more than %d versions (K-OP-03)",
                            ENV_KMIP_VERSIONS_MAX)
                 : env_kmip_take_version(&item, &out->item[out->count++], err);
    }
    if (st) {
        memset(out, 0, sizeof *out);
    }
    return st;
}
