#include "base/error.h"
#include "store/dir/dir.h"
#include "store/dir/path.h"
#include "store/dir/temp.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH = 3 }; /* folders below the prefix */

/* One listing. The path grows and shrinks with the walk. */
struct walk {
    const struct env_dir *dir;
    const char *prefix;
    const char *after;
    envelope_name_sink *sink;
    bool under_way; /* tmp/ instead of all else */
    unsigned depth;
    size_t len; /* of path, with its last slash, or 0 */
    char path[ENV_STORE_NAME_MAX + 1];
};

/* The sink keeps its own reason. */
enum { SINK_FULL = -1 };

static bool join(struct walk *w, const char *part)
{
    size_t n = strlen(part);
    if (n > ENV_STORE_NAME_MAX - w->len) {
        return false;
    }
    memcpy(w->path + w->len, part, n + 1);
    return env_store_name_valid(w->path);
}

/* Do w->path, a folder, and the prefix lie on one line? */
static bool on_the_way(const struct walk *w)
{
    size_t n = strlen(w->prefix);
    size_t len = strlen(w->path);
    return !strncmp(w->path, w->prefix, len < n ? len : n);
}

static int add(struct walk *w, uint64_t bytes)
{
    bool wanted = !strncmp(w->path, w->prefix, strlen(w->prefix)) &&
                  (!w->after || strcmp(w->path, w->after) > 0);
    return wanted && envelope_name_sink_add(w->sink, w->path, bytes) ? SINK_FULL : 0;
}

static int walk_folder(struct walk *w, int fd);

static int enter(struct walk *w, int at, const char *part)
{
    int fd;
    int number = env_dir_enter(at, part, false, &fd);
    if (number) {
        /* gone meanwhile, or a link */
        return number == ENOENT || number == ENOTDIR || number == ELOOP ? 0 : number;
    }
    size_t before = w->len;
    w->len = strlen(w->path);
    if (w->len < ENV_STORE_NAME_MAX) {
        w->path[w->len++] = '/';
        w->path[w->len] = 0;
        w->depth++;
        number = walk_folder(w, fd);
        w->depth--;
    }
    w->len = before;
    close(fd);
    return number;
}

static int kept(void *user, const char *name, uint64_t bytes)
{
    struct walk *w = user;
    return join(w, name) ? add(w, bytes) : 0;
}

static int enter_tmp(struct walk *w, int at)
{
    int fd;
    int number = w->under_way ? env_dir_enter(at, env_dir_tmp, false, &fd) : ENOENT;
    if (number) {
        return number == ENOENT || number == ENOTDIR || number == ELOOP ? 0 : number;
    }
    size_t before = w->len;
    w->len = strlen(w->path);
    w->path[w->len++] = '/';
    w->path[w->len] = 0;
    number = env_temp_clean(w->dir, fd, kept, w);
    w->len = before;
    close(fd);
    return number;
}

static int visit(void *user, int fd, const struct dirent *entry)
{
    struct walk *w = user;
    struct stat s;
    if (!join(w, entry->d_name) || !on_the_way(w)) {
        return 0;
    }
    if (!strcmp(entry->d_name, env_dir_tmp)) {
        return enter_tmp(w, fd);
    }
    if (w->under_way && entry->d_type == DT_REG) {
        return 0;
    }
    if (fstatat(fd, entry->d_name, &s, AT_SYMLINK_NOFOLLOW)) {
        return errno == ENOENT ? 0 : errno;
    }
    if (S_ISDIR(s.st_mode) && w->depth < DEPTH) {
        return enter(w, fd, entry->d_name);
    }
    return S_ISREG(s.st_mode) && !w->under_way ? add(w, (uint64_t)s.st_size) : 0;
}

/* What a writer has seen it builds on: it may not vanish in a power cut because whoever linked it
 * died before the folder was synced. */
static int walk_folder(struct walk *w, int fd)
{
    int number = env_dir_each(fd, visit, w);
    if (!number && !w->dir->readonly && !w->under_way) {
        number = env_dir_sync(fd);
        number = number == EROFS ? 0 : number;
    }
    return number;
}

static envelope_status run(struct walk *w, envelope_error *err)
{
    int fd;
    size_t len = env_dir_folder_len(w->prefix);
    int number = env_dir_folder(w->dir, w->prefix, len, false, &fd);
    if (number == ENOENT || number == ENOTDIR || number == ELOOP) {
        return ENVELOPE_OK;
    }
    if (!number) {
        w->len = len ? len + 1 : 0;
        memcpy(w->path, w->prefix, w->len);
        number = walk_folder(w, fd);
        close(fd);
    }
    if (number == SINK_FULL) {
        return env_fail(err, ENVELOPE_E_NOMEM, "listing");
    }
    return number ? env_dir_read_failed(err, number, "listing", w->prefix) : ENVELOPE_OK;
}

envelope_status env_dir_list(void *self, const char *prefix, const char *after,
                             envelope_name_sink *sink, envelope_error *err)
{
    struct walk w = {.dir = self, .prefix = prefix, .after = after, .sink = sink};
    return run(&w, err);
}

envelope_status env_dir_in_progress(void *self, const char *prefix, envelope_name_sink *sink,
                                    envelope_error *err)
{
    struct walk w = {.dir = self, .prefix = prefix, .sink = sink, .under_way = true};
    return run(&w, err);
}
