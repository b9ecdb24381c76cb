/* tools/cmd_keystore.c - create, add-key, rotate, list, remove. */
#include "context.h"
#include "json.h"
#include "keys.h"
#include "text.h"
#include <inttypes.h>
#include <stdio.h>

/* A keystore opened for one command. */
struct opened {
    envelope_ctx *ctx;
    envelope_kms *kms;
};

static int open_it(struct report *report, const struct options *options, uint32_t flags,
                   struct opened *out)
{
    *out = (struct opened){NULL, NULL};
    int end = context_new(report, &out->ctx);
    report_set(report, "keystore", json_of_text(options->operand[0]));
    return end ? end
               : keys_open_keystore(report, out->ctx, options, options->operand[0], flags,
                                    &out->kms);
}

static void close_it(struct opened *opened)
{
    envelope_kms_free(opened->kms);
    envelope_ctx_free(opened->ctx);
}

static int failed(struct report *report, envelope_status status, const envelope_error *err,
                  const char *key)
{
    int end = report_failure(report, status, err, "key %s", text_printable(&report->pool, key));
    /* The passphrase was right: no such key, or no such version. */
    return status == ENVELOPE_E_NO_KEY ? END_FAILED : end;
}

static json_t *version_json(const envelope_key_info *info)
{
    const envelope_key_ref *ref = info->ref;
    json_t *object = json_object();
    json_object_set_new(object, "key_name", json_of_text(ref->key_name));
    json_object_set_new(object, "key_id", json_of_text(ref->key_id));
    json_object_set_new(object, "version", json_of_count(ref->version));
    json_object_set_new(object, "fingerprint",
                        json_of_bytes(ref->fingerprint, sizeof ref->fingerprint));
    json_object_set_new(object, "state", json_string(json_key_state(info->state)));
    json_object_set_new(object, "newest", json_boolean(info->flags & ENVELOPE_KEY_NEWEST));
    return object;
}

static void show(struct report *report, const envelope_key_list *list)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < envelope_key_list_count(list); i++) {
        const envelope_key_info *info = envelope_key_list_at(list, i);
        const envelope_key_ref *ref = info->ref;
        json_array_append_new(keys, version_json(info));
        report_say(report, "%-24s %7" PRIu32 "  %-11s  %s",
                   text_printable(&report->pool, ref->key_name), ref->version,
                   json_key_state(info->state),
                   text_hex(&report->pool, ref->fingerprint, sizeof ref->fingerprint));
    }
    report_set(report, "keys", keys);
}

/* The versions of one key (NULL: of all), after whatever was done. */
static int list_keys(struct report *report, envelope_kms *kms, const char *key)
{
    envelope_key_list *list = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_kms_list(kms, key, &list, &err);
    if (status) {
        return failed(report, status, &err, key);
    }
    report_say(report, "%-24s %7s  %-11s  %s", "KEY", "VERSION", "STATE", "FINGERPRINT");
    show(report, list);
    envelope_key_list_free(list);
    return END_DONE;
}

static int create_key(struct report *report, envelope_kms *kms, const char *key)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_kms_create_key(kms, key, 0, &err);
    return status ? failed(report, status, &err, key) : list_keys(report, kms, key);
}

static int make(struct report *report, const struct options *options, uint32_t flags)
{
    struct opened opened;
    const char *key = option_value(options, OPTION_KEY);
    /* Before a keystore is made for it. */
    if (!config_id_valid(key)) {
        return report_error(report, END_USAGE, "--key %s: a name is 1 to 64 of [A-Za-z0-9._-]",
                            text_printable(&report->pool, key));
    }
    int end = open_it(report, options, flags, &opened);
    end = end ? end : create_key(report, opened.kms, key);
    close_it(&opened);
    return end;
}

static int run_create(struct report *report, const struct options *options)
{
    return make(report, options, ENVELOPE_KEYSTORE_CREATE);
}

static int run_add_key(struct report *report, const struct options *options)
{
    return make(report, options, 0);
}

static int run_rotate(struct report *report, const struct options *options)
{
    struct opened opened;
    const char *key = option_value(options, OPTION_KEY);
    int end = open_it(report, options, 0, &opened);
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = end ? ENVELOPE_OK : envelope_kms_rotate_key(opened.kms, key, &err);
    end = status ? failed(report, status, &err, key) : end;
    end = end ? end : list_keys(report, opened.kms, key);
    close_it(&opened);
    return end;
}

static int run_list(struct report *report, const struct options *options)
{
    struct opened opened;
    int end = open_it(report, options, 0, &opened);
    end = end ? end : list_keys(report, opened.kms, NULL);
    close_it(&opened);
    return end;
}

static int run_remove(struct report *report, const struct options *options)
{
    struct opened opened;
    const char *key = option_value(options, OPTION_KEY);
    uint64_t version;
    if (!text_number(option_value(options, OPTION_KEY_VERSION), UINT32_MAX, &version) || !version) {
        return report_error(report, END_USAGE, "--version is a number, 1 or more");
    }
    int end = open_it(report, options, 0, &opened);
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status =
        end ? ENVELOPE_OK : envelope_kms_remove_key(opened.kms, key, (uint32_t)version, &err);
    end = status ? failed(report, status, &err, key) : end;
    end = end ? end : list_keys(report, opened.kms, key);
    close_it(&opened);
    return end;
}

const struct command command_keystore_create = {
    .name = "keystore create",
    .operands = "DIR",
    .operand_count = 1,
    .summary = "Make a keystore with one RSA-4096 key.",
    .options = {OPTION_KEY, OPTION_PASSPHRASE_FILE, OPTION_JSON, OPTION_HELP},
    .needed = {OPTION_KEY},
    .run = run_create,
};

const struct command command_keystore_add_key = {
    .name = "keystore add-key",
    .operands = "DIR",
    .operand_count = 1,
    .summary = "Add another RSA-4096 key.",
    .options = {OPTION_KEY, OPTION_PASSPHRASE_FILE, OPTION_JSON, OPTION_HELP},
    .needed = {OPTION_KEY},
    .run = run_add_key,
};

const struct command command_keystore_rotate = {
    .name = "keystore rotate",
    .operands = "DIR",
    .operand_count = 1,
    .summary = "Make a new version of a key; the older ones still open.",
    .options = {OPTION_KEY, OPTION_PASSPHRASE_FILE, OPTION_JSON, OPTION_HELP},
    .needed = {OPTION_KEY},
    .run = run_rotate,
};

const struct command command_keystore_list = {
    .name = "keystore list",
    .operands = "DIR",
    .operand_count = 1,
    .summary = "Show all keys with their versions.",
    .options = {OPTION_PASSPHRASE_FILE, OPTION_JSON, OPTION_HELP},
    .run = run_list,
};

const struct command command_keystore_remove = {
    .name = "keystore remove",
    .operands = "DIR",
    .operand_count = 1,
    .summary = "Destroy the private half of an older version, for good.",
    .options = {OPTION_KEY, OPTION_KEY_VERSION, OPTION_PASSPHRASE_FILE, OPTION_JSON, OPTION_HELP},
    .needed = {OPTION_KEY, OPTION_KEY_VERSION},
    .run = run_remove,
};
