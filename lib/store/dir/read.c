#include "base/error.h"
#include "store/dir/file.h"
#include "store/dir/path.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct reading {
    int fd;
    char name[ENV_STORE_NAME_MAX + 1];
};

envelope_status env_dir_open(void *self, const char *name, void **file, uint64_t *bytes,
                             envelope_error *err)
{
    const struct env_dir *dir = self;
    struct stat s;
    struct reading *r = env_alloc(dir->ctx, sizeof *r);
    if (!r) {
        return env_nomem(err);
    }
    envelope_status st = env_dir_open_file(dir, name, O_RDONLY, &r->fd, &s, err);
    if (st) {
        env_free(dir->ctx, r);
        return st;
    }
    memcpy(r->name, name, strlen(name) + 1);
    *file = r;
    *bytes = (uint64_t)s.st_size;
    return ENVELOPE_OK;
}

envelope_status env_dir_pread(void *self, void *file, uint64_t offset, void *buf, size_t len,
                              size_t *got, envelope_error *err)
{
    (void)self;
    struct reading *r = file;
    int number = env_dir_pread_all(r->fd, offset, buf, len, got);
    return number ? env_dir_read_failed(err, number, "reading", r->name) : ENVELOPE_OK;
}

void env_dir_close(void *self, void *file)
{
    const struct env_dir *dir = self;
    struct reading *r = file;
    close(r->fd);
    env_free(dir->ctx, r);
}
