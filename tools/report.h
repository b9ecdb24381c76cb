/* tools/report.h - what a command says and how it ends: lines for people, the object of --json,
 * events remembered, the exit status. */
#ifndef ENVELOPE_TOOLS_REPORT_H
#define ENVELOPE_TOOLS_REPORT_H
#include "pool.h"
#include <envelope/base.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>

/* A contract with scripts. Where several apply: 4, 5, 3, 1. */
enum {
    END_DONE = 0,
    END_FAILED = 1,
    END_USAGE = 2,     /* the command line or the configuration */
    END_NO_KEY = 3,    /* nothing at hand opens it, or a wrong passphrase */
    END_DAMAGED = 4,   /* damaged, tampered, rolled back */
    END_UNREACHED = 5, /* a KMS cannot be reached and nothing else opened */
};

struct report {
    pthread_mutex_t lock; /* of events, which come from whatever thread met them */
    struct pool pool;
    const char *command; /* "backup" */
    bool json;
    bool findings_are_the_answer; /* verify: to standard output, not warnings */
    bool tell_exports;            /* private keys that leave a KMS */
    bool kms_refused;             /* a KMS refused to unwrap, and nothing has opened since */
    json_t *root;
    json_t *warnings;
    json_t *findings;
    json_t *sealed_for;    /* keys that slots were made for */
    struct strings seen;   /* lines of events, so that none is said twice */
    struct strings served; /* objects read by the other header copy or the catalogue */
    size_t damage; /* events that speak of damage, tampering or rollback; not of what was mended */
    size_t repaired; /* events that speak of what was mended */
    int keys_end;    /* why keys that were named are not at hand */
};

void report_begin(struct report *report, const char *command, bool json);
/* Writes the object of --json, checks that standard output took everything. Returns the status to
 * exit with. */
int report_end(struct report *report, int end);

/* The more important of two. */
int report_worse(int a, int b);
/* What a status of the library means for whoever waits for the exit status. */
int report_end_of(const struct report *report, envelope_status status);

/* One line on standard error each, all but note also in the object. Return end, for
 * `return report_error(...)`. */
int report_error(struct report *report, int end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a call of the library that failed: "what: its message". */
int report_failure(struct report *report, envelope_status status, const envelope_error *err,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
void report_warn(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void report_note(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A further line below an error. */
void report_more(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line of the answer, on standard output, unless --json. */
void report_say(const struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void report_set(struct report *report, const char *name, json_t *value); /* takes value */

/* user is the report: for ctx_options and for verify_options. */
void report_event(void *user, const envelope_event *event);
void report_log(void *user, int32_t level, const char *line);
#endif
