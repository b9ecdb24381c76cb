/* Making and freeing a context: options, what it tells of itself, fork. */
#include "base/context.h"
#include "check_main.h"
#include "failing.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect_refused(const envelope_ctx_options *o, envelope_status expected,
                           const char *word)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_ctx *ctx = (envelope_ctx *)&err;
    ck_assert_int_eq(envelope_ctx_new(o, &ctx, &err), expected);
    ck_assert_ptr_null(ctx);
    ck_assert_int_eq(err.status, expected);
    ck_assert_msg(strstr(err.message, word) != NULL, "\"%s\" lacks \"%s\"", err.message, word);
    ck_assert_int_eq(envelope_ctx_new(o, &ctx, NULL), expected);
}

START_TEST(describes_itself)
{
    envelope_ctx *ctx = test_ctx();
    const envelope_ctx_info *info = envelope_ctx_describe(ctx);
    ck_assert_str_eq(info->engine, "openssl");
    ck_assert_int_eq(info->openssl[0], '3');
    ck_assert_uint_eq(info->locked_kib, 256);
    ck_assert(ENVELOPE_HAS(info, locked_kib));
    envelope_ctx_free(ctx);
    envelope_ctx_free(NULL);
    ck_assert_ptr_null(envelope_ctx_describe(NULL));
}
END_TEST

START_TEST(options_are_checked)
{
    envelope_ctx_options o = {.size = sizeof o};
    o.flags = 2;
    expect_refused(&o, ENVELOPE_E_INVALID, "flags");
    o.flags = 0;
    o.engine = "abacus\n";
    expect_refused(&o, ENVELOPE_E_UNSUPPORTED, "\"abacus\\x0a\"");
    o.engine = NULL;
    o.openssl_propq = "provider=none-of-this-name";
    expect_refused(&o, ENVELOPE_E_CRYPTO, "fetching");
    o.openssl_propq = "=broken=";
    expect_refused(&o, ENVELOPE_E_CRYPTO, "openssl_propq");
    o.openssl_propq = NULL;
    o.openssl_config = "/nonexistent/openssl.cnf";
    expect_refused(&o, ENVELOPE_E_CRYPTO, "openssl_config");
    o.openssl_config = NULL;
    o.locked_kib = 1u << 30;
    expect_refused(&o, ENVELOPE_E_LIMIT, "locked_kib");
    o.locked_kib = 0;
    o.size = 0;
    expect_refused(&o, ENVELOPE_E_INVALID, "size");
    ck_assert_int_eq(envelope_ctx_new(NULL, NULL, NULL), ENVELOPE_E_INVALID);
}
END_TEST

START_TEST(options_that_are_obeyed)
{
    envelope_ctx_options o = {.size = sizeof o, .engine = "openssl", .locked_kib = 64};
    char propq[] = "provider=default";
    o.openssl_propq = propq;
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_OK);
    memset(propq, 'x', sizeof propq - 1); /* the caller's text is used up */
    ck_assert_uint_eq(envelope_ctx_describe(ctx)->locked_kib, 64);
    ck_assert_ptr_null(ctx->options.openssl_propq);
    envelope_ctx_free(ctx);
}
END_TEST

/* A configuration that activates only the base provider leaves no algorithms: so it was read. */
START_TEST(configuration_is_read)
{
    char path[] = "/tmp/envelope-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    const char *text = "openssl_conf = top\n[top]\nproviders = providers\n[providers]\n"
                       "base = base\n[base]\nactivate = 1\n";
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    envelope_ctx_options o = {.size = sizeof o, .openssl_config = path};
    expect_refused(&o, ENVELOPE_E_CRYPTO, "fetching");
    unlink(path);
}
END_TEST

START_TEST(references_hold_it)
{
    struct failing f = {0};
    envelope_ctx_options o = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_OK);
    ck_assert_ptr_eq(env_ctx_retain(ctx), ctx);
    envelope_ctx_free(ctx);
    ck_assert_int_gt(f.live, 0);
    ck_assert_int_eq(env_enter(ctx, NULL), ENVELOPE_OK);
    env_ctx_release(ctx);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

START_TEST(child_of_fork)
{
    envelope_ctx *ctx = test_ctx();
    pid_t child = fork();
    if (child == 0) {
        envelope_error err = ENVELOPE_ERROR_INIT;
        bool refused =
            env_enter(ctx, &err) == ENVELOPE_E_INVALID && strstr(err.message, "fork") != NULL;
        envelope_ctx_free(ctx);
        envelope_ctx *own = NULL; /* as the message says */
        bool again = envelope_ctx_new(NULL, &own, NULL) == ENVELOPE_OK &&
                     env_enter(own, NULL) == ENVELOPE_OK;
        envelope_ctx_free(own);
        _exit(refused && again ? 0 : 1);
    }
    int how;
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    ck_assert_int_eq(env_enter(ctx, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_enter(NULL, NULL), ENVELOPE_E_INVALID);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {describes_itself,
                                options_are_checked,
                                options_that_are_obeyed,
                                configuration_is_read,
                                references_hold_it,
                                child_of_fork,
                                NULL};
    return suite_of("crypto context", 30, all);
}
