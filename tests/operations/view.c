#include "view.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hex(FILE *f, const char *key, struct env_bytes bytes)
{
    const uint8_t *p = bytes.p;
    fprintf(f, "%s=", key);
    for (size_t i = 0; i < bytes.len; i++) {
        fprintf(f, "%02x", p[i]);
    }
    fprintf(f, "\n");
}

static envelope_status discover(FILE *f, struct env_ttlv payload, envelope_error *err)
{
    struct env_kmip_versions v;
    envelope_status st = env_kmip_take_discover(payload, &v, err);
    for (size_t i = 0; i < v.count; i++) {
        fprintf(f, "offers=%" PRId32 ".%" PRId32 "\n", v.item[i].major, v.item[i].minor);
    }
    return st;
}

static envelope_status query(FILE *f, struct env_ttlv payload, envelope_error *err)
{
    struct env_kmip_abilities a;
    envelope_status st = env_kmip_take_query(payload, &a, err);
    fprintf(f, "operations=%" PRIx64 "\nobjects=%" PRIx64 "\nvendor=%s\n", a.operations, a.objects,
            a.vendor);
    return st;
}

static envelope_status locate(FILE *f, struct env_ttlv payload, envelope_ctx *ctx,
                              envelope_error *err)
{
    struct env_kmip_located l;
    envelope_status st = env_kmip_take_locate(payload, ctx, &l, err);
    fprintf(f, "total=%" PRId64 "\n", l.total);
    for (size_t i = 0; i < l.count; i++) {
        fprintf(f, "uid=%s\n", l.uid[i]);
    }
    env_free(ctx, l.uid);
    return st;
}

static envelope_status get(FILE *f, struct env_ttlv payload, envelope_error *err)
{
    struct env_kmip_key k;
    envelope_status st = env_kmip_take_get(payload, &k, err);
    fprintf(f, "uid=%s\ntype=%u\nformat=%u\nalgorithm=%u\nbits=%u\n", k.uid, k.object_type,
            k.format, k.algorithm, k.bits);
    hex(f, "material", k.material);
    hex(f, "modulus", k.modulus);
    hex(f, "exponent", k.exponent);
    return st;
}

static void dates(FILE *f, const struct env_kmip_attributes *a)
{
    if (a->has_initial_date) {
        fprintf(f, "initial=%" PRId64 "\n", a->initial_date);
    }
    if (a->has_activation_date) {
        fprintf(f, "activation=%" PRId64 "\n", a->activation_date);
    }
    if (a->has_generation) {
        fprintf(f, "generation=%" PRId64 "\n", a->generation);
    }
}

static envelope_status attributes(FILE *f, struct env_ttlv payload, envelope_error *err)
{
    struct env_kmip_attributes a;
    envelope_status st = env_kmip_take_get_attributes(payload, &a, err);
    fprintf(f, "uid=%s\ntype=%u\nalgorithm=%u\nbits=%u\nusage=%u\nstate=%u\n", a.uid, a.object_type,
            a.algorithm, a.bits, a.usage, a.state);
    for (size_t i = 0; i < a.names; i++) {
        fprintf(f, "name=%s\n", a.name[i]);
    }
    for (size_t i = 0; i < a.groups; i++) {
        fprintf(f, "group=%s\n", a.group[i]);
    }
    fprintf(f, "public=%s\nprivate=%s\nreplacement=%s\nreplaced=%s\n", a.public_key, a.private_key,
            a.replacement, a.replaced);
    dates(f, &a);
    return st;
}

static envelope_status pair(FILE *f, struct env_ttlv payload, uint32_t operation,
                            envelope_error *err)
{
    struct env_kmip_pair p;
    envelope_status st = operation == ENV_KMIP_CREATE_KEY_PAIR
                             ? env_kmip_take_create_pair(payload, &p, err)
                             : env_kmip_take_rekey_pair(payload, &p, err);
    fprintf(f, "private=%s\npublic=%s\n", p.private_key, p.public_key);
    return st;
}

