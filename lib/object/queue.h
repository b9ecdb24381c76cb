/* object/queue.h - plaintext on its way from the thread that gives it to the one that seals and
 * writes it: bounded, so that memory is. One putter, one taker. */
#ifndef ENV_OBJECT_QUEUE_H
#define ENV_OBJECT_QUEUE_H
#include "base/context.h"

struct env_queue;
envelope_status env_queue_new(envelope_ctx *ctx, struct env_queue **out, envelope_error *err);
void env_queue_free(struct env_queue *queue); /* wiped; nobody is in it any more */

/* Waits for room. Fails as the taker failed, or E_CANCELLED. */
envelope_status env_queue_put(struct env_queue *queue, const void *data, size_t len,
                              envelope_error *err);
/* No more comes; waits until all was taken, if somebody takes. */
envelope_status env_queue_end(struct env_queue *queue, envelope_error *err);
/* Nothing more goes through; also ends a taker. Any thread. */
void env_queue_cancel(struct env_queue *queue);

/* Gives all that comes to `take`, until the end, a failure, or cancel. E_INVALID: somebody takes
 * already. */
envelope_status env_queue_run(struct env_queue *queue,
                              envelope_status (*take)(void *user, const void *data, size_t len,
                                                      envelope_error *err),
                              void *user, envelope_error *err);
#endif
