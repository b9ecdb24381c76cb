/* Target functions: env_ttlv_whole, env_ttlv_next, env_ttlv_fields, env_ttlv_again, env_ttlv_text,
 * env_ttlv_put_item, env_kmip_trace */
#include "fuzz.h"
#include "kms/kmip/link.h"
#include <stdlib.h>
#include <string.h>

static const struct env_ttlv_field some[] = {
    {ENV_TAG_RESPONSE_HEADER, ENV_TTLV_STRUCTURE},
    {ENV_TAG_UNIQUE_IDENTIFIER, ENV_TTLV_TEXT, .repeated = true},
    {ENV_TAG_BATCH_ITEM, 0, .repeated = true},
    {ENV_TAG_DATA, ENV_TTLV_BYTES, .required = true},
};
enum { SOME = sizeof some / sizeof some[0] };

static void use(const struct env_ttlv_item *item, bool approved)
{
    char text[64];
    (void)env_ttlv_int(item);
    (void)env_ttlv_long(item);
    (void)env_ttlv_bool(item);
    fuzz_must(env_ttlv_text(item, text, sizeof text) == (item->len < sizeof text), "text fits");
    fuzz_must(!approved || item->type != ENV_TTLV_TEXT || item->len >= sizeof text ||
                  (strlen(text) == item->len && env_ttlv_text_is(item, text)),
              "text is itself");
}

static void take_fields(struct env_ttlv c)
{
    struct env_ttlv_item items[SOME];
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status st = env_ttlv_fields(c, some, SOME, items, "fuzz", &err);
    fuzz_must(!st || (st == ENVELOPE_E_FORMAT && err.message[0] && !items[0].tag), "refused");
    for (size_t i = 0; !st && i < SOME; i++) {
        fuzz_must(!items[i].tag || items[i].tag == some[i].tag, "fields have their tags");
        fuzz_must(items[i].tag || !some[i].required, "what is required is there");
        fuzz_must(!items[i].tag || !env_ttlv_again(c, &items[i]) || some[i].repeated, "once");
    }
}

/* Visits all; how many items. */
static size_t walk(struct env_ttlv c)
{
    size_t n = 0;
    struct env_ttlv_item item;
    take_fields(c);
    while (env_ttlv_next(&c, &item)) {
        use(&item, true);
        n += 1 + walk(env_ttlv_inside(&item));
    }
    fuzz_must(!c.left, "what is approved is used up");
    return n;
}

static void rewrite(const uint8_t *data, size_t size, uint8_t *again)
{
    struct env_ttlv c = env_ttlv_over(data, size);
    struct env_ttlv_item item;
    struct env_ttlv_out o = env_ttlv_out_over(again, size);
    fuzz_must(env_ttlv_next(&c, &item), "one item");
    env_ttlv_put_item(&o, &item);
    fuzz_must(env_ttlv_out_done(&o) == size, "written with the same length");
    fuzz_must(env_ttlv_whole(again, size, NULL), "and to be read");
}

static void look(void *user, int32_t outgoing, const void *ttlv, size_t len)
{
    (void)outgoing;
    fuzz_must(len == *(size_t *)user, "a trace is as long as the message");
    fuzz_must(env_ttlv_whole(ttlv, len, NULL), "and is one");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    const struct env_kmip_tracer tracer = {look, &size};
    uint8_t *exact = fuzz_copy(data, size);
    uint8_t *again = fuzz_copy(data, size);
    bool whole = env_ttlv_whole(exact, size, &why);
    fuzz_must(whole == !why, "a reason, or none");
    env_kmip_trace(fuzz_ctx(), &tracer, false, exact, size);
    if (whole) {
        size_t n = walk(env_ttlv_over(exact, size));
        rewrite(exact, size, again);
        memcpy(exact, again, size);
        fuzz_must(walk(env_ttlv_over(exact, size)) == n, "nothing is lost");
        rewrite(exact, size, again);
        fuzz_must(!memcmp(exact, again, size), "and written the same");
    } else {
        /* nobody goes through what is not approved, but the cursor must hold */
        struct env_ttlv c = env_ttlv_over(exact, size);
        struct env_ttlv_item item;
        while (env_ttlv_next(&c, &item)) {
            use(&item, false);
        }
    }
    free(again);
    free(exact);
    return 0;
}
