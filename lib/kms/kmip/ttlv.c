#include "kms/kmip/ttlv.h"
#include "base/error.h"
#include "base/text.h"
#include <inttypes.h>
#include <string.h>

/* No sum is made before both parts are known to be within left: a length of 4 GiB would wrap where
 * size_t has 32 bits. */
static size_t padding(uint32_t len)
{
    return (8 - len % 8) % 8;
}

/* -- approving */

/* The walk needs no recursion: a structure is left by reaching the end that was noted for it. */
struct walk {
    struct env_cursor c;
    size_t outside[ENV_TTLV_DEPTH]; /* bytes left behind each open structure, its parent's part */
    unsigned depth;
};

/* KMIP 1.4, table 268: the rest of the numbers is unused. */
static bool tag_known(uint32_t tag)
{
    return (tag > 0x420000 && tag <= 0x42ffff) || (tag >= 0x540000 && tag <= 0x54ffff);
}

static const char *wrong_length(uint8_t type, uint32_t len)
{
    switch (type) {
    case ENV_TTLV_INTEGER:
    case ENV_TTLV_ENUM:
    case ENV_TTLV_INTERVAL:
        return len == 4 ? NULL : "K-TTLV-04: an integer, enumeration or interval without 4 bytes";
    case ENV_TTLV_LONG:
    case ENV_TTLV_BOOLEAN:
    case ENV_TTLV_DATE:
        return len == 8 ? NULL : "K-TTLV-04: a long integer, boolean or date without 8 bytes";
    case ENV_TTLV_BIG:
        return len && len % 8 == 0 ? NULL
                                   : "K-TTLV-05: a big integer without 8 bytes or a multiple";
    case ENV_TTLV_STRUCTURE:
        return len % 8 == 0 ? NULL : "K-TTLV-05: a structure whose length is no multiple of 8";
    case ENV_TTLV_TEXT:
    case ENV_TTLV_BYTES:
        return NULL;
    default:
        return "K-TTLV-03: a type that is not 1 to 10";
    }
}

static const char *wrong_value(const struct env_ttlv_item *item)
{
    if (item->type == ENV_TTLV_BOOLEAN && (!env_all_zero(item->value, 7) || item->value[7] > 1)) {
        return "K-TTLV-08: a boolean that is neither 0 nor 1";
    }
    if (item->type == ENV_TTLV_TEXT && !env_utf8_valid(item->value, item->len)) {
        return "K-TTLV-09: text that is not UTF-8, or holds U+0000";
    }
    return NULL;
}

static void head(struct env_cursor *c, struct env_ttlv_item *out)
{
    uint32_t tag_and_type = env_get_u32(c);
    out->tag = tag_and_type >> 8;
    out->type = (uint8_t)tag_and_type;
    out->len = env_get_u32(c);
}

/* What is wrong with the head at the cursor, rules in the order of docs/kmip.md. */
static const char *take_head(struct env_cursor *c, struct env_ttlv_item *item)
{
    if (c->left < ENV_TTLV_HEAD) {
        return "K-TTLV-01: an item cut off in its first 8 bytes";
    }
    head(c, item);
    if (!tag_known(item->tag)) {
        return "K-TTLV-02: a tag outside 420001 to 42FFFF and 540000 to 54FFFF";
    }
    const char *why = wrong_length(item->type, item->len);
    if (!why && (item->len > c->left || padding(item->len) > c->left - item->len)) {
        why = "K-TTLV-06: an item longer than what it lies in";
    }
    return why;
}

static const char *enter(struct walk *w, uint32_t len)
{
    if (w->depth == ENV_TTLV_DEPTH) {
        return "K-TTLV-07: more than 16 structures within each other";
    }
    w->outside[w->depth++] = w->c.left - len;
    w->c.left = len;
    return NULL;
}

static const char *take_item(struct walk *w)
{
    struct env_ttlv_item item;
    const char *why = take_head(&w->c, &item);
    if (why) {
        return why;
    }
    if (item.type == ENV_TTLV_STRUCTURE) {
        return enter(w, item.len);
    }
    item.value = env_get_slice(&w->c, item.len);
    (void)env_get_slice(&w->c, padding(item.len)); /* whatever it holds */
    return wrong_value(&item);
}

static void leave_finished(struct walk *w)
{
    while (w->depth && !w->c.left) {
        w->c.left = w->outside[--w->depth];
    }
}

bool env_ttlv_whole(const void *bytes, size_t len, const char **why)
{
    struct walk w = {.c = env_cursor_over(bytes, len)};
    const char *wrong;
    do {
        wrong = take_item(&w);
        leave_finished(&w);
    } while (!wrong && w.depth);
    if (!wrong && w.c.left) {
        wrong = "K-TTLV-10: bytes behind the message";
    }
    if (why) {
        *why = wrong;
    }
    return !wrong;
}

