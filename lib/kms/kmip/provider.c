/* KMIP as a provider: each call is one operation of the client, with one job in it. */
#include "base/error.h"
#include "crypto/rsa.h"
#include "kms/kmip/client.h"
#include "kms/kmip/policy.h"
#include "kms/kms.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct kmip {
    envelope_ctx *ctx; /* kept alive by the KMS handle */
    struct env_kmip_client *client;
    struct env_kmip_policy policy;
    pthread_mutex_t lock;
    struct env_kmip_facts facts;  /* under lock, as is the next */
    struct env_kmip_facts *spare; /* room for a copy, kept for the next operation */
};

typedef envelope_status (*work)(struct env_kmip_job *job, void *user, envelope_error *err);

/* What is learned is little, the room for it is large. */
static void copy_facts(struct env_kmip_facts *to, const struct env_kmip_facts *from)
{
    memcpy(to, from, offsetof(struct env_kmip_facts, pair) + from->pairs * sizeof from->pair[0]);
}

static struct env_kmip_facts *borrow(struct kmip *k)
{
    pthread_mutex_lock(&k->lock);
    struct env_kmip_facts *copy = k->spare;
    k->spare = NULL;
    pthread_mutex_unlock(&k->lock);
    copy = copy ? copy : env_alloc(k->ctx, sizeof *copy);
    if (copy) {
        pthread_mutex_lock(&k->lock);
        copy_facts(copy, &k->facts);
        pthread_mutex_unlock(&k->lock);
    }
    return copy;
}

/* What two threads learn at one time is learned again by whoever comes first here. */
static void give_back(struct kmip *k, struct env_kmip_facts *copy, bool keep)
{
    struct env_kmip_facts *surplus = copy;
    pthread_mutex_lock(&k->lock);
    if (copy && keep) {
        copy_facts(&k->facts, copy);
    }
    if (copy && !k->spare) {
        k->spare = copy;
        surplus = NULL;
    }
    pthread_mutex_unlock(&k->lock);
    env_free(k->ctx, surplus);
}

static envelope_status operate(struct kmip *k, struct env_kmip_job *job, work fn, void *user,
                               struct env_kmip_where *where, envelope_error *err)
{
    struct env_kmip_operation_link *operation;
    envelope_status st = env_kmip_operation_begin(k->client, &operation, &job->link, err);
    if (st) {
        return st;
    }
    st = fn(job, user, err);
    if (where) {
        env_kmip_operation_where(operation, where);
    }
    if (st == ENVELOPE_E_FORMAT) {
        env_kmip_operation_spoil(operation);
    }
    env_kmip_operation_end(operation);
    return st;
}

static envelope_status run(struct kmip *k, work fn, void *user, struct env_kmip_where *where,
                           envelope_error *err)
{
    struct env_kmip_job job;
    envelope_status st = env_kmip_job_begin(k->ctx, &job, err);
    if (st) {
        return st;
    }
    job.policy = &k->policy;
    job.facts = borrow(k);
    st = job.facts ? operate(k, &job, fn, user, where, err) : env_nomem(err);
    give_back(k, job.facts, !st);
    env_kmip_job_end(&job);
    return st;
}

/* -- the table */

struct search {
    const char *key_name;
    envelope_key_sink *sink;
};

static envelope_status do_newest(struct env_kmip_job *job, void *user, envelope_error *err)
{
    const struct search *s = user;
    return env_kmip_newest(job, s->key_name, s->sink, err);
}

static envelope_status newest(void *self, const char *key_name, envelope_key_sink *sink,
                              envelope_error *err)
{
    struct search s = {key_name, sink};
    return run(self, do_newest, &s, NULL, err);
}

static envelope_status do_list(struct env_kmip_job *job, void *user, envelope_error *err)
{
    const struct search *s = user;
    return env_kmip_list(job, s->key_name, s->sink, err);
}

static envelope_status list(void *self, const char *key_name, envelope_key_sink *sink,
                            envelope_error *err)
{
    struct search s = {key_name, sink};
    return run(self, do_list, &s, NULL, err);
}

struct wrapping {
    const envelope_key_ref *key;
    int32_t algorithm;
    const void *in;
    size_t in_len;
    void *out;
    size_t cap;
    size_t *len;
};

