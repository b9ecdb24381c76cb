#include "kms/kmip/message.h"
#include "base/error.h"
#include "base/text.h"
#include <string.h>

/* Rules K-MSG-..: docs/kmip.md. */

enum { ID_BYTES = 4, MINOR_MAX = 4 };
enum { ERROR_CONTINUE = 1 };

bool env_kmip_at_least(const struct env_kmip_version *v, int32_t major, int32_t minor)
{
    return v->major > major || (v->major == major && v->minor >= minor);
}

void env_kmip_put_version(struct env_ttlv_out *o, int32_t major, int32_t minor)
{
    env_ttlv_open(o, ENV_TAG_PROTOCOL_VERSION);
    env_ttlv_put_int(o, ENV_TAG_PROTOCOL_VERSION_MAJOR, major);
    env_ttlv_put_int(o, ENV_TAG_PROTOCOL_VERSION_MINOR, minor);
    env_ttlv_close(o);
}

void env_kmip_request_begin(struct env_ttlv_out *o, const struct env_kmip_version *version,
                            uint32_t max_response, uint32_t items)
{
    env_ttlv_open(o, ENV_TAG_REQUEST_MESSAGE);
    env_ttlv_open(o, ENV_TAG_REQUEST_HEADER);
    env_kmip_put_version(o, version->major, version->minor);
    if (max_response) {
        env_ttlv_put_int(o, ENV_TAG_MAXIMUM_RESPONSE_SIZE, (int32_t)max_response);
    }
    if (items > 1) {
        /* Else a server stops at the first item that fails, and one bad slot costs the others. */
        env_ttlv_put_enum(o, ENV_TAG_BATCH_ERROR_CONTINUATION_OPTION, ERROR_CONTINUE);
    }
    env_ttlv_put_int(o, ENV_TAG_BATCH_COUNT, (int32_t)items);
    env_ttlv_close(o);
}

void env_kmip_item_begin(struct env_ttlv_out *o, uint32_t operation, uint32_t id, uint32_t items)
{
    env_ttlv_open(o, ENV_TAG_BATCH_ITEM);
    env_ttlv_put_enum(o, ENV_TAG_OPERATION, operation);
    if (items > 1) {
        uint8_t bytes[ID_BYTES];
        struct env_out out = env_out_over(bytes, sizeof bytes);
        env_put_u32(&out, id);
        env_ttlv_put_bytes(o, ENV_TAG_UNIQUE_BATCH_ITEM_ID, bytes, sizeof bytes);
    }
    env_ttlv_open(o, ENV_TAG_REQUEST_PAYLOAD);
}

void env_kmip_item_end(struct env_ttlv_out *o)
{
    env_ttlv_close(o);
    env_ttlv_close(o);
}

size_t env_kmip_request_end(struct env_ttlv_out *o)
{
    env_ttlv_close(o);
    return env_ttlv_out_done(o);
}

envelope_status env_kmip_take_version(const struct env_ttlv_item *item,
                                      struct env_kmip_version *out, envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_PROTOCOL_VERSION_MAJOR, ENV_TTLV_INTEGER, true, false},
        {ENV_TAG_PROTOCOL_VERSION_MINOR, ENV_TTLV_INTEGER, true, false},
    };
    struct env_ttlv_item got[2];
    envelope_status st =
        env_ttlv_fields(env_ttlv_inside(item), fields, 2, got, "protocol version", err);
    if (st) {
        return st;
    }
    out->major = env_ttlv_int(&got[0]);
    out->minor = env_ttlv_int(&got[1]);
    if (out->major < 0 || out->minor < 0) {
        return env_fail(err, ENVELOPE_E_FORMAT, "protocol version: a negative number (K-MSG-02)");
    }
    return ENVELOPE_OK;
}

