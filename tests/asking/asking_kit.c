#include "asking_kit.h"
#include "crypto/keywrap.h"
#include "crypto/rsa.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 500 };

void must_ok(envelope_status st, const envelope_error *err, const char *call, const char *file,
             int line)
{
    if (st) {
        ck_abort_msg("%s:%d: %s: %s: %s", file, line, call, envelope_status_name(st), err->message);
    }
}

/* -- the room */

void room_open(struct room *r, bool symmetric, int first_pool)
{
    memset(r, 0, sizeof *r);
    r->ctx = test_ctx();
    r->symmetric = symmetric;
    r->newest = 1;
    for (int v = 1; v <= ROOM_VERSIONS && !symmetric; v++) {
        envelope_error err = ENVELOPE_ERROR_INIT;
        char pem[TEST_KEY_PEM_MAX];
        struct env_rsa_private *pair;
        size_t len = test_key_pem(first_pool + v - 1, pem);
        MUST(env_rsa_private_parse(r->ctx, pem, len, NULL, 0, &pair, &err));
        const uint8_t *spki = env_rsa_public_spki(env_rsa_private_public(pair), &len);
        memcpy(r->spki[v], spki, len);
        r->spki_len[v] = len;
        r->pair[v] = pair;
    }
    for (int v = 1; v <= ROOM_VERSIONS; v++) {
        memset(r->kek[v], 0x40 + first_pool + v, sizeof r->kek[v]);
    }
}

void room_close(struct room *r)
{
    for (int v = 0; v <= ROOM_VERSIONS; v++) {
        env_rsa_private_free(r->pair[v]);
    }
    envelope_ctx_free(r->ctx);
}

static int version_of(const envelope_key_ref *key)
{
    int v = key->key_id && !strncmp(key->key_id, "vm/", 3) ? atoi(key->key_id + 3) : 0;
    return v <= ROOM_VERSIONS ? v : 0;
}

static envelope_key_ref newest_ref(const struct room *r, char id[16])
{
    snprintf(id, 16, "vm/%d", r->newest);
    return (envelope_key_ref){.size = sizeof(envelope_key_ref), .key_name = "vm", .key_id = id};
}

static envelope_status room_bytes(struct room *r, int32_t kind, const envelope_key_ref *key,
                                  int32_t algorithm, const void *in, size_t in_len, uint8_t *out,
                                  size_t *len)
{
    int v = version_of(key);
    r->asked[kind]++;
    if (r->fail[kind]) {
        return r->fail[kind];
    }
    if (!v) {
        return ENVELOPE_E_NO_KEY;
    }
    if (kind == ENVELOPE_ASK_WRAP) {
        return env_kwp_wrap(r->ctx, r->kek[v], in, in_len, out, 1024, len, NULL);
    }
    if (r->symmetric) {
        return env_kwp_unwrap(r->ctx, r->kek[v], in, in_len, out, 1024, len, NULL);
    }
    *len = 32;
    return env_oaep_unwrap(r->pair[v], algorithm, in, in_len, out, NULL);
}

static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    struct room *r = self;
    char id[16];
    envelope_key_ref ref = newest_ref(r, id);
    (void)key_name;
    r->asked[ENVELOPE_ASK_NEWEST]++;
    if (r->fail[ENVELOPE_ASK_NEWEST]) {
        return envelope_error_set(err, r->fail[ENVELOPE_ASK_NEWEST], 0, "as ordered");
    }
    return envelope_key_sink_add(sink, &ref, ENVELOPE_KEY_ACTIVE,
                                 r->symmetric ? NULL : r->spki[r->newest], r->spki_len[r->newest]);
}

static envelope_status give(struct room *r, int32_t kind, const envelope_key_ref *key,
                            int32_t algorithm, const void *in, size_t in_len, void *out, size_t cap,
                            size_t *len, envelope_error *err)
{
    uint8_t bytes[1024];
    size_t n = 0;
    envelope_status st = room_bytes(r, kind, key, algorithm, in, in_len, bytes, &n);
    if (st || n > cap) {
        return envelope_error_set(err, st ? st : ENVELOPE_E_RANGE, 0, "as ordered");
    }
    memcpy(out, bytes, n);
    *len = n;
    return ENVELOPE_OK;
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    return give(self, ENVELOPE_ASK_UNWRAP, key, algorithm, in, in_len, out, cap, len, err);
}

static envelope_status wrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                            const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                            envelope_error *err)
{
    return give(self, ENVELOPE_ASK_WRAP, key, algorithm, in, in_len, out, cap, len, err);
}

envelope_kms *room_blocking(envelope_ctx *ctx, struct room *r)
{
    const envelope_kms_ops ops = {
        .size = sizeof ops, .kind = "room", .newest = newest, .unwrap = unwrap, .wrap = wrap};
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_kms *out;
    MUST(envelope_kms_new(ctx, &ops, r, &out, &err));
    return out;
}

/* -- the desk */

