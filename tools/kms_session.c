#include "kms_session.h"
#include "context.h"
#include "json.h"
#include "kms_open.h"
#include "text.h"
#include <string.h>

static void put_kms(struct pool *pool, struct config *config, const struct config_kms *kms)
{
    for (size_t i = 0; i < config->kms_count; i++) {
        if (!strcmp(config->kms[i].id, kms->id)) {
            config->kms[i] = *kms;
            return;
        }
    }
    config->kms = pool_grow(pool, config->kms, config->kms_count, sizeof *kms);
    config->kms[config->kms_count++] = *kms;
}

static bool given_before(const struct strings *given, size_t i, const char *id)
{
    size_t len = strlen(id) + 1; /* with the equals sign */
    for (size_t k = 0; k < i; k++) {
        if (!strncmp(given->item[k], given->item[i], len)) {
            return true;
        }
    }
    return false;
}

int kms_session_all(struct report *report, const struct options *options, struct config *config)
{
    const struct strings *given = &options->value[OPTION_KMS];
    int end = config_load(report, options, true, config);
    for (size_t i = 0; i < given->count && !end; i++) {
        struct config_kms kms;
        const char *why = NULL;
        if (!config_split_kms(&report->pool, given->item[i], &kms, &why)) {
            return report_error(report, END_USAGE, "--kms %s: %s",
                                text_printable(&report->pool, given->item[i]), why);
        }
        if (given_before(given, i, kms.id)) {
            return report_error(report, END_USAGE, "--kms %s is given twice", kms.id);
        }
        put_kms(&report->pool, config, &kms);
    }
    return end;
}

struct strings kms_session_keys(struct pool *pool, const struct config *config, const char *id)
{
    static const enum config_list lists[] = {CONFIG_KEY, CONFIG_UNWRAP};
    struct strings names = {NULL, 0};
    for (size_t n = 0; n < 2 * config->chain_count; n++) {
        const struct config_entries *entries = &config->chain[n / 2].list[lists[n % 2]];
        for (size_t i = 0; i < entries->count; i++) {
            if (!strcmp(entries->item[i].left, id)) {
                strings_add_once(pool, &names, entries->item[i].right);
            }
        }
    }
    return names;
}

static int find(struct kms_session *s, const char *id)
{
    struct report *report = s->report;
    int end = kms_session_all(report, s->options, &s->config);
    if (end) {
        return end;
    }
    s->kms = config_find_kms(&s->config, id);
    if (!s->kms) {
        const char *shown = text_printable(&report->pool, id);
        report_error(report, END_USAGE,
                     "no KMS is named %s: 'envelope kms list' shows those of the configuration; or "
                     "give --kms %s=kmip:HOST:PORT,...",
                     shown, shown);
        return END_USAGE;
    }
    report_set(report, "kms_id", json_of_text(id));
    if (option_given(s->options, OPTION_PASSPHRASE_FILE) && s->kms->kind != &kms_keystore) {
        return report_error(report, END_USAGE, "--passphrase-file: %s is no keystore", id);
    }
    return END_DONE;
}

static int open_it(struct kms_session *s, uint32_t patience_s)
{
    struct keys_request request = {.report = s->report,
                                   .ctx = s->ctx,
                                   .options = s->options,
                                   .config = &s->config,
                                   .patience_s = patience_s};
    struct pool *pool = &s->report->pool;
    const char *why;
    int end = kms_open(&request, s->kms, &s->opened, &why);
    return end && why ? report_error(s->report, end, "%s, %s: %s", kms_called(pool, s->kms),
                                     config_kms_place(pool, s->kms), why)
                      : end;
}

int kms_session_open(struct kms_session *s, struct report *report, const struct options *options,
                     const char *id, uint32_t patience_s)
{
    memset(s, 0, sizeof *s);
    s->report = report;
    s->options = options;
    int end = find(s, id);
    end = end ? end : context_new(report, &s->ctx);
    return end ? end : open_it(s, patience_s);
}

void kms_session_close(struct kms_session *s)
{
    envelope_kms_free(s->opened);
    envelope_ctx_free(s->ctx);
}

