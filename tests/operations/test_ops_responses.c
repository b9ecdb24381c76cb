/* What is read, item by item, from the samples; and each rule of docs/kmip.md that refuses. */
#include "ask.h"
#include "check_main.h"
#include "failing.h"
#include "samples_ops.h"
#include "view.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_view(const struct ops_sample *sample)
{
    envelope_ctx *ctx = test_ctx();
    struct tree t = ops_sample_bytes(sample);
    char *view = view_of(ctx, sample->operation, sample->uid, t.p, t.len);
    char refused[64];
    snprintf(refused, sizeof refused, "%s %s", sample->view, sample->name);
    const char *expected = strncmp(sample->view, "E_", 2) ? sample->view : refused;
    ck_assert_msg(!strcmp(view, expected), "%s: %s, not %s", sample->name, view, expected);
    free(view);
    free(t.p);
    envelope_ctx_free(ctx);
}

START_TEST(samples)
{
    for (unsigned i = 0; i < ops_sample_count; i++) {
        expect_view(&ops_samples[i]);
    }
}
END_TEST

#define ITEM(status)       "BatchItem\n Operation e 10\n ResultStatus e " status "\n"
#define OF(name, value)    "UniqueIdentifier t 41\n" VALUE(name, value)
#define VALUE(name, value) "Attribute\n AttributeName t " name "\n AttributeValue" value "\n"
#define NAME(n)            VALUE("Name", "\n  NameValue t " n "\n  NameType e 1")
#define GROUP(g)           VALUE("Object Group", " t " g)
#define LINK(type, to)     VALUE("Link", "\n  LinkType e " type "\n  LinkedObjectIdentifier " to)
#define KEY(type, object, format, value, more)                                                     \
    "ObjectType e " type "\nUniqueIdentifier t 41\n" object                                        \
    "\n KeyBlock\n  KeyFormatType e " format "\n  KeyValue" value more
#define BYTES "\n   KeyMaterial y 30\n"
#define LONG_255                                                                                   \
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" \
    "ff"                                                                                           \
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" \
    "ff"                                                                                           \
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define PASSED   "version=1.4\nstatus=0\nreason=0\nmessage=\n"
#define BARE     "uid=41\ntype=0\nalgorithm=0\nbits=0\nusage=0\nstate=0\n"
#define NO_LINKS "public=\nprivate=\nreplacement=\nreplaced=\n"

