/* Target functions: env_kmip_response_begin, env_kmip_response_next, and the reader of one
 * operation, chosen by READER when this is built: env_kmip_take_discover … env_kmip_take_data, or a
 * batch.
 *
 * Input: a message, of which nothing is known. What is read must be what the header promises. */
#include "fuzz.h"
#include "kms/kmip/ops.h"
#include <stdlib.h>
#include <string.h>

static struct env_bytes all; /* the message */

static void within(struct env_bytes piece, bool wanted)
{
    const uint8_t *p = piece.p;
    const uint8_t *from = all.p;
    fuzz_must(wanted == (piece.len != 0), "there, or not");
    fuzz_must(!piece.len || (p >= from && p + piece.len <= from + all.len), "within the message");
}

static void text(const char *t)
{
    fuzz_must(*t && memchr(t, 0, ENV_KMIP_TEXT_MAX), "an identifier of 1 to 255 bytes");
}

static void discover(struct env_ttlv payload)
{
    struct env_kmip_versions v;
    bool ok = !env_kmip_take_discover(payload, &v, NULL);
    fuzz_must(ok ? v.count <= ENV_KMIP_VERSIONS_MAX : !v.count, "versions");
}

static void query(struct env_ttlv payload)
{
    struct env_kmip_abilities a;
    bool ok = !env_kmip_take_query(payload, &a, NULL);
    fuzz_must(ok || (!a.operations && !a.objects && !*a.vendor), "nothing of a failure");
}

static void locate(struct env_ttlv payload)
{
    struct env_kmip_located l;
    bool ok = !env_kmip_take_locate(payload, fuzz_ctx(), &l, NULL);
    fuzz_must(ok ? l.count <= ENV_KMIP_LOCATED_MAX : !l.count && !l.uid, "located");
    fuzz_must(l.total >= (int64_t)l.count, "never fewer than are named");
    for (size_t i = 0; i < l.count; i++) {
        text(l.uid[i]);
        fuzz_must(!i || strcmp(l.uid[0], l.uid[i]) != 0, "each once");
    }
    env_free(fuzz_ctx(), l.uid);
}

static void get(struct env_ttlv payload)
{
    struct env_kmip_key k;
    if (env_kmip_take_get(payload, &k, NULL)) {
        fuzz_must(!k.material.p && !k.modulus.p && !*k.uid, "nothing of a failure");
        return;
    }
    bool rsa = k.format == ENV_FORMAT_TRANSPARENT_RSA_PUBLIC;
    text(k.uid);
    within(k.material, !rsa);
    within(k.modulus, rsa);
    within(k.exponent, rsa);
    fuzz_must(k.object_type >= ENV_OBJECT_SYMMETRIC && k.object_type <= ENV_OBJECT_PRIVATE,
              "a key");
    fuzz_must(!rsa || *(const uint8_t *)k.modulus.p, "no zeros in front");
}

static void attributes(struct env_ttlv payload)
{
    struct env_kmip_attributes a;
    if (env_kmip_take_get_attributes(payload, &a, NULL)) {
        fuzz_must(!a.names && !a.groups && !*a.uid && !a.state, "nothing of a failure");
        return;
    }
    text(a.uid);
    fuzz_must(a.names <= ENV_KMIP_NAMES_MAX && a.groups <= ENV_KMIP_GROUPS_MAX, "as many as fit");
    for (size_t i = 0; i < a.names; i++) {
        text(a.name[i]);
    }
    for (size_t i = 0; i < a.groups; i++) {
        text(a.group[i]);
    }
}

static void pair(struct env_ttlv payload)
{
    struct env_kmip_pair p;
    if (env_kmip_take_create_pair(payload, &p, NULL)) {
        fuzz_must(!*p.private_key && !*p.public_key, "nothing of a failure");
        return;
    }
    text(p.private_key);
    text(p.public_key);
    fuzz_must(strcmp(p.private_key, p.public_key) != 0, "two keys");
}

static void create(struct env_ttlv payload)
{
    env_kmip_text uid;
    if (!env_kmip_take_create(payload, uid, NULL)) {
        text(uid);
    }
}

static void registered(struct env_ttlv payload)
{
    env_kmip_text uid;
    if (!env_kmip_take_register(payload, uid, NULL)) {
        text(uid);
    }
}

static void done(struct env_ttlv payload)
{
    fuzz_must(!env_kmip_take_done(payload, "41", NULL) + !env_kmip_take_done(payload, "42", NULL) <=
                  1,
              "about one object");
}

static void data(struct env_ttlv payload)
{
    struct env_bytes out;
    if (!env_kmip_take_data(payload, "41", &out, NULL)) {
        within(out, out.len != 0);
    } else {
        fuzz_must(!out.p && !out.len, "nothing of a failure");
    }
}

static const struct {
    uint32_t operation;
    uint32_t asked; /* items of the request */
    void (*read)(struct env_ttlv payload);
} readers[] = {
    {ENV_KMIP_DISCOVER_VERSIONS, 1, discover},
    {ENV_KMIP_QUERY, 1, query},
    {ENV_KMIP_LOCATE, 1, locate},
    {ENV_KMIP_GET, 1, get},
    {ENV_KMIP_GET_ATTRIBUTES, 1, attributes},
    {ENV_KMIP_CREATE_KEY_PAIR, 1, pair},
    {ENV_KMIP_CREATE, 1, create},
    {ENV_KMIP_REGISTER, 1, registered},
    {ENV_KMIP_ACTIVATE, 1, done},
    {ENV_KMIP_DECRYPT, 1, data},
    {ENV_KMIP_DECRYPT, 4, data},
};

static void read_all(struct env_kmip_response *response)
{
    const uint8_t *taken[4] = {NULL};
    for (uint32_t id = 0; id < readers[READER].asked; id++) {
        struct env_kmip_result r;
        envelope_error err = ENVELOPE_ERROR_INIT;
        if (env_kmip_response_next(response, readers[READER].operation, id, readers[READER].asked,
                                   &r, &err)) {
            fuzz_must(err.message[0] && r.status == ENV_RESULT_FAILED, "a failure says why");
            continue;
        }
        envelope_status st = env_kmip_succeeded(&r, "fuzz", &err);
        fuzz_must(!st == (r.status == ENV_RESULT_SUCCESS), "success is success");
        if (!st) {
            taken[id] = r.payload.p;
            fuzz_must(!id || !taken[0] || taken[0] != taken[id], "one answer to one question");
            readers[READER].read(r.payload);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct env_kmip_response response;
    uint8_t *copy = fuzz_copy(input, size);
    all = ENV_BYTES(copy, size);
    if (env_ttlv_whole(copy, size, NULL) && !env_kmip_response_begin(copy, size, &response, NULL)) {
        fuzz_must(response.items >= 1 && response.items <= ENV_KMIP_BATCH_MAX, "items");
        read_all(&response);
    }
    free(copy);
    return 0;
}
