/* What was recorded from other clients of the operations that are used here, written again by the
 * library from the same facts: the same bytes, or the same but for a difference that is named
 * below; what the library never sends is counted apart, by what it is. */
#include "ask.h"
#include "check_main.h"
#include "exchange.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The facts of the exchange that is looked at, out of its words. */
static struct facts {
    const char *uid;
    char name[256];
    char group[256];
    char reason[16];
    char message[256];
    uint32_t type;
    uint32_t max;
    uint32_t offset;
    uint32_t bits;
    uint32_t hash;
    bool mask;
    uint8_t bytes[8192];
    size_t len;
} f;

static uint32_t number(const char *words, const char *start)
{
    char value[16];
    words_value(words, start, value, sizeof value);
    return (uint32_t)strtoul(value, NULL, 10);
}

static size_t unhex(const char *words, const char *start, uint8_t *out, size_t cap)
{
    static char digits[2 * sizeof f.bytes + 1];
    words_value(words, start, digits, sizeof digits);
    size_t n = strlen(digits) / 2;
    ck_assert_uint_le(n, cap);
    for (size_t i = 0; i < n; i++) {
        const char byte[3] = {digits[2 * i], digits[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return n;
}

#define VALUE(name) "AttributeName t " name "\n    AttributeValue "
#define DEEP(name)  "AttributeName t " name "\n     AttributeValue "

static void find_facts(const struct exchange *e)
{
    const char *w = e->words;
    memset(&f, 0, sizeof f);
    f.uid = e->uid;
    words_value(w, "NameValue t ", f.name, sizeof f.name);
    words_value(w, VALUE("Object Group") "t ", f.group, sizeof f.group);
    if (!*f.group) {
        words_value(w, DEEP("Object Group") "t ", f.group, sizeof f.group);
    }
    words_value(w, "RevocationReasonCode e ", f.reason, sizeof f.reason);
    words_value(w, "RevocationMessage t ", f.message, sizeof f.message);
    f.type =
        number(w, e->operation == ENV_KMIP_LOCATE ? VALUE("Object Type") "e " : "ObjectType e ");
    f.max = number(w, "MaximumItems i ");
    f.offset = number(w, "OffsetItems i ");
    f.bits = number(w, e->operation == ENV_KMIP_REGISTER ? "CryptographicLength i "
                                                         : DEEP("Cryptographic Length") "i ");
    f.hash = number(w, "HashingAlgorithm e ");
    f.mask = strstr(w, "MaskGenerator ") != NULL;
    f.len = unhex(w, e->operation == ENV_KMIP_REGISTER ? "KeyMaterial y " : "   Data y ", f.bytes,
                  sizeof f.bytes);
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static void write_locate(struct env_ttlv_out *o)
{
    const struct env_kmip_locate what = {f.type, or_null(f.name), or_null(f.group), f.max,
                                         f.offset};
    env_kmip_put_locate(o, &what);
}

static void write_get(struct env_ttlv_out *o)
{
    env_kmip_put_get(o, f.uid);
}

static void write_attributes(struct env_ttlv_out *o)
{
    env_kmip_put_get_attributes(o, f.uid, true);
}

static void write_pair(struct env_ttlv_out *o)
{
    env_kmip_put_create_pair(o, or_null(f.name), or_null(f.group), f.bits);
}

static void write_create(struct env_ttlv_out *o)
{
    env_kmip_put_create(o, or_null(f.name), or_null(f.group));
}

static void write_register(struct env_ttlv_out *o)
{
    env_kmip_put_register(o, f.type, or_null(f.name), or_null(f.group), f.bits,
                          ENV_BYTES(f.bytes, f.len));
}

static void write_rekey(struct env_ttlv_out *o)
{
    env_kmip_put_rekey_pair(o, f.uid);
}

static void write_activate(struct env_ttlv_out *o)
{
    env_kmip_put_activate(o, f.uid);
}

static void write_revoke(struct env_ttlv_out *o)
{
    env_kmip_put_revoke(o, f.uid, (uint32_t)strtoul(f.reason, NULL, 10), or_null(f.message));
}

static void write_crypt(struct env_ttlv_out *o)
{
    const struct env_kmip_oaep oaep = {f.hash, f.mask, f.hash == 0};
    env_kmip_put_decrypt(o, f.uid, &oaep, ENV_BYTES(f.bytes, f.len));
}

static const struct writer {
    uint32_t operation;
    void (*write)(struct env_ttlv_out *o);
} writers[] = {
    {ENV_KMIP_DISCOVER_VERSIONS, env_kmip_put_discover},
    {ENV_KMIP_QUERY, env_kmip_put_query},
    {ENV_KMIP_LOCATE, write_locate},
    {ENV_KMIP_GET, write_get},
    {ENV_KMIP_GET_ATTRIBUTES, write_attributes},
    {ENV_KMIP_CREATE_KEY_PAIR, write_pair},
    {ENV_KMIP_CREATE, write_create},
    {ENV_KMIP_REGISTER, write_register},
    {ENV_KMIP_REKEY_KEY_PAIR, write_rekey},
    {ENV_KMIP_ACTIVATE, write_activate},
    {ENV_KMIP_REVOKE, write_revoke},
    {ENV_KMIP_ENCRYPT, write_crypt},
    {ENV_KMIP_DECRYPT, write_crypt},
};
enum { WRITERS = sizeof writers / sizeof writers[0] };

/* Where the library writes something else, on purpose: in their words, and in ours (NULL: theirs
 * are taken out of both). NAME stands for the facts' name. */
static const struct difference {
    const char *why;
    uint32_t operation;
    const char *theirs;
    const char *ours;
} differences[] = {
    {"an AES key may wrap and unwrap, too", ENV_KMIP_CREATE,
     DEEP("Cryptographic Usage Mask") "i 12\n", DEEP("Cryptographic Usage Mask") "i 60\n"},
    {"an AES key may wrap and unwrap, too", ENV_KMIP_REGISTER,
     DEEP("Cryptographic Usage Mask") "i 12\n", DEEP("Cryptographic Usage Mask") "i 60\n"},
    {"the name stands once for both halves", ENV_KMIP_CREATE_KEY_PAIR,
     "    Attribute\n     AttributeName t Name\n     AttributeValue\n      NameValue t NAME\n"
     "      NameType e 1\n",
     NULL},
    {"the state is looked at afterwards", ENV_KMIP_LOCATE,
     "   Attribute\n    AttributeName t State\n    AttributeValue e 2\n", ""},
    {"the state is looked at afterwards", ENV_KMIP_LOCATE,
     "   Attribute\n    AttributeName t State\n    AttributeValue e 1\n", ""},
};

/* What stands in a request that the library never sends, of that operation (0: any but Get
 * Attributes). */
static const struct never {
    uint32_t operation;
    const char *words;
    const char *why;
} nevers[] = {
    {0, "420007 b", "Asynchronous Indicator"},
    {0, "42000c\n", "Authentication"},
    {0, "420105 t", "Client Correlation Value"},
    {0, "TimeStamp", "a time stamp"},
    {0, "420047", "a Key Wrapping Specification"},
    {0, "420011 e", "a block cipher's mode"},
    {0, "MaximumResponseSize", "Maximum Response Size: in ops_requests"},
    {0, "t x-", "an attribute of the client's own"},
    {0, "t Application Specific Information", "Application Specific Information"},
    {0, "t Link", "a Link"},
    {0, "Activation Date", "Activation Date"},
    {ENV_KMIP_GET, "KeyFormatType", "Key Format Type"},
    {ENV_KMIP_LOCATE, "t Initial Date", "search by date"},
    {ENV_KMIP_LOCATE, "t Last Change Date", "search by date"},
    {ENV_KMIP_LOCATE, "t Cryptographic Usage Mask", "search by usage"},
    {ENV_KMIP_LOCATE, "4200ac e", "search by group member"},
    {ENV_KMIP_LOCATE, "NameType e 2", "a name that is a URI"},
    {ENV_KMIP_CREATE_KEY_PAIR, DEEP("Cryptographic Algorithm") "e 26", "elliptic curves"},
    {ENV_KMIP_CREATE_KEY_PAIR, "AttributeIndex", "several names"},
    {ENV_KMIP_CREATE, DEEP("Cryptographic Usage Mask") "i 4\n", "another usage"},
    {ENV_KMIP_REGISTER, "ObjectType e 1\n", "a certificate"},
    {ENV_KMIP_REGISTER, "ObjectType e 7\n", "secret data"},
    {ENV_KMIP_REGISTER, "ObjectType e 8\n", "an opaque object"},
    {ENV_KMIP_REGISTER, "KeyFormatType e 3\n", "PKCS#1"},
    {ENV_KMIP_REGISTER, "t Operation Policy Name", "Operation Policy Name"},
    {ENV_KMIP_CREATE_KEY_PAIR, "t Operation Policy Name", "Operation Policy Name"},
    {ENV_KMIP_CREATE, "t Operation Policy Name", "Operation Policy Name"},
    {ENV_KMIP_REVOKE, "CompromiseOccurrenceDate", "a compromise"},
    {ENV_KMIP_REVOKE, "420021 d", "a compromise"},
    {ENV_KMIP_DECRYPT, "MaskGeneratorHashingAlgorithm e 4", "a mask of another hash"},
    {ENV_KMIP_DECRYPT, "420103 y", "a label"},
};

struct tally {
    int same[WRITERS][5];
    int explained[WRITERS];
    int apart;
};

static const struct writer *writer_of(uint32_t operation)
{
    for (size_t i = 0; i < WRITERS; i++) {
        if (writers[i].operation == operation) {
            return &writers[i];
        }
    }
    return NULL;
}

static const char *never_sent(uint32_t operation, const char *words)
{
    for (size_t i = 0; i < sizeof nevers / sizeof nevers[0]; i++) {
        const struct never *n = &nevers[i];
        if ((n->operation ? n->operation == operation : operation != ENV_KMIP_GET_ATTRIBUTES) &&
            strstr(words, n->words)) {
            return n->why;
        }
    }
    const bool lacks =
        operation == ENV_KMIP_GET || operation == ENV_KMIP_GET_ATTRIBUTES
            ? !*f.uid
            : operation == ENV_KMIP_CREATE_KEY_PAIR && !strstr(words, "t Cryptographic Usage Mask");
    const bool other = operation == ENV_KMIP_QUERY && !strstr(words, "QueryFunction e 2");
    return lacks ? "less than is always sent" : other ? "other questions" : NULL;
}

/* The words of both without the lines of that name; true: then the same. */
static bool same_without(const char *a, const char *b, const char *line)
{
    while (*a || *b) {
        size_t n = strcspn(a, "\n") + 1;
        size_t m = strcspn(b, "\n") + 1;
        if (*a && strstr(a, line) && strstr(a, line) < a + n) {
            a += n;
        } else if (*b && strstr(b, line) && strstr(b, line) < b + m) {
            b += m;
        } else if (!*a || !*b || n != m || memcmp(a, b, n) != 0) {
            return false;
        } else {
            a += n;
            b += m;
        }
    }
    return true;
}

static bool differs_so(const struct difference *d, const char *theirs, const char *ours)
{
    char *which = words_replace(d->theirs, "NAME", f.name);
    char *a = words_replace(theirs, which, d->ours ? d->ours : "");
    char *b = d->ours ? strdup(ours) : words_replace(ours, which, "");
    bool same = !strcmp(a, b);
    free(which);
    free(a);
    free(b);
    return same;
}

static const char *explain(uint32_t operation, const char *theirs, const char *ours)
{
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++) {
        const struct difference *d = &differences[i];
        if (d->operation == operation && differs_so(d, theirs, ours)) {
            return d->why;
        }
    }
    if (operation == ENV_KMIP_DISCOVER_VERSIONS &&
        same_without(theirs, ours, "   ProtocolVersion")) {
        return "the versions that are understood are named";
    }
    if (operation == ENV_KMIP_GET_ATTRIBUTES && *f.uid &&
        same_without(theirs, ours, "   AttributeName t ")) {
        return "the attributes that are wanted are named";
    }
    return NULL;
}

static void one(void *user, const struct exchange *e)
{
    struct tally *t = user;
    const struct writer *w = writer_of(e->operation);
    if (!w || e->minor < 0) {
        t->apart++;
        return;
    }
    find_facts(e);
    const char *why = never_sent(e->operation, e->words);
    struct tree ours = {0};
    char *words = NULL;
    if (!why) {
        ours = request_bytes(e->minor, e->operation, w->write);
        words = tree_text(ours.p, ours.len);
    }
    if (why) {
        t->apart++;
        tap_note("%s: apart: %s", e->name, why);
    } else if (ours.len == e->request.len && !memcmp(ours.p, e->request.p, ours.len)) {
        t->same[w - writers][e->minor]++;
    } else {
        why = explain(e->operation, e->words, words);
        ck_assert_msg(why != NULL, "%s:\n%s\nis written:\n%s", e->name, e->words, words);
        t->explained[w - writers]++;
        tap_note("%s: the same but for: %s", e->name, why);
    }
    free(words);
    free(ours.p);
}

START_TEST(requests)
{
    struct tally t = {0};
    int apart = exchanges_each(one, &t);
    int same = 0;
    int explained = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        const int *n = t.same[i];
        tap_note("%s: the same bytes: %d of 1.0, %d of 1.1, %d of 1.2, %d of 1.3, %d of 1.4",
                 env_kmip_operation_name(writers[i].operation), n[0], n[1], n[2], n[3], n[4]);
        same += n[0] + n[1] + n[2] + n[3] + n[4];
        explained += t.explained[i];
        ck_assert_int_gt(n[0] + n[1] + n[2] + n[3] + n[4] + t.explained[i], 0);
    }
    tap_note("%d the same, %d with a named difference, %d apart", same, explained, t.apart + apart);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {requests, NULL};
    return captures_there() ? suite_of("recorded requests of KMIP", 120, all) : NULL;
}
