/* The secrets of a chain: those of the catalogue stand nowhere in plain while it is open, an open
 * point's in the arena only, and nothing is left behind, also where something failed. The process's
 * own memory is searched. One program, since other tests leave copies. */
#include "chain/chain.h"
#include "chain_kit.h"
#include "format/secrets.h"
#include "hunt.h"
#include "object/open.h"
#include <stdlib.h>
#include <string.h>

enum { LEN = 57344 }; /* 3.5 chunks */
/* META: of the newest metadata object, whose DEK is held as long as it is. */
enum { ROOT, GS_1, GS_2, META, OPEN, DEK_1, DEK_2, DEK_3 };

struct stage {
    struct memory_store mem;
    struct test_kms kms;
    struct host host;
    struct hunt hunt;
};

static void hunt_catalogue(struct hunt *h, const struct env_catalogue *c)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint8_t *secrets;
    uint8_t *key;
    MUST(env_catalogue_secrets(c, &secrets, &err));
    ck_assert_uint_le(c->secrets_len, ENV_ROOT_BYTES + 2 * ENV_SECRET_ENTRY_BYTES);
    hunt_remember(h, ROOT, secrets);
    hunt_remember(h, GS_1, env_secrets_gs(secrets, 0));
    if (c->secrets_len > ENV_ROOT_BYTES + ENV_SECRET_ENTRY_BYTES) {
        hunt_remember(h, GS_2, env_secrets_gs(secrets, 1));
    }
    env_secret_free(c->ctx, secrets, c->secrets_len);
    MUST(env_secret_new(c->ctx, 32, &key, &err));
    for (size_t i = 0; i < c->row_count; i++) {
        MUST(env_catalogue_dek(c, i, key, &err));
        hunt_remember(h, DEK_1 + i, key);
    }
    env_secret_free(c->ctx, key, 32);
    hunt_remember(h, META, env_dek_key(c->dek));
    h->arena = c->key;
}

static void hunt_chain(struct hunt *h, envelope_chain *chain)
{
    struct env_catalogue *c = env_chain_catalogue(chain);
    ck_assert_ptr_nonnull(c);
    hunt_catalogue(h, c);
    env_catalogue_release(c);
}

/* Two points, the second behind a rotation, so that there are two generations; all is closed. */
static void stage_begin(struct stage *s)
{
    memset(s, 0, sizeof *s);
    hunt_begin(&s->hunt);
    host_begin(&s->host, &s->kms, 1, 2);
    envelope_chain *chain = host_create(&s->host, &s->mem, "vm");
    back_up(chain, 1, LEN);
    envelope_chain_free(chain);
    s->kms.newest = 2;
    chain = host_open(&s->host, &s->mem, NULL);
    back_up(chain, 2, LEN);
    hunt_chain(&s->hunt, chain);
    envelope_chain_free(chain);
    hunt_expect_none(&s->hunt, true);
}

static void stage_end(struct stage *s)
{
    host_end(&s->host);
    memory_store_clear(&s->mem);
    hunt_expect_none(&s->hunt, true);
    hunt_end(&s->hunt);
}

/* Of the chain only the newest metadata's DEK is in plain, in the arena: found, it is the control.
 */
static void expect_closed(struct hunt *h)
{
    hunt_expect_none(h, false);
    ck_assert_int_ge(h->inside[META], 1);
    for (int i = 0; i < HUNT_MAX; i++) {
        ck_assert_msg(i == META || h->inside[i] == 0, "secret %d stands in the arena", i);
    }
}

START_TEST(control)
{
    struct stage s;
    stage_begin(&s);
    envelope_chain *chain = host_open(&s.host, &s.mem, NULL);
    struct env_catalogue *c = env_chain_catalogue(chain);
    static uint8_t *volatile copy; /* or the compiler sees that nobody reads it */
    copy = malloc(100);
    ck_assert_ptr_nonnull(copy);
    ck_assert(!env_catalogue_dek(c, 1, copy + 13, NULL));
    hunt_search(&s.hunt);
    ck_assert_int_eq(s.hunt.outside[DEK_2], 1);
    ck_assert_int_eq(s.hunt.outside[DEK_1] + s.hunt.outside[ROOT], 0);
    env_wipe(copy, 100);
    free(copy);
    env_catalogue_release(c);
    envelope_chain_free(chain);
    stage_end(&s);
}
END_TEST

