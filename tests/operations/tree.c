#include "tree.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* KMIP 1.4, section 9.1.3.1, by hand: not from the library's own list. */
static const struct {
    uint32_t tag;
    const char *name;
} names[] = {
    {0x420001, "ActivationDate"},
    {0x420006, "AsynchronousCorrelationValue"},
    {0x420008, "Attribute"},
    {0x420009, "AttributeIndex"},
    {0x42000a, "AttributeName"},
    {0x42000b, "AttributeValue"},
    {0x42000d, "BatchCount"},
    {0x42000e, "BatchErrorContinuationOption"},
    {0x42000f, "BatchItem"},
    {0x42001f, "CommonTemplateAttribute"},
    {0x420028, "CryptographicAlgorithm"},
    {0x42002a, "CryptographicLength"},
    {0x42002b, "CryptographicParameters"},
    {0x420035, "DigestValue"},
    {0x420038, "HashingAlgorithm"},
    {0x42003f, "Key"},
    {0x420040, "KeyBlock"},
    {0x420042, "KeyFormatType"},
    {0x420043, "KeyMaterial"},
    {0x420045, "KeyValue"},
    {0x420046, "KeyWrappingData"},
    {0x42004a, "Link"},
    {0x42004b, "LinkType"},
    {0x42004c, "LinkedObjectIdentifier"},
    {0x42004f, "MaximumItems"},
    {0x420050, "MaximumResponseSize"},
    {0x420051, "MessageExtension"},
    {0x420052, "Modulus"},
    {0x420054, "NameType"},
    {0x420055, "NameValue"},
    {0x420057, "ObjectType"},
    {0x42005c, "Operation"},
    {0x42005f, "PaddingMethod"},
    {0x420064, "PrivateKey"},
    {0x420065, "PrivateKeyTemplateAttribute"},
    {0x420066, "PrivateKeyUniqueIdentifier"},
    {0x420069, "ProtocolVersion"},
    {0x42006a, "ProtocolVersionMajor"},
    {0x42006b, "ProtocolVersionMinor"},
    {0x42006c, "PublicExponent"},
    {0x42006d, "PublicKey"},
    {0x42006e, "PublicKeyTemplateAttribute"},
    {0x42006f, "PublicKeyUniqueIdentifier"},
    {0x420074, "QueryFunction"},
    {0x420077, "RequestHeader"},
    {0x420078, "RequestMessage"},
    {0x420079, "RequestPayload"},
    {0x42007a, "ResponseHeader"},
    {0x42007b, "ResponseMessage"},
    {0x42007c, "ResponsePayload"},
    {0x42007d, "ResultMessage"},
    {0x42007e, "ResultReason"},
    {0x42007f, "ResultStatus"},
    {0x420080, "RevocationMessage"},
    {0x420081, "RevocationReason"},
    {0x420082, "RevocationReasonCode"},
    {0x420088, "ServerInformation"},
    {0x42008f, "SymmetricKey"},
    {0x420091, "TemplateAttribute"},
    {0x420092, "TimeStamp"},
    {0x420093, "UniqueBatchItemID"},
    {0x420094, "UniqueIdentifier"},
    {0x42009d, "VendorIdentification"},
    {0x42009e, "WrappingMethod"},
    {0x4200c2, "Data"},
    {0x4200d4, "OffsetItems"},
    {0x4200d5, "LocatedItems"},
    {0x420101, "MaskGenerator"},
    {0x420102, "MaskGeneratorHashingAlgorithm"},
};
/* Not Check's: the corpora are written with this, too, where no test runs. */
static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "tree: %s\n", what);
        abort();
    }
}

static const char letters[] = " .ilnebtydv"; /* by type */

uint32_t tree_tag(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!strcmp(names[i].name, name)) {
            return names[i].tag;
        }
    }
    char *end;
    unsigned long tag = strtoul(name, &end, 16);
    must(*name && !*end, name);
    return (uint32_t)tag;
}

void tree_name(uint32_t tag, char out[48])
{
    snprintf(out, 48, "%06" PRIx32, tag);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].tag == tag) {
            snprintf(out, 48, "%s", names[i].name);
        }
    }
}

/* -- words to bytes */

struct buffer {
    uint8_t *p;
    size_t len;
};

static void put(struct buffer *b, const void *bytes, size_t len)
{
    b->p = realloc(b->p, b->len + len + 1);
    must(b->p != NULL, "memory");
    if (len) {
        memcpy(b->p + b->len, bytes, len);
    }
    b->len += len;
}

static void put_number(struct buffer *b, uint64_t v, size_t bytes)
{
    while (bytes--) {
        uint8_t byte = (uint8_t)(v >> (8 * bytes));
        put(b, &byte, 1);
    }
}

static void put_hex(struct buffer *b, const char *hex)
{
    for (; hex[0]; hex += 2) {
        unsigned byte;
        must(sscanf(hex, "%2x", &byte) == 1 && hex[1], hex);
        put_number(b, byte, 1);
    }
}

