/* The directory store: its contract, what it may touch, and what it leaves alone. */
#include "base/text.h"
#include "check_main.h"
#include "crypto/digest.h"
#include "store/store.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID          "0123456789abcdef0123456789abcdef"
#define OTHER_ID    "fedcba9876543210fedcba9876543210"
#define CHAIN       "chains/web01-3f9a0c5b77d1e204/"
#define POINT       CHAIN "points/20260411T221503Z-full-" ID ".env"
#define OTHER_POINT CHAIN "points/20260412T221503Z-full-" OTHER_ID ".env"

static envelope_ctx *ctx;
static envelope_error err = ENVELOPE_ERROR_INIT;
static char root[64];

#define OK(call)         ck_assert_msg((call) == ENVELOPE_OK, "%s", err.message)
#define IS(status, call) ck_assert_int_eq((call), (status))

static void setup(void)
{
    snprintf(root, sizeof root, "store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    OK(envelope_ctx_new(NULL, &ctx, &err));
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s;
    (void)kind;
    (void)at;
    return remove(path);
}

static void teardown(void)
{
    envelope_ctx_free(ctx);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *below(const char *name)
{
    static char path[512];
    int n = snprintf(path, sizeof path, "%s/%s", root, name);
    ck_assert_int_lt(n, (int)sizeof path);
    return path;
}

static bool exists(const char *name)
{
    struct stat s;
    return lstat(below(name), &s) == 0;
}

static envelope_store *open_store(uint32_t flags)
{
    envelope_store *store;
    OK(envelope_store_dir(ctx, root, flags, &store, &err));
    return store;
}

static envelope_status put(envelope_store *store, const char *name, const char *text)
{
    struct env_store_writer w;
    envelope_status st = env_store_create(store, name, strlen(text), &w, &err);
    if (st) {
        return st;
    }
    st = env_store_write(&w, text, strlen(text), &err);
    if (st) {
        env_store_abort(&w);
        return st;
    }
    return env_store_finish(&w, &err);
}

static void assert_holds(envelope_store *store, const char *name, const char *text)
{
    struct env_store_file f;
    char buf[256];
    OK(env_store_open(store, name, &f, &err));
    ck_assert_uint_eq(f.bytes, strlen(text));
    OK(env_store_read(&f, 0, buf, strlen(text), &err));
    ck_assert_mem_eq(buf, text, strlen(text));
    env_store_close(&f);
}

static size_t files_in(const char *folder)
{
    size_t n = 0;
    DIR *d = opendir(below(folder));
    if (!d) {
        return 0;
    }
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        n += e->d_name[0] != '.';
    }
    closedir(d);
    return n;
}

static void make_file(const char *name, mode_t mode)
{
    int fd = open(below(name), O_CREAT | O_EXCL | O_WRONLY, mode);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "left", 4), 4);
    close(fd);
}

static void assert_list(envelope_store *store, const char *prefix, const char *const *expected)
{
    struct env_names names;
    OK(env_store_list(store, prefix, &names, &err));
    size_t i = 0;
    for (; expected[i]; i++) {
        ck_assert_uint_gt(names.count, i);
        ck_assert_str_eq(names.item[i].name, expected[i]);
    }
    ck_assert_uint_eq(names.count, i);
    env_names_free(&names);
}

#define ASSERT_LIST(store, prefix, ...)                                                            \
    assert_list(store, prefix, (const char *const[]){__VA_ARGS__, NULL})
#define ASSERT_NONE(store, prefix) assert_list(store, prefix, (const char *const[]){NULL})

static bool in_progress(envelope_store *store, const char *name)
{
    struct env_names names;
    bool known;
    bool found = false;
    OK(env_store_in_progress(store, CHAIN, &names, &known, &err));
    ck_assert(known);
    for (size_t i = 0; i < names.count; i++) {
        found = found || !strcmp(names.item[i].name, name);
    }
    env_names_free(&names);
    return found;
}

