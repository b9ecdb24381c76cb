#include "mutate.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

const char *const mutate_name[MUTATE_KINDS] = {"flipped bits", "truncations", "fields cut",
                                               "lengthened",   "doubled",     "retyped",
                                               "reordered",    "lengths"};

struct campaign {
    const struct tree *message;
    struct part part[PARTS_MAX];
    int parts;
    mutated_fn fn;
    void *user;
};

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

static size_t padded(size_t len)
{
    return (len + 7) / 8 * 8;
}

static int collect(const struct tree *m, size_t at, int parent, struct part *out, int n)
{
    ck_assert_int_lt(n, PARTS_MAX);
    const uint32_t head = u32_at(m->p + at);
    const size_t len = u32_at(m->p + at + 4);
    const int self = n;
    out[n++] = (struct part){at, len, 8 + padded(len), head >> 8, (uint8_t)head, parent};
    for (size_t in = 0; (head & 0xff) == 1 && in < len; in += out[n - 1].size) {
        /* the last one collected may be a grandchild: step by what was at `in` */
        int child = n;
        n = collect(m, at + 8 + in, self, out, n);
        if (n - 1 != child) {
            in += out[child].size - out[n - 1].size;
        }
    }
    return n;
}

int parts_of(const struct tree *message, struct part out[PARTS_MAX])
{
    return collect(message, 0, -1, out, 0);
}

static void give(struct campaign *c, struct mutation m)
{
    c->fn(c->user, &m);
    free(m.bytes.p);
}

static struct tree copy_of(const struct tree *t)
{
    struct tree copy = {malloc(t->len), t->len};
    ck_assert_ptr_nonnull(copy.p);
    memcpy(copy.p, t->p, t->len);
    return copy;
}

/* `cut` bytes at `at` become `add`; the lengths of all that is around, from `around` up, are
 * mended. */
static struct tree splice(const struct campaign *c, int around, size_t at, size_t cut,
                          const uint8_t *add, size_t added)
{
    const struct tree *t = c->message;
    struct tree out = {malloc(t->len - cut + added + 1), t->len - cut + added};
    ck_assert_ptr_nonnull(out.p);
    memcpy(out.p, t->p, at);
    memcpy(out.p + at, add, added);
    memcpy(out.p + at + added, t->p + at + cut, t->len - at - cut);
    for (int i = around; i >= 0; i = c->part[i].parent) {
        put_u32(out.p + c->part[i].at + 4, (uint32_t)(c->part[i].len - cut + added));
    }
    out.p = realloc(out.p, out.len ? out.len : 1); /* a byte read too far is seen */
    ck_assert_ptr_nonnull(out.p);
    return out;
}

static int innermost(const struct campaign *c, size_t byte, bool *in_value)
{
    int found = 0;
    for (int i = 0; i < c->parts; i++) {
        if (byte >= c->part[i].at && byte < c->part[i].at + c->part[i].size) {
            found = i;
        }
    }
    const struct part *p = &c->part[found];
    *in_value = byte >= p->at + 8 && byte < p->at + 8 + p->len;
    return found;
}

static void flips(struct campaign *c, size_t every)
{
    for (size_t bit = 0; bit < 8 * c->message->len; bit += every) {
        struct mutation m = {.kind = MUTATE_FLIP, .detail = bit, .bytes = copy_of(c->message)};
        m.bytes.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        m.part = innermost(c, bit / 8, &m.in_value);
        give(c, m);
    }
}

static void cut_off(struct campaign *c)
{
    for (size_t n = 0; n < c->message->len; n++) {
        struct tree t = {malloc(n ? n : 1), n};
        ck_assert_ptr_nonnull(t.p);
        memcpy(t.p, c->message->p, n);
        give(c, (struct mutation){MUTATE_CUT_OFF, -1, false, n, t});
    }
}

