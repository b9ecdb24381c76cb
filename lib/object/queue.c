#include "object/queue.h"
#include "base/bytes.h"
#include "base/error.h"
#include <pthread.h>
#include <string.h>

enum { QUEUE_BYTES = 4 << 20, TAKE_BYTES = 1 << 20 };

struct env_queue {
    envelope_ctx *ctx; /* retained */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint8_t *ring; /* QUEUE_BYTES */
    size_t from;
    size_t len;
    bool taken; /* somebody is, or was, in env_queue_run */
    bool ended;
    bool left; /* the taker is gone */
    bool cancelled;
    envelope_status failed; /* the taker's */
    envelope_error why;
};

envelope_status env_queue_new(envelope_ctx *ctx, struct env_queue **out, envelope_error *err)
{
    *out = NULL;
    struct env_queue *q = env_alloc(ctx, sizeof *q);
    uint8_t *ring = q ? env_alloc(ctx, QUEUE_BYTES) : NULL;
    if (!ring) {
        env_free(ctx, q);
        return env_nomem(err);
    }
    q->ctx = env_ctx_retain(ctx);
    q->ring = ring;
    q->why.size = sizeof q->why;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->moved, NULL);
    *out = q;
    return ENVELOPE_OK;
}

void env_queue_free(struct env_queue *q)
{
    if (!q) {
        return;
    }
    envelope_ctx *ctx = q->ctx;
    pthread_cond_destroy(&q->moved);
    pthread_mutex_destroy(&q->lock);
    env_wipe(q->ring, QUEUE_BYTES);
    env_free(ctx, q->ring);
    env_free(ctx, q);
    env_ctx_release(ctx);
}

/* Under the lock. */
static envelope_status state(const struct env_queue *q, envelope_error *err)
{
    if (q->failed) {
        return env_error_pass(err, q->failed, &q->why);
    }
    return q->cancelled ? env_fail(err, ENVELOPE_E_CANCELLED, "the writer was cancelled")
                        : ENVELOPE_OK;
}

/* A copy into the free part, which may lie on both sides of the ring's end. */
static size_t copy_in(struct env_queue *q, const uint8_t *data, size_t len)
{
    size_t room = QUEUE_BYTES - q->len;
    size_t at = (q->from + q->len) % QUEUE_BYTES;
    size_t n = len < room ? len : room;
    n = n < QUEUE_BYTES - at ? n : QUEUE_BYTES - at;
    memcpy(q->ring + at, data, n);
    q->len += n;
    return n;
}

envelope_status env_queue_put(struct env_queue *q, const void *data, size_t len,
                              envelope_error *err)
{
    const uint8_t *p = data;
    pthread_mutex_lock(&q->lock);
    envelope_status st = state(q, err);
    while (!st && len) {
        size_t n = copy_in(q, p, len);
        p += n;
        len -= n;
        if (n) {
            pthread_cond_broadcast(&q->moved);
        } else {
            pthread_cond_wait(&q->moved, &q->lock);
        }
        st = state(q, err);
    }
    pthread_mutex_unlock(&q->lock);
    return st;
}

envelope_status env_queue_end(struct env_queue *q, envelope_error *err)
{
    pthread_mutex_lock(&q->lock);
    q->ended = true;
    pthread_cond_broadcast(&q->moved);
    envelope_status st = state(q, err);
    while (!st && !q->left) {
        pthread_cond_wait(&q->moved, &q->lock);
        st = state(q, err);
    }
    pthread_mutex_unlock(&q->lock);
    return st;
}

void env_queue_cancel(struct env_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->cancelled = true;
    pthread_cond_broadcast(&q->moved);
    pthread_mutex_unlock(&q->lock);
}

/* The next piece, without a copy: what is in the ring stays there until it was taken. 0: no more.
 */
static size_t next(struct env_queue *q, const uint8_t **data)
{
    pthread_mutex_lock(&q->lock);
    while (!q->len && !q->ended && !q->cancelled) {
        pthread_cond_wait(&q->moved, &q->lock);
    }
    size_t n = q->cancelled ? 0 : q->len;
    n = n < QUEUE_BYTES - q->from ? n : QUEUE_BYTES - q->from;
    *data = q->ring + q->from;
    pthread_mutex_unlock(&q->lock);
    return n < TAKE_BYTES ? n : TAKE_BYTES;
}

static void took(struct env_queue *q, size_t n)
{
    pthread_mutex_lock(&q->lock);
    q->from = (q->from + n) % QUEUE_BYTES;
    q->len -= n;
    pthread_cond_broadcast(&q->moved);
    pthread_mutex_unlock(&q->lock);
}

static envelope_status enter(struct env_queue *q, envelope_error *err)
{
    pthread_mutex_lock(&q->lock);
    bool first = !q->taken;
    q->taken = true;
    pthread_mutex_unlock(&q->lock);
    return first ? ENVELOPE_OK
                 : env_fail(err, ENVELOPE_E_INVALID, "a thread was lent to this writer already");
}

static envelope_status leave(struct env_queue *q, envelope_status st, const envelope_error *why,
                             envelope_error *err)
{
    pthread_mutex_lock(&q->lock);
    q->failed = st;
    q->why = *why;
    st = state(q, err);
    q->left = true;
    pthread_cond_broadcast(&q->moved);
    pthread_mutex_unlock(&q->lock);
    return st;
}

envelope_status env_queue_run(struct env_queue *q,
                              envelope_status (*take)(void *user, const void *data, size_t len,
                                                      envelope_error *err),
                              void *user, envelope_error *err)
{
    envelope_error why = ENVELOPE_ERROR_INIT;
    const uint8_t *data;
    size_t n = 1;
    envelope_status st = enter(q, err);
    if (st) {
        return st;
    }
    while (!st && (n = next(q, &data)) > 0) {
        st = take(user, data, n, &why);
        took(q, n);
    }
    return leave(q, st, &why, err);
}