START_TEST(written_and_read)
{
    struct env_store_writer w;
    struct env_store_file f;
    char buf[16] = "";
    envelope_store *store = open_store(0);
    ck_assert(env_store_writable(store));
    OK(env_store_create(store, POINT, 0, &w, &err));
    OK(env_store_write(&w, "hello ", 6, &err));
    OK(env_store_write(&w, "", 0, &err));
    OK(env_store_write(&w, "world", 5, &err));
    ck_assert_uint_eq(w.written, 11);
    OK(env_store_reread(&w, 6, buf, 5, &err));
    ck_assert_mem_eq(buf, "world", 5);
    IS(ENVELOPE_E_RANGE, env_store_reread(&w, 7, buf, 5, &err));
    IS(ENVELOPE_E_NOT_FOUND, env_store_open(store, POINT, &f, &err));
    ASSERT_NONE(store, "");
    OK(env_store_finish(&w, &err));
    env_store_abort(&w);
    assert_holds(store, POINT, "hello world");
    ASSERT_LIST(store, "", POINT);
    ck_assert_uint_eq(files_in(CHAIN "tmp"), 0);

    OK(env_store_open(store, POINT, &f, &err));
    OK(env_store_read(&f, 10, buf, 1, &err));
    IS(ENVELOPE_E_FORMAT, env_store_read(&f, 10, buf, 2, &err));
    IS(ENVELOPE_E_FORMAT, env_store_read(&f, UINT64_MAX, buf, 2, &err));
    OK(env_store_overwrite(store, POINT, 6, "WORLD", 5, &err));
    IS(ENVELOPE_E_RANGE, env_store_overwrite(store, POINT, 7, "WORLD", 5, &err));
    OK(env_store_read(&f, 0, buf, 11, &err));
    ck_assert_mem_eq(buf, "hello WORLD", 11);
    ck_assert_int_eq(truncate(below(POINT), 3), 0);
    IS(ENVELOPE_E_IO, env_store_read(&f, 0, buf, 11, &err));
    env_store_close(&f);
    env_store_close(&f);

    OK(env_store_remove(store, POINT, &err));
    OK(env_store_remove(store, POINT, &err));
    IS(ENVELOPE_E_NOT_FOUND, env_store_open(store, POINT, &f, &err));
    OK(put(store, "README.txt", "what this is"));
    assert_holds(store, "README.txt", "what this is");
    envelope_store_free(store);
}
END_TEST

START_TEST(abort_leaves_nothing)
{
    struct env_store_writer w;
    envelope_store *store = open_store(0);
    OK(env_store_create(store, POINT, 0, &w, &err));
    OK(env_store_write(&w, "hello", 5, &err));
    env_store_abort(&w);
    env_store_abort(&w);
    ASSERT_NONE(store, "");
    ck_assert_uint_eq(files_in(CHAIN "tmp"), 0);
    ck_assert_uint_eq(files_in(CHAIN "points"), 0);
    envelope_store_free(store);
}
END_TEST

START_TEST(one_name_one_writer)
{
    struct env_store_writer a;
    struct env_store_writer b;
    envelope_store *one = open_store(0);
    envelope_store *two = open_store(0);
    const char *name = CHAIN "meta/00000000000000000001.env";
    OK(env_store_create(one, name, 0, &a, &err));
    OK(env_store_create(two, name, 0, &b, &err));
    OK(env_store_write(&a, "first", 5, &err));
    OK(env_store_write(&b, "second", 6, &err));
    OK(env_store_finish(&b, &err));
    IS(ENVELOPE_E_EXISTS, env_store_finish(&a, &err));
    assert_holds(one, name, "second");
    IS(ENVELOPE_E_EXISTS, put(one, name, "third"));
    assert_holds(one, name, "second");
    ck_assert_uint_eq(files_in(CHAIN "tmp"), 0);

    /* the same object id twice at a time */
    OK(env_store_create(one, POINT, 0, &a, &err));
    IS(ENVELOPE_E_BUSY, env_store_create(two, POINT, 0, &b, &err));
    env_store_abort(&a);
    envelope_store_free(one);
    envelope_store_free(two);
}
END_TEST

static mode_t mode_of(const char *name)
{
    struct stat s;
    ck_assert_int_eq(lstat(below(name), &s), 0);
    return s.st_mode & 07777;
}