/* -- going through what was approved; the cursor is checked all the same */

struct env_ttlv env_ttlv_over(const void *bytes, size_t len)
{
    return (struct env_ttlv){bytes, len};
}

bool env_ttlv_next(struct env_ttlv *c, struct env_ttlv_item *out)
{
    struct env_cursor at = env_cursor_over(c->p, c->left);
    head(&at, out);
    out->value = env_get_slice(&at, out->len);
    (void)env_get_slice(&at, padding(out->len));
    if (at.bad) {
        *out = (struct env_ttlv_item){0};
        return false;
    }
    *c = (struct env_ttlv){at.p, at.left};
    return true;
}

struct env_ttlv env_ttlv_inside(const struct env_ttlv_item *structure)
{
    bool is = structure->type == ENV_TTLV_STRUCTURE;
    return (struct env_ttlv){structure->value, is ? structure->len : 0};
}

bool env_ttlv_again(struct env_ttlv c, struct env_ttlv_item *item)
{
    size_t behind = (size_t)(item->value - c.p) + item->len + padding(item->len);
    struct env_ttlv rest = {c.p + behind, c.left - behind};
    struct env_ttlv_item next;
    while (env_ttlv_next(&rest, &next)) {
        if (next.tag == item->tag) {
            *item = next;
            return true;
        }
    }
    return false;
}

/* -- one structure */

static size_t field_of(uint32_t tag, const struct env_ttlv_field *fields, size_t n)
{
    size_t i = 0;
    while (i < n && fields[i].tag != tag) {
        i++;
    }
    return i;
}

static const char *misplaced(const struct env_ttlv_item *item, const struct env_ttlv_field *field,
                             size_t index, size_t reached, bool there)
{
    if (field->type && item->type != field->type) {
        return "has another type (K-FIELD-01)";
    }
    if (index < reached) {
        return "stands in the wrong place (K-FIELD-02)";
    }
    return there && !field->repeated ? "is there twice (K-FIELD-03)" : NULL;
}

/* The first field, in their order, for which the structure is refused; 0: none. */
static uint32_t take_fields(struct env_ttlv c, const struct env_ttlv_field *fields, size_t n,
                            struct env_ttlv_item *items, const char **why)
{
    struct env_ttlv_item item;
    size_t reached = 0;
    while (env_ttlv_next(&c, &item)) {
        size_t i = field_of(item.tag, fields, n);
        if (i == n) {
            continue; /* of a later version, or of that server alone */
        }
        *why = misplaced(&item, &fields[i], i, reached, items[i].tag != 0);
        if (*why) {
            return item.tag;
        }
        if (!items[i].tag) {
            items[i] = item;
        }
        reached = i;
    }
    *why = "is missing (K-FIELD-04)";
    for (size_t i = 0; i < n; i++) {
        if (fields[i].required && !items[i].tag) {
            return fields[i].tag;
        }
    }
    return 0;
}

envelope_status env_ttlv_fields(struct env_ttlv c, const struct env_ttlv_field *fields, size_t n,
                                struct env_ttlv_item *items, const char *what, envelope_error *err)
{
    const char *why;
    memset(items, 0, n * sizeof *items);
    uint32_t tag = take_fields(c, fields, n, items, &why);
    if (!tag) {
        return ENVELOPE_OK;
    }
    memset(items, 0, n * sizeof *items);
    return env_fail(err, ENVELOPE_E_FORMAT, "%s: the field with tag %06" PRIX32 " %s", what, tag,
                    why);
}

/* -- values: 0 of an item that is not there */

static struct env_cursor value(const struct env_ttlv_item *item)
{
    return env_cursor_over(item->value, item->len);
}

int32_t env_ttlv_int(const struct env_ttlv_item *item)
{
    return (int32_t)env_ttlv_enum(item);
}

int64_t env_ttlv_long(const struct env_ttlv_item *item)
{
    struct env_cursor c = value(item);
    return env_get_i64(&c);
}

uint32_t env_ttlv_enum(const struct env_ttlv_item *item)
{
    struct env_cursor c = value(item);
    return env_get_u32(&c);
}

bool env_ttlv_bool(const struct env_ttlv_item *item)
{
    struct env_cursor c = value(item);
    return env_get_u64(&c) == 1;
}

bool env_ttlv_text(const struct env_ttlv_item *item, char *out, size_t cap)
{
    out[0] = 0;
    if (item->len >= cap) {
        return false;
    }
    if (item->len) {
        memcpy(out, item->value, item->len);
    }
    out[item->len] = 0;
    return true;
}

bool env_ttlv_text_is(const struct env_ttlv_item *item, const char *text)
{
    return item->tag && item->len == strlen(text) &&
           (!item->len || !memcmp(item->value, text, item->len));
}
