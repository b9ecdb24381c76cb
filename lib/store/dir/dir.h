/* store/dir/dir.h - the directory store: one folder, entered once and never by its path again.
 * Below it no symbolic link is followed, and nothing but regular files is read. */
#ifndef ENV_STORE_DIR_DIR_H
#define ENV_STORE_DIR_DIR_H
#include "store/handle.h"

enum { ENV_DIR_HOST_DIGITS = 8 };

struct env_dir {
    envelope_ctx *ctx; /* the handle's */
    int root;
    bool readonly;
    char host[ENV_DIR_HOST_DIGITS + 1]; /* marks our files in tmp/ */
};

/* Members of the table, by file. */
/* write.c */
envelope_status env_dir_create(void *self, const char *name, uint64_t size_hint, void **file,
                               envelope_error *err);
envelope_status env_dir_write(void *self, void *file, const void *data, size_t len,
                              envelope_error *err);
envelope_status env_dir_reread(void *self, void *file, uint64_t offset, void *buf, size_t len,
                               envelope_error *err);
envelope_status env_dir_finish(void *self, void *file, envelope_error *err);
void env_dir_abort(void *self, void *file);
/* read.c */
envelope_status env_dir_open(void *self, const char *name, void **file, uint64_t *bytes,
                             envelope_error *err);
envelope_status env_dir_pread(void *self, void *file, uint64_t offset, void *buf, size_t len,
                              size_t *got, envelope_error *err);
void env_dir_close(void *self, void *file);
/* list.c */
envelope_status env_dir_list(void *self, const char *prefix, const char *after,
                             envelope_name_sink *sink, envelope_error *err);
envelope_status env_dir_in_progress(void *self, const char *prefix, envelope_name_sink *sink,
                                    envelope_error *err);
/* change.c */
envelope_status env_dir_remove(void *self, const char *name, envelope_error *err);
envelope_status env_dir_overwrite(void *self, const char *name, uint64_t offset, const void *data,
                                  size_t len, envelope_error *err);
#endif