/* Header of the response, with what it says of the items behind it. */
static envelope_status take_header(const struct env_ttlv_item *header, uint32_t found,
                                   struct env_kmip_response *out, envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_PROTOCOL_VERSION, ENV_TTLV_STRUCTURE, true, false},
        {ENV_TAG_BATCH_COUNT, ENV_TTLV_INTEGER, true, false},
    };
    struct env_ttlv_item got[2];
    envelope_status st =
        env_ttlv_fields(env_ttlv_inside(header), fields, 2, got, "response header", err);
    st = st ? st : env_kmip_take_version(&got[0], &out->version, err);
    if (st) {
        return st;
    }
    if (out->version.major != 1 || out->version.minor > MINOR_MAX) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "the KMS answered in KMIP %d.%d; 1.0 to 1.4 are understood (K-MSG-03)",
                        (int)out->version.major, (int)out->version.minor);
    }
    if (found > ENV_KMIP_BATCH_MAX || env_ttlv_int(&got[1]) != (int32_t)found) {
        return env_fail(
            err, ENVELOPE_E_FORMAT,
            "response header: batch count %d, but %u items follow, at most %d (K-MSG-04)",
            (int)env_ttlv_int(&got[1]), found, ENV_KMIP_BATCH_MAX);
    }
    out->items = found;
    return ENVELOPE_OK;
}

envelope_status env_kmip_response_begin(const void *bytes, size_t len,
                                        struct env_kmip_response *out, envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_RESPONSE_HEADER, ENV_TTLV_STRUCTURE, true, false},
        {ENV_TAG_BATCH_ITEM, ENV_TTLV_STRUCTURE, true, true},
    };
    struct env_ttlv_item got[2];
    struct env_ttlv_item message;
    struct env_ttlv all = env_ttlv_over(bytes, len);
    memset(out, 0, sizeof *out);
    if (!env_ttlv_next(&all, &message) || message.tag != ENV_TAG_RESPONSE_MESSAGE ||
        message.type != ENV_TTLV_STRUCTURE) {
        return env_fail(err, ENVELOPE_E_FORMAT, "this is no response message of KMIP (K-MSG-01)");
    }
    struct env_ttlv inside = env_ttlv_inside(&message);
    envelope_status st = env_ttlv_fields(inside, fields, 2, got, "response message", err);
    if (st) {
        return st;
    }
    uint32_t found = 1;
    for (struct env_ttlv_item item = got[1]; env_ttlv_again(inside, &item);) {
        found++;
    }
    st = take_header(&got[0], found, out, err);
    if (st) {
        memset(out, 0, sizeof *out);
        return st;
    }
    out->rest = inside;
    return ENVELOPE_OK;
}

/* Has this item an id; is it one of ours (then *id)? */
static bool id_of(const struct env_ttlv_item *item, uint32_t *id, bool *ours)
{
    struct env_ttlv c = env_ttlv_inside(item);
    struct env_ttlv_item field;
    *ours = false;
    while (env_ttlv_next(&c, &field)) {
        if (field.tag == ENV_TAG_UNIQUE_BATCH_ITEM_ID) {
            *ours = field.type == ENV_TTLV_BYTES && field.len == ID_BYTES;
            struct env_cursor bytes = env_cursor_over(field.value, *ours ? ID_BYTES : 0);
            *id = env_get_u32(&bytes);
            return true;
        }
    }
    return false;
}

/* The answer with that id; its tag stays 0 where the server gave none, as after an item that
 * failed. Servers may answer in another order. */
static envelope_status find(const struct env_kmip_response *response, uint32_t id, uint32_t items,
                            struct env_ttlv_item *out, envelope_error *err)
{
    struct env_ttlv c = response->rest;
    struct env_ttlv_item item;
    memset(out, 0, sizeof *out);
    while (env_ttlv_next(&c, &item)) {
        uint32_t number = 0;
        bool ours = false;
        if (item.tag != ENV_TAG_BATCH_ITEM) {
            continue;
        }
        if (!id_of(&item, &number, &ours) || !ours || number >= items) {
            return env_fail(err, ENVELOPE_E_FORMAT,
                            "batch item: its id is none of those that were sent (K-MSG-06)");
        }
        if (number == id && out->tag) {
            return env_fail(err, ENVELOPE_E_FORMAT, "batch item: an id stands twice (K-MSG-07)");
        }
        if (number == id) {
            *out = item;
        }
    }
    return ENVELOPE_OK;
}

static void only_item(const struct env_kmip_response *response, struct env_ttlv_item *out)
{
    struct env_ttlv c = response->rest;
    while (env_ttlv_next(&c, out) && out->tag != ENV_TAG_BATCH_ITEM) {
    }
}

