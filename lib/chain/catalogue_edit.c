#include "base/error.h"
#include "chain/catalogue_parts.h"
#include "crypto/ctr.h"
#include <string.h>

static void *grown(envelope_ctx *ctx, void *old, size_t used, size_t *room, size_t need,
                   size_t item)
{
    size_t more = *room * 2 < need ? need : *room * 2;
    void *p = env_alloc_array(ctx, more, item);
    if (!p) {
        return NULL;
    }
    if (used) {
        memcpy(p, old, used * item);
    }
    env_free(ctx, old);
    *room = more;
    return p;
}

envelope_status env_catalogue_grow(struct env_catalogue *c, size_t strings, envelope_error *err)
{
    if (c->row_count + 1 > c->row_room) {
        void *p =
            grown(c->ctx, c->rows, c->row_count, &c->row_room, c->row_count + 1, sizeof *c->rows);
        if (!p) {
            return env_nomem(err);
        }
        c->rows = p;
    }
    if (c->strings_len + strings > c->strings_room) {
        void *p = grown(c->ctx, c->strings, c->strings_len, &c->strings_room,
                        c->strings_len + strings, 1);
        if (!p) {
            return env_nomem(err);
        }
        c->strings = p;
    }
    return ENVELOPE_OK;
}

static uint32_t add_string(struct env_catalogue *c, struct env_bytes text)
{
    if (!text.len) {
        return 0;
    }
    uint32_t at = (uint32_t)c->strings_len;
    memcpy(c->strings + c->strings_len, text.p, text.len);
    c->strings_len += text.len;
    return at;
}

envelope_status env_catalogue_append(struct env_catalogue *c, const struct env_row *row,
                                     const uint8_t *dek, struct env_bytes label,
                                     struct env_bytes attributes, envelope_error *err)
{
    if (c->row_count >= ENV_ROWS_LIMIT ||
        c->strings_len + label.len + attributes.len > UINT32_MAX) {
        return env_fail(err, ENVELOPE_E_LIMIT, "the catalogue is full: %zu points", c->row_count);
    }
    envelope_status st = env_catalogue_grow(c, label.len + attributes.len, err);
    if (st) {
        return st;
    }
    struct env_row *to = &c->rows[c->row_count];
    *to = *row;
    to->label_len = (uint16_t)label.len;
    to->attributes_len = (uint16_t)attributes.len;
    to->label_at = add_string(c, label);
    to->attributes_at = add_string(c, attributes);
    memset(to->dek, 0, sizeof to->dek);
    to->flags &= (uint16_t)~ENV_ROW_DEK_UNKNOWN;
    if (!dek) {
        to->flags |= ENV_ROW_DEK_UNKNOWN;
    } else {
        /* the key stream first, the DEK into it: it never lies here in plain */
        st = env_ctr_xor(c->ctx, c->key, c->row_count, to->dek, err);
        for (size_t i = 0; !st && i < 32; i++) {
            to->dek[i] ^= dek[i];
        }
    }
    if (st) {
        return st;
    }
    c->row_count++;
    return env_catalogue_index(c, err);
}

/* Rows move to another key: entry by entry through the arena. */
static envelope_status copy_rows(const struct env_catalogue *from, struct env_catalogue *to,
                                 envelope_error *err)
{
    uint8_t *block;
    envelope_status st = env_secret_new(from->ctx, 32, &block, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; !st && i < from->row_count; i++) {
        to->rows[i] = from->rows[i];
        if (from->rows[i].flags & ENV_ROW_DEK_UNKNOWN) {
            continue;
        }
        st = env_catalogue_dek(from, i, block, err);
        st = st ? st : env_ctr_xor(to->ctx, to->key, i, block, err);
        if (!st) { /* else the block is still in plain */
            memcpy(to->rows[i].dek, block, 32);
        }
    }
    env_secret_free(from->ctx, block, 32);
    return st;
}

