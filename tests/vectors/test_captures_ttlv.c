/* Every recorded message, taken apart into a tree that borrows nothing, and written from it again:
 * the same bytes. Those that were made wrong are refused, by the rule that they break. */
#include "captures.h"
#include "check_main.h"
#include "kms/kmip/ttlv.h"
#include <stdlib.h>
#include <string.h>

struct node {
    uint32_t tag;
    uint8_t type;
    int64_t number;
    uint8_t *bytes; /* text, byte string, big integer; a NUL behind */
    size_t len;
    struct node *child;
    struct node *next;
};

static int64_t number_of(const struct env_ttlv_item *item)
{
    switch (item->type) {
    case ENV_TTLV_INTEGER:
        return env_ttlv_int(item);
    case ENV_TTLV_ENUM:
    case ENV_TTLV_INTERVAL:
        return env_ttlv_enum(item);
    case ENV_TTLV_BOOLEAN:
        return env_ttlv_bool(item);
    case ENV_TTLV_LONG:
    case ENV_TTLV_DATE:
        return env_ttlv_long(item);
    default:
        return 0;
    }
}

static struct node *tree_of(struct env_ttlv c)
{
    struct node *first = NULL;
    struct node **at = &first;
    struct env_ttlv_item item;
    while (env_ttlv_next(&c, &item)) {
        struct node *n = calloc(1, sizeof *n);
        ck_assert_ptr_nonnull(n);
        *n = (struct node){item.tag, item.type, number_of(&item)};
        n->child = tree_of(env_ttlv_inside(&item));
        n->len = item.len;
        n->bytes = calloc(1, item.len + 1);
        ck_assert_ptr_nonnull(n->bytes);
        memcpy(n->bytes, item.value, item.len);
        *at = n;
        at = &n->next;
    }
    ck_assert_uint_eq(c.left, 0);
    return first;
}

static void tree_free(struct node *n)
{
    while (n) {
        struct node *next = n->next;
        tree_free(n->child);
        free(n->bytes);
        free(n);
        n = next;
    }
}

static void write_tree(struct env_ttlv_out *o, const struct node *first);
static void write_node(struct env_ttlv_out *o, const struct node *n)
{
    switch (n->type) {
    case ENV_TTLV_STRUCTURE:
        env_ttlv_open(o, n->tag);
        write_tree(o, n->child);
        env_ttlv_close(o);
        return;
    case ENV_TTLV_INTEGER:
        env_ttlv_put_int(o, n->tag, (int32_t)n->number);
        return;
    case ENV_TTLV_LONG:
        env_ttlv_put_long(o, n->tag, n->number);
        return;
    case ENV_TTLV_BIG:
        env_ttlv_put_big(o, n->tag, n->bytes, n->len);
        return;
    case ENV_TTLV_ENUM:
        env_ttlv_put_enum(o, n->tag, (uint32_t)n->number);
        return;
    case ENV_TTLV_BOOLEAN:
        env_ttlv_put_bool(o, n->tag, n->number != 0);
        return;
    case ENV_TTLV_TEXT:
        env_ttlv_put_text(o, n->tag, (const char *)n->bytes);
        return;
    case ENV_TTLV_BYTES:
        env_ttlv_put_bytes(o, n->tag, n->bytes, n->len);
        return;
    case ENV_TTLV_DATE:
        env_ttlv_put_date(o, n->tag, n->number);
        return;
    case ENV_TTLV_INTERVAL:
        env_ttlv_put_interval(o, n->tag, (uint32_t)n->number);
        return;
    default:
        ck_abort_msg("type %d", n->type);
    }
}

static void write_tree(struct env_ttlv_out *o, const struct node *first)
{
    for (const struct node *n = first; n; n = n->next) {
        write_node(o, n);
    }
}

struct tally {
    int same;
    int padding; /* written with zeros where others stood */
    int refused;
    int types[11];
};

