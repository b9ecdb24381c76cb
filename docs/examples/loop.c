/* loop: questions of the library are answered over a descriptor that never blocks. What wraps and
 * unwraps is called as usual; when it returns E_AGAIN, the loop turns until nothing is asked any
 * more, and then the same call is made again. */
#include "loop.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static envelope_status closed(envelope_error *err)
{
    return envelope_error_set(err, ENVELOPE_E_KMS_UNREACHED, errno, "the KMS hung up");
}

static int would_block(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

short line_wants(struct line *line)
{
    size_t len = 0;
    if (!line->busy) {
        return 0;
    }
    (void)envelope_kmip_session_output(line->session, &len);
    return len ? POLLOUT : POLLIN;
}

static envelope_status send_some(struct line *line, envelope_error *err)
{
    size_t len;
    const void *out = envelope_kmip_session_output(line->session, &len);
    ssize_t n = send(line->fd, out, len, MSG_NOSIGNAL);
    if (would_block(n)) {
        return ENVELOPE_E_AGAIN;
    }
    if (n < 0) {
        return closed(err);
    }
    envelope_kmip_session_sent(line->session, (size_t)n);
    return ENVELOPE_OK;
}

static envelope_status read_some(struct line *line, envelope_error *err)
{
    unsigned char buf[4096];
    size_t wanted = envelope_kmip_session_wanted(line->session);
    ssize_t n = recv(line->fd, buf, wanted < sizeof buf ? wanted : sizeof buf, 0);
    if (would_block(n)) {
        return ENVELOPE_E_AGAIN;
    }
    if (n <= 0) {
        return closed(err);
    }
    envelope_status st = envelope_kmip_session_input(line->session, buf, (size_t)n, err);
    explicit_bzero(buf, sizeof buf); /* it may have held a key */
    return st;
}

/* One question, as far as it goes without waiting. */
static envelope_status go_on(struct line *line, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    while (envelope_kmip_session_step(line->session, NULL) == ENVELOPE_E_AGAIN) {
        st = line_wants(line) == POLLOUT ? send_some(line, err) : read_some(line, err);
        if (st) {
            return st;
        }
    }
    line->busy = 0;
    /* Also when it failed: then whoever asked is told so. */
    return envelope_kmip_session_answer(line->session, line->asking, err);
}

envelope_status line_turn(struct line *line, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    while (!st) {
        const envelope_question *q = line->busy ? NULL : envelope_kms_next_question(line->asking);
        if (!line->busy && !q) {
            return ENVELOPE_OK;
        }
        st = q ? envelope_kmip_session_begin(line->session, q, err) : ENVELOPE_OK;
        line->busy = 1;
        st = st ? st : go_on(line, err);
    }
    return st;
}
