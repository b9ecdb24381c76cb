/* kms/kmip/message.h - what stands around the payloads: request and response headers, batch items
 * (KMIP 1.4, sections 6 and 7; docs/kmip.md). No time stamp, no ID placeholder, no asynchronous
 * answers. */
#ifndef ENV_KMIP_MESSAGE_H
#define ENV_KMIP_MESSAGE_H
#include "kms/kmip/ttlv.h"

struct env_kmip_version {
    int32_t major;
    int32_t minor;
};
bool env_kmip_at_least(const struct env_kmip_version *v, int32_t major, int32_t minor);

enum { ENV_KMIP_BATCH_MAX = 256, ENV_KMIP_RESPONSE_MAX = 1 << 20, ENV_KMIP_SECRET_MAX = 64 << 10 };

/* -- request: begin, (item begin, payload, item end) × items, end. Of several items those behind
 * one that failed are done, too. max_response 0: not said. */
void env_kmip_request_begin(struct env_ttlv_out *o, const struct env_kmip_version *version,
                            uint32_t max_response, uint32_t items);
/* id from 0; it is written, as 4 bytes, when the request has several items. Opens the payload. */
void env_kmip_item_begin(struct env_ttlv_out *o, uint32_t operation, uint32_t id, uint32_t items);
void env_kmip_item_end(struct env_ttlv_out *o);
/* Length of the request; 0: it did not fit. */
size_t env_kmip_request_end(struct env_ttlv_out *o);

/* -- response */
struct env_kmip_response {
    struct env_kmip_version version; /* of this message; a failure may come in a lower one */
    uint32_t items;                  /* 1 to ENV_KMIP_BATCH_MAX */
    uint32_t taken;                  /* answers given out */
    struct env_ttlv rest;            /* header and all items */
};
/* E_FORMAT: not a response; E_UNSUPPORTED: of another version than 1.0 to 1.4. Borrows the bytes.
 */
envelope_status env_kmip_response_begin(const void *bytes, size_t len,
                                        struct env_kmip_response *out, envelope_error *err);
struct env_kmip_result {
    uint32_t status;   /* ENV_RESULT_* */
    uint32_t reason;   /* ENV_REASON_*, 0: none */
    char message[256]; /* printable */
    bool has_payload;
    struct env_ttlv payload;
};
/* The item for that operation and id (ids are compared where the request had several items, in any
 * order). A response to something else is E_FORMAT; a failure of the server is OK here, see result.
 * Fewer items than asked: an item that is not there has failed without a reason; one failure
 * without an id is the failure of all. */
envelope_status env_kmip_response_next(struct env_kmip_response *response, uint32_t operation,
                                       uint32_t id, uint32_t items, struct env_kmip_result *out,
                                       envelope_error *err);
/* OK for success; else the failure as one of ours, native = the reason: ITEM_NOT_FOUND is E_NO_KEY,
 * PERMISSION_DENIED, AUTHENTICATION, SENSITIVE and NOT_EXTRACTABLE E_REFUSED,
 * OPERATION_NOT_SUPPORTED and the like E_UNSUPPORTED, OBJECT_ALREADY_EXISTS E_EXISTS, all else
 * (pending, too) E_KMS_UNREACHED. what: "Locate of key vm". */
envelope_status env_kmip_succeeded(const struct env_kmip_result *result, const char *what,
                                   envelope_error *err);
/* For people: "Locate", "ITEM_NOT_FOUND"; "another operation", "a reason of its own". */
const char *env_kmip_operation_name(uint32_t operation);
const char *env_kmip_reason_name(uint32_t reason);

/* -- for the operations */
void env_kmip_put_version(struct env_ttlv_out *o, int32_t major, int32_t minor);
envelope_status env_kmip_take_version(const struct env_ttlv_item *item,
                                      struct env_kmip_version *out, envelope_error *err);
/* Text of the server's for people: escaped, cut. */
void env_kmip_printable(const struct env_ttlv_item *text, char *out, size_t cap);
#endif
