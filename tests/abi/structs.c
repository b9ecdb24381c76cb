/* A program built against older or newer headers than the library that runs: option structs that
 * end earlier, or later with zeros, mean the same; everything else is refused. Linked with the
 * shared library, as such a program is. */
#include "check_main.h"
#include <envelope/envelope.h>
#include <stdint.h>
#include <string.h>

enum { LARGEST = 4096, OLDEST = sizeof(size_t) };

static envelope_status try_ctx(const void *options)
{
    envelope_ctx *ctx = NULL;
    envelope_status st = envelope_ctx_new(options, &ctx, NULL);
    envelope_ctx_free(ctx);
    return st;
}

static envelope_status try_keyring(const void *options)
{
    envelope_ctx *ctx = NULL;
    envelope_keyring *keys = NULL;
    ck_assert_int_eq(envelope_ctx_new(NULL, &ctx, NULL), ENVELOPE_OK);
    envelope_status st = envelope_keyring_new(ctx, options, &keys, NULL);
    envelope_keyring_free(keys);
    envelope_ctx_free(ctx);
    return st;
}

static const struct {
    const char *name;
    envelope_status (*try)(const void *options);
    size_t size;
} structs[] = {
    {"ctx_options", try_ctx, sizeof(envelope_ctx_options)},
    {"keyring_options", try_keyring, sizeof(envelope_keyring_options)},
};
enum { STRUCTS = sizeof structs / sizeof structs[0] };

/* What the call says to a struct of zeros that gives its size as told, tail[at] set. */
static envelope_status with(int i, size_t size, size_t at, unsigned char value)
{
    static union {
        size_t size;
        unsigned char bytes[2 * LARGEST];
    } in;
    memset(&in, 0, sizeof in);
    in.size = size;
    if (value) {
        in.bytes[at] = value;
    }
    return structs[i].try(&in);
}

START_TEST(of_its_own_size)
{
    ck_assert_int_eq(with(_i, structs[_i].size, 0, 0), structs[_i].try(NULL));
}
END_TEST

START_TEST(shorter_means_defaults)
{
    for (size_t size = OLDEST; size < structs[_i].size; size += sizeof(uint32_t)) {
        ck_assert_int_eq(with(_i, size, 0, 0), structs[_i].try(NULL));
    }
}
END_TEST

/* Bytes behind the given size are not the library's to read. */
START_TEST(shorter_hides_the_rest)
{
    ck_assert_int_eq(with(_i, OLDEST, OLDEST, 0xff), structs[_i].try(NULL));
}
END_TEST

START_TEST(longer_with_zeros)
{
    ck_assert_int_eq(with(_i, structs[_i].size + 8, 0, 0), structs[_i].try(NULL));
    ck_assert_int_eq(with(_i, LARGEST, 0, 0), structs[_i].try(NULL));
}
END_TEST

START_TEST(longer_with_a_member_unknown)
{
    size_t first = structs[_i].size;
    ck_assert_int_eq(with(_i, first + 8, first, 1), ENVELOPE_E_INVALID);
    ck_assert_int_eq(with(_i, first + 8, first + 7, 1), ENVELOPE_E_INVALID);
    ck_assert_int_eq(with(_i, LARGEST, LARGEST - 1, 1), ENVELOPE_E_INVALID);
}
END_TEST

START_TEST(no_size)
{
    ck_assert_int_eq(with(_i, 0, 0, 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(with(_i, OLDEST - 1, 0, 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(with(_i, LARGEST + 1, 0, 0), ENVELOPE_E_INVALID);
    ck_assert_int_eq(with(_i, SIZE_MAX, 0, 0), ENVELOPE_E_INVALID);
}
END_TEST

/* The one struct that the library fills in the caller's memory: its first layout is its last one
 * that may be written for a size of 0. */
START_TEST(error_of_the_first_layout)
{
    struct {
        envelope_error err;
        unsigned char behind[64];
    } place;
    memset(&place, 0x5a, sizeof place);
    place.err.size = 0;
    ck_assert_int_eq(envelope_error_set(&place.err, ENVELOPE_E_IO, 7, "text"), ENVELOPE_E_IO);
    ck_assert_str_eq(place.err.message, "text");
    ck_assert_int_eq(place.err.origin, ENVELOPE_ORIGIN_CALLER);
    for (size_t i = 0; i < sizeof place.behind; i++) {
        ck_assert_uint_eq(place.behind[i], 0x5a);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("structs");
    TCase *t = tcase_create("sizes");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, of_its_own_size, 0, STRUCTS);
    tcase_add_loop_test(t, shorter_means_defaults, 0, STRUCTS);
    tcase_add_loop_test(t, shorter_hides_the_rest, 0, STRUCTS);
    tcase_add_loop_test(t, longer_with_zeros, 0, STRUCTS);
    tcase_add_loop_test(t, longer_with_a_member_unknown, 0, STRUCTS);
    tcase_add_loop_test(t, no_size, 0, STRUCTS);
    tcase_add_test(t, error_of_the_first_layout);
    suite_add_tcase(s, t);
    return s;
}
