/* Target functions: envelope_kmip_session_begin, _step, _output, _sent, _wanted, _input
 *
 * Input: a byte (bits 0 and 1: the question, 2 and 3: how to unwrap, the rest: n), n lengths of
 * pieces, the stream of replies. */
#include "fuzz.h"
#include <envelope/kmip_session.h>
#include <stdlib.h>
#include <string.h>

struct stream {
    const uint8_t *piece; /* lengths, used round and round */
    size_t pieces;
    size_t next;
    const uint8_t *data;
    size_t left;
};

static size_t piece(struct stream *s, size_t wanted)
{
    size_t n = s->pieces ? 1u + s->piece[s->next++ % s->pieces] : wanted;
    n = n < wanted ? n : wanted;
    return n < s->left ? n : s->left;
}

static envelope_kmip_session *make(uint8_t how)
{
    const envelope_kmip_options options = {
        .size = sizeof options, .unwrap = how % 4, .max_response_bytes = 65536};
    envelope_kmip_session *session = NULL;
    fuzz_must(!envelope_kmip_session_new(fuzz_ctx(), &options, &session, NULL), "a session");
    return session;
}

static void begin(envelope_kmip_session *session, uint8_t kind)
{
    static const uint8_t in[512] = {1, 2, 3};
    const envelope_key_ref ref = {.size = sizeof ref,
                                  .kms_id = "lab",
                                  .key_name = "vm",
                                  .key_id = "46",
                                  .has_fingerprint = 1};
    const envelope_question q = {.size = sizeof q,
                                 .kind = ENVELOPE_ASK_NEWEST + kind % 4,
                                 .algorithm =
                                     kind % 4 == 2 ? ENVELOPE_AES_KWP : ENVELOPE_RSA_OAEP_SHA256,
                                 .key = &ref,
                                 .in = in,
                                 .in_len = kind % 4 == 2 ? 32 : sizeof in};
    fuzz_must(!envelope_kmip_session_begin(session, &q, NULL), "a question");
}

/* false: refused, or nothing is left. */
static bool feed(envelope_kmip_session *session, struct stream *s)
{
    size_t len;
    fuzz_must(envelope_kmip_session_output(session, &len) || !len, "output has a place");
    envelope_kmip_session_sent(session, len);
    size_t wanted = envelope_kmip_session_wanted(session);
    fuzz_must(wanted > 0, "who waits wants something");
    size_t n = piece(s, wanted);
    uint8_t *exact = fuzz_copy(s->data, n);
    envelope_status st = envelope_kmip_session_input(session, exact, n, NULL);
    free(exact);
    s->data += n;
    s->left -= n;
    return !st && n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream s = {data + 1, size ? data[0] >> 4 : 0, 0, NULL, 0};
    envelope_error err = ENVELOPE_ERROR_INIT;
    if (!size || s.pieces > size - 1) {
        return 0;
    }
    s.data = data + 1 + s.pieces;
    s.left = size - 1 - s.pieces;
    envelope_kmip_session *session = make((data[0] >> 2) & 3);
    begin(session, data[0] & 3);
    while (envelope_kmip_session_step(session, &err) == ENVELOPE_E_AGAIN && feed(session, &s)) {
    }
    envelope_kmip_session_free(session);
    return 0;
}
