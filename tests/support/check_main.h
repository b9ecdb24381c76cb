/* check_main.h - main() of a test program made with Check: TAP on standard output, a failure when
 * no test ran. A file defines suite(). */
#ifndef TESTS_CHECK_MAIN_H
#define TESTS_CHECK_MAIN_H
#include <check.h>

/* NULL after a call of skip_all. */
Suite *suite(void);

/* The whole program is skipped: why goes to the log. */
void skip_all(const char *why);

/* A comment line of TAP, for counts and verdicts. */
__attribute__((format(printf, 1, 2))) void tap_note(const char *format, ...);

/* A suite of one test case; tests ends with NULL. */
Suite *suite_of(const char *name, double timeout, const TTest *const *tests);
#endif
