/* What was recorded from servers, read by the library: version, status, reason and message as the
 * recording's own index says; of every success all fields as a second decoder of the tests sees
 * them; and every change of every response (freedom.h). */
#include "ask.h"
#include "check_main.h"
#include "exchange.h"
#include "failing.h"
#include "view.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- index.tsv */

static const struct {
    const char *name;
    uint32_t number;
} statuses[] = {{"SUCCESS", 0}, {"OPERATION_FAILED", 1}, {"OPERATION_PENDING", 2}};

static char *index_text;

static void read_index(void)
{
    char path[4096];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/index.tsv", getenv("KMIP_CAPTURES"));
    FILE *in = fopen(path, "r");
    ck_assert_msg(in != NULL, "%s", path);
    ck_assert_int_gt(getdelim(&index_text, &size, 0, in), 0);
    fclose(in);
}

/* Column n of the line of that name. */
static void column(const char *name, int n, char *out, size_t cap)
{
    char start[160];
    snprintf(start, sizeof start, "\n%s\t", name);
    const char *at = strstr(index_text, start);
    ck_assert_msg(at != NULL, "%s is not in the index", name);
    for (at++; n > 0; n--) {
        at += strcspn(at, "\t\n") + 1;
    }
    snprintf(out, cap, "%.*s", (int)strcspn(at, "\t\n"), at);
}

/* -- the same fields by the words of the response */

struct expect {
    char *words;
    FILE *out;
};

static void line(struct expect *e, const char *key, const char *start)
{
    char value[8192];
    words_value(e->words, start, value, sizeof value);
    fprintf(e->out, "%s=%s\n", key, value);
}

static void number(struct expect *e, const char *key, const char *start)
{
    char value[64];
    words_value(e->words, start, value, sizeof value);
    fprintf(e->out, "%s=%s\n", key, *value ? value : "0");
}

/* key for each time that start stands there. */
static void each(struct expect *e, const char *key, const char *start)
{
    for (const char *at = e->words; (at = strstr(at, start)); at += strlen(start)) {
        const char *value = at + strlen(start);
        fprintf(e->out, "%s=%.*s\n", key, (int)strcspn(value, "\n"), value);
    }
}

static void big(struct expect *e, const char *key, const char *start)
{
    char value[8192];
    words_value(e->words, start, value, sizeof value);
    const char *p = value;
    while (!strncmp(p, "00", 2)) {
        p += 2;
    }
    fprintf(e->out, "%s=%s\n", key, p);
}

static void versions(struct expect *e)
{
    const char *start = "    ProtocolVersionMajor i ";
    for (const char *at = e->words; (at = strstr(at, start)); at += strlen(start)) {
        char minor[16];
        words_value(at, "ProtocolVersionMinor i ", minor, sizeof minor);
        fprintf(e->out, "offers=%c.%s\n", at[strlen(start)], minor);
    }
}

static uint64_t bits(const char *words, const char *start)
{
    uint64_t all = 0;
    for (const char *at = words; (at = strstr(at, start)); at += strlen(start)) {
        unsigned long n = strtoul(at + strlen(start), NULL, 10);
        all |= n < 64 ? UINT64_C(1) << n : 0;
    }
    return all;
}

static void query(struct expect *e)
{
    fprintf(e->out, "operations=%llx\nobjects=%llx\n",
            (unsigned long long)bits(e->words, "\n   Operation e "),
            (unsigned long long)bits(e->words, "\n   ObjectType e "));
    line(e, "vendor", "VendorIdentification t ");
}

static void locate(struct expect *e)
{
    int n = 0;
    for (const char *at = e->words; (at = strstr(at, "\n   UniqueIdentifier t ")); at++) {
        n++;
    }
    char total[16];
    words_value(e->words, "LocatedItems i ", total, sizeof total);
    fprintf(e->out, "total=%d\n", *total ? (int)strtol(total, NULL, 10) : n);
    each(e, "uid", "\n   UniqueIdentifier t ");
}

static void get(struct expect *e)
{
    line(e, "uid", "\n   UniqueIdentifier t ");
    number(e, "type", "\n   ObjectType e ");
    number(e, "format", "\n     KeyFormatType e ");
    number(e, "algorithm", "\n     CryptographicAlgorithm e ");
    number(e, "bits", "\n     CryptographicLength i ");
    line(e, "material", "\n      KeyMaterial y ");
    big(e, "modulus", "Modulus n ");
    big(e, "exponent", "PublicExponent n ");
}

#define VALUE(name, type) "AttributeName t " name "\n    AttributeValue " type " "

static void link(struct expect *e, const char *key, const char *type)
{
    char start[64];
    snprintf(start, sizeof start, "LinkType e %s\n     LinkedObjectIdentifier t ", type);
    line(e, key, start);
}

static void attributes(struct expect *e)
{
    line(e, "uid", "\n   UniqueIdentifier t ");
    number(e, "type", VALUE("Object Type", "e"));
    number(e, "algorithm", VALUE("Cryptographic Algorithm", "e"));
    number(e, "bits", VALUE("Cryptographic Length", "i"));
    number(e, "usage", VALUE("Cryptographic Usage Mask", "i"));
    number(e, "state", VALUE("State", "e"));
    each(e, "name", "NameValue t ");
    char *plain = words_replace(e->words, "    AttributeIndex i 0\n", "");
    struct expect without = {plain, e->out};
    each(&without, "group", VALUE("Object Group", "t"));
    free(plain);
    link(e, "public", "258");
    link(e, "private", "259");
    link(e, "replacement", "262");
    link(e, "replaced", "263");
    each(e, "initial", VALUE("Initial Date", "d"));
    each(e, "activation", VALUE("Activation Date", "d"));
}

