/* store/store.h - the store table from inside: names are checked here, answers too. */
#ifndef ENV_STORE_STORE_H
#define ENV_STORE_STORE_H
#include "base/context.h"
#include <envelope/store.h>
#include <stdbool.h>

envelope_store *env_store_retain(envelope_store *store);
envelope_ctx *env_store_ctx(const envelope_store *store);
bool env_store_name_valid(const char *name);
bool env_store_writable(const envelope_store *store); /* false: opened read only, or no create */

/* Names below a prefix with their lengths, sorted by bytes, no duplicates. */
struct env_name {
    char *name;
    uint64_t bytes;
};
struct env_names {
    envelope_ctx *ctx;
    size_t count;
    size_t room;
    struct env_name *item;
};
envelope_status env_store_list(envelope_store *store, const char *prefix, struct env_names *out,
                               envelope_error *err);
/* *known false where the store cannot tell. */
envelope_status env_store_in_progress(envelope_store *store, const char *prefix,
                                      struct env_names *out, bool *known, envelope_error *err);
void env_names_free(struct env_names *names);

/* A new object being written; one of finish and abort ends it. */
struct env_store_writer {
    envelope_store *store;
    void *file;
    uint64_t written;
};
envelope_status env_store_create(envelope_store *store, const char *name, uint64_t size_hint,
                                 struct env_store_writer *out, envelope_error *err);
envelope_status env_store_write(struct env_store_writer *w, const void *data, size_t len,
                                envelope_error *err);
envelope_status env_store_reread(struct env_store_writer *w, uint64_t offset, void *buf, size_t len,
                                 envelope_error *err);
/* Exclusive and durable: OK, E_EXISTS, E_NO_SPACE, E_IO. */
envelope_status env_store_finish(struct env_store_writer *w, envelope_error *err);
void env_store_abort(struct env_store_writer *w); /* also after a finish that was OK: nothing */

/* An object being read. */
struct env_store_file {
    envelope_store *store;
    void *file;
    uint64_t bytes;
};
envelope_status env_store_open(envelope_store *store, const char *name, struct env_store_file *out,
                               envelope_error *err);
/* All of it, or E_IO/E_FORMAT (short). user is a struct env_store_file *, so it serves as
 * env_read_fn. */
envelope_status env_store_read(void *user, uint64_t offset, void *buf, size_t len,
                               envelope_error *err);
void env_store_close(struct env_store_file *file);

/* OK also when it is absent; E_REFUSED: retained. */
envelope_status env_store_remove(envelope_store *store, const char *name, envelope_error *err);
/* Bytes of an existing object, never beyond its end, durable on return; E_REFUSED: write-once. */
envelope_status env_store_overwrite(envelope_store *store, const char *name, uint64_t offset,
                                    const void *data, size_t len, envelope_error *err);
#endif
