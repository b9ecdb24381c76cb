/* What is sent, item by item, in words that were written by hand from the specification. */
#include "ask.h"
#include "check_main.h"
#include <stdlib.h>

#define NAME(blanks, name)                                                                         \
    blanks "Attribute\n" blanks " AttributeName t Name\n" blanks " AttributeValue\n" blanks        \
           "  NameValue t " name "\n" blanks "  NameType e 1\n"
#define ATTRIBUTE(blanks, name, value)                                                             \
    blanks "Attribute\n" blanks " AttributeName t " name "\n" blanks " AttributeValue " value "\n"

static void put_nothing_more(struct env_ttlv_out *o)
{
    env_kmip_put_get(o, "41");
}

START_TEST(headers)
{
    const struct env_kmip_version version = {1, 2};
    uint8_t room[512];
    struct env_ttlv_out o = env_ttlv_out_over(room, sizeof room);
    env_kmip_request_begin(&o, &version, 1 << 20, 2);
    for (uint32_t i = 0; i < 2; i++) {
        env_kmip_item_begin(&o, ENV_KMIP_GET, i, 2);
        put_nothing_more(&o);
        env_kmip_item_end(&o);
    }
    char *words = tree_text(room, env_kmip_request_end(&o));
    ck_assert_str_eq(words, "RequestMessage\n"
                            " RequestHeader\n"
                            "  ProtocolVersion\n"
                            "   ProtocolVersionMajor i 1\n"
                            "   ProtocolVersionMinor i 2\n"
                            "  MaximumResponseSize i 1048576\n"
                            "  BatchErrorContinuationOption e 1\n"
                            "  BatchCount i 2\n"
                            " BatchItem\n"
                            "  Operation e 10\n"
                            "  UniqueBatchItemID y 00000000\n"
                            "  RequestPayload\n"
                            "   UniqueIdentifier t 41\n"
                            " BatchItem\n"
                            "  Operation e 10\n"
                            "  UniqueBatchItemID y 00000001\n"
                            "  RequestPayload\n"
                            "   UniqueIdentifier t 41\n");
    free(words);
}
END_TEST

/* Every length of buffer below what is needed: 0, and nothing behind the buffer is touched. */
START_TEST(too_small)
{
    const struct env_kmip_version version = {1, 4};
    struct tree whole = request_bytes(4, ENV_KMIP_GET, put_nothing_more);
    for (size_t cap = 0; cap <= whole.len; cap++) {
        uint8_t *room = malloc(cap ? cap : 1);
        struct env_ttlv_out o = env_ttlv_out_over(room, cap);
        env_kmip_request_begin(&o, &version, 0, 1);
        env_kmip_item_begin(&o, ENV_KMIP_GET, 0, 1);
        put_nothing_more(&o);
        env_kmip_item_end(&o);
        ck_assert_uint_eq(env_kmip_request_end(&o), cap == whole.len ? whole.len : 0);
        free(room);
    }
    free(whole.p);
}
END_TEST

START_TEST(discover_and_query)
{
    expect_payload(ENV_KMIP_DISCOVER_VERSIONS, env_kmip_put_discover,
                   "ProtocolVersion\n ProtocolVersionMajor i 1\n ProtocolVersionMinor i 4\n"
                   "ProtocolVersion\n ProtocolVersionMajor i 1\n ProtocolVersionMinor i 3\n"
                   "ProtocolVersion\n ProtocolVersionMajor i 1\n ProtocolVersionMinor i 2\n"
                   "ProtocolVersion\n ProtocolVersionMajor i 1\n ProtocolVersionMinor i 1\n"
                   "ProtocolVersion\n ProtocolVersionMajor i 1\n ProtocolVersionMinor i 0\n");
    expect_payload(ENV_KMIP_QUERY, env_kmip_put_query,
                   "QueryFunction e 1\nQueryFunction e 2\nQueryFunction e 3\n");
}
END_TEST

static void locate_all(struct env_ttlv_out *o)
{
    const struct env_kmip_locate what = {
        .object_type = ENV_OBJECT_PUBLIC, .name = "vm", .group = "tenant", .max = 100, .offset = 7};
    env_kmip_put_locate(o, &what);
}

static void locate_name(struct env_ttlv_out *o)
{
    const struct env_kmip_locate what = {.name = "vm"};
    env_kmip_put_locate(o, &what);
}

