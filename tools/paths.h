/* tools/paths.h - where configuration and state lie, and files that replace others whole. */
#ifndef ENVELOPE_TOOLS_PATHS_H
#define ENVELOPE_TOOLS_PATHS_H
#include "pool.h"
#include <stdbool.h>
#include <sys/types.h>

/* $variable/envelope (XDG: an absolute path, else ignored), else $HOME/fallback/envelope. NULL:
 * neither is set. */
const char *path_xdg(struct pool *pool, const char *variable, const char *fallback);
/* What is before the last slash: "." or "/" where there is nothing. */
const char *path_folder(struct pool *pool, const char *path);
/* With the current folder in front; resolved where it exists. */
const char *path_absolute(struct pool *pool, const char *path);
/* The folder and those above it, 0700, durable when it returns. 0 or -1 with errno. */
int path_make_folder(struct pool *pool, const char *path);
int path_sync_folder(struct pool *pool, const char *path_in_it);
/* All of it, EINTR and short writes included. 0 or -1 with errno. */
int write_all(int fd, const void *data, size_t len);
/* path gets these bytes: a temporary file beside it (0600), fsync, rename, fsync of the folder. 0
 * or -1 with errno; then path is as it was, or, where only the last step failed, new and perhaps
 * not durable. */
int path_replace(struct pool *pool, const char *path, const void *data, size_t len);
#endif
