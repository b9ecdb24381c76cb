/* tools/cmd_init.c - create a chain, and write down for whom it is sealed. */
#include "config_section.h"
#include "context.h"
#include "json.h"
#include "keys.h"
#include "paths.h"
#include "pin.h"
#include "text.h"
#include <string.h>

struct init {
    struct report *report;
    const struct options *options;
    struct config config;
    struct config_chain chain; /* as it will stand in the configuration */
    const char *new_kms;       /* sections of KMSs that are not there yet */
    envelope_ctx *ctx;
    envelope_store *store;
    envelope_keyring *keyring;
    struct pin pin;
};

/* A path in the configuration is absolute, and everything reads back as it is. */
static int fit(struct init *init, const char *what, bool is_file, const char **value)
{
    if (is_file) {
        *value = path_absolute(&init->report->pool, *value);
    }
    if (config_value_fits(*value)) {
        return END_DONE;
    }
    return report_error(init->report, END_USAGE, "%s: %s: cannot stand in a configuration file",
                        what, text_printable(&init->report->pool, *value));
}

static int collect(struct init *init, enum option_id option, enum config_list list)
{
    static const char *const names[CONFIG_LISTS] = {"--key", "--password", "--escrow", ""};
    struct pool *pool = &init->report->pool;
    const struct strings *given = &init->options->value[option];
    struct config_entries *to = &init->chain.list[list];
    int end = END_DONE;
    for (size_t i = 0; i < given->count && !end; i++) {
        struct config_entry entry = {.where = names[list]};
        const char *why = NULL;
        if (!config_split(pool, list, given->item[i], &entry, &why)) {
            return report_error(init->report, END_USAGE, "%s %s: %s", names[list],
                                text_printable(pool, given->item[i]), why);
        }
        if (list != CONFIG_KEY) {
            end = fit(init, names[list], true, &entry.right);
        }
        if (!end && (!config_value_fits(entry.left) || !config_value_fits(entry.right))) {
            end = report_error(init->report, END_USAGE, "%s %s: cannot stand in a configuration",
                               names[list], text_printable(pool, given->item[i]));
        }
        to->item = pool_grow(pool, to->item, to->count, sizeof entry);
        to->item[to->count++] = entry;
    }
    return end;
}

static int collect_recipients(struct init *init)
{
    const char *name = option_value(init->options, OPTION_CHAIN);
    init->chain.name = name ? name : "default";
    init->chain.serial = 1;
    int end = collect(init, OPTION_RECIPIENT_KEY, CONFIG_KEY);
    end = end ? end : collect(init, OPTION_PASSWORD, CONFIG_PASSWORD);
    end = end ? end : collect(init, OPTION_ESCROW, CONFIG_ESCROW);
    const struct config_entries *list = init->chain.list;
    if (!end && !(list[0].count + list[1].count + list[2].count)) {
        end = report_error(init->report, END_USAGE,
                           "nobody to seal for: give --key, --password or --escrow");
    }
    return end;
}

/* All that may stand in the file, paths made absolute. */
static int fit_parts(struct init *init, struct config_kms *kms)
{
    int end = END_DONE;
    for (size_t i = 0; i < kms->part_count && !end; i++) {
        struct config_part *part = &kms->part[i];
        end = fit(init, part->name, config_kms_is_file(kms, part->name), &part->value);
    }
    return end;
}

/* One KMS as it was given now. */
static int plan_kms(struct init *init, struct config_kms *kms)
{
    struct report *report = init->report;
    const char *file = option_value(init->options, OPTION_PASSPHRASE_FILE);
    const char *why;
    if (file && kms->kind == &kms_keystore && !config_kms_part(kms, "passphrase-file")) {
        struct config_part part = {"passphrase-file", file, "--passphrase-file"};
        config_kms_add(&report->pool, kms, &part, &why);
    }
    int end = fit_parts(init, kms);
    const struct config_kms *known = config_find_kms(&init->config, kms->id);
    if (end || !known) {
        init->new_kms = end ? init->new_kms
                            : pool_format(&report->pool, "%s%s\n", init->new_kms,
                                          config_kms_section(&report->pool, kms));
        return end;
    }
    if (!config_kms_same(known, kms)) {
        return report_error(report, END_USAGE,
                            "%s: [kms.%s] says something else than --kms: the same name means the "
                            "same KMS for ever; leave --kms out, or choose another name",
                            known->where, kms->id);
    }
    return END_DONE;
}

static int plan_kms_sections(struct init *init)
{
    struct pool *pool = &init->report->pool;
    const struct strings *given = &init->options->value[OPTION_KMS];
    int end = END_DONE;
    init->new_kms = "";
    for (size_t i = 0; i < given->count && !end; i++) {
        struct config_kms kms;
        const char *why = NULL;
        if (!config_split_kms(pool, given->item[i], &kms, &why)) {
            return report_error(init->report, END_USAGE, "--kms %s: %s",
                                text_printable(pool, given->item[i]), why);
        }
        for (size_t k = 0; k < i; k++) {
            size_t len = strlen(kms.id) + 1;
            if (!strncmp(given->item[k], given->item[i], len)) {
                return report_error(init->report, END_USAGE, "--kms %s is given twice", kms.id);
            }
        }
        end = plan_kms(init, &kms);
    }
    return end;
}

