/* A store of somebody else's: what its functions return and leave behind is not taken on trust. */
#include "check_main.h"
#include "store/store.h"
#include <string.h>

static envelope_ctx *ctx;
static envelope_error err = ENVELOPE_ERROR_INIT;

/* What the functions below do; each test sets what it needs. */
static struct {
    envelope_status status;
    const char *message;
    void *file;
    uint64_t bytes;
    size_t got;
    const char *const *names;
    envelope_status sink; /* what the sink said last */
    unsigned destroyed;
    unsigned closed;
} fake;

static envelope_status answer(envelope_error *e)
{
    return fake.status ? envelope_error_set(e, fake.status, 77, fake.message) : ENVELOPE_OK;
}

static envelope_status fake_create(void *self, const char *name, uint64_t hint, void **file,
                                   envelope_error *e)
{
    (void)self;
    (void)name;
    (void)hint;
    *file = fake.file;
    return answer(e);
}

static envelope_status fake_write(void *self, void *file, const void *data, size_t len,
                                  envelope_error *e)
{
    (void)self;
    (void)file;
    (void)data;
    (void)len;
    return answer(e);
}

static envelope_status fake_reread(void *self, void *file, uint64_t offset, void *buf, size_t len,
                                   envelope_error *e)
{
    (void)self;
    (void)file;
    (void)offset;
    (void)buf;
    (void)len;
    return answer(e);
}

static envelope_status fake_finish(void *self, void *file, envelope_error *e)
{
    (void)self;
    (void)file;
    return answer(e);
}

static void fake_close(void *self, void *file)
{
    (void)self;
    (void)file;
    fake.closed++;
}

static envelope_status fake_open(void *self, const char *name, void **file, uint64_t *bytes,
                                 envelope_error *e)
{
    (void)self;
    (void)name;
    *file = fake.file;
    if (fake.bytes) {
        *bytes = fake.bytes;
    }
    return answer(e);
}

static envelope_status fake_pread(void *self, void *file, uint64_t offset, void *buf, size_t len,
                                  size_t *got, envelope_error *e)
{
    (void)self;
    (void)file;
    (void)offset;
    memset(buf, 'x', len);
    *got = fake.got;
    return answer(e);
}

static envelope_status fake_list(void *self, const char *prefix, const char *after,
                                 envelope_name_sink *sink, envelope_error *e)
{
    (void)self;
    (void)prefix;
    (void)after;
    for (const char *const *n = fake.names; n && *n; n++) {
        fake.sink = envelope_name_sink_add(sink, *n, 5);
    }
    return answer(e);
}

static envelope_status fake_remove(void *self, const char *name, envelope_error *e)
{
    (void)self;
    (void)name;
    return answer(e);
}

static void fake_destroy(void *self)
{
    (void)self;
    fake.destroyed++;
}

static envelope_store_ops table(void)
{
    return (envelope_store_ops){.size = sizeof(envelope_store_ops),
                                .kind = "cloud",
                                .create = fake_create,
                                .write = fake_write,
                                .reread = fake_reread,
                                .finish = fake_finish,
                                .abort_write = fake_close,
                                .open = fake_open,
                                .pread = fake_pread,
                                .close = fake_close,
                                .list = fake_list,
                                .remove = fake_remove,
                                .destroy = fake_destroy};
}

static envelope_store *store;

static void setup(void)
{
    envelope_store_ops ops = table();
    memset(&fake, 0, sizeof fake);
    fake.file = &fake;
    fake.bytes = 10;
    ck_assert_int_eq(envelope_ctx_new(NULL, &ctx, &err), ENVELOPE_OK);
    ck_assert_int_eq(envelope_store_new(ctx, &ops, NULL, &store, &err), ENVELOPE_OK);
}

static void teardown(void)
{
    envelope_store_free(store);
    envelope_ctx_free(ctx);
}

static void fails(envelope_status status, const char *message)
{
    fake.status = status;
    fake.message = message;
}

#define IS(status, call) ck_assert_int_eq((call), (status))
#define SAYS(text)       ck_assert_ptr_nonnull(strstr(err.message, (text)))

