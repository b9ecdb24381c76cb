/* tools/json.h - values of the object of --json (docs/json.md). */
#ifndef ENVELOPE_TOOLS_JSON_H
#define ENVELOPE_TOOLS_JSON_H
#include <envelope/chain.h>
#include <jansson.h>

json_t *json_of_text(const char *text); /* NULL: null; bytes that are not UTF-8 as \xNN */
json_t *json_of_count(uint64_t n);
json_t *json_of_bytes(const uint8_t *bytes, size_t len); /* lower-case hex */
json_t *json_of_time(int64_t ms);
json_t *json_of_key(const envelope_key_ref *key);
const char *json_key_kind(const envelope_key_ref *key); /* "kms", "password", "escrow" */
const char *json_key_state(int32_t state);
json_t *json_of_event(const envelope_event *event);
const char *json_event_kind(int32_t kind); /* "damaged"; "other" for what is not known */
#endif
