/* seed.h - writing the files of a corpus. */
#ifndef FUZZ_SEED_H
#define FUZZ_SEED_H
#include "base/bytes.h"

/* prefix: bytes that a target wants in front of, suffix behind, what is parsed. */
struct seed {
    const char *target;
    const char *name;
    struct env_bytes prefix;
    struct env_bytes body;
    struct env_bytes suffix;
};

/* The folder below which every target has its own. */
void seed_root(const char *path);
/* The program ends when it cannot be written. */
void seed_save(struct seed s);
#endif
