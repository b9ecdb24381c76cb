#include "store/dir/dir.h"
#include "base/error.h"
#include "base/text.h"
#include "store/dir/path.h"
#include "store/dir/temp.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void destroy(void *self)
{
    struct env_dir *dir = self;
    if (dir->root >= 0) {
        close(dir->root);
    }
    env_free(dir->ctx, dir);
}

static const envelope_store_ops reading = {
    .size = sizeof reading,
    .kind = "the directory",
    .open = env_dir_open,
    .pread = env_dir_pread,
    .close = env_dir_close,
    .list = env_dir_list,
    .in_progress = env_dir_in_progress,
    .destroy = destroy,
};

static envelope_store_ops writing(void)
{
    envelope_store_ops ops = reading;
    ops.create = env_dir_create;
    ops.write = env_dir_write;
    ops.reread = env_dir_reread;
    ops.finish = env_dir_finish;
    ops.abort_write = env_dir_abort;
    ops.remove = env_dir_remove;
    ops.overwrite = env_dir_overwrite;
    return ops;
}

/* The folder above is synced also when the root was there: who made it may have died before that.
 * Then, but only then, it need not be one that we may read. */
static int settle_root(int root, bool made)
{
    if (made && fchmod(root, S_IRWXU)) {
        return errno;
    }
    int above = openat(root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0) {
        return made ? errno : 0;
    }
    int number = env_dir_sync(above);
    close(above);
    return number;
}

static int open_root(const char *path, bool create, int *root)
{
    bool made = create && mkdir(path, S_IRWXU) == 0;
    if (create && !made && errno != EEXIST) {
        return errno;
    }
    *root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*root < 0) {
        return errno;
    }
    return create ? settle_root(*root, made) : 0;
}

static envelope_status enter(struct env_dir *dir, const char *path, uint32_t flags,
                             envelope_error *err)
{
    char safe[ENV_PRINTABLE_MAX];
    dir->readonly = flags & ENVELOPE_DIR_READONLY;
    int number = open_root(path, flags & ENVELOPE_DIR_CREATE, &dir->root);
    if (number) {
        return env_dir_read_failed(err, number, "opening the repository",
                                   env_printable(safe, path));
    }
    return env_temp_host(dir->ctx, dir->host, err);
}

static envelope_status check(const char *path, uint32_t flags, envelope_store **out,
                             envelope_error *err)
{
    const uint32_t both = ENVELOPE_DIR_CREATE | ENVELOPE_DIR_READONLY;
    if (!out || !path || !path[0]) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_store_dir: %s",
                        out ? "no path" : "out is NULL");
    }
    if ((flags & ~both) || (flags & both) == both) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_store_dir: flags are %#x", flags);
    }
    return ENVELOPE_OK;
}

envelope_status envelope_store_dir(envelope_ctx *ctx, const char *path, uint32_t flags,
                                   envelope_store **out, envelope_error *err)
{
    if (out) {
        *out = NULL;
    }
    envelope_status st = env_enter(ctx, err);
    st = st ? st : check(path, flags, out, err);
    if (st) {
        return st;
    }
    struct env_dir *dir = env_alloc(ctx, sizeof *dir);
    if (!dir) {
        return env_nomem(err);
    }
    dir->ctx = ctx;
    dir->root = -1;
    st = enter(dir, path, flags, err);
    if (st) {
        destroy(dir);
        return st;
    }
    envelope_store_ops ops = dir->readonly ? reading : writing();
    return env_store_new_own(ctx, &ops, dir, out, err);
}
