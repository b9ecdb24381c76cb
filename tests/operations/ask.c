#include "ask.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tree request_bytes(int minor, uint32_t operation, void (*write)(struct env_ttlv_out *o))
{
    const struct env_kmip_version version = {1, minor};
    static uint8_t room[1 << 16];
    struct env_ttlv_out o = env_ttlv_out_over(room, sizeof room);
    env_kmip_request_begin(&o, &version, 0, 1);
    env_kmip_item_begin(&o, operation, 0, 1);
    write(&o);
    env_kmip_item_end(&o);
    struct tree t = {.len = env_kmip_request_end(&o)};
    ck_assert_uint_gt(t.len, 0);
    t.p = malloc(t.len);
    ck_assert_ptr_nonnull(t.p);
    memcpy(t.p, room, t.len);
    return t;
}

char *request_words(int minor, uint32_t operation, void (*write)(struct env_ttlv_out *o))
{
    struct tree t = request_bytes(minor, operation, write);
    char *words = tree_text(t.p, t.len);
    free(t.p);
    return words;
}

void expect_payload(uint32_t operation, void (*write)(struct env_ttlv_out *o), const char *words)
{
    static const char before[] =
        "RequestMessage\n RequestHeader\n  ProtocolVersion\n   ProtocolVersionMajor i 1\n"
        "   ProtocolVersionMinor i 4\n  BatchCount i 1\n BatchItem\n  Operation e %u\n"
        "  RequestPayload\n";
    char expected[4096];
    size_t n = (size_t)snprintf(expected, sizeof expected, before, operation);
    while (*words) {
        size_t line = strcspn(words, "\n") + 1;
        n += (size_t)snprintf(expected + n, sizeof expected - n, "   %.*s", (int)line, words);
        words += line;
    }
    char *got = request_words(4, operation, write);
    ck_assert_str_eq(got, expected);
    free(got);
}

struct env_ttlv payload_of(const struct tree *response, uint32_t operation)
{
    struct env_kmip_response r;
    struct env_kmip_result result;
    const char *why = NULL;
    ck_assert_msg(env_ttlv_whole(response->p, response->len, &why), "%s", why);
    ck_assert_int_eq(env_kmip_response_begin(response->p, response->len, &r, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_kmip_response_next(&r, operation, 0, 1, &result, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_kmip_succeeded(&result, "test", NULL), ENVELOPE_OK);
    return result.payload;
}
