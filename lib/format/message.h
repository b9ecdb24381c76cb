/* format/message.h - between our values and the messages of envelope.proto: what Slots, Head and
 * Pin have in common. Sizes are checked here; what the values may be, where they are defined. */
#ifndef ENV_FORMAT_MESSAGE_H
#define ENV_FORMAT_MESSAGE_H
#include "base/bytes.h"
#include "format/keylist.h"

struct ProtobufCBinaryData;
struct Libenvelope__Recipient;
struct Libenvelope__Key;

/* false: the text does not fit. */
bool env_message_text(char *out, size_t cap, const char *text);
/* false: not exactly len bytes. */
bool env_message_fixed(void *out, size_t len, const struct ProtobufCBinaryData *in);
/* The same, or none at all. */
bool env_message_fingerprint(uint8_t out[32], bool *has, const struct ProtobufCBinaryData *in);
/* Borrowed. */
struct ProtobufCBinaryData env_message_bytes(const void *p, size_t len);

/* count messages of size bytes each, and before them the array of pointers to them that protobuf-c
 * wants, in one env_alloc; NULL when there is no memory. */
void *env_message_array(envelope_ctx *ctx, size_t count, size_t size);

/* E_FORMAT with what in the message; env_recipients_check and env_keys_check were applied. */
envelope_status env_message_get_recipients(struct Libenvelope__Recipient *const *in, size_t count,
                                           const char *what, struct env_recipients *out,
                                           envelope_error *err);
envelope_status env_message_get_keys(envelope_ctx *ctx, struct Libenvelope__Key *const *in,
                                     size_t count, bool spki, const char *what,
                                     struct env_keys *out, envelope_error *err);
/* Arrays as of env_message_array, with pointers into the values. */
struct Libenvelope__Recipient **env_message_put_recipients(envelope_ctx *ctx,
                                                           const struct env_recipients *in);
struct Libenvelope__Key **env_message_put_keys(envelope_ctx *ctx, const struct env_keys *in);
#endif