START_TEST(made_and_destroyed_once)
{
    envelope_store *other = NULL;
    envelope_store_ops ops = table();
    IS(ENVELOPE_OK, envelope_store_new(ctx, &ops, NULL, &other, &err));
    ck_assert_ptr_eq(env_store_retain(other), other);
    envelope_store_free(other);
    ck_assert_uint_eq(fake.destroyed, 0);
    envelope_store_free(other);
    ck_assert_uint_eq(fake.destroyed, 1);
    envelope_store_free(NULL);

    IS(ENVELOPE_E_INVALID, envelope_store_new(NULL, &ops, NULL, &other, &err));
    ck_assert_uint_eq(fake.destroyed, 2);
    IS(ENVELOPE_E_INVALID, envelope_store_new(ctx, &ops, NULL, NULL, &err));
    ck_assert_uint_eq(fake.destroyed, 3);
    ops.list = NULL;
    IS(ENVELOPE_E_INVALID, envelope_store_new(ctx, &ops, NULL, &other, &err));
    ck_assert_uint_eq(fake.destroyed, 4);
    ck_assert_ptr_null(other);
    ops = table();
    ops.finish = NULL;
    IS(ENVELOPE_E_INVALID, envelope_store_new(ctx, &ops, NULL, &other, &err));
    IS(ENVELOPE_E_INVALID, envelope_store_new(ctx, NULL, NULL, &other, &err));
}
END_TEST

START_TEST(sizes_of_the_table)
{
    struct {
        envelope_store_ops ops;
        void *newer;
    } wide = {.ops = table()};
    envelope_store *other = NULL;
    wide.ops.size = sizeof wide;
    IS(ENVELOPE_OK, envelope_store_new(ctx, &wide.ops, NULL, &other, &err));
    envelope_store_free(other);
    wide.newer = &wide;
    IS(ENVELOPE_E_INVALID, envelope_store_new(ctx, &wide.ops, NULL, &other, &err));
    wide.ops.size = 0;
    IS(ENVELOPE_E_INVALID, envelope_store_new(ctx, &wide.ops, NULL, &other, &err));
    wide.ops.size = 4097;
    IS(ENVELOPE_E_INVALID, envelope_store_new(ctx, &wide.ops, NULL, &other, &err));
    /* a table that ends within `list` has none */
    wide.ops.size = offsetof(envelope_store_ops, list) + 4;
    IS(ENVELOPE_E_INVALID, envelope_store_new(ctx, &wide.ops, NULL, &other, &err));
}
END_TEST

START_TEST(statuses)
{
    static const envelope_status allowed[] = {
        ENVELOPE_E_EXISTS, ENVELOPE_E_NOT_FOUND, ENVELOPE_E_NO_SPACE,
        ENVELOPE_E_IO,     ENVELOPE_E_BUSY,      ENVELOPE_E_REFUSED,
    };
    struct env_store_writer w;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        fails(allowed[i], "because");
        IS(allowed[i], env_store_create(store, "a", 0, &w, &err));
        SAYS("cloud: because");
        ck_assert_int_eq(err.origin, ENVELOPE_ORIGIN_CALLER);
        ck_assert_int_eq(err.native, 77);
        ck_assert_ptr_null(w.file);
    }
    /* a verdict on the object, or nonsense */
    static const envelope_status others[] = {ENVELOPE_E_AUTH, ENVELOPE_E_NO_KEY,
                                             ENVELOPE_E_ROLLBACK, 5, -1000};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        fails(others[i], "because\n");
        IS(ENVELOPE_E_CALLBACK, env_store_create(store, "a", 0, &w, &err));
        SAYS("because\\x0a");
    }
    fails(ENVELOPE_E_NOT_FOUND, "");
    IS(ENVELOPE_OK, env_store_remove(store, "a", &err));
    fails(ENVELOPE_E_REFUSED, "retained");
    IS(ENVELOPE_E_REFUSED, env_store_remove(store, "a", NULL));
}
END_TEST

