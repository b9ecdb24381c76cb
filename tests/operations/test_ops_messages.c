/* What stands around the payloads of a response: headers, batches, failures. */
#include "ask.h"
#include "check_main.h"
#include <stdlib.h>
#include <string.h>

static envelope_status begin(const struct tree *t, struct env_kmip_response *r, const char *rule)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert(env_ttlv_whole(t->p, t->len, NULL));
    envelope_status st = env_kmip_response_begin(t->p, t->len, r, &err);
    ck_assert_int_eq(st, err.status);
    ck_assert_uint_eq(r->items != 0, st == ENVELOPE_OK);
    ck_assert_msg(!st || strstr(err.message, rule), "%s: %s", rule, err.message);
    return st;
}

static envelope_status begin_words(const char *words, const char *rule)
{
    struct env_kmip_response r;
    struct tree t = tree_of(words);
    envelope_status st = begin(&t, &r, rule);
    free(t.p);
    return st;
}

#define HEADER(major, minor, count)                                                                \
    " ResponseHeader\n  ProtocolVersion\n   ProtocolVersionMajor i " major                         \
    "\n   ProtocolVersionMinor i " minor "\n  BatchCount i " count "\n"
#define ITEM " BatchItem\n  ResultStatus e 1\n"

START_TEST(headers)
{
    static const struct {
        const char *rule;
        const char *words;
        envelope_status expected;
    } all[] = {
        {"fine", "ResponseMessage\n" HEADER("1", "0", "1") ITEM, ENVELOPE_OK},
        {"K-MSG-01", "RequestMessage\n" HEADER("1", "0", "1") ITEM, ENVELOPE_E_FORMAT},
        {"K-MSG-01", "ResponseMessage t x\n", ENVELOPE_E_FORMAT},
        {"K-FIELD-04", "ResponseMessage\n" HEADER("1", "0", "1"), ENVELOPE_E_FORMAT},
        {"K-FIELD-02", "ResponseMessage\n" ITEM HEADER("1", "0", "1"), ENVELOPE_E_FORMAT},
        {"K-FIELD-04", "ResponseMessage\n" ITEM, ENVELOPE_E_FORMAT},
        {"K-MSG-03", "ResponseMessage\n" HEADER("2", "0", "1") ITEM, ENVELOPE_E_UNSUPPORTED},
        {"K-MSG-03", "ResponseMessage\n" HEADER("0", "9", "1") ITEM, ENVELOPE_E_UNSUPPORTED},
        {"K-MSG-03", "ResponseMessage\n" HEADER("1", "5", "1") ITEM, ENVELOPE_E_UNSUPPORTED},
        {"K-MSG-02", "ResponseMessage\n" HEADER("1", "-1", "1") ITEM, ENVELOPE_E_FORMAT},
        {"K-MSG-04", "ResponseMessage\n" HEADER("1", "4", "2") ITEM, ENVELOPE_E_FORMAT},
        {"K-MSG-04", "ResponseMessage\n" HEADER("1", "4", "1") ITEM ITEM, ENVELOPE_E_FORMAT},
        {"K-MSG-04", "ResponseMessage\n" HEADER("1", "4", "0") ITEM, ENVELOPE_E_FORMAT},
        {"K-MSG-04", "ResponseMessage\n" HEADER("1", "4", "-1") ITEM, ENVELOPE_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        ck_assert_msg(begin_words(all[i].words, all[i].rule) == all[i].expected, "%s: %zu",
                      all[i].rule, i);
    }
}
END_TEST

/* 256 items are taken, 257 are not. */
START_TEST(too_many)
{
    static char items[40 * (ENV_KMIP_BATCH_MAX + 2)];
    for (int i = 0; i < ENV_KMIP_BATCH_MAX + 1; i++) {
        strcat(items, "BatchItem\n ResultStatus e 1\n");
        struct env_kmip_response r;
        if (i >= ENV_KMIP_BATCH_MAX - 1) {
            struct tree t = tree_response(4, i + 1, items);
            ck_assert_int_eq(begin(&t, &r, "K-MSG-04"),
                             i < ENV_KMIP_BATCH_MAX ? ENVELOPE_OK : ENVELOPE_E_FORMAT);
            free(t.p);
        }
    }
}
END_TEST

#define DECRYPTED(id, byte)                                                                        \
    "BatchItem\n Operation e 32\n UniqueBatchItemID y " id                                         \
    "\n ResultStatus e 0\n ResponsePayload\n  UniqueIdentifier t 41\n  Data y " byte "\n"
#define REFUSED(id)                                                                                \
    "BatchItem\n Operation e 32\n UniqueBatchItemID y " id                                         \
    "\n ResultStatus e 1\n ResultReason e 10\n"

/* The answer to question id of `asked`: a byte, or -reason, or where the response is refused -1000
 * less the number of the rule. */
static int answer(const struct tree *t, uint32_t id, uint32_t asked)
{
    struct env_kmip_response r;
    struct env_kmip_result result;
    struct env_bytes data;
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_int_eq(begin(t, &r, ""), ENVELOPE_OK);
    if (env_kmip_response_next(&r, ENV_KMIP_DECRYPT, id, asked, &result, &err)) {
        const char *rule = strstr(err.message, "(K-MSG-");
        ck_assert_uint_eq(result.status, ENV_RESULT_FAILED);
        return -1000 - (rule ? (int)strtol(rule + 7, NULL, 10) : 0);
    }
    if (result.status != ENV_RESULT_SUCCESS) {
        return -(int)result.reason;
    }
    ck_assert_int_eq(env_kmip_take_data(result.payload, "41", &data, NULL), ENVELOPE_OK);
    return *(const uint8_t *)data.p;
}

static void expect_answers(int count, const char *items, uint32_t asked, const int *expected)
{
    struct tree t = tree_response(4, count, items);
    for (uint32_t id = 0; id < asked; id++) {
        ck_assert_msg(answer(&t, id, asked) == expected[id], "question %u of: %s: %d", id, items,
                      answer(&t, id, asked));
    }
    free(t.p);
}

START_TEST(batches)
{
    expect_answers(2, DECRYPTED("00000000", "07") DECRYPTED("00000001", "08"), 2,
                   (const int[]){7, 8});
    expect_answers(2, DECRYPTED("00000001", "08") DECRYPTED("00000000", "07"), 2,
                   (const int[]){7, 8});
    expect_answers(3, DECRYPTED("00000000", "07") REFUSED("00000001") DECRYPTED("00000002", "09"),
                   3, (const int[]){7, -10, 9});
}
END_TEST

/* A server that stops at a failure: what is not answered has failed, for no reason of its own. */
START_TEST(fewer)
{
    expect_answers(2, DECRYPTED("00000000", "07") REFUSED("00000001"), 4,
                   (const int[]){7, -10, 0, 0});
    expect_answers(1, REFUSED("00000000"), 3, (const int[]){-10, 0, 0});
    expect_answers(1, DECRYPTED("00000002", "09"), 3, (const int[]){0, 0, 9});
}
END_TEST

/* One failure without an id, as of a server that could not read the request: of all. */
START_TEST(whole)
{
    struct tree t = tree_response(0, 1, "BatchItem\n ResultStatus e 1\n ResultReason e 4\n");
    struct env_kmip_response r;
    expect_answers(1, "BatchItem\n ResultStatus e 1\n ResultReason e 4\n", 3,
                   (const int[]){-4, -4, -4});
    expect_answers(1,
                   "BatchItem\n Operation e 32\n ResultStatus e 0\n ResponsePayload\n"
                   "  UniqueIdentifier t 41\n  Data y 07\n",
                   2, (const int[]){-1011, -1011});
    ck_assert_int_eq(begin(&t, &r, ""), ENVELOPE_OK);
    ck_assert_int_eq(r.version.minor, 0);
    free(t.p);
}
END_TEST

START_TEST(wrong_ids)
{
    /* twice, never asked, of another form, none */
    expect_answers(2, DECRYPTED("00000000", "07") DECRYPTED("00000000", "08"), 2,
                   (const int[]){-1007, 0});
    expect_answers(2, DECRYPTED("00000000", "07") DECRYPTED("00000002", "08"), 2,
                   (const int[]){-1006, -1006});
    expect_answers(2, DECRYPTED("00000000", "07") DECRYPTED("01", "08"), 2,
                   (const int[]){-1006, -1006});
    expect_answers(2, DECRYPTED("00000000", "07") "BatchItem\n ResultStatus e 1\n", 2,
                   (const int[]){-1006, -1006});
    expect_answers(2, DECRYPTED("00000000", "07") DECRYPTED("00000001", "08"), 1,
                   (const int[]){-1005});
    /* of a request with one item the id does not matter */
    expect_answers(1, DECRYPTED("05", "07"), 1, (const int[]){7});
}
END_TEST

static envelope_status failure(uint32_t status, uint32_t reason, envelope_error *err)
{
    struct env_kmip_result result = {.status = status, .reason = reason, .message = "why"};
    *err = (envelope_error)ENVELOPE_ERROR_INIT;
    envelope_status st = env_kmip_succeeded(&result, "Locate of key vm", err);
    ck_assert_int_eq(st, err->status);
    if (st) {
        ck_assert_int_eq(err->origin, ENVELOPE_ORIGIN_KMIP);
        ck_assert_int_eq(err->native, reason);
        ck_assert_ptr_eq(strstr(err->message, "Locate of key vm: "), err->message);
    }
    return st;
}

START_TEST(reasons)
{
    static const struct {
        uint32_t reason;
        envelope_status expected;
        const char *name;
    } all[] = {
        {0, ENVELOPE_E_KMS_UNREACHED, "no reason given"},
        {1, ENVELOPE_E_NO_KEY, "ITEM_NOT_FOUND"},
        {2, ENVELOPE_E_KMS_UNREACHED, "RESPONSE_TOO_LARGE"},
        {3, ENVELOPE_E_REFUSED, "AUTHENTICATION_NOT_SUCCESSFUL"},
        {4, ENVELOPE_E_KMS_UNREACHED, "INVALID_MESSAGE"},
        {5, ENVELOPE_E_UNSUPPORTED, "OPERATION_NOT_SUPPORTED"},
        {7, ENVELOPE_E_KMS_UNREACHED, "INVALID_FIELD"},
        {8, ENVELOPE_E_UNSUPPORTED, "FEATURE_NOT_SUPPORTED"},
        {10, ENVELOPE_E_KMS_UNREACHED, "CRYPTOGRAPHIC_FAILURE"},
        {11, ENVELOPE_E_KMS_UNREACHED, "ILLEGAL_OPERATION"},
        {12, ENVELOPE_E_REFUSED, "PERMISSION_DENIED"},
        {16, ENVELOPE_E_UNSUPPORTED, "KEY_FORMAT_TYPE_NOT_SUPPORTED"},
        {22, ENVELOPE_E_REFUSED, "SENSITIVE"},
        {23, ENVELOPE_E_REFUSED, "NOT_EXTRACTABLE"},
        {256, ENVELOPE_E_KMS_UNREACHED, "GENERAL_FAILURE"},
        {999, ENVELOPE_E_KMS_UNREACHED, "a reason of its own"},
    };
    envelope_error err;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        ck_assert_int_eq(failure(ENV_RESULT_FAILED, all[i].reason, &err), all[i].expected);
        ck_assert_str_eq(env_kmip_reason_name(all[i].reason), all[i].name);
        ck_assert_ptr_nonnull(strstr(err.message, all[i].name));
        ck_assert_ptr_nonnull(strstr(err.message, ": why"));
    }
    ck_assert_int_eq(failure(ENV_RESULT_SUCCESS, 1, &err), ENVELOPE_OK);
    ck_assert_int_eq(failure(ENV_RESULT_PENDING, 1, &err), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_int_eq(failure(ENV_RESULT_UNDONE, 1, &err), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_str_eq(env_kmip_operation_name(ENV_KMIP_REKEY_KEY_PAIR), "Re-key Key Pair");
    ck_assert_str_eq(env_kmip_operation_name(77), "another operation");
}
END_TEST

START_TEST(versions)
{
    const struct env_kmip_version v = {1, 2};
    ck_assert(env_kmip_at_least(&v, 1, 2));
    ck_assert(env_kmip_at_least(&v, 1, 1));
    ck_assert(env_kmip_at_least(&v, 0, 9));
    ck_assert(!env_kmip_at_least(&v, 1, 3));
    ck_assert(!env_kmip_at_least(&v, 2, 0));
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {headers,   too_many, batches,  fewer, whole,
                                wrong_ids, reasons,  versions, NULL};
    return suite_of("messages of KMIP", 60, all);
}
