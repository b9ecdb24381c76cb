/* base/call.h - which public call a thread is in: what a call leaves in a handle that threads share
 * (an asking KMS's questions) is told apart by it. */
#ifndef ENV_BASE_CALL_H
#define ENV_BASE_CALL_H
#include "base/context.h"

/* Lies on the stack of the public call. Calls may be nested: a callback may call the library. */
struct env_call {
    struct env_call *outer; /* the next in the context's list */
    envelope_ctx *ctx;
    uint64_t id; /* rising from 1, never given twice */
    pthread_t thread;
};
void env_call_begin(envelope_ctx *ctx, struct env_call *call);
void env_call_end(struct env_call *call);
/* The innermost call of this thread; 0: none is under way. */
uint64_t env_call_current(envelope_ctx *ctx);
#endif
