#include "base/error.h"
#include "chain/catalogue_parts.h"
#include "chain/generation.h"
#include "crypto/ctr.h"
#include "crypto/random.h"
#include "format/secrets.h"
#include <stdlib.h>
#include <string.h>

/* Key stream entries: rows from 0, the blocks of SECRETS far above any row. */
static const uint64_t secrets_entry = (uint64_t)1 << 40;

static size_t blocks(size_t len)
{
    return (len + 31) / 32;
}

envelope_status env_catalogue_make(envelope_ctx *ctx, struct env_catalogue **out,
                                   envelope_error *err)
{
    struct env_catalogue *c = env_alloc(ctx, sizeof *c);
    if (!c) {
        return env_nomem(err);
    }
    atomic_init(&c->refs, 1);
    c->ctx = env_ctx_retain(ctx);
    envelope_status st = env_secret_new(ctx, 32, &c->key, err);
    st = st ? st : env_random(c->key, 32, err);
    if (st) {
        env_catalogue_release(c);
        return st;
    }
    *out = c;
    return ENVELOPE_OK;
}

struct env_catalogue *env_catalogue_retain(struct env_catalogue *catalogue)
{
    if (catalogue) {
        atomic_fetch_add_explicit(&catalogue->refs, 1, memory_order_relaxed);
    }
    return catalogue;
}

void env_catalogue_release(struct env_catalogue *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    envelope_ctx *ctx = c->ctx;
    env_head_free(ctx, &c->head);
    env_secret_free(ctx, c->key, 32);
    env_free(ctx, c->secrets);
    env_free(ctx, c->rows);
    env_free(ctx, c->strings);
    env_free(ctx, c->by_object);
    env_free(ctx, c->by_stone);
    env_free(ctx, c->slots);
    envelope_dek_free(c->dek);
    env_free(ctx, c);
    env_ctx_release(ctx);
}

envelope_status env_catalogue_set_secrets(struct env_catalogue *c, const uint8_t *secrets,
                                          size_t len, envelope_error *err)
{
    size_t generations;
    envelope_status st = env_secrets_check(secrets, len, &generations, err);
    if (st) {
        return st;
    }
    uint8_t *block;
    uint8_t *sealed = env_alloc_array(c->ctx, blocks(len), 32);
    if (!sealed) {
        return env_nomem(err);
    }
    st = env_secret_new(c->ctx, 32, &block, err);
    for (size_t i = 0; !st && i < blocks(len); i++) {
        size_t part = len - 32 * i < 32 ? len - 32 * i : 32;
        memset(block, 0, 32);
        memcpy(block, secrets + 32 * i, part);
        st = env_ctr_xor(c->ctx, c->key, secrets_entry + i, block, err);
        if (!st) { /* else the block is still in plain */
            memcpy(sealed + 32 * i, block, 32);
        }
    }
    env_secret_free(c->ctx, block, 32);
    if (st) {
        env_free(c->ctx, sealed);
        return st;
    }
    env_free(c->ctx, c->secrets);
    c->secrets = sealed;
    c->secrets_len = len;
    c->generation = env_secrets_generation(secrets, generations - 1);
    return ENVELOPE_OK;
}

envelope_status env_catalogue_secrets(const struct env_catalogue *c, uint8_t **out,
                                      envelope_error *err)
{
    *out = NULL;
    uint8_t *plain;
    uint8_t *block;
    envelope_status st = env_secret_new(c->ctx, 32, &block, err);
    if (st) {
        return st;
    }
    st = env_secret_new(c->ctx, c->secrets_len, &plain, err);
    for (size_t i = 0; !st && i < blocks(c->secrets_len); i++) {
        size_t part = c->secrets_len - 32 * i < 32 ? c->secrets_len - 32 * i : 32;
        memcpy(block, c->secrets + 32 * i, 32);
        st = env_ctr_xor(c->ctx, c->key, secrets_entry + i, block, err);
        memcpy(plain + 32 * i, block, part);
    }
    env_secret_free(c->ctx, block, 32);
    if (st) {
        env_secret_free(c->ctx, plain, c->secrets_len);
        return st;
    }
    *out = plain;
    return ENVELOPE_OK;
}