START_TEST(locate)
{
    expect_payload(ENV_KMIP_LOCATE, locate_all,
                   "MaximumItems i 100\nOffsetItems i 7\n" NAME("", "vm")
                       ATTRIBUTE("", "Object Group", "t tenant")
                           ATTRIBUTE("", "Object Type", "e 3"));
    expect_payload(ENV_KMIP_LOCATE, locate_name, NAME("", "vm"));
}
END_TEST

static void get(struct env_ttlv_out *o)
{
    env_kmip_put_get(o, "42");
}

static void attributes(struct env_ttlv_out *o)
{
    env_kmip_put_get_attributes(o, "42", false);
}

static void attributes_and_links(struct env_ttlv_out *o)
{
    env_kmip_put_get_attributes(o, "42", true);
}

#define ASKED                                                                                      \
    "UniqueIdentifier t 42\n"                                                                      \
    "AttributeName t Object Type\n"                                                                \
    "AttributeName t Cryptographic Algorithm\n"                                                    \
    "AttributeName t Cryptographic Length\n"                                                       \
    "AttributeName t Cryptographic Usage Mask\n"                                                   \
    "AttributeName t State\n"                                                                      \
    "AttributeName t Initial Date\n"                                                               \
    "AttributeName t Activation Date\n"                                                            \
    "AttributeName t Name\n"                                                                       \
    "AttributeName t Object Group\n"                                                               \
    "AttributeName t x-rotate-generation\n"

START_TEST(get_and_attributes)
{
    expect_payload(ENV_KMIP_GET, get, "UniqueIdentifier t 42\n");
    expect_payload(ENV_KMIP_GET_ATTRIBUTES, attributes, ASKED);
    expect_payload(ENV_KMIP_GET_ATTRIBUTES, attributes_and_links, ASKED "AttributeName t Link\n");
}
END_TEST

static void create_pair(struct env_ttlv_out *o)
{
    env_kmip_put_create_pair(o, "vm", "tenant", 4096);
}

static void create_pair_alone(struct env_ttlv_out *o)
{
    env_kmip_put_create_pair(o, "vm", NULL, 4096);
}

static void rekey(struct env_ttlv_out *o)
{
    env_kmip_put_rekey_pair(o, "41");
}

/* The masks: Encrypt 4 and Wrap Key 16, Decrypt 8 and Unwrap Key 32. */
#define PAIR(more)                                                                                 \
    "CommonTemplateAttribute\n" ATTRIBUTE(" ", "Cryptographic Algorithm", "e 4")                   \
        ATTRIBUTE(" ", "Cryptographic Length", "i 4096") NAME(" ", "vm") more                      \
        "PrivateKeyTemplateAttribute\n" ATTRIBUTE(                                                 \
            " ", "Cryptographic Usage Mask",                                                       \
            "i 40") "PublicKeyTemplateAttribute\n" ATTRIBUTE(" ", "Cryptographic Usage Mask",      \
                                                             "i 20")

START_TEST(pairs)
{
    expect_payload(ENV_KMIP_CREATE_KEY_PAIR, create_pair,
                   PAIR(ATTRIBUTE(" ", "Object Group", "t tenant")));
    expect_payload(ENV_KMIP_CREATE_KEY_PAIR, create_pair_alone, PAIR(""));
    expect_payload(ENV_KMIP_REKEY_KEY_PAIR, rekey, "PrivateKeyUniqueIdentifier t 41\n");
}
END_TEST

static void create(struct env_ttlv_out *o)
{
    env_kmip_put_create(o, "vm", "tenant");
}

static void register_aes(struct env_ttlv_out *o)
{
    env_kmip_put_register(o, ENV_OBJECT_SYMMETRIC, "vm", NULL, 256, ENV_BYTES("\1\2\3", 3));
}

static void register_public(struct env_ttlv_out *o)
{
    env_kmip_put_register(o, ENV_OBJECT_PUBLIC, "vm", NULL, 4096, ENV_BYTES("\1\2\3", 3));
}

static void register_private(struct env_ttlv_out *o)
{
    env_kmip_put_register(o, ENV_OBJECT_PRIVATE, "vm", "tenant", 4096, ENV_BYTES("\1\2\3", 3));
}

#define BLOCK(object, format, algorithm, bits)                                                     \
    object "\n KeyBlock\n  KeyFormatType e " format                                                \
           "\n  KeyValue\n   KeyMaterial y 010203\n  CryptographicAlgorithm e " algorithm          \
           "\n  CryptographicLength i " bits "\n"

