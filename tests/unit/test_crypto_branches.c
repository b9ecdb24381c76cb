/* No branch and no address depends on what an unwrapped block holds: memcheck is told that the
 * block is undefined, and complains at the first one. Skipped outside of valgrind. */
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/context.h"
#include "crypto/rsa_key.h"
#include "failing.h"
#include <string.h>
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND                 0
#define VALGRIND_MAKE_MEM_UNDEFINED(p, len) (void)(p)
#define VALGRIND_MAKE_MEM_DEFINED(p, len)   (void)(p)
#define VALGRIND_COUNT_ERRORS               0
#endif

static void decode(const EVP_MD *md)
{
    uint8_t em[512];
    uint8_t scratch[ENV_OAEP_SCRATCH_BYTES];
    uint8_t out[32];
    const uint8_t reject[32] = {1};
    memset(em, 0, sizeof em);
    VALGRIND_MAKE_MEM_UNDEFINED(em, sizeof em);
    ck_assert_int_eq(env_oaep_decode(md, em, sizeof em, reject, scratch, out, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(VALGRIND_COUNT_ERRORS, 0);
    VALGRIND_MAKE_MEM_DEFINED(out, sizeof out);
    ck_assert_mem_eq(out, reject, sizeof out);
}

START_TEST(decoding)
{
    envelope_ctx *ctx = test_ctx();
    decode(ctx->crypto->sha256);
    decode(ctx->crypto->sha1);
    envelope_ctx_free(ctx);
}
END_TEST

/* The means itself: a branch on undefined memory is seen. */
START_TEST(a_branch_is_seen)
{
    volatile uint8_t secret = 1;
    volatile uint8_t branched = 0;
    VALGRIND_MAKE_MEM_UNDEFINED((void *)(uintptr_t)&secret, 1);
    if (secret) {
        branched = 1;
    }
    (void)branched;
    ck_assert_uint_gt(VALGRIND_COUNT_ERRORS, 0);
}
END_TEST

Suite *suite(void)
{
    if (!RUNNING_ON_VALGRIND) {
        skip_all("valgrind or its header is not there, or this is a sanitizer build");
        return NULL;
    }
    const TTest *const all[] = {decoding, a_branch_is_seen, NULL};
    return suite_of("crypto branches", 120, all);
}
