/* What a catalogue lists, by number, object and LINK; and what it remembers of what it does not
 * list any more. */
#include "base/error.h"
#include "chain/catalogue_parts.h"
#include <stdlib.h>
#include <string.h>

enum { PREFIX = ENV_OBJECT_ID_BYTES }; /* of a LINK, as good: it is a hash */

struct sort_item {
    uint8_t id[PREFIX];
    uint32_t at;
};

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, PREFIX);
}

static const uint8_t *id_of_row(const struct env_catalogue *c, size_t i)
{
    return c->rows[i].object_id;
}

static const uint8_t *link_of_row(const struct env_catalogue *c, size_t i)
{
    return c->rows[i].link;
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
        memcpy(items[i].id, id(c, i), PREFIX);
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
    uint32_t *links = NULL;
    uint32_t *stones = NULL;
    envelope_status st = make_index(c, c->row_count, id_of_row, &rows, err);
    st = st ? st : make_index(c, c->row_count, link_of_row, &links, err);
    st = st ? st : make_index(c, c->head.tombstone_count, id_of_stone, &stones, err);
    if (st) {
        env_free(c->ctx, rows);
        env_free(c->ctx, links);
        return st;
    }
    env_free(c->ctx, c->by_object);
    env_free(c->ctx, c->by_link);
    env_free(c->ctx, c->by_stone);
    c->by_object = rows;
    c->by_link = links;
    c->indexed = c->row_count;
    c->by_stone = stones;
    c->stones = c->head.tombstone_count;
    return ENVELOPE_OK;
}

/* Those behind the sorted ones were appended since. */
static size_t find_id(const struct env_catalogue *c, const uint32_t *index, size_t sorted,
                      size_t count, id_of id, const uint8_t wanted[PREFIX])
{
    size_t low = 0;
    size_t high = sorted;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = memcmp(wanted, id(c, index[mid]), PREFIX);
        if (order == 0) {
            return index[mid];
        }
        low = order > 0 ? mid + 1 : low;
        high = order > 0 ? high : mid;
    }
    for (size_t i = sorted; i < count; i++) {
        if (!memcmp(wanted, id(c, i), PREFIX)) {
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

size_t env_catalogue_find_link(const struct env_catalogue *c, const uint8_t link[ENV_LINK_BYTES])
{
    size_t i = find_id(c, c->by_link, c->indexed, c->row_count, link_of_row, link);
    return i == SIZE_MAX || memcmp(c->rows[i].link, link, ENV_LINK_BYTES) != 0 ? SIZE_MAX : i;
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
