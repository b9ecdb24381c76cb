/* loop - KMIP in an event loop: an asking KMS, a session without sockets, one descriptor. */
#ifndef LOOP_H
#define LOOP_H
#include <envelope/envelope.h>
#include <envelope/kmip_session.h>

/* One connection to a KMS. In a real program TLS stands between descriptor and session. */
struct line {
    int fd; /* does not block */
    envelope_kms *asking;
    envelope_kmip_session *session;
    int busy; /* a question is under way */
};

/* What poll is to wait for: POLLIN, POLLOUT, or 0 when there is no question. */
short line_wants(struct line *line);
/* Does what can be done without waiting. E_AGAIN: poll, then again. OK: no question is left.
 * Anything else: the connection is of no use any more. */
envelope_status line_turn(struct line *line, envelope_error *err);
#endif
