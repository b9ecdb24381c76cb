#include "missing.h"
#include "json.h"
#include "text.h"
#include <inttypes.h>

json_t *missing_key_json(const envelope_key_info *info)
{
    json_t *object = json_object();
    json_object_set_new(object, "key", json_of_key(info->ref));
    json_object_set_new(object, "status", json_string(envelope_status_name(info->status)));
    json_object_set_new(object, "points", json_of_count(info->points));
    json_object_set_new(object, "points_alone", json_of_count(info->points_alone));
    json_object_set_new(object, "first", json_boolean(info->flags & ENVELOPE_KEY_IN_SMALLEST_SET));
    return object;
}

static void tell_one(struct report *report, const envelope_key_info *info)
{
    report_more("  %s: %" PRIu64 " point%s%s", text_key_exact(&report->pool, info->ref),
                info->points, text_plural(info->points),
                info->flags & ENVELOPE_KEY_IN_SMALLEST_SET ? ", one of the fewest that open all"
                                                           : "");
}

static uint64_t tell(struct report *report, const envelope_key_list *keys)
{
    json_t *missing = json_array();
    uint64_t closed = 0;
    for (size_t i = 0; i < envelope_key_list_count(keys); i++) {
        const envelope_key_info *info = envelope_key_list_at(keys, i);
        /* Points that something else at hand opens do not miss it. */
        if (info->status == ENVELOPE_OK || (info->points && !info->points_alone)) {
            continue;
        }
        if (!json_array_size(missing)) {
            report_more("keys that are not at hand, as the headers claim:");
        }
        tell_one(report, info);
        closed += info->points_alone;
        json_array_append_new(missing, missing_key_json(info));
    }
    if (json_array_size(missing)) {
        report_more("any one key of a point opens it: bring it (its KMS, --key-file or "
                    "--password-file) and try again; 'envelope keys' says which object needs "
                    "which");
    }
    report_set(report, "missing_keys", missing);
    return closed;
}

uint64_t missing_tell(struct report *report, envelope_store *store, envelope_keyring *keyring,
                      const char *chain)
{
    envelope_survey_options options = {.size = sizeof options, .chain = chain};
    envelope_survey *survey = NULL;
    envelope_key_list *keys = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_survey_new(store, &options, &survey, &err);
    if (!status && keyring) {
        /* What opens is not missing; that something does not is why we are here. */
        envelope_status tried = envelope_survey_try(survey, keyring, NULL);
        (void)tried;
    }
    status = status ? status : envelope_survey_keys(survey, &keys, &err);
    if (status) {
        report_warn(report, "the missing keys could not be listed: %s",
                    text_printable(&report->pool, err.message));
    }
    uint64_t closed = status ? 0 : tell(report, keys);
    envelope_key_list_free(keys);
    envelope_survey_free(survey);
    return closed;
}
