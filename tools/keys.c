#include "keys.h"
#include "kms_open.h"
#include "standin.h"
#include "text.h"
#include <string.h>

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
            strings_add_once(pool, &ids, entries->item[i].left);
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

static size_t keystores_among(const struct keys_request *request, const struct strings *ids)
{
    size_t count = 0;
    for (size_t i = 0; i < ids->count; i++) {
        int end = END_DONE;
        const struct config_kms *kms = keys_kms(request, ids->item[i], &end);
        count += !kms || kms->kind == &kms_keystore;
    }
    return count;
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
    size_t keystores = keystores_among(request, ids);
    if (option_given(request->options, OPTION_PASSPHRASE_FILE) && keystores != 1) {
        return report_error(report, END_USAGE,
                            "--passphrase-file is for the only keystore, and here are %zu; use "
                            "--kms ID=keystore:DIR,passphrase-file=F",
                            keystores);
    }
    return END_DONE;
}

/* The KMS is not at hand: the others get their turn, and end remembers why. */
static int stand_in(const struct keys_request *request, const struct config_kms *kms, int end,
                    const char *reason, envelope_kms **out)
{
    struct report *report = request->report;
    const char *line =
        pool_format(&report->pool, "%s: %s", config_kms_place(&report->pool, kms), reason);
    envelope_status status =
        end == END_NO_KEY || end == END_FAILED ? ENVELOPE_E_NO_KEY : ENVELOPE_E_KMS_UNREACHED;
    envelope_error err = ENVELOPE_ERROR_INIT;
    report_warn(report, "%s, %s", kms_called(&report->pool, kms), line);
    report->keys_end = report_worse(report->keys_end, end);
    status = standin_new(request->ctx, kms->kind->name, status, line, out, &err);
    return status ? report_failure(report, status, &err, "%s", line) : END_DONE;
}

static int open_one(const struct keys_request *request, const struct config_kms *kms,
                    envelope_kms **out)
{
    const char *why;
    int end = kms_open(request, kms, out, &why);
    return end && why ? stand_in(request, kms, end, why, out) : end;
}

/* NULL: there is none of that name, and it was said. */
static const struct config_kms *find_kms(const struct keys_request *request, const char *id,
                                         int *end)
{
    *end = END_DONE;
    const struct config_kms *kms = keys_kms(request, id, end);
    if (!kms && !*end) {
        *end = report_error(request->report, END_USAGE,
                            "no KMS is named %s: add a section [kms.%s] to the configuration, or "
                            "give --kms %s=keystore:DIR, or --kms %s=kmip:HOST:PORT,...",
                            id, id, id, id);
    }
    return kms;
}

static int add_kms(const struct keys_request *request, const char *id, envelope_keyring *keyring)
{
    int end;
    const struct config_kms *kms = find_kms(request, id, &end);
    if (!kms) {
        return end;
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

/* SHA-1 only where a KMS of this chain is configured for it. */
static uint32_t flags_for(const struct keys_request *request)
{
    struct pool *pool = &request->report->pool;
    struct strings ids = {NULL, 0};
    if (request->chain) {
        ids = keys_kms_ids(pool, request->chain);
    }
    for (size_t i = 0; i < ids.count; i++) {
        int end;
        const struct config_kms *kms = keys_kms(request, ids.item[i], &end);
        if (kms && kms->kind == &kms_kmip &&
            config_kms_choice(kms, "oaep") == ENVELOPE_RSA_OAEP_SHA1) {
            return ENVELOPE_ALLOW_SHA1;
        }
    }
    return 0;
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
    envelope_keyring_options how = {.size = sizeof how, .flags = flags_for(request)};
    envelope_status status = envelope_keyring_new(request->ctx, &how, out, &err);
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