/* The name is the rule's number; the view is that of a refusal, or what is passed over. */
static const struct ops_sample rules[] = {
    {"K-MSG-10", 4, ENV_KMIP_GET, "41", ITEM("0"), "E_FORMAT"},
    {"K-MSG-09", 4, ENV_KMIP_GET, "41", ITEM("4"), "E_FORMAT"},
    {"K-FIELD-04", 4, ENV_KMIP_GET, "41", "BatchItem\n Operation e 10\n", "E_FORMAT"},
    {"K-MSG-08", 4, ENV_KMIP_GET, "41", "BatchItem\n Operation e 11\n ResultStatus e 1\n",
     "E_FORMAT"},
    {"K-MSG-08", 4, ENV_KMIP_REGISTER, "41",
     "BatchItem\n ResultStatus e 0\n ResponsePayload\n  UniqueIdentifier t 41\n", "E_FORMAT"},
    {"K-OP-01", 4, ENV_KMIP_REGISTER, "", "UniqueIdentifier t \n", "E_FORMAT"},
    {"K-OP-01", 4, ENV_KMIP_REGISTER, "", "UniqueIdentifier t f" LONG_255 "\n", "E_FORMAT"},
    {"K-OP-01", 4, ENV_KMIP_REGISTER, "", "UniqueIdentifier t " LONG_255 "\n",
     PASSED "uid=" LONG_255 "\n"},
    {"K-OP-01", 4, ENV_KMIP_CREATE_KEY_PAIR, "",
     "PrivateKeyUniqueIdentifier t 1\nPublicKeyUniqueIdentifier t \n", "E_FORMAT"},
    {"K-OP-01", 4, ENV_KMIP_LOCATE, "", "UniqueIdentifier t 1\nUniqueIdentifier t \n", "E_FORMAT"},
    {"K-OP-02", 4, ENV_KMIP_ACTIVATE, "41", "UniqueIdentifier t 42\n", "E_FORMAT"},
    {"K-OP-02", 4, ENV_KMIP_REVOKE, "41", "UniqueIdentifier t 411\n", "E_FORMAT"},
    {"K-OP-02", 4, ENV_KMIP_DECRYPT, "41", "UniqueIdentifier t 4\nData y 00\n", "E_FORMAT"},
    {"K-OP-02", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("Unique Identifier", " t 42"), "E_FORMAT"},
    {"K-OP-15", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("Unique Identifier", " i 41"), "E_FORMAT"},
    {"K-MSG-02", 4, ENV_KMIP_DISCOVER_VERSIONS, "",
     "ProtocolVersion\n ProtocolVersionMajor i -1\n ProtocolVersionMinor i 4\n", "E_FORMAT"},
    {"K-MSG-02", 4, ENV_KMIP_DISCOVER_VERSIONS, "",
     "ProtocolVersion\n ProtocolVersionMajor i 1\n ProtocolVersionMinor i -4\n", "E_FORMAT"},
    {"K-OP-04", 4, ENV_KMIP_LOCATE, "", "UniqueIdentifier t 1\nUniqueIdentifier t 1\n", "E_FORMAT"},
    {"K-OP-05", 4, ENV_KMIP_LOCATE, "",
     "LocatedItems i 1\nUniqueIdentifier t 1\nUniqueIdentifier t 2\n", "E_FORMAT"},
    {"K-OP-05", 4, ENV_KMIP_LOCATE, "", "LocatedItems i -1\n", "E_FORMAT"},
    {"K-OP-08", 4, ENV_KMIP_GET, "41", KEY("3", "PublicKey", "3", BYTES, "PrivateKey\n KeyBlock\n"),
     "E_FORMAT"},
    {"K-OP-08", 4, ENV_KMIP_GET, "41", KEY("3", "PrivateKey", "3", BYTES, ""), "E_FORMAT"},
    {"K-OP-08", 4, ENV_KMIP_GET, "41", "ObjectType e 3\nUniqueIdentifier t 41\n", "E_FORMAT"},
    {"K-OP-07", 4, ENV_KMIP_GET, "41", "ObjectType e 1\nUniqueIdentifier t 41\n", "E_UNSUPPORTED"},
    {"K-OP-07", 4, ENV_KMIP_GET, "41", "ObjectType e 0\nUniqueIdentifier t 41\n", "E_UNSUPPORTED"},
    {"K-OP-07", 4, ENV_KMIP_GET, "41", "ObjectType e 5\nUniqueIdentifier t 41\n", "E_UNSUPPORTED"},
    {"K-OP-09", 4, ENV_KMIP_GET, "41",
     KEY("2", "SymmetricKey", "1", BYTES, "  KeyWrappingData\n   WrappingMethod e 1\n"),
     "E_UNSUPPORTED"},
    {"K-OP-10", 4, ENV_KMIP_GET, "41", KEY("3", "PublicKey", "1", BYTES, ""), "E_UNSUPPORTED"},
    {"K-OP-10", 4, ENV_KMIP_GET, "41", KEY("4", "PrivateKey", "5", BYTES, ""), "E_UNSUPPORTED"},
    {"K-OP-10", 4, ENV_KMIP_GET, "41", KEY("2", "SymmetricKey", "4", BYTES, ""), "E_UNSUPPORTED"},
    {"K-OP-11", 4, ENV_KMIP_GET, "41", KEY("3", "PublicKey", "3", " y 30\n", ""), "E_FORMAT"},
    {"K-OP-11", 4, ENV_KMIP_GET, "41",
     KEY("3", "PublicKey", "3", "\n   KeyMaterial\n    Key y 30\n", ""), "E_FORMAT"},
    {"K-OP-11", 4, ENV_KMIP_GET, "41", KEY("2", "SymmetricKey", "7", BYTES, ""), "E_FORMAT"},
    {"K-OP-12", 4, ENV_KMIP_GET, "41", KEY("3", "PublicKey", "3", "\n   KeyMaterial y \n", ""),
     "E_FORMAT"},
    {"K-OP-12", 4, ENV_KMIP_GET, "41",
     KEY("2", "SymmetricKey", "7", "\n   KeyMaterial\n    Key y \n", ""), "E_FORMAT"},
    {"K-OP-12", 4, ENV_KMIP_GET, "41",
     KEY("3", "PublicKey", "11",
         "\n   KeyMaterial\n    Modulus n 8000000000000001\n"
         "    PublicExponent n 0000000000000003\n",
         ""),
     "E_FORMAT"},
    {"K-OP-12", 4, ENV_KMIP_GET, "41",
     KEY("3", "PublicKey", "11",
         "\n   KeyMaterial\n    Modulus n 0000000000000003\n"
         "    PublicExponent n 0000000000000000\n",
         ""),
     "E_FORMAT"},
    {"K-OP-13", 4, ENV_KMIP_GET, "41",
     KEY("2", "SymmetricKey", "1", BYTES, "  CryptographicLength i 256\n"), "E_FORMAT"},
    {"K-OP-13", 4, ENV_KMIP_GET, "41",
     KEY("2", "SymmetricKey", "1", BYTES, "  CryptographicLength i 9\n"), "E_FORMAT"},
    {"K-OP-14", 4, ENV_KMIP_GET, "41",
     KEY("3", "PublicKey", "3", BYTES, "  CryptographicLength i 0\n"), "E_FORMAT"},
    {"K-OP-14", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("Cryptographic Length", " i -1"), "E_FORMAT"},
    {"K-OP-14", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("Object Type", " e 0"), "E_FORMAT"},
    {"K-OP-14", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("State", " e 0"), "E_FORMAT"},
    {"K-OP-15", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("State", " i 2"), "E_FORMAT"},
    {"K-OP-15", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("Initial Date", " l 2"), "E_FORMAT"},
    {"K-OP-15", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("Name", " t vm"), "E_FORMAT"},
    {"K-OP-15", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("Object Group", " y 30"), "E_FORMAT"},
    {"K-OP-15", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("Link", " t 42"), "E_FORMAT"},
    {"K-OP-16", 4, ENV_KMIP_GET_ATTRIBUTES, "41", OF("State", " e 2") VALUE("State", " e 2"),
     "E_FORMAT"},
    {"K-OP-16", 4, ENV_KMIP_GET_ATTRIBUTES, "41",
     OF("x-rotate-generation", " i 1") VALUE("x-rotate-generation", " i 1"), "E_FORMAT"},
    {"K-OP-17", 4, ENV_KMIP_GET_ATTRIBUTES, "41",
     "UniqueIdentifier t 41\n" NAME("1") NAME("2") NAME("3") NAME("4") NAME("5") NAME("6") NAME("7")
         NAME("8") NAME("9"),
     "E_LIMIT"},
    {"K-OP-17", 4, ENV_KMIP_GET_ATTRIBUTES, "41",
     "UniqueIdentifier t 41\n" GROUP("1") GROUP("2") GROUP("3") GROUP("4") GROUP("5") GROUP("6")
         GROUP("7") GROUP("8") GROUP("9"),
     "E_LIMIT"},
    {"K-OP-17", 4, ENV_KMIP_GET_ATTRIBUTES, "41",
     "UniqueIdentifier t 41\n" NAME("f" LONG_255) NAME("") NAME(LONG_255) GROUP(""),
     PASSED BARE "name=" LONG_255 "\n" NO_LINKS},
    {"K-OP-18", 4, ENV_KMIP_GET_ATTRIBUTES, "41",
     "UniqueIdentifier t 41\n" LINK("0x106", "t 42") LINK("0x106", "t 43"), "E_FORMAT"},
    {"K-OP-01", 4, ENV_KMIP_GET_ATTRIBUTES, "41", "UniqueIdentifier t 41\n" LINK("0x106", "t "),
     "E_FORMAT"},
    {"K-OP-19", 4, ENV_KMIP_GET_ATTRIBUTES, "41", "UniqueIdentifier t 41\n" LINK("0x106", "i 7"),
     "E_FORMAT"},
    {"K-OP-18", 4, ENV_KMIP_GET_ATTRIBUTES, "41",
     "UniqueIdentifier t 41\n" LINK("0x101", "i 7") LINK("0x101", "i 7"), PASSED BARE NO_LINKS},
    {"K-OP-15", 4, ENV_KMIP_GET_ATTRIBUTES, "41",
     OF("x-rotate-generation", " t 7") VALUE("X-Rotate-Generation", " i 7"), PASSED BARE NO_LINKS},
    {"K-OP-20", 4, ENV_KMIP_CREATE_KEY_PAIR, "",
     "PrivateKeyUniqueIdentifier t 1\nPublicKeyUniqueIdentifier t 1\n", "E_FORMAT"},
    {"K-OP-20", 4, ENV_KMIP_REKEY_KEY_PAIR, "",
     "PrivateKeyUniqueIdentifier t 1\nPublicKeyUniqueIdentifier t 1\n", "E_FORMAT"},
    {"K-OP-21", 4, ENV_KMIP_CREATE, "", "ObjectType e 3\nUniqueIdentifier t 42\n", "E_FORMAT"},
};

