#include "base/context.h"
#include "base/bytes.h"
#include "base/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOCKED_KIB = 256, LOCKED_KIB_MAX = 65536 };

static void *own_alloc(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void own_release(void *user, void *p)
{
    (void)user;
    free(p);
}

static envelope_status check(const envelope_ctx_options *o, envelope_error *err)
{
    if (o->flags & ~(uint32_t)ENVELOPE_CTX_REQUIRE_MLOCK) {
        return env_fail(err, ENVELOPE_E_INVALID, "ctx_options.flags: unknown bit");
    }
    if (!o->alloc != !o->release) {
        return env_fail(err, ENVELOPE_E_INVALID, "ctx_options: alloc and release go together");
    }
    if (o->locked_kib > LOCKED_KIB_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "ctx_options.locked_kib: at most %d",
                        LOCKED_KIB_MAX);
    }
    return ENVELOPE_OK;
}

envelope_status env_ctx_make(const envelope_ctx_options *options, envelope_ctx **out,
                             envelope_error *err)
{
    envelope_ctx_options o;
    envelope_status st = env_options(options, &o, sizeof o, "ctx_options", err);
    st = st ? st : check(&o, err);
    if (st) {
        return st;
    }
    o.locked_kib = o.locked_kib ? o.locked_kib : LOCKED_KIB;
    o.alloc = o.alloc ? o.alloc : own_alloc;
    o.release = o.release ? o.release : own_release;
    envelope_ctx *ctx = o.alloc(o.user, sizeof *ctx);
    if (!ctx) {
        return env_nomem(err);
    }
    memset(ctx, 0, sizeof *ctx);
    atomic_init(&ctx->refs, 1);
    pthread_mutex_init(&ctx->calls_lock, NULL);
    ctx->options = o;
    bool locked;
    st = env_arena_new((size_t)o.locked_kib * 1024, o.flags & ENVELOPE_CTX_REQUIRE_MLOCK,
                       &ctx->arena, &locked, err);
    if (st) {
        env_ctx_unmake(ctx);
        return st;
    }
    ctx->info.size = sizeof ctx->info;
    ctx->info.version = ENVELOPE_VERSION_TEXT;
    ctx->info.memory_locked = locked;
    ctx->info.locked_kib = o.locked_kib;
    if (!locked) {
        env_log(ctx, 4, "memory for secrets is not locked: RLIMIT_MEMLOCK is too low for %u KiB",
                o.locked_kib);
    }
    *out = ctx;
    return ENVELOPE_OK;
}

void env_ctx_unmake(envelope_ctx *ctx)
{
    env_arena_free(ctx->arena);
    pthread_mutex_destroy(&ctx->calls_lock);
    ctx->options.release(ctx->options.user, ctx);
}

envelope_ctx *env_ctx_retain(envelope_ctx *ctx)
{
    atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

envelope_status env_enter(const envelope_ctx *ctx, envelope_error *err)
{
    if (!ctx) {
        return env_fail(err, ENVELOPE_E_INVALID, "a handle is NULL");
    }
    if (env_arena_lost(ctx->arena)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "this process is a fork of the one that made the context: the secrets are "
                        "gone; make a new context");
    }
    return ENVELOPE_OK;
}

void *env_alloc(envelope_ctx *ctx, size_t len)
{
    void *p = ctx->options.alloc(ctx->options.user, len ? len : 1);
    if (p) {
        memset(p, 0, len ? len : 1);
    }
    return p;
}

void *env_alloc_array(envelope_ctx *ctx, size_t count, size_t size)
{
    size_t len;
    return __builtin_mul_overflow(count, size, &len) ? NULL : env_alloc(ctx, len);
}

char *env_strndup(envelope_ctx *ctx, const char *text, size_t len)
{
    char *copy = env_alloc(ctx, len + 1);
    if (copy && len) {
        memcpy(copy, text, len);
    }
    return copy;
}

char *env_strdup(envelope_ctx *ctx, const char *text)
{
    return text ? env_strndup(ctx, text, strlen(text)) : NULL;
}

void env_free(envelope_ctx *ctx, void *p)
{
    if (p) {
        ctx->options.release(ctx->options.user, p);
    }
}

envelope_status env_secret_new(envelope_ctx *ctx, size_t len, void *out_pointer,
                               envelope_error *err)
{
    void *p = env_arena_take(ctx->arena, len);
    memcpy(out_pointer, &p, sizeof p);
    if (!p) {
        return env_fail(err, ENVELOPE_E_NOMEM,
                        "the %u KiB of memory for secrets are full: raise ctx_options.locked_kib",
                        ctx->info.locked_kib);
    }
    return ENVELOPE_OK;
}

void env_secret_free(envelope_ctx *ctx, void *p, size_t len)
{
    env_arena_give(ctx->arena, p, len);
}

envelope_status env_nomem(envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_NOMEM, "out of memory");
}

void env_log(const envelope_ctx *ctx, int32_t level, const char *format, ...)
{
    if (!ctx->options.log) {
        return;
    }
    char line[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    ctx->options.log(ctx->options.user, level, line);
}

int64_t env_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

envelope_status env_options(const void *in, void *out, size_t known, const char *what,
                            envelope_error *err)
{
    memset(out, 0, known);
    if (!in) {
        return ENVELOPE_OK;
    }
    size_t size;
    memcpy(&size, in, sizeof size);
    if (size < sizeof size || size > 4096) {
        return env_fail(err, ENVELOPE_E_INVALID, "%s.size is %zu", what, size);
    }
    if (size > known && !env_all_zero((const uint8_t *)in + known, size - known)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "%s has a member that this library does not know: it is too old", what);
    }
    memcpy(out, in, size < known ? size : known);
    return ENVELOPE_OK;
}

uint32_t envelope_version(void)
{
    return ENVELOPE_VERSION_NUMBER;
}

const envelope_ctx_info *envelope_ctx_describe(const envelope_ctx *ctx)
{
    return ctx ? &ctx->info : NULL;
}