envelope_status env_catalogue_generation_key(const struct env_catalogue *c, uint32_t g,
                                             const char *label,
                                             const uint8_t chain_id[ENV_CHAIN_ID_BYTES],
                                             uint8_t out[32], bool *found, envelope_error *err)
{
    *found = false;
    uint8_t *secrets;
    envelope_status st = env_catalogue_secrets(c, &secrets, err);
    if (st) {
        return st;
    }
    size_t count = (c->secrets_len - ENV_ROOT_BYTES) / ENV_SECRET_ENTRY_BYTES;
    for (size_t i = 0; !st && !*found && i < count; i++) {
        if (env_secrets_generation(secrets, i) == g) {
            *found = true;
            st = env_generation_key(c->ctx, env_secrets_gs(secrets, i), label, chain_id, g, out,
                                    err);
        }
    }
    env_secret_free(c->ctx, secrets, c->secrets_len);
    return st;
}

envelope_status env_catalogue_root(const struct env_catalogue *c, uint8_t out[32],
                                   envelope_error *err)
{
    uint8_t *secrets;
    envelope_status st = env_catalogue_secrets(c, &secrets, err);
    if (!st) {
        memcpy(out, secrets, ENV_ROOT_BYTES);
        env_secret_free(c->ctx, secrets, c->secrets_len);
    }
    return st;
}

envelope_status env_catalogue_prefix(const struct env_catalogue *a, const struct env_catalogue *b,
                                     bool *yes, envelope_error *err)
{
    *yes = false;
    if (a->secrets_len > b->secrets_len) {
        return ENVELOPE_OK;
    }
    uint8_t *x;
    uint8_t *y;
    envelope_status st = env_catalogue_secrets(a, &x, err);
    if (st) {
        return st;
    }
    st = env_catalogue_secrets(b, &y, err);
    if (!st) {
        *yes = env_equal_secret(x, y, a->secrets_len);
        env_secret_free(b->ctx, y, b->secrets_len);
    }
    env_secret_free(a->ctx, x, a->secrets_len);
    return st;
}

envelope_status env_catalogue_draw(struct env_catalogue *c, uint32_t g, envelope_error *err)
{
    if (g >= ENV_GENERATION_LIMIT ||
        c->secrets_len >= ENV_ROOT_BYTES + ENV_GENERATIONS_LIMIT * ENV_SECRET_ENTRY_BYTES) {
        return env_fail(err, ENVELOPE_E_LIMIT, "the chain has had all the generations it can have");
    }
    uint8_t *old;
    uint8_t *grown;
    size_t len = c->secrets_len + ENV_SECRET_ENTRY_BYTES;
    envelope_status st = env_catalogue_secrets(c, &old, err);
    if (st) {
        return st;
    }
    st = env_secret_new(c->ctx, len, &grown, err);
    if (!st) {
        struct env_out o = env_out_over(grown, len);
        env_put_bytes(&o, old, c->secrets_len);
        env_put_u32(&o, g);
        st = env_random(grown + o.len, 32, err);
        st = st ? st : env_catalogue_set_secrets(c, grown, len, err);
        env_secret_free(c->ctx, grown, len);
    }
    env_secret_free(c->ctx, old, len - ENV_SECRET_ENTRY_BYTES);
    return st;
}

envelope_status env_catalogue_begin(envelope_ctx *ctx, struct env_catalogue **out,
                                    envelope_error *err)
{
    struct env_catalogue *c;
    envelope_status st = env_catalogue_make(ctx, &c, err);
    if (st) {
        return st;
    }
    uint8_t *secrets;
    const size_t len = ENV_ROOT_BYTES + ENV_SECRET_ENTRY_BYTES;
    st = env_secret_new(ctx, len, &secrets, err);
    if (!st) {
        st = env_random(secrets, len, err);
        struct env_out o = env_out_over(secrets + ENV_ROOT_BYTES, 4);
        env_put_u32(&o, 1);
        st = st ? st : env_catalogue_set_secrets(c, secrets, len, err);
        env_secret_free(ctx, secrets, len);
    }
    if (st) {
        env_catalogue_release(c);
        return st;
    }
    *out = c;
    return ENVELOPE_OK;
}

envelope_status env_catalogue_dek(const struct env_catalogue *c, size_t row, uint8_t out[32],
                                  envelope_error *err)
{
    if (c->rows[row].flags & ENV_ROW_DEK_UNKNOWN) {
        return env_fail(err, ENVELOPE_E_NO_KEY, "the catalogue does not know this point's key");
    }
    memcpy(out, c->rows[row].dek, 32);
    return env_ctr_xor(c->ctx, c->key, row, out, err);
}

struct sort_item {
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    uint32_t at;
};

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, ENV_OBJECT_ID_BYTES);
}

static const uint8_t *id_of_row(const struct env_catalogue *c, size_t i)
{
    return c->rows[i].object_id;
}

static const uint8_t *id_of_stone(const struct env_catalogue *c, size_t i)
{
    return c->head.tombstones[i].object_id;
}

