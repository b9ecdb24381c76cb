/* tools/cmd_export.c - keystore export: a key as PKCS#8, for the day without the keystore. */
#include "context.h"
#include "json.h"
#include "keys.h"
#include "paths.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0600 whatever was there before: the old file is replaced, not written into. "-" is standard
 * output. */
static int put(struct report *report, const char *path, const struct secret *pem)
{
    int failed = !strcmp(path, "-") ? write_all(STDOUT_FILENO, pem->bytes, pem->len)
                                    : path_replace(&report->pool, path, pem->bytes, pem->len);
    return failed ? report_error(report, END_FAILED, "%s: %s", text_printable(&report->pool, path),
                                 strerror(errno))
                  : END_DONE;
}

static int check_target(struct report *report, const struct options *options)
{
    const char *path = option_value(options, OPTION_OUTPUT);
    struct stat st;
    if (!strcmp(path, "-") && option_given(options, OPTION_JSON)) {
        return report_error(report, END_USAGE, "--json and -o - would share standard output");
    }
    if (strcmp(path, "-") && !lstat(path, &st) && !option_given(options, OPTION_FORCE)) {
        return report_error(report, END_FAILED, "%s: is there already: --force replaces it",
                            text_printable(&report->pool, path));
    }
    return END_DONE;
}

static int export_key(struct report *report, const struct options *options, envelope_kms *kms,
                      uint32_t version, const struct secret *passphrase, struct secret *pem)
{
    const char *key = option_value(options, OPTION_KEY);
    uint32_t flags = option_given(options, OPTION_PUBLIC) ? ENVELOPE_EXPORT_PUBLIC : 0;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status =
        envelope_kms_export_key(kms, key, version, flags, passphrase->bytes, passphrase->len,
                                pem->bytes, pem->room, &pem->len, &err);
    if (!status) {
        return END_DONE;
    }
    int end = report_failure(report, status, &err, "key %s", text_printable(&report->pool, key));
    /* The passphrase was right: no such key, or no such version. */
    return status == ENVELOPE_E_NO_KEY ? END_FAILED : end;
}

static int export_to_file(struct report *report, const struct options *options, envelope_ctx *ctx,
                          uint32_t version, const struct secret *passphrase)
{
    const char *path = option_value(options, OPTION_OUTPUT);
    envelope_kms *kms = NULL;
    struct secret pem;
    if (!secret_new(&pem, ENVELOPE_PEM_MAX)) {
        return report_error(report, END_FAILED, "no memory");
    }
    int end = keys_open_keystore(report, ctx, options, options->operand[0], 0, &kms);
    end = end ? end : export_key(report, options, kms, version, passphrase, &pem);
    end = end ? end : put(report, path, &pem);
    secret_free(&pem);
    envelope_kms_free(kms);
    return end;
}

static int run(struct report *report, const struct options *options)
{
    const char *text = option_value(options, OPTION_KEY_VERSION);
    const char *file = option_value(options, OPTION_OUT_PASSPHRASE_FILE);
    bool plain = !file && !option_given(options, OPTION_PUBLIC);
    uint64_t version = 0;
    if (text && (!text_number(text, UINT32_MAX, &version) || !version)) {
        return report_error(report, END_USAGE, "--version is a number, 1 or more");
    }
    if (file && option_given(options, OPTION_PUBLIC)) {
        return report_error(report, END_USAGE,
                            "--public is not encrypted: leave --out-passphrase-file out");
    }
    struct secret passphrase = {NULL, 0, 0};
    envelope_ctx *ctx = NULL;
    int end = check_target(report, options);
    if (!end && file) {
        end = secret_read_line(report, file, NULL, &passphrase);
    }
    end = end ? end : context_new(report, &ctx);
    end = end ? end : export_to_file(report, options, ctx, (uint32_t)version, &passphrase);
    if (!end && plain) {
        report_warn(report,
                    "%s holds a private key in plain: whoever reads it opens your backups; "
                    "--out-passphrase-file encrypts it",
                    text_printable(&report->pool, option_value(options, OPTION_OUTPUT)));
    }
    report_set(report, "file", json_of_text(option_value(options, OPTION_OUTPUT)));
    report_set(report, "encrypted", json_boolean(file != NULL));
    report_set(report, "public", json_boolean(option_given(options, OPTION_PUBLIC)));
    secret_free(&passphrase);
    envelope_ctx_free(ctx);
    return end;
}

const struct command command_keystore_export = {
    .name = "keystore export",
    .operands = "DIR",
    .operand_count = 1,
    .summary = "Write a key as PKCS#8 in PEM, for recovery without the keystore.",
    .options = {OPTION_KEY, OPTION_KEY_VERSION, OPTION_PUBLIC, OPTION_OUT_PASSPHRASE_FILE,
                OPTION_OUTPUT, OPTION_FORCE, OPTION_PASSPHRASE_FILE, OPTION_JSON, OPTION_HELP},
    .needed = {OPTION_KEY, OPTION_OUTPUT},
    .run = run,
};
