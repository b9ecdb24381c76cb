#include "samples_ops.h"
#include "kms/kmip/names.h"
#include "tree.h"
#include <string.h>

#define DONE(minor) "version=1." minor "\nstatus=0\nreason=0\nmessage=\n"
#define FAILED(minor, reason, text)                                                                \
    "version=1." minor "\nstatus=1\nreason=" reason "\nmessage=" text "\n"
#define ATTRIBUTE(name, value) "Attribute\n AttributeName t " name "\n AttributeValue " value "\n"
#define INDEXED(name, index, value)                                                                \
    "Attribute\n AttributeName t " name "\n AttributeIndex i " index "\n AttributeValue" value "\n"
#define NAME(index, name, type)                                                                    \
    INDEXED("Name", index, "\n  NameValue t " name "\n  NameType e " type)
#define LINK(index, type, to)                                                                      \
    INDEXED("Link", index, "\n  LinkType e " type "\n  LinkedObjectIdentifier t " to)
#define KEY(type, object, format, value, algorithm, bits)                                          \
    "ObjectType e " type "\nUniqueIdentifier t 41\n" object                                        \
    "\n KeyBlock\n  KeyFormatType e " format "\n  KeyValue\n" value                                \
    "  CryptographicAlgorithm e " algorithm "\n  CryptographicLength i " bits "\n"
#define MATERIAL "   KeyMaterial y 3082000102\n"
#define AES      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_VIEW(minor, type, format, algorithm, bits, material, modulus, exponent)                \
    DONE(minor)                                                                                    \
    "uid=41\ntype=" type "\nformat=" format "\nalgorithm=" algorithm "\nbits=" bits                \
    "\nmaterial=" material "\nmodulus=" modulus "\nexponent=" exponent "\n"
#define VERSION(minor)                                                                             \
    "ProtocolVersion\n ProtocolVersionMajor i 1\n ProtocolVersionMinor i " minor "\n"
#define NO_LINKS "public=\nprivate=\nreplacement=\nreplaced=\n"

