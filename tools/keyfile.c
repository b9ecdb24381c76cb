/* tools/keyfile.c - --key-file PRIVATE.pem[:PASSFILE]: an exported key, by hand. */
#include "keys.h"
#include "prompt.h"
#include "text.h"
#include <string.h>
#include <unistd.h>

/* The last colon divides, unless the whole names a file. *passfile NULL: none was given. */
static const char *divide(struct pool *pool, const char *value, const char **passfile)
{
    const char *colon = strrchr(value, ':');
    *passfile = NULL;
    if (!colon || access(value, F_OK) == 0) {
        return value;
    }
    *passfile = colon + 1;
    return pool_copy(pool, value, (size_t)(colon - value));
}

static bool contains(const struct secret *pem, const char *word)
{
    return memmem(pem->bytes, pem->len, word, strlen(word)) != NULL;
}

static int passphrase_of(struct report *report, const char *path, const char *passfile,
                         const struct secret *pem, struct secret *out)
{
    memset(out, 0, sizeof *out);
    if (passfile) {
        return secret_read_line(report, passfile, NULL, out);
    }
    if (!contains(pem, "ENCRYPTED")) {
        return END_DONE;
    }
    const char *shown = text_printable(&report->pool, path);
    return prompt_secret(report, pool_format(&report->pool, "Passphrase of %s", shown),
                         pool_format(&report->pool, "give --key-file %s:PASSFILE", shown), false,
                         out);
}

static int add(const struct keys_request *request, const char *path, const struct secret *pem,
               const struct secret *passphrase, envelope_keyring *keyring)
{
    struct report *report = request->report;
    const char *shown = text_printable(&report->pool, path);
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_keyring_add_key(keyring, NULL, pem->bytes, pem->len,
                                                      passphrase->bytes, passphrase->len, &err);
    if (!status) {
        return END_DONE;
    }
    int end = report_failure(report, status, &err, "--key-file %s", shown);
    /* What is damaged is the file given, not the repository. */
    return end == END_DAMAGED ? END_USAGE : end;
}

int keys_add_file(const struct keys_request *request, const char *value, envelope_keyring *keyring)
{
    struct report *report = request->report;
    const char *passfile;
    const char *path = divide(&report->pool, value, &passfile);
    struct secret pem, passphrase = {NULL, 0, 0};
    int end = secret_read_file(report, path, &pem);
    if (end) {
        return end;
    }
    /* A public half would be sealed for instead of opening. */
    if (!contains(&pem, "PRIVATE KEY-----")) {
        end = report_error(report, END_USAGE, "--key-file %s: there is no private key in it",
                           text_printable(&report->pool, path));
    }
    end = end ? end : passphrase_of(report, path, passfile, &pem, &passphrase);
    end = end ? end : add(request, path, &pem, &passphrase, keyring);
    secret_free(&passphrase);
    secret_free(&pem);
    return end;
}
