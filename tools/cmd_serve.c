/* tools/cmd_serve.c - a restore point as a read-only disk over NBD: becomes nbdkit with our plugin.
 */
#include "json.h"
#include "paths.h"
#include "point.h"
#include "serve.h"
#include "session.h"
#include "text.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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
    for (size_t i = 0; i < SERVE_PARAMETERS; i++) {
        const struct serve_parameter *p = &serve_parameters[i];
        const struct strings *values = &options->value[p->id];
        for (size_t k = 0; k < values->count; k++) {
            const char *value = values->item[k];
            add(pool, args, p->name, p->is_path ? path_absolute(pool, value) : value);
        }
    }
}

static bool somebody_listens(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = fd >= 0 &&
               (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno != ECONNREFUSED);
    if (fd >= 0) {
        close(fd);
    }
    return yes;
}

/* What a server that was killed left at this place is removed; nothing else is. */
static int make_place(struct report *report, const char *path)
{
    const char *shown = text_printable(&report->pool, path);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct stat st;
    if (strlen(path) >= sizeof at.sun_path) {
        return report_error(report, END_USAGE, "--socket %s: longer than the %zu bytes of a socket",
                            shown, sizeof at.sun_path - 1);
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    if (lstat(path, &st)) {
        return END_DONE;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return report_error(report, END_FAILED, "%s is there already, and is no socket", shown);
    }
    if (somebody_listens(&at)) {
        return report_error(report, END_FAILED,
                            "%s is in use: end the server that listens there, or take another path",
                            shown);
    }
    return unlink(path) ? report_error(report, END_FAILED,
                                       "%s was left by a server and cannot be removed: %s", shown,
                                       strerror(errno))
                        : END_DONE;
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
    int end = make_place(report, path_absolute(pool, option_value(options, OPTION_SOCKET)));
    end = end ? end : try_point(report, options);
    if (end) {
        return end;
    }
    arguments(report, options, &args);
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
