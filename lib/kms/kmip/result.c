#include "base/error.h"
#include "kms/kmip/message.h"
#include <stdio.h>

struct reason {
    uint32_t number;
    envelope_status status;
    const char *name;
    const char *now; /* what to do, where it is not plain */
};

/* KMIP 1.4, section 9.1.3.2.29. */
static const struct reason reasons[] = {
    {0x01, ENVELOPE_E_NO_KEY, "ITEM_NOT_FOUND", NULL},
    {0x02, ENVELOPE_E_KMS_UNREACHED, "RESPONSE_TOO_LARGE", "raise the largest response allowed"},
    {0x03, ENVELOPE_E_REFUSED, "AUTHENTICATION_NOT_SUCCESSFUL",
     "is the client certificate one that the KMS knows?"},
    {0x04, ENVELOPE_E_KMS_UNREACHED, "INVALID_MESSAGE", NULL},
    {0x05, ENVELOPE_E_UNSUPPORTED, "OPERATION_NOT_SUPPORTED", NULL},
    {0x06, ENVELOPE_E_KMS_UNREACHED, "MISSING_DATA", NULL},
    {0x07, ENVELOPE_E_KMS_UNREACHED, "INVALID_FIELD", NULL},
    {0x08, ENVELOPE_E_UNSUPPORTED, "FEATURE_NOT_SUPPORTED", NULL},
    {0x09, ENVELOPE_E_KMS_UNREACHED, "OPERATION_CANCELED_BY_REQUESTER", NULL},
    {0x0a, ENVELOPE_E_KMS_UNREACHED, "CRYPTOGRAPHIC_FAILURE", NULL},
    {0x0b, ENVELOPE_E_KMS_UNREACHED, "ILLEGAL_OPERATION", NULL},
    {0x0c, ENVELOPE_E_REFUSED, "PERMISSION_DENIED",
     "is the key this client's, is it active, and may it be used so?"},
    {0x0d, ENVELOPE_E_KMS_UNREACHED, "OBJECT_ARCHIVED", "recover the object at the KMS"},
    {0x0e, ENVELOPE_E_KMS_UNREACHED, "INDEX_OUT_OF_BOUNDS", NULL},
    {0x0f, ENVELOPE_E_UNSUPPORTED, "APPLICATION_NAMESPACE_NOT_SUPPORTED", NULL},
    {0x10, ENVELOPE_E_UNSUPPORTED, "KEY_FORMAT_TYPE_NOT_SUPPORTED", NULL},
    {0x11, ENVELOPE_E_UNSUPPORTED, "KEY_COMPRESSION_TYPE_NOT_SUPPORTED", NULL},
    {0x12, ENVELOPE_E_KMS_UNREACHED, "ENCODING_OPTION_ERROR", NULL},
    {0x13, ENVELOPE_E_REFUSED, "KEY_VALUE_NOT_PRESENT", NULL},
    {0x14, ENVELOPE_E_UNSUPPORTED, "ATTESTATION_REQUIRED", NULL},
    {0x15, ENVELOPE_E_REFUSED, "ATTESTATION_FAILED", NULL},
    {0x16, ENVELOPE_E_REFUSED, "SENSITIVE", "the key does not leave the KMS: unwrap inside"},
    {0x17, ENVELOPE_E_REFUSED, "NOT_EXTRACTABLE", "the key does not leave the KMS: unwrap inside"},
    {0x18, ENVELOPE_E_EXISTS, "OBJECT_ALREADY_EXISTS", NULL},
    {0x100, ENVELOPE_E_KMS_UNREACHED, "GENERAL_FAILURE", "the KMS's own log may say more"},
};

static const struct reason *reason_of(uint32_t number)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].number == number) {
            return &reasons[i];
        }
    }
    return NULL;
}

const char *env_kmip_reason_name(uint32_t reason)
{
    const struct reason *known = reason_of(reason);
    return known ? known->name : reason ? "a reason of its own" : "no reason given";
}

const char *env_kmip_operation_name(uint32_t operation)
{
    static const struct {
        uint32_t number;
        const char *name;
    } all[] = {
        {ENV_KMIP_CREATE, "Create"},
        {ENV_KMIP_CREATE_KEY_PAIR, "Create Key Pair"},
        {ENV_KMIP_REGISTER, "Register"},
        {ENV_KMIP_LOCATE, "Locate"},
        {ENV_KMIP_GET, "Get"},
        {ENV_KMIP_GET_ATTRIBUTES, "Get Attributes"},
        {ENV_KMIP_ACTIVATE, "Activate"},
        {ENV_KMIP_REVOKE, "Revoke"},
        {ENV_KMIP_QUERY, "Query"},
        {ENV_KMIP_REKEY_KEY_PAIR, "Re-key Key Pair"},
        {ENV_KMIP_DISCOVER_VERSIONS, "Discover Versions"},
        {ENV_KMIP_ENCRYPT, "Encrypt"},
        {ENV_KMIP_DECRYPT, "Decrypt"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].number == operation) {
            return all[i].name;
        }
    }
    return "another operation";
}

envelope_status env_kmip_succeeded(const struct env_kmip_result *result, const char *what,
                                   envelope_error *err)
{
    if (result->status == ENV_RESULT_SUCCESS) {
        return ENVELOPE_OK;
    }
    const struct reason *known = reason_of(result->reason);
    envelope_status st =
        known && result->status == ENV_RESULT_FAILED ? known->status : ENVELOPE_E_KMS_UNREACHED;
    if (result->status == ENV_RESULT_PENDING) {
        st = env_fail(err, st, "%s: the KMS promises an answer for later, which is not waited for",
                      what);
    } else {
        const char *now = known ? known->now : NULL;
        st = env_fail(err, st, "%s: %s%s%s%s%s", what, env_kmip_reason_name(result->reason),
                      *result->message ? ": " : "", result->message, now ? "; " : "",
                      now ? now : "");
    }
    env_error_origin(err, ENVELOPE_ORIGIN_KMIP, result->reason);
    return st;
}
