#include "base/call.h"

void env_call_begin(envelope_ctx *ctx, struct env_call *call)
{
    call->ctx = ctx;
    call->thread = pthread_self();
    pthread_mutex_lock(&ctx->calls_lock);
    call->id = ++ctx->last_call;
    call->outer = ctx->calls;
    ctx->calls = call;
    pthread_mutex_unlock(&ctx->calls_lock);
}

void env_call_end(struct env_call *call)
{
    envelope_ctx *ctx = call->ctx;
    pthread_mutex_lock(&ctx->calls_lock);
    struct env_call **at = &ctx->calls;
    while (*at != call) {
        at = &(*at)->outer;
    }
    *at = call->outer;
    pthread_mutex_unlock(&ctx->calls_lock);
}

uint64_t env_call_current(envelope_ctx *ctx)
{
    uint64_t id = 0;
    pthread_mutex_lock(&ctx->calls_lock);
    for (const struct env_call *c = ctx->calls; c && !id; c = c->outer) {
        id = pthread_equal(c->thread, pthread_self()) ? c->id : 0;
    }
    pthread_mutex_unlock(&ctx->calls_lock);
    return id;
}
