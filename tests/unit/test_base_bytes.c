/* The reader never leaves its slice, the writer never its buffer, and both remember a failure. */
#include "base/bytes.h"
#include "check_main.h"
#include <string.h>

START_TEST(integers_are_big_endian)
{
    uint8_t buf[31];
    struct env_out o = env_out_over(buf, sizeof buf);
    env_put_u8(&o, 0x01);
    env_put_u16(&o, 0x0203);
    env_put_u32(&o, 0x04050607);
    env_put_u64(&o, 0x08090a0b0c0d0e0fu);
    env_put_i64(&o, -2);
    env_put_bytes(&o, "abcde", 5);
    env_put_zeros(&o, 3);
    ck_assert(!o.full);
    ck_assert_uint_eq(o.len, sizeof buf);
    for (uint8_t i = 0; i < 15; i++) {
        ck_assert_uint_eq(buf[i], i + 1);
    }
    struct env_cursor c = env_cursor_over(buf, sizeof buf);
    char text[5];
    ck_assert_uint_eq(env_get_u8(&c), 0x01);
    ck_assert_uint_eq(env_get_u16(&c), 0x0203);
    ck_assert_uint_eq(env_get_u32(&c), 0x04050607);
    ck_assert(env_get_u64(&c) == 0x08090a0b0c0d0e0fu);
    ck_assert(env_get_i64(&c) == -2);
    env_get_copy(&c, text, sizeof text);
    ck_assert_mem_eq(text, "abcde", 5);
    ck_assert(!env_cursor_done(&c));
    env_get_zeros(&c, 3);
    ck_assert(env_cursor_done(&c));
}
END_TEST

START_TEST(reader_is_sticky)
{
    const uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct env_cursor c = env_cursor_over(data, 7);
    ck_assert(env_get_u64(&c) == 0);
    ck_assert(c.bad);
    /* seven bytes are there, but nothing is given out any more */
    ck_assert_uint_eq(env_get_u8(&c), 0);
    ck_assert_ptr_null(env_get_slice(&c, 1));
    ck_assert_ptr_null(env_get_slice(&c, 0));
    uint8_t copy[2] = {9, 9};
    env_get_copy(&c, copy, sizeof copy);
    ck_assert(copy[0] == 0 && copy[1] == 0);
    ck_assert(!env_cursor_done(&c));
}
END_TEST

START_TEST(slice_of_everything_and_of_nothing)
{
    const uint8_t data[4] = {1, 2, 3, 4};
    struct env_cursor c = env_cursor_over(data, 4);
    ck_assert_ptr_eq(env_get_slice(&c, 4), data);
    ck_assert_ptr_eq(env_get_slice(&c, 0), data + 4);
    ck_assert(env_cursor_done(&c));
    ck_assert_ptr_null(env_get_slice(&c, SIZE_MAX));
    ck_assert(c.bad);
}
END_TEST

START_TEST(zeros_must_be_zero)
{
    uint8_t data[40] = {0};
    for (size_t i = 0; i <= sizeof data; i++) {
        memset(data, 0, sizeof data);
        if (i < sizeof data) {
            data[i] = 0x80;
        }
        struct env_cursor c = env_cursor_over(data, sizeof data);
        env_get_zeros(&c, sizeof data);
        ck_assert(env_cursor_done(&c) == (i == sizeof data));
        ck_assert(env_all_zero(data, sizeof data) == (i == sizeof data));
    }
    struct env_cursor c = env_cursor_over(data, 3);
    env_get_zeros(&c, 4);
    ck_assert(c.bad);
    ck_assert(env_all_zero(NULL, 0));
}
END_TEST

START_TEST(writer_is_sticky)
{
    uint8_t buf[8];
    memset(buf, 0xee, sizeof buf);
    struct env_out o = env_out_over(buf, 5);
    env_put_u32(&o, 1);
    env_put_u16(&o, 2);
    ck_assert(o.full);
    env_put_u8(&o, 3); /* would fit */
    env_put_bytes(&o, "x", 1);
    env_put_zeros(&o, 1);
    ck_assert_uint_eq(o.len, 4);
    for (size_t i = 4; i < sizeof buf; i++) {
        ck_assert_uint_eq(buf[i], 0xee);
    }
}
END_TEST

START_TEST(equal_secret_sees_every_bit)
{
    uint8_t a[33];
    uint8_t b[33];
    memset(a, 0x5a, sizeof a);
    memset(b, 0x5a, sizeof b);
    ck_assert(env_equal_secret(a, b, sizeof a));
    ck_assert(env_equal_secret(a, b, 0));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert(!env_equal_secret(a, b, sizeof a));
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
END_TEST

START_TEST(wipe_stops_at_the_end)
{
    uint8_t buf[16];
    memset(buf, 0xee, sizeof buf);
    env_wipe(buf + 1, 14);
    ck_assert(env_all_zero(buf + 1, 14));
    ck_assert(buf[0] == 0xee && buf[15] == 0xee);
    env_wipe(NULL, 0);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {integers_are_big_endian,
                                reader_is_sticky,
                                slice_of_everything_and_of_nothing,
                                zeros_must_be_zero,
                                writer_is_sticky,
                                equal_secret_sees_every_bit,
                                wipe_stops_at_the_end,
                                NULL};
    return suite_of("base bytes", 20, all);
}
