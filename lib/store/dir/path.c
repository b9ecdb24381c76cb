#include "store/dir/path.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

const char env_dir_tmp[] = "tmp";

static int open_folder(int at, const char *part, int *out)
{
    *out = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *out < 0 ? errno : 0;
}

static int make_folder(int at, const char *part, int *out)
{
    bool made = mkdirat(at, part, S_IRWXU) == 0;
    if (!made && errno != EEXIST) {
        return errno;
    }
    int number = open_folder(at, part, out);
    /* the caller's umask may have taken bits away */
    if (!number && made && fchmod(*out, S_IRWXU)) {
        number = errno;
        close(*out);
        *out = -1;
    }
    return number;
}

int env_dir_enter(int at, const char *part, bool make, int *out)
{
    int number = open_folder(at, part, out);
    return number == ENOENT && make ? make_folder(at, part, out) : number;
}

/* The folder is synced also when part was there: who made it may have died before that. */
static int step(int at, const char *part, bool make, int *out)
{
    int number = env_dir_enter(at, part, make, out);
    if (number || !make) {
        return number;
    }
    number = env_dir_sync(at);
    if (number) {
        close(*out);
        *out = -1;
    }
    return number;
}

int env_dir_folder(const struct env_dir *dir, const char *path, size_t len, bool make, int *out)
{
    int number = open_folder(dir->root, ".", out);
    for (size_t i = 0; !number && i < len;) {
        char part[ENV_STORE_NAME_MAX + 1];
        size_t n = 0;
        while (i + n < len && path[i + n] != '/' && n + 1 < sizeof part) {
            part[n] = path[i + n];
            n++;
        }
        part[n] = 0;
        i += n + 1;
        int at = *out;
        number = step(at, part, make, out);
        close(at);
    }
    return number;
}

size_t env_dir_folder_len(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

const char *env_dir_leaf(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

bool env_dir_is_tmp(const char *name)
{
    while (*name) {
        size_t len = strcspn(name, "/");
        if (len == strlen(env_dir_tmp) && !memcmp(name, env_dir_tmp, len)) {
            return true;
        }
        name += len + (name[len] == '/');
    }
    return false;
}

int env_dir_sync(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

bool env_dir_same(int at, const char *name, const struct stat *s)
{
    struct stat now;
    return fstatat(at, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == s->st_dev &&
           now.st_ino == s->st_ino;
}

static int visit_all(DIR *stream, env_dir_visit_fn visit, void *user)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            return errno;
        }
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) {
            continue;
        }
        int number = visit(user, dirfd(stream), entry);
        if (number) {
            return number;
        }
    }
}

int env_dir_each(int fd, env_dir_visit_fn visit, void *user)
{
    int own;
    int number = open_folder(fd, ".", &own); /* a position of its own */
    if (number) {
        return number;
    }
    DIR *stream = fdopendir(own);
    if (!stream) {
        number = errno;
        close(own);
        return number;
    }
    number = visit_all(stream, visit, user);
    closedir(stream);
    return number;
}

static envelope_status status_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return ENVELOPE_E_NOT_FOUND;
    case EEXIST:
        return ENVELOPE_E_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return ENVELOPE_E_NO_SPACE;
    case EFBIG:
        return ENVELOPE_E_LIMIT;
    case ENOMEM:
        return ENVELOPE_E_NOMEM;
    case EACCES:
    case EPERM:
    case EROFS:
        return ENVELOPE_E_REFUSED;
    default:
        return ENVELOPE_E_IO;
    }
}

envelope_status env_dir_failed(envelope_error *err, int number, const char *doing, const char *name)
{
    return env_fail_errno(err, status_of(number), number, "%s %s", doing, name);
}

envelope_status env_dir_read_failed(envelope_error *err, int number, const char *doing,
                                    const char *name)
{
    envelope_status st = status_of(number);
    st = st == ENVELOPE_E_REFUSED ? ENVELOPE_E_IO : st;
    return env_fail_errno(err, st, number, "%s %s", doing, name);
}