static void advise(const struct kms_session *s, int end, const envelope_error *err,
                   const char *key_name)
{
    struct pool *pool = &s->report->pool;
    /* An answer that is of no use is one all the same. */
    if (end == END_UNREACHED && err->origin != ENVELOPE_ORIGIN_KMIP) {
        report_more("is it running, and is the way to %s open? Its parts are in %s",
                    config_kms_place(pool, s->kms), s->kms->where);
    }
    if (end == END_NO_KEY && key_name) {
        report_more("'envelope kms keys %s' shows the keys that this identity may see; "
                    "envelope-kms(1) says which rights it needs",
                    s->kms->id);
    }
}

int kms_session_failed(struct kms_session *s, envelope_status status, const envelope_error *err,
                       const char *key_name)
{
    struct pool *pool = &s->report->pool;
    const char *key = key_name ? pool_format(pool, ", key %s", text_printable(pool, key_name)) : "";
    int end = report_failure(s->report, status, err, "%s%s", kms_called(pool, s->kms), key);
    if (status == ENVELOPE_E_REFUSED || status == ENVELOPE_E_NOT_FOUND) {
        end = END_NO_KEY;
    }
    advise(s, end, err, key_name);
    return end;
}

static json_t *version_json(const envelope_key_info *info)
{
    const envelope_key_ref *ref = info->ref;
    json_t *object = json_object();
    json_object_set_new(object, "key_name", json_of_text(ref->key_name));
    json_object_set_new(object, "key_id", json_of_text(ref->key_id));
    json_object_set_new(object, "version",
                        ref->version ? json_of_count(ref->version) : json_null());
    json_object_set_new(object, "fingerprint",
                        ref->has_fingerprint
                            ? json_of_bytes(ref->fingerprint, sizeof ref->fingerprint)
                            : json_null());
    json_object_set_new(object, "state", json_string(json_key_state(info->state)));
    json_object_set_new(object, "newest", json_boolean(info->flags & ENVELOPE_KEY_NEWEST));
    json_object_set_new(object, "replaces", json_of_text(ref->replaces));
    return object;
}

void kms_session_head(const struct report *report)
{
    report_say(report, "%-20s %-20s %7s  %-18s %-20s %s", "KEY", "KEY ID", "VERSION", "STATE",
               "REPLACES", "FINGERPRINT");
}

static void show_one(struct report *report, const envelope_key_info *info)
{
    struct pool *pool = &report->pool;
    const envelope_key_ref *ref = info->ref;
    const char *version = ref->version ? pool_format(pool, "%u", (unsigned)ref->version) : "-";
    const char *state = pool_format(pool, "%s%s", json_key_state(info->state),
                                    info->flags & ENVELOPE_KEY_NEWEST ? ", newest" : "");
    const char *fingerprint =
        ref->has_fingerprint ? text_hex(pool, ref->fingerprint, sizeof ref->fingerprint) : "-";
    report_say(report, "%-20s %-20s %7s  %-18s %-20s %s", text_printable(pool, ref->key_name),
               text_printable(pool, ref->key_id), version, state,
               text_printable(pool, ref->replaces), fingerprint);
}

void kms_session_show(struct report *report, const envelope_key_list *list, json_t *keys)
{
    for (size_t i = 0; i < envelope_key_list_count(list); i++) {
        json_array_append_new(keys, version_json(envelope_key_list_at(list, i)));
        show_one(report, envelope_key_list_at(list, i));
    }
}

int kms_session_list(struct kms_session *s, const char *key_name, json_t *keys)
{
    envelope_key_list *list = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_kms_list(s->opened, key_name, &list, &err);
    if (!status && key_name && !envelope_key_list_count(list)) {
        status = envelope_error_set(&err, ENVELOPE_E_NO_KEY, 0, "there is no key of that name");
    }
    if (status) {
        envelope_key_list_free(list);
        return kms_session_failed(s, status, &err, key_name);
    }
    kms_session_show(s->report, list, keys);
    envelope_key_list_free(list);
    return END_DONE;
}
