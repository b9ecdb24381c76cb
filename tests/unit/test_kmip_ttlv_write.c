/* TTLV written: strict; sticky; what does not fit is no message; read again it is the same. */
#include "check_main.h"
#include "kms/kmip/ttlv.h"
#include "parser.h"
#include <stdlib.h>
#include <string.h>

enum { CAP = 1024, T = 0x420020 };

/* As KMIP 1.4 prints them in section 9.1.2. */
static void all_types(struct env_ttlv_out *o)
{
    static const uint8_t big[16] = {0,    0,    0,    0,    3,    0xfd, 0x35,
                                    0xeb, 0x6b, 0xc2, 0xdf, 0x46, 0x18, 8};
    env_ttlv_open(o, 0x420078);
    env_ttlv_put_int(o, T, 8);
    env_ttlv_put_long(o, T, 123456789000000000);
    env_ttlv_put_big(o, T, big, sizeof big);
    env_ttlv_put_enum(o, T, 255);
    env_ttlv_put_bool(o, T, true);
    env_ttlv_put_text(o, T, "Hello World");
    env_ttlv_put_bytes(o, T, "\1\2\3", 3);
    env_ttlv_put_date(o, T, 0x47da67f8);
    env_ttlv_put_interval(o, T, 10 * 24 * 60 * 60);
    env_ttlv_open(o, T);
    env_ttlv_put_enum(o, 0x420004, 254);
    env_ttlv_put_int(o, 0x420005, 255);
    env_ttlv_close(o);
    env_ttlv_close(o);
}
static const uint8_t all_bytes[] =
    "\x42\x00\x78\x01\x00\x00\x00\xc8"
    "\x42\x00\x20\x02\x00\x00\x00\x04\x00\x00\x00\x08\x00\x00\x00\x00"
    "\x42\x00\x20\x03\x00\x00\x00\x08\x01\xb6\x9b\x4b\xa5\x74\x92\x00"
    "\x42\x00\x20\x04\x00\x00\x00\x10\x00\x00\x00\x00\x03\xfd\x35\xeb\x6b\xc2\xdf\x46\x18\x08\x00"
    "\x00"
    "\x42\x00\x20\x05\x00\x00\x00\x04\x00\x00\x00\xff\x00\x00\x00\x00"
    "\x42\x00\x20\x06\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01"
    "\x42\x00\x20\x07\x00\x00\x00\x0b\x48\x65\x6c\x6c\x6f\x20\x57\x6f\x72\x6c\x64\x00\x00\x00\x00"
    "\x00"
    "\x42\x00\x20\x08\x00\x00\x00\x03\x01\x02\x03\x00\x00\x00\x00\x00"
    "\x42\x00\x20\x09\x00\x00\x00\x08\x00\x00\x00\x00\x47\xda\x67\xf8"
    "\x42\x00\x20\x0a\x00\x00\x00\x04\x00\x0d\x2f\x00\x00\x00\x00\x00"
    "\x42\x00\x20\x01\x00\x00\x00\x20"
    "\x42\x00\x04\x05\x00\x00\x00\x04\x00\x00\x00\xfe\x00\x00\x00\x00"
    "\x42\x00\x05\x02\x00\x00\x00\x04\x00\x00\x00\xff\x00\x00\x00\x00";

START_TEST(as_specified)
{
    uint8_t b[CAP];
    memset(b, 0xaa, sizeof b);
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    all_types(&o);
    ck_assert_uint_eq(env_ttlv_out_done(&o), sizeof all_bytes - 1);
    ck_assert_mem_eq(b, all_bytes, sizeof all_bytes - 1);
    ck_assert_uint_eq(b[sizeof all_bytes - 1], 0xaa);
    ck_assert(env_ttlv_whole(b, sizeof all_bytes - 1, NULL));
}
END_TEST

/* Read item by item and written again: the same bytes. */
START_TEST(read_and_written)
{
    uint8_t b[CAP];
    struct env_ttlv c = env_ttlv_over(all_bytes, sizeof all_bytes - 1);
    struct env_ttlv_item item;
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    ck_assert(env_ttlv_next(&c, &item));
    env_ttlv_put_item(&o, &item);
    ck_assert_uint_eq(env_ttlv_out_done(&o), sizeof all_bytes - 1);
    ck_assert_mem_eq(b, all_bytes, sizeof all_bytes - 1);
}
END_TEST

/* What a server left in its padding does not come out again. */
START_TEST(padding_not_copied)
{
    uint8_t b[CAP];
    const struct env_ttlv_item item = {T, ENV_TTLV_BYTES, 3, (const uint8_t *)"abcdefgh"};
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_put_item(&o, &item);
    ck_assert_uint_eq(env_ttlv_out_done(&o), 16);
    ck_assert_mem_eq(b + 8, "abc\0\0\0\0\0", 8);
}
END_TEST