static void fields_of(struct expect *e, uint32_t operation)
{
    switch (operation) {
    case ENV_KMIP_DISCOVER_VERSIONS:
        versions(e);
        break;
    case ENV_KMIP_QUERY:
        query(e);
        break;
    case ENV_KMIP_LOCATE:
        locate(e);
        break;
    case ENV_KMIP_GET:
        get(e);
        break;
    case ENV_KMIP_GET_ATTRIBUTES:
        attributes(e);
        break;
    case ENV_KMIP_CREATE_KEY_PAIR:
    case ENV_KMIP_REKEY_KEY_PAIR:
        line(e, "private", "\n   PrivateKeyUniqueIdentifier t ");
        line(e, "public", "\n   PublicKeyUniqueIdentifier t ");
        break;
    case ENV_KMIP_CREATE:
    case ENV_KMIP_REGISTER:
        line(e, "uid", "\n   UniqueIdentifier t ");
        break;
    case ENV_KMIP_ENCRYPT:
    case ENV_KMIP_DECRYPT:
        line(e, "data", "\n   Data y ");
        break;
    default:
        break;
    }
}

/* The view that there must be, of index and words. */
static char *expected_of(const struct exchange *x)
{
    char *text = NULL;
    size_t size = 0;
    char value[256];
    struct expect e = {tree_text(x->response.p, x->response.len), open_memstream(&text, &size)};
    column(x->name, 2, value, sizeof value);
    fprintf(e.out, "version=%s\n", value);
    column(x->name, 4, value, sizeof value);
    uint32_t status = 99;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        status = strcmp(statuses[i].name, value) ? status : statuses[i].number;
    }
    fprintf(e.out, "status=%u\n", status);
    column(x->name, 5, value, sizeof value);
    uint32_t reason = 0;
    while (*value && strcmp(env_kmip_reason_name(reason), value) != 0 && reason < 999) {
        reason++;
    }
    fprintf(e.out, "reason=%u\n", reason);
    column(x->name, 6, value, sizeof value);
    fprintf(e.out, "message=%s\n", value);
    if (status == 0) {
        fields_of(&e, x->operation);
    }
    fclose(e.out);
    free(e.words);
    return text;
}

/* Those that are refused, and why. */
static const struct {
    const char *name;
    const char *view;
} refused[] = {
    {"1.4-get-aes256-wrapped-nistkeywrap", "E_UNSUPPORTED K-OP-09"},
    {"1.4-get-certificate", "E_UNSUPPORTED K-OP-07"},
    {"1.4-get-secret-data", "E_UNSUPPORTED K-OP-07"},
    {"1.4-get-opaque", "E_UNSUPPORTED K-OP-07"},
};

struct tally {
    envelope_ctx *ctx;
    int same[33][5]; /* by operation and minor version */
    int refused;
    int apart;
};

static const char *refusal_of(const char *name)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (!strcmp(refused[i].name, name)) {
            return refused[i].view;
        }
    }
    return NULL;
}

static bool used(uint32_t operation)
{
    return strcmp(env_kmip_operation_name(operation), "another operation") != 0;
}

static void one(void *user, const struct exchange *x)
{
    struct tally *t = user;
    char version[16];
    column(x->name, 2, version, sizeof version);
    if (!used(x->operation) || version[0] != '1') {
        t->apart++;
        return;
    }
    char *view = view_of(t->ctx, x->operation, x->uid, x->response.p, x->response.len);
    const char *refusal = refusal_of(x->name);
    char *expected = refusal ? strdup(refusal) : expected_of(x);
    ck_assert_msg(!strcmp(view, expected), "%s is read:\n%s\nand not:\n%s", x->name, view,
                  expected);
    t->refused += refusal != NULL;
    t->same[x->operation][version[2] - '0'] += !refusal;
    free(view);
    free(expected);
}

START_TEST(responses)
{
    struct tally t = {.ctx = test_ctx()};
    read_index();
    int apart = exchanges_each(one, &t);
    int same = 0;
    for (uint32_t op = 0; op < 33; op++) {
        const int *n = t.same[op];
        int all = n[0] + n[1] + n[2] + n[3] + n[4];
        if (used(op)) {
            tap_note("%s: as recorded: %d of 1.0, %d of 1.1, %d of 1.2, %d of 1.3, %d of 1.4",
                     env_kmip_operation_name(op), n[0], n[1], n[2], n[3], n[4]);
            ck_assert_int_gt(all, 0);
        }
        same += all;
    }
    tap_note("%d as recorded, %d refused, %d apart (batches, broken requests, 2.x, operations that "
             "are not used)",
             same, t.refused, t.apart + apart);
    ck_assert_int_gt(t.refused, 0);
    free(index_text);
    envelope_ctx_free(t.ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {responses, NULL};
    return captures_there() ? suite_of("recorded responses of KMIP", 120, all) : NULL;
}
