/* The pool of draws: what a question depends on is drawn once and kept until the call that asked
 * has ended, so that the call repeated asks the same. A draw is one call's at a time, and out of
 * the pool before anything is sealed under it: no two objects share a DEK. */
#include "base/call.h"
#include "base/error.h"
#include "kms/asking.h"
#include <string.h>

struct env_draw {
    struct env_draw *next;
    uint64_t call; /* that has it; 0: none */
    uint64_t last; /* that had it last */
    int32_t purpose;
    uint8_t tag[32];
    envelope_dek *dek;
    size_t places;
    struct env_draw_wrapped place[];
};

static void destroy(envelope_ctx *ctx, struct env_draw *d)
{
    if (d) {
        envelope_dek_free(d->dek);
        env_free(ctx, d);
    }
}

static void unlink_draw(struct env_asking *asking, struct env_draw *d)
{
    struct env_draw **at = &asking->draws;
    while (*at != d) {
        at = &(*at)->next;
    }
    *at = d->next;
    d->next = NULL;
    asking->draw_count--;
}

static envelope_status make(envelope_ctx *ctx, int32_t purpose, const uint8_t tag[32],
                            size_t places, struct env_draw **out, envelope_error *err)
{
    struct env_draw *d = env_alloc(ctx, sizeof *d + places * sizeof d->place[0]);
    if (!d) {
        return env_nomem(err);
    }
    d->purpose = purpose;
    d->places = places;
    memcpy(d->tag, tag, sizeof d->tag);
    envelope_status st = envelope_dek_generate(ctx, &d->dek, err);
    if (st) {
        destroy(ctx, d);
        return st;
    }
    *out = d;
    return ENVELOPE_OK;
}

static struct env_draw *reuse(struct env_asking *asking, int32_t purpose, const uint8_t tag[32],
                              size_t places, uint64_t call)
{
    for (struct env_draw *d = asking->draws; d; d = d->next) {
        bool mine = d->call == 0 || d->call == call;
        if (mine && d->purpose == purpose && d->places == places &&
            !memcmp(d->tag, tag, sizeof d->tag)) {
            d->call = call;
            d->last = call;
            return d;
        }
    }
    return NULL;
}

/* The one that was left longest ago: its call is to be repeated with a fresh one. */
static struct env_draw *oldest(struct env_asking *asking)
{
    struct env_draw *best = NULL;
    for (struct env_draw *d = asking->draws; d; d = d->next) {
        if (!d->call && (!best || d->last < best->last)) {
            best = d;
        }
    }
    return best;
}

static envelope_status keep(struct env_asking *asking, struct env_draw *fresh, uint64_t call,
                            envelope_error *err)
{
    struct env_draw *old = NULL;
    pthread_mutex_lock(&asking->lock);
    bool full = asking->draw_count >= ENV_DRAWS_LIMIT;
    if (full && (old = oldest(asking))) {
        unlink_draw(asking, old);
        full = false;
    }
    if (!full) {
        fresh->call = call;
        fresh->last = call;
        fresh->next = asking->draws;
        asking->draws = fresh;
        asking->draw_count++;
    }
    pthread_mutex_unlock(&asking->lock);
    destroy(asking->ctx, old);
    return full ? env_fail(err, ENVELOPE_E_LIMIT, "more than %d calls wait for one asking KMS",
                           ENV_DRAWS_LIMIT)
                : ENVELOPE_OK;
}

envelope_status env_draw_take(struct env_asking *asking, int32_t purpose, const uint8_t tag[32],
                              size_t places, struct env_draw **out, envelope_error *err)
{
    uint64_t call = env_call_current(asking->ctx);
    *out = NULL;
    if (!call) {
        return ENVELOPE_OK;
    }
    pthread_mutex_lock(&asking->lock);
    *out = reuse(asking, purpose, tag, places, call);
    pthread_mutex_unlock(&asking->lock);
    if (*out) {
        return ENVELOPE_OK;
    }
    struct env_draw *fresh = NULL;
    envelope_status st = make(asking->ctx, purpose, tag, places, &fresh, err);
    if (st) {
        return st;
    }
    st = keep(asking, fresh, call, err);
    if (st) {
        destroy(asking->ctx, fresh);
        return st;
    }
    *out = fresh;
    return ENVELOPE_OK;
}

const envelope_dek *env_draw_dek(const struct env_draw *draw)
{
    return draw->dek;
}

struct env_draw_wrapped *env_draw_place(struct env_draw *draw, size_t i)
{
    return &draw->place[i];
}

void env_draw_spend(struct env_asking *asking, struct env_draw *draw)
{
    pthread_mutex_lock(&asking->lock);
    unlink_draw(asking, draw);
    pthread_mutex_unlock(&asking->lock);
    destroy(asking->ctx, draw);
}

void env_draws_settle(struct env_asking *asking, uint64_t call, bool again)
{
    struct env_draw *gone = NULL;
    pthread_mutex_lock(&asking->lock);
    for (struct env_draw *d = asking->draws, *next; d; d = next) {
        next = d->next;
        bool stale = !d->call && d->last + ENV_STALE_CALLS < call;
        if (d->call != call && !stale) {
            continue;
        }
        d->call = 0;
        if (stale || !again) {
            unlink_draw(asking, d);
            d->next = gone;
            gone = d;
        }
    }
    pthread_mutex_unlock(&asking->lock);
    for (struct env_draw *next; gone; gone = next) {
        next = gone->next;
        destroy(asking->ctx, gone);
    }
}

void env_draws_free(struct env_asking *asking)
{
    for (struct env_draw *d = asking->draws, *next; d; d = next) {
        next = d->next;
        destroy(asking->ctx, d);
    }
    asking->draws = NULL;
}
