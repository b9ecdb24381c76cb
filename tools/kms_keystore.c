/* tools/kms_keystore.c - type = keystore: a directory, and its passphrase. */
#include "kms_open.h"
#include "prompt.h"
#include "text.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int unlock(const struct keys_request *request, const struct config_kms *kms,
                  const struct secret *passphrase, envelope_kms **out, const char **why)
{
    struct report *report = request->report;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status =
        envelope_keystore_open(request->ctx, config_kms_value(kms, "dir"), passphrase->bytes,
                               passphrase->len, 0, out, &err);
    int end = status ? keys_keystore_end(status) : END_DONE;
    if (end == END_FAILED) {
        return report_failure(report, status, &err, "%s", kms_called(&report->pool, kms));
    }
    *why = end ? text_printable(&report->pool, err.message) : NULL;
    return end;
}

static int ask(const struct keys_request *request, const struct config_kms *kms,
               struct secret *passphrase)
{
    struct report *report = request->report;
    const char *option = option_value(request->options, OPTION_PASSPHRASE_FILE);
    const struct config_part *part = config_kms_part(kms, "passphrase-file");
    if (option || part) {
        return secret_read_line(report, option ? option : part->value, option ? NULL : part->where,
                                passphrase);
    }
    const char *question =
        pool_format(&report->pool, "Passphrase of %s (%s)", kms_called(&report->pool, kms),
                    config_kms_place(&report->pool, kms));
    return prompt_secret(report, question, "give --passphrase-file", false, passphrase);
}

/* Somebody who gives keys by hand is not asked for passphrases either. */
static const char *not_asked(const struct keys_request *request, const struct config_kms *kms)
{
    const char *file = option_value(request->options, OPTION_PASSPHRASE_FILE);
    file = file ? file : config_kms_value(kms, "passphrase-file");
    if (keys_by_hand(request->options) && !file) {
        return "not asked, since keys are given by hand and no --passphrase-file";
    }
    return kms_missing_file(request, "passphrase file", file);
}

static int open_keystore(const struct keys_request *request, const struct config_kms *kms,
                         envelope_kms **out, const char **why)
{
    struct secret passphrase;
    struct stat st;
    if (stat(config_kms_value(kms, "dir"), &st)) {
        *why = pool_format(&request->report->pool, "cannot be reached: %s", strerror(errno));
        return END_UNREACHED;
    }
    *why = not_asked(request, kms);
    if (*why) {
        return END_NO_KEY;
    }
    int end = ask(request, kms, &passphrase);
    end = end ? end : unlock(request, kms, &passphrase, out, why);
    secret_free(&passphrase);
    return end;
}

static const struct part_rule rules[] = {
    {.name = "dir", .flags = PART_NEEDED | PART_FILE},
    {.name = "passphrase-file", .flags = PART_FILE},
    {.name = NULL},
};

const struct kms_kind kms_keystore = {
    .name = "keystore",
    .noun = "keystore",
    .form = "ID=keystore:DIR[,passphrase-file=F]",
    .rule = rules,
    .open = open_keystore,
};
