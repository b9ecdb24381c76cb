#include "kms/kmip/ops.h"
#include <string.h>

enum { QUERY_OPERATIONS = 1, QUERY_OBJECTS = 2, QUERY_SERVER = 3 };

void env_kmip_put_query(struct env_ttlv_out *o)
{
    env_ttlv_put_enum(o, ENV_TAG_QUERY_FUNCTION, QUERY_OPERATIONS);
    env_ttlv_put_enum(o, ENV_TAG_QUERY_FUNCTION, QUERY_OBJECTS);
    env_ttlv_put_enum(o, ENV_TAG_QUERY_FUNCTION, QUERY_SERVER);
}

/* A bit for each number; those of vendors (from 2^31) have none. */
static uint64_t bits_of(struct env_ttlv payload, struct env_ttlv_item item)
{
    uint64_t bits = 0;
    for (bool more = item.tag; more; more = env_ttlv_again(payload, &item)) {
        uint32_t n = env_ttlv_enum(&item);
        bits |= n < 64 ? UINT64_C(1) << n : 0;
    }
    return bits;
}

envelope_status env_kmip_take_query(struct env_ttlv payload, struct env_kmip_abilities *out,
                                    envelope_error *err)
{
    enum { OPERATION, OBJECT, VENDOR, FIELDS };
    static const struct env_ttlv_field fields[FIELDS] = {
        {ENV_TAG_OPERATION, ENV_TTLV_ENUM, false, true},
        {ENV_TAG_OBJECT_TYPE, ENV_TTLV_ENUM, false, true},
        {ENV_TAG_VENDOR_IDENTIFICATION, ENV_TTLV_TEXT, false, false},
    };
    struct env_ttlv_item got[FIELDS];
    memset(out, 0, sizeof *out);
    envelope_status st = env_ttlv_fields(payload, fields, FIELDS, got, "Query", err);
    if (st) {
        return st;
    }
    out->operations = bits_of(payload, got[OPERATION]);
    out->objects = bits_of(payload, got[OBJECT]);
    if (got[VENDOR].tag) {
        env_kmip_printable(&got[VENDOR], out->vendor, sizeof out->vendor);
    }
    return ENVELOPE_OK;
}
