/* CRC32C against the check values of RFC 3720, appendix B.4, and of the polynomial itself. */
#include "check_main.h"
#include "format/crc32c.h"
#include <string.h>

START_TEST(known_values)
{
    uint8_t b[32] = {0};
    ck_assert_uint_eq(env_crc32c("123456789", 9), 0xe3069283u);
    ck_assert_uint_eq(env_crc32c("", 0), 0);
    ck_assert_uint_eq(env_crc32c(b, sizeof b), 0x8a9136aau);
    memset(b, 0xff, sizeof b);
    ck_assert_uint_eq(env_crc32c(b, sizeof b), 0x62a8ab43u);
    for (uint8_t i = 0; i < sizeof b; i++) {
        b[i] = i;
    }
    ck_assert_uint_eq(env_crc32c(b, sizeof b), 0x46dd794eu);
}
END_TEST

/* The definition, bit by bit. */
static uint32_t slow(const uint8_t *p, size_t len)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        }
    }
    return ~crc;
}

START_TEST(every_entry_of_the_table)
{
    for (unsigned i = 0; i < 256; i++) {
        uint8_t b[2] = {(uint8_t)i, 0x5a};
        ck_assert_uint_eq(env_crc32c_by_table(b, 1), slow(b, 1));
        ck_assert_uint_eq(env_crc32c_by_table(b, 2), slow(b, 2));
    }
}
END_TEST

/* By whatever this processor has: every length around its steps, from every place. */
START_TEST(every_length)
{
    uint8_t b[96];
    for (size_t i = 0; i < sizeof b; i++) {
        b[i] = (uint8_t)(i * 151 + 7);
    }
    for (size_t at = 0; at < 16; at++) {
        for (size_t len = 0; at + len <= sizeof b; len++) {
            ck_assert_uint_eq(env_crc32c(b + at, len), slow(b + at, len));
            ck_assert_uint_eq(env_crc32c_by_table(b + at, len), slow(b + at, len));
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/crc32c");
    TCase *t = tcase_create("crc32c");
    tcase_add_test(t, known_values);
    tcase_add_test(t, every_entry_of_the_table);
    tcase_add_test(t, every_length);
    suite_add_tcase(s, t);
    return s;
}