START_TEST(listed_points)
{
    struct stage s;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_points *points;
    stage_begin(&s);
    envelope_chain *chain = host_open(&s.host, &s.mem, NULL);
    hunt_chain(&s.hunt, chain);
    ck_assert(s.hunt.known[GS_2] && s.hunt.known[DEK_2]);
    expect_closed(&s.hunt);
    MUST(envelope_chain_points(chain, &points, &err));
    ck_assert_uint_eq(envelope_points_count(points), 2);
    expect_closed(&s.hunt);
    envelope_points_free(points);
    MUST(envelope_chain_verify(chain, NULL, &err));
    expect_closed(&s.hunt);
    MUST(envelope_chain_refresh(chain, ENVELOPE_REFRESH_NEW_GENERATION, NULL, &err));
    hunt_expect_none(&s.hunt, false);
    envelope_chain_free(chain);
    hunt_expect_none(&s.hunt, true);
    stage_end(&s);
}
END_TEST

START_TEST(open_reader)
{
    struct stage s;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_reader *r;
    uint8_t data[5000];
    size_t got;
    stage_begin(&s);
    envelope_chain *chain = host_open(&s.host, &s.mem, NULL);
    hunt_chain(&s.hunt, chain);
    MUST(envelope_reader_new(chain, 1, &r, &err));
    hunt_expect_none(&s.hunt, false);
    for (uint64_t at = 0; at < LEN; at += sizeof data) {
        MUST(envelope_reader_pread(r, at, data, sizeof data, &got, &err));
    }
    hunt_expect_none(&s.hunt, false);
    ck_assert_int_eq(s.hunt.inside[DEK_2], 0);
    envelope_reader_free(r);
    expect_closed(&s.hunt);
    envelope_chain_free(chain);
    hunt_expect_none(&s.hunt, true);
    stage_end(&s);
}
END_TEST

/* -- the point that is being written: its DEK is learnt from its header, as the KMS opens that */

struct front {
    uint8_t *data; /* both copies */
    size_t len;
};

static void keep_front(void *user, const char *name, const void *data, size_t len)
{
    struct front *f = user;
    if (!f->data && strstr(name, "/points/")) {
        f->data = malloc(len);
        ck_assert_ptr_nonnull(f->data);
        memcpy(f->data, data, len);
        f->len = len;
    }
}

static envelope_status read_front(void *user, uint64_t offset, void *buf, size_t len,
                                  envelope_error *err)
{
    const struct front *f = user;
    (void)err;
    if (offset > f->len || len > f->len - offset) {
        return ENVELOPE_E_IO;
    }
    memcpy(buf, f->data + offset, len);
    return ENVELOPE_OK;
}

static void hunt_open(struct stage *s, struct front *f)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_ctx *ctx = s->host.ctx;
    const struct env_listener events = ENV_LISTENER(ctx);
    struct env_headers *headers;
    struct env_object *object;
    ck_assert_ptr_nonnull(f->data);
    envelope_keyring *ring = host_keyring(&s->host);
    struct env_opening opening = env_opening_begin(ring, &events);
    MUST(env_headers_read(ctx, read_front, f, f->len, &headers, &err));
    MUST(env_object_unlock(headers, ring, &opening, &object, &err));
    hunt_remember(&s->hunt, OPEN, env_dek_key(object->dek));
    env_object_free(object);
    envelope_keyring_free(ring);
    free(f->data);
    f->data = NULL;
}

static envelope_writer *begin_point(struct stage *s, envelope_chain *chain)
{
    static const uint8_t zeros[LEN];
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct front f = {.data = NULL};
    envelope_writer *w;
    s->mem.after_write = keep_front;
    s->mem.user = &f;
    MUST(envelope_writer_new(chain, NULL, &w, &err));
    s->mem.after_write = NULL;
    hunt_open(s, &f);
    MUST(envelope_writer_write(w, zeros, sizeof zeros, &err));
    hunt_expect_none(&s->hunt, false);
    ck_assert_int_ge(s->hunt.inside[OPEN], 1);
    ck_assert_int_eq(s->hunt.inside[ROOT] + s->hunt.inside[GS_1] + s->hunt.inside[GS_2], 0);
    ck_assert_int_eq(s->hunt.inside[DEK_1] + s->hunt.inside[DEK_2], 0);
    return w;
}

static envelope_status refuse(void *user, const char *name)
{
    (void)user;
    return strstr(name, "/points/") ? ENVELOPE_E_IO : ENVELOPE_OK;
}

