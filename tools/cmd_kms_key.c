/* tools/cmd_kms_key.c - what an administrator does with a key of a KMS: make it, rotate it. */
#include "json.h"
#include "kms_session.h"
#include "text.h"
#include <string.h>

/* A KMS may take its time over an RSA-4096 pair. */
enum { PATIENCE_S = 60 };

struct target {
    struct kms_session kms;
    const char *name;
};

static int open_it(struct report *report, const struct options *options, struct target *out)
{
    const char *operand = options->operand[0];
    struct config_entry entry;
    const char *why = NULL;
    memset(out, 0, sizeof *out);
    if (!config_split(&report->pool, CONFIG_KEY, operand, &entry, &why)) {
        report_error(report, END_USAGE, "%s: %s", text_printable(&report->pool, operand), why);
        return END_USAGE;
    }
    out->name = entry.right;
    return kms_session_open(&out->kms, report, options, entry.left, PATIENCE_S);
}

/* What there is now. That it cannot be listed does not undo what was done. */
static void show(struct target *t, const char *done)
{
    struct report *report = t->kms.report;
    json_t *keys = json_array();
    report_set(report, "keys", keys);
    report_say(report, "%s/%s: %s", t->kms.kms->id, text_printable(&report->pool, t->name), done);
    envelope_key_list *list = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_kms_list(t->kms.opened, t->name, &list, &err);
    if (status) {
        report_warn(report, "done, but its versions cannot be shown: %s",
                    text_printable(&report->pool, err.message));
        return;
    }
    kms_session_head(report);
    kms_session_show(report, list, keys);
    envelope_key_list_free(list);
}

static int run_create(struct report *report, const struct options *options)
{
    struct target t;
    envelope_error err = ENVELOPE_ERROR_INIT;
    int32_t algorithm = option_given(options, OPTION_AES) ? ENVELOPE_AES_KWP : 0;
    int end = open_it(report, options, &t);
    envelope_status status =
        end ? ENVELOPE_OK : envelope_kms_create_key(t.kms.opened, t.name, algorithm, &err);
    if (status) {
        end = kms_session_failed(&t.kms, status, &err, t.name);
    }
    if (!end) {
        show(&t, "made");
    }
    kms_session_close(&t.kms);
    return end;
}

static int run_rotate(struct report *report, const struct options *options)
{
    struct target t;
    envelope_error err = ENVELOPE_ERROR_INIT;
    int end = open_it(report, options, &t);
    envelope_status status =
        end ? ENVELOPE_OK : envelope_kms_rotate_key(t.kms.opened, t.name, &err);
    if (status) {
        end = kms_session_failed(&t.kms, status, &err, t.name);
    }
    if (!end) {
        show(&t, "rotated");
        report_note(report, "'envelope refresh' on each chain that uses it makes the new version "
                            "open everything; until then keep the old one");
    }
    kms_session_close(&t.kms);
    return end;
}

const struct command command_kms_create_key = {
    .name = "kms create-key",
    .operands = "ID/NAME",
    .operand_count = 1,
    .summary = "Make a key in a KMS: an RSA-4096 pair, or AES-256.",
    .options = {OPTION_AES, OPTION_KMS, OPTION_PASSPHRASE_FILE, OPTION_CONFIG, OPTION_JSON,
                OPTION_HELP},
    .run = run_create,
};

const struct command command_kms_rotate = {
    .name = "kms rotate",
    .operands = "ID/NAME",
    .operand_count = 1,
    .summary = "Make a new version of a key in a KMS; the older ones still open.",
    .options = {OPTION_KMS, OPTION_PASSPHRASE_FILE, OPTION_CONFIG, OPTION_JSON, OPTION_HELP},
    .run = run_rotate,
};