static void modes_under(mode_t mask)
{
    envelope_store *store;
    struct env_store_writer w;
    char folder[128];
    mode_t before = umask(mask);
    snprintf(folder, sizeof folder, "%s/repo-%03o", root, mask);
    OK(envelope_store_dir(ctx, folder, ENVELOPE_DIR_CREATE, &store, &err));
    OK(put(store, POINT, "hello"));
    OK(env_store_create(store, OTHER_POINT, 0, &w, &err));
    umask(before);
    memmove(folder, folder + strlen(root) + 1, strlen(folder) - strlen(root));
    static const char *const folders[] = {"", "/chains", "/" CHAIN, "/" CHAIN "points",
                                          "/" CHAIN "tmp"};
    char name[512];
    for (size_t i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "%s%s", folder, folders[i]);
        ck_assert_uint_eq(mode_of(name), 0700);
    }
    snprintf(name, sizeof name, "%s/%s", folder, POINT);
    ck_assert_uint_eq(mode_of(name), 0600);
    struct env_names names;
    bool known;
    OK(env_store_in_progress(store, CHAIN, &names, &known, &err));
    ck_assert_uint_eq(names.count, 1);
    snprintf(name, sizeof name, "%s/%s", folder, names.item[0].name);
    ck_assert_uint_eq(mode_of(name), 0600);
    env_names_free(&names);
    env_store_abort(&w);
    envelope_store_free(store);
}

START_TEST(modes_whatever_the_umask)
{
    modes_under(0);
    modes_under(0277);
}
END_TEST

START_TEST(names_refused)
{
    static const char *const bad[] = {"",     "/",        "/a",   "a/",    "a//b",   ".",
                                      "..",   "../a",     "a/..", "a/./b", "a/../b", "a b",
                                      "a\nb", "\xc3\xa4", "a\\b", "a:b"};
    char longest[202];
    struct env_store_file f;
    struct env_store_writer w;
    struct env_names names;
    envelope_store *store = open_store(0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(!env_store_name_valid(bad[i]), "%s", bad[i]);
        IS(ENVELOPE_E_INVALID, env_store_open(store, bad[i], &f, &err));
        IS(ENVELOPE_E_INVALID, env_store_create(store, bad[i], 0, &w, &err));
        IS(ENVELOPE_E_INVALID, env_store_remove(store, bad[i], &err));
    }
    IS(ENVELOPE_E_INVALID, env_store_list(store, "../", &names, &err));
    IS(ENVELOPE_E_INVALID, env_store_list(store, "/", &names, &err));
    ck_assert(env_store_name_valid("a..b/.c/...-_A9"));
    memset(longest, 'a', sizeof longest);
    longest[201] = 0;
    ck_assert(!env_store_name_valid(longest));
    longest[200] = 0;
    ck_assert(env_store_name_valid(longest));
    OK(put(store, longest, "x"));
    assert_holds(store, longest, "x");

    IS(ENVELOPE_E_INVALID, env_store_create(store, CHAIN "tmp/a", 0, &w, &err));
    OK(put(store, POINT, "x"));
    make_file(CHAIN "tmp/a", 0600);
    IS(ENVELOPE_E_NOT_FOUND, env_store_open(store, CHAIN "tmp/a", &f, &err));
    OK(env_store_remove(store, CHAIN "tmp/a", &err));
    ck_assert(exists(CHAIN "tmp/a"));
    envelope_store_free(store);
}
END_TEST

