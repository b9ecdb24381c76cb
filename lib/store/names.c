#include "base/error.h"
#include "base/text.h"
#include "store/handle.h"
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 1u << 22 };

/* The first mistake sticks, so that a store which ignores what _add returned is caught all the
 * same. */
struct envelope_name_sink {
    struct env_names *names;
    const char *prefix;
    envelope_status failed;
    envelope_error why;
};

static envelope_status grow(struct env_names *names, envelope_error *err)
{
    size_t room = names->room ? 2 * names->room : 64;
    struct env_name *item = env_alloc_array(names->ctx, room, sizeof *item);
    if (!item) {
        return env_nomem(err);
    }
    if (names->count) {
        memcpy(item, names->item, names->count * sizeof *item);
    }
    env_free(names->ctx, names->item);
    names->item = item;
    names->room = room;
    return ENVELOPE_OK;
}

static envelope_status keep(struct env_names *names, const char *name, uint64_t bytes,
                            envelope_error *err)
{
    if (names->count >= NAMES_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "more than %u names", NAMES_MAX);
    }
    envelope_status st = names->count == names->room ? grow(names, err) : ENVELOPE_OK;
    if (st) {
        return st;
    }
    char *copy = env_strdup(names->ctx, name);
    if (!copy) {
        return env_nomem(err);
    }
    names->item[names->count++] = (struct env_name){copy, bytes};
    return ENVELOPE_OK;
}

static envelope_status add(struct envelope_name_sink *sink, const char *name, uint64_t bytes,
                           envelope_error *err)
{
    char safe[ENV_PRINTABLE_MAX];
    if (!env_store_name_valid(name) || strncmp(name, sink->prefix, strlen(sink->prefix)) != 0) {
        return env_fail(err, ENVELOPE_E_INVALID, "%s, which is no name below %s",
                        env_printable(safe, name), sink->prefix);
    }
    return keep(sink->names, name, bytes, err);
}

envelope_status envelope_name_sink_add(envelope_name_sink *sink, const char *name, uint64_t bytes)
{
    if (!sink) {
        return ENVELOPE_E_INVALID;
    }
    if (!sink->failed) {
        sink->failed = add(sink, name, bytes, &sink->why);
    }
    return sink->failed;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct env_name *)a)->name, ((const struct env_name *)b)->name);
}

static void sort(struct env_names *names)
{
    size_t kept = 0;
    if (names->count) {
        qsort(names->item, names->count, sizeof *names->item, by_bytes);
    }
    for (size_t i = 0; i < names->count; i++) {
        if (kept && !strcmp(names->item[kept - 1].name, names->item[i].name)) {
            env_free(names->ctx, names->item[i].name);
            continue;
        }
        names->item[kept++] = names->item[i];
    }
    names->count = kept;
}

/* A mistake in what was put into the sink weighs more than what the callback then returned. */
static envelope_status filled(const envelope_store *store, const char *call,
                              const struct envelope_name_sink *sink, envelope_status st,
                              envelope_error *said, envelope_error *err)
{
    if (sink->failed == ENVELOPE_E_NOMEM) {
        return env_nomem(err);
    }
    if (sink->failed) {
        bool limit = sink->failed == ENVELOPE_E_LIMIT;
        return env_fail(err, limit ? ENVELOPE_E_LIMIT : ENVELOPE_E_CALLBACK, "%s: its `%s` gave %s",
                        store->kind, call, sink->why.message);
    }
    return st ? env_store_failed(store, call, st, said, err) : ENVELOPE_OK;
}

static envelope_status begin(envelope_store *store, const char *prefix,
                             struct envelope_name_sink *sink, struct env_names *out,
                             envelope_error *err)
{
    memset(out, 0, sizeof *out);
    memset(sink, 0, sizeof *sink);
    out->ctx = store->ctx;
    sink->names = out;
    sink->prefix = prefix ? prefix : "";
    sink->why.size = sizeof sink->why;
    size_t len = strnlen(sink->prefix, ENV_STORE_NAME_MAX + 1);
    char name[ENV_STORE_NAME_MAX + 2];
    if (len >= ENV_STORE_NAME_MAX) {
        return env_store_check_name("", err);
    }
    /* a prefix is a name that may end early: at a slash, or before its first byte */
    memcpy(name, sink->prefix, len);
    memcpy(name + len, "x", 2);
    return env_store_check_name(name, err);
}

envelope_status env_store_list(envelope_store *store, const char *prefix, struct env_names *out,
                               envelope_error *err)
{
    struct envelope_name_sink sink;
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_status st = begin(store, prefix, &sink, out, err);
    if (st) {
        return st;
    }
    st = store->ops.list(store->self, sink.prefix, NULL, &sink, &said);
    st = filled(store, "list", &sink, st, &said, err);
    if (st) {
        env_names_free(out);
        return st;
    }
    sort(out);
    return ENVELOPE_OK;
}

envelope_status env_store_in_progress(envelope_store *store, const char *prefix,
                                      struct env_names *out, bool *known, envelope_error *err)
{
    struct envelope_name_sink sink;
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_status st = begin(store, prefix, &sink, out, err);
    *known = !st && store->ops.in_progress;
    if (!*known) {
        return st;
    }
    st = store->ops.in_progress(store->self, sink.prefix, &sink, &said);
    st = filled(store, "in_progress", &sink, st, &said, err);
    if (st) {
        *known = false;
        env_names_free(out);
        return st;
    }
    sort(out);
    return ENVELOPE_OK;
}

void env_names_free(struct env_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        env_free(names->ctx, names->item[i].name);
    }
    if (names->item) {
        env_free(names->ctx, names->item);
    }
    names->item = NULL;
    names->count = names->room = 0;
}
