/* tools/cmd_kms_test.c - does a KMS do what backups and restores will need of it? */
#include "json.h"
#include "kms_session.h"
#include "text.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { WARN_DAYS = 30, DAY = 24 * 60 * 60 };

struct test {
    struct kms_session kms;
    json_t *to;          /* facts of what is asked just now */
    struct strings seen; /* lines that were said of the KMS: not again for each key */
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t tail = strlen(end);
    return len >= tail && !strcmp(text + len - tail, end);
}

/* "2026-04-11 22:15 UTC" or "2026-04-11T22:15:03Z", and whatever is behind it. false: it is no
 * time. A date alone is its beginning. */
static bool parse_time(const char *value, int64_t *out)
{
    struct tm tm;
    memset(&tm, 0, sizeof tm);
    const char *rest = strptime(value, "%Y-%m-%d", &tm);
    if (rest && (*rest == 'T' || *rest == ' ')) {
        rest = strptime(rest + 1, "%H:%M", &tm);
    }
    *out = rest ? (int64_t)timegm(&tm) : 0;
    return rest != NULL;
}

/* A certificate that ends soon is mended today, not on the day of a restore. */
static void check_date(struct report *report, const char *kms_id, const char *name,
                       const char *value)
{
    int64_t until;
    if (!ends_with(name, "certificate-until") || !parse_time(value, &until)) {
        return;
    }
    int64_t left = until - (int64_t)time(NULL);
    const char *shown = text_printable(&report->pool, value);
    if (left < 0) {
        report_warn(report, "KMS %s: %s: ended on %s: renew it", kms_id, name, shown);
    }
    if (left >= 0 && left < (int64_t)WARN_DAYS * DAY) {
        int64_t days = left / DAY + 1;
        report_warn(report, "KMS %s: %s: ends within %" PRIi64 " day%s, on %s: renew it", kms_id,
                    name, days, text_plural((uint64_t)days), shown);
    }
}

static void take_line(void *user, const char *name, const char *value)
{
    struct test *t = user;
    struct report *report = t->kms.report;
    const char *line = pool_format(&report->pool, "%-24s %s", text_printable(&report->pool, name),
                                   text_printable(&report->pool, value));
    if (!strings_add_once(&report->pool, &t->seen, line)) {
        return;
    }
    json_t *fact = json_object();
    json_object_set_new(fact, "name", json_of_text(name));
    json_object_set_new(fact, "value", json_of_text(value));
    json_array_append_new(t->to, fact);
    report_say(report, "%s", line);
    check_date(report, t->kms.kms->id, name, value);
}

static int describe(struct test *t)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    t->to = json_array();
    report_set(t->kms.report, "facts", t->to);
    envelope_status status = envelope_kms_check(t->kms.opened, NULL, take_line, t, &err);
    return status ? kms_session_failed(&t->kms, status, &err, NULL) : END_DONE;
}

static int prove(struct test *t, const char *name, json_t *proofs)
{
    struct report *report = t->kms.report;
    envelope_error err = ENVELOPE_ERROR_INIT;
    const struct strings general = t->seen;
    json_t *proof = json_object();
    t->to = json_array();
    json_object_set_new(proof, "key_name", json_of_text(name));
    json_object_set_new(proof, "facts", t->to);
    json_array_append_new(proofs, proof);
    report_say(report, "%s", "");
    report_say(report, "key %s", text_printable(&report->pool, name));
    envelope_status status = envelope_kms_check(t->kms.opened, name, take_line, t, &err);
    t->seen = general;
    json_object_set_new(proof, "status", json_string(envelope_status_name(status)));
    json_object_set_new(proof, "message", status ? json_of_text(err.message) : json_null());
    if (status) {
        return kms_session_failed(&t->kms, status, &err, name);
    }
    report_say(report, "%s/%s wraps and unwraps", t->kms.kms->id,
               text_printable(&report->pool, name));
    return END_DONE;
}

static int prove_all(struct test *t)
{
    struct report *report = t->kms.report;
    const char *named = option_value(t->kms.options, OPTION_KEY);
    struct strings names = {NULL, 0};
    if (named) {
        strings_add(&report->pool, &names, named);
    }
    if (!named) {
        names = kms_session_keys(&report->pool, &t->kms.config, t->kms.kms->id);
    }
    json_t *proofs = json_array();
    report_set(report, "proofs", proofs);
    if (!names.count) {
        return report_error(report, END_USAGE,
                            "it answers, but nothing is proven: no chain of the configuration "
                            "names a key of %s; give --key NAME",
                            t->kms.kms->id);
    }
    int end = END_DONE;
    for (size_t i = 0; i < names.count && end != END_UNREACHED; i++) {
        end = report_worse(end, prove(t, names.item[i], proofs));
    }
    return end;
}

static int run(struct report *report, const struct options *options)
{
    struct test t = {.seen = {NULL, 0}};
    int end = kms_session_open(&t.kms, report, options, options->operand[0], 0);
    end = end ? end : describe(&t);
    end = end ? end : prove_all(&t);
    kms_session_close(&t.kms);
    return end;
}

const struct command command_kms_test = {
    .name = "kms test",
    .operands = "ID",
    .operand_count = 1,
    .summary = "Reach a KMS, show what it can do, and prove that its keys wrap and unwrap.",
    .options = {OPTION_KEY, OPTION_KMS, OPTION_PASSPHRASE_FILE, OPTION_CONFIG, OPTION_JSON,
                OPTION_HELP},
    .run = run,
};