/* *whole: one answer without an id to all of a batch, which only a failure can be. */
static envelope_status choose(const struct env_kmip_response *response, uint32_t id, uint32_t items,
                              struct env_ttlv_item *out, bool *whole, envelope_error *err)
{
    uint32_t number = 0;
    bool ours = false;
    *whole = false;
    if (response->items > items) {
        return env_fail(err, ENVELOPE_E_FORMAT, "response: %u answers to %u questions (K-MSG-05)",
                        response->items, items);
    }
    if (response->items > 1) {
        return find(response, id, items, out, err);
    }
    only_item(response, out);
    *whole = items > 1 && !id_of(out, &number, &ours);
    return items > 1 && !*whole ? find(response, id, items, out, err) : ENVELOPE_OK;
}

static envelope_status check_operation(const struct env_ttlv_item *said, uint32_t operation,
                                       const struct env_kmip_result *result, envelope_error *err)
{
    if (said->tag ? env_ttlv_enum(said) != operation : result->status == ENV_RESULT_SUCCESS) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "batch item: the answer to another operation (K-MSG-08)");
    }
    if (result->status > ENV_RESULT_UNDONE) {
        return env_fail(err, ENVELOPE_E_FORMAT, "batch item: no result status (K-MSG-09)");
    }
    if (result->status == ENV_RESULT_SUCCESS && !result->has_payload) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "batch item: a success without a payload (K-MSG-10)");
    }
    return ENVELOPE_OK;
}

static envelope_status take_item(const struct env_ttlv_item *item, uint32_t operation,
                                 struct env_kmip_result *out, envelope_error *err)
{
    enum { OPERATION, ID, STATUS, REASON, MESSAGE, PAYLOAD, FIELDS };
    static const struct env_ttlv_field fields[FIELDS] = {
        {ENV_TAG_OPERATION, ENV_TTLV_ENUM, false, false},
        {ENV_TAG_UNIQUE_BATCH_ITEM_ID, ENV_TTLV_BYTES, false, false},
        {ENV_TAG_RESULT_STATUS, ENV_TTLV_ENUM, true, false},
        {ENV_TAG_RESULT_REASON, ENV_TTLV_ENUM, false, false},
        {ENV_TAG_RESULT_MESSAGE, ENV_TTLV_TEXT, false, false},
        {ENV_TAG_RESPONSE_PAYLOAD, ENV_TTLV_STRUCTURE, false, false},
    };
    struct env_ttlv_item got[FIELDS];
    envelope_status st =
        env_ttlv_fields(env_ttlv_inside(item), fields, FIELDS, got, "batch item", err);
    if (st) {
        return st;
    }
    out->status = env_ttlv_enum(&got[STATUS]);
    out->reason = got[REASON].tag ? env_ttlv_enum(&got[REASON]) : 0;
    if (got[MESSAGE].tag) {
        env_kmip_printable(&got[MESSAGE], out->message, sizeof out->message);
    }
    out->has_payload = got[PAYLOAD].tag != 0;
    if (out->has_payload) {
        out->payload = env_ttlv_inside(&got[PAYLOAD]);
    }
    return check_operation(&got[OPERATION], operation, out, err);
}

envelope_status env_kmip_response_next(struct env_kmip_response *response, uint32_t operation,
                                       uint32_t id, uint32_t items, struct env_kmip_result *out,
                                       envelope_error *err)
{
    struct env_ttlv_item item;
    bool whole;
    memset(out, 0, sizeof *out);
    out->status = ENV_RESULT_FAILED;
    envelope_status st = choose(response, id, items, &item, &whole, err);
    if (!st && !item.tag) {
        env_text_copy(out->message, sizeof out->message, "not answered, after another failed");
        return ENVELOPE_OK;
    }
    st = st ? st : take_item(&item, operation, out, err);
    if (!st && whole && out->status == ENV_RESULT_SUCCESS) {
        st = env_fail(err, ENVELOPE_E_FORMAT, "response: one success to %u questions (K-MSG-11)",
                      items);
    }
    if (st) {
        memset(out, 0, sizeof *out);
        out->status = ENV_RESULT_FAILED;
        return st;
    }
    response->taken++;
    return ENVELOPE_OK;
}

void env_kmip_printable(const struct env_ttlv_item *text, char *out, size_t cap)
{
    char raw[ENV_PRINTABLE_MAX];
    char shown[ENV_PRINTABLE_MAX];
    size_t n = text->len < sizeof raw ? text->len : sizeof raw - 1;
    memcpy(raw, text->value, n);
    raw[n] = 0;
    env_text_copy(out, cap, env_printable(shown, raw));
}
