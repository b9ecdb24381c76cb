/* In place of session.c where KMIP was left out of the build. */
#include "base/error.h"
#include <envelope/kmip_session.h>

static envelope_status left_out(envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_UNSUPPORTED, "KMIP was left out of this build");
}

envelope_status envelope_kmip_session_new(envelope_ctx *ctx, const envelope_kmip_options *options,
                                          envelope_kmip_session **out, envelope_error *err)
{
    (void)ctx;
    (void)options;
    if (out) {
        *out = NULL;
    }
    return left_out(err);
}

/* There is no session, so these are never called with one. */

envelope_status envelope_kmip_session_begin(envelope_kmip_session *session,
                                            const envelope_question *question, envelope_error *err)
{
    (void)session;
    (void)question;
    return left_out(err);
}

envelope_status envelope_kmip_session_step(envelope_kmip_session *session, envelope_error *err)
{
    (void)session;
    return left_out(err);
}

const void *envelope_kmip_session_output(envelope_kmip_session *session, size_t *len)
{
    (void)session;
    if (len) {
        *len = 0;
    }
    return NULL;
}

void envelope_kmip_session_sent(envelope_kmip_session *session, size_t len)
{
    (void)session;
    (void)len;
}

size_t envelope_kmip_session_wanted(const envelope_kmip_session *session)
{
    (void)session;
    return 0;
}

envelope_status envelope_kmip_session_input(envelope_kmip_session *session, const void *data,
                                            size_t len, envelope_error *err)
{
    (void)session;
    (void)data;
    (void)len;
    return left_out(err);
}

envelope_status envelope_kmip_session_answer(envelope_kmip_session *session, envelope_kms *asking,
                                             envelope_error *err)
{
    (void)session;
    (void)asking;
    return left_out(err);
}

void envelope_kmip_session_free(envelope_kmip_session *session)
{
    (void)session;
}
