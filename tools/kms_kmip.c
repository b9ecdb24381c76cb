/* tools/kms_kmip.c - type = kmip: endpoints, certificates, and what the KMS is trusted with. */
#include "kms_open.h"
#include "text.h"
#include <envelope/kmip.h>
#include <string.h>

enum { DEADLINE_MAX = 3600, HOST_MAX = 255 };

static const char endpoint_rule[] = "is HOST:PORT, HOST, or [ADDRESS]:PORT";

/* HOST, or [ADDRESS]: where does it end? NULL: it is none. */
static const char *end_of_host(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:%";
    static const char only_in_brackets[] = ":%";
    bool bracket = *text == '[';
    const char *from = text + bracket;
    size_t len = strspn(from, allowed);
    if (!bracket) {
        size_t plain = strcspn(from, only_in_brackets);
        len = plain < len ? plain : len;
    }
    if (!len || len > HOST_MAX || (bracket && from[len] != ']')) {
        return NULL;
    }
    return from + len + bracket;
}

static const char *check_endpoint(const char *value)
{
    uint64_t port = 0;
    const char *end = end_of_host(value);
    if (!end || (*end && *end != ':')) {
        return endpoint_rule;
    }
    if (*end && (!text_number(end + 1, 65535, &port) || !port)) {
        return "has a port that is no number from 1 to 65535";
    }
    return NULL;
}

static const char *check_deadline(const char *value)
{
    uint64_t seconds = 0;
    return text_number(value, DEADLINE_MAX, &seconds) && seconds
               ? NULL
               : "is a number of seconds, 1 to 3600";
}

/* The choices stand in the order of ENVELOPE_UNWRAP_*, ENVELOPE_SELECT_* and ENVELOPE_RSA_OAEP_*.
 */
static const struct part_rule rules[] = {
    {.name = "endpoint", .flags = PART_NEEDED | PART_MANY, .check = check_endpoint},
    {.name = "ca", .flags = PART_NEEDED | PART_FILE},
    {.name = "cert", .flags = PART_NEEDED | PART_FILE},
    {.name = "key", .flags = PART_NEEDED | PART_FILE},
    {.name = "key-passphrase-file", .flags = PART_FILE},
    {.name = "server-name"},
    {.name = "names", .words = "shared|exclusive"},
    {.name = "private-key", .words = "inside|inside-or-get|get"},
    {.name = "selector", .words = "name|group|id"},
    {.name = "oaep", .words = "sha256|sha1"},
    {.name = "deadline", .check = check_deadline},
    {.name = NULL},
};

/* Told with file and line before the library reads them. */
static int check_files(const struct keys_request *request, const struct config_kms *kms,
                       const char **why)
{
    static const char *const files[] = {"ca", "cert", "key", "key-passphrase-file"};
    int end = END_DONE;
    for (size_t i = 0; i < sizeof files / sizeof *files && !end; i++) {
        const struct config_part *part = config_kms_part(kms, files[i]);
        const char *path = part ? part->value : NULL;
        *why = kms_missing_file(request, files[i], path);
        if (*why) {
            return END_NO_KEY;
        }
        if (path) {
            end = secret_check_file(request->report, path, part->where, !strcmp(files[i], "key"));
        }
    }
    return end;
}

static void fill(const struct keys_request *request, const struct config_kms *kms,
                 const struct secret *passphrase, envelope_kmip_options *o)
{
    struct pool *pool = &request->report->pool;
    uint64_t seconds = request->patience_s;
    const char *deadline = config_kms_value(kms, "deadline");
    if (deadline) {
        text_number(deadline, DEADLINE_MAX, &seconds);
    }
    *o = (envelope_kmip_options){
        .size = sizeof *o,
        .flags = config_kms_choice(kms, "names") == 2 ? ENVELOPE_KMIP_NAMES_EXCLUSIVE : 0,
        .unwrap = config_kms_choice(kms, "private-key"),
        .selector = config_kms_choice(kms, "selector"),
        .oaep = config_kms_choice(kms, "oaep"),
        .endpoints = config_kms_joined(pool, kms, "endpoint", ","),
        .server_name = config_kms_value(kms, "server-name"),
        .ca_file = config_kms_value(kms, "ca"),
        .cert_file = config_kms_value(kms, "cert"),
        .key_file = config_kms_value(kms, "key"),
        .key_passphrase = passphrase->bytes,
        .key_passphrase_len = passphrase->len,
        .deadline_ms = (uint32_t)seconds * 1000,
    };
}

/* Nothing was asked of the KMS yet: what fails is a file, or this build. */
static int not_made(const struct keys_request *request, const struct config_kms *kms,
                    envelope_status status, const envelope_error *err, const char **why)
{
    struct pool *pool = &request->report->pool;
    const char *said = text_printable(pool, err->message);
    switch (status) {
    case ENVELOPE_E_NO_KEY:
        *why = config_kms_part(kms, "key-passphrase-file")
                   ? said
                   : pool_format(pool, "%s; give key-passphrase-file", said);
        return END_NO_KEY;
    case ENVELOPE_E_UNSUPPORTED:
        *why = said;
        return END_FAILED;
    case ENVELOPE_E_INVALID:
    case ENVELOPE_E_FORMAT:
    case ENVELOPE_E_REFUSED:
    case ENVELOPE_E_IO:
        if (keys_by_hand(request->options)) {
            *why = said;
            return END_NO_KEY;
        }
        return report_error(request->report, END_USAGE, "%s: %s: %s", kms->where,
                            kms_called(pool, kms), said);
    default:
        return report_failure(request->report, status, err, "%s", kms_called(pool, kms));
    }
}

static int make(const struct keys_request *request, const struct config_kms *kms,
                const struct secret *passphrase, envelope_kms **out, const char **why)
{
    envelope_kmip_options options;
    envelope_error err = ENVELOPE_ERROR_INIT;
    fill(request, kms, passphrase, &options);
    envelope_status status = envelope_kmip_new(request->ctx, &options, out, &err);
    /* Each private key that leaves a KMS is worth a line. */
    request->report->tell_exports = true;
    return status ? not_made(request, kms, status, &err, why) : END_DONE;
}

static int open_kmip(const struct keys_request *request, const struct config_kms *kms,
                     envelope_kms **out, const char **why)
{
    struct secret passphrase = {NULL, 0, 0};
    const struct config_part *file = config_kms_part(kms, "key-passphrase-file");
    int end = check_files(request, kms, why);
    if (!end && file) {
        end = secret_read_line(request->report, file->value, file->where, &passphrase);
    }
    end = end ? end : make(request, kms, &passphrase, out, why);
    secret_free(&passphrase);
    return end;
}

const struct kms_kind kms_kmip = {
    .name = "kmip",
    .noun = "KMS",
    .form = "ID=kmip:HOST:PORT[,endpoint=HOST:PORT],ca=F,cert=F,key=F[,key-passphrase-file=F]"
            "[,server-name=N][,names=shared|exclusive][,private-key=inside|inside-or-get|get]"
            "[,selector=name|group|id][,oaep=sha256|sha1][,deadline=SECONDS]",
    .rule = rules,
    .open = open_kmip,
};