START_TEST(open_writer)
{
    struct stage s;
    envelope_error err = ENVELOPE_ERROR_INIT;
    stage_begin(&s);
    envelope_chain *chain = host_open(&s.host, &s.mem, NULL);
    hunt_chain(&s.hunt, chain);
    envelope_writer *w = begin_point(&s, chain);
    envelope_writer_free(w); /* given up */
    expect_closed(&s.hunt);
    w = begin_point(&s, chain);
    s.mem.before_finish = refuse;
    ck_assert_int_eq(envelope_writer_commit(w, NULL, &err), ENVELOPE_E_IO);
    s.mem.before_finish = NULL;
    hunt_expect_none(&s.hunt, false);
    envelope_writer_free(w);
    expect_closed(&s.hunt);
    w = begin_point(&s, chain);
    MUST(envelope_writer_commit(w, NULL, &err));
    hunt_chain(&s.hunt, chain); /* now listed too, in newer metadata */
    ck_assert(!memcmp(s.hunt.masked[DEK_3], s.hunt.masked[OPEN], HUNT_SECRET));
    hunt_expect_none(&s.hunt, false);
    envelope_writer_free(w);
    expect_closed(&s.hunt);
    envelope_chain_free(chain);
    hunt_expect_none(&s.hunt, true);
    stage_end(&s);
}
END_TEST

/* -- what fails */

static void flip_last(struct stage *s, const char *part, size_t from_end)
{
    size_t at = 0;
    struct memory_file *f;
    while ((f = memory_next(&s->mem, part, &at))) {
        if (f->len > from_end) { /* a keys copy is shorter than a point */
            f->data[f->len - from_end] ^= 1;
        }
    }
}

START_TEST(damaged_point)
{
    struct stage s;
    envelope_reader *r;
    uint8_t data[LEN];
    size_t got;
    stage_begin(&s);
    flip_last(&s, "/points/", 40000); /* in the middle of the payload */
    envelope_chain *chain = host_open(&s.host, &s.mem, NULL);
    hunt_chain(&s.hunt, chain);
    ck_assert_int_eq(envelope_reader_new(chain, 1, &r, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_reader_pread(r, 0, data, LEN, &got, NULL), ENVELOPE_E_AUTH);
    hunt_expect_none(&s.hunt, false);
    envelope_reader_free(r);
    expect_closed(&s.hunt);
    flip_last(&s, "/points/", 100); /* in the last chunk */
    ck_assert_int_eq(envelope_reader_new(chain, 1, &r, NULL), ENVELOPE_E_AUTH);
    expect_closed(&s.hunt);
    ck_assert_int_ne(envelope_chain_verify(chain, NULL, NULL), ENVELOPE_OK);
    expect_closed(&s.hunt);
    envelope_chain_free(chain);
    hunt_expect_none(&s.hunt, true);
    stage_end(&s);
}
END_TEST

/* Metadata and its copies open, and their payload does not verify: the points' own slots serve. */
START_TEST(damaged_metadata)
{
    struct stage s;
    envelope_status st;
    stage_begin(&s);
    flip_last(&s, "/meta/", 100);
    flip_last(&s, "-keys-", 100);
    envelope_chain *chain = host_open(&s.host, &s.mem, &st);
    hunt_expect_none(&s.hunt, !chain);
    envelope_chain_free(chain);
    hunt_expect_none(&s.hunt, true);
    stage_end(&s);
}
END_TEST

START_TEST(wrong_keys)
{
    struct stage s;
    envelope_status st;
    stage_begin(&s);
    s.host.no_kms = true;
    s.host.private_key = 5;
    s.host.password = "not this one";
    ck_assert_ptr_null(host_open(&s.host, &s.mem, &st));
    ck_assert_int_eq(st, ENVELOPE_E_NO_KEY);
    hunt_expect_none(&s.hunt, true);
    stage_end(&s);
}
END_TEST

START_TEST(survey)
{
    struct stage s;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_survey *found;
    stage_begin(&s);
    envelope_store *store = memory_store_open(s.host.ctx, &s.mem);
    envelope_keyring *ring = host_keyring(&s.host);
    MUST(envelope_survey_new(store, NULL, &found, &err));
    MUST(envelope_survey_try(found, ring, &err));
    hunt_expect_none(&s.hunt, true); /* it says what opens, and keeps no key */
    envelope_survey_free(found);
    envelope_keyring_free(ring);
    envelope_store_free(store);
    stage_end(&s);
}
END_TEST

Suite *suite(void)
{
    if (hunt_is_void()) {
        skip_all(hunt_is_void());
        return NULL;
    }
    const TTest *const tests[] = {control,     listed_points, open_reader,
                                  open_writer, damaged_point, damaged_metadata,
                                  wrong_keys,  survey,        NULL};
    return suite_of("chain_memory", 120, tests);
}
