/* The table of questions. A question belongs to the public call that looked at it last; what is
 * looked at outside of the lock is pinned. */
#include "base/bytes.h"
#include "base/call.h"
#include "base/error.h"
#include "keys/ref.h"
#include "kms/asking.h"
#include <string.h>

struct env_ask {
    struct env_ask *next;
    envelope_question question;
    envelope_key_ref *key;
    uint8_t *in; /* of WRAP: in the arena */
    uint64_t call;
    uint32_t pins;
    bool handed;    /* to the caller, who may hold a pointer to it until he has answered */
    bool answered;  /* answer does not change any more */
    bool withdrawn; /* the call that asked has ended */
    struct env_answer answer;
    char *message;
    envelope_key_ref *found;
    uint8_t *bytes; /* in the arena */
};

static bool is_secret(const envelope_question *q)
{
    return q->kind == ENVELOPE_ASK_WRAP;
}

static void destroy(envelope_ctx *ctx, struct env_ask *a)
{
    if (!a) {
        return;
    }
    env_secret_free(ctx, a->bytes, a->answer.len);
    if (is_secret(&a->question)) {
        env_secret_free(ctx, a->in, a->question.in_len);
    } else {
        env_free(ctx, a->in);
    }
    env_free(ctx, a->key);
    env_free(ctx, a->found);
    env_free(ctx, a->message);
    env_free(ctx, a);
}

