/* tools/keystore.c - opening the embedded keystore, for its own commands and for a keyring. */
#include "keys.h"
#include "prompt.h"
#include "text.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int keys_keystore_end(envelope_status status)
{
    switch (status) {
    case ENVELOPE_E_NO_KEY:
        return END_NO_KEY;
    case ENVELOPE_E_FORMAT:
    case ENVELOPE_E_AUTH:
    case ENVELOPE_E_ROLLBACK:
        return END_DAMAGED;
    case ENVELOPE_E_NOT_FOUND:
    case ENVELOPE_E_KMS_UNREACHED:
    case ENVELOPE_E_IO:
        return END_UNREACHED;
    default:
        return END_FAILED;
    }
}

static int passphrase_of(struct report *report, const struct options *options, const char *dir,
                         bool twice, struct secret *out)
{
    const char *file = option_value(options, OPTION_PASSPHRASE_FILE);
    if (file) {
        return secret_read_line(report, file, NULL, out);
    }
    const char *question = pool_format(&report->pool, "Passphrase of the keystore %s",
                                       text_printable(&report->pool, dir));
    return prompt_secret(report, question, "give --passphrase-file", twice, out);
}

int keys_open_keystore(struct report *report, envelope_ctx *ctx, const struct options *options,
                       const char *dir, uint32_t flags, envelope_kms **out)
{
    const char *shown = text_printable(&report->pool, dir);
    struct stat st;
    bool create = flags & ENVELOPE_KEYSTORE_CREATE;
    if (!create && stat(dir, &st)) {
        return report_error(report, END_UNREACHED, "keystore %s: %s", shown, strerror(errno));
    }
    struct secret passphrase;
    int end = passphrase_of(report, options, dir, create, &passphrase);
    if (end) {
        return end;
    }
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status =
        envelope_keystore_open(ctx, dir, passphrase.bytes, passphrase.len, flags, out, &err);
    secret_free(&passphrase);
    if (status) {
        report_failure(report, status, &err, "keystore %s", shown);
        /* A directory that could not be made is not a keystore out of reach. */
        return create ? END_FAILED : keys_keystore_end(status);
    }
    return END_DONE;
}