START_TEST(each_rule)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        expect_view(&rules[i]);
    }
}
END_TEST

/* K-OP-06 and K-OP-03: as many as fit, and one more. */
START_TEST(limits)
{
    envelope_ctx *ctx = test_ctx();
    static char words[64 * (ENV_KMIP_LOCATED_MAX + 1)];
    for (int extra = 0; extra < 2; extra++) {
        size_t n = 0;
        for (int i = 0; i < ENV_KMIP_LOCATED_MAX + extra; i++) {
            n += (size_t)snprintf(words + n, sizeof words - n, "UniqueIdentifier t %d\n", i);
        }
        struct tree t = tree_success(4, ENV_KMIP_LOCATE, words);
        struct env_kmip_located l;
        envelope_status st = env_kmip_take_locate(payload_of(&t, ENV_KMIP_LOCATE), ctx, &l, NULL);
        ck_assert_int_eq(st, extra ? ENVELOPE_E_LIMIT : ENVELOPE_OK);
        ck_assert_uint_eq(l.count, extra ? 0 : ENV_KMIP_LOCATED_MAX);
        env_free(ctx, l.uid);
        free(t.p);
        n = 0;
        for (int i = 0; i < ENV_KMIP_VERSIONS_MAX + extra; i++) {
            n += (size_t)snprintf(
                words + n, sizeof words - n,
                "ProtocolVersion\n ProtocolVersionMajor i 1\n ProtocolVersionMinor i %d\n", i);
        }
        t = tree_success(4, ENV_KMIP_DISCOVER_VERSIONS, words);
        char *view = view_of(ctx, ENV_KMIP_DISCOVER_VERSIONS, "", t.p, t.len);
        ck_assert_int_eq(!strcmp(view, "E_LIMIT K-OP-03"), extra);
        free(view);
        free(t.p);
    }
    envelope_ctx_free(ctx);
}
END_TEST

/* Text of the server's is shown escaped and cut. */
START_TEST(text_of_the_server)
{
    envelope_ctx *ctx = test_ctx();
    struct tree t =
        tree_success(4, ENV_KMIP_QUERY, "VendorIdentification t a\033[2Jb" LONG_255 "\n");
    struct env_kmip_abilities a;
    ck_assert_int_eq(env_kmip_take_query(payload_of(&t, ENV_KMIP_QUERY), &a, NULL), ENVELOPE_OK);
    ck_assert_int_eq(strncmp(a.vendor, "a\\x1b[2Jbff", 11), 0);
    ck_assert_uint_eq(strlen(a.vendor), sizeof a.vendor - 1);
    free(t.p);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {samples, each_rule, limits, text_of_the_server, NULL};
    return suite_of("responses of KMIP", 60, all);
}
