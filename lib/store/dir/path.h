/* store/dir/path.h - from names to descriptors. Functions that return int return 0 or an errno. */
#ifndef ENV_STORE_DIR_PATH_H
#define ENV_STORE_DIR_PATH_H
#include "store/dir/dir.h"
#include <dirent.h>
#include <sys/stat.h>

/* The folder that objects never lie in: writes under way. */
extern const char env_dir_tmp[];

/* Opens the folder of the first len bytes of path, "" being the root. With make, folders that are
 * missing are made, and every folder on the way is made durable. */
int env_dir_folder(const struct env_dir *dir, const char *path, size_t len, bool make, int *out);
/* One folder below the open folder at, made when it is missing; nothing is synced. */
int env_dir_enter(int at, const char *part, bool make, int *out);
/* Bytes of name before its last slash, 0 without one. */
size_t env_dir_folder_len(const char *name);
/* What comes after it. */
const char *env_dir_leaf(const char *name);
/* Is a part of name the folder of writes under way? Then it names no object. */
bool env_dir_is_tmp(const char *name);

/* fsync of a folder; some file systems know no such thing, and say EINVAL. */
int env_dir_sync(int fd);
/* Does name, in the folder at, still mean the file that s is of? */
bool env_dir_same(int at, const char *name, const struct stat *s);

/* Calls visit for each entry but "." and ".." until it returns other than 0, which is then
 * returned. */
typedef int (*env_dir_visit_fn)(void *user, int fd, const struct dirent *entry);
int env_dir_each(int fd, env_dir_visit_fn visit, void *user);

/* A failure while doing ("writing", "opening") something to name, when objects are changed, and
 * when they are read: there a permission that is missing is E_IO, as no policy of ours says no. */
envelope_status env_dir_failed(envelope_error *err, int number, const char *doing,
                               const char *name);
envelope_status env_dir_read_failed(envelope_error *err, int number, const char *doing,
                                    const char *name);
#endif
