#include "memory_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct memory_host {
    struct memory_store *mem;
};
struct memory_writing {
    struct memory_writing *next;
    char name[208];
    char temporary[240];
    uint8_t *data;
    size_t len;
    size_t room;
};

static void *must(void *p)
{
    if (!p) {
        abort();
    }
    return p;
}

static struct memory_file *find_any(struct memory_store *mem, const char *name)
{
    struct memory_file *hidden = NULL;
    for (size_t i = 0; i < mem->count; i++) {
        if (!strcmp(mem->file[i].name, name)) {
            if (!mem->file[i].hidden) {
                return &mem->file[i];
            }
            hidden = &mem->file[i];
        }
    }
    return hidden;
}

struct memory_file *memory_find(struct memory_store *mem, const char *name)
{
    struct memory_file *f = find_any(mem, name);
    return f && !f->hidden ? f : NULL;
}

struct memory_file *memory_next(struct memory_store *mem, const char *part, size_t *at)
{
    while (*at < mem->count) {
        struct memory_file *f = &mem->file[(*at)++];
        if (!f->hidden && strstr(f->name, part)) {
            return f;
        }
    }
    return NULL;
}

void memory_put(struct memory_store *mem, const char *name, const void *data, size_t len)
{
    if (mem->count == mem->room) {
        mem->room = mem->room ? 2 * mem->room : 32;
        mem->file = must(realloc(mem->file, mem->room * sizeof *mem->file));
    }
    struct memory_file *f = &mem->file[mem->count++];
    memset(f, 0, sizeof *f);
    snprintf(f->name, sizeof f->name, "%s", name);
    f->data = must(malloc(len + 1));
    memcpy(f->data, data, len);
    f->len = len;
}

void memory_remove(struct memory_store *mem, const char *name)
{
    struct memory_file *f = find_any(mem, name);
    if (f) {
        free(f->data);
        memmove(f, f + 1, (size_t)(mem->file + mem->count - (f + 1)) * sizeof *f);
        mem->count--;
    }
}

void memory_store_clear(struct memory_store *mem)
{
    for (size_t i = 0; i < mem->count; i++) {
        free(mem->file[i].data);
    }
    free(mem->file);
    mem->file = NULL;
    mem->count = mem->room = 0;
}

void memory_copy(struct memory_store *to, const struct memory_store *from)
{
    for (size_t i = 0; i < from->count; i++) {
        memory_put(to, from->file[i].name, from->file[i].data, from->file[i].len);
        to->file[to->count - 1].hidden = from->file[i].hidden;
    }
}

bool memory_holds(const struct memory_store *mem, size_t from, const void *needle, size_t len)
{
    for (size_t i = from; i < mem->count; i++) {
        if (memmem(mem->file[i].data, mem->file[i].len, needle, len)) {
            return true;
        }
    }
    return false;
}

/* -- the table */

static envelope_status create(void *self, const char *name, uint64_t hint, void **file,
                              envelope_error *err)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    struct memory_writing *w = must(calloc(1, sizeof *w));
    const char *slash = strrchr(name, '/');
    (void)hint;
    (void)err;
    snprintf(w->name, sizeof w->name, "%s", name);
    while (slash && slash > name && slash[-1] != '/') {
        slash--; /* "chains/NAME/": in front of "points/..." */
    }
    snprintf(w->temporary, sizeof w->temporary, "%.*stmp/%08x.0123abcd-77",
             slash ? (int)(slash - name) : 0, name, (unsigned)(uintptr_t)w);
    w->next = mem->under_way;
    mem->under_way = w;
    *file = w;
    return ENVELOPE_OK;
}

static envelope_status append(void *self, void *file, const void *data, size_t len,
                              envelope_error *err)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    struct memory_writing *w = file;
    (void)err;
    if (w->len + len > w->room) {
        w->room = 2 * (w->len + len);
        w->data = must(realloc(w->data, w->room));
    }
    memcpy(w->data + w->len, data, len);
    w->len += len;
    if (mem->after_write) {
        mem->after_write(mem->user, w->name, data, len);
    }
    return ENVELOPE_OK;
}

static envelope_status reread(void *self, void *file, uint64_t offset, void *buf, size_t len,
                              envelope_error *err)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    struct memory_writing *w = file;
    if (mem->before_reread) {
        mem->before_reread(mem->user, w->name, w->data, w->len);
    }
    if (offset > w->len || len > w->len - offset) {
        return envelope_error_set(err, ENVELOPE_E_IO, 0, "read behind the end");
    }
    memcpy(buf, w->data + offset, len);
    return ENVELOPE_OK;
}

static void drop(void *self, void *file)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    struct memory_writing *w = file;
    struct memory_writing **at = &mem->under_way;
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
    free(w->data);
    free(w);
}

static envelope_status finish(void *self, void *file, envelope_error *err)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    struct memory_writing *w = file;
    char name[208];
    envelope_status st = ENVELOPE_OK;
    memcpy(name, w->name, sizeof name);
    if (mem->before_finish) {
        st = mem->before_finish(mem->user, name);
    }
    if (st) {
        envelope_error_set(err, st, 0, "finish was made to fail");
    } else if (find_any(mem, name) && !find_any(mem, name)->hidden) {
        st = envelope_error_set(err, ENVELOPE_E_EXISTS, 0, "it is there already");
    } else {
        memory_put(mem, name, w->data ? w->data : (const uint8_t *)"", w->len);
    }
    drop(self, file);
    if (!st && mem->after_finish) {
        mem->after_finish(mem->user, name);
    }
    return st;
}