static void put_value(struct buffer *b, char letter, const char *value)
{
    const long long number = strtoll(value, NULL, 0);
    switch (letter) {
    case 'i':
    case 'e':
    case 'v':
        put_number(b, (uint64_t)number, 4);
        break;
    case 'l':
    case 'b':
    case 'd':
        put_number(b, (uint64_t)number, 8);
        break;
    case 't':
        put(b, value, strlen(value));
        break;
    default:
        put_hex(b, value);
    }
}

static size_t indent(const char *line)
{
    return strspn(line, " ");
}

/* One line, with all that is deeper behind it; gives the first line that is not. */
static const char *put_item(struct buffer *b, const char *line)
{
    char name[64];
    const size_t level = indent(line);
    const size_t start = b->len;
    const char *end = strchr(line, '\n');
    must(end != NULL, line);
    must(sscanf(line, " %63[^ \n]", name) == 1, line);
    const char *behind = line + level + strlen(name);
    const bool leaf = behind < end;
    const char letter = leaf ? behind[1] : '.';
    put_number(b, tree_tag(name) << 8 | (uint32_t)(strchr(letters, letter) - letters), 4);
    put_number(b, 0, 4);
    line = end + 1;
    if (leaf) {
        char *value = strndup(behind + 3, (size_t)(end - behind - 3));
        put_value(b, letter, value);
        free(value);
    }
    while (!leaf && *line && indent(line) > level) {
        line = put_item(b, line);
    }
    struct buffer len = {0};
    put_number(&len, b->len - start - 8, 4);
    memcpy(b->p + start + 4, len.p, 4);
    free(len.p);
    put_number(b, 0, (8 - b->len % 8) % 8);
    return line;
}

struct tree tree_of(const char *text)
{
    struct buffer b = {0};
    must(!*put_item(&b, text), text);
    b.p = realloc(b.p, b.len);
    must(b.p != NULL, "memory");
    return (struct tree){b.p, b.len};
}

/* -- bytes to words */

static uint64_t number_at(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static void print_value(FILE *out, char letter, const uint8_t *p, size_t len)
{
    switch (letter) {
    case 'i':
        fprintf(out, "%" PRId32, (int32_t)number_at(p, len));
        break;
    case 'e':
    case 'v':
    case 'b':
        fprintf(out, "%" PRIu64, number_at(p, len));
        break;
    case 'l':
    case 'd':
        fprintf(out, "%" PRId64, (int64_t)number_at(p, len));
        break;
    case 't':
        fwrite(p, 1, len, out);
        break;
    default:
        for (size_t i = 0; i < len; i++) {
            fprintf(out, "%02x", p[i]);
        }
    }
}

static size_t print_item(FILE *out, const uint8_t *p, size_t left, int level)
{
    char name[48];
    must(left >= 8, "no head");
    const size_t len = (size_t)number_at(p + 4, 4);
    const size_t padded = (len + 7) / 8 * 8;
    must(padded <= left - 8, "too long");
    must(p[3] >= 1 && p[3] <= 10, "no type");
    tree_name((uint32_t)number_at(p, 3), name);
    fprintf(out, "%*s%s", level, "", name);
    if (p[3] != 1) {
        fprintf(out, " %c ", letters[p[3]]);
        print_value(out, letters[p[3]], p + 8, len);
    }
    fprintf(out, "\n");
    for (size_t at = 0; p[3] == 1 && at < len;) {
        at += print_item(out, p + 8 + at, len - at, level + 1);
    }
    for (size_t i = len; i < padded; i++) {
        must(!p[8 + i], "padding");
    }
    return 8 + padded;
}

char *tree_text(const void *bytes, size_t len)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    must(out != NULL, "memory");
    must(print_item(out, bytes, len, 0) == len, "more than a message");
    fclose(out);
    return text;
}

/* -- responses */

/* text with blanks in front of each line. */
static void indented(FILE *out, const char *text, int blanks)
{
    while (*text) {
        size_t n = strcspn(text, "\n") + 1;
        fprintf(out, "%*s%.*s", blanks, "", (int)n, text);
        text += n;
    }
}

struct tree tree_response(int minor, int count, const char *items)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    must(out != NULL, "memory");
    fprintf(out,
            "ResponseMessage\n ResponseHeader\n  ProtocolVersion\n"
            "   ProtocolVersionMajor i 1\n   ProtocolVersionMinor i %d\n"
            "  TimeStamp d 1790000000\n  BatchCount i %d\n",
            minor, count);
    indented(out, items, 1);
    fclose(out);
    struct tree t = tree_of(text);
    free(text);
    return t;
}

struct tree tree_success(int minor, uint32_t operation, const char *payload)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    must(out != NULL, "memory");
    fprintf(out, "BatchItem\n Operation e %u\n ResultStatus e 0\n ResponsePayload\n", operation);
    indented(out, payload, 2);
    fclose(out);
    struct tree t = tree_response(minor, 1, text);
    free(text);
    return t;
}
