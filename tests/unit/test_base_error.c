/* A failure that is handed on says the same, in whatever the caller gave for it. */
#include "base/error.h"
#include "check_main.h"
#include <envelope/base.h>
#include <string.h>

START_TEST(handed_on_whole)
{
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_error err = ENVELOPE_ERROR_INIT;
    env_fail_errno(&said, ENVELOPE_E_IO, 5, "100%% of a file");
    ck_assert_int_eq(env_error_pass(&err, said.status, &said), ENVELOPE_E_IO);
    ck_assert_int_eq(err.status, ENVELOPE_E_IO);
    ck_assert_int_eq(err.origin, ENVELOPE_ORIGIN_ERRNO);
    ck_assert_int_eq(err.native, 5);
    ck_assert_str_eq(err.message, said.message);
}
END_TEST

START_TEST(under_another_status)
{
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_error err = ENVELOPE_ERROR_INIT;
    env_fail(&said, ENVELOPE_E_IO, "lost");
    ck_assert_int_eq(env_error_pass(&err, ENVELOPE_E_REFUSED, &said), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(err.status, ENVELOPE_E_REFUSED);
    ck_assert_str_eq(err.message, "lost");
}
END_TEST

/* Built against a header with fewer or more members, the caller's is of another size. */
START_TEST(size_is_the_callers)
{
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_error err = {.size = 0};
    env_fail(&said, ENVELOPE_E_IO, "lost");
    env_error_pass(&err, said.status, &said);
    ck_assert_uint_eq(err.size, 0);
    ck_assert_int_eq(env_error_pass(NULL, said.status, &said), ENVELOPE_E_IO);
}
END_TEST

START_TEST(more_before_and_behind)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    env_fail_errno(&err, ENVELOPE_E_IO, 5, "read");
    env_error_prefix(&err, "point %d", 7);
    env_error_suffix(&err, "try %s", "again");
    ck_assert_str_eq(err.message, "point 7: read: Input/output error: try again");
    ck_assert_int_eq(err.native, 5);
    env_error_suffix(NULL, "nobody asks");
}
END_TEST

/* Where there is no room, characters stay whole. */
START_TEST(cut_behind)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    char line[sizeof err.message];
    memset(line, 'x', sizeof line);
    line[sizeof line - 4] = 0; /* room for ": " and a byte */
    env_fail(&err, ENVELOPE_E_IO, "%s", line);
    env_error_suffix(&err, "\u20ac");
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 2);
    ck_assert_str_eq(err.message + sizeof line - 4, ": ");
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {handed_on_whole,        under_another_status, size_is_the_callers,
                                more_before_and_behind, cut_behind,           NULL};
    return suite_of("base error", 20, all);
}
