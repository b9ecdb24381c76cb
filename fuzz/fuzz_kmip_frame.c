/* Target functions: env_kmip_frame_feed, env_kmip_frame_wanted, env_kmip_reply_new
 *
 * Input: a byte (bit 0: the answers may hold a key; the rest: n), n lengths of pieces, the stream.
 */
#include "fuzz.h"
#include "kms/kmip/link.h"
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

struct pieces {
    const uint8_t *len; /* used round and round */
    size_t count;
    size_t next;
};

static size_t piece(struct pieces *p, size_t left)
{
    size_t n = p->count ? p->len[p->next++ % p->count] : left;
    return n < left ? n : left;
}

/* One feed; false when the stream is refused. */
static bool feed(struct env_kmip_frame *frame, const uint8_t *data, size_t len, size_t *used)
{
    bool done;
    struct env_kmip_reply reply;
    envelope_error err = ENVELOPE_ERROR_INIT;
    size_t wanted = env_kmip_frame_wanted(frame);
    uint8_t *exact = fuzz_copy(data, len);
    envelope_status st =
        env_kmip_frame_feed(fuzz_ctx(), frame, exact, len, used, &done, &reply, &err);
    free(exact);
    fuzz_must(wanted && *used == (len < wanted ? len : wanted), "as much as was wanted");
    fuzz_must(!st || st == ENVELOPE_E_FORMAT || st == ENVELOPE_E_LIMIT, "no other status");
    fuzz_must(!st || (!done && err.message[0]), "a failure says why");
    fuzz_must(done == (reply.bytes != NULL), "done is done");
    if (done) {
        fuzz_must(reply.len <= MOST && env_ttlv_whole(reply.bytes, reply.len, NULL), "approved");
        fuzz_must(reply.secret == frame->secret && !frame->have, "handed over");
        env_kmip_reply_free(fuzz_ctx(), &reply);
    }
    return !st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct env_kmip_frame frame;
    struct pieces pieces = {data + 1, size ? data[0] >> 1 : 0, 0};
    if (!size || pieces.count > size - 1) {
        return 0;
    }
    size_t at = 1 + pieces.count;
    size_t idle = 0;
    env_kmip_frame_begin(&frame, data[0] & 1, MOST);
    while (at < size && idle < 128) { /* pieces of nothing, for ever, are no progress */
        size_t used;
        size_t n = piece(&pieces, size - at);
        if (!feed(&frame, data + at, n, &used)) {
            break;
        }
        idle = used ? 0 : idle + 1;
        at += used;
    }
    env_kmip_frame_end(fuzz_ctx(), &frame);
    return 0;
}