static envelope_status do_unwrap(struct env_kmip_job *job, void *user, envelope_error *err)
{
    const struct wrapping *w = user;
    return env_kmip_unwrap(job, w->key, w->algorithm, w->in, w->in_len, w->out, w->cap, w->len,
                           err);
}

static envelope_status unwrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                              const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                              envelope_error *err)
{
    struct wrapping w = {key, algorithm, in, in_len, out, cap, len};
    return run(self, do_unwrap, &w, NULL, err);
}

static envelope_status do_wrap(struct env_kmip_job *job, void *user, envelope_error *err)
{
    const struct wrapping *w = user;
    return env_kmip_wrap(job, w->key, w->algorithm, w->in, w->in_len, w->out, w->cap, w->len, err);
}

static envelope_status wrap(void *self, const envelope_key_ref *key, int32_t algorithm,
                            const void *in, size_t in_len, void *out, size_t cap, size_t *len,
                            envelope_error *err)
{
    struct wrapping w = {key, algorithm, in, in_len, out, cap, len};
    return run(self, do_wrap, &w, NULL, err);
}

struct several {
    envelope_unwrap *item;
    size_t count;
};

static envelope_status do_many(struct env_kmip_job *job, void *user, envelope_error *err)
{
    const struct several *s = user;
    return env_kmip_unwrap_many(job, s->item, s->count, err);
}

static envelope_status unwrap_many(void *self, envelope_unwrap *items, size_t count,
                                   envelope_error *err)
{
    struct several s = {items, count};
    return run(self, do_many, &s, NULL, err);
}

struct inquiry {
    const envelope_key_ref *key;
    int32_t *state;
};

static envelope_status do_state(struct env_kmip_job *job, void *user, envelope_error *err)
{
    const struct inquiry *i = user;
    return env_kmip_state(job, i->key, i->state, err);
}

static envelope_status state(void *self, const envelope_key_ref *key, int32_t *out,
                             envelope_error *err)
{
    struct inquiry i = {key, out};
    return run(self, do_state, &i, NULL, err);
}

static void destroy(void *self)
{
    struct kmip *k = self;
    env_kmip_client_free(k->client);
    env_free(k->ctx, k->spare);
    pthread_mutex_destroy(&k->lock);
    env_free(k->ctx, k);
}

static const envelope_kms_ops ops = {.size = sizeof ops,
                                     .kind = "kmip",
                                     .newest = newest,
                                     .unwrap = unwrap,
                                     .wrap = wrap,
                                     .state = state,
                                     .list = list,
                                     .destroy = destroy,
                                     .unwrap_many = unwrap_many};

/* -- for the administrator */

struct creation {
    const char *key_name;
    int32_t algorithm;
    const struct env_rsa_private *key;
};

static envelope_status do_create(struct env_kmip_job *job, void *user, envelope_error *err)
{
    const struct creation *c = user;
    return env_kmip_create_key(job, c->key_name, c->algorithm, err);
}

static envelope_status create_key(void *self, const char *key_name, int32_t algorithm,
                                  envelope_error *err)
{
    struct creation c = {key_name, algorithm, NULL};
    return run(self, do_create, &c, NULL, err);
}

static envelope_status do_rotate(struct env_kmip_job *job, void *user, envelope_error *err)
{
    const struct creation *c = user;
    return env_kmip_rotate_key(job, c->key_name, err);
}

static envelope_status rotate_key(void *self, const char *key_name, envelope_error *err)
{
    struct creation c = {key_name, 0, NULL};
    return run(self, do_rotate, &c, NULL, err);
}

static envelope_status do_import(struct env_kmip_job *job, void *user, envelope_error *err)
{
    const struct creation *c = user;
    return env_kmip_import_key(job, c->key_name, c->key, err);
}

static envelope_status import_key(void *self, const char *key_name, const void *pem, size_t pem_len,
                                  const void *passphrase, size_t passphrase_len,
                                  envelope_error *err)
{
    struct kmip *k = self;
    struct env_rsa_private *key = NULL;
    envelope_status st =
        env_rsa_private_parse(k->ctx, pem, pem_len, passphrase, passphrase_len, &key, err);
    struct creation c = {key_name, 0, key};
    st = st ? st : run(k, do_import, &c, NULL, err);
    env_rsa_private_free(key);
    return st;
}

