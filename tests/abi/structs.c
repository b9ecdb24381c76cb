/* A program built against older or newer headers than the library that runs: option structs that
 * end earlier, or later with zeros, mean the same; everything else is refused. Linked with the
 * shared library, as such a program is. */
#include "check_main.h"
#include <envelope/envelope.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 4096, OLDEST = sizeof(size_t) };

static char dir[64];
static envelope_ctx *ctx;
static envelope_keyring *keys;
static envelope_store *store;
static envelope_chain *chain;

static void set_up(void)
{
    snprintf(dir, sizeof dir, "/tmp/envelope-structs-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(envelope_ctx_new(NULL, &ctx, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_new(ctx, NULL, &keys, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_password(keys, "ops", "password", 8,
                                                   ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_store_dir(ctx, dir, ENVELOPE_DIR_CREATE, &store, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_chain_create(store, keys, NULL, &chain, NULL), ENVELOPE_OK);
}

static int unlink_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void tear_down(void)
{
    envelope_chain_free(chain);
    envelope_store_free(store);
    envelope_keyring_free(keys);
    envelope_ctx_free(ctx);
    nftw(dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
}

static envelope_status try_ctx(const void *options)
{
    envelope_ctx *out = NULL;
    envelope_status st = envelope_ctx_new(options, &out, NULL);
    envelope_ctx_free(out);
    return st;
}

static envelope_status try_keyring(const void *options)
{
    envelope_keyring *out = NULL;
    envelope_status st = envelope_keyring_new(ctx, options, &out, NULL);
    envelope_keyring_free(out);
    return st;
}

static envelope_status try_header(const void *options)
{
    envelope_dek *dek = NULL;
    envelope_header *out = NULL;
    ck_assert_int_eq(envelope_dek_generate(ctx, &dek, NULL), ENVELOPE_OK);
    envelope_status st = envelope_header_new(keys, dek, options, &out, NULL);
    envelope_header_free(out);
    envelope_dek_free(dek);
    return st;
}

static envelope_status try_chain(const void *options)
{
    envelope_chain *out = NULL;
    envelope_status st = envelope_chain_open(store, keys, options, &out, NULL);
    envelope_chain_free(out);
    return st;
}

static envelope_status try_writer(const void *options)
{
    envelope_writer *out = NULL;
    envelope_status st = envelope_writer_new(chain, options, &out, NULL);
    envelope_writer_free(out);
    return st;
}

static envelope_status try_verify(const void *options)
{
    return envelope_chain_verify(chain, options, NULL);
}

static envelope_status try_survey(const void *options)
{
    envelope_survey *out = NULL;
    envelope_status st = envelope_survey_new(store, options, &out, NULL);
    envelope_survey_free(out);
    return st;
}

static const struct {
    const char *name;
    envelope_status (*try)(const void *options);
    size_t size;
} structs[] = {
    {"ctx_options", try_ctx, sizeof(envelope_ctx_options)},
    {"keyring_options", try_keyring, sizeof(envelope_keyring_options)},
    {"header_options", try_header, sizeof(envelope_header_options)},
    {"chain_options", try_chain, sizeof(envelope_chain_options)},
    {"point_options", try_writer, sizeof(envelope_point_options)},
    {"verify_options", try_verify, sizeof(envelope_verify_options)},
    {"survey_options", try_survey, sizeof(envelope_survey_options)},
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
    ck_assert_int_eq(structs[_i].try(NULL), ENVELOPE_OK);
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
    tcase_add_checked_fixture(t, set_up, tear_down);
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