static void destroy_all(envelope_ctx *ctx, struct env_ask *list)
{
    while (list) {
        struct env_ask *next = list->next;
        destroy(ctx, list);
        list = next;
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool same_key(const envelope_key_ref *a, const envelope_key_ref *b)
{
    return same_text(a->kms_id, b->kms_id) && same_text(a->key_name, b->key_name) &&
           same_text(a->key_id, b->key_id) && a->version == b->version &&
           a->has_fingerprint == b->has_fingerprint &&
           !memcmp(a->fingerprint, b->fingerprint, sizeof a->fingerprint);
}

/* in of WRAP is a DEK: compared without telling by time where two differ. */
static bool same(const envelope_question *a, const envelope_question *b)
{
    return a->kind == b->kind && a->algorithm == b->algorithm && a->in_len == b->in_len &&
           same_key(a->key, b->key) && (!a->in_len || env_equal_secret(a->in, b->in, a->in_len));
}

/* Nobody looks at it, and no caller may hold a pointer to it. */
static bool removable(const struct env_ask *a)
{
    return !a->pins && (a->answered || !a->handed);
}

/* Call with the lock held; the caller destroys it without. */
static void unlink_ask(struct env_asking *asking, struct env_ask *a)
{
    struct env_ask **at = &asking->asks;
    while (*at != a) {
        at = &(*at)->next;
    }
    *at = a->next;
    a->next = NULL;
    asking->ask_count--;
}

static struct env_ask *find(struct env_asking *asking, const envelope_question *q)
{
    struct env_ask *a = asking->asks;
    while (a && ((a->withdrawn && a->answered) || !same(&a->question, q))) {
        a = a->next;
    }
    return a;
}

static envelope_status make(envelope_ctx *ctx, const envelope_question *q, struct env_ask **out,
                            envelope_error *err)
{
    struct env_ask *a = env_alloc(ctx, sizeof *a);
    if (!a) {
        return env_nomem(err);
    }
    a->question =
        (envelope_question){.size = sizeof a->question, .kind = q->kind, .algorithm = q->algorithm};
    a->key = env_ref_copy(ctx, q->key);
    envelope_status st = a->key ? ENVELOPE_OK : env_nomem(err);
    if (!st && q->in_len && is_secret(q)) {
        st = env_secret_new(ctx, q->in_len, &a->in, err);
    } else if (!st && q->in_len) {
        a->in = env_alloc(ctx, q->in_len);
        st = a->in ? ENVELOPE_OK : env_nomem(err);
    }
    if (st) {
        destroy(ctx, a);
        return st;
    }
    if (q->in_len) {
        memcpy(a->in, q->in, q->in_len);
        a->question.in_len = q->in_len;
    }
    a->question.key = a->key;
    a->question.in = a->in;
    *out = a;
    return ENVELOPE_OK;
}

/* Of those that no call under way has looked at, the one that was looked at longest ago. A call
 * that is still to be repeated then asks again. */
static struct env_ask *oldest(struct env_asking *asking, uint64_t current)
{
    struct env_ask *best = NULL;
    for (struct env_ask *a = asking->asks; a; a = a->next) {
        if (removable(a) && a->call != current && (!best || a->call < best->call)) {
            best = a;
        }
    }
    return best;
}

/* false: full. *old is to be destroyed. */
static bool add(struct env_asking *asking, struct env_ask *fresh, uint64_t current,
                struct env_ask **old)
{
    if (asking->ask_count >= ENV_QUESTIONS_LIMIT) {
        *old = oldest(asking, current);
        if (!*old) {
            return false;
        }
        unlink_ask(asking, *old);
    }
    struct env_ask **at = &asking->asks;
    while (*at) {
        at = &(*at)->next;
    }
    *at = fresh;
    fresh->question.id = ++asking->last_id;
    fresh->call = current;
    asking->ask_count++;
    return true;
}

/* *fresh becomes NULL where it was taken in. */
static envelope_status look_up(struct env_asking *asking, const envelope_question *q,
                               struct env_ask **fresh, struct env_ask **out,
                               struct env_answer *answer, struct env_ask **old, envelope_error *err)
{
    uint64_t current = env_call_current(asking->ctx);
    pthread_mutex_lock(&asking->lock);
    struct env_ask *a = find(asking, q);
    bool added = !a && *fresh && add(asking, *fresh, current, old);
    bool answered = a && a->answered;
    if (a) {
        a->call = current;
        a->withdrawn = false;
        a->pins += answered;
    }
    pthread_mutex_unlock(&asking->lock);
    if (answered) {
        *out = a;
        *answer = a->answer;
        return ENVELOPE_OK;
    }
    if (!a && *fresh && !added) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "%d questions of this KMS wait: answer them all, with E_KMS_UNREACHED "
                        "those that nobody needs",
                        ENV_QUESTIONS_LIMIT);
    }
    *fresh = added ? NULL : *fresh;
    return a || added ? ENVELOPE_E_AGAIN : ENVELOPE_E_NOT_FOUND;
}

envelope_status env_ask(struct env_asking *asking, const envelope_question *given,
                        struct env_ask **out, struct env_answer *answer, envelope_error *err)
{
    struct env_ask *fresh = NULL;
    struct env_ask *old = NULL;
    const envelope_key_ref key = env_ref_view(given->key);
    envelope_question known = *given;
    const envelope_question *q = &known;
    known.key = &key;
    envelope_status st = look_up(asking, q, &fresh, out, answer, &old, err);
    if (st == ENVELOPE_E_NOT_FOUND) { /* the caller's allocator is not called under the lock */
        st = make(asking->ctx, q, &fresh, err);
        st = st ? st : look_up(asking, q, &fresh, out, answer, &old, err);
    }
    destroy(asking->ctx, fresh);
    destroy(asking->ctx, old);
    return st == ENVELOPE_E_AGAIN ? env_asking_again(err) : st;
}

void env_ask_release(struct env_asking *asking, struct env_ask *a)
{
    pthread_mutex_lock(&asking->lock);
    a->pins--;
    bool gone = a->withdrawn && removable(a);
    if (gone) {
        unlink_ask(asking, a);
    }
    pthread_mutex_unlock(&asking->lock);
    if (gone) {
        destroy(asking->ctx, a);
    }
}

