/* base/context.h - what every handle stands on: allocator, arena, callbacks. envelope_ctx_new
 * itself is in crypto/context.c, because a context also holds what that room fetched. */
#ifndef ENV_BASE_CONTEXT_H
#define ENV_BASE_CONTEXT_H
#include "base/arena.h"
#include <envelope/base.h>
#include <pthread.h>
#include <stdatomic.h>

struct env_crypto; /* crypto/context.h */
struct env_call;   /* base/call.h */

struct envelope_ctx {
    atomic_uint refs;
    uint32_t reserved;
    envelope_ctx_options options; /* defaults filled in */
    struct env_arena *arena;
    struct env_crypto *crypto;
    envelope_ctx_info info;
    pthread_mutex_t calls_lock;
    struct env_call *calls; /* under way, of all threads */
    uint64_t last_call;
};

/* Context without its crypto part. */
envelope_status env_ctx_make(const envelope_ctx_options *options, envelope_ctx **out,
                             envelope_error *err);
void env_ctx_unmake(envelope_ctx *ctx);
envelope_ctx *env_ctx_retain(envelope_ctx *ctx);
/* = envelope_ctx_free */
void env_ctx_release(envelope_ctx *ctx);

/* The first line of every public function: E_INVALID for NULL, and in a child of fork. */
envelope_status env_enter(const envelope_ctx *ctx, envelope_error *err);

/* Zeroed; NULL when there is none. The caller's allocator, so never for secrets. */
void *env_alloc(envelope_ctx *ctx, size_t len);
/* count * size, NULL on overflow. */
void *env_alloc_array(envelope_ctx *ctx, size_t count, size_t size);
/* A copy with a NUL behind it. */
char *env_strndup(envelope_ctx *ctx, const char *text, size_t len);
char *env_strdup(envelope_ctx *ctx, const char *text); /* NULL stays NULL */
void env_free(envelope_ctx *ctx, void *p);

/* Secrets: the arena. E_NOMEM names ctx_options.locked_kib. */
envelope_status env_secret_new(envelope_ctx *ctx, size_t len, void *out_pointer,
                               envelope_error *err);
void env_secret_free(envelope_ctx *ctx, void *p, size_t len);

envelope_status env_nomem(envelope_error *err);

__attribute__((format(printf, 3, 4))) void env_log(const envelope_ctx *ctx, int32_t level,
                                                   const char *format, ...);
int64_t env_now_ms(void);

/* Options structs: size 0, above 4096 or a nonzero byte in an unknown tail is E_INVALID; what is
 * known is copied to out (known bytes, zeroed first). NULL in: all defaults. what names the struct.
 */
envelope_status env_options(const void *in, void *out, size_t known, const char *what,
                            envelope_error *err);
#endif
