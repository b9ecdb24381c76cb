/* kms/kmip/link.h - one request there, one response back. Two things are behind it: the blocking
 * client (client.c), and the session without sockets (session.c), where the reply is not there yet
 * and the job is run again once it is. */
#ifndef ENV_KMIP_LINK_H
#define ENV_KMIP_LINK_H
#include "kms/kmip/message.h"

struct env_kmip_call {
    const void *bytes;
    size_t len;
    bool secret;     /* the reply may hold a key: it goes into the arena, at most SECRET_MAX */
    bool repeatable; /* may be sent again when it is not known whether it was done */
    bool makes_key;  /* a server may take long over it: ENV_KMIP_MAKING_MS */
};
struct env_kmip_reply {
    uint8_t *bytes; /* a whole message that env_ttlv_whole approved; NULL: none */
    size_t len;
    size_t cap;  /* what was taken for it */
    bool secret; /* in the arena */
};
struct env_kmip_link {
    void *self;
    /* E_KMS_UNREACHED, E_REFUSED (TLS), E_FORMAT (no KMIP), E_AGAIN (session: the reply is still to
     * come), E_LIMIT (reply above the cap), E_NOMEM. */
    envelope_status (*exchange)(void *self, const struct env_kmip_call *call,
                                struct env_kmip_reply *reply, envelope_error *err);
    /* The last reply was no answer to what was asked (another operation, another batch id): what
     * comes next on that connection cannot be trusted, so it is not used again. NULL: no matter. */
    void (*spoil)(void *self);
};
/* Room for len bytes: in the arena if secret. E_LIMIT above max_response, or SECRET_MAX. */
envelope_status env_kmip_reply_new(envelope_ctx *ctx, size_t len, bool secret,
                                   uint32_t max_response, struct env_kmip_reply *out,
                                   envelope_error *err);
void env_kmip_reply_free(envelope_ctx *ctx, struct env_kmip_reply *reply); /* wiped */

/* Messages out of a stream of bytes: first the 8 of the head, then what its length says. */
struct env_kmip_frame {
    uint8_t head[ENV_TTLV_HEAD];
    size_t have; /* head and body together */
    bool secret;
    uint32_t max_response;
    struct env_kmip_reply reply;
};
void env_kmip_frame_begin(struct env_kmip_frame *frame, bool secret, uint32_t max_response);
/* Bytes that are still needed, as far as is known: never 0 before it is done. */
size_t env_kmip_frame_wanted(const struct env_kmip_frame *frame);
/* Takes at most wanted; *used says how many. *done: reply is whole, approved, and the caller's, and
 * the next message may begin. A head that is no response message (E_FORMAT), or says a length above
 * the cap (E_LIMIT), fails before anything is allocated. After a failure there is no going on:
 * where the next message begins is not known. */
envelope_status env_kmip_frame_feed(envelope_ctx *ctx, struct env_kmip_frame *frame,
                                    const void *data, size_t len, size_t *used, bool *done,
                                    struct env_kmip_reply *out, envelope_error *err);
void env_kmip_frame_end(envelope_ctx *ctx, struct env_kmip_frame *frame);

/* The trace of the options: a copy of the same length in which all text, byte strings and big
 * integers are blanked but those of a list that hold neither key nor data nor credential (trace.c).
 * Not called with what is no TTLV, and when there is no memory. */
struct env_kmip_tracer {
    void (*fn)(void *user, int32_t outgoing, const void *ttlv, size_t len); /* may be NULL */
    void *user;
};
void env_kmip_trace(envelope_ctx *ctx, const struct env_kmip_tracer *tracer, bool outgoing,
                    const void *bytes, size_t len);
#endif
