/* tools/cmd_kms_list.c - which KMSs there are (list), and which keys one of them has (keys). */
#include "json.h"
#include "kms_session.h"
#include "text.h"
#include <string.h>

static json_t *texts_json(const struct strings *texts)
{
    json_t *array = json_array();
    for (size_t i = 0; i < texts->count; i++) {
        json_array_append_new(array, json_of_text(texts->item[i]));
    }
    return array;
}

static json_t *endpoints_json(const struct config_kms *kms)
{
    json_t *array = json_array();
    for (size_t i = 0; i < kms->part_count; i++) {
        if (!strcmp(kms->part[i].name, "endpoint")) {
            json_array_append_new(array, json_of_text(kms->part[i].value));
        }
    }
    return array;
}

static json_t *kms_json(const struct config_kms *kms, const struct strings *names)
{
    json_t *object = json_object();
    json_object_set_new(object, "kms_id", json_of_text(kms->id));
    json_object_set_new(object, "type", json_string(kms->kind->name));
    json_object_set_new(object, "dir", json_of_text(config_kms_value(kms, "dir")));
    json_object_set_new(object, "endpoints", endpoints_json(kms));
    json_object_set_new(object, "where", json_of_text(kms->where));
    json_object_set_new(object, "key_names", texts_json(names));
    return object;
}

static void show_kms(struct report *report, const struct config *config,
                     const struct config_kms *kms, json_t *list)
{
    struct pool *pool = &report->pool;
    struct strings names = kms_session_keys(pool, config, kms->id);
    const char *keys = names.count ? text_printable(pool, names.item[0]) : "-";
    for (size_t i = 1; i < names.count; i++) {
        keys = pool_format(pool, "%s, %s", keys, text_printable(pool, names.item[i]));
    }
    report_say(report, "%-16s %-9s %-36s %s", kms->id, kms->kind->name, config_kms_place(pool, kms),
               keys);
    json_array_append_new(list, kms_json(kms, &names));
}

static void head(struct report *report)
{
    report_say(report, "%-16s %-9s %-36s %s", "KMS", "TYPE", "WHERE", "KEYS");
}

static int list_all(struct report *report, const struct options *options)
{
    struct config config;
    json_t *list = json_array();
    report_set(report, "kms", list);
    int end = kms_session_all(report, options, &config);
    if (end) {
        return end;
    }
    if (!config.kms_count) {
        report_say(report, "no KMS is configured");
        return END_DONE;
    }
    head(report);
    for (size_t i = 0; i < config.kms_count; i++) {
        show_kms(report, &config, &config.kms[i], list);
    }
    return END_DONE;
}

/* Each key that a chain names there: one that fails does not hide the others. */
static int list_wanted(struct kms_session *s)
{
    struct report *report = s->report;
    struct strings names = kms_session_keys(&report->pool, &s->config, s->kms->id);
    json_t *keys = json_array();
    int end = END_DONE;
    report_set(report, "keys", keys);
    if (!names.count) {
        report_say(report,
                   "no chain of the configuration names a key of it; 'envelope kms keys "
                   "%s' shows all that it has",
                   s->kms->id);
        return END_DONE;
    }
    report_say(report, "%s", "");
    kms_session_head(report);
    for (size_t i = 0; i < names.count && end != END_UNREACHED; i++) {
        end = report_worse(end, kms_session_list(s, names.item[i], keys));
    }
    return end;
}

static int list_one(struct report *report, const struct options *options)
{
    struct kms_session s;
    json_t *list = json_array();
    report_set(report, "kms", list);
    int end = kms_session_open(&s, report, options, options->operand[0], 0);
    if (s.kms) { /* it is there, open or not */
        head(report);
        show_kms(report, &s.config, s.kms, list);
        end = end ? end : list_wanted(&s);
    }
    kms_session_close(&s);
    return end;
}

static int run_list(struct report *report, const struct options *options)
{
    return options->operand[0] ? list_one(report, options) : list_all(report, options);
}

static int run_keys(struct report *report, const struct options *options)
{
    struct kms_session s;
    int end = kms_session_open(&s, report, options, options->operand[0], 0);
    if (!end) {
        json_t *keys = json_array();
        report_set(report, "keys", keys);
        kms_session_head(report);
        end = kms_session_list(&s, option_value(options, OPTION_KEY), keys);
    }
    kms_session_close(&s);
    return end;
}

const struct command command_kms_list = {
    .name = "kms list",
    .operands = "[ID]",
    .operand_count = 1,
    .operands_optional = 1,
    .summary = "Show the KMSs of the configuration; with ID, what that one has of the keys named.",
    .options = {OPTION_KMS, OPTION_PASSPHRASE_FILE, OPTION_CONFIG, OPTION_JSON, OPTION_HELP},
    .run = run_list,
};

const struct command command_kms_keys = {
    .name = "kms keys",
    .operands = "ID",
    .operand_count = 1,
    .summary = "Show all keys that a KMS lets us see, with all their versions.",
    .options = {OPTION_KEY, OPTION_KMS, OPTION_PASSPHRASE_FILE, OPTION_CONFIG, OPTION_JSON,
                OPTION_HELP},
    .run = run_keys,
};