void desk_open(struct desk *d, envelope_ctx *ctx, struct room *r, enum desk_mode mode)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    memset(d, 0, sizeof *d);
    d->room = r;
    d->mode = mode;
    MUST(envelope_kms_new_asking(ctx, "desk", &d->kms, &err));
}

void desk_close(struct desk *d)
{
    envelope_kms_free(d->kms);
}

size_t desk_take(struct desk *d)
{
    const envelope_question *q;
    while ((q = envelope_kms_next_question(d->kms))) {
        ck_assert_uint_lt(d->open_count, DESK_OPEN);
        ck_assert_uint_eq(q->size, sizeof *q);
        ck_assert_str_eq(q->key->key_name, "vm");
        ck_assert_ptr_nonnull(q->key->kms_id);
        d->open[d->open_count++] = q;
        d->questions++;
    }
    return d->open_count;
}

static void remove_open(struct desk *d, size_t i)
{
    d->open_count--;
    memmove(&d->open[i], &d->open[i + 1], (d->open_count - i) * sizeof d->open[0]);
}

static void give_answer(struct desk *d, uint64_t id, envelope_status st,
                        const envelope_key_ref *key, const void *bytes, size_t len)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status got =
        envelope_kms_answer(d->kms, id, st, "as ordered", key, 0, bytes, len, &err);
    if (got == ENVELOPE_E_NOMEM && d->patient) {
        got = envelope_kms_answer(d->kms, id, st, "as ordered", key, 0, bytes, len, &err);
    }
    must_ok(got, &err, "envelope_kms_answer", __FILE__, __LINE__);
}

/* The question is gone with the answer: all of it is read before. */
void desk_answer(struct desk *d, size_t i)
{
    const envelope_question *q = d->open[i];
    struct room *r = d->room;
    uint64_t id = q->id;
    int32_t kind = q->kind;
    uint8_t bytes[1024];
    size_t len = 0;
    char name[16];
    envelope_key_ref ref = newest_ref(r, name);
    envelope_status st = ENVELOPE_OK;
    if (d->mode == WRONG_ID) {
        ck_assert_int_eq(envelope_kms_answer(d->kms, id + 100000, ENVELOPE_E_REFUSED, NULL, NULL, 0,
                                             NULL, 0, NULL),
                         ENVELOPE_E_NOT_FOUND);
    }
    if (kind == ENVELOPE_ASK_NEWEST) {
        r->asked[kind]++;
        st = r->fail[kind];
        len = r->spki_len[r->newest];
        memcpy(bytes, r->spki[r->newest], len);
        give_answer(d, id, st, &ref, bytes, len);
    } else {
        st = room_bytes(r, kind, q->key, q->algorithm, q->in, q->in_len, bytes, &len);
        give_answer(d, id, st, NULL, bytes, st ? 0 : len);
    }
    remove_open(d, i);
    if (d->mode == TWICE) {
        ck_assert_int_eq(
            envelope_kms_answer(d->kms, id, ENVELOPE_E_REFUSED, NULL, NULL, 0, NULL, 0, NULL),
            ENVELOPE_E_EXISTS);
    }
}

static void *answer_all(void *user)
{
    struct desk *d = user;
    while (d->open_count) {
        desk_answer(d, 0);
    }
    return NULL;
}

void desk_round(struct desk *d)
{
    pthread_t thread;
    d->rounds++;
    desk_take(d);
    switch (d->mode) {
    case LATE: /* the call is repeated twice in vain */
        if (d->rounds % 3 == 0) {
            answer_all(d);
        }
        break;
    case REVERSED:
        while (d->open_count) {
            desk_answer(d, d->open_count - 1);
        }
        break;
    case ONE_BY_ONE:
        if (d->open_count) {
            desk_answer(d, 0);
        }
        break;
    case THREADED:
        ck_assert_int_eq(pthread_create(&thread, NULL, answer_all, d), 0);
        pthread_join(thread, NULL);
        break;
    case PROMPT:
    case TWICE:
    case WRONG_ID:
    case DESK_MODES:
        answer_all(d);
        break;
    }
}

/* -- calls */

bool same_store(const struct memory_store *a, const struct memory_store *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const struct memory_file *x = &a->file[i];
        const struct memory_file *y = memory_find((struct memory_store *)(uintptr_t)b, x->name);
        same = y && x->len == y->len && !memcmp(x->data, y->data, x->len);
    }
    return same;
}

envelope_status drive(struct desk *const *desks, size_t count, const struct memory_store *mem,
                      asking_call call, void *user, envelope_error *err)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        struct memory_store before = {0};
        if (mem) {
            memory_copy(&before, mem);
        }
        envelope_status st = call(user, err);
        if (st != ENVELOPE_E_AGAIN) {
            memory_store_clear(&before);
            return st;
        }
        ck_assert_msg(!mem || same_store(mem, &before), "E_AGAIN, and the repository has changed");
        memory_store_clear(&before);
        for (size_t i = 0; i < count; i++) {
            desk_round(desks[i]);
        }
    }
    ck_abort_msg("it asks and asks");
    return ENVELOPE_E_AGAIN;
}
