#include "paths.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *path_xdg(struct pool *pool, const char *variable, const char *fallback)
{
    const char *base = getenv(variable);
    if (base && *base == '/') {
        return pool_format(pool, "%s/envelope", base);
    }
    const char *home = getenv("HOME");
    return home && *home ? pool_format(pool, "%s/%s/envelope", home, fallback) : NULL;
}

const char *path_folder(struct pool *pool, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return ".";
    }
    return slash == path ? "/" : pool_copy(pool, path, (size_t)(slash - path));
}

const char *path_absolute(struct pool *pool, const char *path)
{
    char resolved[PATH_MAX];
    if (realpath(path, resolved)) {
        return pool_text(pool, resolved);
    }
    if (*path == '/' || !getcwd(resolved, sizeof resolved)) {
        return path;
    }
    return pool_format(pool, "%s/%s", resolved, path);
}

int path_sync_folder(struct pool *pool, const char *path_in_it)
{
    int fd = open(path_folder(pool, path_in_it), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    /* EINVAL: a file system that has no such thing. */
    int number = fsync(fd) && errno != EINVAL ? errno : 0;
    close(fd);
    errno = number;
    return number ? -1 : 0;
}

/* Synced also where path was there: who made it may have died before that. Then, but only then, the
 * folder above need not be one that we may read. */
static int settle_folder(struct pool *pool, const char *path, bool made)
{
    if (path_sync_folder(pool, path) == 0) {
        return 0;
    }
    return !made && errno == EACCES ? 0 : -1;
}

/* Nothing is made in a folder before that one is durable. */
int path_make_folder(struct pool *pool, const char *path)
{
    bool made = access(path, F_OK) != 0;
    const char *above = path_folder(pool, path);
    if (made && strcmp(above, path) && path_make_folder(pool, above)) {
        return -1;
    }
    if (made && mkdir(path, 0700) && errno != EEXIST) {
        return -1;
    }
    return settle_folder(pool, path, made);
}

int write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -1;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static int fill(int fd, const void *data, size_t len)
{
    if (write_all(fd, data, len) || fsync(fd)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return close(fd);
}

int path_replace(struct pool *pool, const char *path, const void *data, size_t len)
{
    char *temp = pool_format(pool, "%s.XXXXXX", path);
    int fd = mkostemp(temp, O_CLOEXEC); /* 0600 */
    if (fd < 0) {
        return -1;
    }
    if (fill(fd, data, len) || rename(temp, path)) {
        int saved = errno;
        unlink(temp);
        errno = saved;
        return -1;
    }
    return path_sync_folder(pool, path);
}
