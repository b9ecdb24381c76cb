#include "json.h"
#include "text.h"
#include <string.h>

json_t *json_of_text(const char *text)
{
    if (!text) {
        return json_null();
    }
    if (text_is_utf8(text)) {
        return json_string(text);
    }
    struct pool pool = {NULL};
    json_t *value = json_string(text_printable(&pool, text));
    pool_free(&pool);
    return value;
}

json_t *json_of_count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

json_t *json_of_bytes(const uint8_t *bytes, size_t len)
{
    struct pool pool = {NULL};
    json_t *value = json_string(text_hex(&pool, bytes, len));
    pool_free(&pool);
    return value;
}

json_t *json_of_time(int64_t ms)
{
    struct pool pool = {NULL};
    json_t *value = json_string(text_time(&pool, ms));
    pool_free(&pool);
    return value;
}

const char *json_key_kind(const envelope_key_ref *key)
{
    if (key->kms_id) {
        return "kms";
    }
    return key->has_fingerprint ? "escrow" : "password";
}

json_t *json_of_key(const envelope_key_ref *key)
{
    json_t *object = json_object();
    json_object_set_new(object, "kind", json_string(json_key_kind(key)));
    json_object_set_new(object, "kms_id", json_of_text(key->kms_id));
    json_object_set_new(object, "key_name", json_of_text(key->key_name));
    json_object_set_new(object, "key_id", json_of_text(key->key_id));
    json_object_set_new(object, "version",
                        key->version ? json_of_count(key->version) : json_null());
    json_object_set_new(object, "fingerprint",
                        key->has_fingerprint
                            ? json_of_bytes(key->fingerprint, sizeof key->fingerprint)
                            : json_null());
    return object;
}

const char *json_key_state(int32_t state)
{
    static const char *const names[] = {"unknown",     "active",    "deactivated",
                                        "compromised", "destroyed", "unknown"};
    return state > 0 && state < 6 ? names[state] : names[0];
}

const char *json_event_kind(int32_t kind)
{
    static const char *const names[] = {
        "other",    "wrap",     "unwrap",    "export", "rotated", "refused", "detached", "damaged",
        "repaired", "rollback", "misplaced", "forged", "fork",    "late",    "forgotten"};
    return kind > 0 && kind < 15 ? names[kind] : names[0];
}

json_t *json_of_event(const envelope_event *event)
{
    json_t *object = json_object();
    json_object_set_new(object, "kind", json_string(json_event_kind(event->kind)));
    json_object_set_new(object, "status", json_string(envelope_status_name(event->status)));
    json_object_set_new(object, "object", json_of_text(event->object));
    json_object_set_new(object, "point", event->point ? json_of_count(event->point) : json_null());
    json_object_set_new(object, "offset", json_of_count(event->offset));
    json_object_set_new(object, "key", event->key ? json_of_key(event->key) : json_null());
    json_object_set_new(object, "message", json_of_text(event->message));
    return object;
}