static const struct {
    const char *file;
    const char *rule; /* "": read, but written otherwise */
} wrong[] = {
    {"1.4-malformed-bad-type-byte.req", "K-TTLV-03"},
    {"1.4-malformed-truncated-child.req", "K-TTLV-06"},
    {"1.4-malformed-nonzero-padding.req", ""},
};

static const char *expected_rule(const char *file)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (!strcmp(file, wrong[i].file)) {
            return wrong[i].rule;
        }
    }
    return NULL;
}

static void count_types(struct tally *t, const struct node *first)
{
    for (const struct node *n = first; n; n = n->next) {
        t->types[n->type]++;
        count_types(t, n->child);
    }
}

static void rewrite(struct tally *t, const struct capture *c, bool same)
{
    struct node *tree = tree_of(env_ttlv_over(c->bytes, c->len));
    uint8_t *again = malloc(c->len);
    ck_assert_ptr_nonnull(again);
    struct env_ttlv_out o = env_ttlv_out_over(again, c->len);
    write_tree(&o, tree);
    ck_assert_msg(env_ttlv_out_done(&o) == c->len, "%s: another length", c->file);
    ck_assert_msg(!memcmp(again, c->bytes, c->len) == same, "%s: %s", c->file,
                  same ? "other bytes" : "the same bytes");
    o = env_ttlv_out_over(again, c->len);
    struct env_ttlv whole = env_ttlv_over(c->bytes, c->len);
    struct env_ttlv_item item;
    ck_assert(env_ttlv_next(&whole, &item));
    env_ttlv_put_item(&o, &item);
    ck_assert_uint_eq(env_ttlv_out_done(&o), c->len);
    ck_assert(!memcmp(again, c->bytes, c->len) == same);
    count_types(t, tree);
    free(again);
    tree_free(tree);
}

static void one(void *user, const struct capture *c)
{
    struct tally *t = user;
    const char *rule = expected_rule(c->file);
    const char *why = NULL;
    bool whole = env_ttlv_whole(c->bytes, c->len, &why);
    if (rule && *rule) {
        ck_assert_msg(!whole && !strncmp(why, rule, strlen(rule)), "%s: %s", c->file,
                      whole ? "taken" : why);
        t->refused++;
        return;
    }
    ck_assert_msg(whole, "%s: %s", c->file, why);
    rewrite(t, c, !rule);
    t->same += !rule;
    t->padding += rule != NULL;
}

START_TEST(read_and_written)
{
    struct tally t = {0};
    size_t n = captures_each(one, &t);
    tap_note("%zu messages: %d the same, %d with other padding, %d refused as they should be", n,
             t.same, t.padding, t.refused);
    tap_note(
        "items: structure %d, integer %d, long %d, big %d, enumeration %d, boolean %d, text %d, "
        "bytes %d, date %d, interval %d",
        t.types[1], t.types[2], t.types[3], t.types[4], t.types[5], t.types[6], t.types[7],
        t.types[8], t.types[9], t.types[10]);
    ck_assert_uint_ge(n, 682);
    ck_assert_int_eq(t.padding, 1);
    ck_assert_int_eq(t.refused, 2);
    ck_assert_uint_eq((size_t)(t.same + t.padding + t.refused), n);
}
END_TEST

/* Cut at every byte, each is refused: the structure that is all around ends with the message. */
static void cut(void *user, const struct capture *c)
{
    if (expected_rule(c->file)) {
        return;
    }
    for (size_t len = 0; len < c->len; len++) {
        uint8_t *piece = malloc(len ? len : 1);
        ck_assert_ptr_nonnull(piece);
        memcpy(piece, c->bytes, len);
        ck_assert_msg(!env_ttlv_whole(piece, len, NULL), "%s: %zu bytes", c->file, len);
        free(piece);
        ++*(size_t *)user;
    }
}

START_TEST(cut_anywhere)
{
    size_t cuts = 0;
    (void)captures_each(cut, &cuts);
    tap_note("%zu cuts, all refused", cuts);
    ck_assert_uint_ge(cuts, 100000);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {read_and_written, cut_anywhere, NULL};
    return captures_there() ? suite_of("captures/ttlv", 120, tests) : NULL;
}
