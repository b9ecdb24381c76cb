/* Names in a store: made, and read back as hints. */
#include "check_main.h"
#include "format/names.h"
#include "parser.h"
#include "samples.h"
#include <stdint.h>
#include <string.h>

#define HEX_ID "101112131415161718191a1b1c1d1e1f"
static const char folder[] = "chains/web01-4041424344454647/";

START_TEST(made)
{
    char name[ENV_NAME_MAX + 1];
    uint8_t chain_id[ENV_CHAIN_ID_BYTES];
    uint8_t id[ENV_OBJECT_ID_BYTES];
    sample_fill(chain_id, sizeof chain_id, 0x40);
    sample_fill(id, sizeof id, 0x10);
    env_name_chain(name, "web01", chain_id);
    ck_assert_str_eq(name, folder);
    env_name_metadata(name, folder, 12);
    ck_assert_str_eq(name, "chains/web01-4041424344454647/meta/00000000000000000012.env");
    env_name_point(name, folder, 1775945703999, "full", id);
    ck_assert_str_eq(name,
                     "chains/web01-4041424344454647/points/20260411T221503Z-full-" HEX_ID ".env");
}
END_TEST

struct time_case {
    int64_t ms;
    const char *text;
};
static const struct time_case times[] = {
    {0, "19700101T000000Z"},
    {-1, "19700101T000000Z"},
    {INT64_MIN, "19700101T000000Z"},
    {253402300799999, "99991231T235959Z"},
    {253402300800000, "99991231T235959Z"},
    {INT64_MAX, "99991231T235959Z"},
    {951782400000, "20000229T000000Z"},
};

START_TEST(times_keep_their_shape)
{
    char name[ENV_NAME_MAX + 1];
    uint8_t id[ENV_OBJECT_ID_BYTES] = {0};
    env_name_point(name, "", times[_i].ms, "keys", id);
    ck_assert_mem_eq(name, "points/", 7);
    ck_assert_mem_eq(name + 7, times[_i].text, 16);
    ck_assert(env_name_is_keys_copy(name));
}
END_TEST

START_TEST(longest_fits)
{
    char chain_name[65];
    char name[ENV_NAME_MAX + 1];
    char longest[ENV_NAME_MAX + 1];
    uint8_t bytes[ENV_CHAIN_ID_BYTES] = {0};
    memset(chain_name, 'n', 64);
    chain_name[64] = 0;
    env_name_chain(longest, chain_name, bytes);
    env_name_point(name, longest, 0, "full", bytes);
    ck_assert_uint_lt(strlen(name), ENV_NAME_MAX);
    ck_assert(env_name_is_object(name));
    char split[ENV_NAME_MAX + 1];
    const char *rest;
    ck_assert(env_name_split(name, split, &rest));
    ck_assert_str_eq(split, longest);
}
END_TEST

START_TEST(split)
{
    char out[ENV_NAME_MAX + 1];
    const char *rest;
    ck_assert(env_name_split("chains/web01-4041424344454647/meta/1.env", out, &rest));
    ck_assert_str_eq(out, folder);
    ck_assert_str_eq(rest, "meta/1.env");
    ck_assert(env_name_split("chains/x/", out, &rest));
    ck_assert_str_eq(out, "chains/x/");
    ck_assert_str_eq(rest, "");
    static const char *const none[] = {"",          "chains",    "chains/",     "chains/x",
                                       "chains//x", "other/x/y", "/chains/x/y", "README.txt"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        ck_assert_msg(!env_name_split(none[i], out, &rest), "%s", none[i]);
        ck_assert_ptr_null(rest);
        ck_assert_str_eq(out, "");
    }
    char edge[ENV_NAME_MAX + 2];
    memset(edge, 'x', sizeof edge);
    memcpy(edge, "chains/", 7);
    edge[ENV_NAME_MAX + 1] = 0;
    edge[ENV_NAME_MAX - 1] = '/';
    ck_assert(env_name_split(edge, out, &rest));
    ck_assert_uint_eq(strlen(out), ENV_NAME_MAX);
    edge[ENV_NAME_MAX - 1] = 'x';
    edge[ENV_NAME_MAX] = '/';
    ck_assert(!env_name_split(edge, out, &rest));
    char big[400];
    memset(big, 'x', sizeof big);
    memcpy(big, "chains/", 7);
    big[398] = '/';
    big[399] = 0;
    ck_assert(!env_name_split(big, out, &rest));
}
END_TEST

START_TEST(chain_parsed)
{
    char name[65];
    uint8_t prefix[8];
    ck_assert(env_name_parse_chain(folder, name, prefix));
    ck_assert_str_eq(name, "web01");
    ck_assert_mem_eq(prefix, "@ABCDEFG", 8);
    ck_assert(env_name_parse_chain("chains/a-b-4041424344454647/", name, prefix));
    ck_assert_str_eq(name, "a-b");
    static const char *const none[] = {
        "chains/web01-4041424344454647",
        "chains/web01-404142434445464/",
        "chains/-4041424344454647/",
        "chains/4041424344454647/",
        "chains/web01_4041424344454647/",
        "chains/Web01-4041424344454647/",
        "chains/.web-4041424344454647/",
        "chains/web01-404142434445464G/",
        "chains/web01-404142434445464A/",
        "other/web01-4041424344454647/",
        "chains/a/b-4041424344454647/",
        "chains/",
        "",
        "/",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        ck_assert_msg(!env_name_parse_chain(none[i], name, prefix), "%s", none[i]);
        ck_assert_str_eq(name, "");
    }
}
END_TEST

