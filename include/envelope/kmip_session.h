/* envelope/kmip_session.h - KMIP without sockets, for event loops: bytes out, bytes wanted, bytes
 * in. UNSTABLE: it may change with every release; not part of <envelope/envelope.h>.
 *
 * It answers the questions of an asking KMS (kms.h). TLS and the connection are yours:
 *
 *     envelope_kmip_session_begin(session, question, &err);
 *     while ((st = envelope_kmip_session_step(session, &err)) == ENVELOPE_E_AGAIN) {
 *         out = envelope_kmip_session_output(session, &len);     send all of it, then
 *         envelope_kmip_session_sent(session, len);
 *         n = envelope_kmip_session_wanted(session);             read up to n bytes, then
 *         st = envelope_kmip_session_input(session, buf, got, &err);
 *     }
 *     envelope_kmip_session_answer(session, asking, &err);       also tells a failure
 */
#ifndef ENVELOPE_KMIP_SESSION_H
#define ENVELOPE_KMIP_SESSION_H
#include <envelope/kmip.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Threads: one at a time. */
typedef struct envelope_kmip_session envelope_kmip_session;

/* Of the options: flags, unwrap, selector, oaep, max_response_bytes, trace. The rest is yours to do
 * and must be zero. What is learned about the server is kept from question to question, so use one
 * session for each KMS. */
ENVELOPE_TRY envelope_status envelope_kmip_session_new(envelope_ctx *ctx,
                                                       const envelope_kmip_options *options,
                                                       envelope_kmip_session **out,
                                                       envelope_error *err);
/* What was under way is forgotten. The question is copied. */
ENVELOPE_TRY envelope_status envelope_kmip_session_begin(envelope_kmip_session *session,
                                                         const envelope_question *question,
                                                         envelope_error *err);
/* E_AGAIN: output is to be sent, or input wanted. OK: the answer is there. Else it is a failure,
 * to be handed on by _answer as well. */
ENVELOPE_TRY envelope_status envelope_kmip_session_step(envelope_kmip_session *session,
                                                        envelope_error *err);
/* Borrowed until the next call. May hold ciphertext of a DEK, never a DEK. */
ENVELOPE_API const void *envelope_kmip_session_output(envelope_kmip_session *session, size_t *len);
ENVELOPE_API void envelope_kmip_session_sent(envelope_kmip_session *session, size_t len);
/* 0 while there is output to send, or when nothing is under way. */
ENVELOPE_API size_t envelope_kmip_session_wanted(const envelope_kmip_session *session);
/* At most wanted bytes. E_FORMAT: not KMIP; close the connection, begin again. Wipe data yourself:
 * it may hold a key. */
ENVELOPE_TRY envelope_status envelope_kmip_session_input(envelope_kmip_session *session,
                                                         const void *data, size_t len,
                                                         envelope_error *err);
/* Once step has returned anything but E_AGAIN. */
ENVELOPE_TRY envelope_status envelope_kmip_session_answer(envelope_kmip_session *session,
                                                          envelope_kms *asking,
                                                          envelope_error *err);
ENVELOPE_API void envelope_kmip_session_free(envelope_kmip_session *session);

#ifdef __cplusplus
}
#endif
#endif