const envelope_question *env_ask_next(struct env_asking *asking)
{
    pthread_mutex_lock(&asking->lock);
    struct env_ask *a = asking->asks;
    while (a && (a->handed || a->answered)) {
        a = a->next;
    }
    if (a) {
        a->handed = true;
    }
    pthread_mutex_unlock(&asking->lock);
    return a ? &a->question : NULL;
}

static envelope_status too_late(uint64_t id, envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_EXISTS,
                    "question %llu is answered already: the first answer stands",
                    (unsigned long long)id);
}

envelope_status env_ask_find(struct env_asking *asking, uint64_t id, struct env_ask **out,
                             const envelope_question **q, envelope_error *err)
{
    pthread_mutex_lock(&asking->lock);
    struct env_ask *a = asking->asks;
    while (a && a->question.id != id) {
        a = a->next;
    }
    bool answered = a && a->answered;
    if (a && !answered) {
        a->pins++;
    }
    pthread_mutex_unlock(&asking->lock);
    if (!a) {
        return env_fail(err, ENVELOPE_E_NOT_FOUND,
                        "nothing is asked under %llu: the call that asked has ended, or never was",
                        (unsigned long long)id);
    }
    if (answered) {
        return too_late(id, err);
    }
    *out = a;
    *q = &a->question;
    return ENVELOPE_OK;
}

/* What an answer is kept in, apart from the question until it is whole. */
static envelope_status copy_answer(envelope_ctx *ctx, const struct env_answer *from,
                                   struct env_ask *to, envelope_error *err)
{
    to->answer.status = from->status;
    to->answer.state = from->state;
    to->message = env_strdup(ctx, from->message);
    to->found = from->key ? env_ref_copy(ctx, from->key) : NULL;
    if ((from->message && !to->message) || (from->key && !to->found)) {
        return env_nomem(err);
    }
    envelope_status st = from->len ? env_secret_new(ctx, from->len, &to->bytes, err) : ENVELOPE_OK;
    if (!st && from->len) {
        memcpy(to->bytes, from->bytes, from->len);
        to->answer.len = from->len;
    }
    to->answer.message = to->message;
    to->answer.key = to->found;
    to->answer.bytes = to->bytes;
    return st;
}

envelope_status env_ask_answer(struct env_asking *asking, struct env_ask *a,
                               const struct env_answer *answer, envelope_error *err)
{
    struct env_ask *holder = env_alloc(asking->ctx, sizeof *holder);
    if (!holder) {
        return env_nomem(err);
    }
    envelope_status st = copy_answer(asking->ctx, answer, holder, err);
    if (st) {
        destroy(asking->ctx, holder);
        return st;
    }
    pthread_mutex_lock(&asking->lock);
    bool answered = a->answered;
    uint64_t id = a->question.id;
    if (!answered) {
        a->answered = true;
        a->answer = holder->answer;
        a->message = holder->message;
        a->found = holder->found;
        a->bytes = holder->bytes;
        memset(holder, 0, sizeof *holder);
    }
    pthread_mutex_unlock(&asking->lock);
    destroy(asking->ctx, holder);
    return answered ? too_late(id, err) : ENVELOPE_OK;
}

void env_asks_settle(struct env_asking *asking, uint64_t call, bool again)
{
    struct env_ask *gone = NULL;
    pthread_mutex_lock(&asking->lock);
    for (struct env_ask *a = asking->asks, *next; a; a = next) {
        next = a->next;
        bool over = a->call == call ? !again : a->call + ENV_STALE_CALLS < call;
        if (!over) {
            continue;
        }
        a->withdrawn = true;
        if (removable(a)) {
            unlink_ask(asking, a);
            a->next = gone;
            gone = a;
        }
    }
    pthread_mutex_unlock(&asking->lock);
    destroy_all(asking->ctx, gone);
}

void env_asks_free(struct env_asking *asking)
{
    destroy_all(asking->ctx, asking->asks);
    asking->asks = NULL;
}
