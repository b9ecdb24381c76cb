#include "pin.h"
#include "paths.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder_of(struct report *report, const struct options *options)
{
    const char *given = option_value(options, OPTION_STATE);
    return given ? given : path_xdg(&report->pool, "XDG_STATE_HOME", ".local/state");
}

static int begin(struct report *report, const struct options *options, const char *name,
                 struct pin *out)
{
    const char *folder = folder_of(report, options);
    *out = (struct pin){.report = report, .lock = -1};
    if (!folder) {
        return report_error(report, END_USAGE,
                            "nowhere to remember the chain: give --state DIR, or set HOME");
    }
    out->path = pool_format(&report->pool, "%s/%s.pin", folder, name);
    return END_DONE;
}

/* NULL, or why it is not used. No file: len is 0. */
static const char *load(struct pin *pin)
{
    int fd = open(pin->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? NULL : strerror(errno);
    }
    struct stat st;
    const char *why = NULL;
    char *bytes = pool_alloc(&pin->report->pool, ENVELOPE_PIN_MAX);
    ssize_t n = 0;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        why = "is not a file";
    }
    if (!why && (st.st_uid != geteuid() || (st.st_mode & 077))) {
        why = "others can read or write it, or it belongs to another user: it must be yours and "
              "0600";
    }
    if (!why && st.st_size > (off_t)ENVELOPE_PIN_MAX) {
        why = "is too large for a pin";
    }
    if (!why && (n = read(fd, bytes, ENVELOPE_PIN_MAX)) < 0) {
        why = strerror(errno);
    }
    close(fd);
    pin->bytes = bytes;
    pin->len = why ? 0 : (size_t)n;
    return why;
}

int pin_read(struct report *report, const struct options *options, const char *chain_hex,
             struct pin *out)
{
    *out = (struct pin){.report = report, .lock = -1};
    if (!folder_of(report, options)) {
        return END_DONE;
    }
    int end = begin(report, options, chain_hex, out);
    const char *why = end ? NULL : load(out);
    if (why) {
        report_warn(report, "the pin is not used: %s: %s", text_printable(&report->pool, out->path),
                    why);
    }
    return end;
}

static int make_folder(struct pin *pin)
{
    const char *folder = path_folder(&pin->report->pool, pin->path);
    if (path_make_folder(&pin->report->pool, folder)) {
        return report_error(pin->report, END_FAILED, "%s: %s",
                            text_printable(&pin->report->pool, folder), strerror(errno));
    }
    return END_DONE;
}

static int take_lock(struct pin *pin)
{
    struct pool *pool = &pin->report->pool;
    const char *path = pool_format(pool, "%s.lock", pin->path);
    pin->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (pin->lock < 0) {
        return report_error(pin->report, END_FAILED, "%s: %s", text_printable(pool, path),
                            strerror(errno));
    }
    if (flock(pin->lock, LOCK_EX | LOCK_NB)) {
        return report_error(pin->report, END_FAILED,
                            errno == EWOULDBLOCK
                                ? "another job of this host works on this chain (it holds %s): "
                                  "again when it is done"
                                : "%s: cannot be locked",
                            text_printable(pool, path));
    }
    return END_DONE;
}

int pin_take(struct report *report, const struct options *options, const char *chain_hex,
             struct pin *out)
{
    int end = begin(report, options, chain_hex, out);
    end = end ? end : make_folder(out);
    end = end ? end : take_lock(out);
    const char *why = end ? NULL : load(out);
    if (why) {
        end = report_error(report, END_FAILED,
                           "the pin is not used, so nothing is written: %s: %s (without a pin the "
                           "chain is believed as the repository shows it)",
                           text_printable(&report->pool, out->path), why);
    }
    return end;
}

int pin_begin(struct report *report, const struct options *options, struct pin *out)
{
    const char *name = pool_format(&report->pool, "new-%ld", (long)getpid());
    int end = begin(report, options, name, out);
    return end ? end : make_folder(out);
}

int pin_settle(struct pin *pin, const struct options *options, const char *chain_hex)
{
    struct pin settled;
    int end = begin(pin->report, options, chain_hex, &settled);
    if (end) {
        return end;
    }
    if (rename(pin->path, settled.path) || path_sync_folder(&pin->report->pool, settled.path)) {
        return report_error(pin->report, END_FAILED, "cannot keep the pin: %s: %s",
                            text_printable(&pin->report->pool, settled.path), strerror(errno));
    }
    pin->path = settled.path;
    return END_DONE;
}

void pin_discard(const struct pin *pin)
{
    if (pin->path) {
        unlink(pin->path);
    }
}

void pin_end(struct pin *pin)
{
    if (pin->lock >= 0) {
        close(pin->lock);
        pin->lock = -1;
    }
}

envelope_status pin_save(void *user, const void *bytes, size_t len, envelope_error *err)
{
    struct pin *pin = user;
    if (path_replace(&pin->report->pool, pin->path, bytes, len)) {
        return envelope_error_set(err, ENVELOPE_E_IO, errno,
                                  pool_format(&pin->report->pool, "cannot save the pin %s: %s",
                                              pin->path, strerror(errno)));
    }
    return ENVELOPE_OK;
}
