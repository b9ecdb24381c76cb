/* Text from outside: what is let in, and how it is shown. */
#include "base/text.h"
#include "check_main.h"
#include <envelope/key.h>
#include <string.h>

#define TEXT(literal) (literal), sizeof(literal) - 1

START_TEST(utf8_well_formed)
{
    ck_assert(env_utf8_valid(TEXT("")));
    ck_assert(env_utf8_valid(TEXT("plain")));
    ck_assert(env_utf8_valid(TEXT("\xc2\x80\xdf\xbf")));
    ck_assert(env_utf8_valid(TEXT("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf")));
    ck_assert(env_utf8_valid(TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
}
END_TEST

START_TEST(utf8_ill_formed)
{
    ck_assert(!env_utf8_valid(TEXT("a\0b")));
    ck_assert(!env_utf8_valid(TEXT("\x80")));
    ck_assert(!env_utf8_valid(TEXT("\xc1\xbf")));         /* overlong */
    ck_assert(!env_utf8_valid(TEXT("\xe0\x9f\xbf")));     /* overlong */
    ck_assert(!env_utf8_valid(TEXT("\xf0\x8f\xbf\xbf"))); /* overlong */
    ck_assert(!env_utf8_valid(TEXT("\xed\xa0\x80")));     /* surrogate */
    ck_assert(!env_utf8_valid(TEXT("\xf4\x90\x80\x80"))); /* above U+10FFFF */
    ck_assert(!env_utf8_valid(TEXT("\xf5\x80\x80\x80")));
    ck_assert(!env_utf8_valid(TEXT("\xff")));
    ck_assert(!env_utf8_valid(TEXT("\xc2")));     /* cut */
    ck_assert(!env_utf8_valid(TEXT("\xe2\x82"))); /* cut */
    ck_assert(!env_utf8_valid(TEXT("\xf0\x9f\x98")));
    ck_assert(!env_utf8_valid(TEXT("\xe2\x28\xa1")));
}
END_TEST

START_TEST(names)
{
    char longest[600];
    memset(longest, 'a', sizeof longest);
    ck_assert(env_kms_id_valid(TEXT("Lab-1_x.y")));
    ck_assert(!env_kms_id_valid(TEXT("")));
    ck_assert(!env_kms_id_valid(TEXT("a/b")));
    ck_assert(!env_kms_id_valid(TEXT("a\0")));
    ck_assert(!env_kms_id_valid(TEXT("\xc3\xa4")));
    ck_assert(env_kms_id_valid(longest, ENVELOPE_KMS_ID_MAX));
    ck_assert(!env_kms_id_valid(longest, ENVELOPE_KMS_ID_MAX + 1));
    ck_assert(env_key_name_valid(TEXT("sch\xc3\xb6n / with spaces")));
    ck_assert(!env_key_name_valid(TEXT("")));
    ck_assert(!env_key_name_valid(TEXT("a\0b")));
    ck_assert(env_key_name_valid(longest, ENVELOPE_KEY_NAME_MAX));
    ck_assert(!env_key_name_valid(longest, ENVELOPE_KEY_NAME_MAX + 1));
    ck_assert(env_chain_name_valid(TEXT("default-1.0_x")));
    ck_assert(!env_chain_name_valid(TEXT("")));
    ck_assert(!env_chain_name_valid(TEXT(".hidden")));
    ck_assert(!env_chain_name_valid(TEXT("..")));
    ck_assert(!env_chain_name_valid(TEXT("Upper")));
    ck_assert(!env_chain_name_valid(TEXT("a/b")));
    ck_assert(env_chain_name_valid(longest, 64));
    ck_assert(!env_chain_name_valid(longest, 65));
}
END_TEST

START_TEST(cut_at_a_character)
{
    const char *text = "ab\xe2\x82\xac"
                       "c";
    ck_assert_uint_eq(env_utf8_prefix(text, 100), 6);
    ck_assert_uint_eq(env_utf8_prefix(text, 6), 6);
    ck_assert_uint_eq(env_utf8_prefix(text, 5), 5);
    ck_assert_uint_eq(env_utf8_prefix(text, 4), 2);
    ck_assert_uint_eq(env_utf8_prefix(text, 3), 2);
    ck_assert_uint_eq(env_utf8_prefix(text, 2), 2);
    ck_assert_uint_eq(env_utf8_prefix("", 4), 0);
}
END_TEST

START_TEST(shown_without_control)
{
    char out[ENV_PRINTABLE_MAX];
    ck_assert_str_eq(env_printable(out, NULL), "-");
    ck_assert_str_eq(env_printable(out, "a\x1b[31mb\n"), "a\\x1b[31mb\\x0a");
    ck_assert_str_eq(env_printable(out, "\x7f\xc2\x9b"), "\\x7f\\xc2\\x9b");
    ck_assert_str_eq(env_printable(out, "\xff\xc3\xa4"), "\\xff\xc3\xa4");
    char many[2000];
    memset(many, 1, sizeof many);
    many[sizeof many - 1] = 0;
    env_printable(out, many);
    ck_assert(strlen(out) < ENV_PRINTABLE_MAX);
    ck_assert(strlen(out) > ENV_PRINTABLE_MAX - 10);
}
END_TEST

START_TEST(hex)
{
    const uint8_t bytes[4] = {0x00, 0x9f, 0xa0, 0xff};
    char text[9];
    uint8_t back[4];
    ck_assert_str_eq(env_hex(text, bytes, sizeof bytes), "009fa0ff");
    ck_assert(env_unhex(back, sizeof back, text));
    ck_assert_mem_eq(back, bytes, sizeof back);
    ck_assert(!env_unhex(back, sizeof back, "009fa0f"));
    ck_assert(!env_unhex(back, sizeof back, "009fa0ff0"));
    ck_assert(!env_unhex(back, sizeof back, "009FA0FF"));
    ck_assert(!env_unhex(back, sizeof back, "009fa0fg"));
    ck_assert(!env_unhex(back, sizeof back, "/09fa0ff"));
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {utf8_well_formed,
                                utf8_ill_formed,
                                names,
                                cut_at_a_character,
                                shown_without_control,
                                hex,
                                NULL};
    return suite_of("base text", 20, all);
}
