#include "seed_kmip.h"
#include "fuzz.h"
#include "kms/kmip/ttlv.h"
#include "seed.h"

static void header(struct env_ttlv_out *o, int32_t minor)
{
    env_ttlv_open(o, ENV_TAG_RESPONSE_HEADER);
    env_ttlv_open(o, ENV_TAG_PROTOCOL_VERSION);
    env_ttlv_put_int(o, ENV_TAG_PROTOCOL_VERSION_MAJOR, 1);
    env_ttlv_put_int(o, ENV_TAG_PROTOCOL_VERSION_MINOR, minor);
    env_ttlv_close(o);
    env_ttlv_put_date(o, ENV_TAG_TIME_STAMP, 0x47da67f8);
    env_ttlv_put_int(o, ENV_TAG_BATCH_COUNT, 1);
    env_ttlv_close(o);
}

static void begin(struct env_ttlv_out *o, uint32_t operation, uint32_t status)
{
    env_ttlv_open(o, ENV_TAG_RESPONSE_MESSAGE);
    header(o, 4);
    env_ttlv_open(o, ENV_TAG_BATCH_ITEM);
    env_ttlv_put_enum(o, ENV_TAG_OPERATION, operation);
    env_ttlv_put_enum(o, ENV_TAG_RESULT_STATUS, status);
}

static size_t end(struct env_ttlv_out *o)
{
    while (o->depth) {
        env_ttlv_close(o);
    }
    fuzz_must(env_ttlv_out_done(o), "a seed fits");
    return o->out.len;
}

static size_t failure(uint8_t *b)
{
    struct env_ttlv_out o = env_ttlv_out_over(b, SEED_KMIP_MAX);
    begin(&o, ENV_KMIP_GET, ENV_RESULT_FAILED);
    env_ttlv_put_enum(&o, ENV_TAG_RESULT_REASON, ENV_REASON_ITEM_NOT_FOUND);
    env_ttlv_put_text(&o, ENV_TAG_RESULT_MESSAGE, "Could not locate object: 46");
    return end(&o);
}

static size_t key(uint8_t *b)
{
    struct env_ttlv_out o = env_ttlv_out_over(b, SEED_KMIP_MAX);
    begin(&o, ENV_KMIP_GET, ENV_RESULT_SUCCESS);
    env_ttlv_open(&o, ENV_TAG_RESPONSE_PAYLOAD);
    env_ttlv_put_enum(&o, ENV_TAG_OBJECT_TYPE, ENV_OBJECT_SYMMETRIC);
    env_ttlv_put_text(&o, ENV_TAG_UNIQUE_IDENTIFIER, "46");
    env_ttlv_open(&o, ENV_TAG_SYMMETRIC_KEY);
    env_ttlv_open(&o, ENV_TAG_KEY_BLOCK);
    env_ttlv_put_enum(&o, ENV_TAG_KEY_FORMAT_TYPE, ENV_FORMAT_RAW);
    env_ttlv_open(&o, ENV_TAG_KEY_VALUE);
    env_ttlv_put_bytes(&o, ENV_TAG_KEY_MATERIAL, "0123456789abcdef0123456789abcdef", 32);
    env_ttlv_close(&o);
    env_ttlv_put_enum(&o, ENV_TAG_CRYPTOGRAPHIC_ALGORITHM, ENV_ALGORITHM_AES);
    env_ttlv_put_int(&o, ENV_TAG_CRYPTOGRAPHIC_LENGTH, 256);
    return end(&o);
}

static size_t located(uint8_t *b)
{
    struct env_ttlv_out o = env_ttlv_out_over(b, SEED_KMIP_MAX);
    begin(&o, ENV_KMIP_LOCATE, ENV_RESULT_SUCCESS);
    env_ttlv_open(&o, ENV_TAG_RESPONSE_PAYLOAD);
    env_ttlv_put_text(&o, ENV_TAG_UNIQUE_IDENTIFIER, "46");
    env_ttlv_put_text(&o, ENV_TAG_UNIQUE_IDENTIFIER, "");
    env_ttlv_put_text(&o, ENV_TAG_UNIQUE_IDENTIFIER, "cl\xc3\xa9");
    return end(&o);
}

static size_t types(uint8_t *b)
{
    static const uint8_t big[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 1};
    struct env_ttlv_out o = env_ttlv_out_over(b, SEED_KMIP_MAX);
    env_ttlv_open(&o, ENV_TAG_RESPONSE_MESSAGE);
    env_ttlv_put_int(&o, ENV_TAG_BATCH_COUNT, -1);
    env_ttlv_put_long(&o, ENV_TAG_ATTRIBUTE_VALUE, INT64_MIN);
    env_ttlv_put_big(&o, ENV_TAG_MODULUS, big, sizeof big);
    env_ttlv_put_enum(&o, ENV_TAG_STATE, 2);
    env_ttlv_put_bool(&o, 0x540001, true);
    env_ttlv_put_text(&o, ENV_TAG_NAME_VALUE, "vm");
    env_ttlv_put_bytes(&o, ENV_TAG_DATA, "\0\1\2", 3);
    env_ttlv_put_date(&o, ENV_TAG_TIME_STAMP, 0x47da67f8);
    env_ttlv_put_interval(&o, 0x420049, 864000);
    return end(&o);
}

static size_t deep(uint8_t *b)
{
    struct env_ttlv_out o = env_ttlv_out_over(b, SEED_KMIP_MAX);
    for (int i = 0; i < ENV_TTLV_DEPTH; i++) {
        env_ttlv_open(&o, ENV_TAG_RESPONSE_MESSAGE);
    }
    return end(&o);
}

static const struct {
    const char *name;
    size_t (*make)(uint8_t *out);
} all[] = {
    {"failure", failure}, {"key", key}, {"located", located}, {"types", types}, {"deep", deep}};

void seed_kmip(void)
{
    static const uint8_t steps[] = {2 << 1 | 1, 1, 7}; /* a key; pieces of 1 and 7 */
    uint8_t b[2 * SEED_KMIP_MAX];
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t len = all[i].make(b);
        seed_save((struct seed){"ttlv", all[i].name, .body = {b, len}});
        seed_save((struct seed){"kmip_frame", all[i].name, {steps, sizeof steps}, {b, len}});
    }
    size_t len = key(b);
    seed_save((struct seed){"ttlv", "cut", .body = {b, len - 1}});
    seed_save((struct seed){"kmip_frame", "cut", {"\0", 1}, {b, len - 1}});
    len += failure(b + len);
    seed_save((struct seed){"kmip_frame", "two", {"\x02\x09", 2}, {b, len}});
}
