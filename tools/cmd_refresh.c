/* tools/cmd_refresh.c - make the newest keys open everything. */
#include "json.h"
#include "session.h"
#include "text.h"
#include <inttypes.h>

static int run(struct report *report, const struct options *options)
{
    struct session session;
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint32_t rotated = 0;
    bool force = option_given(options, OPTION_NEW_GENERATION);
    int end = session_open(&session, report, options, SESSION_WRITE);
    envelope_status status =
        end ? ENVELOPE_OK
            : envelope_chain_refresh(session.chain, force ? ENVELOPE_REFRESH_NEW_GENERATION : 0,
                                     &rotated, &err);
    if (status) {
        end = session_failed(&session, status, &err, "refresh");
    }
    if (!end) {
        report_set(report, "rotated", json_of_count(rotated));
        report_set(report, "new_generation", json_boolean(rotated || force));
        report_set(report, "sealed_for", json_incref(report->sealed_for));
        report_say(report, "%" PRIu32 " key%s changed%s", rotated, text_plural(rotated),
                   rotated || force ? ": the metadata is sealed anew, in a new generation" : "");
    }
    session_close(&session);
    return end;
}

const struct command command_refresh = {
    .name = "refresh",
    .operands = "REPO",
    .operand_count = 1,
    .summary = "Ask the KMSs for their newest keys, and seal the metadata for them.",
    .options = {OPTION_CHAIN, OPTION_NEW_GENERATION, OPTION_KMS, OPTION_PASSPHRASE_FILE,
                OPTION_CONFIG, OPTION_STATE, OPTION_JSON, OPTION_HELP},
    .run = run,
};