/* -- check */

struct report {
    const char *key_name;
    void (*line)(void *user, const char *name, const char *value);
    void *user;
};

static envelope_status do_check(struct env_kmip_job *job, void *user, envelope_error *err)
{
    const struct report *r = user;
    return env_kmip_check(job, r->key_name, r->line, r->user, err);
}

static void say_dates(const struct report *r, const char *name,
                      const struct env_certificate_facts *facts)
{
    char text[64] = "none was shown";
    struct tm tm;
    time_t until = (time_t)(facts->not_after_ms / 1000);
    if (facts->there && gmtime_r(&until, &tm)) {
        const char *over = facts->not_after_ms < env_now_ms() ? ", which is over" : "";
        snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d UTC%s", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, over);
    }
    r->line(r->user, name, text);
}

/* What a check that failed got to know is told as well: it is what one asks next. */
static void say_where(const struct report *r, const struct env_kmip_where *where)
{
    char text[sizeof where->endpoint.host + sizeof where->endpoint.port + 4];
    bool six = strchr(where->endpoint.host, ':') != NULL;
    if (!*where->endpoint.host) {
        return;
    }
    snprintf(text, sizeof text, six ? "[%s]:%s" : "%s:%s", where->endpoint.host,
             where->endpoint.port);
    r->line(r->user, "endpoint", text);
    if (!*where->tls.version) {
        return;
    }
    snprintf(text, sizeof text, "%s, %s", where->tls.version, where->tls.cipher);
    r->line(r->user, "tls", text);
    r->line(r->user, "server", where->tls.peer.subject);
    say_dates(r, "server-certificate-until", &where->tls.peer);
    r->line(r->user, "client", where->own.there ? where->own.subject : "none");
    say_dates(r, "certificate-until", &where->own);
}

static envelope_status check(void *self, const char *key_name,
                             void (*line)(void *user, const char *name, const char *value),
                             void *user, envelope_error *err)
{
    struct env_kmip_where where = {0};
    struct report r = {key_name, line, user};
    envelope_status st = run(self, do_check, &r, &where, err);
    say_where(&r, &where);
    return st;
}

static const struct env_kms_admin_ops admin = {
    .create_key = create_key, .rotate_key = rotate_key, .import_key = import_key, .check = check};

/* -- making one */

static envelope_status make(envelope_ctx *ctx, const envelope_kmip_options *options,
                            const struct env_kmip_policy *policy, struct kmip **out,
                            envelope_error *err)
{
    struct kmip *k = env_alloc(ctx, sizeof *k);
    struct env_kmip_client *client = NULL;
    envelope_status st = env_kmip_client_new(ctx, options, &client, err);
    if (st || !k) {
        env_kmip_client_free(client);
        env_free(ctx, k);
        return st ? st : env_nomem(err);
    }
    k->ctx = ctx;
    k->client = client;
    k->policy = *policy;
    pthread_mutex_init(&k->lock, NULL);
    *out = k;
    return ENVELOPE_OK;
}

static void drop_pipe(const envelope_kmip_options *options)
{
    if (options->pipe && options->pipe->destroy) {
        options->pipe->destroy(options->pipe_self);
    }
}

envelope_status envelope_kmip_new(envelope_ctx *ctx, const envelope_kmip_options *options,
                                  envelope_kms **out, envelope_error *err)
{
    envelope_kmip_options own;
    struct env_kmip_policy policy;
    struct kmip *k = NULL;
    if (out) {
        *out = NULL;
    }
    envelope_status st = env_kmip_options(options, &own, &policy, err);
    st = st ? st : env_enter(ctx, err);
    if (!st && !out) {
        st = env_fail(err, ENVELOPE_E_INVALID, "envelope_kmip_new: out is NULL");
    }
    if (st) {
        drop_pipe(&own);
        return st;
    }
    st = make(ctx, &own, &policy, &k, err);
    st = st ? st : env_kms_new_builtin(ctx, &ops, &admin, policy.exclusive, k, out, err);
    if (!st) {
        env_kms_set_oaep(*out, policy.oaep);
    }
    return st;
}
