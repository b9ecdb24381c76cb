#include "store/dir/temp.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "store/dir/path.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { ID_DIGITS = 32, ID_BYTES = 16, FOREIGN_SECONDS = 24 * 3600, TRIES = 16 };

static size_t machine_id(char *out, size_t cap)
{
    int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, out, cap - 1);
    close(fd);
    out[n > 0 ? n : 0] = 0;
    return strcspn(out, "\n");
}

envelope_status env_temp_host(envelope_ctx *ctx, char host[ENV_DIR_HOST_DIGITS + 1],
                              envelope_error *err)
{
    char text[256] = "";
    uint8_t hash[ENV_HASH_BYTES];
    size_t len = machine_id(text, sizeof text);
    if (!len && gethostname(text, sizeof text - 1) == 0) {
        len = strlen(text);
    }
    struct env_bytes part = ENV_BYTES(text, len);
    envelope_status st = env_sha256(ctx, &part, 1, hash, err);
    if (!st) {
        env_hex(host, hash, ENV_DIR_HOST_DIGITS / 2);
    }
    return st;
}

size_t env_temp_place(const char *name)
{
    static const char chains[] = "chains/";
    size_t n = sizeof chains - 1;
    if (strncmp(name, chains, n) != 0 || !strchr(name + n, '/')) {
        return 0;
    }
    return n + strcspn(name + n, "/");
}

static size_t hex_digits(const char *text)
{
    return strspn(text, "0123456789abcdef");
}

static const char *last_id(const char *object)
{
    const char *found = NULL;
    for (const char *p = env_dir_leaf(object); *p;) {
        size_t n = hex_digits(p);
        found = n >= ID_DIGITS ? p + n - ID_DIGITS : found;
        p += n ? n : 1;
    }
    return found;
}

envelope_status env_temp_name(const struct env_dir *dir, const char *object,
                              char out[ENV_TEMP_NAME_MAX + 1], envelope_error *err)
{
    uint8_t drawn[ID_BYTES];
    char hex[ID_DIGITS + 1];
    const char *id = last_id(object);
    envelope_status st = id ? ENVELOPE_OK : env_random(drawn, sizeof drawn, err);
    if (st) {
        return st;
    }
    id = id ? id : env_hex(hex, drawn, sizeof drawn);
    snprintf(out, ENV_TEMP_NAME_MAX + 1, "%.*s.%s-%lu", ID_DIGITS, id, dir->host,
             (unsigned long)getpid() % 10000000000ul);
    return ENVELOPE_OK;
}

/* Between our making the file and our locking it, somebody who cleans may have locked it, and
 * removes it: we wait for that moment, and the file is made again. */
static int lock_new(int tmp, const char *name, int fd, bool *ours)
{
    struct stat s;
    if (fchmod(fd, S_IRUSR | S_IWUSR) || fstat(fd, &s)) {
        return errno;
    }
    while (flock(fd, LOCK_EX)) {
        if (errno != EINTR) {
            return errno;
        }
    }
    *ours = env_dir_same(tmp, name, &s);
    return 0;
}

int env_temp_create(int tmp, const char *name, int *out)
{
    for (int i = 0; i < TRIES; i++) {
        bool ours = false;
        int fd = openat(tmp, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        S_IRUSR | S_IWUSR);
        if (fd < 0) {
            return errno;
        }
        int number = lock_new(tmp, name, fd, &ours);
        if (ours) {
            *out = fd;
            return 0;
        }
        if (number) {
            (void)unlinkat(tmp, name, 0);
        }
        close(fd);
        if (number) {
            return number;
        }
    }
    return EEXIST;
}

/* A name of a write under way; *own: of this host. */
bool env_temp_is_name(const char *name)
{
    size_t host = ID_DIGITS + 1;
    size_t pid = host + ENV_DIR_HOST_DIGITS + 1;
    size_t len = strnlen(name, ENV_TEMP_NAME_MAX + 1);
    return len <= ENV_TEMP_NAME_MAX && len > pid && hex_digits(name) == ID_DIGITS &&
           name[ID_DIGITS] == '.' && hex_digits(name + host) == ENV_DIR_HOST_DIGITS &&
           name[pid - 1] == '-' && strspn(name + pid, "0123456789") == len - pid;
}

static bool parse(const struct env_dir *dir, const char *name, bool *own)
{
    if (!env_temp_is_name(name)) {
        return false;
    }
    *own = !memcmp(name + ID_DIGITS + 1, dir->host, ENV_DIR_HOST_DIGITS);
    return true;
}

static bool old(const struct stat *s)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec - s->st_mtim.tv_sec > FOREIGN_SECONDS;
}

struct cleaning {
    const struct env_dir *dir;
    env_temp_kept_fn kept;
    void *user;
};

/* The name is looked at again under the lock: the file that we locked may be gone, and the name
 * that of a new one, which is somebody's. */
static bool remove_dead(int tmp, const char *name, bool own)
{
    struct stat s;
    /* for writing, because NFS gives an exclusive lock on nothing less */
    int fd = openat(tmp, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool dead = fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && (own || old(&s)) &&
                flock(fd, LOCK_EX | LOCK_NB) == 0 && env_dir_same(tmp, name, &s);
    bool removed = dead && unlinkat(tmp, name, 0) == 0;
    close(fd);
    return removed;
}

static int clean_one(void *user, int tmp, const struct dirent *entry)
{
    const struct cleaning *c = user;
    struct stat s;
    bool own;
    if (!parse(c->dir, entry->d_name, &own) ||
        (!c->dir->readonly && remove_dead(tmp, entry->d_name, own)) || !c->kept ||
        fstatat(tmp, entry->d_name, &s, AT_SYMLINK_NOFOLLOW) || !S_ISREG(s.st_mode)) {
        return 0;
    }
    return c->kept(c->user, entry->d_name, (uint64_t)s.st_size);
}

int env_temp_clean(const struct env_dir *dir, int tmp, env_temp_kept_fn kept, void *user)
{
    struct cleaning c = {.dir = dir, .kept = kept, .user = user};
    return env_dir_each(tmp, clean_one, &c);
}