static struct memory_writing *find_writing(struct memory_store *mem, const char *temporary)
{
    struct memory_writing *w = mem->under_way;
    while (w && strcmp(w->temporary, temporary) != 0) {
        w = w->next;
    }
    return w;
}

struct reading {
    char name[240]; /* found again by name: others may come and go */
};

static envelope_status open_file(void *self, const char *name, void **file, uint64_t *bytes,
                                 envelope_error *err)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    if (mem->before_open) {
        mem->before_open(mem->user, name);
    }
    struct memory_file *f = memory_find(mem, name);
    struct memory_writing *w = find_writing(mem, name);
    if (!f && !w) {
        return envelope_error_set(err, ENVELOPE_E_NOT_FOUND, 0, "no such object");
    }
    struct reading *r = must(calloc(1, sizeof *r));
    snprintf(r->name, sizeof r->name, "%s", name);
    *file = r;
    *bytes = f ? f->len : w->len;
    mem->opened++;
    return ENVELOPE_OK;
}

static envelope_status read_file(void *self, void *file, uint64_t offset, void *buf, size_t len,
                                 size_t *got, envelope_error *err)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    struct reading *r = file;
    struct memory_file *f = find_any(mem, r->name);
    struct memory_writing *w = find_writing(mem, r->name);
    if (!f && !w) {
        return envelope_error_set(err, ENVELOPE_E_IO, 0, "the object has gone");
    }
    const uint8_t *data = f ? f->data : w->data;
    size_t bytes = f ? f->len : w->len;
    size_t left = offset < bytes ? bytes - (size_t)offset : 0;
    *got = len < left ? len : left;
    if (*got) {
        memcpy(buf, data + offset, *got);
    }
    __atomic_add_fetch(&mem->read, *got, __ATOMIC_RELAXED);
    return ENVELOPE_OK;
}

static void close_file(void *self, void *file)
{
    (void)self;
    free(file);
}

static envelope_status list(void *self, const char *prefix, const char *after,
                            envelope_name_sink *sink, envelope_error *err)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    (void)err;
    if (mem->before_list) {
        mem->before_list(mem->user, prefix);
    }
    for (size_t i = 0; i < mem->count; i++) {
        struct memory_file *f = &mem->file[i];
        if (f->hidden || strncmp(f->name, prefix, strlen(prefix)) != 0 ||
            (after && strcmp(f->name, after) <= 0)) {
            continue;
        }
        envelope_status st = envelope_name_sink_add(sink, f->name, f->len);
        if (st) {
            return st;
        }
    }
    return ENVELOPE_OK;
}

static envelope_status in_progress(void *self, const char *prefix, envelope_name_sink *sink,
                                   envelope_error *err)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    envelope_status st = ENVELOPE_OK;
    (void)err;
    for (struct memory_writing *w = mem->under_way; !st && w; w = w->next) {
        if (mem->shows_writes && !strncmp(w->temporary, prefix, strlen(prefix))) {
            st = envelope_name_sink_add(sink, w->temporary, w->len);
        }
    }
    return st;
}

static envelope_status remove_file(void *self, const char *name, envelope_error *err)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    if (!memory_find(mem, name)) {
        return envelope_error_set(err, ENVELOPE_E_NOT_FOUND, 0, "no such object");
    }
    memory_remove(mem, name);
    return ENVELOPE_OK;
}

static envelope_status overwrite(void *self, const char *name, uint64_t offset, const void *data,
                                 size_t len, envelope_error *err)
{
    struct memory_store *mem = ((struct memory_host *)self)->mem;
    struct memory_file *f = memory_find(mem, name);
    if (!f) {
        return envelope_error_set(err, ENVELOPE_E_NOT_FOUND, 0, "no such object");
    }
    if (offset > f->len || len > f->len - offset) {
        return envelope_error_set(err, ENVELOPE_E_RANGE, 0, "an object does not grow");
    }
    mem->overwritten++;
    envelope_status st = ENVELOPE_OK;
    if (mem->before_overwrite) {
        st = mem->before_overwrite(mem->user, f, offset, data, len);
    }
    if (st) {
        return envelope_error_set(err, st, 0, "overwriting was made to fail");
    }
    if (!mem->overwrite_lies) {
        memcpy(f->data + offset, data, len);
    }
    return ENVELOPE_OK;
}

static void destroy(void *self)
{
    free(self);
}

envelope_store *memory_store_open(envelope_ctx *ctx, struct memory_store *mem)
{
    const envelope_store_ops ops = {
        .size = sizeof ops,
        .kind = "memory",
        .create = create,
        .write = append,
        .reread = reread,
        .finish = finish,
        .abort_write = drop,
        .open = open_file,
        .pread = read_file,
        .close = close_file,
        .list = list,
        .in_progress = in_progress,
        .remove = remove_file,
        .overwrite = overwrite,
        .destroy = destroy,
    };
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_store *store;
    struct memory_host *host = must(calloc(1, sizeof *host));
    host->mem = mem;
    if (envelope_store_new(ctx, &ops, host, &store, &err)) {
        fprintf(stderr, "memory store: %s\n", err.message);
        abort();
    }
    return store;
}
