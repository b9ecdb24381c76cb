/* Many at once: where one Decrypt does it, as many in a request as the answer has room for. */
#include "base/error.h"
#include "keys/ref.h"
#include "kms/kmip/unwrap.h"
#include <string.h>

/* An item of a response, apart from its identifier: heads, operation, id, status, 32 bytes of
 * data, or a reason with a message. */
enum { ANSWER_ROOM = 160, ENVELOPE_ROOM = 1024 };

struct many {
    struct env_kmip_job *job;
    envelope_unwrap *item;
    envelope_key_ref *view; /* of each item's key */
    size_t *index;          /* which item a Decrypt is for */
    struct env_kmip_decrypt *what;
    const void **ask;
    env_kmip_text *uid;
    bool *decided; /* its key was looked for, and what came of it is the item's status */
    size_t count;  /* Decrypts */
};

static void done(envelope_unwrap *item, envelope_status st, size_t len)
{
    item->status = st;
    item->len = st ? 0 : len;
}

/* E_AGAIN, and failures that are ours, end the call; all others are that item's. */
static bool ends_all(envelope_status st)
{
    return st == ENVELOPE_E_AGAIN || st == ENVELOPE_E_NOMEM;
}

static struct env_kmip_unwrap view_of(const struct many *m, size_t i)
{
    const envelope_unwrap *item = &m->item[i];
    return (struct env_kmip_unwrap){.key = &m->view[i],
                                    .algorithm = item->algorithm,
                                    .in = ENV_BYTES(item->in, item->in_len),
                                    .out = item->out,
                                    .cap = item->cap};
}

static void plan(struct many *m, size_t i, const struct env_kmip_known_pair *known)
{
    size_t n = m->count++;
    env_text_copy(m->uid[n], sizeof m->uid[n], known->private_key);
    m->index[n] = i;
    m->what[n] = (struct env_kmip_decrypt){m->uid[n], known->form,
                                           ENV_BYTES(m->item[i].in, m->item[i].in_len)};
    m->ask[n] = &m->what[n];
}

static bool whole(const envelope_unwrap *item)
{
    return item->cap >= ENVELOPE_DEK_BYTES && item->in_len && item->in_len <= ENV_RSA_BYTES_MAX;
}

/* What was said of the key of an earlier item holds for this one: a thousand slots of a key that is
 * gone are not a thousand searches. NULL: nothing was. */
static const envelope_unwrap *same_fate(const struct many *m, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        envelope_status st = m->item[j].status;
        bool of_key =
            st == ENVELOPE_E_NO_KEY || st == ENVELOPE_E_REFUSED || st == ENVELOPE_E_KMS_UNREACHED;
        const envelope_key_ref *a = &m->view[j];
        const envelope_key_ref *b = &m->view[i];
        if (of_key && m->decided[j] && m->item[j].algorithm == m->item[i].algorithm && a->key_id &&
            b->key_id && strcmp(a->key_id, b->key_id) == 0 &&
            a->has_fingerprint == b->has_fingerprint &&
            memcmp(a->fingerprint, b->fingerprint, sizeof a->fingerprint) == 0) {
            return &m->item[j];
        }
    }
    return NULL;
}

/* The first of each key finds out how it goes; the others need no more than that. */
static envelope_status sort_out(struct many *m, size_t count, envelope_error *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        const struct env_kmip_unwrap u = view_of(m, i);
        const struct env_kmip_known_pair *known =
            u.key->key_id && whole(&m->item[i]) ? env_kmip_known_way(m->job, &u) : NULL;
        if (known) {
            plan(m, i, known);
            continue;
        }
        const envelope_unwrap *earlier = whole(&m->item[i]) ? same_fate(m, i) : NULL;
        if (earlier) {
            done(&m->item[i], earlier->status, 0);
            continue;
        }
        envelope_error own = ENVELOPE_ERROR_INIT;
        envelope_status st = env_kmip_unwrap_one(m->job, &u, &len, &own);
        if (ends_all(st)) {
            return env_error_pass(err, st, &own);
        }
        done(&m->item[i], st, len);
        m->decided[i] = true;
    }
    return ENVELOPE_OK;
}

