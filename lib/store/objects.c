#include "base/error.h"
#include "store/handle.h"
#include <string.h>

envelope_status env_store_create(envelope_store *store, const char *name, uint64_t size_hint,
                                 struct env_store_writer *out, envelope_error *err)
{
    memset(out, 0, sizeof *out);
    envelope_status st = env_store_check_name(name, err);
    if (st) {
        return st;
    }
    if (!store->ops.create) {
        return env_store_not_offered(store, "take new objects: it is read only", err);
    }
    envelope_error said = ENVELOPE_ERROR_INIT;
    void *file = NULL;
    st = store->ops.create(store->self, name, size_hint, &file, &said);
    if (st) {
        return env_store_failed(store, "create", st, &said, err);
    }
    if (!file) {
        return env_store_no_deed(store, "create", "gave no file", err);
    }
    out->store = store;
    out->file = file;
    return ENVELOPE_OK;
}

envelope_status env_store_write(struct env_store_writer *w, const void *data, size_t len,
                                envelope_error *err)
{
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_status st = w->store->ops.write(w->store->self, w->file, data, len, &said);
    if (st) {
        return env_store_failed(w->store, "write", st, &said, err);
    }
    w->written += len;
    return ENVELOPE_OK;
}

envelope_status env_store_reread(struct env_store_writer *w, uint64_t offset, void *buf, size_t len,
                                 envelope_error *err)
{
    if (offset > w->written || len > w->written - offset) {
        return env_fail(err, ENVELOPE_E_RANGE, "%llu bytes were written, %zu from %llu are asked",
                        (unsigned long long)w->written, len, (unsigned long long)offset);
    }
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_status st = w->store->ops.reread(w->store->self, w->file, offset, buf, len, &said);
    return st ? env_store_failed(w->store, "reread", st, &said, err) : ENVELOPE_OK;
}

envelope_status env_store_finish(struct env_store_writer *w, envelope_error *err)
{
    envelope_error said = ENVELOPE_ERROR_INIT;
    void *file = w->file;
    w->file = NULL;
    envelope_status st = w->store->ops.finish(w->store->self, file, &said);
    return st ? env_store_failed(w->store, "finish", st, &said, err) : ENVELOPE_OK;
}

void env_store_abort(struct env_store_writer *w)
{
    if (w->file) {
        w->store->ops.abort_write(w->store->self, w->file);
    }
    w->file = NULL;
}

envelope_status env_store_open(envelope_store *store, const char *name, struct env_store_file *out,
                               envelope_error *err)
{
    memset(out, 0, sizeof *out);
    envelope_status st = env_store_check_name(name, err);
    if (st) {
        return st;
    }
    envelope_error said = ENVELOPE_ERROR_INIT;
    void *file = NULL;
    uint64_t bytes = UINT64_MAX;
    st = store->ops.open(store->self, name, &file, &bytes, &said);
    if (st) {
        return env_store_failed(store, "open", st, &said, err);
    }
    if (!file) {
        return env_store_no_deed(store, "open", "gave no file", err);
    }
    if (bytes == UINT64_MAX) {
        store->ops.close(store->self, file);
        return env_store_no_deed(store, "open", "set no length", err);
    }
    out->store = store;
    out->file = file;
    out->bytes = bytes;
    return ENVELOPE_OK;
}

envelope_status env_store_read(void *user, uint64_t offset, void *buf, size_t len,
                               envelope_error *err)
{
    struct env_store_file *f = user;
    const envelope_store *store = f->store;
    if (offset > f->bytes || len > f->bytes - offset) {
        return env_fail(err, ENVELOPE_E_FORMAT, "it has %llu bytes, %zu from %llu are asked",
                        (unsigned long long)f->bytes, len, (unsigned long long)offset);
    }
    envelope_error said = ENVELOPE_ERROR_INIT;
    size_t got = 0;
    envelope_status st =
        len ? store->ops.pread(store->self, f->file, offset, buf, len, &got, &said) : ENVELOPE_OK;
    if (st) {
        return env_store_failed(store, "pread", st, &said, err);
    }
    if (got > len) {
        return env_store_no_deed(store, "pread", "claims more bytes than there was room for", err);
    }
    return got == len ? ENVELOPE_OK
                      : env_fail(err, ENVELOPE_E_IO, "it ended at byte %llu, and had %llu before",
                                 (unsigned long long)(offset + got), (unsigned long long)f->bytes);
}

void env_store_close(struct env_store_file *file)
{
    if (file->file) {
        file->store->ops.close(file->store->self, file->file);
    }
    file->file = NULL;
}

envelope_status env_store_remove(envelope_store *store, const char *name, envelope_error *err)
{
    envelope_status st = env_store_check_name(name, err);
    if (st) {
        return st;
    }
    if (!store->ops.remove) {
        return env_store_not_offered(store, "remove objects", err);
    }
    envelope_error said = ENVELOPE_ERROR_INIT;
    st = store->ops.remove(store->self, name, &said);
    return st && st != ENVELOPE_E_NOT_FOUND ? env_store_failed(store, "remove", st, &said, err)
                                            : ENVELOPE_OK;
}

envelope_status env_store_overwrite(envelope_store *store, const char *name, uint64_t offset,
                                    const void *data, size_t len, envelope_error *err)
{
    envelope_status st = env_store_check_name(name, err);
    if (st) {
        return st;
    }
    if (!store->ops.overwrite) {
        return env_store_not_offered(store, "overwrite objects", err);
    }
    envelope_error said = ENVELOPE_ERROR_INIT;
    st = store->ops.overwrite(store->self, name, offset, data, len, &said);
    return st ? env_store_failed(store, "overwrite", st, &said, err) : ENVELOPE_OK;
}
