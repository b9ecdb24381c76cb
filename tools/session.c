#include "session.h"
#include "context.h"
#include "json.h"
#include "keys.h"
#include "missing.h"
#include "text.h"
#include <string.h>

int session_failed(struct session *s, envelope_status status, const envelope_error *err,
                   const char *what)
{
    int end = report_failure(s->report, status, err, "%s", what);
    if (status == ENVELOPE_E_NO_KEY || status == ENVELOPE_E_KMS_UNREACHED) {
        missing_tell(s->report, s->store, s->keyring, option_value(s->options, OPTION_CHAIN));
    }
    return end;
}

static int open_store(struct session *s, enum session_mode mode)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint32_t flags = mode == SESSION_READ ? ENVELOPE_DIR_READONLY : 0;
    const char *repo = s->options->operand[0];
    envelope_status status = envelope_store_dir(s->ctx, repo, flags, &s->store, &err);
    return status ? report_failure(s->report, status, &err, "repository %s",
                                   text_printable(&s->report->pool, repo))
                  : END_DONE;
}

static int find_chain(struct session *s)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const char *name = option_value(s->options, OPTION_CHAIN);
    envelope_status status = envelope_chain_find(s->store, name, s->chain_id, &err);
    if (status) {
        return report_failure(s->report, status, &err, "which chain");
    }
    s->chain_hex = text_hex(&s->report->pool, s->chain_id, sizeof s->chain_id);
    s->section = config_find_chain(&s->config, s->chain_hex);
    s->name = s->section && s->section->name ? s->section->name : name;
    json_t *chain = json_object();
    json_object_set_new(chain, "id", json_string(s->chain_hex));
    json_object_set_new(chain, "name", json_of_text(s->name));
    report_set(s->report, "chain", chain);
    s->name = s->name ? s->name : s->chain_hex;
    if (!s->section && !keys_by_hand(s->options)) {
        return config_explain_missing(s->report, &s->config, s->chain_hex, name);
    }
    return END_DONE;
}

static int open_keys(struct session *s)
{
    struct keys_request request = {
        .report = s->report,
        .ctx = s->ctx,
        .options = s->options,
        .config = &s->config,
        .chain = s->section,
        .chain_id = s->chain_id,
    };
    return keys_open(&request, &s->keyring);
}

static envelope_status open_chain(struct session *s, enum session_mode mode, bool with_pin,
                                  envelope_error *err)
{
    envelope_chain_options options = {
        .size = sizeof options,
        .flags = mode == SESSION_READ                      ? ENVELOPE_CHAIN_READONLY
                 : option_given(s->options, OPTION_BESIDE) ? ENVELOPE_CHAIN_SIBLINGS
                                                           : 0,
        .chain_id = s->chain_id,
        .pin = with_pin && s->pin.len ? s->pin.bytes : NULL,
        .pin_len = with_pin ? s->pin.len : 0,
        .save_pin = mode == SESSION_WRITE ? pin_save : NULL,
        .user = &s->pin,
        .policy_serial = s->section ? s->section->serial : 0,
    };
    return envelope_chain_open(s->store, s->keyring, &options, &s->chain, err);
}

static int open_or_explain(struct session *s, enum session_mode mode)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = open_chain(s, mode, true, &err);
    /* A pin never stops reading, a damaged one neither; if it was not the pin that was damaged,
     * this fails again. */
    if (status == ENVELOPE_E_FORMAT && mode != SESSION_WRITE && s->pin.len) {
        envelope_error again = ENVELOPE_ERROR_INIT;
        status = open_chain(s, mode, false, &again);
        if (!status) {
            report_warn(s->report, "the pin is not used: %s",
                        text_printable(&s->report->pool, err.message));
        }
    }
    if (status) {
        return session_failed(
            s, status, &err,
            pool_format(&s->report->pool, "chain %s", text_printable(&s->report->pool, s->name)));
    }
    bool provisional = envelope_chain_is_provisional(s->chain);
    report_set(s->report, "provisional", json_boolean(provisional));
    if (provisional) {
        report_note(s->report, "this host has no pin of this chain: its origin and age are as the "
                               "repository tells");
    }
    return END_DONE;
}

int session_open(struct session *s, struct report *report, const struct options *options,
                 enum session_mode mode)
{
    memset(s, 0, sizeof *s);
    s->report = report;
    s->options = options;
    s->pin.lock = -1;
    int end = context_new(report, &s->ctx);
    end = end ? end : config_load(report, options, true, &s->config);
    end = end ? end : open_store(s, mode);
    end = end ? end : find_chain(s);
    if (!end) {
        end = mode == SESSION_WRITE ? pin_take(report, options, s->chain_hex, &s->pin)
                                    : pin_read(report, options, s->chain_hex, &s->pin);
    }
    end = end ? end : open_keys(s);
    return end ? end : open_or_explain(s, mode);
}

void session_close(struct session *s)
{
    envelope_chain_free(s->chain);
    envelope_keyring_free(s->keyring);
    envelope_store_free(s->store);
    envelope_ctx_free(s->ctx);
    pin_end(&s->pin);
}