static envelope_status take(void *user, size_t n, const struct env_kmip_result *result,
                            envelope_error *err)
{
    struct many *m = user;
    envelope_unwrap *item = &m->item[m->index[n]];
    size_t len = 0;
    (void)err;
    envelope_status st = env_kmip_decrypted(result, m->uid[n], item->out, item->cap, &len, NULL);
    done(item, st, len);
    return ENVELOPE_OK;
}

static size_t at_once(const struct many *m)
{
    size_t longest = 0;
    for (size_t i = 0; i < m->count; i++) {
        size_t len = strlen(m->uid[i]);
        longest = len > longest ? len : longest;
    }
    size_t fit = (ENV_KMIP_SECRET_MAX - ENVELOPE_ROOM) / (ANSWER_ROOM + longest);
    return fit < ENV_KMIP_BATCH_MAX ? fit : ENV_KMIP_BATCH_MAX;
}

/* Keys that moved since they were learned, and what was denied, go the long way. */
static envelope_status once_more(struct many *m, envelope_error *err)
{
    for (size_t n = 0; n < m->count; n++) {
        envelope_unwrap *item = &m->item[m->index[n]];
        size_t len = 0;
        if (item->status != ENVELOPE_E_NO_KEY) {
            continue;
        }
        const struct env_kmip_unwrap u = view_of(m, m->index[n]);
        envelope_status st = env_kmip_unwrap_one(m->job, &u, &len, err);
        if (ends_all(st)) {
            return st;
        }
        done(item, st, len);
    }
    return ENVELOPE_OK;
}

static envelope_status decrypt_all(struct many *m, envelope_error *err)
{
    struct env_kmip_ask ask = env_kmip_decrypt_ask;
    if (m->count == 0) {
        return ENVELOPE_OK;
    }
    ask.count = m->count;
    ask.what = m->ask;
    for (size_t n = 0; n < m->count; n++) {
        size_t room = env_kmip_decrypt_room(&m->what[n]);
        ask.room = room > ask.room ? room : ask.room;
        done(&m->item[m->index[n]], ENVELOPE_E_KMS_UNREACHED, 0);
    }
    envelope_status st = env_kmip_each(m->job, &ask, at_once(m), take, m, err);
    if (ends_all(st)) {
        return st;
    }
    /* Another failure is that of those without an answer, who were given it before. */
    return st ? ENVELOPE_OK : once_more(m, err);
}

envelope_status env_kmip_unwrap_many(struct env_kmip_job *job, envelope_unwrap *item, size_t count,
                                     envelope_error *err)
{
    envelope_ctx *ctx = job->ctx;
    struct many m = {.job = job,
                     .item = item,
                     .view = env_alloc_array(ctx, count, sizeof *m.view),
                     .index = env_alloc_array(ctx, count, sizeof *m.index),
                     .what = env_alloc_array(ctx, count, sizeof *m.what),
                     .ask = env_alloc_array(ctx, count, sizeof *m.ask),
                     .uid = env_alloc_array(ctx, count, sizeof *m.uid),
                     .decided = env_alloc_array(ctx, count, sizeof *m.decided)};
    bool room = m.view && m.index && m.what && m.ask && m.uid && m.decided;
    envelope_status st = room ? ENVELOPE_OK : env_nomem(err);
    for (size_t i = 0; !st && i < count; i++) {
        m.view[i] = env_ref_view(item[i].key);
    }
    st = st ? st : sort_out(&m, count, err);
    st = st ? st : decrypt_all(&m, err);
    env_free(ctx, m.decided);
    env_free(ctx, m.uid);
    env_free(ctx, m.ask);
    env_free(ctx, m.what);
    env_free(ctx, m.index);
    env_free(ctx, m.view);
    return st;
}
