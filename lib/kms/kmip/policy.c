#include "kms/kmip/policy.h"
#include "base/error.h"

enum {
    FLAGS = ENVELOPE_KMIP_INSECURE_SKIP_VERIFY | ENVELOPE_KMIP_NAMES_EXCLUSIVE,
    RESPONSE_LEAST = 4096,
    RESPONSE_MOST = 64 << 20
};

static envelope_status unknown(const char *member, int64_t value, envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_INVALID, "kmip_options.%s is %lld, which means nothing", member,
                    (long long)value);
}

static int32_t or_default(int32_t value, int32_t otherwise)
{
    return value ? value : otherwise;
}

static envelope_status check(const envelope_kmip_options *o, const struct env_kmip_policy *p,
                             envelope_error *err)
{
    if ((o->flags & ~(uint32_t)FLAGS) || o->reserved) {
        return unknown(o->reserved ? "reserved" : "flags", o->reserved ? o->reserved : o->flags,
                       err);
    }
    if (p->unwrap < ENVELOPE_UNWRAP_INSIDE || p->unwrap > ENVELOPE_UNWRAP_GET) {
        return unknown("unwrap", p->unwrap, err);
    }
    if (p->selector < ENVELOPE_SELECT_NAME || p->selector > ENVELOPE_SELECT_ID) {
        return unknown("selector", p->selector, err);
    }
    if (p->oaep != ENVELOPE_RSA_OAEP_SHA256 && p->oaep != ENVELOPE_RSA_OAEP_SHA1) {
        return unknown("oaep", p->oaep, err);
    }
    if (p->max_response < RESPONSE_LEAST || p->max_response > RESPONSE_MOST) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "kmip_options.max_response_bytes is %u: %d to %d are allowed",
                        p->max_response, RESPONSE_LEAST, RESPONSE_MOST);
    }
    return ENVELOPE_OK;
}

envelope_status env_kmip_options(const envelope_kmip_options *options, envelope_kmip_options *out,
                                 struct env_kmip_policy *policy, envelope_error *err)
{
    envelope_status st = env_options(options, out, sizeof *out, "kmip_options", err);
    if (st) {
        return st;
    }
    *policy = (struct env_kmip_policy){
        .unwrap = or_default(out->unwrap, ENVELOPE_UNWRAP_INSIDE),
        .selector = or_default(out->selector, ENVELOPE_SELECT_NAME),
        .oaep = or_default(out->oaep, ENVELOPE_RSA_OAEP_SHA256),
        .exclusive = (out->flags & ENVELOPE_KMIP_NAMES_EXCLUSIVE) != 0,
        .max_response = out->max_response_bytes ? out->max_response_bytes : ENV_KMIP_RESPONSE_MAX};
    return check(out, policy, err);
}
