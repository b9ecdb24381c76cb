/* scratch.h - a directory of the test's own, and small files in it. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H
#include <stddef.h>
#include <stdint.h>

enum { SCRATCH_PATH_MAX = 512 };

/* A new directory, 0700. The program ends when there is none. */
void scratch_make(char out[SCRATCH_PATH_MAX]);
/* With all that is in it, links not followed. */
void scratch_remove(const char *dir);
/* dir/name */
const char *scratch_path(char out[SCRATCH_PATH_MAX], const char *dir, const char *name);
/* A file of mode 0600. */
void scratch_write(const char *path, const void *bytes, size_t len);
/* malloc'ed. */
uint8_t *scratch_read(const char *path, size_t *len);
#endif