static void longer(struct campaign *c, int i)
{
    static const size_t by[] = {1, 4, 8, 300, 70000};
    const struct part *p = &c->part[i];
    for (size_t k = 0; k < sizeof by / sizeof by[0]; k++) {
        const size_t len = p->len + by[k];
        uint8_t *item = calloc(1, 8 + padded(len));
        ck_assert_ptr_nonnull(item);
        memcpy(item, c->message->p + p->at, 8 + p->len);
        memset(item + 8 + p->len, 'A', by[k]);
        put_u32(item + 4, (uint32_t)len);
        struct tree t = splice(c, p->parent, p->at, p->size, item, 8 + padded(len));
        free(item);
        give(c, (struct mutation){MUTATE_LONGER, i, true, by[k], t});
    }
}

static void retype(struct campaign *c, int i)
{
    static const uint8_t wanted[11] = {0, 0, 4, 8, 8, 4, 8, 4, 4, 8, 4};
    const struct part *p = &c->part[i];
    for (int type = 0; type <= 11; type++) {
        struct tree t = copy_of(c->message);
        uint8_t item[16] = {0};
        if (type == p->type) {
            free(t.p);
            continue;
        }
        t.p[p->at + 3] = (uint8_t)type;
        give(c, (struct mutation){MUTATE_RETYPE, i, false, (size_t)type, t});
        if (type >= 1 && type <= 10) {
            memcpy(item, c->message->p + p->at, 3);
            item[3] = (uint8_t)type;
            item[7] = wanted[type];
            item[type == 5 || type == 2 ? 11 : 15] = wanted[type] ? 1 : 0;
            t = splice(c, p->parent, p->at, p->size, item, 8 + padded(wanted[type]));
            give(c, (struct mutation){MUTATE_RETYPE, i, true, (size_t)type, t});
        }
    }
}

static void reorder(struct campaign *c, int i)
{
    const struct part *p = &c->part[i];
    for (int k = i + 1; k < c->parts; k++) {
        if (c->part[k].parent == p->parent && c->part[k].at == p->at + p->size) {
            struct tree t = copy_of(c->message);
            memcpy(t.p + p->at, c->message->p + c->part[k].at, c->part[k].size);
            memcpy(t.p + p->at + c->part[k].size, c->message->p + p->at, p->size);
            give(c, (struct mutation){MUTATE_REORDER, i, true, (size_t)k, t});
        }
    }
}

static void lengths(struct campaign *c, int i)
{
    const struct part *p = &c->part[i];
    const uint32_t all[] = {0xffffffff,           0xfffffffe,
                            0xfffffff8,           0xfffffff0,
                            0x80000000,           0x7fffffff,
                            0x7ffffff8,           0x10000000,
                            0x00100000,           (uint32_t)p->len + 8,
                            (uint32_t)p->len + 1, (uint32_t)p->len - 1,
                            (uint32_t)p->len - 8, 0};
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
        if (all[k] != p->len) {
            struct tree t = copy_of(c->message);
            put_u32(t.p + p->at + 4, all[k]);
            give(c, (struct mutation){MUTATE_LENGTH, i, false, all[k], t});
        }
    }
}

static void fields(struct campaign *c, int i)
{
    const struct part *p = &c->part[i];
    const uint8_t *bytes = c->message->p + p->at;
    if (i > 0) {
        struct tree t = splice(c, p->parent, p->at, p->size, bytes, 0);
        give(c, (struct mutation){MUTATE_CUT, i, true, 0, t});
        t = splice(c, p->parent, p->at, 0, bytes, p->size);
        give(c, (struct mutation){MUTATE_TWICE, i, true, 0, t});
    }
    longer(c, i);
    retype(c, i);
    reorder(c, i);
    lengths(c, i);
}

void mutate_all(const struct tree *message, size_t flips_every, mutated_fn fn, void *user)
{
    struct campaign c = {.message = message, .fn = fn, .user = user};
    c.parts = parts_of(message, c.part);
    flips(&c, flips_every);
    cut_off(&c);
    for (int i = 0; i < c.parts; i++) {
        fields(&c, i);
    }
}