START_TEST(listed_in_order)
{
    envelope_store *store = open_store(0);
    OK(put(store, "chains/a/meta/2.env", "22"));
    OK(put(store, "chains/a/meta/10.env", "1"));
    OK(put(store, "chains/a/points/p.env", "333"));
    OK(put(store, "chains/a-b/meta/1.env", ""));
    OK(put(store, "README.txt", "x"));
    OK(put(store, "x/y/z/deep", "x"));
    OK(put(store, "x/y/z/deeper/still", "x"));
    ASSERT_LIST(store, "chains/", "chains/a-b/meta/1.env", "chains/a/meta/10.env",
                "chains/a/meta/2.env", "chains/a/points/p.env");
    ASSERT_LIST(store, "chains/a/", "chains/a/meta/10.env", "chains/a/meta/2.env",
                "chains/a/points/p.env");
    ASSERT_LIST(store, "chains/a/meta/1", "chains/a/meta/10.env");
    ASSERT_LIST(store, "chains/a", "chains/a-b/meta/1.env", "chains/a/meta/10.env",
                "chains/a/meta/2.env", "chains/a/points/p.env");
    ASSERT_NONE(store, "chains/none/");
    ASSERT_LIST(store, "", "README.txt", "chains/a-b/meta/1.env", "chains/a/meta/10.env",
                "chains/a/meta/2.env", "chains/a/points/p.env", "x/y/z/deep");
    make_file("chains/a/meta/not ours", 0600);
    make_file("chains/a/meta/with:colon.env", 0600);
    ASSERT_LIST(store, "chains/a/meta/", "chains/a/meta/10.env", "chains/a/meta/2.env");
    struct env_names names;
    OK(env_store_list(store, "chains/a/meta/", &names, &err));
    ck_assert_uint_eq(names.item[1].bytes, 2);
    env_names_free(&names);
    envelope_store_free(store);
}
END_TEST

START_TEST(only_regular_files)
{
    struct env_store_file f;
    envelope_store *store = open_store(0);
    OK(put(store, POINT, "hello"));
    ck_assert_int_eq(mkfifo(below(CHAIN "points/fifo.env"), 0600), 0);
    ck_assert_int_eq(symlink("/dev/zero", below(CHAIN "points/device.env")), 0);
    ck_assert_int_eq(symlink("20260411T221503Z-full-" ID ".env", below(CHAIN "points/link.env")),
                     0);
    ck_assert_int_eq(symlink("points", below(CHAIN "linked")), 0);
    ck_assert_int_eq(mkdir(below(CHAIN "points/folder.env"), 0700), 0);
    ASSERT_LIST(store, "chains/", POINT);
    alarm(20); /* a FIFO that is waited for */
    IS(ENVELOPE_E_FORMAT, env_store_open(store, CHAIN "points/fifo.env", &f, &err));
    IS(ENVELOPE_E_FORMAT, env_store_open(store, CHAIN "points/device.env", &f, &err));
    IS(ENVELOPE_E_FORMAT, env_store_open(store, CHAIN "points/link.env", &f, &err));
    IS(ENVELOPE_E_FORMAT, env_store_open(store, CHAIN "points/folder.env", &f, &err));
    IS(ENVELOPE_E_FORMAT, env_store_overwrite(store, CHAIN "points/link.env", 0, "x", 1, &err));
    IS(ENVELOPE_E_FORMAT, env_store_overwrite(store, CHAIN "points/fifo.env", 0, "", 0, &err));
    IS(ENVELOPE_E_NOT_FOUND,
       env_store_open(store, CHAIN "linked/20260411T221503Z-full-" ID ".env", &f, &err));
    ASSERT_NONE(store, CHAIN "linked/");
    IS(ENVELOPE_E_REFUSED, put(store, CHAIN "linked/x.env", "x"));
    IS(ENVELOPE_E_EXISTS, put(store, CHAIN "points/fifo.env", "x"));
    IS(ENVELOPE_E_EXISTS, put(store, CHAIN "points/link.env", "x"));
    alarm(0);
    assert_holds(store, POINT, "hello");
    envelope_store_free(store);
}
END_TEST

START_TEST(temp_folder_that_is_a_link)
{
    envelope_store *store = open_store(0);
    OK(put(store, POINT, "hello"));
    ck_assert_int_eq(rmdir(below(CHAIN "tmp")), 0);
    ck_assert_int_eq(mkdir(below("elsewhere"), 0700), 0);
    make_file("elsewhere/" ID ".00000000-1", 0600);
    ck_assert_int_eq(symlink("../../elsewhere", below(CHAIN "tmp")), 0);
    IS(ENVELOPE_E_REFUSED, put(store, OTHER_POINT, "x"));
    ck_assert(!in_progress(store, CHAIN "tmp/" ID ".00000000-1"));
    ck_assert_uint_eq(files_in("elsewhere"), 1);
    envelope_store_free(store);
}
END_TEST

