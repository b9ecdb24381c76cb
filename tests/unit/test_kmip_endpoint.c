/* What an operator may write as endpoints, and what is refused with its part named. */
#include "check_main.h"
#include "kms/kmip/client.h"
#include <string.h>

static struct env_kmip_endpoint got[ENV_KMIP_ENDPOINTS_MAX];
static size_t count;
static envelope_error err;

static void expect(const char *text, size_t n)
{
    memset(got, 0xA5, sizeof got);
    ck_assert_msg(!env_kmip_endpoints(text, got, &count, &err), "%s: %s", text, err.message);
    ck_assert_uint_eq(count, n);
}

static void expect_at(size_t i, const char *host, const char *port)
{
    ck_assert_str_eq(got[i].host, host);
    ck_assert_str_eq(got[i].port, port);
}

static void expect_refused(const char *text, const char *named)
{
    count = 9;
    ck_assert_msg(env_kmip_endpoints(text, got, &count, &err) == ENVELOPE_E_INVALID, "%s", text);
    ck_assert_uint_eq(count, 0);
    ck_assert_msg(strstr(err.message, named) != NULL, "%s: %s", text, err.message);
    ck_assert_int_eq(env_kmip_endpoints(text, got, &count, NULL), ENVELOPE_E_INVALID);
}

START_TEST(taken)
{
    expect("kms.example:5697", 1);
    expect_at(0, "kms.example", "5697");
    expect("kms", 1);
    expect_at(0, "kms", "5696");
    expect(" a:1 ,\tb_c-d.e:65535", 2);
    expect_at(0, "a", "1");
    expect_at(1, "b_c-d.e", "65535");
    expect("[::1]:15696,[fe80::1%eth0],192.0.2.7", 3);
    expect_at(0, "::1", "15696");
    expect_at(1, "fe80::1%eth0", "5696");
    expect_at(2, "192.0.2.7", "5696");
    expect("a,b,c,d,e,f,g,h", 8);
    expect_at(7, "h", "5696");
}
END_TEST

START_TEST(longest)
{
    char text[400];
    memset(text, 'x', sizeof text);
    memcpy(text + 255, ":1", 3);
    expect(text, 1);
    ck_assert_uint_eq(strlen(got[0].host), 255);
    memset(text, 'x', sizeof text);
    memcpy(text + 256, ":1", 3);
    expect_refused(text, "255");
}
END_TEST

START_TEST(refused)
{
    static const char *const bad[][2] = {
        {"", "empty"},
        {"a,,b", "empty"},
        {"a,", "empty"},
        {":5696", "host name"},
        {"a:", "\"a:\""},
        {"a:0", "65535"},
        {"a:00001", "65535"},
        {"a:65536", "65535"},
        {"a:123456", "65535"},
        {"a:+1", "65535"},
        {"a:1 2", "65535"},
        {"a:kmip", "65535"},
        {"::1", "brackets"},
        {"fe80::1:5696", "brackets"},
        {"[::1", "closed"},
        {"[::1]5696", "behind"},
        {"[::1]:", "65535"},
        {"[]:1", "IPv6"},
        {"[name]:1", "IPv6"},
        {"user@host", "user@host"},
        {"https://host", "\"https://host\""},
        {"ho st:1", "ho st"},
        {"h\xc3\xb6st", "character"},
        {"good:1,bad\x01:2", "bad\\x01"},
        {"a,b,c,d,e,f,g,h,i", "8"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_refused(bad[i][0], bad[i][1]);
    }
    expect_refused(NULL, "endpoint");
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {taken, longest, refused, NULL};
    return suite_of("kmip_endpoint", 60, tests);
}