START_TEST(creation)
{
    expect_payload(
        ENV_KMIP_CREATE, create,
        "ObjectType e 2\nTemplateAttribute\n" ATTRIBUTE(" ", "Cryptographic Algorithm", "e 3")
            ATTRIBUTE(" ", "Cryptographic Length", "i 256")
                ATTRIBUTE(" ", "Cryptographic Usage Mask", "i 60") NAME(" ", "vm")
                    ATTRIBUTE(" ", "Object Group", "t tenant"));
    expect_payload(
        ENV_KMIP_REGISTER, register_aes,
        "ObjectType e 2\nTemplateAttribute\n" ATTRIBUTE(" ", "Cryptographic Usage Mask", "i 60")
            NAME(" ", "vm") BLOCK("SymmetricKey", "1", "3", "256"));
    expect_payload(
        ENV_KMIP_REGISTER, register_public,
        "ObjectType e 3\nTemplateAttribute\n" ATTRIBUTE(" ", "Cryptographic Usage Mask", "i 20")
            NAME(" ", "vm") BLOCK("PublicKey", "5", "4", "4096"));
    expect_payload(
        ENV_KMIP_REGISTER, register_private,
        "ObjectType e 4\nTemplateAttribute\n" ATTRIBUTE(" ", "Cryptographic Usage Mask", "i 40")
            NAME(" ", "vm") ATTRIBUTE(" ", "Object Group", "t tenant")
                BLOCK("PrivateKey", "4", "4", "4096"));
}
END_TEST

static void activate(struct env_ttlv_out *o)
{
    env_kmip_put_activate(o, "41");
}

static void revoke(struct env_ttlv_out *o)
{
    env_kmip_put_revoke(o, "41", ENV_REVOKE_SUPERSEDED, "rotated");
}

static void revoke_silently(struct env_ttlv_out *o)
{
    env_kmip_put_revoke(o, "41", ENV_REVOKE_SUPERSEDED, NULL);
}

START_TEST(life)
{
    expect_payload(ENV_KMIP_ACTIVATE, activate, "UniqueIdentifier t 41\n");
    expect_payload(ENV_KMIP_REVOKE, revoke,
                   "UniqueIdentifier t 41\nRevocationReason\n RevocationReasonCode e 5\n"
                   " RevocationMessage t rotated\n");
    expect_payload(ENV_KMIP_REVOKE, revoke_silently,
                   "UniqueIdentifier t 41\nRevocationReason\n RevocationReasonCode e 5\n");
}
END_TEST

static void decrypt(struct env_ttlv_out *o)
{
    const struct env_kmip_oaep oaep = {.hash = ENV_HASH_SHA256, .with_mask = true};
    env_kmip_put_decrypt(o, "41", &oaep, ENV_BYTES("\1\2\3", 3));
}

static void decrypt_sha1(struct env_ttlv_out *o)
{
    const struct env_kmip_oaep oaep = {.hash = ENV_HASH_SHA1};
    env_kmip_put_decrypt(o, "41", &oaep, ENV_BYTES("\1\2\3", 3));
}

static void encrypt_unsaid(struct env_ttlv_out *o)
{
    const struct env_kmip_oaep oaep = {.unsaid = true};
    env_kmip_put_encrypt(o, "41", &oaep, ENV_BYTES("\1\2\3", 3));
}

START_TEST(crypt)
{
    expect_payload(ENV_KMIP_DECRYPT, decrypt,
                   "UniqueIdentifier t 41\nCryptographicParameters\n PaddingMethod e 2\n"
                   " HashingAlgorithm e 6\n CryptographicAlgorithm e 4\n MaskGenerator e 1\n"
                   " MaskGeneratorHashingAlgorithm e 6\nData y 010203\n");
    expect_payload(ENV_KMIP_DECRYPT, decrypt_sha1,
                   "UniqueIdentifier t 41\nCryptographicParameters\n PaddingMethod e 2\n"
                   " HashingAlgorithm e 4\n CryptographicAlgorithm e 4\nData y 010203\n");
    expect_payload(ENV_KMIP_ENCRYPT, encrypt_unsaid, "UniqueIdentifier t 41\nData y 010203\n");
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {
        headers, too_small, discover_and_query, locate, get_and_attributes, pairs, creation, life,
        crypt,   NULL};
    return suite_of("requests of KMIP", 60, all);
}