/* Every capacity below the need: nothing is said to be done, nothing is written behind the end. */
START_TEST(too_small)
{
    for (size_t cap = 0; cap < sizeof all_bytes - 1; cap++) {
        uint8_t *b = malloc(cap + 1);
        ck_assert_ptr_nonnull(b);
        b[cap] = 0x5a;
        struct env_ttlv_out o = env_ttlv_out_over(b, cap);
        all_types(&o);
        ck_assert_uint_eq(env_ttlv_out_done(&o), 0);
        ck_assert(o.bad && b[cap] == 0x5a);
        env_ttlv_put_int(&o, T, 1);
        ck_assert_uint_eq(env_ttlv_out_done(&o), 0);
        free(b);
    }
}
END_TEST

START_TEST(depth)
{
    uint8_t b[CAP];
    for (unsigned levels = 1; levels <= ENV_TTLV_DEPTH + 1; levels++) {
        struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
        for (unsigned i = 0; i < levels; i++) {
            env_ttlv_open(&o, T);
        }
        for (unsigned i = 0; i < levels; i++) {
            ck_assert_uint_eq(env_ttlv_out_done(&o), 0);
            env_ttlv_close(&o);
        }
        ck_assert_uint_eq(env_ttlv_out_done(&o), levels <= ENV_TTLV_DEPTH ? levels * 8 : 0);
    }
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_open(&o, T);
    env_ttlv_close(&o);
    env_ttlv_close(&o);
    ck_assert(o.bad && !env_ttlv_out_done(&o));
}
END_TEST

/* An item deeper than may be written, as no reader approves it. */
START_TEST(item_too_deep)
{
    uint8_t in[8 * 20];
    uint8_t b[CAP];
    struct env_out deep = env_out_over(in, sizeof in);
    for (uint32_t i = 0; i < 20; i++) {
        env_put_u32(&deep, (uint32_t)T << 8 | ENV_TTLV_STRUCTURE);
        env_put_u32(&deep, 8 * (19 - i));
    }
    struct env_ttlv c = env_ttlv_over(in, sizeof in);
    struct env_ttlv_item item;
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    ck_assert(env_ttlv_next(&c, &item));
    env_ttlv_put_item(&o, &item);
    ck_assert(o.bad && !env_ttlv_out_done(&o));
}
END_TEST

/* A number of any length: sign in front, no more of it than is needed. */
struct number {
    size_t len;
    const char *in;
    size_t out_len;
    const char *out;
};
static const struct number numbers[] = {
    {1, "\x01", 8, "\0\0\0\0\0\0\0\x01"},
    {1, "\x80", 8, "\xff\xff\xff\xff\xff\xff\xff\x80"},
    {3, "\x7f\xff\xff", 8, "\0\0\0\0\0\x7f\xff\xff"},
    {8, "\x80\0\0\0\0\0\0\0", 8, "\x80\0\0\0\0\0\0\0"},
    {9, "\0\x80\0\0\0\0\0\0\0", 16, "\0\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\0"},
    {9, "\xff\0\0\0\0\0\0\0\0", 16, "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0"},
};

START_TEST(big)
{
    const struct number *n = &numbers[_i];
    uint8_t b[CAP];
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_put_big(&o, T, n->in, n->len);
    ck_assert_uint_eq(env_ttlv_out_done(&o), 8 + n->out_len);
    ck_assert_mem_eq(b + 8, n->out, n->out_len);
    ck_assert(env_ttlv_whole(b, 8 + n->out_len, NULL));
}
END_TEST

START_TEST(nonsense_refused)
{
    uint8_t b[CAP];
    struct env_ttlv_out o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_put_big(&o, T, "", 0);
    ck_assert(o.bad && o.out.len == 0);
    o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_put_text(&o, T, "a\xc3");
    ck_assert(o.bad && o.out.len == 0);
    o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_put_int(&o, 0x1420020, 1);
    ck_assert(o.bad && !env_ttlv_out_done(&o));
    o = env_ttlv_out_over(b, sizeof b);
    ck_assert_uint_eq(env_ttlv_out_done(&o), 0);
#if SIZE_MAX > UINT32_MAX
    env_ttlv_put_bytes(&o, T, b, (size_t)UINT32_MAX + 1);
    ck_assert(o.bad && o.out.len == 0);
    o = env_ttlv_out_over(b, sizeof b);
    env_ttlv_put_big(&o, T, b, (size_t)UINT32_MAX + 1);
    ck_assert(o.bad && o.out.len == 0);
#endif
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kmip/ttlv_write");
    TCase *t = tcase_create("ttlv_write");
    tcase_add_test(t, as_specified);
    tcase_add_test(t, read_and_written);
    tcase_add_test(t, padding_not_copied);
    tcase_add_test(t, too_small);
    tcase_add_test(t, depth);
    tcase_add_test(t, item_too_deep);
    tcase_add_loop_test(t, big, 0, sizeof numbers / sizeof numbers[0]);
    tcase_add_test(t, nonsense_refused);
    suite_add_tcase(s, t);
    return s;
}