static int open_parts(struct init *init)
{
    struct keys_request request = {
        .report = init->report,
        .options = init->options,
        .config = &init->config,
        .chain = &init->chain,
    };
    envelope_error err = ENVELOPE_ERROR_INIT;
    const char *repo = init->options->operand[0];
    int end = context_new(init->report, &init->ctx);
    request.ctx = init->ctx;
    end = end ? end : keys_open(&request, &init->keyring);
    end = end ? end : pin_begin(init->report, init->options, &init->pin);
    if (end) {
        return end;
    }
    envelope_status status =
        envelope_store_dir(init->ctx, repo, ENVELOPE_DIR_CREATE, &init->store, &err);
    return status ? report_failure(init->report, status, &err, "repository %s",
                                   text_printable(&init->report->pool, repo))
                  : END_DONE;
}

static int create(struct init *init, envelope_chain **chain)
{
    envelope_chain_options options = {
        .size = sizeof options,
        .name = init->chain.name,
        .save_pin = pin_save,
        .user = &init->pin,
        .policy_serial = init->chain.serial,
    };
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status =
        envelope_chain_create(init->store, init->keyring, &options, chain, &err);
    if (status) {
        pin_discard(&init->pin);
        return report_failure(init->report, status, &err, "chain %s",
                              text_printable(&init->report->pool, init->chain.name));
    }
    return END_DONE;
}

/* The chain is there now, whatever happens here: what could not be kept is said. */
static int remember(struct init *init, const envelope_chain *chain)
{
    struct report *report = init->report;
    struct pool *pool = &report->pool;
    init->chain.id = text_hex(pool, envelope_chain_id(chain), 32);
    const char *sections =
        pool_format(pool, "%s%s", init->new_kms, config_chain_section(pool, &init->chain));
    int end = pin_settle(&init->pin, init->options, init->chain.id);
    int written = config_append(report, init->config.path, sections);
    if (written) {
        report_more("the chain was created; write this into the configuration yourself:\n%s",
                    sections);
    }
    return report_worse(end, written);
}

static void tell(struct init *init)
{
    struct report *report = init->report;
    struct pool *pool = &report->pool;
    json_t *object = json_object();
    json_object_set_new(object, "id", json_string(init->chain.id));
    json_object_set_new(object, "name", json_of_text(init->chain.name));
    report_set(report, "chain", object);
    report_set(report, "config", json_of_text(init->config.path));
    report_set(report, "pin", json_of_text(init->pin.path));
    report_set(report, "sealed_for", json_incref(report->sealed_for));
    report_say(report, "chain %s %s", init->chain.name, init->chain.id);
    size_t i;
    json_t *key;
    json_array_foreach(report->sealed_for, i, key)
    {
        const char *kms = json_string_value(json_object_get(key, "kms_id"));
        const char *fingerprint = json_string_value(json_object_get(key, "fingerprint"));
        const char *name = json_string_value(json_object_get(key, "key_name"));
        report_say(report, "sealed for %s%s%s%s%s",
                   kms ? kms : json_string_value(json_object_get(key, "kind")), kms ? "/" : " ",
                   text_printable(pool, name), fingerprint ? ", fingerprint " : "",
                   fingerprint ? fingerprint : "");
    }
    report_say(report, "recipients are in %s", text_printable(pool, init->config.path));
}

static int prepare(struct init *init)
{
    int end = config_load(init->report, init->options, false, &init->config);
    if (!end && !init->config.path) {
        end = report_error(init->report, END_USAGE,
                           "nowhere to write the configuration: give --config, or set HOME");
    }
    end = end ? end : collect_recipients(init);
    end = end ? end : plan_kms_sections(init);
    return end ? end : open_parts(init);
}

static int run(struct report *report, const struct options *options)
{
    struct init init = {.report = report, .options = options, .pin = {.lock = -1}};
    envelope_chain *chain = NULL;
    int end = prepare(&init);
    end = end ? end : create(&init, &chain);
    if (!end) {
        end = remember(&init, chain);
        tell(&init);
    }
    envelope_chain_free(chain);
    envelope_keyring_free(init.keyring);
    envelope_store_free(init.store);
    envelope_ctx_free(init.ctx);
    return end;
}

const struct command command_init = {
    .name = "init",
    .operands = "REPO",
    .operand_count = 1,
    .summary = "Create a chain, and write into the configuration whom it is sealed for.",
    .options = {OPTION_CHAIN, OPTION_KMS, OPTION_RECIPIENT_KEY, OPTION_ESCROW, OPTION_PASSWORD,
                OPTION_PASSPHRASE_FILE, OPTION_CONFIG, OPTION_STATE, OPTION_JSON, OPTION_HELP},
    .run = run,
};
