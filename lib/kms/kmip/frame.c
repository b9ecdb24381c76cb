#include "base/error.h"
#include "kms/kmip/link.h"
#include <string.h>

void env_kmip_frame_begin(struct env_kmip_frame *frame, bool secret, uint32_t max_response)
{
    *frame = (struct env_kmip_frame){.secret = secret, .max_response = max_response};
}

size_t env_kmip_frame_wanted(const struct env_kmip_frame *frame)
{
    return (frame->reply.bytes ? frame->reply.cap : ENV_TTLV_HEAD) - frame->have;
}

/* Everything is decided by the head: the peer may be anybody's server, and what it says of the
 * length is believed only up to the cap. */
static envelope_status make_room(envelope_ctx *ctx, struct env_kmip_frame *frame,
                                 envelope_error *err)
{
    struct env_cursor c = env_cursor_over(frame->head, ENV_TTLV_HEAD);
    if (env_get_u32(&c) != ((uint32_t)ENV_TAG_RESPONSE_MESSAGE << 8 | ENV_TTLV_STRUCTURE)) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "what answers there does not speak KMIP (K-FRAME-01); check the port");
    }
    uint64_t len = (uint64_t)env_get_u32(&c) + ENV_TTLV_HEAD; /* may be above SIZE_MAX */
    if (len % 8) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "the answer's length is no multiple of 8 "
                        "(K-FRAME-02)");
    }
    if (len > frame->max_response) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "the answer is announced with %llu bytes, more than the %u of "
                        "max_response_bytes (K-FRAME-03)",
                        (unsigned long long)len, frame->max_response);
    }
    envelope_status st = env_kmip_reply_new(ctx, (size_t)len, frame->secret, frame->max_response,
                                            &frame->reply, err);
    if (!st) {
        memcpy(frame->reply.bytes, frame->head, ENV_TTLV_HEAD);
    }
    return st;
}

static envelope_status finish(struct env_kmip_frame *frame, struct env_kmip_reply *out,
                              envelope_error *err)
{
    const char *why;
    if (!env_ttlv_whole(frame->reply.bytes, frame->reply.len, &why)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "the answer is not KMIP: %s", why);
    }
    *out = frame->reply;
    env_kmip_frame_begin(frame, frame->secret, frame->max_response);
    return ENVELOPE_OK;
}

static void take(struct env_kmip_frame *frame, const void *data, size_t len)
{
    uint8_t *to = frame->reply.bytes ? frame->reply.bytes : frame->head;
    if (len) {
        memcpy(to + frame->have, data, len);
    }
    frame->have += len;
}

envelope_status env_kmip_frame_feed(envelope_ctx *ctx, struct env_kmip_frame *frame,
                                    const void *data, size_t len, size_t *used, bool *done,
                                    struct env_kmip_reply *out, envelope_error *err)
{
    size_t wanted = env_kmip_frame_wanted(frame);
    envelope_status st = ENVELOPE_OK;
    *out = (struct env_kmip_reply){0};
    *done = false;
    *used = len < wanted ? len : wanted;
    take(frame, data, *used);
    if (!frame->reply.bytes && frame->have == ENV_TTLV_HEAD) {
        st = make_room(ctx, frame, err);
    }
    if (!st && frame->reply.bytes && frame->have == frame->reply.cap) {
        st = finish(frame, out, err);
        *done = !st;
    }
    if (st) {
        env_kmip_frame_end(ctx, frame);
    }
    return st;
}

void env_kmip_frame_end(envelope_ctx *ctx, struct env_kmip_frame *frame)
{
    env_kmip_reply_free(ctx, &frame->reply);
    env_kmip_frame_begin(frame, frame->secret, frame->max_response);
}
