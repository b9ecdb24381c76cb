#include "keys.h"
#include "prompt.h"
#include "standin.h"
#include "text.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool keys_by_hand(const struct options *options)
{
    return option_given(options, OPTION_KEY_FILE) || option_given(options, OPTION_PASSWORD_FILE);
}

struct strings keys_kms_ids(struct pool *pool, const struct config_chain *chain)
{
    static const enum config_list lists[] = {CONFIG_KEY, CONFIG_UNWRAP};
    struct strings ids = {NULL, 0};
    for (size_t l = 0; l < 2; l++) {
        const struct config_entries *entries = &chain->list[lists[l]];
        for (size_t i = 0; i < entries->count; i++) {
            size_t k = 0;
            while (k < ids.count && strcmp(ids.item[k], entries->item[i].left)) {
                k++;
            }
            if (k == ids.count) {
                strings_add(pool, &ids, entries->item[i].left);
            }
        }
    }
    return ids;
}

const struct config_kms *keys_kms(const struct keys_request *request, const char *id, int *end)
{
    struct pool *pool = &request->report->pool;
    const struct strings *given = &request->options->value[OPTION_KMS];
    for (size_t i = 0; i < given->count; i++) {
        struct config_kms *kms = pool_alloc(pool, sizeof *kms);
        const char *why = NULL;
        if (!config_split_kms(pool, given->item[i], kms, &why)) {
            *end = report_error(request->report, END_USAGE, "--kms %s: %s",
                                text_printable(pool, given->item[i]), why);
            return NULL;
        }
        if (!strcmp(kms->id, id)) {
            return kms;
        }
    }
    return config_find_kms(request->config, id);
}

/* A slip in --kms must not pass as "the configured one is used". */
static int check_kms_options(const struct keys_request *request, const struct strings *ids)
{
    struct report *report = request->report;
    const struct strings *given = &request->options->value[OPTION_KMS];
    for (size_t i = 0; i < given->count; i++) {
        struct config_kms kms;
        const char *why = "this chain has no key there";
        bool right = config_split_kms(&report->pool, given->item[i], &kms, &why);
        size_t k = 0;
        while (right && k < ids->count && strcmp(ids->item[k], kms.id)) {
            k++;
        }
        if (!right || k == ids->count) {
            return report_error(report, END_USAGE, "--kms %s: %s",
                                text_printable(&report->pool, given->item[i]), why);
        }
    }
    if (option_given(request->options, OPTION_PASSPHRASE_FILE) && ids->count != 1) {
        return report_error(report, END_USAGE,
                            "--passphrase-file is for the only keystore, and here are %zu; use "
                            "--kms ID=keystore:DIR,passphrase-file=F",
                            ids->count);
    }
    return END_DONE;
}

/* The KMS is not at hand: the others get their turn, and end remembers why. */
static int stand_in(const struct keys_request *request, const struct config_kms *kms, int end,
                    const char *reason, envelope_kms **out)
{
    struct report *report = request->report;
    const char *line =
        pool_format(&report->pool, "%s: %s", text_printable(&report->pool, kms->dir), reason);
    envelope_status status = end == END_NO_KEY ? ENVELOPE_E_NO_KEY : ENVELOPE_E_KMS_UNREACHED;
    envelope_error err = ENVELOPE_ERROR_INIT;
    report_warn(report, "keystore %s, %s", kms->id, line);
    report->keys_end = report_worse(report->keys_end, end);
    status = standin_new(request->ctx, status, line, out, &err);
    return status ? report_failure(report, status, &err, "%s", line) : END_DONE;
}

static int unlock(const struct keys_request *request, const struct config_kms *kms,
                  const struct secret *passphrase, envelope_kms **out)
{
    struct report *report = request->report;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_keystore_open(request->ctx, kms->dir, passphrase->bytes,
                                                    passphrase->len, 0, out, &err);
    int end = status ? keys_keystore_end(status) : END_DONE;
    if (end == END_FAILED) {
        return report_failure(report, status, &err, "keystore %s", kms->id);
    }
    if (end) {
        return stand_in(request, kms, end, text_printable(&report->pool, err.message), out);
    }
    return END_DONE;
}

/* Somebody who gives keys by hand is not asked for passphrases, nor stopped by a missing file of
 * one: it is the worst day. */
static int open_one(const struct keys_request *request, const struct config_kms *kms,
                    envelope_kms **out)
{
    struct report *report = request->report;
    struct stat st;
    if (stat(kms->dir, &st)) {
        return stand_in(request, kms, END_UNREACHED,
                        pool_format(&report->pool, "cannot be reached: %s", strerror(errno)), out);
    }
    const char *file = option_value(request->options, OPTION_PASSPHRASE_FILE);
    file = file ? file : kms->passphrase_file;
    bool by_hand = keys_by_hand(request->options);
    if (by_hand && !file) {
        return stand_in(request, kms, END_NO_KEY,
                        "not asked, since keys are given by hand and no --passphrase-file", out);
    }
    if (by_hand && access(file, R_OK)) {
        return stand_in(request, kms, END_NO_KEY,
                        pool_format(&report->pool, "its passphrase file %s: %s",
                                    text_printable(&report->pool, file), strerror(errno)),
                        out);
    }
    struct secret passphrase;
    const char *question = pool_format(&report->pool, "Passphrase of keystore %s (%s)", kms->id,
                                       text_printable(&report->pool, kms->dir));
    int end = file ? secret_read_line(report, file, kms->where, &passphrase)
                   : prompt_secret(report, question, "give --passphrase-file", false, &passphrase);
    end = end ? end : unlock(request, kms, &passphrase, out);
    secret_free(&passphrase);
    return end;
}

