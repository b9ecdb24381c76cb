#include "scratch.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void give_up(const char *what)
{
    printf("Bail out! %s\n", what);
    exit(1);
}

void scratch_make(char out[SCRATCH_PATH_MAX])
{
    const char *above = getenv("TMPDIR");
    snprintf(out, SCRATCH_PATH_MAX, "%s/envelope-test-XXXXXX", above ? above : P_tmpdir);
    if (!mkdtemp(out)) {
        give_up("no directory for files of the test");
    }
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
    (void)s;
    (void)type;
    (void)ftw;
    return remove(path);
}

void scratch_remove(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(char out[SCRATCH_PATH_MAX], const char *dir, const char *name)
{
    snprintf(out, SCRATCH_PATH_MAX, "%.300s/%.200s", dir, name);
    return out;
}

void scratch_write(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || close(fd)) {
        give_up("cannot write a file of the test");
    }
}

uint8_t *scratch_read(const char *path, size_t *len)
{
    FILE *f = fopen(path, "re");
    struct stat s;
    if (!f || fstat(fileno(f), &s)) {
        give_up("cannot read a file of the test");
    }
    uint8_t *bytes = malloc((size_t)s.st_size + 1);
    *len = fread(bytes, 1, (size_t)s.st_size, f);
    fclose(f);
    return bytes;
}
