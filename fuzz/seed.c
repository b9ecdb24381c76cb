#include "seed.h"
#include "fuzz.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *root;

static bool put(FILE *f, struct env_bytes b)
{
    return b.len == 0 || fwrite(b.p, 1, b.len, f) == b.len;
}

static void make_folder(const char *path)
{
    fuzz_must(!mkdir(path, 0777) || errno == EEXIST, path);
}

void seed_root(const char *path)
{
    root = path;
    make_folder(path);
}

void seed_save(struct seed s)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, s.target);
    make_folder(path);
    snprintf(path, sizeof path, "%s/%s/%s", root, s.target, s.name);
    FILE *f = fopen(path, "wb");
    fuzz_must(f, path);
    fuzz_must(put(f, s.prefix) && put(f, s.body) && put(f, s.suffix), path);
    fuzz_must(!fclose(f), path);
}