static int add_kms(const struct keys_request *request, const char *id, envelope_keyring *keyring)
{
    int end = END_DONE;
    const struct config_kms *kms = keys_kms(request, id, &end);
    if (!kms) {
        return end ? end
                   : report_error(request->report, END_USAGE,
                                  "no KMS is named %s: add a section [kms.%s] to the "
                                  "configuration, or give --kms %s=keystore:DIR",
                                  id, id, id);
    }
    envelope_kms *opened = NULL;
    end = open_one(request, kms, &opened);
    if (end) {
        return end;
    }
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_keyring_add_kms(
        keyring, id, opened, ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP, 0, &err);
    envelope_kms_free(opened);
    return status ? report_failure(request->report, status, &err, "KMS %s", id) : END_DONE;
}

/* label NULL: for whatever password slot an object has. */
static int add_password(const struct keys_request *request, const char *label, const char *file,
                        const char *where, uint32_t use, envelope_keyring *keyring)
{
    struct secret password;
    int end = secret_read_line(request->report, file, where, &password);
    if (end) {
        return end;
    }
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status =
        envelope_keyring_add_password(keyring, label, password.bytes, password.len, use, &err);
    secret_free(&password);
    return status ? report_failure(request->report, status, &err, "password in %s",
                                   text_printable(&request->report->pool, file))
                  : END_DONE;
}

/* Escrow must be a public half: a private one would open instead of being sealed for. */
static int add_escrow(const struct keys_request *request, const struct config_entry *entry,
                      envelope_keyring *keyring)
{
    struct report *report = request->report;
    const char *shown = text_printable(&report->pool, entry->right);
    const char *pem;
    size_t len;
    int end = plain_read_file(report, entry->right, entry->where, SECRET_KEY_MAX, &pem, &len);
    if (end) {
        return end;
    }
    if (strstr(pem, "PRIVATE KEY-----") || !strstr(pem, "PUBLIC KEY-----")) {
        return report_error(report, END_USAGE, "%s: escrow takes a public key in PEM: %s",
                            entry->where, shown);
    }
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status =
        envelope_keyring_add_key(keyring, entry->left, pem, len, NULL, 0, &err);
    if (status) {
        report_failure(report, status, &err, "%s: escrow key %s", entry->where, shown);
        return END_USAGE;
    }
    return END_DONE;
}

static int add_recipients(const struct keys_request *request, envelope_keyring *keyring)
{
    const struct config_entries *list = request->chain->list;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = ENVELOPE_OK;
    int end = END_DONE;
    for (size_t i = 0; i < list[CONFIG_KEY].count && !status; i++) {
        const struct config_entry *key = &list[CONFIG_KEY].item[i];
        status = envelope_keyring_wrap_for(keyring, key->left, key->right, &err);
    }
    for (size_t i = 0; i < list[CONFIG_UNWRAP].count && !status; i++) {
        const struct config_entry *key = &list[CONFIG_UNWRAP].item[i];
        status = envelope_keyring_scope(keyring, key->left, key->right, request->chain_id, &err);
    }
    if (status) {
        return report_failure(request->report, status, &err, "recipients");
    }
    for (size_t i = 0; i < list[CONFIG_PASSWORD].count && !end; i++) {
        const struct config_entry *entry = &list[CONFIG_PASSWORD].item[i];
        end = add_password(request, entry->left, entry->right, entry->where,
                           ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP, keyring);
    }
    for (size_t i = 0; i < list[CONFIG_ESCROW].count && !end; i++) {
        end = add_escrow(request, &list[CONFIG_ESCROW].item[i], keyring);
    }
    return end;
}

static int add_configured(const struct keys_request *request, envelope_keyring *keyring)
{
    struct strings ids = keys_kms_ids(&request->report->pool, request->chain);
    int end = check_kms_options(request, &ids);
    for (size_t i = 0; i < ids.count && !end; i++) {
        end = add_kms(request, ids.item[i], keyring);
    }
    return end ? end : add_recipients(request, keyring);
}

int keys_open(const struct keys_request *request, envelope_keyring **out)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_keyring_new(request->ctx, NULL, out, &err);
    if (status) {
        return report_failure(request->report, status, &err, "keyring");
    }
    int end = request->chain ? add_configured(request, *out) : END_DONE;
    const struct strings *files = &request->options->value[OPTION_KEY_FILE];
    for (size_t i = 0; i < files->count && !end; i++) {
        end = keys_add_file(request, files->item[i], *out);
    }
    files = &request->options->value[OPTION_PASSWORD_FILE];
    for (size_t i = 0; i < files->count && !end; i++) {
        end = add_password(request, NULL, files->item[i], NULL, ENVELOPE_USE_UNWRAP, *out);
    }
    if (end) {
        envelope_keyring_free(*out);
        *out = NULL;
    }
    return end;
}
