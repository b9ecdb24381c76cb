#include "object/window.h"
#include "base/error.h"
#include "crypto/chunked.h"
#include <pthread.h>
#include <string.h>

/* bit n mod 2^20 tells of number n, for the 2^20 numbers below the highest; the highest itself is
 * taken by being it. */
struct env_window {
    envelope_ctx *ctx;
    pthread_mutex_t lock;
    bool any;   /* something was taken */
    bool ended; /* end is the payload's last chunk */
    uint64_t highest;
    uint64_t end;
    uint8_t bits[ENV_WINDOW_CHUNKS / 8];
};

envelope_status env_window_new(envelope_ctx *ctx, struct env_window **out, envelope_error *err)
{
    *out = NULL;
    struct env_window *w = env_alloc(ctx, sizeof *w);
    if (!w) {
        return env_nomem(err);
    }
    w->ctx = env_ctx_retain(ctx);
    pthread_mutex_init(&w->lock, NULL);
    *out = w;
    return ENVELOPE_OK;
}

void env_window_free(struct env_window *window)
{
    if (!window) {
        return;
    }
    envelope_ctx *ctx = window->ctx;
    pthread_mutex_destroy(&window->lock);
    env_free(ctx, window);
    env_ctx_release(ctx);
}

static bool bit(const struct env_window *w, uint64_t number)
{
    uint64_t at = number % ENV_WINDOW_CHUNKS;
    return w->bits[at / 8] >> at % 8 & 1;
}

static void set_bit(struct env_window *w, uint64_t number, bool on)
{
    uint64_t at = number % ENV_WINDOW_CHUNKS;
    uint8_t mask = (uint8_t)(1u << at % 8);
    w->bits[at / 8] = (uint8_t)(on ? w->bits[at / 8] | mask : w->bits[at / 8] & ~mask);
}

static envelope_status check_one(const struct env_window *w, uint64_t number, envelope_error *err)
{
    if (!w->any || number > w->highest) {
        return ENVELOPE_OK;
    }
    if (w->highest - number > ENV_WINDOW_CHUNKS) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "chunk %llu lies more than 2^20 below the highest given (%llu)",
                        (unsigned long long)number, (unsigned long long)w->highest);
    }
    if (number == w->highest || bit(w, number)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "chunk %llu was given before: sealing it again would give the key away",
                        (unsigned long long)number);
    }
    return ENVELOPE_OK;
}

static envelope_status check_end(const struct env_window *w, uint64_t top, bool last,
                                 envelope_error *err)
{
    if (w->ended && (last || top >= w->end)) {
        return env_fail(err, ENVELOPE_E_INVALID, "the payload ends with chunk %llu",
                        (unsigned long long)w->end);
    }
    if (last && w->any && w->highest >= top) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "the payload cannot end with chunk %llu: chunk %llu was given",
                        (unsigned long long)top, (unsigned long long)w->highest);
    }
    return ENVELOPE_OK;
}

/* What was the highest becomes a bit; the numbers between it and top are free. */
static void rise_to(struct env_window *w, uint64_t top)
{
    if (w->any && top - w->highest > ENV_WINDOW_CHUNKS) {
        memset(w->bits, 0, sizeof w->bits);
    } else if (w->any) {
        set_bit(w, w->highest, true);
        for (uint64_t n = w->highest + 1; n < top; n++) {
            set_bit(w, n, false);
        }
    }
    w->highest = top;
    w->any = true;
}

static void mark(struct env_window *w, uint64_t first, uint64_t top)
{
    if (!w->any || top > w->highest) {
        rise_to(w, top);
    }
    uint64_t lowest = w->highest > ENV_WINDOW_CHUNKS ? w->highest - ENV_WINDOW_CHUNKS : 0;
    for (uint64_t n = first < lowest ? lowest : first; n <= top; n++) {
        if (n != w->highest) {
            set_bit(w, n, true);
        }
    }
}

static envelope_status take_locked(struct env_window *w, uint64_t first, uint64_t top, bool last,
                                   envelope_error *err)
{
    envelope_status st = check_end(w, top, last, err);
    for (uint64_t n = first; !st && n <= top && w->any && n <= w->highest; n++) {
        st = check_one(w, n, err);
    }
    if (st) {
        return st;
    }
    mark(w, first, top);
    if (last) {
        w->ended = true;
        w->end = top;
    }
    return ENVELOPE_OK;
}

envelope_status env_window_take(struct env_window *window, uint64_t first, uint64_t count,
                                bool last, envelope_error *err)
{
    if (first >= ENV_CHUNKS_MAX || count > ENV_CHUNKS_MAX - first) {
        return env_fail(err, ENVELOPE_E_LIMIT, "a payload ends at 2^38 chunks");
    }
    pthread_mutex_lock(&window->lock);
    envelope_status st = take_locked(window, first, first + count - 1, last, err);
    pthread_mutex_unlock(&window->lock);
    return st;
}
