#include "store/store.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "store/handle.h"
#include <stdio.h>
#include <string.h>

static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* One name between slashes: neither empty, nor a dot, nor two. */
static bool part_ok(const char *part, size_t len)
{
    bool dots = (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.');
    for (size_t i = 0; i < len; i++) {
        if (!name_byte(part[i])) {
            return false;
        }
    }
    return len > 0 && !dots;
}

bool env_store_name_valid(const char *name)
{
    if (!name || strnlen(name, ENV_STORE_NAME_MAX + 1) > ENV_STORE_NAME_MAX) {
        return false;
    }
    for (;;) {
        size_t len = strcspn(name, "/");
        if (!part_ok(name, len)) {
            return false;
        }
        if (!name[len]) {
            return true;
        }
        name += len + 1;
    }
}

envelope_status env_store_check_name(const char *name, envelope_error *err)
{
    char safe[ENV_PRINTABLE_MAX];
    return env_store_name_valid(name)
               ? ENVELOPE_OK
               : env_fail(err, ENVELOPE_E_INVALID, "%s is no name of an object in a store",
                          env_printable(safe, name));
}

/* Whole members only: a size that ends within a pointer must not give us half of one. */
static envelope_status take_table(const envelope_store_ops *ops, envelope_store_ops *out,
                                  envelope_error *err)
{
    memset(out, 0, sizeof *out);
    if (!ops) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_store_new: ops is NULL");
    }
    if (ops->size < sizeof ops->size || ops->size > 4096) {
        return env_fail(err, ENVELOPE_E_INVALID, "store_ops.size is %zu", ops->size);
    }
    size_t whole = ops->size - ops->size % sizeof(void *);
    memcpy(out, ops, whole < sizeof *out ? whole : sizeof *out);
    if (ops->size > sizeof *out &&
        !env_all_zero((const uint8_t *)ops + sizeof *out, ops->size - sizeof *out)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "store_ops has a member that this library does not know: it is too old");
    }
    return ENVELOPE_OK;
}

static envelope_status check_table(const envelope_store_ops *ops, envelope_error *err)
{
    if (!ops->open || !ops->pread || !ops->close || !ops->list) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "store_ops: open, pread, close and list are needed");
    }
    bool writes = ops->create && ops->write && ops->reread && ops->finish && ops->abort_write;
    if (!writes && (ops->create || ops->write || ops->reread || ops->finish || ops->abort_write)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "store_ops: create, write, reread, finish and abort_write go together");
    }
    return ENVELOPE_OK;
}

static envelope_status make(envelope_ctx *ctx, const envelope_store_ops *ops, void *self, bool own,
                            envelope_store **out, envelope_error *err)
{
    envelope_store *store = env_alloc(ctx, sizeof *store);
    if (!store) {
        return env_nomem(err);
    }
    char kind[ENV_PRINTABLE_MAX];
    env_printable(kind, ops->kind ? ops->kind : "store");
    snprintf(store->kind, sizeof store->kind, "%.*s",
             (int)env_utf8_prefix(kind, sizeof store->kind - 1), kind);
    atomic_init(&store->refs, 1);
    store->ctx = env_ctx_retain(ctx);
    store->ops = *ops;
    store->self = self;
    store->own = own;
    *out = store;
    return ENVELOPE_OK;
}

static envelope_status new_store(envelope_ctx *ctx, const envelope_store_ops *ops, void *self,
                                 bool own, envelope_store **out, envelope_error *err)
{
    envelope_store_ops table;
    envelope_status st = take_table(ops, &table, err);
    st = st ? st : check_table(&table, err);
    st = st ? st : env_enter(ctx, err);
    if (!st && !out) {
        st = env_fail(err, ENVELOPE_E_INVALID, "envelope_store_new: out is NULL");
    }
    st = st ? st : make(ctx, &table, self, own, out, err);
    if (st && table.destroy) {
        table.destroy(self);
    }
    return st;
}

envelope_status envelope_store_new(envelope_ctx *ctx, const envelope_store_ops *ops, void *self,
                                   envelope_store **out, envelope_error *err)
{
    if (out) {
        *out = NULL;
    }
    return new_store(ctx, ops, self, false, out, err);
}

envelope_status env_store_new_own(envelope_ctx *ctx, const envelope_store_ops *ops, void *self,
                                  envelope_store **out, envelope_error *err)
{
    return new_store(ctx, ops, self, true, out, err);
}

envelope_store *env_store_retain(envelope_store *store)
{
    atomic_fetch_add_explicit(&store->refs, 1, memory_order_relaxed);
    return store;
}

void envelope_store_free(envelope_store *store)
{
    if (!store || atomic_fetch_sub_explicit(&store->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    envelope_ctx *ctx = store->ctx;
    if (store->ops.destroy) {
        store->ops.destroy(store->self);
    }
    env_free(ctx, store);
    env_ctx_release(ctx);
}

envelope_ctx *env_store_ctx(const envelope_store *store)
{
    return store->ctx;
}

bool env_store_writable(const envelope_store *store)
{
    return store->ops.create != NULL;
}

/* Statuses that say something about a store. Any other, E_AUTH or E_NO_KEY say, would be taken for
 * a verdict on an object. */
static bool may_return(envelope_status st)
{
    static const envelope_status allowed[] = {
        ENVELOPE_E_EXISTS, ENVELOPE_E_NOT_FOUND, ENVELOPE_E_NO_SPACE, ENVELOPE_E_IO,
        ENVELOPE_E_BUSY,   ENVELOPE_E_REFUSED,   ENVELOPE_E_NOMEM,    ENVELOPE_E_LIMIT,
    };
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (st == allowed[i]) {
            return true;
        }
    }
    return false;
}

envelope_status env_store_failed(const envelope_store *store, const char *call, envelope_status st,
                                 envelope_error *said, envelope_error *err)
{
    if (store->own) {
        return env_error_pass(err, st, said);
    }
    char text[ENV_PRINTABLE_MAX];
    said->message[sizeof said->message - 1] = 0;
    env_printable(text, said->message[0] ? said->message : "no reason given");
    if (!may_return(st)) {
        return env_fail(err, ENVELOPE_E_CALLBACK,
                        "%s: its `%s` returned %d (%s), which it may not: %s", store->kind, call,
                        st, envelope_status_name(st), text);
    }
    env_fail(err, st, "%s: %s", store->kind, text);
    env_error_origin(err, ENVELOPE_ORIGIN_CALLER, said->native);
    return st;
}

envelope_status env_store_no_deed(const envelope_store *store, const char *call, const char *what,
                                  envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_CALLBACK, "%s: its `%s` returned OK and %s", store->kind, call,
                    what);
}

envelope_status env_store_not_offered(const envelope_store *store, const char *what,
                                      envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_REFUSED, "%s does not %s", store->kind, what);
}
