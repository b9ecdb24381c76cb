/* envelope/store.h - where a repository's objects lie. */
#ifndef ENVELOPE_STORE_H
#define ENVELOPE_STORE_H
#include <envelope/base.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Threads: share it freely. */
typedef struct envelope_store envelope_store;

typedef struct envelope_name_sink envelope_name_sink;
ENVELOPE_TRY envelope_status envelope_name_sink_add(envelope_name_sink *sink, const char *name,
                                                    uint64_t bytes);

/* Names are ours: [A-Za-z0-9._/-], at most 200 bytes, no "..", '/' for depth. Called from several
 * threads at once. Errors to return: E_EXISTS, E_NOT_FOUND, E_NO_SPACE, E_IO, E_BUSY, E_REFUSED
 * (write-once, retained). */
typedef struct envelope_store_ops {
    size_t size;
    const char *kind;
    /* A new object is written front to back, once, and seen by nobody until finish, which is
     * exclusive (E_EXISTS) and durable on return. size_hint 0: not known. One of finish and abort
     * ends it. */
    envelope_status (*create)(void *self, const char *name, uint64_t size_hint, void **file,
                              envelope_error *err);
    envelope_status (*write)(void *self, void *file, const void *data, size_t len,
                             envelope_error *err);
    /* What was written, before finish. */
    envelope_status (*reread)(void *self, void *file, uint64_t offset, void *buf, size_t len,
                              envelope_error *err);
    envelope_status (*finish)(void *self, void *file, envelope_error *err);
    void (*abort_write)(void *self, void *file);
    envelope_status (*open)(void *self, const char *name, void **file, uint64_t *bytes,
                            envelope_error *err);
    /* Several threads on one file; *got less than len only at the end of the object. */
    envelope_status (*pread)(void *self, void *file, uint64_t offset, void *buf, size_t len,
                             size_t *got, envelope_error *err);
    void (*close)(void *self, void *file);
    /* In order of names, those after `after` (NULL: from the first). */
    envelope_status (*list)(void *self, const char *prefix, const char *after,
                            envelope_name_sink *sink, envelope_error *err);
    /* Writes under way, also by others, by names that `open` takes while they last (where it does
     * not, forgetting frees nothing as long as they last); NULL: not known. */
    envelope_status (*in_progress)(void *self, const char *prefix, envelope_name_sink *sink,
                                   envelope_error *err);
    envelope_status (*remove)(void *self, const char *name, envelope_error *err);
    /* Overwrite bytes of an existing object (a header copy, the tail), durable on return; for
     * rewrap and repair only. NULL: write-once storage. */
    envelope_status (*overwrite)(void *self, const char *name, uint64_t offset, const void *data,
                                 size_t len, envelope_error *err);
    void (*destroy)(void *self); /* exactly once, also when envelope_store_new fails */
} envelope_store_ops;

ENVELOPE_TRY envelope_status envelope_store_new(envelope_ctx *ctx, const envelope_store_ops *ops,
                                                void *self, envelope_store **out,
                                                envelope_error *err);

enum { ENVELOPE_DIR_CREATE = 1u << 0, ENVELOPE_DIR_READONLY = 1u << 1 };
ENVELOPE_TRY envelope_status envelope_store_dir(envelope_ctx *ctx, const char *path, uint32_t flags,
                                                envelope_store **out, envelope_error *err);
ENVELOPE_API void envelope_store_free(envelope_store *store);

#ifdef __cplusplus
}
#endif
#endif