/* Of this machine, by the rule of the design, computed apart. */
static void host_digits(char out[9])
{
    char text[256] = "";
    FILE *f = fopen("/etc/machine-id", "r");
    if (!f || !fgets(text, sizeof text, f) || text[0] == '\n') {
        gethostname(text, sizeof text - 1);
    }
    if (f) {
        fclose(f);
    }
    uint8_t hash[ENV_HASH_BYTES];
    struct env_bytes part = ENV_BYTES(text, strcspn(text, "\n"));
    OK(env_sha256(ctx, &part, 1, hash, &err));
    env_hex(out, hash, 4);
}

static void age(const char *name, time_t seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= seconds;
    struct timespec times[2] = {now, now};
    ck_assert_int_eq(utimensat(AT_FDCWD, below(name), times, AT_SYMLINK_NOFOLLOW), 0);
}

static const char *temp(const char *id, const char *host, unsigned pid)
{
    static char name[4][160];
    static unsigned next;
    char *out = name[next++ % 4];
    snprintf(out, sizeof name[0], CHAIN "tmp/%s.%s-%u", id, host, pid);
    return out;
}

static envelope_store *with_tmp(char host[9])
{
    envelope_store *store = open_store(0);
    host_digits(host);
    OK(put(store, POINT, "hello"));
    return store;
}

START_TEST(temp_names)
{
    char host[9];
    struct env_store_writer w;
    struct env_names names;
    bool known;
    envelope_store *store = with_tmp(host);
    OK(env_store_create(store, OTHER_POINT, 0, &w, &err));
    const char *expected = temp(OTHER_ID, host, (unsigned)getpid());
    ck_assert(exists(expected));
    ck_assert(in_progress(store, expected));
    env_store_abort(&w);
    OK(env_store_create(store, CHAIN "meta/00000000000000000001.env", 0, &w, &err));
    OK(env_store_in_progress(store, CHAIN, &names, &known, &err));
    ck_assert_uint_eq(names.count, 1);
    ck_assert_uint_eq(strlen(names.item[0].name), strlen(expected));
    env_names_free(&names);
    env_store_abort(&w);
    /* outside a chain */
    OK(env_store_create(store, "README.txt", 0, &w, &err));
    ck_assert_uint_eq(files_in("tmp"), 1);
    OK(env_store_in_progress(store, "", &names, &known, &err));
    ck_assert_uint_eq(names.count, 1);
    env_names_free(&names);
    env_store_abort(&w);
    envelope_store_free(store);
}
END_TEST

START_TEST(own_dead_is_removed)
{
    char host[9];
    envelope_store *store = with_tmp(host);
    const char *dead = temp(OTHER_ID, host, 1);
    make_file(dead, 0600);
    ck_assert(!in_progress(store, dead));
    ck_assert(!exists(dead));
    make_file(dead, 0600);
    OK(put(store, OTHER_POINT, "x"));
    ck_assert(!exists(dead));
    envelope_store_free(store);
}
END_TEST

START_TEST(own_live_is_left)
{
    char host[9];
    envelope_store *store = with_tmp(host);
    const char *live = temp(OTHER_ID, host, 1);
    make_file(live, 0600);
    age(live, 48 * 3600);
    int fd = open(below(live), O_RDWR);
    ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    ck_assert(in_progress(store, live));
    OK(put(store, OTHER_POINT, "x"));
    ck_assert(exists(live));
    close(fd);
    ck_assert(!in_progress(store, live));
    ck_assert(!exists(live));
    envelope_store_free(store);
}
END_TEST

START_TEST(foreign_waits_a_day)
{
    char host[9];
    char foreign[9];
    envelope_store *store = with_tmp(host);
    snprintf(foreign, sizeof foreign, "%s", strcmp(host, "00000000") ? "00000000" : "00000001");
    const char *young = temp(ID, foreign, 7);
    const char *late = temp(OTHER_ID, foreign, 7);
    make_file(young, 0600);
    make_file(late, 0600);
    age(young, 23 * 3600);
    age(late, 25 * 3600);
    int fd = open(below(late), O_RDWR);
    ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    ck_assert(in_progress(store, late));
    close(fd);
    ck_assert(!in_progress(store, late));
    ck_assert(!exists(late));
    ck_assert(in_progress(store, young));
    ck_assert(exists(young));
    age(young, -3600);
    ck_assert(in_progress(store, young));
    envelope_store_free(store);
}
END_TEST

