/* tools/cmd_serve.c - a restore point as a read-only disk over NBD: becomes nbdkit with our plugin.
 */
#include "json.h"
#include "paths.h"
#include "point.h"
#include "session.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    enum option_id id;
    bool is_file; /* nbdkit may go to another folder */
} passed[] = {
    {"chain", OPTION_CHAIN, false},      {"point", OPTION_POINT, false},
    {"config", OPTION_CONFIG, true},     {"state", OPTION_STATE, true},
    {"kms", OPTION_KMS, false},          {"passphrase-file", OPTION_PASSPHRASE_FILE, true},
    {"key-file", OPTION_KEY_FILE, true}, {"password-file", OPTION_PASSWORD_FILE, true},
};

/* Where it was installed, or beside the program in a build. */
static const char *plugin_path(struct pool *pool)
{
    const char *given = getenv("ENVELOPE_NBDKIT_PLUGIN");
    return given && *given ? pool_text(pool, given) : ENVELOPE_NBDKIT_PLUGIN;
}

static void add(struct pool *pool, struct strings *args, const char *name, const char *value)
{
    strings_add(pool, args, pool_format(pool, "%s=%s", name, value));
}

static void arguments(struct report *report, const struct options *options, struct strings *args)
{
    struct pool *pool = &report->pool;
    static const char *const first[] = {"nbdkit", "--foreground", "--readonly", "--unix"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        strings_add(pool, args, first[i]);
    }
    strings_add(pool, args, path_absolute(pool, option_value(options, OPTION_SOCKET)));
    strings_add(pool, args, plugin_path(pool));
    add(pool, args, "repo", path_absolute(pool, options->operand[0]));
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        const struct strings *values = &options->value[passed[i].id];
        for (size_t k = 0; k < values->count; k++) {
            const char *value = values->item[k];
            add(pool, args, passed[i].name, passed[i].is_file ? path_absolute(pool, value) : value);
        }
    }
}

/* Whatever is wrong is said by this program, with its exit status, before nbdkit is there. */
static int try_point(struct report *report, const struct options *options)
{
    struct session session;
    uint64_t number;
    envelope_reader *reader = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    if (!point_number(option_value(options, OPTION_POINT), &number)) {
        return report_error(report, END_USAGE, "--point is a number, or latest");
    }
    int end = session_open(&session, report, options, SESSION_READ);
    envelope_status status =
        end ? ENVELOPE_OK : envelope_reader_new(session.chain, number, &reader, &err);
    if (status) {
        end = session_failed(&session, status, &err, "the point");
    }
    if (!end) {
        report_say(report, "serving %s of %s at %s",
                   number ? pool_format(&report->pool, "point %" PRIu64, number)
                          : "the newest point",
                   text_size(&report->pool, envelope_reader_bytes(reader)),
                   text_printable(&report->pool, option_value(options, OPTION_SOCKET)));
    }
    envelope_reader_free(reader);
    session_close(&session);
    return end;
}

static int run(struct report *report, const struct options *options)
{
    struct strings args = {0};
    struct pool *pool = &report->pool;
    int end = try_point(report, options);
    if (end) {
        return end;
    }
    arguments(report, options, &args);
    umask(S_IRWXG | S_IRWXO); /* the socket gives out the disk in plain */
    const char **argv = pool_alloc(pool, (args.count + 1) * sizeof *argv);
    memcpy(argv, args.item, args.count * sizeof *argv);
    fflush(stdout);
    execvp(argv[0], (char **)(uintptr_t)argv);
    return report_error(report, END_FAILED, "nbdkit cannot be started: %s", strerror(errno));
}

const struct command command_serve = {
    .name = "serve",
    .operands = "REPO",
    .operand_count = 1,
    .summary = "Show a restore point as a read-only disk over NBD, through nbdkit.",
    .options = {OPTION_CHAIN, OPTION_POINT, OPTION_SOCKET, OPTION_KMS, OPTION_PASSPHRASE_FILE,
                OPTION_KEY_FILE, OPTION_PASSWORD_FILE, OPTION_CONFIG, OPTION_STATE, OPTION_HELP},
    .needed = {OPTION_SOCKET},
    .run = run,
};