START_TEST(ok_and_nothing_done)
{
    struct env_store_writer w;
    struct env_store_file f;
    char buf[8];
    fake.file = NULL;
    IS(ENVELOPE_E_CALLBACK, env_store_create(store, "a", 0, &w, &err));
    IS(ENVELOPE_E_CALLBACK, env_store_open(store, "a", &f, &err));
    ck_assert_uint_eq(fake.closed, 0);
    fake.file = &fake;
    fake.bytes = 0;
    IS(ENVELOPE_E_CALLBACK, env_store_open(store, "a", &f, &err));
    ck_assert_uint_eq(fake.closed, 1);
    fake.bytes = 10;
    IS(ENVELOPE_OK, env_store_open(store, "a", &f, &err));
    fake.got = 9;
    IS(ENVELOPE_E_CALLBACK, env_store_read(&f, 0, buf, 8, &err));
    fake.got = 7;
    IS(ENVELOPE_E_IO, env_store_read(&f, 0, buf, 8, &err));
    fake.got = 8;
    IS(ENVELOPE_OK, env_store_read(&f, 0, buf, 8, &err));
    IS(ENVELOPE_E_FORMAT, env_store_read(&f, 3, buf, 8, &err));
    env_store_close(&f);
    ck_assert_uint_eq(fake.closed, 2);
}
END_TEST

START_TEST(names)
{
    struct env_names out;
    static const char *const mixed[] = {"a/c", "a/b", "a/c", "a/b-1", NULL};
    fake.names = mixed;
    IS(ENVELOPE_OK, env_store_list(store, "a/", &out, &err));
    ck_assert_uint_eq(out.count, 3);
    ck_assert_str_eq(out.item[0].name, "a/b");
    ck_assert_str_eq(out.item[1].name, "a/b-1");
    ck_assert_str_eq(out.item[2].name, "a/c");
    ck_assert_uint_eq(out.item[2].bytes, 5);
    env_names_free(&out);
    env_names_free(&out);

    /* the first mistake sticks, whatever comes after it and is returned */
    static const char *const bad[][3] = {
        {"a/../b", "a/b"}, {"b/c", "a/b"}, {"a/\n", "a/b"}, {"a/", "a/b"}, {"/a/b", "a/b"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fake.names = bad[i];
        IS(ENVELOPE_E_CALLBACK, env_store_list(store, "a/", &out, &err));
        SAYS("cloud: its `list` gave ");
        ck_assert_int_eq(fake.sink, ENVELOPE_E_INVALID);
        ck_assert_uint_eq(out.count, 0);
    }
    fake.names = mixed;
    fails(ENVELOPE_E_IO, "cut off");
    IS(ENVELOPE_E_IO, env_store_list(store, "a/", &out, &err));
    ck_assert_uint_eq(out.count, 0);
    IS(ENVELOPE_E_INVALID, envelope_name_sink_add(NULL, "a", 0));
}
END_TEST

START_TEST(what_is_not_offered)
{
    bool known = true;
    struct env_names out;
    struct env_store_writer w;
    envelope_store *other;
    IS(ENVELOPE_OK, env_store_in_progress(store, "", &out, &known, &err));
    ck_assert(!known);
    env_names_free(&out);
    IS(ENVELOPE_E_REFUSED, env_store_overwrite(store, "a", 0, "", 0, &err));
    envelope_store_ops ops = table();
    ops.create = NULL;
    ops.write = NULL;
    ops.reread = NULL;
    ops.finish = NULL;
    ops.abort_write = NULL;
    ops.remove = NULL;
    IS(ENVELOPE_OK, envelope_store_new(ctx, &ops, NULL, &other, &err));
    ck_assert(env_store_writable(store));
    ck_assert(!env_store_writable(other));
    IS(ENVELOPE_E_REFUSED, env_store_create(other, "a", 0, &w, &err));
    SAYS("read only");
    IS(ENVELOPE_E_REFUSED, env_store_remove(other, "a", &err));
    envelope_store_free(other);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {
        made_and_destroyed_once, sizes_of_the_table, statuses, ok_and_nothing_done, names,
        what_is_not_offered};
    Suite *s = suite_create("store_table");
    TCase *t = tcase_create("store_table");
    tcase_add_checked_fixture(t, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        tcase_add_test(t, tests[i]);
    }
    suite_add_tcase(s, t);
    return s;
}