START_TEST(nothing_else_is_removed)
{
    char host[9];
    char target[160];
    envelope_store *store = with_tmp(host);
    const char *const names[] = {
        CHAIN "tmp/notes",
        temp("0123", host, 1),
        temp(ID, "0000", 1),
        temp("0123456789ABCDEF0123456789abcdef", host, 1),
    };
    for (size_t i = 0; i < 4; i++) {
        make_file(names[i], 0600);
        age(names[i], 48 * 3600);
        ck_assert(!in_progress(store, names[i]));
        ck_assert_msg(exists(names[i]), "%s", names[i]);
    }
    /* by name a write under way, and none */
    snprintf(target, sizeof target, "%s", temp(ID, host, 2));
    ck_assert_int_eq(mkfifo(below(target), 0600), 0);
    ck_assert(!in_progress(store, target));
    ck_assert(exists(target));
    const char *link = temp(ID, host, 3);
    ck_assert_int_eq(symlink("../points/20260411T221503Z-full-" ID ".env", below(link)), 0);
    ck_assert(!in_progress(store, link));
    ck_assert(exists(link));
    assert_holds(store, POINT, "hello");
    envelope_store_free(store);
}
END_TEST

START_TEST(read_only_changes_nothing)
{
    char host[9];
    struct env_store_writer w;
    envelope_store *store = with_tmp(host);
    envelope_store_free(store);
    const char *dead = temp(OTHER_ID, host, 1);
    make_file(dead, 0600);
    store = open_store(ENVELOPE_DIR_READONLY);
    ck_assert(!env_store_writable(store));
    IS(ENVELOPE_E_REFUSED, env_store_create(store, OTHER_POINT, 0, &w, &err));
    IS(ENVELOPE_E_REFUSED, env_store_remove(store, POINT, &err));
    IS(ENVELOPE_E_REFUSED, env_store_overwrite(store, POINT, 0, "x", 1, &err));
    ck_assert(in_progress(store, dead));
    ck_assert(exists(dead));
    ASSERT_LIST(store, "", POINT);
    assert_holds(store, POINT, "hello");
    envelope_store_free(store);
}
END_TEST

START_TEST(opening)
{
    envelope_store *store;
    char path[128];
    snprintf(path, sizeof path, "%s/new", root);
    IS(ENVELOPE_E_NOT_FOUND, envelope_store_dir(ctx, path, 0, &store, &err));
    ck_assert_ptr_null(store);
    IS(ENVELOPE_E_INVALID, envelope_store_dir(ctx, path, 3, &store, &err));
    IS(ENVELOPE_E_INVALID, envelope_store_dir(ctx, path, 4, &store, &err));
    IS(ENVELOPE_E_INVALID, envelope_store_dir(ctx, "", 0, &store, &err));
    IS(ENVELOPE_E_INVALID, envelope_store_dir(ctx, NULL, 0, &store, &err));
    IS(ENVELOPE_E_INVALID, envelope_store_dir(ctx, path, 0, NULL, &err));
    IS(ENVELOPE_E_INVALID, envelope_store_dir(NULL, path, 0, &store, &err));
    OK(envelope_store_dir(ctx, path, ENVELOPE_DIR_CREATE, &store, &err));
    /* the folder is entered once: moving it away does not matter */
    char moved[128];
    snprintf(moved, sizeof moved, "%s/moved", root);
    ck_assert_int_eq(rename(path, moved), 0);
    OK(put(store, POINT, "hello"));
    ck_assert(exists("moved/" POINT));
    envelope_store_free(store);
    OK(envelope_store_dir(ctx, moved, ENVELOPE_DIR_CREATE, &store, &err));
    envelope_store_free(store);
}
END_TEST