struct number_case {
    const char *rest;
    uint64_t number;
};
static const struct number_case numbers[] = {
    {"meta/00000000000000000012.env", 12},
    {"meta/00000281474976710655.env", 281474976710655u},
    {"meta/00000281474976710656.env", 0},
    {"meta/18446744073709551617.env", 0},
    {"meta/99999999999999999999.env", 0},
    {"meta/02814749767106560000.env", 0},
    {"meta/00000000000000000000.env", 0},
    {"meta/0000000000000000012.env", 0},
    {"meta/000000000000000000012.env", 0},
    {"meta/0000000000000000001x.env", 0},
    {"meta/+0000000000000000012.env", 0},
    {"meta/00000000000000000012.tmp", 0},
    {"points/00000000000000000012.env", 0},
    {"meta/", 0},
    {"", 0},
};

START_TEST(metadata_number)
{
    ck_assert_uint_eq(env_name_metadata_number(numbers[_i].rest), numbers[_i].number);
}
END_TEST

struct id_case {
    const char *rest;
    bool has_id;
    bool keys_copy;
};
static const struct id_case ids[] = {
    {"points/20260411T221503Z-full-" HEX_ID ".env", true, false},
    {"points/20260411T221503Z-incr-" HEX_ID ".env", true, false},
    {"points/20260411T221503Z-keys-" HEX_ID ".env", true, true},
    {"points/brought-" HEX_ID ".env", true, false},
    {"points/-" HEX_ID ".env", true, false},
    {"points/-keys-" HEX_ID ".env", true, true},
    {"points/keys-" HEX_ID ".env", true, false},
    {"points/" HEX_ID ".env", false, false},
    {"points/x-" HEX_ID ".tmp", false, false},
    {"points/x-0" HEX_ID ".env", false, false},
    {"points/x-101112131415161718191A1B1C1D1E1F.env", false, false},
    {"points/keys-101112131415161718191a1b1c1d1e1.env", false, false},
    {"points/a/b-" HEX_ID ".env", false, false},
    {"points/x-keys-zz1112131415161718191a1b1c1d1e1f.env", false, false},
    {"meta/20260411T221503Z-keys-" HEX_ID ".env", false, false},
    {"points/", false, false},
    {"", false, false},
};

START_TEST(object_id)
{
    uint8_t expected[ENV_OBJECT_ID_BYTES] = {0};
    uint8_t id[ENV_OBJECT_ID_BYTES];
    memset(id, 0xaa, sizeof id);
    if (ids[_i].has_id) {
        sample_fill(expected, sizeof expected, 0x10);
    }
    ck_assert_int_eq(env_name_object_id(ids[_i].rest, id), ids[_i].has_id);
    ck_assert_mem_eq(id, expected, sizeof id);
    ck_assert_int_eq(env_name_is_keys_copy(ids[_i].rest), ids[_i].keys_copy);
}
END_TEST

START_TEST(claims_to_be_an_object)
{
    ck_assert(env_name_is_object("points/x.env"));
    ck_assert(env_name_is_object(".env"));
    ck_assert(!env_name_is_object("env"));
    ck_assert(!env_name_is_object("x.env.tmp"));
    ck_assert(!env_name_is_object("x.ENV"));
    ck_assert(!env_name_is_object(""));
}
END_TEST

START_TEST(garbage)
{
    static const char alphabet[] = "chainsmetapoints/-.env0123456789abcdefkeys";
    uint64_t state = test_seed("names");
    for (int i = 0; i < 50000; i++) {
        char text[160];
        char out[ENV_NAME_MAX + 1];
        char chain_name[65];
        uint8_t bytes[16];
        const char *rest;
        size_t len = next_random(&state) % sizeof text;
        for (size_t j = 0; j < len; j++) {
            text[j] = alphabet[next_random(&state) % (sizeof alphabet - 1)];
        }
        text[len ? len - 1 : 0] = 0;
        memcpy(text, i % 2 ? "chains/" : "points/", len > 8 ? 7 : 0);
        (void)env_name_metadata_number(text);
        (void)env_name_object_id(text, bytes);
        (void)env_name_is_keys_copy(text);
        (void)env_name_parse_chain(text, chain_name, bytes);
        ck_assert(!env_name_split(text, out, &rest) || strlen(out) + strlen(rest) == strlen(text));
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("format/names");
    TCase *t = tcase_create("names");
    tcase_add_test(t, made);
    tcase_add_test(t, longest_fits);
    tcase_add_test(t, split);
    tcase_add_test(t, chain_parsed);
    tcase_add_test(t, claims_to_be_an_object);
    tcase_add_test(t, garbage);
    tcase_add_loop_test(t, times_keep_their_shape, 0, sizeof times / sizeof times[0]);
    tcase_add_loop_test(t, metadata_number, 0, sizeof numbers / sizeof numbers[0]);
    tcase_add_loop_test(t, object_id, 0, sizeof ids / sizeof ids[0]);
    suite_add_tcase(s, t);
    return s;
}