static envelope_status made(FILE *f, struct env_ttlv payload, uint32_t operation,
                            envelope_error *err)
{
    env_kmip_text uid;
    envelope_status st = operation == ENV_KMIP_CREATE ? env_kmip_take_create(payload, uid, err)
                                                      : env_kmip_take_register(payload, uid, err);
    fprintf(f, "uid=%s\n", uid);
    return st;
}

static envelope_status data(FILE *f, struct env_ttlv payload, const char *uid, envelope_error *err)
{
    struct env_bytes out;
    envelope_status st = env_kmip_take_data(payload, uid, &out, err);
    hex(f, "data", out);
    return st;
}

static envelope_status take(FILE *f, envelope_ctx *ctx, uint32_t operation, const char *uid,
                            struct env_ttlv payload, envelope_error *err)
{
    switch (operation) {
    case ENV_KMIP_DISCOVER_VERSIONS:
        return discover(f, payload, err);
    case ENV_KMIP_QUERY:
        return query(f, payload, err);
    case ENV_KMIP_LOCATE:
        return locate(f, payload, ctx, err);
    case ENV_KMIP_GET:
        return get(f, payload, err);
    case ENV_KMIP_GET_ATTRIBUTES:
        return attributes(f, payload, err);
    case ENV_KMIP_CREATE_KEY_PAIR:
    case ENV_KMIP_REKEY_KEY_PAIR:
        return pair(f, payload, operation, err);
    case ENV_KMIP_CREATE:
    case ENV_KMIP_REGISTER:
        return made(f, payload, operation, err);
    case ENV_KMIP_ACTIVATE:
    case ENV_KMIP_REVOKE:
        return env_kmip_take_done(payload, uid, err);
    default:
        return data(f, payload, uid, err);
    }
}

struct question {
    uint32_t operation;
    const char *uid;
    uint32_t number;
    uint32_t asked;
};

static envelope_status read_all(FILE *f, envelope_ctx *ctx, const struct question *q,
                                struct env_bytes message, envelope_error *err)
{
    struct env_kmip_response r;
    struct env_kmip_result result;
    const char *why;
    if (!env_ttlv_whole(message.p, message.len, &why)) {
        return envelope_error_set(err, ENVELOPE_E_FORMAT, 0, why);
    }
    envelope_status st = env_kmip_response_begin(message.p, message.len, &r, err);
    st = st ? st : env_kmip_response_next(&r, q->operation, q->number, q->asked, &result, err);
    if (st) {
        return st;
    }
    fprintf(f, "version=%" PRId32 ".%" PRId32 "\nstatus=%u\nreason=%u\nmessage=%s\n",
            r.version.major, r.version.minor, result.status, result.reason, result.message);
    if (result.status != ENV_RESULT_SUCCESS) {
        return ENVELOPE_OK;
    }
    return take(f, ctx, q->operation, q->uid, result.payload, err);
}

/* "E_FORMAT K-OP-04" */
static char *refusal(char *text, envelope_status st, const envelope_error *err)
{
    char words[64];
    const char *rule = strstr(err->message, "K-");
    size_t n = rule ? strcspn(rule, ":)") : 0;
    snprintf(words, sizeof words, "%s %.*s", envelope_status_name(st), (int)n, rule ? rule : "");
    free(text);
    return strdup(words);
}

char *view_of_item(envelope_ctx *ctx, uint32_t operation, const char *uid, uint32_t number,
                   uint32_t asked, struct env_bytes message)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f) {
        abort();
    }
    envelope_error err = ENVELOPE_ERROR_INIT;
    const struct question q = {operation, uid, number, asked};
    envelope_status st = read_all(f, ctx, &q, message, &err);
    fclose(f);
    return st ? refusal(text, st, &err) : text;
}

char *view_of(envelope_ctx *ctx, uint32_t operation, const char *uid, const void *bytes, size_t len)
{
    return view_of_item(ctx, operation, uid, 0, 1, ENV_BYTES(bytes, len));
}
