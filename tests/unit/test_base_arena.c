/* The arena: aligned, zeroed, wiped, full in time, and lost in a child of fork. */
#include "base/arena.h"
#include "base/bytes.h"
#include "check_main.h"
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct env_arena *arena_of(size_t bytes)
{
    struct env_arena *a;
    bool locked;
    ck_assert_int_eq(env_arena_new(bytes, false, &a, &locked, NULL), ENVELOPE_OK);
    return a;
}

START_TEST(taken_memory_is_zeroed_and_aligned)
{
    struct env_arena *a = arena_of(4096);
    for (size_t len = 0; len < 200; len++) {
        uint8_t *p = env_arena_take(a, len);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 64, 0);
        ck_assert(env_all_zero(p, len));
        memset(p, 0xff, len);
        env_arena_give(a, p, len);
    }
    env_arena_free(a);
}
END_TEST

START_TEST(given_memory_is_wiped)
{
    struct env_arena *a = arena_of(4096);
    uint8_t *p = env_arena_take(a, 100);
    memset(p, 0xff, 100);
    env_arena_give(a, p, 100);
    ck_assert(env_all_zero(p, 100));
    env_arena_give(a, NULL, 100);
    env_arena_free(a);
}
END_TEST

START_TEST(full_then_usable_again)
{
    struct env_arena *a = arena_of(4096);
    void *p[64];
    size_t n = 0;
    while (n < 64 && (p[n] = env_arena_take(a, 64)) != NULL) {
        memset(p[n], (int)n + 1, 64);
        n++;
    }
    ck_assert_uint_eq(n, 63); /* one unit is the marker */
    ck_assert(!env_arena_lost(a));
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_eq(*(uint8_t *)p[i], i + 1);
    }
    env_arena_give(a, p[10], 64);
    env_arena_give(a, p[12], 64);
    ck_assert_ptr_null(env_arena_take(a, 65)); /* two holes of one unit */
    env_arena_give(a, p[11], 64);
    ck_assert_ptr_eq(env_arena_take(a, 192), p[10]);
    env_arena_free(a);
}
END_TEST

START_TEST(too_large_is_refused)
{
    struct env_arena *a = arena_of(4096);
    ck_assert_ptr_null(env_arena_take(a, 4096));
    ck_assert_ptr_null(env_arena_take(a, (size_t)1 << 40));
    ck_assert_ptr_nonnull(env_arena_take(a, 4032));
    env_arena_free(a);
    env_arena_free(NULL);
}
END_TEST

START_TEST(lost_in_a_child)
{
    struct env_arena *a = arena_of(4096);
    uint8_t *p = env_arena_take(a, 32);
    memset(p, 0x5a, 32);
    ck_assert(!env_arena_lost(a));
    pid_t child = fork();
    if (child == 0) {
        bool ok = env_arena_lost(a) && env_all_zero(p, 32) && env_arena_take(a, 32) == NULL;
        env_arena_give(a, p, 32);
        env_arena_free(a);
        _exit(ok ? 0 : 1);
    }
    int how;
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    ck_assert_uint_eq(p[31], 0x5a);
    env_arena_free(a);
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Root may lock regardless of the limit, so the child gives that up where it can. */
START_TEST(locking_can_be_required)
{
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        if (setrlimit(RLIMIT_MEMLOCK, &none) || (geteuid() == 0 && setuid(65534))) {
            _exit(2);
        }
        struct env_arena *a;
        bool locked = true;
        bool soft = env_arena_new(4096, false, &a, &locked, NULL) == ENVELOPE_OK && !locked;
        env_arena_free(a);
        envelope_error err = ENVELOPE_ERROR_INIT;
        bool hard = env_arena_new(4096, true, &a, &locked, &err) == ENVELOPE_E_NOMEM && !a &&
                    strstr(err.message, "RLIMIT_MEMLOCK");
        _exit(soft && hard ? 0 : 1);
    }
    int how;
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}
END_TEST
#endif

Suite *suite(void)
{
    const TTest *const all[] = {
        taken_memory_is_zeroed_and_aligned,
        given_memory_is_wiped,
        full_then_usable_again,
        too_large_is_refused,
        lost_in_a_child,
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        locking_can_be_required, /* sanitizers make mlock do nothing */
#endif
        NULL
    };
    return suite_of("base arena", 20, all);
}