START_TEST(sizes_that_cannot_be)
{
    struct env_store_writer w;
    envelope_store *store = open_store(0);
    IS(ENVELOPE_E_NO_SPACE, env_store_create(store, POINT, UINT64_C(1) << 62, &w, &err));
    ck_assert_uint_eq(files_in(CHAIN "tmp"), 0);
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit low = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    char block[4097] = {0};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
    envelope_status early = env_store_create(store, POINT, 4097, &w, &err);
    envelope_status fits = env_store_create(store, POINT, 4096, &w, &err);
    envelope_status whole = env_store_write(&w, block, 4096, &err);
    /* and no SIGXFSZ, which would be the end of this program */
    envelope_status more = env_store_write(&w, block, 1, &err);
    envelope_status then = env_store_finish(&w, &err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    IS(ENVELOPE_E_LIMIT, early);
    OK(fits);
    OK(whole);
    IS(ENVELOPE_E_LIMIT, more);
    IS(ENVELOPE_E_IO, then); /* a failed write is final */
    ASSERT_NONE(store, "");
    ck_assert_uint_eq(files_in(CHAIN "tmp"), 0);
    envelope_store_free(store);
}
END_TEST

enum { READERS = 4, BLOCKS = 64 };
static struct env_store_file shared;

static void *read_blocks(void *user)
{
    unsigned char block[512];
    unsigned first = *(const unsigned *)user;
    for (unsigned i = 0; i < 4 * BLOCKS; i++) {
        unsigned n = (first + i) % BLOCKS;
        if (env_store_read(&shared, n * sizeof block, block, sizeof block, NULL) || block[0] != n ||
            block[511] != n) {
            return user;
        }
    }
    return NULL;
}

START_TEST(readers_in_threads)
{
    unsigned char block[512];
    struct env_store_writer w;
    pthread_t thread[READERS];
    unsigned first[READERS];
    envelope_store *store = open_store(0);
    OK(env_store_create(store, POINT, 0, &w, &err));
    for (unsigned i = 0; i < BLOCKS; i++) {
        memset(block, (int)i, sizeof block);
        OK(env_store_write(&w, block, sizeof block, &err));
    }
    OK(env_store_finish(&w, &err));
    OK(env_store_open(store, POINT, &shared, &err));
    for (unsigned i = 0; i < READERS; i++) {
        first[i] = i * 7;
        ck_assert_int_eq(pthread_create(&thread[i], NULL, read_blocks, &first[i]), 0);
    }
    for (unsigned i = 0; i < READERS; i++) {
        void *failed;
        ck_assert_int_eq(pthread_join(thread[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    env_store_close(&shared);
    envelope_store_free(store);
}
END_TEST

/* Cleaning and creating at the same time: no writer loses its file. */
static int write_many(unsigned seed)
{
    char name[160];
    envelope_store *store;
    if (envelope_store_dir(ctx, root, 0, &store, NULL)) {
        return 1;
    }
    for (unsigned i = 0; i < 60; i++) {
        snprintf(name, sizeof name, CHAIN "points/%u-%032x.env", seed, i);
        if (put(store, name, "hello")) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    }
    envelope_store_free(store);
    return 0;
}

START_TEST(writers_that_clean)
{
    enum { WRITERS = 3 };
    pid_t child[WRITERS];
    struct env_names names;
    for (unsigned i = 0; i < WRITERS; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            envelope_ctx_free(ctx); /* of no use after the fork */
            _exit(envelope_ctx_new(NULL, &ctx, NULL) ? 1 : write_many(i));
        }
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        int status;
        ck_assert_int_eq(waitpid(child[i], &status, 0), child[i]);
        ck_assert_int_eq(status, 0);
    }
    envelope_store *store = open_store(0);
    OK(env_store_list(store, CHAIN "points/", &names, &err));
    ck_assert_uint_eq(names.count, 60 * WRITERS);
    env_names_free(&names);
    ck_assert_uint_eq(files_in(CHAIN "tmp"), 0);
    envelope_store_free(store);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {
        written_and_read,
        abort_leaves_nothing,
        one_name_one_writer,
        modes_whatever_the_umask,
        names_refused,
        listed_in_order,
        only_regular_files,
        temp_folder_that_is_a_link,
        temp_names,
        own_dead_is_removed,
        own_live_is_left,
        foreign_waits_a_day,
        nothing_else_is_removed,
        read_only_changes_nothing,
        opening,
        sizes_that_cannot_be,
        readers_in_threads,
        writers_that_clean,
    };
    Suite *s = suite_create("store_dir");
    TCase *t = tcase_create("store_dir");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        tcase_add_test(t, tests[i]);
    }
    suite_add_tcase(s, t);
    return s;
}
