/* Where memory cannot be locked, the library works and says so; who requires locked memory is told
 * what to raise. Only the soft limit is lowered: whoever runs this may not be able to raise it. */
#include "chain_kit.h"
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LEN = 57344 };

struct said {
    int lines;
    char line[256];
};

static void on_log(void *user, int32_t level, const char *line)
{
    struct said *s = user;
    (void)level;
    if (strstr(line, "not locked")) {
        s->lines++;
        snprintf(s->line, sizeof s->line, "%s", line);
    }
}

/* Root may lock as much as it likes by this capability alone. */
static void give_up_ipc_lock(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    ck_assert_int_eq(syscall(SYS_capget, &head, data), 0);
    data[0].effective &= ~(1u << CAP_IPC_LOCK);
    data[0].permitted &= ~(1u << CAP_IPC_LOCK);
    data[0].inheritable &= ~(1u << CAP_IPC_LOCK);
    ck_assert_int_eq(syscall(SYS_capset, &head, data), 0);
}

/* The control: 256 KiB, as a context takes, are refused by the kernel itself. */
static void limit_locked(rlim_t bytes)
{
    enum { ARENA = 256 * 1024 };
    struct rlimit limit;
    give_up_ipc_lock();
    ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    ck_assert_msg(limit.rlim_max >= bytes, "the hard limit is lower than what is tried");
    limit.rlim_cur = bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    void *p = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(p, MAP_FAILED);
    ck_assert_int_ne(mlock(p, ARENA), 0);
    munmap(p, ARENA);
}

static void do_job(int32_t locked)
{
    struct memory_store mem = {0};
    struct test_kms kms = {0};
    struct host h;
    host_begin(&h, &kms, 1, 1);
    ck_assert_int_eq(envelope_ctx_describe(h.ctx)->memory_locked, locked);
    envelope_chain *chain = host_create(&h, &mem, "vm");
    back_up(chain, 1, LEN);
    envelope_chain_free(chain);
    chain = host_open(&h, &mem, NULL);
    check_point(chain, 1, 1, LEN);
    envelope_chain_free(chain);
    host_end(&h);
    memory_store_clear(&mem);
}

static void says_so_once(void)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct said said = {0};
    envelope_ctx_options o = {.size = sizeof o, .log = on_log, .user = &said};
    envelope_ctx *ctx;
    MUST(envelope_ctx_new(&o, &ctx, &err));
    ck_assert_int_eq(envelope_ctx_describe(ctx)->memory_locked, 0);
    ck_assert_uint_eq(envelope_ctx_describe(ctx)->locked_kib, 256);
    ck_assert_int_eq(said.lines, 1);
    ck_assert_ptr_nonnull(strstr(said.line, "RLIMIT_MEMLOCK"));
    envelope_ctx_free(ctx);
    ck_assert_int_eq(said.lines, 1);
}

static void required(uint32_t locked_kib, envelope_status want)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct said said = {0};
    envelope_ctx_options o = {.size = sizeof o,
                              .flags = ENVELOPE_CTX_REQUIRE_MLOCK,
                              .locked_kib = locked_kib,
                              .log = on_log,
                              .user = &said};
    envelope_ctx *ctx = NULL;
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, &err), want);
    ck_assert_int_eq(said.lines, 0);
    if (want) {
        ck_assert_ptr_null(ctx);
        ck_assert_ptr_nonnull(strstr(err.message, "locked_kib"));
        ck_assert_ptr_nonnull(strstr(err.message, "RLIMIT_MEMLOCK"));
        return;
    }
    ck_assert_int_eq(envelope_ctx_describe(ctx)->memory_locked, 1);
    envelope_ctx_free(ctx);
}

START_TEST(nothing_may_be_locked)
{
    limit_locked(0);
    do_job(0);
    says_so_once();
    required(0, ENVELOPE_E_NOMEM);
    required(4, ENVELOPE_E_NOMEM);
}
END_TEST

START_TEST(less_than_the_arena_may_be_locked)
{
    limit_locked(64 * 1024);
    do_job(0);
    says_so_once();
    required(0, ENVELOPE_E_NOMEM);
    required(128, ENVELOPE_E_NOMEM);
    required(32, ENVELOPE_OK);
}
END_TEST

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

Suite *suite(void)
{
    const TTest *const tests[] = {nothing_may_be_locked, less_than_the_arena_may_be_locked, NULL};
    if (sanitized) {
        skip_all("under a sanitizer mlock does nothing");
        return NULL;
    }
    return suite_of("chain_memlock", 60, tests);
}
