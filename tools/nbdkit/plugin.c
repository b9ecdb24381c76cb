/* tools/nbdkit/plugin.c - a restore point as a read-only disk: a plugin of nbdkit, which speaks
 * NBD. Parameters have the names of the program's options (repo, chain, point, config, state, kms,
 * key-file, ...). The point is opened once, after nbdkit has gone where it stays; from then on no
 * KMS is needed. */
#include "json.h"
#include "options.h"
#include "point.h"
#include "serve.h"
#include "session.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

/* Connections at the same time, since a reader is shared freely and a report has a lock. The
 * requests of one connection in turn: with PARALLEL, nbdkit 1.32 aborts when a client goes away
 * that waits for several. */
#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_REQUESTS

/* A plugin is one for each process, and nbdkit has no place to keep it for us. */
static struct {
    struct report report;
    struct options options;
    struct session session;
    bool opened;
    pid_t pid;
    struct stat socket; /* what nbdkit made at that path; st_ino is 0: nothing */
    envelope_reader *reader;
} served;

static void load(void)
{
    report_begin(&served.report, "serve", false);
}

static void unload(void)
{
    envelope_reader_free(served.reader);
    if (served.opened) {
        session_close(&served.session);
    }
    report_end(&served.report, END_DONE);
}

static int config(const char *key, const char *value)
{
    struct pool *pool = &served.report.pool;
    if (!strcmp(key, "repo")) {
        served.options.operand[0] = pool_text(pool, value);
        return 0;
    }
    for (size_t i = 0; i < SERVE_PARAMETERS; i++) {
        const struct serve_parameter *p = &serve_parameters[i];
        if (!strcmp(key, p->name)) {
            strings_add(pool, &served.options.value[p->id], pool_text(pool, value));
            return 0;
        }
    }
    nbdkit_error("unknown parameter: %s", key);
    return -1;
}

static int config_complete(void)
{
    if (!served.options.operand[0]) {
        nbdkit_error("repo=DIR is needed");
        return -1;
    }
    return 0;
}

static int open_point(void)
{
    uint64_t number;
    envelope_error err = ENVELOPE_ERROR_INIT;
    if (!point_number(option_value(&served.options, OPTION_POINT), &number)) {
        nbdkit_error("point is a number, or latest");
        return -1;
    }
    served.opened = true;
    served.pid = getpid();
    if (session_open(&served.session, &served.report, &served.options, SESSION_READ)) {
        return -1; /* why was said */
    }
    if (envelope_reader_new(served.session.chain, number, &served.reader, &err)) {
        nbdkit_error("%s", err.message);
        return -1;
    }
    return 0;
}

/* The socket gives out the disk in plain, and nbdkit sets a umask of its own. */
static int close_to_others(const char *path)
{
    if (chmod(path, S_IRUSR | S_IWUSR) || lstat(path, &served.socket)) {
        nbdkit_error("%s: %s", path, strerror(errno));
        return -1;
    }
    return 0;
}

static int stayed(void)
{
    const char *path = option_value(&served.options, OPTION_SOCKET);
    if (getpid() != served.pid) {
        nbdkit_error("run nbdkit with --foreground: the keys do not survive its fork");
        return -1;
    }
    return path ? close_to_others(path) : 0;
}

/* nbdkit leaves its socket behind. Another server may have one there by now. */
static void remove_socket(void)
{
    const char *path = option_value(&served.options, OPTION_SOCKET);
    struct stat now;
    if (path && served.socket.st_ino && !lstat(path, &now) && now.st_ino == served.socket.st_ino &&
        now.st_dev == served.socket.st_dev) {
        unlink(path);
    }
}

static void *open_connection(int readonly)
{
    (void)readonly;
    return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t get_size(void *handle)
{
    (void)handle;
    return (int64_t)envelope_reader_bytes(served.reader);
}

static int yes(void *handle)
{
    (void)handle;
    return 1;
}

static int failed(const envelope_error *err)
{
    nbdkit_error("%s", err->message);
    nbdkit_set_error(EIO);
    return -1;
}

static int pread_disk(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
    size_t got = 0;
    envelope_error err = ENVELOPE_ERROR_INIT;
    (void)handle;
    (void)flags;
    if (envelope_reader_pread(served.reader, offset, buf, count, &got, &err)) {
        return failed(&err);
    }
    if (got != count) {
        envelope_error_set(&err, ENVELOPE_E_RANGE, 0, "read beyond the end of the disk");
        return failed(&err);
    }
    return 0;
}

static int extents(void *handle, uint32_t count, uint64_t offset, uint32_t flags,
                   struct nbdkit_extents *to)
{
    uint64_t end = offset + count;
    (void)handle;
    while (offset < end) {
        envelope_error err = ENVELOPE_ERROR_INIT;
        uint64_t len = 0;
        int32_t zero = 0;
        if (envelope_reader_extent(served.reader, offset, &len, &zero, &err)) {
            return failed(&err);
        }
        uint32_t type = zero ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0;
        if (!len || nbdkit_add_extent(to, offset, len, type)) {
            return len ? -1 : 0;
        }
        offset += len;
        if (flags & NBDKIT_FLAG_REQ_ONE) {
            break;
        }
    }
    return 0;
}

static struct nbdkit_plugin plugin = {
    .name = "envelope",
    .longname = "libenvelope restore point",
    .description = "Serves a restore point as a read-only disk.",
    .config_help = "repo=DIR        the repository\n"
                   "point=N         number of the point; without it, the newest\n"
                   "socket=PATH     the one that --unix makes, to be removed at the end\n"
                   "chain, config, state, kms, passphrase-file, key-file, password-file:\n"
                   "                as the options of envelope-serve(1)",
    .load = load,
    .unload = unload,
    .config = config,
    .config_complete = config_complete,
    .magic_config_key = "repo",
    .get_ready = open_point,
    .after_fork = stayed,
    .cleanup = remove_socket,
    .open = open_connection,
    .get_size = get_size,
    .can_multi_conn = yes,
    .can_extents = yes,
    .pread = pread_disk,
    .extents = extents,
};
NBDKIT_REGISTER_PLUGIN(plugin)