static envelope_status copy_into(const struct env_catalogue *from, struct env_catalogue *to,
                                 envelope_error *err)
{
    uint8_t *secrets;
    envelope_status st = env_catalogue_secrets(from, &secrets, err);
    if (st) {
        return st;
    }
    st = env_catalogue_set_secrets(to, secrets, from->secrets_len, err);
    env_secret_free(from->ctx, secrets, from->secrets_len);
    st = st ? st : env_head_copy(to->ctx, &to->head, &from->head, err);
    if (st) {
        return st;
    }
    to->row_room = from->row_count + 1;
    to->strings_room = from->strings_len + 1;
    to->rows = env_alloc_array(to->ctx, to->row_room, sizeof *to->rows);
    to->strings = env_alloc(to->ctx, to->strings_room);
    if (!to->rows || !to->strings) {
        return env_nomem(err);
    }
    st = copy_rows(from, to, err);
    if (st) {
        return st;
    }
    to->row_count = from->row_count;
    if (from->strings_len) {
        memcpy(to->strings, from->strings, from->strings_len);
    }
    to->strings_len = from->strings_len;
    return env_catalogue_index(to, err);
}

envelope_status env_catalogue_copy(const struct env_catalogue *from, struct env_catalogue **out,
                                   envelope_error *err)
{
    struct env_catalogue *to = NULL;
    envelope_status st = env_catalogue_make(from->ctx, &to, err);
    st = st ? st : copy_into(from, to, err);
    if (st) {
        env_catalogue_release(to);
        return st;
    }
    *out = to;
    return ENVELOPE_OK;
}

static bool contains(const uint64_t *numbers, size_t count, uint64_t number)
{
    for (size_t lo = 0; lo < count;) {
        size_t mid = lo + (count - lo) / 2;
        if (numbers[mid] == number) {
            return true;
        }
        lo = numbers[mid] < number ? mid + 1 : lo;
        count = numbers[mid] < number ? count : mid;
    }
    return false;
}

static envelope_status add_tombstones(struct env_catalogue *c, const struct env_catalogue *from,
                                      const uint64_t *numbers, size_t count, envelope_error *err)
{
    struct env_head *head = &c->head;
    struct env_tombstone *all = env_alloc_array(c->ctx, head->tombstone_count + count, sizeof *all);
    if (!all) {
        return env_nomem(err);
    }
    if (head->tombstone_count) {
        memcpy(all, head->tombstones, head->tombstone_count * sizeof *all);
    }
    env_free(c->ctx, head->tombstones);
    head->tombstones = all;
    for (size_t i = 0; i < from->row_count; i++) {
        const struct env_row *row = &from->rows[i];
        if (contains(numbers, count, row->number)) {
            struct env_tombstone *t = &all[head->tombstone_count++];
            *t = (struct env_tombstone){.number = row->number, .time_ms = env_now_ms()};
            memcpy(t->object_id, row->object_id, sizeof t->object_id);
        }
    }
    return head->tombstone_count <= ENV_TOMBSTONES_LIMIT
               ? ENVELOPE_OK
               : env_fail(err, ENVELOPE_E_LIMIT, "a chain forgets at most %d points",
                          ENV_TOMBSTONES_LIMIT);
}

/* A row's DEK lies under the key stream of its index, so those behind a gap are put in anew. */
static envelope_status keep_row(struct env_catalogue *c, const struct env_catalogue *from, size_t i,
                                uint8_t *dek, envelope_error *err)
{
    bool known = !(from->rows[i].flags & ENV_ROW_DEK_UNKNOWN);
    envelope_status st = known ? env_catalogue_dek(from, i, dek, err) : ENVELOPE_OK;
    return st ? st
              : env_catalogue_append(c, &from->rows[i], known ? dek : NULL,
                                     env_catalogue_label(from, i),
                                     env_catalogue_attributes(from, i), err);
}

envelope_status env_catalogue_forget(struct env_catalogue *c, const struct env_catalogue *from,
                                     const uint64_t *numbers, size_t count, envelope_error *err)
{
    uint8_t *dek;
    envelope_status st = add_tombstones(c, from, numbers, count, err);
    st = st ? st : env_secret_new(c->ctx, 32, &dek, err);
    if (st) {
        return st;
    }
    c->row_count = 0;
    c->strings_len = 0;
    env_lookup_free(c->ctx, &c->by_object);
    env_lookup_free(c->ctx, &c->by_link);
    for (size_t i = 0; !st && i < from->row_count; i++) {
        if (!contains(numbers, count, from->rows[i].number)) {
            st = keep_row(c, from, i, dek, err);
        }
    }
    env_secret_free(c->ctx, dek, 32);
    return st ? st : env_catalogue_index(c, err);
}
