/* store/dir/file.h - regular files, read and written whole. Functions that return int return 0 or
 * an errno. */
#ifndef ENV_STORE_DIR_FILE_H
#define ENV_STORE_DIR_FILE_H
#include "store/dir/dir.h"
#include <sys/stat.h>

/* An object's file, opened with flags (O_RDONLY, O_RDWR). Nothing in the way is followed or waited
 * for. E_NOT_FOUND, E_FORMAT: no regular file. */
envelope_status env_dir_open_file(const struct env_dir *dir, const char *name, int flags, int *fd,
                                  struct stat *s, envelope_error *err);
/* *got is less than len at the end of the file only. */
int env_dir_pread_all(int fd, uint64_t offset, void *buf, size_t len, size_t *got);
int env_dir_pwrite_all(int fd, uint64_t offset, const void *buf, size_t len);
#endif