const struct ops_sample ops_samples[] = {
    {"discover", 4, ENV_KMIP_DISCOVER_VERSIONS, "", VERSION("4") VERSION("2") VERSION("0"),
     DONE("4") "offers=1.4\noffers=1.2\noffers=1.0\n"},
    {"discover-none", 1, ENV_KMIP_DISCOVER_VERSIONS, "", "", DONE("1")},
    {"query", 4, ENV_KMIP_QUERY, "",
     "Operation e 8\nOperation e 10\nOperation e 32\nOperation e 0x80000001\nObjectType e 3\n"
     "ObjectType e 4\nVendorIdentification t A KMS\nServerInformation\n 540001 t 7\n",
     DONE("4") "operations=100000500\nobjects=18\nvendor=A KMS\n"},
    {"query-nothing", 0, ENV_KMIP_QUERY, "", "", DONE("0") "operations=0\nobjects=0\nvendor=\n"},
    {"locate", 2, ENV_KMIP_LOCATE, "", "UniqueIdentifier t 47\nUniqueIdentifier t 46\n",
     DONE("2") "total=2\nuid=47\nuid=46\n"},
    {"locate-none", 4, ENV_KMIP_LOCATE, "", "", DONE("4") "total=0\n"},
    {"locate-located-items", 3, ENV_KMIP_LOCATE, "",
     "LocatedItems i 7\nUniqueIdentifier t a5b1f9a2-4\nUniqueIdentifier t a5b1f9a2-3\n",
     DONE("3") "total=7\nuid=a5b1f9a2-4\nuid=a5b1f9a2-3\n"},
    {"get-aes", 0, ENV_KMIP_GET, "41",
     KEY("2", "SymmetricKey", "1", "   KeyMaterial y " AES "\n", "3", "256"),
     KEY_VIEW("0", "2", "1", "3", "256", AES, "", "")},
    {"get-transparent-aes", 4, ENV_KMIP_GET, "41",
     KEY("2", "SymmetricKey", "7", "   KeyMaterial\n    Key y " AES "\n", "3", "256"),
     KEY_VIEW("4", "2", "7", "3", "256", AES, "", "")},
    {"get-public-pkcs1", 1, ENV_KMIP_GET, "41", KEY("3", "PublicKey", "3", MATERIAL, "4", "4096"),
     KEY_VIEW("1", "3", "3", "4", "4096", "3082000102", "", "")},
    {"get-public-attributes", 4, ENV_KMIP_GET, "41",
     KEY("3", "PublicKey", "5",
         MATERIAL "   Attribute\n    AttributeName t State\n    AttributeValue e 2\n", "4", "4096"),
     KEY_VIEW("4", "3", "5", "4", "4096", "3082000102", "", "")},
    {"get-public-transparent", 4, ENV_KMIP_GET, "41",
     KEY("3", "PublicKey", "11",
         "   KeyMaterial\n    Modulus n 0000000000000000ab46186c740ceda5\n"
         "    PublicExponent n 0000000000010001\n",
         "4", "4096"),
     KEY_VIEW("4", "3", "11", "4", "4096", "", "ab46186c740ceda5", "010001")},
    {"get-private-pkcs8", 3, ENV_KMIP_GET, "41", KEY("4", "PrivateKey", "4", MATERIAL, "4", "4096"),
     KEY_VIEW("3", "4", "4", "4", "4096", "3082000102", "", "")},
    {"get-private-bare", 2, ENV_KMIP_GET, "41",
     "ObjectType e 4\nUniqueIdentifier t 41\nPrivateKey\n KeyBlock\n  KeyFormatType e 3\n"
     "  KeyValue\n   KeyMaterial y 30\n",
     KEY_VIEW("2", "4", "3", "0", "0", "30", "", "")},
    {"get-attributes", 4, ENV_KMIP_GET_ATTRIBUTES, "41",
     "UniqueIdentifier t 41\n" ATTRIBUTE("Unique Identifier", "t 41")
         ATTRIBUTE("Object Type", "e 3") ATTRIBUTE("Cryptographic Algorithm", "e 4") ATTRIBUTE(
             "Cryptographic Length", "i 4096") ATTRIBUTE("Cryptographic Usage Mask", "i 20")
             ATTRIBUTE("State", "e 2") ATTRIBUTE("Initial Date", "d 1795494368") ATTRIBUTE(
                 "Activation Date", "d 1795494370") NAME("0", "vm", "1") NAME("1", "alias", "1")
                 NAME("2", "uri:vm", "2") INDEXED("Object Group", "0", " t tenant") LINK(
                     "0", "0x103", "42") LINK("1", "0x106", "46") LINK("2", "0x101", "9")
                     ATTRIBUTE("x-rotate-generation", "i 7") ATTRIBUTE("y-Server Attribute", "t v"),
     DONE("4") "uid=41\ntype=3\nalgorithm=4\nbits=4096\nusage=20\nstate=2\nname=vm\nname=alias\n"
               "group=tenant\npublic=\nprivate=42\nreplacement=46\nreplaced=\n"
               "initial=1795494368\nactivation=1795494370\ngeneration=7\n"},
    {"get-attributes-private", 2, ENV_KMIP_GET_ATTRIBUTES, "42",
     "UniqueIdentifier t 42\n" ATTRIBUTE("State", "e 1") LINK("0", "0x102", "41")
         LINK("1", "0x107", "2") ATTRIBUTE("x-rotate-generation", "l -1"),
     DONE("2") "uid=42\ntype=0\nalgorithm=0\nbits=0\nusage=0\nstate=1\npublic=41\nprivate=\n"
               "replacement=\nreplaced=2\ngeneration=-1\n"},
    {"get-attributes-none", 0, ENV_KMIP_GET_ATTRIBUTES, "42", "UniqueIdentifier t 42\n",
     DONE("0") "uid=42\ntype=0\nalgorithm=0\nbits=0\nusage=0\nstate=0\n" NO_LINKS},
    {"create-pair", 0, ENV_KMIP_CREATE_KEY_PAIR, "",
     "PrivateKeyUniqueIdentifier t 41\nPublicKeyUniqueIdentifier t 40\n",
     DONE("0") "private=41\npublic=40\n"},
    {"create-pair-attributes", 4, ENV_KMIP_CREATE_KEY_PAIR, "",
     "PrivateKeyUniqueIdentifier t 41\nPublicKeyUniqueIdentifier t 40\n"
     "PublicKeyTemplateAttribute\n Attribute\n  AttributeName t Link\n  AttributeValue\n"
     "   LinkType e 0x103\n   LinkedObjectIdentifier t 41\n",
     DONE("4") "private=41\npublic=40\n"},
    {"rekey-pair", 1, ENV_KMIP_REKEY_KEY_PAIR, "",
     "PrivateKeyUniqueIdentifier t 5\nPublicKeyUniqueIdentifier t 6\n",
     DONE("1") "private=5\npublic=6\n"},
    {"create", 0, ENV_KMIP_CREATE, "", "ObjectType e 2\nUniqueIdentifier t 42\n",
     DONE("0") "uid=42\n"},
    {"register", 4, ENV_KMIP_REGISTER, "", "UniqueIdentifier t 15\n", DONE("4") "uid=15\n"},
    {"activate", 0, ENV_KMIP_ACTIVATE, "41", "UniqueIdentifier t 41\n", DONE("0")},
    {"revoke", 4, ENV_KMIP_REVOKE, "41", "UniqueIdentifier t 41\n", DONE("4")},
    {"encrypt", 2, ENV_KMIP_ENCRYPT, "41", "UniqueIdentifier t 41\nData y 00010203040506\n",
     DONE("2") "data=00010203040506\n"},
    {"decrypt", 4, ENV_KMIP_DECRYPT, "41", "UniqueIdentifier t 41\nData y " AES "\n",
     DONE("4") "data=" AES "\n"},
    {"failed", 4, ENV_KMIP_GET, "41",
     "BatchItem\n Operation e 10\n ResultStatus e 1\n ResultReason e 1\n"
     " ResultMessage t Could not locate object: 41\n",
     FAILED("4", "1", "Could not locate object: 41")},
    {"failed-bare", 0, ENV_KMIP_DECRYPT, "41", "BatchItem\n ResultStatus e 1\n",
     FAILED("0", "0", "")},
    {"pending", 4, ENV_KMIP_CREATE_KEY_PAIR, "",
     "BatchItem\n Operation e 2\n ResultStatus e 2\n AsynchronousCorrelationValue y 01020304\n",
     "version=1.4\nstatus=2\nreason=0\nmessage=\n"},
};
const unsigned ops_sample_count = sizeof ops_samples / sizeof ops_samples[0];

struct tree ops_sample_bytes(const struct ops_sample *sample)
{
    return !strncmp(sample->words, "BatchItem", 9)
               ? tree_response(sample->minor, 1, sample->words)
               : tree_success(sample->minor, sample->operation, sample->words);
}