typedef const uint8_t *(*id_of)(const struct env_catalogue *c, size_t i);

static envelope_status make_index(const struct env_catalogue *c, size_t count, id_of id,
                                  uint32_t **out, envelope_error *err)
{
    struct sort_item *items = env_alloc_array(c->ctx, count, sizeof *items);
    uint32_t *index = env_alloc_array(c->ctx, count, sizeof *index);
    if (!items || !index) {
        env_free(c->ctx, items);
        env_free(c->ctx, index);
        return env_nomem(err);
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(items[i].object_id, id(c, i), ENV_OBJECT_ID_BYTES);
        items[i].at = (uint32_t)i;
    }
    qsort(items, count, sizeof *items, by_id);
    for (size_t i = 0; i < count; i++) {
        index[i] = items[i].at;
    }
    env_free(c->ctx, items);
    *out = index;
    return ENVELOPE_OK;
}

envelope_status env_catalogue_index(struct env_catalogue *c, envelope_error *err)
{
    uint32_t *rows = NULL;
    uint32_t *stones = NULL;
    envelope_status st = make_index(c, c->row_count, id_of_row, &rows, err);
    st = st ? st : make_index(c, c->head.tombstone_count, id_of_stone, &stones, err);
    if (st) {
        env_free(c->ctx, rows);
        return st;
    }
    env_free(c->ctx, c->by_object);
    env_free(c->ctx, c->by_stone);
    c->by_object = rows;
    c->indexed = c->row_count;
    c->by_stone = stones;
    c->stones = c->head.tombstone_count;
    return ENVELOPE_OK;
}

/* Those behind the sorted ones were appended since. */
static size_t find_id(const struct env_catalogue *c, const uint32_t *index, size_t sorted,
                      size_t count, id_of id, const uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    size_t low = 0;
    size_t high = sorted;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = memcmp(object_id, id(c, index[mid]), ENV_OBJECT_ID_BYTES);
        if (order == 0) {
            return index[mid];
        }
        low = order > 0 ? mid + 1 : low;
        high = order > 0 ? high : mid;
    }
    for (size_t i = sorted; i < count; i++) {
        if (!memcmp(object_id, id(c, i), ENV_OBJECT_ID_BYTES)) {
            return i;
        }
    }
    return SIZE_MAX;
}

size_t env_catalogue_find_object(const struct env_catalogue *c,
                                 const uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    return find_id(c, c->by_object, c->indexed, c->row_count, id_of_row, object_id);
}

size_t env_catalogue_find_number(const struct env_catalogue *c, uint64_t number)
{
    size_t low = 0;
    size_t high = c->row_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->rows[mid].number == number) {
            return mid;
        }
        if (c->rows[mid].number > number) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return SIZE_MAX;
}

const struct env_tombstone *env_catalogue_tombstone(const struct env_catalogue *c,
                                                    const uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    size_t i = find_id(c, c->by_stone, c->stones, c->head.tombstone_count, id_of_stone, object_id);
    return i == SIZE_MAX ? NULL : &c->head.tombstones[i];
}

bool env_catalogue_tombstoned(const struct env_catalogue *c,
                              const uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    return env_catalogue_tombstone(c, object_id) != NULL;
}

uint64_t env_catalogue_next_number(const struct env_catalogue *c)
{
    uint64_t highest = c->row_count ? c->rows[c->row_count - 1].number : 0;
    for (size_t i = 0; i < c->head.tombstone_count; i++) {
        if (c->head.tombstones[i].number > highest) {
            highest = c->head.tombstones[i].number;
        }
    }
    return highest + 1;
}

bool env_catalogue_descends(const struct env_catalogue *c, uint64_t number,
                            const uint8_t link[ENV_LINK_BYTES])
{
    if (c->id.number == number && !memcmp(c->link, link, ENV_LINK_BYTES)) {
        return true;
    }
    for (size_t i = 0; i < c->head.past_count; i++) {
        const struct env_past *p = &c->head.past[i];
        if (p->number == number && !memcmp(p->link, link, ENV_LINK_BYTES)) {
            return true;
        }
    }
    return false;
}

struct env_bytes env_catalogue_label(const struct env_catalogue *c, size_t row)
{
    const struct env_row *r = &c->rows[row];
    return ENV_BYTES(c->strings + r->label_at, r->label_len);
}

struct env_bytes env_catalogue_attributes(const struct env_catalogue *c, size_t row)
{
    const struct env_row *r = &c->rows[row];
    return ENV_BYTES(c->strings + r->attributes_at, r->attributes_len);
}
