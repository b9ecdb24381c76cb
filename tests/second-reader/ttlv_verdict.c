/* What the library says of TTLV, for the second reader to compare: a line in, a line out.
 *
 *     M HEX              a message: its items, or the rule that it breaks
 *     S HEX              a message whose structure holds 42000A (integer, required), 42000B
 * (repeated), 42000C (enumeration): which of them are there, or the rule R MOST SECRET HEX  a
 * stream of answers, dribbled: how many, and what is left, or the rule
 */
#include "kms/kmip/link.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void rule(const char *text)
{
    const char *at = text ? strstr(text, "K-") : NULL;
    printf("%.*s\n", at ? (int)strcspn(at, ":)") : 4, at ? at : "none");
}

static void hex(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        printf("%02x", p[i]);
    }
}

static void leaf(const struct env_ttlv_item *item)
{
    switch (item->type) {
    case ENV_TTLV_INTEGER:
        printf("%" PRId32, env_ttlv_int(item));
        return;
    case ENV_TTLV_LONG:
    case ENV_TTLV_DATE:
        printf("%" PRId64, env_ttlv_long(item));
        return;
    case ENV_TTLV_ENUM:
    case ENV_TTLV_INTERVAL:
        printf("%" PRIu32, env_ttlv_enum(item));
        return;
    case ENV_TTLV_BOOLEAN:
        printf("%d", env_ttlv_bool(item));
        return;
    default:
        hex(item->value, item->len);
        return;
    }
}

static void items(struct env_ttlv c)
{
    struct env_ttlv_item item;
    while (env_ttlv_next(&c, &item)) {
        printf(" %06" PRIx32 ":%d:", item.tag, item.type);
        if (item.type == ENV_TTLV_STRUCTURE) {
            printf("(");
            items(env_ttlv_inside(&item));
            printf(" )");
        } else {
            leaf(&item);
        }
    }
}

static void message(const uint8_t *bytes, size_t len)
{
    const char *why;
    if (!env_ttlv_whole(bytes, len, &why)) {
        rule(why);
        return;
    }
    printf("OK");
    items(env_ttlv_over(bytes, len));
    printf("\n");
}

static void structure(const uint8_t *bytes, size_t len)
{
    static const struct env_ttlv_field three[] = {{0x42000a, ENV_TTLV_INTEGER, .required = true},
                                                  {0x42000b, 0, .repeated = true},
                                                  {0x42000c, ENV_TTLV_ENUM}};
    const char *why;
    struct env_ttlv_item found[3];
    struct env_ttlv_item outer;
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_ttlv c = env_ttlv_over(bytes, len);
    if (!env_ttlv_whole(bytes, len, &why)) {
        rule(why);
        return;
    }
    (void)env_ttlv_next(&c, &outer);
    c = env_ttlv_inside(&outer);
    if (env_ttlv_fields(c, three, 3, found, "sample", &err)) {
        rule(err.message);
        return;
    }
    printf("OK");
    for (int i = 0; i < 3; i++) {
        while (found[i].tag) {
            printf(" %06" PRIx32, found[i].tag);
            if (!env_ttlv_again(c, &found[i])) {
                break;
            }
        }
    }
    printf("\n");
}

static void stream(envelope_ctx *ctx, uint32_t most, bool secret, const uint8_t *bytes, size_t len)
{
    struct env_kmip_frame frame;
    struct env_kmip_reply reply;
    envelope_error err = ENVELOPE_ERROR_INIT;
    unsigned count = 0;
    env_kmip_frame_begin(&frame, secret, most);
    for (size_t at = 0; at < len; at++) {
        size_t used;
        bool done;
        if (env_kmip_frame_feed(ctx, &frame, bytes + at, 1, &used, &done, &reply, &err)) {
            rule(err.message);
            return;
        }
        count += done;
        env_kmip_reply_free(ctx, &reply);
    }
    printf("OK %u %zu\n", count, frame.have);
    env_kmip_frame_end(ctx, &frame);
}

static size_t unhex(const char *digits, uint8_t *out)
{
    size_t len = 0;
    unsigned b;
    for (; sscanf(digits, "%2x", &b) == 1; digits += 2) {
        out[len++] = (uint8_t)b;
    }
    return len;
}

static void answer(envelope_ctx *ctx, const char *line)
{
    uint32_t most = 0;
    int secret = 0;
    int skip = 2;
    if (*line == 'R') {
        sscanf(line, "R %" SCNu32 " %d %n", &most, &secret, &skip);
    }
    uint8_t *bytes = malloc(strlen(line));
    if (!bytes) {
        exit(1);
    }
    size_t len = unhex(line + skip, bytes);
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact) {
        exit(1);
    }
    memcpy(exact, bytes, len);
    free(bytes);
    if (*line == 'M') {
        message(exact, len);
    } else if (*line == 'S') {
        structure(exact, len);
    } else {
        stream(ctx, most, secret, exact, len);
    }
    free(exact);
}

int main(void)
{
    envelope_ctx *ctx;
    char *line = NULL;
    size_t cap = 0;
    if (envelope_ctx_new(NULL, &ctx, NULL)) {
        return 1;
    }
    while (getline(&line, &cap, stdin) > 0) {
        answer(ctx, line);
    }
    free(line);
    envelope_ctx_free(ctx);
    return 0;
}
