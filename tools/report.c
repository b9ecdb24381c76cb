#include "report.h"
#include "json.h"
#include "text.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_begin(struct report *report, const char *command, bool json)
{
    memset(report, 0, sizeof *report);
    pthread_mutex_init(&report->lock, NULL);
    report->command = command;
    report->json = json;
    report->root = json_object();
    report->warnings = json_array();
    report->findings = json_array();
    report->sealed_for = json_array();
    json_object_set_new(report->root, "schema", json_integer(1));
    json_object_set_new(report->root, "command", json_string(command));
    json_object_set_new(report->root, "exit", json_integer(0));
    json_object_set_new(report->root, "error", json_null());
    json_object_set_new(report->root, "warnings", report->warnings);
}

static int close_output(int end)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return end;
    }
    fprintf(stderr, "envelope: cannot write to standard output: %s\n", strerror(errno));
    return end ? end : END_FAILED;
}

int report_end(struct report *report, int end)
{
    json_object_set_new(report->root, "exit", json_integer(end));
    if (report->json) {
        json_dumpf(report->root, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    }
    json_decref(report->root);
    json_decref(report->findings);
    json_decref(report->sealed_for);
    pool_free(&report->pool);
    pthread_mutex_destroy(&report->lock);
    return close_output(end);
}

int report_worse(int a, int b)
{
    static const int order[] = {END_USAGE, END_DAMAGED, END_UNREACHED, END_NO_KEY, END_FAILED};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (a == order[i] || b == order[i]) {
            return order[i];
        }
    }
    return END_DONE;
}

int report_end_of(const struct report *report, envelope_status status)
{
    switch (status) {
    case ENVELOPE_OK:
        return END_DONE;
    case ENVELOPE_E_INVALID:
        return END_USAGE;
    case ENVELOPE_E_FORMAT:
    case ENVELOPE_E_AUTH:
    case ENVELOPE_E_ROLLBACK:
        return END_DAMAGED;
    case ENVELOPE_E_NO_KEY:
        return report_worse(END_NO_KEY, report->keys_end);
    case ENVELOPE_E_KMS_UNREACHED:
        return report_worse(END_UNREACHED, report->keys_end);
    default:
        return END_FAILED;
    }
}

/* A KMS that says no is a key that is not at hand; a policy of ours is a failure. */
static int end_of_failure(const struct report *report, envelope_status status,
                          const envelope_error *err)
{
    bool by_kms = report->kms_refused || err->origin == ENVELOPE_ORIGIN_KMIP ||
                  err->origin == ENVELOPE_ORIGIN_OPENSSL;
    return report_end_of(report,
                         status == ENVELOPE_E_REFUSED && by_kms ? ENVELOPE_E_NO_KEY : status);
}

static char *line_of(struct report *report, const char *format, va_list ap)
{
    char *text = NULL;
    if (vasprintf(&text, format, ap) < 0) {
        return pool_text(&report->pool, "no memory");
    }
    char *line = pool_text(&report->pool, text);
    free(text);
    return line;
}

static void put_line(const struct report *report, const char *kind, const char *line)
{
    fflush(stdout);
    fprintf(stderr, "envelope %s: %s%s\n", report->command, kind, line);
}

static int fail(struct report *report, int end, const char *status, const char *line)
{
    put_line(report, "", line);
    json_t *error = json_object();
    json_object_set_new(error, "status", status ? json_string(status) : json_null());
    json_object_set_new(error, "message", json_of_text(line));
    json_object_set_new(report->root, "error", error);
    return end;
}

int report_error(struct report *report, int end, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *line = line_of(report, format, ap);
    va_end(ap);
    return fail(report, end, NULL, line);
}

int report_failure(struct report *report, envelope_status status, const envelope_error *err,
                   const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *what = line_of(report, format, ap);
    va_end(ap);
    const char *name = envelope_status_name(status);
    const char *why = err->message[0] ? text_printable(&report->pool, err->message) : name;
    return fail(report, end_of_failure(report, status, err), name,
                pool_format(&report->pool, "%s: %s", what, why));
}

static void warn_line(struct report *report, const char *line)
{
    put_line(report, "warning: ", line);
    json_t *warning = json_object();
    json_object_set_new(warning, "message", json_of_text(line));
    json_array_append_new(report->warnings, warning);
}

void report_warn(struct report *report, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *line = line_of(report, format, ap);
    va_end(ap);
    warn_line(report, line);
}

void report_note(struct report *report, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *line = line_of(report, format, ap);
    va_end(ap);
    put_line(report, "note: ", line);
}

void report_more(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void report_say(const struct report *report, const char *format, ...)
{
    if (report->json) {
        return;
    }
    va_list ap;
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    putchar('\n');
}

void report_set(struct report *report, const char *name, json_t *value)
{
    json_object_set_new(report->root, name, value);
}
